"""As which operating-system account PostgreSQL runs, and how a program is started as that account.

PostgreSQL refuses to run as root. A root process therefore starts it under an unprivileged account
that already exists; nobody is created, and no mode of a directory is changed to let it in.
Which programs are run is `embedded_binaries`; what they keep on disk is `embedded_cluster`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

if sys.platform != "win32":
    import pwd

_CANDIDATES = ("ledger", "postgres", "nobody")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_PR_SET_PDEATHSIG = 1

# Loaded before any fork: opening a library between fork and exec could wait for ever on a lock
# that another thread of the parent held. Only Linux has this call.
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be had; the message says why and what to do next."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """`dropped` is true where this process is root and the account is another, unprivileged one."""

    name: str
    uid: int
    gid: int
    dropped: bool

    def run(self, argv: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """The program has ended, with its output captured; OSError where it could not be run."""
        return subprocess.run(  # noqa: S603 - our own words, no shell line is built
            [str(word) for word in argv],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env=_environment({}),
            start_new_session=True,
            preexec_fn=_end_with_parent(),
            user=self.uid if self.dropped else None,
            group=self.gid if self.dropped else None,
            extra_groups=[] if self.dropped else None,
        )

    def spawn(
        self, argv: Sequence[str | Path], *, output: int, variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """A running program that gets SIGINT, on Linux, when the thread that called this ends."""
        return subprocess.Popen(  # noqa: S603 - the same
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environment(variables),
            start_new_session=True,
            preexec_fn=_end_with_parent(),
            user=self.uid if self.dropped else None,
            group=self.gid if self.dropped else None,
            extra_groups=[] if self.dropped else None,
        )

    def can_enter(self, directory: Path) -> bool:
        """Tried, not computed from mode bits: access lists and security modules count too."""
        try:
            return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", directory]).returncode == 0
        except OSError:
            return False


def account_for(cluster: Path) -> Account:
    """The account that owns `cluster`, where it exists, else the one to create it as."""
    if sys.platform == "win32":
        raise EmbeddedError(
            "PostgreSQL is not started for you on Windows: set LEDGER_DATABASE_URL to a server"
        )
    if os.geteuid() == 0:
        return _unprivileged(cluster)
    own = _own_account()
    if cluster.exists() and cluster.stat().st_uid != own.uid:
        raise EmbeddedError(
            f"{cluster} belongs to {account_name(cluster.stat().st_uid)}, not to {own.name}: "
            "run as its owner, or set LEDGER_DATA_DIR to a directory of your own"
        )
    return own


def account_name(uid: int) -> str:
    """The account's name, or its number as text where it has no entry."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def default_root() -> Path:
    """`$LEDGER_DATA_DIR`; else `./data`, where PostgreSQL can reach it; else `/var/lib/ledger`.

    Only root can meet the last: a clone under a private home is closed to the account that root
    has to run PostgreSQL as.
    """
    named = os.environ.get("LEDGER_DATA_DIR")
    if named:
        return Path(named).expanduser().absolute()
    here = Path.cwd() / "data"
    if sys.platform == "win32" or os.geteuid() != 0:
        return here
    account = account_for(here / "cluster")
    return here if account.can_enter(nearest_existing(here)) else Path("/var/lib/ledger")


def nearest_existing(path: Path) -> Path:
    """`path`, or the closest of its parents that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _own_account() -> Account:
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedError(
            f"uid {uid} has no entry in the password file, and PostgreSQL needs one: "
            "add one, run under another account, or set LEDGER_DATABASE_URL to a server"
        ) from None
    return Account(name=entry.pw_name, uid=uid, gid=os.getegid(), dropped=False)


def _unprivileged(cluster: Path) -> Account:
    names: Sequence[str] = _CANDIDATES
    if chosen := os.environ.get("LEDGER_PG_USER"):
        names = (chosen,)
    if cluster.exists() and (owner := cluster.stat().st_uid) != 0:
        names = (account_name(owner),)
    for account in filter(None, map(_account_named, names)):
        if account.uid != 0 and account.can_enter(Path("/")):
            return account
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and root cannot become {' or '.join(names)} here: "
        "set LEDGER_PG_USER to an existing unprivileged account, run as one, "
        "or set LEDGER_DATABASE_URL to a server"
    )


def _account_named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Neither the service's secrets nor a stray PGDATA or PGPORT reach the server."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"} | dict(extra)


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does just before exec, after it has changed its uid (which clears the flag).

    A script started in the background hands SIGINT down ignored, so it is set back first. A parent
    that died before the flag was set can no longer send anything: then the child ends itself.
    """
    prctl = _PRCTL
    if prctl is None:
        return None
    parent = os.getpid()

    def before_exec() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:
            os._exit(1)

    return before_exec
