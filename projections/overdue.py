"""Withdrawals that a consumer should have acted on by now, as far as it says.

Counted are entries that restrict: a withdrawal, an objection, a refusal, a restriction, an opt-out
and the like, of whichever the consumer may be told, that were recorded longer ago than a limit and
after the place up to which it has acted. Not here: what is delivered to it (`deliveries`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.reader import Reader, position
from ledger.store import Stored
from projections.consumers import Consumer, Consumers
from projections.everyone import rows
from projections.feed_purposes import Purposes, told_to

COUNTED_MAX = 10_000
"""No more are counted for one consumer, nor looked at for one that is bound to purposes."""
PAGE = 200


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries a consumer has not acted on in time, and the first of them.

    Where not `complete`, there may be more of them. `oldest_recorded_at` and `position` are None
    where none was found among those that were looked at.
    """

    count: int
    complete: bool
    oldest_recorded_at: datetime | None
    position: str | None

    def __bool__(self) -> bool:
        return self.count > 0 or not self.complete

    def joined(self, other: Late) -> Late:
        """Both together, with the older first."""
        mine, theirs = self.oldest_recorded_at, other.oldest_recorded_at
        first = other if mine is None or (theirs is not None and theirs < mine) else self
        return Late(
            count=self.count + other.count,
            complete=self.complete and other.complete,
            oldest_recorded_at=first.oldest_recorded_at,
            position=first.position,
        )


NOTHING = Late(count=0, complete=True, oldest_recorded_at=None, position=None)


class _Counted(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    n: int
    leaf_hash: bytes
    recorded_at: datetime


class Overdue:
    """What is overdue at the consumers of one ledger."""

    def __init__(
        self,
        reader: Reader,
        pool: AsyncConnectionPool,
        consumers: Consumers,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._pool = pool
        self._consumers = consumers
        self._purposes = Purposes(reader, pool, clock=clock)
        self._own = reader.identity.stream
        self._logs = reader.identity.logs

    async def report(self, *, seconds: int) -> list[tuple[Consumer, Late]]:
        """Every consumer that has not acted on something recorded longer ago than so."""
        found = []
        for one in await self._consumers.every():
            late = await self.at(one, seconds=seconds)
            if late:
                found.append((one, late))
        return found

    async def at(self, one: Consumer, *, seconds: int) -> Late:
        """What is overdue at this one."""
        acted, late = one.acted(self._logs), NOTHING
        for log, mark in enumerate(acted.marks):
            values: dict[str, object] = {"log": log, "after": mark.n, "seconds": seconds}
            if one.told is None:
                late = late.joined(await self._counted(log, values))
            else:
                late = late.joined(await self._looked_through(log, values, one.told))
        return late

    async def _counted(self, log: int, values: dict[str, object]) -> Late:
        limit = COUNTED_MAX + 1
        found = await rows(self._pool, _Counted, "restrictive_counted", values | {"limit": limit})
        if not found:
            return NOTHING
        first = found[0]
        return Late(
            count=min(first.count, COUNTED_MAX),
            complete=first.count <= COUNTED_MAX,
            oldest_recorded_at=first.recorded_at,
            position=position(log, first.n, first.leaf_hash),
        )

    async def _looked_through(
        self, log: int, values: dict[str, object], told: frozenset[str]
    ) -> Late:
        """Of which purposes an entry is lies sealed in it: each is opened."""
        late = NOTHING
        for _ in range(COUNTED_MAX // PAGE):
            values = {**values, "limit": PAGE}
            found = await rows(self._pool, Stored, "restrictive_after", values)
            about = await self._purposes.of(log, found)
            for one in found:
                subject = None if one.stream == self._own else one.stream
                if told_to(told, about=about[one.n], subject=subject):
                    late = late.joined(_late(log, one))
            if len(found) < PAGE:
                return late
            values["after"] = found[-1].n
        return late.joined(msgspec.structs.replace(NOTHING, complete=False))


def _late(log: int, one: Stored) -> Late:
    return Late(
        count=1,
        complete=True,
        oldest_recorded_at=one.recorded_at,
        position=position(log, one.n, one.leaf_hash),
    )
