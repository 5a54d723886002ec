"""A test group whose tool is absent is skipped and counted, or fails where it is required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IN_A_GROUP = """
import pytest

@pytest.mark.{group}
def test_that_needs_a_tool():
    pass

def test_that_needs_none():
    pass
"""
FAKE_MACHINE = """
from pathlib import Path
import tests.groups

tests.groups.path_of = lambda name: {tool}
"""


def run_pytest(
    place: Path, *, group: str, require: str, tool: str = "None"
) -> subprocess.CompletedProcess[str]:
    """A small project under this project's conftest, on a machine with that tool or with none."""
    (place / "conftest.py").write_text("from tests.conftest import *")
    (place / "machine.py").write_text(FAKE_MACHINE.format(tool=tool))
    (place / "test_it.py").write_text(IN_A_GROUP.format(group=group))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--strict-markers", "-p", "machine", "."],
        cwd=place,
        env=os.environ
        | {"PYTHONPATH": f"{ROOT}{os.pathsep}{place}", "LEDGER_REQUIRE_GROUPS": require},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_group_whose_tool_is_absent_is_skipped_with_a_count(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, group="browser", require="libfaketime")

    assert run.returncode == 0, run.stdout
    assert "group browser: 1 skipped; needs Chromium" in run.stdout
    assert "1 passed, 1 skipped" in run.stdout


def test_a_required_group_whose_tool_is_absent_fails(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, group="libfaketime", require="browser,libfaketime")

    assert run.returncode == 1, run.stdout
    assert "libfaketime needs libfaketime.so.1" in run.stdout
    assert "1 passed, 1 error" in run.stdout


def test_requiring_a_group_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, group="browser", require="libfaketime brwoser")

    assert run.returncode == pytest.ExitCode.USAGE_ERROR
    assert "names brwoser; the groups are browser, libfaketime, other_python" in run.stderr


def test_a_marker_that_names_no_group_is_refused(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, group="brwoser", require="")

    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "'brwoser' not found in `markers`" in run.stdout


def test_a_group_whose_tool_is_there_runs(tmp_path: Path) -> None:
    run = run_pytest(tmp_path, group="browser", require="browser", tool="Path('chromium')")

    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout
