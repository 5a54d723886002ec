"""How long the database and the disk take by themselves, in this minute."""

from __future__ import annotations

import os
import time
from statistics import median

import psycopg

ROW_BYTES = 600
"""About as much as a row of the read audit."""


def commits(conninfo: str, *, seconds: float) -> float:
    """Milliseconds that a lone commit of one row waits for the disk, at the median.

    What the same row takes without waiting is taken off.
    """
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS probe (body bytea)")
        waiting = _lone(connection, seconds / 2)
        connection.execute("SET synchronous_commit = off")
        return waiting - _lone(connection, seconds / 2)


def _lone(connection: psycopg.Connection, seconds: float) -> float:
    body = os.urandom(ROW_BYTES)
    taken = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        begun = time.perf_counter()
        connection.execute("INSERT INTO probe VALUES (%s)", (body,), prepare=True)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)
