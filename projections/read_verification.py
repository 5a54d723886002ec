"""Whether the read audit is as it was written: every chain recomputed, the first bad row named.

Found are rows that were edited, taken out, put in or moved, and a chain's beginning if it was
changed. Not found, for nothing here names what is gone: rows taken from a chain's end, a chain
taken away whole, and a chain that somebody wrote anew from a row on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from projections.everyone import Progress, rows
from projections.read_audit import Opening, Row, opening_hash, row_hash

PAGE = 1000
"""Rows read at once."""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain found to be as it was written: how many rows were looked at, and its last one.

    `n` and `hash` are what an anchor of it would name; of a chain without rows, its beginning.
    """

    log: int
    chain: UUID
    rows: int
    n: int
    hash: bytes


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """The first row of a chain that is not as it was written, and what is wrong with it."""

    log: int
    chain: UUID
    n: int
    wrong: str

    def __str__(self) -> str:
        return f"read audit, log {self.log}, chain {self.chain}, row {self.n}: {self.wrong}"


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    chain: UUID


class _End(msgspec.Struct, frozen=True, kw_only=True):
    n: int


async def verify_chains(
    pool: AsyncConnectionPool,
    logs: Iterable[int],
    *,
    last: int | None = None,
    progress: Progress | None = None,
) -> AsyncIterator[Chain | Broken]:
    """Every chain of these logs, the latest first; with `last`, so many rows from each one's end.

    A row from which a part begins is not held against the one before it.
    """
    for log in logs:
        begun = await rows(pool, Opening, "chains_begun", {"log": log})
        for done, opening in enumerate(begun, start=1):
            yield await _verified(pool, opening, last=last)
            if progress:
                progress(done, len(begun))
        for one in await rows(pool, _Named, "chains_without_beginning", {"log": log}):
            yield Broken(log=log, chain=one.chain, n=1, wrong="its chain was never begun")


async def _verified(
    pool: AsyncConnectionPool, opening: Opening, *, last: int | None
) -> Chain | Broken:
    start = 0 if last is None else max(0, await _end(pool, opening) - last)
    n, prev, looked = start, None if start else opening_hash(opening), 0
    while some := await _rows(pool, opening, after=n):
        for one in some:
            wrong = _wrong(one, n + 1, prev)
            if wrong is not None:
                return Broken(log=opening.log, chain=opening.chain, n=n + 1, wrong=wrong)
            n, prev = one.n, one.hash
        looked += len(some)
    return Chain(log=opening.log, chain=opening.chain, rows=looked, n=n, hash=prev or b"")


def _wrong(one: Row, n: int, prev: bytes | None) -> str | None:
    """What is wrong with the row that should be the n-th, after the one with this hash."""
    if one.n != n:
        return "it is missing"
    if row_hash(one) != one.hash:
        return "it is not what its hash is of"
    if prev is not None and one.prev != prev:
        return "it does not follow the row before it" if n > 1 else "its chain began otherwise"
    return None


async def _rows(pool: AsyncConnectionPool, opening: Opening, *, after: int) -> list[Row]:
    values = {"log": opening.log, "chain": opening.chain, "after": after, "limit": PAGE}
    return await rows(pool, Row, "read_chain", values)


async def _end(pool: AsyncConnectionPool, opening: Opening) -> int:
    values = {"log": opening.log, "chain": opening.chain}
    found = await rows(pool, _End, "read_chain_end", values)
    return found[0].n if found else 0
