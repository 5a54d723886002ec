"""The feed: everything recorded, and all that time alone changed, in order and without gaps.

Entries come in the order of n and changes by time in that of m, each once; a change comes after the
entries that were known when it was found. Numbers are given under a row lock that is held to
commit, so that whoever reads on from a number misses nothing. Not here: how it is told (`api`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Behind, LogForked
from ledger.reader import Reader, position
from ledger.store import Stored
from projections.everyone import rows
from projections.feed_cursor import Cursor, Mark, earliest, parse_cursor
from projections.feed_purposes import NONE, Purposes, told_to

EARLIEST, HEAD = "earliest", "head"
LOOKED_AT_MAX = 5_000
"""Events that one call looks at, whoever of its reader may see any of them."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to the record; `cursor` stands just after it.

    `subject` is None where it is about no one person. `purposes` are those that it is about, `*`
    among them where it is about every one; where none can be named, there is none.
    """

    log: int
    cursor: Cursor
    time: datetime
    position: str
    subject: UUID | None
    purposes: frozenset[str]

    def seen_by(self, purposes: frozenset[str] | None) -> bool:
        """Whether it may be told for these purposes; None is all of them."""
        return told_to(purposes, about=self.purposes, subject=self.subject)


class EntryRecorded(Event, frozen=True, kw_only=True):
    """An entry of the log."""

    n: int
    entry: UUID
    type: str


class BasisChanged(Event, frozen=True, kw_only=True):
    """The decision or the live lines changed by time alone; `effective_at` None once forgotten."""

    m: int
    effective_at: datetime | None


AnyEvent = EntryRecorded | BasisChanged


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; nothing at or before `cursor` will be told by a later page.

    `time` is the database's clock when nothing but `behind` events came after the cursor.
    """

    events: tuple[AnyEvent, ...]
    cursor: Cursor
    behind: int
    time: datetime


