"""Group commit when things go wrong: what waits behind a failure leaves, and no task fails unheard.

Not here: who leaves with whom (`test_batch`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from ledger.batch import WEIGHT_MAX, Batcher
from ledger.errors import Fault, OutcomeUnknown

WEDGED_AFTER = 30.0
"""Seconds after which a caller still waiting is taken for forgotten."""

Answer = Callable[[list[int]], list[str]]


class Bad(Exception):
    """Something wrong with one request."""


class Door:
    """A flush that can be held shut: the batches that came, and what to make of each."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()
        self.inside = 0
        self._answer = answer or done

    async def __call__(self, batch: Sequence[int]) -> list[str]:
        self.inside += 1
        assert self.inside == 1, "two flushes at once"
        self.batches.append(list(batch))
        self.entered.set()
        try:
            await self.open.wait()
            return self._answer(list(batch))
        finally:
            self.inside -= 1

    def shut(self) -> None:
        self.open.clear()
        self.entered.clear()


def done(batch: list[int]) -> list[str]:
    return [f"did {one}" for one in batch]


def refusing(bad: int) -> Answer:
    def answer(batch: list[int]) -> list[str]:
        if bad in batch:
            raise Bad(f"{bad} is bad")
        return done(batch)

    return answer


def run(story: Callable[[], Awaitable[None]]) -> None:
    """The story to its end; nobody may wait for ever, and no task may fail unheard."""
    unheard: list[dict[str, Any]] = []

    async def whole() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, found: unheard.append(found))
        await asyncio.wait_for(story(), WEDGED_AFTER)

    asyncio.run(whole())
    assert unheard == []


async def submitted(batcher: Batcher[int, str], *numbers: int) -> list["asyncio.Task[str]"]:
    """Tasks that have all submitted their request and wait."""
    tasks = [asyncio.create_task(batcher.submit(number)) for number in numbers]
    await asyncio.sleep(0)
    return tasks


async def outcomes(tasks: Sequence["asyncio.Task[str]"]) -> list[str]:
    """What each caller got: a result, or the text of its error."""
    return [str(one) for one in await asyncio.gather(*tasks, return_exceptions=True)]


async def held(door: Door, batcher: Batcher[int, str], number: int) -> "asyncio.Task[str]":
    """A request whose flush has begun and does not end until the door opens."""
    door.shut()
    (task,) = await submitted(batcher, number)
    await door.entered.wait()
    return task


def test_a_large_request_delays_a_small_one_by_one_flush_at_most() -> None:
    async def story() -> None:
        door = Door()
        batcher = Batcher(door, weight=lambda one: one)
        first = await held(door, batcher, 1)
        tasks = await submitted(batcher, WEIGHT_MAX * 2, 2, 3)
        door.open.set()
        await outcomes([first, *tasks])
        assert door.batches == [[1], [WEIGHT_MAX * 2], [2, 3]]

    run(story)


def test_what_waited_behind_a_failed_flush_leaves_all_the_same() -> None:
    async def story() -> None:
        door = Door(refusing(1))
        batcher = Batcher(door)
        first = await held(door, batcher, 1)
        rest = await submitted(batcher, 2, 3)
        door.open.set()
        assert await outcomes([first, *rest]) == ["1 is bad", "did 2", "did 3"]
        assert door.batches == [[1], [2, 3]]

    run(story)


def test_what_arrives_while_a_bad_batch_is_taken_apart_leaves_after_it_together() -> None:
    async def story() -> None:
        def answer(batch: list[int]) -> list[str]:
            if batch == [2, 3]:
                door.shut()
            return refusing(2)(batch)

        door = Door(answer)
        batcher = Batcher(door)
        first = await held(door, batcher, 1)
        rest = await submitted(batcher, 2, 3)
        door.open.set()
        await first
        await door.entered.wait()
        late = await submitted(batcher, 4, 5)
        door.open.set()
        assert await outcomes([*rest, *late]) == ["2 is bad", "did 3", "did 4", "did 5"]
        assert door.batches == [[1], [2, 3], [2], [3], [4, 5]]

    run(story)


@pytest.mark.parametrize("results", [[], ["did 1"], ["did 1", "did 2", "did 3"]])
def test_a_flush_that_answers_for_others_than_it_was_given_is_told_to_all_and_not_repeated(
    results: list[str],
) -> None:
    async def story() -> None:
        answers = iter([results, ["did 3"]])
        door = Door(lambda batch: next(answers))
        batcher = Batcher(door)
        found = await asyncio.gather(*await submitted(batcher, 1, 2), return_exceptions=True)
        assert [type(one) for one in found] == [Fault, Fault]
        assert door.batches == [[1, 2]]
        assert await batcher.submit(3) == "did 3"

    run(story)


@pytest.mark.parametrize("answer", [done, refusing(1)], ids=["good", "bad"])
def test_a_flush_that_nobody_waits_for_any_more_ends_and_the_next_begins(answer: Answer) -> None:
    async def story() -> None:
        door = Door(answer)
        batcher = Batcher(door)
        gone = await held(door, batcher, 1)
        gone.cancel()
        await asyncio.wait([gone])
        door.open.set()
        assert await batcher.submit(2) == "did 2"
        assert gone.cancelled()

    run(story)


def test_a_flush_stopped_while_a_bad_batch_is_taken_apart_leaves_nobody_waiting() -> None:
    async def story() -> None:
        answers: list[BaseException] = [Bad("one of them"), asyncio.CancelledError()]

        def answer(batch: list[int]) -> list[str]:
            if answers:
                raise answers.pop(0)
            return done(batch)

        batcher = Batcher(Door(answer))
        found = await asyncio.gather(*await submitted(batcher, 1, 2, 3), return_exceptions=True)
        assert [type(one) for one in found] == [OutcomeUnknown] * 3
        assert await batcher.submit(4) == "did 4"

    run(story)


def test_draining_does_not_end_while_a_flush_is_held_up() -> None:
    async def story() -> None:
        door = Door()
        batcher = Batcher(door)
        task = await held(door, batcher, 1)
        drained = asyncio.create_task(batcher.drain())
        await asyncio.sleep(0)
        assert not drained.done()
        door.open.set()
        await drained
        assert task.result() == "did 1"

    run(story)


def test_a_batcher_serves_one_loop_after_another() -> None:
    async def flush(batch: Sequence[int]) -> list[str]:
        return done(list(batch))

    batcher: Batcher[int, str] = Batcher(flush)

    async def story() -> None:
        assert await batcher.submit(1) == "did 1"

    run(story)
    run(story)
