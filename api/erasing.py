"""Erasure as the service and the commands run it: who may, with what, and what a restore locks.

Not here: what an eraser does (`ledger.erasing`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import psycopg

from api.runtime import Places, Runtime
from ledger.erasing import Eraser, Told
from ledger.erasure_record import ErasureRecord
from ledger.erasure_store import ERASER_ROLE, ErasureStore
from ledger.errors import Fault
from ledger.restoring import Replaying, Restored
from ledger.store import open_pool
from ledger.tombstones import Tombstones

TOMBSTONES = "tombstones"
POOL_SIZE = 2
diagnostics = logging.getLogger("ledger")


class Erasing(msgspec.Struct, frozen=True, kw_only=True):
    """An eraser, and what destroys again what a restore brought back."""

    eraser: Eraser
    replaying: Replaying


def tombstones(where: Places) -> Tombstones:
    """The file of destroyed keys, beside the key-encrypting key."""
    return Tombstones(where.folder / TOMBSTONES)


def restored(ledger: Runtime) -> Restored:
    """What a restore of the key database may have brought back."""
    return Restored(ledger.pool, ledger.identity, ledger.keys, tombstones(ledger.places))


def may_erase(where: Places) -> bool:
    """Whether the login of the service may become the eraser."""
    with psycopg.connect(where.database) as connection:
        query = "SELECT pg_has_role(session_user, %s, 'MEMBER')"
        row = connection.execute(query, [ERASER_ROLE]).fetchone()
    return bool(row and row[0])


@asynccontextmanager
async def opened(ledger: Runtime) -> AsyncIterator[Erasing]:
    """An eraser over connections of its own; a `Fault` where this login may not erase."""
    where, milliseconds = ledger.places, _milliseconds
    if not await asyncio.to_thread(may_erase, where):
        raise Fault(f"this login may not erase: run it with a member of {ERASER_ROLE}")
    async with open_pool(where.database, size_max=POOL_SIZE, role=ERASER_ROLE) as pool:
        erasures = ErasureStore(pool)
        record = ErasureRecord(ledger.reader, entropy=os.urandom, milliseconds=milliseconds)
        yield Erasing(
            eraser=Eraser(
                ledger.reader,
                erasures,
                tombstones(where),
                entropy=os.urandom,
                milliseconds=milliseconds,
                backup_days=ledger.settings.key_backup_days,
            ),
            replaying=Replaying(restored(ledger), ledger.reader, erasures, record),
        )


@asynccontextmanager
async def erasing(ledger: Runtime) -> AsyncIterator[None]:
    """Erasures are carried out beside the service, where its login may do so."""
    if not await asyncio.to_thread(may_erase, ledger.places):
        yield
        return

    def failed(error: Exception) -> None:
        ledger.telemetry.metrics.follower_failures.labels("erasures").inc()
        diagnostics.error("an eraser stopped, and will try again: %s", type(error).__name__)

    async with opened(ledger) as made:
        stop = asyncio.Event()
        task = asyncio.create_task(made.eraser.follow(stop, failed=failed, told=Changes().tell))
        try:
            yield
        finally:
            # Every step may be broken off: whoever erases next begins it again.
            stop.set()
            task.cancel()
            await asyncio.wait([task])


class Changes:
    """Says what became of an erasure once, and again when it is another thing."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[int, int], str] = {}

    def tell(self, one: Told) -> None:
        """The outcome as a diagnostic record, by the place of the erasure."""
        place = (one.log, one.n)
        if self._outcomes.get(place) == one.outcome:
            return
        self._outcomes[place] = one.outcome
        if one.outcome == "EXECUTED":
            del self._outcomes[place]
        level = logging.ERROR if one.outcome == "FAILED" else logging.INFO
        named = f"{one.log}:{one.n}"
        diagnostics.log(level, "erasure", extra={"position": named, "outcome": one.outcome})


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
