"""Waiting for a log to grow: one poll for whoever waits, and none when nobody does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api.waiting import Growth
from ledger.errors import Unavailable


class Logs:
    """Logs whose sizes a test sets; each look is counted, and the pauses are the test's."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = list(sizes)
        self.looks = [0 for _ in sizes]
        self.broken = False
        self.paused = asyncio.Semaphore(0)
        self._go = asyncio.Semaphore(0)
        self.growth = Growth(self.size, pause=self._pause)

    async def size(self, log: int) -> int:
        self.looks[log] += 1
        if self.broken:
            raise Unavailable("the database cannot be reached")
        return self.sizes[log]

    async def step(self) -> None:
        """Let the poll look once more, and come to rest."""
        self._go.release()
        await self.paused.acquire()

    def last_step(self) -> None:
        """Let the poll look once more."""
        self._go.release()

    async def _pause(self) -> None:
        self.paused.release()
        await self._go.acquire()


def told(story: Callable[[Logs], Awaitable[None]], *sizes: int) -> None:
    async def tell() -> None:
        await story(Logs(*sizes))

    asyncio.run(tell())


def test_a_position_that_is_reached_is_not_waited_for() -> None:
    async def story(logs: Logs) -> None:
        await logs.growth.reached(0, 5)
        assert logs.looks == [1]

    told(story, 5)


def test_whoever_waits_is_told_when_their_position_is_reached_and_not_before() -> None:
    async def story(logs: Logs) -> None:
        waits = {n: asyncio.create_task(logs.growth.reached(0, n)) for n in (2, 3, 3, 9)}
        await logs.paused.acquire()
        assert not any(one.done() for one in waits.values())
        logs.sizes[0] = 3
        await logs.step()
        assert [waits[n].done() for n in (2, 3, 9)] == [True, True, False]
        logs.sizes[0] = 9
        logs.last_step()
        await waits[9]

    told(story, 1)


def test_one_look_serves_everybody_and_each_log_has_its_own() -> None:
    async def story(logs: Logs) -> None:
        waits = [asyncio.create_task(logs.growth.reached(n % 2, 7)) for n in range(100)]
        await logs.paused.acquire()
        await logs.paused.acquire()
        assert logs.looks == [1, 1]
        logs.sizes[:] = [7, 7]
        logs.last_step()
        logs.last_step()
        await asyncio.gather(*waits)
        assert logs.looks == [2, 2]

    told(story, 1, 1)


def test_nobody_looks_once_nobody_waits() -> None:
    async def story(logs: Logs) -> None:
        wait = asyncio.create_task(logs.growth.reached(0, 7))
        await logs.paused.acquire()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        (poll,) = logs.growth._polls.values()
        logs.last_step()
        await poll
        assert (logs.looks, logs.growth._polls, logs.growth._waiting) == ([1], {}, {0: []})

    told(story, 1)


def test_a_look_that_fails_is_told_to_whoever_waits_and_the_next_looks_again() -> None:
    async def story(logs: Logs) -> None:
        logs.broken = True
        failed = await asyncio.gather(
            *(logs.growth.reached(0, 7) for _ in range(3)), return_exceptions=True
        )
        assert [type(one) for one in failed] == [Unavailable] * 3
        logs.broken, logs.sizes[0] = False, 7
        await logs.growth.reached(0, 7)

    told(story, 1)
