"""Group commit under mixed load: what is urgent leaves first, and the rest leaves all the same."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ledger.batch import Batcher
from ledger.errors import OutcomeUnknown

Line = tuple[str, int]
"""What is urgent is called so; the number tells it from others, and is its weight too."""


def urgent(one: Line) -> bool:
    return one[0] == "urgent"


class Gate:
    """A flush that lets nothing through before it is opened: `went` is what it was given."""

    def __init__(self) -> None:
        self.went: list[list[Line]] = []
        self._open = asyncio.Semaphore(0)

    def open(self, times: int = 1) -> None:
        for _ in range(times):
            self._open.release()

    async def __call__(self, lines: Sequence[Line]) -> list[Line]:
        self.went.append(list(lines))
        await self._open.acquire()
        return list(lines)


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(bounded())


async def submitted(batcher: Batcher[Line, Line], *lines: Line) -> list["asyncio.Task[Line]"]:
    """Tasks that wait for their answers, in this order."""
    tasks = [asyncio.create_task(batcher.submit(line)) for line in lines]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


def batcher_of(gate: Gate, *, most: int) -> Batcher[Line, Line]:
    return Batcher(gate, weight=lambda one: one[1], weight_max=most, urgent=urgent)


def test_a_withdrawal_is_in_the_very_next_flush_however_many_lines_of_an_import_wait() -> None:
    async def story() -> None:
        gate = Gate()
        batcher = batcher_of(gate, most=10)
        lines = await submitted(batcher, ("line", 1))
        lines += await submitted(batcher, *[("line", 1)] * 1000)
        withdrawal = await submitted(batcher, ("urgent", 1))
        gate.open(2)
        assert await withdrawal[0] == ("urgent", 1)
        assert gate.went[0] == [("line", 1)]
        assert gate.went[1] == [("urgent", 1), *[("line", 1)] * 9]
        gate.open(1000)
        await asyncio.gather(*lines)

    told(story)


def test_a_request_too_large_for_a_flush_delays_what_is_urgent_by_that_one_flush_alone() -> None:
    async def story() -> None:
        gate = Gate()
        batcher = batcher_of(gate, most=10)
        tasks = await submitted(batcher, ("line", 1000), ("line", 1000), ("line", 1000))
        tasks += await submitted(batcher, ("urgent", 1), ("urgent", 2))
        gate.open(10)
        await asyncio.gather(*tasks)
        assert gate.went == [
            [("line", 1000)],
            [("urgent", 1), ("urgent", 2)],
            [("line", 1000)],
            [("line", 1000)],
        ]

    told(story)


def test_what_is_not_urgent_is_passed_over_once_at_most() -> None:
    async def story() -> None:
        gate = Gate()
        batcher = batcher_of(gate, most=2)
        tasks = await submitted(batcher, ("line", 1))
        tasks += await submitted(batcher, ("line", 1), ("line", 1))
        for _ in range(4):
            tasks += await submitted(batcher, *[("urgent", 1)] * 3)
            gate.open()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        gate.open(100)
        await asyncio.gather(*tasks)
        kinds = [[kind for kind, _ in flush] for flush in gate.went]
        assert kinds[:5] == [
            ["line"],
            ["urgent", "urgent"],
            ["line", "urgent"],
            ["urgent", "urgent"],
            ["line", "urgent"],
        ]

    told(story)


def test_what_is_urgent_does_not_wait_for_ever_either_where_the_loop_is_ended() -> None:
    async def story() -> None:
        gate = Gate()
        batcher = batcher_of(gate, most=10)
        tasks = await submitted(batcher, ("line", 1), ("urgent", 1), ("line", 2))
        assert batcher._running is not None
        batcher._running.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found] == [OutcomeUnknown] * 3
        gate.open()
        assert await batcher.submit(("line", 3)) == ("line", 3)

    told(story)


@pytest.mark.parametrize("seed", range(20))
def test_each_kind_keeps_its_order_and_no_flush_is_too_heavy(seed: int) -> None:
    source = random.Random(seed)
    most = source.randint(1, 12)
    lines = [(source.choice(("urgent", "line", "line")), source.randint(1, 15)) for _ in range(200)]

    async def story() -> None:
        gate = Gate()
        batcher = batcher_of(gate, most=most)
        tasks: list[asyncio.Task[Line]] = []
        left = list(lines)
        while left:
            some = source.randint(0, 6)
            tasks += await submitted(batcher, *left[:some])
            del left[:some]
            gate.open()
        gate.open(len(lines))
        assert await asyncio.gather(*tasks) == lines
        for kind in ("urgent", "line"):
            went = [line for flush in gate.went for line in flush if line[0] == kind]
            assert went == [line for line in lines if line[0] == kind]
        heavy = [flush for flush in gate.went if sum(weight for _, weight in flush) > most]
        assert all(len(flush) == 1 for flush in heavy)

    told(story)