class _State(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    leaf_hash: bytes | None
    m: int
    now: datetime
    named: bytes | None


class _Changed(msgspec.Struct, frozen=True, kw_only=True):
    m: int
    subject: UUID
    noted_at: datetime
    n: int
    leaf_hash: bytes | None
    purpose: str | None
    effective_at: datetime | None


class Feed:
    """Reads the feed of one ledger; holds no connection between two pages."""

    def __init__(
        self, reader: Reader, pool: AsyncConnectionPool, *, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._pool = pool
        self._purposes = Purposes(reader, pool, clock=clock)
        self._logs = reader.identity.logs

    async def cursor(self, text: str, *, field: str) -> Cursor:
        """The place that the text names: `earliest`, `head`, or a cursor of this feed.

        Raises `Malformed`, `LogForked` and `Behind`.
        """
        if text == EARLIEST:
            return earliest(self._logs)
        if text == HEAD:
            return await self.head()
        named = parse_cursor(text, logs=self._logs, field=field)
        for log, mark in enumerate(named.marks):
            await self._state(log, mark)
        return named

    async def head(self) -> Cursor:
        """The end of the feed as it is now."""
        states = [await self._state(log, Mark()) for log in range(self._logs)]
        return Cursor(
            marks=tuple(
                Mark(n=one.size, leaf_hash=_short(one.leaf_hash), m=one.m) for one in states
            )
        )

    async def events(
        self, after: Cursor, *, limit: int, purposes: frozenset[str] | None = None
    ) -> Page:
        """The next events that may be told for these purposes, None being all, `limit` at most.

        Fewer are no sign of the end: `behind` is 0 there. Raises `LogForked` where the log no
        longer holds the entry at the cursor, `Behind` where it has not come so far.
        """
        found: list[AnyEvent] = []
        looked_at = 0
        while True:
            page = await self._next(after, limit - len(found))
            looked_at += len(page.events)
            found += [one for one in page.events if one.seen_by(purposes)]
            ended = page.behind == 0 or not page.events
            if ended or len(found) == limit or looked_at >= LOOKED_AT_MAX:
                return msgspec.structs.replace(page, events=tuple(found))
            after = page.cursor

    async def _next(self, after: Cursor, limit: int) -> Page:
        """The next events of each log, which have equal shares of the page."""
        share = -(-limit // self._logs)
        events: list[AnyEvent] = []
        behind, times = 0, []
        for log in range(self._logs):
            state = await self._state(log, after.marks[log])
            for one in await self._of(log, after, state, min(share, limit - len(events))):
                after = one.cursor
                events.append(one)
            mark = after.marks[log]
            behind += max(0, state.size - mark.n) + max(0, state.m - mark.m)
            times.append(state.now)
            if mark.leaf_hash is None:
                named = Mark(n=mark.n, leaf_hash=_short(state.named), m=mark.m)
                after = after.moved(log, named)
        return Page(events=tuple(events), cursor=after, behind=behind, time=min(times))

    async def _state(self, log: int, mark: Mark) -> _State:
        """Where the log stands, which holds the entry of the mark and has come so far."""
        (state,) = await rows(self._pool, _State, "feed_state", {"log": log, "n": mark.n})
        if mark.n > state.size or mark.m > state.m:
            raise Behind("the cursor is beyond the end of the feed: retry, or ask its operator")
        if mark.leaf_hash not in (None, _short(state.named)):
            raise LogForked("the cursor names another entry than this log holds there")
        return state

    async def _of(self, log: int, after: Cursor, state: _State, limit: int) -> list[AnyEvent]:
        """The next events of one log; entries are read after the changes that must follow them."""
        mark = after.marks[log]
        if limit == 0 or (state.size, state.m) == (mark.n, mark.m):
            return []
        changed: list[_Changed] = []
        if state.m > mark.m:
            values = {"log": log, "after": mark.m, "limit": limit}
            changed = await rows(self._pool, _Changed, "time_changes", values)
        entries = await self._reader.store.log(log, after=mark.n, limit=limit)
        purposes = await self._purposes.of(log, entries)
        merged = _merged(entries, changed, mark.n)
        return list(self._told(log, after, [*merged][:limit], purposes))

    def _told(
        self,
        log: int,
        cursor: Cursor,
        merged: Sequence[Stored | _Changed],
        purposes: dict[int, frozenset[str]],
    ) -> Iterator[AnyEvent]:
        own = self._reader.identity.stream
        for one in merged:
            mark = cursor.marks[log]
            if isinstance(one, Stored):
                mark = Mark(n=one.n, leaf_hash=_short(one.leaf_hash), m=mark.m)
                cursor = cursor.moved(log, mark)
                yield _recorded(log, cursor, one, purposes[one.n], own)
            else:
                cursor = cursor.moved(log, msgspec.structs.replace(mark, m=one.m))
                yield _changed(log, cursor, one)


def _merged(
    entries: Sequence[Stored], changed: Sequence[_Changed], n: int
) -> Iterator[Stored | _Changed]:
    """Each change as soon as the entries that were known when it was found are told."""
    waiting = list(reversed(changed))
    for entry in entries:
        while waiting and waiting[-1].n <= n:
            yield waiting.pop()
        yield entry
        n = entry.n
    while waiting and waiting[-1].n <= n:
        yield waiting.pop()


def _recorded(
    log: int, cursor: Cursor, one: Stored, purposes: frozenset[str], own: UUID
) -> EntryRecorded:
    return EntryRecorded(
        log=log,
        cursor=cursor,
        time=one.recorded_at,
        position=position(log, one.n, one.leaf_hash),
        subject=None if one.stream == own else one.stream,
        purposes=purposes,
        n=one.n,
        entry=one.event_id,
        type=one.name,
    )


def _changed(log: int, cursor: Cursor, one: _Changed) -> BasisChanged:
    return BasisChanged(
        log=log,
        cursor=cursor,
        time=one.noted_at,
        position=position(log, one.n, one.leaf_hash),
        subject=one.subject,
        purposes=NONE if one.purpose is None else frozenset({one.purpose}),
        m=one.m,
        effective_at=one.effective_at,
    )


def _short(leaf_hash: bytes | None) -> str | None:
    return None if leaf_hash is None else leaf_hash.hex()[:8]
