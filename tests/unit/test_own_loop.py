"""An event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ledger.own_loop import OwnLoop


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
