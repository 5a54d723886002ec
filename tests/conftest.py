"""What every test runs under: the named groups, and how hard Hypothesis tries."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

from tests.groups import GROUPS, path_of, required_groups

# No deadline and no complaint of slowness: a test measures no time, on however busy a machine.
settings.register_profile(
    "ordinary",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", parent=settings.get_profile("ordinary"), max_examples=5_000)
settings.load_profile(os.environ.get("LEDGER_HYPOTHESIS_PROFILE", "ordinary"))

SKIPPED = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Make each group a marker."""
    config.stash[SKIPPED] = Counter()
    for group in GROUPS.values():
        config.addinivalue_line("markers", f"{group.name}: needs {group.advice}")
    try:
        required_groups()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, and count, a test whose tool is absent; fail it where its group is required."""
    for name in GROUPS.keys() & {marker.name for marker in item.iter_markers()}:
        if path_of(name) is None:
            _refuse(item, name)


def _refuse(item: pytest.Item, name: str) -> None:
    reason = f"{name} needs {GROUPS[name].advice}"
    if name in required_groups():
        pytest.fail(reason, pytrace=False)
    item.config.stash[SKIPPED][name] += 1
    pytest.skip(reason)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many tests of each group did not run, and what would let them."""
    for name, count in sorted(config.stash[SKIPPED].items()):
        terminalreporter.write_line(f"group {name}: {count} skipped; needs {GROUPS[name].advice}")
