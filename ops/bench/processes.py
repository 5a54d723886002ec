"""Processes that are measured: started, stopped, and what the kernel says that they used.

CPU is the kernel's count for a process and everything that it started, whether that still runs or
not. Memory is what one process holds of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60.0
STOP_S = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A process that is measured ended, or did not become ready in time."""


def tree(root: int) -> list[int]:
    """The process and everything under it."""
    under: dict[int, list[int]] = {}
    for pid, fields in _all():
        under.setdefault(int(fields[1]), []).append(pid)
    found = [root]
    for one in found:
        found.extend(under.get(one, ()))
    return found


def cpu_seconds(*roots: int) -> float:
    """What these processes, and all they ever started, have used; user and system together."""
    wanted = {pid for root in roots for pid in tree(root)}
    ticks = sum(sum(map(int, fields[11:15])) for pid, fields in _all() if pid in wanted)
    return ticks / _TICKS


def children_s() -> float:
    """The CPU of the processes of ours that have ended, and of all that they started."""
    return sum(os.times()[2:4])


def _all() -> Iterator[tuple[int, list[str]]]:
    """Every process, with the fields of its stat file from the third on."""
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            text = (place / "stat").read_text()
        except OSError:
            continue
        yield int(place.name), text.rpartition(")")[2].split()


def held_mib(root: int) -> float:
    """What the process and everything under it hold in memory now; 0 once it has ended."""
    pages = 0
    for pid in tree(root):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Program:
    """A Python process with these arguments; what it says on standard error is kept in a file."""

    def __init__(
        self,
        *args: str,
        errors: Path,
        environ: Mapping[str, str] | None = None,
        talks: bool = False,
    ) -> None:
        self.errors = errors
        self._name = " ".join(args)
        pipe = subprocess.PIPE if talks else subprocess.DEVNULL
        with errors.open("ab") as kept:
            self._process = subprocess.Popen(
                [sys.executable, *args],
                cwd=ROOT,
                env={**os.environ, **(environ or {})},
                stdin=pipe,
                stdout=pipe,
                stderr=kept,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def ask(self, line: bytes) -> bytes:
        """The line that answers this one."""
        assert self._process.stdin is not None and self._process.stdout is not None, "it talks"
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        told = self._process.stdout.readline()
        if not told:
            raise NotStarted(f"{self._name} has ended:\n{self.said()}")
        return told

    def check(self) -> None:
        """Raise where it has ended."""
        if self._process.poll() is not None:
            raise NotStarted(f"{self._name} has ended:\n{self.said()}")

    def said(self) -> str:
        """The end of what it said on standard error."""
        return self.errors.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """It has ended."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def paused(pids: Sequence[int]) -> Iterator[None]:
    """These processes stand still meanwhile: what they would do beside is not measured."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def until(ready: Iterator[bool], *, seconds: float = START_S, every: float = 0.1) -> bool:
    """Whether it became so in time."""
    ends = time.monotonic() + seconds
    for found in ready:
        if found:
            return True
        if time.monotonic() > ends:
            return False
        time.sleep(every)
    return False
