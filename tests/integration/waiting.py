"""Waiting for a condition, within a bound that only a failure reaches."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

_BOUND = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    """The condition holds; an AssertionError names it where it does not in 30 seconds."""
    deadline = time.monotonic() + _BOUND
    while not condition():
        assert time.monotonic() < deadline, f"not within {_BOUND:.0f} s: {what}"
        time.sleep(0.01)


def ended(pid: int) -> bool:
    """No such process, or one that only waits to be counted by its parent."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def answers(conninfo: str) -> bool:
    """Whether the server can be connected to."""
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(conninfo, connect_timeout=5).close()
        return True
    return False
