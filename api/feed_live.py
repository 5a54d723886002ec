"""The end of the feed, watched once for everybody of this process who waits for news.

One task looks for new events while anybody waits, encodes each once, and keeps the last of them;
each consumer has a place among those. Whoever falls out of what is kept has to read on from the
ledger. Nobody holds a connection while they wait, and nobody waits for another. Not here: what a
consumer is sent (`feed_stream`, `feed`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import msgspec

from api.feed_events import Encode, frame
from api.problems import Overloaded
from ledger.errors import Behind, LogForked
from projections.feed import AnyEvent, EntryRecorded, Feed, Page
from projections.feed_cursor import Cursor, Mark

POLL_SECONDS = 0.2
FAILED_SECONDS = 2.0
"""How long until the next look, after one that found the end, and after one that failed."""
PAGE = 200
KEPT_SECONDS = 60.0
"""What was read of an event is held in memory as long as its key is, and no longer."""


class Overflowed(Exception):
    """The consumer was too slow for what is kept."""


class Kept(NamedTuple):
    """An event, encoded, as whoever stands at `before` is sent it."""

    before: Cursor
    event: AnyEvent
    body: bytes
    frame: bytes
    at: float


class Look(NamedTuple):
    """The last look that succeeded: by the database's clock, by ours, and what it left."""

    time: datetime
    at: float
    behind: int


class Buffer:
    """The last events in order, from the one numbered `first`; `start` stands just before it."""

    def __init__(self, start: Cursor, look: Look, *, most: int) -> None:
        self.start = start
        self.end = start
        self.first = 0
        self.look = look
        # Whether the log turned out to be another than the one that was told of.
        self.lost = False
        self._most = most
        self._kept: deque[Kept] = deque()

    @property
    def next(self) -> int:
        """The number that the next event will get."""
        return self.first + len(self._kept)

    def put(self, one: Kept) -> None:
        """The event is the last one now; the first is let go where they become too many."""
        self._kept.append(one)
        self.end = one.event.cursor
        if len(self._kept) > self._most:
            self._let_go()

    def age(self, oldest: float) -> None:
        """Let go of what was kept before this moment of our clock."""
        while self._kept and self._kept[0].at < oldest:
            self._let_go()

    def since(self, number: int, *, most: int) -> list[Kept]:
        """The events from this number on; raises `Overflowed` where it was let go."""
        if number < self.first:
            raise Overflowed
        left = self.next - number
        newest_first = list(islice(reversed(self._kept), left))
        return newest_first[::-1][:most]

    def _let_go(self) -> None:
        self.start = self._kept.popleft().event.cursor
        self.first += 1


class Place:
    """A consumer's place among the kept events; `at` is their cursor."""

    def __init__(self, buffer: Buffer, at: Cursor, purposes: frozenset[str] | None) -> None:
        self.at = at
        self.buffer = buffer
        self._next = buffer.first
        self._purposes = purposes

    @property
    def left(self) -> int:
        """How many kept events they have not taken."""
        return self.buffer.next - self._next

    def take(self, *, most: int) -> list[tuple[Cursor, Kept]]:
        """The next events that they may see, each with the cursor after it; none at the end.

        Raises `Overflowed` where they were let go.
        """
        found: list[tuple[Cursor, Kept]] = []
        while len(found) < most and (some := self.buffer.since(self._next, most=most)):
            for one in some[: most - len(found)]:
                self._next += 1
                if self._pass(one) and one.event.seen_by(self._purposes):
                    found.append((self.at, one))
        return found

    def _pass(self, one: Kept) -> bool:
        """Whether the event is new to whoever stands here; they stand after it now."""
        event, mark = one.event, self.at.marks[one.event.log]
        if self.at is one.before:
            self.at = event.cursor
            return True
        passed = event.cursor.marks[event.log]
        if isinstance(event, EntryRecorded):
            new, mark = (
                event.n > mark.n,
                Mark(n=passed.n, leaf_hash=passed.leaf_hash, m=mark.m),
            )
        else:
            new, mark = event.m > mark.m, msgspec.structs.replace(mark, m=event.m)
        if new:
            moved = self.at.moved(event.log, mark)
            self.at = event.cursor if moved == event.cursor else moved
        return new


