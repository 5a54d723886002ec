"""The Merkle tree of a log, read from stored hashes: its root at any size, and its proofs.

The hashes that a root or a proof needs are found first, read in one statement a kind, and then put
together. Not here: how the stored hashes come to be (`integrator`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeVar

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Fault
from ledger.tlog.merkle import EMPTY_ROOT, Subtree, consistency_proof, inclusion_proof
from ledger.tlog.tiles import subtree_of
from projections.everyone import rows

R = TypeVar("R")

_Range = tuple[int, int, int]
"""The hashes [start, end) of a level."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The hashes of one range, in order, as far as they are there."""

    place: int
    hashes: list[bytes]


class Tree:
    """The tree of one log; sizes are those that its tiles take into account, or less."""

    def __init__(self, pool: AsyncConnectionPool, log: int) -> None:
        self._pool = pool
        self._log = log

    async def root(self, size: int) -> bytes:
        """The root of the first `size` leaves."""
        if size == 0:
            return EMPTY_ROOT
        return await self._made(lambda subtree: subtree(0, size))

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf is in the tree of the first `size`, RFC 9162 section 2.1.3.1."""
        return await self._made(lambda subtree: inclusion_proof(index, size, subtree))

    async def inclusions(self, indices: Sequence[int], size: int) -> list[list[bytes]]:
        """The proofs of these leaves in the tree of the first `size`, in order."""

        def proofs(subtree: Subtree) -> list[list[bytes]]:
            # Most of the ranges are the same for all of them.
            once = lru_cache(maxsize=None)(subtree)
            return [inclusion_proof(index, size, once) for index in indices]

        return await self._made(proofs)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` leaves begins that of `new`; none for an empty one."""
        if old == 0:
            return []
        return await self._made(lambda subtree: consistency_proof(old, new, subtree))

    async def hashes(self, level: int, start: int, end: int) -> list[bytes]:
        """The stored hashes [start, end) of a level; raises `Fault` where one is missing."""
        return (await self._read([(level, start, end)]))[level, start, end]

    async def _made(self, make: Callable[[Subtree], R]) -> R:
        """What `make` makes of the ranges that it asks for: once to learn them, once for real."""
        wanted: dict[_Range, None] = {}

        def note(level: int, start: int, end: int) -> list[bytes]:
            wanted[level, start, end] = None
            return [EMPTY_ROOT] * (end - start)

        make(subtree_of(note))
        found = await self._read(list(wanted))
        return make(subtree_of(lambda level, start, end: found[level, start, end]))

    async def _read(self, wanted: Sequence[_Range]) -> dict[_Range, list[bytes]]:
        found: dict[_Range, list[bytes]] = {}
        for name, some in (
            ("leaf_hashes", [one for one in wanted if one[0] == 0]),
            ("tile_hashes", [one for one in wanted if one[0] > 0]),
        ):
            values = {
                "log": self._log,
                "levels": [one[0] for one in some],
                "starts": [one[1] for one in some],
                "ends": [one[2] for one in some],
            }
            if some:
                for row in await rows(self._pool, Stored, name, values):
                    found[some[row.place - 1]] = row.hashes
        for one in wanted:
            if len(found.get(one, ())) != one[2] - one[1]:
                raise Fault(f"log {self._log} lacks hashes of level {one[0]} from {one[1]} on")
        return found
