"""Kept rows read in order of an index, with whoever must be computed instead among them.

The rows of a log say how everybody stands for a declared purpose while three things hold: they are
followed to the catalogue of the list, whoever has entries beyond that or beyond the pin is looked
at apart, and so is whomever time has changed. Then a page costs as much in a large ledger as in a
small one, and is still complete. Otherwise everybody is walked over (`population`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.reader import Reader
from projections.everyone import Pin, rows, rows_on

IN_ORDER = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
    " SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
    " SET LOCAL enable_sort = off"
)
"""What is read is of one snapshot, and by plans that stay good when the tables grow."""
UNSETTLED_MAX = 1000
"""So many rows to look at apart: from then on it is less work to walk over everybody."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, with how they stand; without a decision they must be computed.

    `first_n` is None where they are known at the pin, or nothing but a tombstone is left.
    """

    subject: UUID
    first_n: int | None
    decision: str | None
    live: list[str] | None


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a list at the present wants, of one log; `noted` is how many changes time had made."""

    purpose: str
    decision: str | None
    live: str | None
    pin: Pin
    effective_at: datetime
    noted: int
    follower: str


class _Followed(msgspec.Struct, frozen=True, kw_only=True):
    n: int


class _Noted(msgspec.Struct, frozen=True, kw_only=True):
    m: int


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID


async def noted(pool: AsyncConnectionPool, log: int) -> int:
    """How many changes by time the log has; whoever begins a list takes this before the clock."""
    return (await rows(pool, _Noted, "time_changes_noted", {"log": log}))[0].m


async def kept_page(
    reader: Reader, pool: AsyncConnectionPool, sought: Sought, *, after: UUID, limit: int
) -> list[Row] | None:
    """The next of those who may be on the list, and the last row looked at.

    None where the rows do not say how everybody stands.
    """
    own = reader.identity.stream
    try:
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(IN_ORDER)
            unsettled = await _unsettled(connection, sought, own=own)
            if unsettled is None:
                return None
            return await _page(connection, sought, unsettled, after=after, limit=limit)
    except psycopg.OperationalError as error:
        raise Unavailable("the database cannot be reached") from error


async def _unsettled(
    connection: AsyncConnection, sought: Sought, *, own: UUID
) -> list[UUID] | None:
    """Whoever is to be computed, whatever their row says; None where that is not known."""
    at = sought.pin
    values: dict[str, object] = {"log": at.log, "own": own}
    followed = {**values, "follower": sought.follower, "catalogue_n": at.catalogue_n}
    found = await rows_on(connection, _Followed, "rows_followed", followed)
    if not found:
        return None
    values |= {
        "after_n": min(at.n, found[0].n),
        "effective_at": sought.effective_at,
        "noted": sought.noted,
        "many": UNSETTLED_MAX,
    }
    some = await rows_on(connection, _Subject, "unsettled", values)
    return None if len(some) >= UNSETTLED_MAX else list({one.subject for one in some})


async def _page(
    connection: AsyncConnection,
    sought: Sought,
    unsettled: Sequence[UUID],
    *,
    after: UUID,
    limit: int,
) -> list[Row]:
    values = {
        "log": sought.pin.log,
        "purpose": sought.purpose,
        "decision": sought.decision,
        "live": sought.live,
        "catalogue_n": sought.pin.catalogue_n,
        "effective_at": sought.effective_at,
        "unsettled": unsettled,
        "after": after,
        "limit": limit,
    }
    return await rows_on(connection, Row, "standing_page", values)
