"""Keeps one PostgreSQL server running as a direct child: start, restart after a crash, stop.

On Linux the kernel tells the child when the thread that forked it ends, not when the process does.
So one thread forks every server and lives as long as they do; whoever calls `start` may end.
Whether this process may run a server at all is decided in `embedded`; where its files lie in
`embedded_cluster`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

from api.embedded_account import Account, EmbeddedError
from api.embedded_binaries import Binaries
from api.embedded_cluster import Cluster

# A predecessor that is dying, or dead and not yet waited for, holds the pid file, the socket's lock
# or the shared memory for a while.
_RETRY_FOR = 15.0
_RETRY_EVERY = 0.25
_POLL_EVERY = 0.02
_REPORT_EVERY = 5.0
_SHUTDOWN_PATIENCE = 60.0
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
_STEADY_AFTER = 60.0
_OUTPUT_LIMIT = 1_000_000


class Postmaster:
    """`restarts` counts the times a server that had ended by itself served again."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        account: Account,
        binaries: Binaries,
        socket_directory: Path,
        report: Callable[[str], None],
    ) -> None:
        self.restarts = 0
        self._cluster = cluster
        self._account = account
        self._argv: Sequence[str | Path] = (
            *(binaries.bindir / "postgres", "-D", cluster.data),
            *("-c", f"config_file={cluster.settings / 'postgresql.conf'}"),
            # On the command line, where an operator's own settings cannot open the network.
            *("-c", "listen_addresses=", "-k", socket_directory),
        )
        self._report = report
        self._process: subprocess.Popen[bytes] | None = None
        self._gate = threading.Lock()
        self._stopping = threading.Event()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._supervise, name="ledger-postgresql", daemon=True
        )

    @property
    def pid(self) -> int | None:
        """The server's process; None before the first."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether a server is kept up; true also while one that crashed is being restarted."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def start(self, *, deadline: float) -> None:
        """The server accepts connections; `deadline` is on the monotonic clock.

        EmbeddedError where it does not start, or is not ready in time; nothing runs then.
        """
        self._thread.start()
        try:
            self._started.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            self.stop()
            raise EmbeddedError(
                "PostgreSQL was not ready in time, and was stopped. Nothing is lost. After a "
                "crash it first replays what it had written, which can take long: allow more "
                f"time, and see {self._cluster.data / 'log'}"
            ) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """No server runs; what was committed needs no recovery at the next start."""
        with self._gate:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.send_signal(signal.SIGINT)
        self._join(_SHUTDOWN_PATIENCE)
        if self._thread.is_alive() and process is not None:
            self._report("PostgreSQL does not shut down, and is made to: it will recover later")
            process.send_signal(signal.SIGQUIT)
            self._join(None)

    def _join(self, patience: float | None) -> None:
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _supervise(self) -> None:
        """The whole life of the one thread that forks servers."""
        try:
            self._stop_predecessor()
            self._launch()
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        delay = _FIRST_DELAY
        while process := self._process:
            began = time.monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            steady = time.monotonic() - began > _STEADY_AFTER
            delay = _FIRST_DELAY if steady else min(2 * delay, _LONGEST_DELAY)
            self._report(f"PostgreSQL ended by itself ({_ending(code)}): restarting it")
            self._relaunch(delay)

    def _relaunch(self, delay: float) -> None:
        """Tried for as long as the process lives: a full disk may be emptied, memory come free."""
        while not self._stopping.wait(delay):
            try:
                self._launch()
            except EmbeddedError as error:
                self._report(str(error))
                delay = _LONGEST_DELAY
                continue
            if not self._stopping.is_set():
                self.restarts += 1
            return

    def _launch(self) -> None:
        """A server is ready, or we are stopping and none runs."""
        give_up: float | None = None
        while process := self._fork():
            if self._becomes_ready(process) or self._stopping.is_set():
                return
            give_up = give_up or time.monotonic() + _RETRY_FOR
            if time.monotonic() > give_up:
                raise EmbeddedError(self._why_it_ended(process.returncode))
            self._stopping.wait(_RETRY_EVERY)

    def _fork(self) -> subprocess.Popen[bytes] | None:
        with self._gate:
            if self._stopping.is_set():
                return None
            try:
                with self._open_output() as output:
                    self._process = self._account.spawn(
                        self._argv, output=output.fileno(), variables=self._lock_variables()
                    )
            except (OSError, subprocess.SubprocessError) as error:
                raise EmbeddedError(f"PostgreSQL could not be run: {error}") from error
            return self._process

    def _open_output(self) -> BinaryIO:
        path = self._cluster.output
        full = path.exists() and path.stat().st_size > _OUTPUT_LIMIT
        return path.open("wb" if full else "ab")

    def _lock_variables(self) -> dict[str, str]:
        """The pid file is never deleted: that would disarm the check for a server still running.

        Where its pid is now another program's, the server is told that this is its grandparent. It
        then takes the file for a stale one, and still looks at the shared memory named in it.
        """
        found = self._cluster.pid_file()
        if found is None or self._cluster.is_served_by(found.pid):
            return {}
        return {"PG_GRANDPARENT_PID": str(abs(found.pid))}

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """False where the server ended, or is asked to. Recovery takes as long as it takes."""
        began = reported = time.monotonic()
        while process.poll() is None and not self._stopping.is_set():
            found = self._cluster.pid_file()
            if found is not None and found.ready and found.pid == process.pid:
                return True
            if time.monotonic() - reported > _REPORT_EVERY:
                reported = time.monotonic()
                self._report(f"PostgreSQL is starting or recovering: {reported - began:.0f} s")
            self._stopping.wait(_POLL_EVERY)
        return False

    def _stop_predecessor(self) -> None:
        """Where the kernel does not end a server with its parent (macOS), one may be left over.

        Its owner is gone, since the lock is ours: it is asked to stop, so that ours is our child.
        """
        quit_at = time.monotonic() + _SHUTDOWN_PATIENCE
        asked: signal.Signals | None = None
        while (found := self._cluster.pid_file()) and self._cluster.is_served_by(found.pid):
            wanted = signal.SIGQUIT if time.monotonic() > quit_at else signal.SIGINT
            if asked is not wanted:
                self._report(f"an earlier PostgreSQL (process {found.pid}) is still here: stopping")
                _send(found.pid, wanted)
                asked = wanted
            if self._stopping.wait(_POLL_EVERY):
                return

    def _why_it_ended(self, code: int) -> str:
        said = self._cluster.output.read_text(errors="replace").strip()[-1500:]
        return (
            f"PostgreSQL did not start ({_ending(code)}). It said:\n{said}\n"
            f"Mend the cause, with more of it in {self._cluster.data / 'log'}"
        )


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
