"""What one consumer of a stream is sent, frame by frame; and that who does not read is let go."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from litestar.types import ASGIApp

from api.access import Forbidden, Unauthenticated
from api.feed_stream import Paced, Purposes, Stream
from ledger.errors import Fault, LogForked
from projections.feed import Page
from projections.feed_cursor import Cursor, earliest
from tests.unit.feed_told import NOW, Told, live, page

START = earliest(2)


async def everybody() -> Purposes:
    return None


class Reading:
    """A consumer's stream, read frame by frame."""

    def __init__(self, stream: Stream) -> None:
        self.reasons: list[str] = []
        self._chunks = stream.frames(self.reasons.append)
        self._left: list[bytes] = []

    async def next(self, *, alive: bool = False) -> dict[str, Any]:
        """The next frame, heartbeats among them only if asked for; empty at the end."""
        while not self._left:
            try:
                chunk = await asyncio.wait_for(anext(self._chunks), 60)
            except StopAsyncIteration:
                return {}
            self._left = [one for one in chunk.split(b"\n\n") if one and (alive or one[:1] != b":")]
        lines = [line.partition(": ") for line in self._left.pop(0).decode().split("\n")]
        found: dict[str, Any] = {name: value for name, _, value in lines}
        if "data" in found:
            found["data"] = json.loads(found["data"])
        return found

    async def rest(self) -> list[dict[str, Any]]:
        """Every frame up to the end."""
        found = []
        while one := await self.next():
            found.append(one)
        return found

    async def until(self, cursor: str) -> AsyncIterator[dict[str, Any]]:
        """Every frame up to the first one with this cursor."""
        found: dict[str, Any] = {}
        while found.get("id") != cursor:
            found = await self.next()
            yield found

    async def leave(self) -> None:
        await self._chunks.aclose()  # type: ignore[attr-defined]


def told(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 120))


def after(cursor: Cursor, many: int) -> Cursor:
    return page(cursor, many).cursor


def test_what_is_in_the_ledger_comes_first_and_then_what_is_new(monkeypatch):
    async def story():
        second = after(START, 2)
        feed = Told(
            page(START, 2, behind=3),
            page(second, 3),
            page(after(second, 3), 1),
            page(after(second, 4), 1),
        )
        one = live(feed, monkeypatch, clock=lambda: 0.0)
        reading = Reading(Stream(one, START, everybody, every=15))
        assert await reading.next() == {"retry": "2000"}
        frames = [await reading.next() for _ in range(9)]
        assert [f.get("event") for f in frames] == [
            None, None, "checkpoint", None, None, None, "checkpoint", None, None,
        ]  # fmt: skip
        assert [f["id"] for f in frames if "event" not in f] == [
            f"0:{n}:{n:08x}-0,1:0-0" for n in range(1, 8)
        ]
        assert frames[2]["data"] == {
            "cursor": second.spelt(),
            "positions": ["0:2:00000002", "1:0"],
            "time": "2026-06-01T00:01:00Z",
            "behind": 3,
        }
        assert frames[6]["data"]["behind"] == 0
        assert all(f["id"] == f["data"]["cursor"] for f in (frames[2], frames[6]))
        await reading.leave()
        assert one.consumers == 0

    told(story)


def test_a_checkpoint_comes_whenever_it_is_due_and_life_is_shown_where_nothing_is_known(
    monkeypatch,
):
    async def story():
        one = live(Told(), monkeypatch, clock=time.monotonic)
        reading = Reading(Stream(one, START, everybody, every=0.05))
        assert await reading.next() == {"retry": "2000"}
        for _ in range(3):
            assert (await reading.next())["event"] == "checkpoint"

        async def broken(*_: Any, **__: Any) -> Page:
            raise Fault("the database is away")

        monkeypatch.setattr(one.feed, "events", broken)
        while (await reading.next(alive=True)).get("event") == "checkpoint":
            pass
        for _ in range(3):
            assert await reading.next(alive=True) == {"": "heartbeat"}
        await reading.leave()

    told(story)


def test_a_consumer_bound_to_purposes_is_told_of_them_and_moves_on(monkeypatch):
    async def story():
        feed = Told(
            page(START, 2, "GROUP"), page(after(START, 2), 1, "PHOTO"), page(after(START, 3), 2)
        )
        one = live(feed, monkeypatch, clock=time.monotonic)

        async def photo() -> Purposes:
            return frozenset({"PHOTO"})

        reading = Reading(Stream(one, START, photo, every=0.05))
        await reading.next()
        first = await reading.next()
        assert (first["event"], first["id"]) == ("checkpoint", "0:2:00000002-0,1:0-0")
        told = [frame async for frame in reading.until("0:5:00000005-0,1:0-0")]
        assert {frame.get("event") for frame in told[:-1]} <= {None, "checkpoint"}
        assert [frame["id"] for frame in told if "event" not in frame] == ["0:3:00000003-0,1:0-0"]
        assert told[-1]["event"] == "checkpoint"
        await reading.leave()

    told(story)


