"""The answers that callers were given, from the read audit: what they were told, when and why.

Rows of the last minute are left out: they may still be on their way (`projections.reads`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Malformed
from ledger.reader import Reader
from projections.packs.entries import Shown, repeats, secret_words
from projections.packs.order import Order
from projections.read_audit import Row
from projections.reads import SETTLES, Reads, Sought

PAGE = 1_000
READ_MAX = 100_000
"""Rows that are looked through for one pack."""


async def given(
    reader: Reader, pool: AsyncConnectionPool, order: Order, entries: Sequence[Shown]
) -> list[Row]:
    """The answers about the person and the purposes in the period, in the order of their ids.

    A reason that repeats words that are withheld is left out; so is every reason where the pack is
    about no person, since it may name one.
    """
    words = secret_words(entries)
    return [_without_words(one, order, words) for one in await _found(reader, pool, order)]


async def _found(reader: Reader, pool: AsyncConnectionPool, order: Order) -> list[Row]:
    settled = order.made_at - SETTLES
    until = settled if order.end is None else min(order.end, settled)
    if order.start is not None and order.start >= until:
        return []
    sought = Sought(subject=order.subject, since=order.start, until=until)
    reads, cursor, looked = Reads(reader, pool), None, 0
    found: list[Row] = []
    while True:
        page = await reads.found(sought, limit=PAGE, cursor=cursor)
        found += [one for one in page.rows if one.decision and order.covers(one.purpose)]
        looked, cursor = looked + len(page.rows), page.cursor
        if cursor is None:
            return found
        if looked >= READ_MAX:
            message = f"has more than {READ_MAX} reads: give a shorter period"
            raise Malformed(message, field="until")


def _without_words(one: Row, order: Order, words: set[str]) -> Row:
    hide = order.subject is None or (one.reason is not None and repeats(one.reason, words))
    return msgspec.structs.replace(one, reason=None) if hide else one
