"""A feed of which the pages are told beforehand, and who waits for news of it; no database."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.feed_events import encoding
from api.feed_live import Live, Look, Place
from ledger.store import Identity
from projections.feed import BasisChanged, EntryRecorded, Page
from projections.feed_cursor import Cursor, Mark

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LOOK = Look(time=NOW, at=0.0, behind=0)
IDENTITY = Identity(origin="test.example/ledger", logs=2, stream=UUID(int=9))
Event = EntryRecorded | BasisChanged


def entry(cursor: Cursor, log: int, *purposes: str) -> EntryRecorded:
    """The next entry of the log after the cursor."""
    mark = cursor.marks[log]
    n = mark.n + 1
    return EntryRecorded(
        log=log,
        cursor=cursor.moved(log, Mark(n=n, leaf_hash=f"{n:08x}", m=mark.m)),
        time=NOW,
        position=f"{log}:{n}:{n:08x}",
        subject=UUID(int=1),
        purposes=frozenset(purposes),
        n=n,
        entry=UUID(int=n),
        type="ConsentGranted",
    )


def change(cursor: Cursor, log: int, *purposes: str) -> BasisChanged:
    """The next change by time."""
    mark = cursor.marks[log]
    return BasisChanged(
        log=log,
        cursor=cursor.moved(log, Mark(n=mark.n, leaf_hash=mark.leaf_hash, m=mark.m + 1)),
        time=NOW,
        position="0:1",
        subject=UUID(int=1),
        purposes=frozenset(purposes),
        m=mark.m + 1,
        effective_at=NOW,
    )


def page(after: Cursor, many: int, *purposes: str, behind: int = 0) -> Page:
    """The next entries of the first log."""
    events = []
    for _ in range(many):
        events.append(entry(after, 0, *purposes))
        after = events[-1].cursor
    return Page(events=tuple(events), cursor=after, behind=behind, time=NOW + timedelta(minutes=1))


class Told:
    """The feed; once it has told all, it has nothing new."""

    def __init__(self, *pages: Page | Exception) -> None:
        self.left = list(pages)
        self.asked: list[Cursor] = []

    async def events(
        self, after: Cursor, *, limit: int, purposes: frozenset[str] | None = None
    ) -> Page:
        """The next page, or the error in its place."""
        assert limit > 0
        self.asked.append(after)
        found = self.left.pop(0) if self.left else Page(events=(), cursor=after, behind=0, time=NOW)
        if isinstance(found, Exception):
            raise found
        seen = tuple(one for one in found.events if one.seen_by(purposes))
        return Page(events=seen, cursor=found.cursor, behind=found.behind, time=found.time)


def live(feed: Told, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Live:
    """Who waits for its news, looking without a pause."""
    monkeypatch.setattr("api.feed_live.POLL_SECONDS", 0.001)
    monkeypatch.setattr("api.feed_live.FAILED_SECONDS", 0.001)
    clock: Callable[[], float] = lambda: 0.0  # noqa: E731 - a clock that stands
    usual: dict[str, Any] = {
        "draining": asyncio.Event(),
        "buffered": 100,
        "consumers_max": 2,
        "clock": clock,
        "failed": lambda _: None,
    }
    return Live(feed, encoding(IDENTITY), **{**usual, **options})  # type: ignore[arg-type]


def joined(one: Live, at: Cursor) -> Place:
    """The place of a consumer who has just found the end there."""
    place = one.place(at, None, ended=LOOK)
    assert place is not None
    return place