def test_a_consumer_who_is_too_slow_is_told_where_to_go_on(monkeypatch):
    async def story():
        pages, at = [Page(events=(), cursor=START, behind=0, time=NOW)], START
        for _ in range(5):
            pages.append(page(at, 20, behind=1))
            at = pages[-1].cursor
        feed = Told(*pages)
        one = live(feed, monkeypatch, buffered=50)
        reading = Reading(Stream(one, START, everybody, every=15))
        await reading.next()
        assert (await reading.next())["event"] == "checkpoint"
        # Nobody asks for more meanwhile.
        while feed.left:
            await asyncio.sleep(0)
        (last,) = await reading.rest()
        assert last["event"] == "overflow"
        assert last["data"] == {"cursor": START.spelt(), "reason": "overflow"}
        assert last["id"] == START.spelt()
        assert 2000 <= int(last["retry"]) < 4000
        assert reading.reasons == ["overflow"]
        assert one.consumers == 0

    told(story)


def test_everybody_is_told_that_the_process_ends(monkeypatch):
    async def story():
        draining = asyncio.Event()
        one = live(Told(page(START, 1)), monkeypatch, draining=draining)
        reading = Reading(Stream(one, START, everybody, every=3600))
        frames = [await reading.next() for _ in range(3)]
        waiting = asyncio.create_task(reading.next())
        await asyncio.sleep(0)
        draining.set()
        last = await waiting
        assert (last["event"], last["data"]["reason"]) == ("goodbye", "draining")
        assert last["data"]["cursor"] == frames[1]["id"]
        assert await reading.next() == {}

    told(story)


@pytest.mark.parametrize(
    ("error", "reason", "reported"),
    [
        (LogForked("x"), "log-forked", 0),
        (Fault("x"), "unavailable", 1),
        (Unauthenticated("x"), "token", 0),
        (Forbidden("x"), "token", 0),
    ],
)
def test_what_cannot_go_on_ends_with_a_reason(monkeypatch, error, reason, reported):
    async def story():
        failed: list[Exception] = []
        one = live(Told(page(START, 1, behind=1), error), monkeypatch, failed=failed.append)
        reading = Reading(Stream(one, START, everybody, every=15))
        *_, last = await reading.rest()
        assert (last["event"], last["data"]["reason"]) == ("goodbye", reason)
        assert last["data"]["cursor"] == after(START, 1).spelt()
        assert (reading.reasons, len(failed)) == ([reason], reported)

    told(story)


def test_whether_a_consumer_may_be_told_is_asked_again_at_each_checkpoint(monkeypatch):
    async def story():
        answers: list[Purposes | Exception] = [None, None, None]

        async def asked() -> Purposes:
            found = answers.pop(0) if answers else Unauthenticated("the token has expired")
            if isinstance(found, Exception):
                raise found
            return found

        one = live(Told(), monkeypatch, clock=time.monotonic)
        reading = Reading(Stream(one, START, asked, every=0.05))
        frames = await reading.rest()
        assert [f.get("event") for f in frames] == [None, "checkpoint", "checkpoint", "goodbye"]
        assert frames[-1]["data"]["reason"] == "token"

    told(story)


def test_a_grant_that_became_narrower_counts_from_the_next_checkpoint_on(monkeypatch):
    async def story():
        answers: list[Purposes] = [None, None]

        async def asked() -> Purposes:
            return answers.pop(0) if answers else frozenset({"PHOTO"})

        feed = Told(page(START, 1, "GROUP"))
        one = live(feed, monkeypatch, clock=time.monotonic)
        reading = Reading(Stream(one, START, asked, every=0.05))
        await reading.next()
        assert (await reading.next())["id"] == after(START, 1).spelt()
        for _ in range(2):
            assert (await reading.next())["event"] == "checkpoint"
        feed.left = [page(after(START, 1), 1, "GROUP"), page(after(START, 2), 1, "PHOTO")]
        seen = await reading.next()
        while "event" in seen:
            seen = await reading.next()
        assert seen["id"] == after(START, 3).spelt()
        await reading.leave()

    told(story)


def test_no_more_are_served_than_may_be(monkeypatch):
    async def story():
        one = live(Told(), monkeypatch, consumers_max=1)
        with one.consumer():
            frames = await Reading(Stream(one, START, everybody, every=15)).rest()
        assert [f.get("event") for f in frames] == [None, "goodbye"]

    told(story)


# Callers who do not read.


async def paced(app: ASGIApp, send: Callable[[Any], Awaitable[None]], receive: Any) -> None:
    scope: Any = {"type": "http"}
    await Paced().handle(scope, receive, send, app)


async def never(*_: Any) -> Any:
    await asyncio.Event().wait()


def test_who_reads_nothing_has_gone_away(monkeypatch):
    monkeypatch.setattr("api.feed_stream.STALLED_SECONDS", 0.01)

    async def story():
        async def app(_: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            assert await receive() == {"type": "http.disconnect"}
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        await paced(app, never, never)

    told(story)


def test_who_reads_is_sent_everything_and_heard(monkeypatch):
    monkeypatch.setattr("api.feed_stream.STALLED_SECONDS", 60.0)

    async def story():
        sent: list[Any] = []

        async def sending(message: Any) -> None:
            sent.append(message)

        async def receiving() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def app(_: Any, receive: Any, send: Any) -> None:
            assert (await receive())["type"] == "http.request"
            await send("one")
            await send("two")

        await paced(app, sending, receiving)
        assert sent == ["one", "two"]

    told(story)
