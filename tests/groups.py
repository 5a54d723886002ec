"""The named groups of tests that need more than Python, and where this machine has their tools.

A test joins a group by its marker, `@pytest.mark.libfaketime`, and asks `path_of` for the tool. Not
for what the project itself installs: that is simply there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec

REQUIRED = "LEDGER_REQUIRE_GROUPS"
OLDEST, NEWEST = (3, 11), (3, 13)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Tests that need one tool; `advice` says what the tool is and how to come by it."""

    name: str
    advice: str
    find: Callable[[], Path | None]


def find_chromium() -> Path | None:
    """The first Chromium on the path."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next((Path(path) for path in found if path), None)


def find_libfaketime() -> Path | None:
    """The library to preload, from wherever Debian, a local build or Homebrew puts it."""
    places = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
    names = [f"{place}/libfaketime.so.1" for place in places]
    names.append("/opt/homebrew/lib/faketime/libfaketime.1.dylib")
    return next((path for name in names for path in Path("/").glob(name[1:])), None)


def find_openssl() -> Path | None:
    """The command-line tool of OpenSSL; LibreSSL's, which macOS has, is another."""
    found = shutil.which("openssl")
    if found is None:
        return None
    said = subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
    return Path(found) if said.startswith("OpenSSL ") else None


def find_other_python() -> Path | None:
    """A supported Python of another minor version than this one, able to make an environment."""
    return next(filter(_makes_environments, _pythons_of_other_versions()), None)


def find_valgrind() -> Path | None:
    """Valgrind, with the program that talks to its monitor; only on Linux does it run Python."""
    found = shutil.which("valgrind") if shutil.which("vgdb") else None
    return Path(found) if found and sys.platform == "linux" else None


def find_python_39() -> Path | None:
    """The oldest Python that runs what a stranger is given."""
    return next(filter(_runs, _pythons_of(9)), None)


def _pythons_of_other_versions() -> Iterator[Path]:
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if minor != sys.version_info.minor:
            yield from _pythons_of(minor)


def _pythons_of(minor: int) -> Iterator[Path]:
    if found := shutil.which(f"python3.{minor}"):
        yield Path(found)
    if pyenv := os.environ.get("PYENV_ROOT"):
        yield from Path(pyenv).glob(f"versions/3.{minor}.*/bin/python3.{minor}")


def _makes_environments(python: Path) -> bool:
    return _runs(python, "import ensurepip, venv")


def _runs(python: Path, code: str = "pass") -> bool:
    """Run it to see: a shim on the path may stand for a version that is not installed."""
    command = [str(python), "-c", code]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


GROUPS = {
    group.name: group
    for group in (
        Group(
            name="browser",
            advice="Chromium on the path (Debian: apt-get install chromium)",
            find=find_chromium,
        ),
        Group(
            name="libfaketime",
            advice="libfaketime.so.1 (Debian: apt-get install libfaketime)",
            find=find_libfaketime,
        ),
        Group(
            name="other_python",
            advice=f"a Python from 3.{OLDEST[1]} to 3.{NEWEST[1]} of another minor version than "
            f"3.{sys.version_info.minor}, with venv, on the path or in PYENV_ROOT",
            find=find_other_python,
        ),
        Group(
            name="python39",
            advice="a Python 3.9, on the path or in PYENV_ROOT",
            find=find_python_39,
        ),
        Group(
            name="openssl",
            advice="OpenSSL's command-line tool (Debian: apt-get install openssl)",
            find=find_openssl,
        ),
        Group(
            name="valgrind",
            advice="Valgrind on Linux (Debian: apt-get install valgrind)",
            find=find_valgrind,
        ),
    )
}


@cache
def path_of(name: str) -> Path | None:
    """Where the tool of the named group is, or None where this machine has none."""
    return GROUPS[name].find()


def required_groups() -> set[str]:
    """The groups that the environment says must run; a ValueError names one that does not exist."""
    names = set(os.environ.get(REQUIRED, "").replace(",", " ").split())
    if unknown := names - GROUPS.keys():
        known = ", ".join(GROUPS)
        raise ValueError(f"{REQUIRED} names {', '.join(sorted(unknown))}; the groups are {known}.")
    return names
