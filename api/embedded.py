"""The PostgreSQL that the service brings along: one process owns it, others of the machine attach.

For a laptop, an evaluation, a test run or one small site. It listens on a socket only, never on the
network; production sets LEDGER_DATABASE_URL to a patched server, and then nothing here is used.
Its programs are found by `embedded_binaries`, kept up by `embedded_postmaster`, and keep their
files as `embedded_cluster` says.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from api.embedded_account import (
    Account,
    EmbeddedError,
    account_for,
    account_name,
    default_root,
)
from api.embedded_binaries import find_binaries
from api.embedded_cluster import (
    PORT,
    SUPERUSER,
    Cluster,
    make_data_directory,
    make_root,
    make_socket_directory,
    write_settings,
)
from api.embedded_postmaster import Postmaster

if sys.platform != "win32":
    import fcntl

__all__ = ["Embedded", "EmbeddedError", "default_root"]

_POLL_EVERY = 0.05
_CONNECT_SECONDS = 5

_diagnostics = logging.getLogger(__name__)
_instances: weakref.WeakSet[Embedded] = weakref.WeakSet()


class Embedded:
    """The server under one root directory, as this process sees it.

    The first process to start it is its owner: the server is its child, restarted if it crashes,
    and ends with it. Others attach. One that is attached is not told when the owner goes: it meets
    a connection error, and may call `start` again, which makes it the owner if no other is.
    Start and stop it from one thread at a time.
    """

    def __init__(self, root: Path, *, report: Callable[[str], None] = _diagnostics.warning) -> None:
        self.root = root.expanduser().resolve()
        self.version = ""
        self._cluster = Cluster(root=self.root)
        self._report = report
        self._lock: int | None = None
        self._socket_directory: Path | None = None
        self._postmaster: Postmaster | None = None
        _instances.add(self)

    @property
    def owner(self) -> bool:
        """Whether the server is this process's child."""
        return self._postmaster is not None

    @property
    def restarts(self) -> int:
        """How often the owner has brought the server back after a crash; 0 where attached."""
        return self._postmaster.restarts if self._postmaster else 0

    @property
    def pid(self) -> int | None:
        """The server's process, whoever owns it; None where none has started."""
        found = self._cluster.pid_file()
        return found.pid if found else None

    @property
    def warning(self) -> str:
        """For an operator to read at each start; empty before the first."""
        return self.version and (
            f"PostgreSQL {self.version} runs embedded in this service, from {self.root}. That is "
            "for evaluation, tests and a small single site: it is patched only when this "
            "service's own packages are, and nothing backs it up. In production set "
            "LEDGER_DATABASE_URL to a patched, backed-up PostgreSQL."
        )

    def start(self, *, timeout: float = 300.0) -> str:
        """Connection information of the database `postgres`, on a server that has answered.

        Starts the server, or attaches to another owner's. Seconds count recovery after a crash too.
        """
        if self._postmaster is not None and self._postmaster.running:
            return self.conninfo()
        self.stop()
        deadline = time.monotonic() + timeout
        with _explained(self.root):
            account = account_for(self._cluster.data)
            make_root(self._cluster, account)
            if self._claim(deadline):
                self._own(account, deadline)
        return self.conninfo()

    def stop(self) -> None:
        """No server of ours runs, and another process may own the directory.

        One that is only attached leaves the server alone.
        """
        if self._postmaster is not None:
            self._postmaster.stop()
            self._postmaster = None
        atexit.unregister(self.stop)
        self._release()

    def conninfo(self, database: str = "postgres", *, role: str = SUPERUSER) -> str:
        """For libpq. The peer must be the account the server runs as: no other can pose as it."""
        if self._socket_directory is None:
            raise EmbeddedError(f"no PostgreSQL was started in {self.root}: call start() first")
        return make_conninfo(
            host=str(self._socket_directory),
            port=PORT,
            user=role,
            dbname=database,
            requirepeer=account_name(self._cluster.data.stat().st_uid),
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _claim(self, deadline: float) -> bool:
        """True with the lock held; False with an owner's server that answers."""
        lock = os.open(self._cluster.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not _locked(lock):
                if self._attach():
                    os.close(lock)
                    return False
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"process {_text(lock) or 'unknown'} owns {self.root}, and its PostgreSQL "
                        "does not answer: end that process, or set LEDGER_DATA_DIR to another "
                        "directory"
                    )
                time.sleep(_POLL_EVERY)
        except BaseException:
            os.close(lock)
            raise
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock
        return True

    def _own(self, account: Account, deadline: float) -> None:
        try:
            binaries = find_binaries(account, self._cluster.programs)
            make_data_directory(self._cluster, account, binaries)
            write_settings(self._cluster, account, binaries)
            self._socket_directory = make_socket_directory(self._cluster, account)
            self._postmaster = Postmaster(
                cluster=self._cluster,
                account=account,
                binaries=binaries,
                socket_directory=self._socket_directory,
                report=self._report,
            )
            atexit.register(self.stop)
            self._postmaster.start(deadline=deadline)
            self._ask_version()
        except BaseException:
            self.stop()
            raise

    def _attach(self) -> bool:
        found = self._cluster.pid_file()
        if found is None or not found.ready:
            return False
        self._socket_directory = found.socket_directory
        try:
            self._ask_version()
        except psycopg.OperationalError:
            return False
        return True

    def _ask_version(self) -> None:
        with psycopg.connect(self.conninfo(), connect_timeout=_CONNECT_SECONDS) as connection:
            told = connection.info.parameter_status("server_version") or ""
        self.version = told.split(" ")[0]

    def _release(self) -> None:
        place, lock = self._socket_directory, self._lock
        self._lock = None
        if lock is None:
            return
        if place is not None and place.parent != self.root:
            # Made outside the root for its short path, and empty once the server has ended.
            with contextlib.suppress(OSError):
                place.rmdir()
        os.close(lock)

    def _forget(self) -> None:
        """In a forked child: the server is the parent's, and the lock must end with the parent."""
        self._postmaster = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _text(lock: int) -> str:
    return os.pread(lock, 20, 0).decode(errors="replace")


@contextlib.contextmanager
def _explained(root: Path) -> Iterator[None]:
    """What the system refuses is told with its next step."""
    try:
        yield
    except (OSError, shutil.Error, subprocess.SubprocessError) as error:
        raise EmbeddedError(
            f"{root} cannot hold PostgreSQL: {error}. Mend that, set LEDGER_DATA_DIR to another "
            "directory, or set LEDGER_DATABASE_URL to a server"
        ) from error
    except psycopg.OperationalError as error:
        raise EmbeddedError(
            f"PostgreSQL started in {root}, but does not let this process in: {error}. "
            f"See {root / 'cluster' / 'log'}"
        ) from error


def _forget_all() -> None:
    for instance in list(_instances):
        instance._forget()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_all)
