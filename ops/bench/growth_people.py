"""Who is in a ledger that is grown: most people have few entries, and a few have a thousand.

People are copies of model histories, a few hundred of them: everybody has a subject, keys, salts,
ids and places in the log of their own, and shares with others only what happened to them. The same
seed makes the same people; they are made in chunks, each by itself, so that nobody need hold them
all. Not here: the models' entries (`growth_models`), or rows (`growth_copy`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from uuid import UUID

CHUNK = 1000
"""People made together; their requests are mixed in the log."""
SKEW = (
    (0.780, range(4, 9), 20),
    (0.170, range(9, 17), 8),
    (0.0455, range(17, 61), 1),
    (0.004, range(61, 301, 30), 1),
    (0.0005, range(900, 999, 98), 1),
)
"""Which part of all people have how many entries, and how many models each such number has."""
LEAST = 4


class Member(NamedTuple):
    """Somebody: who, and which model they follow."""

    subject: UUID
    model: int


@lru_cache(maxsize=1)
def sizes() -> tuple[int, ...]:
    """How many entries each model has."""
    return tuple(size for _, each, many in SKEW for size in each for _ in range(many))


@lru_cache(maxsize=1)
def _by_part() -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...], dict[int, int]]:
    """Each part of the people, the models of each, and a model of each size."""
    every = sizes()
    parts = tuple(part for part, _, _ in SKEW)
    models = tuple(tuple(n for n, size in enumerate(every) if size in each) for _, each, _ in SKEW)
    return parts, models, {size: n for n, size in enumerate(every)}


def members(seed: str, chunk: int, *, entries: int | None = None) -> list[Member]:
    """The people of one chunk; those of the last one have so many `entries` together."""
    chance = random.Random(f"{seed} {chunk}")
    drawn = _drawn(chance)
    return list(islice(drawn, CHUNK)) if entries is None else list(_with(drawn, entries))


def _drawn(chance: random.Random) -> Iterator[Member]:
    parts, models, _ = _by_part()
    while True:
        model = chance.choice(chance.choices(models, weights=parts)[0])
        yield Member(UUID(int=chance.getrandbits(128), version=4), model)


def _with(drawn: Iterator[Member], entries: int) -> Iterator[Member]:
    """As many of them as have so many entries; the last few may have to follow other models."""
    of_size, every = _by_part()[2], sizes()
    while entries:
        subject, model = next(drawn)
        if 0 != entries - every[model] < LEAST:
            model = of_size[entries if entries < 2 * LEAST else LEAST]
        yield Member(subject, model)
        entries -= every[model]


class Chunk(NamedTuple):
    """Which people, from which place in the log on, and how many entries they have together."""

    chunk: int
    first_n: int
    entries: int
    last: bool

    def members(self, seed: str) -> list[Member]:
        """The people."""
        return members(seed, self.chunk, entries=self.entries if self.last else None)


def chunks(seed: str, *, first_n: int, entries: int) -> Iterator[Chunk]:
    """The chunks of people who have so many entries together."""
    if 0 < entries < LEAST:
        raise ValueError(f"a person has at least {LEAST} entries")
    every = sizes()
    number = 0
    while entries > 0:
        many = sum(every[one.model] for one in members(seed, number))
        # What would be left must be enough for somebody.
        last = entries < many + LEAST
        many = entries if last else many
        yield Chunk(number, first_n, many, last)
        first_n, entries, number = first_n + many, entries - many, number + 1
