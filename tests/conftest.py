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

WORKERS_MAX = 4
"""Each has a PostgreSQL of its own; a container is often told of more cores than it may use."""


def pytest_configure(config: pytest.Config) -> None:
    """Make each group a marker."""
    for group in GROUPS.values():
        config.addinivalue_line("markers", f"{group.name}: needs {group.advice}")
    try:
        required_groups()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for each other's processes: even one core has something to do for two."""
    return max(2, min(os.cpu_count() or 1, WORKERS_MAX))


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
    item.user_properties.append(("absent", name))
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests of each group did not run, and what would let them."""
    absent = Counter(
        name
        for report in terminalreporter.getreports("skipped")
        for key, name in report.user_properties
        if key == "absent"
    )
    for name, count in sorted(absent.items()):
        terminalreporter.write_line(f"group {name}: {count} skipped; needs {GROUPS[name].advice}")
