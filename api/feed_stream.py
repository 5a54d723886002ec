"""A stream of the feed for one consumer: first what is in the ledger, then what is new as it comes.

It ends with an event that says why and where to go on: `overflow` where the consumer was too slow
for what is kept, `goodbye` where this process ends or can tell no more. Not here: watching for what
is new (`feed_live`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Literal

from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from api.access import Forbidden, Unauthenticated
from api.feed_events import (
    RETRY_MS,
    Checkpoint,
    Ending,
    checkpoint_frame,
    ending_frame,
    frame,
)
from api.feed_live import Live, Look, Overflowed, Place
from ledger.civil import format_instant
from ledger.errors import Behind, LogForked
from projections.feed_cursor import Cursor

FRAMES = 64
"""Events sent at once: a consumer that stops reading holds no more than these."""
STALLED_SECONDS = 300.0
"""How long a consumer may leave unread what was sent before the connection is ended."""
HEARTBEAT = b": heartbeat\n\n"

Reason = Literal["overflow", "draining", "log-forked", "token", "unavailable"]
Purposes = frozenset[str] | None
Asked = Callable[[], Awaitable[Purposes]]
"""The purposes that the consumer may still be told of; raises where it may be told of none."""


class Stream:
    """What one consumer is sent from a cursor on; `every` seconds at most between checkpoints."""

    def __init__(self, live: Live, at: Cursor, asked: Asked, *, every: float) -> None:
        self._live = live
        self._at = at
        self._asked = asked
        self._every = every
        self._purposes: Purposes = frozenset()
        self._place: Place | None = None
        self._due = live.clock()

    async def frames(self, ended: Callable[[Reason], None]) -> AsyncIterator[bytes]:
        """The bytes to send, until the consumer goes away or the stream ends; then tells why."""
        yield b"retry: %d\n\n" % RETRY_MS
        try:
            with self._live.consumer():
                self._purposes = await self._asked()
                while not self._live.draining:
                    if some := await self._some():
                        yield some
            reason: Reason = "draining"
        except Exception as error:
            reason = _reason(error)
            if reason == "unavailable":
                self._live.failed(error)
        ended(reason)
        yield self._last(reason)

    async def _some(self) -> bytes:
        """The next bytes: events, a checkpoint when one is due, or a sign of life."""
        if self._place is None:
            self._place = self._live.place(self._at, self._purposes)
        return await (self._read() if self._place is None else self._taken(self._place))

    async def _read(self) -> bytes:
        """A page from the ledger; at its end the consumer takes a place among those who wait."""
        async with self._live.reading:
            page = await self._live.feed.events(self._at, limit=FRAMES, purposes=self._purposes)
        sent = [frame(one.cursor, self._live.encode(one)) for one in page.events]
        self._at = page.cursor
        if page.behind == 0:
            look = Look(time=page.time, at=self._live.clock(), behind=0)
            self._place = self._live.place(self._at, self._purposes, ended=look)
        if page.behind == 0 or self._live.clock() >= self._due:
            sent.append(await self._checkpoint(page.time, page.behind))
        return b"".join(sent)

    async def _taken(self, place: Place) -> bytes:
        """Events as they are kept for everybody; where there are none, the wait for some."""
        if place.buffer.lost:
            raise LogForked("the log is not the one that was told of")
        some = place.take(most=FRAMES)
        self._at = place.at
        sent = [
            one.frame if cursor is one.event.cursor else frame(cursor, one.body)
            for cursor, one in some
        ]
        if self._live.clock() >= self._due:
            sent.append(await self._alive(place))
        if not sent:
            await self._live.news(max(0.0, self._due - self._live.clock()))
        return b"".join(sent)

    async def _alive(self, place: Place) -> bytes:
        """A checkpoint where the end was looked at lately, else a mere sign of life."""
        look = place.buffer.look
        now = self._live.clock()
        if now - look.at >= self._every:
            self._due = now + self._every
            return HEARTBEAT
        return await self._checkpoint(look.time, look.behind + place.left)

    async def _checkpoint(self, time: datetime, behind: int) -> bytes:
        """Where the consumer stands; whether they may still be told is asked again each time."""
        purposes = await self._asked()
        if purposes != self._purposes:
            self._purposes, self._place = purposes, None
        self._due = self._live.clock() + self._every
        return checkpoint_frame(checkpoint(self._at, time, behind))

    def _last(self, reason: Reason) -> bytes:
        one = Ending(cursor=self._at.spelt(), reason=reason)
        # Not all at once: whoever takes over has others to serve.
        retry_ms = RETRY_MS + random.randrange(RETRY_MS)  # noqa: S311 - spreads load, no secret
        name: Literal["overflow", "goodbye"] = "overflow" if reason == "overflow" else "goodbye"
        return ending_frame(name, one, retry_ms=retry_ms)


def _reason(error: Exception) -> Reason:
    match error:
        case Overflowed():
            return "overflow"
        case LogForked() | Behind():
            return "log-forked"
        case Unauthenticated() | Forbidden():
            return "token"
    return "unavailable"


class Paced(ASGIMiddleware):
    """Ends a response whose caller has read nothing for a while: to it, the caller went away."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass on what the caller reads in time."""
        left = asyncio.Event()

        async def sending(message: Message) -> None:
            if left.is_set():
                return
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    await send(message)
            except TimeoutError:
                left.set()

        async def receiving() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            message, leaving = asyncio.ensure_future(receive()), asyncio.create_task(left.wait())
            try:
                await asyncio.wait({message, leaving}, return_when=asyncio.FIRST_COMPLETED)
                return message.result() if message.done() else {"type": "http.disconnect"}
            finally:
                message.cancel()
                leaving.cancel()

        await next_app(scope, receiving, sending)


def checkpoint(at: Cursor, time: datetime, behind: int) -> Checkpoint:
    """What is promised to a consumer who stands there."""
    return Checkpoint(
        cursor=at.spelt(), positions=at.positions(), time=format_instant(time), behind=behind
    )
