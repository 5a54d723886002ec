"""How much is measured: everything in a quarter of an hour, or the same rows in three minutes."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Rounds, seconds of a cell, and how much data; nothing here changes what a row means."""

    name: str
    rounds: int
    seconds: float
    people: int
    """Who is asked about."""
    writers: int
    """Whom is recorded about; nobody of them is asked about."""
    batches: int
    """Different batches of a thousand checks."""
    beside_lines: int
    """The import that withdrawals must not wait for."""
    import_lines: int
    """The import that is held against COPY, each round."""
    rebuilt: tuple[int, int]
    """People of the two ledgers that are made anew."""
    memory_checks: tuple[int, int]
    """How many checks a worker has answered where its memory is looked at."""
    grown: tuple[int, int]
    """Entries of the two ledgers that differ in size alone."""
    grown_checks: int
    """Checks of each of them, each round."""
    seed: str = "bench"


FULL = Plan(
    name="full",
    rounds=5,
    seconds=2.5,
    people=2_000,
    writers=5_000,
    batches=8,
    beside_lines=100_000,
    import_lines=10_000,
    rebuilt=(500, 2_000),
    memory_checks=(10_000, 100_000),
    grown=(10_000, 1_000_000),
    grown_checks=400,
)
QUICK = Plan(
    name="quick",
    rounds=3,
    seconds=1.0,
    people=300,
    writers=1_000,
    batches=3,
    beside_lines=10_000,
    import_lines=3_000,
    rebuilt=(75, 300),
    memory_checks=(2_000, 10_000),
    grown=(5_000, 50_000),
    grown_checks=100,
)
