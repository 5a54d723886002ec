"""What must be answered by when, over everybody: complaints, objections and requests to erase.

The duties are those of the answers themselves, counted once an entry; only people in whose streams
a clock may have started are looked at. Not here: which clocks there are (`ledger.due`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import Literal, get_args
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.civil import add_days, london_date
from ledger.due import Due
from ledger.reader import Loaded, Reader, latest
from ledger.rules.rulebook import RuleBook
from projections.checks import purposes_of
from projections.everyone import BATCH, FIRST, rows
from projections.walk import asking

Within = Literal["overdue", "5 days", "30 days", "later"]
WITHIN: tuple[Within, ...] = get_args(Within)
KINDS = ("complaint acknowledgement", "erasure response", "objection response")
NOTHING = ""
"""A purpose that no catalogue has: duties that are for every purpose are told of it too."""


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID


async def duties(
    reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool
) -> Counter[tuple[str, Within]]:
    """How many duties run now, by what they are and how soon their last day is."""
    found: Counter[tuple[str, Within]] = Counter()
    for log in range(reader.identity.logs):
        async for loaded in _people(reader, pool, log):
            today = london_date(loaded.head.now)
            for one in {(due.entry, due.what): due for due in _of(loaded, rulebook)}.values():
                found[one.what, _within(one.at, today)] += 1
    return found


def _of(loaded: Loaded, rulebook: RuleBook) -> Iterator[Due]:
    """The duties of one person, told of every purpose that they concern."""
    known_at = latest(loaded.head, loaded.catalogue_place)
    now = max(loaded.head.now, known_at)
    for purpose in (NOTHING, *purposes_of(loaded.catalogue, known_at)):
        ask = asking(purpose, loaded.dossier, loaded.catalogue, rulebook)
        yield from ask(now, known_at).due


def _within(day: date, today: date) -> Within:
    if day < today:
        return "overdue"
    if day <= add_days(today, 5):
        return "5 days"
    return "30 days" if day <= add_days(today, 30) else "later"


async def _people(reader: Reader, pool: AsyncConnectionPool, log: int) -> AsyncIterator[Loaded]:
    after = FIRST
    while True:
        values = {"log": log, "after": after, "limit": BATCH}
        some = [one.subject for one in await rows(pool, _Subject, "people_with_duties", values)]
        if not some:
            return
        people = [one for one in some if one != reader.identity.stream]
        if people:
            for loaded in (await reader.subjects(log, people)).values():
                yield loaded
        after = some[-1]