class Live:
    """Whoever waits for news in one process; `failed` is told of what was not to be read."""

    def __init__(
        self,
        feed: Feed,
        encode: Encode,
        *,
        draining: asyncio.Event,
        clock: Callable[[], float],
        failed: Callable[[Exception], None],
        buffered: int,
        consumers_max: int,
    ) -> None:
        self.feed = feed
        self.encode = encode
        self.clock = clock
        self.failed = failed
        self.consumers = 0
        self._draining = draining
        self._buffered = buffered
        self._consumers_max = consumers_max
        self._buffer: Buffer | None = None
        self._news = asyncio.Event()
        self._looking: set[asyncio.Task[None]] = set()
        # However many read what was before, others get their connections.
        self.reading = asyncio.Semaphore(2)

    @property
    def draining(self) -> bool:
        """Whether this process is about to end."""
        return self._draining.is_set()

    @property
    def behind(self) -> int:
        """How many events the last look left, for whoever is up to it."""
        return 0 if self._buffer is None else self._buffer.look.behind

    def require_room(self) -> None:
        """Raise `Overloaded` where there are as many consumers as may be."""
        if self.consumers >= self._consumers_max:
            raise Overloaded

    @contextmanager
    def consumer(self) -> Iterator[None]:
        """One more consumer meanwhile; raises `Overloaded` where there are as many as may be."""
        self.require_room()
        self.consumers += 1
        try:
            yield
        finally:
            self.consumers -= 1

    def place(
        self, at: Cursor, purposes: frozenset[str] | None, *, ended: Look | None = None
    ) -> Place | None:
        """The place of a consumer who stands there; None while what follows is not kept.

        `ended` is a look that has just found the end of the feed there: from now on all is kept.
        """
        buffer = self._buffer
        if buffer is None or buffer.lost:
            if ended is None:
                return None
            buffer = self._start(at, ended)
        return Place(buffer, at, purposes) if at.has(buffer.start) else None

    async def news(self, seconds: float) -> None:
        """Returns when there may be something new, when draining, or after so long."""
        if self.draining:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _start(self, at: Cursor, look: Look) -> Buffer:
        buffer = self._buffer = Buffer(at, look, most=self._buffered)
        # It outlives the request that is the first to wait, and is no part of it.
        task = asyncio.create_task(self._follow(buffer), context=Context())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)
        return buffer

    async def _follow(self, buffer: Buffer) -> None:
        """Looks for as long as anybody waits; then nothing is kept."""
        while self.consumers and not self.draining and not buffer.lost:
            pause = await self._look(buffer)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._draining.wait()
        if self._buffer is buffer:
            self._buffer = None
        self._tell()

    async def _look(self, buffer: Buffer) -> float:
        """How many seconds to pause after a look."""
        try:
            page = await self.feed.events(buffer.end, limit=PAGE)
            self._keep(buffer, page)
        except Exception as error:
            # A log that is not the one told of so far: each consumer finds out by coming again.
            buffer.lost = isinstance(error, LogForked | Behind)
            self.failed(error)
            return FAILED_SECONDS * (not buffer.lost)
        if page.events:
            self._tell()
        return 0.0 if page.behind else POLL_SECONDS

    def _keep(self, buffer: Buffer, page: Page) -> None:
        now = self.clock()
        for event in page.events:
            body = self.encode(event)
            whole = frame(event.cursor, body)
            buffer.put(Kept(before=buffer.end, event=event, body=body, frame=whole, at=now))
        buffer.age(now - KEPT_SECONDS)
        buffer.look = Look(time=page.time, at=now, behind=page.behind)

    def _tell(self) -> None:
        """Everybody who waits looks for themselves."""
        self._news.set()
        self._news = asyncio.Event()
