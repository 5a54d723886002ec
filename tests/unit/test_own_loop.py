"""An event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ledger.errors import Unavailable
from ledger.own_loop import OwnLoop
from tests.integration.waiting import until


def test_callers_of_any_thread_get_what_their_coroutine_returns_or_raises():
    async def where() -> threading.Thread:
        await asyncio.sleep(0)
        return threading.current_thread()

    async def raises() -> None:
        raise LookupError("this one")

    loop = OwnLoop()
    there = loop.run(where())
    assert there is loop.run(where()) is not threading.current_thread()
    with pytest.raises(LookupError, match="this one"):
        loop.run(raises())
    loop.close()
    assert not there.is_alive()


def test_what_was_entered_is_left_last_first_in_the_same_loop():
    told: list[tuple[str, str, asyncio.AbstractEventLoop]] = []

    @asynccontextmanager
    async def resource(name: str) -> AsyncIterator[str]:
        told.append(("in", name, asyncio.get_running_loop()))
        yield name
        told.append(("out", name, asyncio.get_running_loop()))

    loop = OwnLoop()
    assert [loop.enter(resource(name)) for name in "ab"] == ["a", "b"]
    loop.close()
    assert [(what, name) for what, name, _ in told] == [
        ("in", "a"),
        ("in", "b"),
        ("out", "b"),
        ("out", "a"),
    ]
    assert len({id(each) for *_, each in told}) == 1


async def nothing() -> None:
    await asyncio.sleep(0)


def is_closing(loop: OwnLoop) -> bool:
    """Whether it turns callers away."""
    try:
        loop.run(nothing())
    except Unavailable:
        return True
    return False


def test_a_caller_who_comes_too_late_is_told_so_and_does_not_wait():
    loop = OwnLoop()
    loop.close()
    with pytest.raises(Unavailable, match="closed"):
        loop.run(nothing())


def test_who_was_there_before_the_loop_was_closed_gets_an_answer_and_nothing_is_left_before():
    told: list[str] = []
    loop = OwnLoop()
    closing = threading.Thread(target=loop.close, daemon=True)

    @asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        yield
        told.append("left")

    async def slow() -> str:
        closing.start()
        await asyncio.to_thread(until, lambda: is_closing(loop), "the loop is being closed")
        told.append("done")
        return "answered"

    loop.enter(resource())
    assert loop.run(slow()) == "answered"
    closing.join(30)
    assert not closing.is_alive()
    assert told == ["done", "left"]
