"""Group commit: what waits leaves together, in order, and nobody waits for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from ledger.batch import Batcher, unwatched
from ledger.errors import Fault, OutcomeUnknown, Unavailable


class Flushes:
    """A flush that doubles numbers, refuses odd ones, and can be held up; `seen` is what came."""

    def __init__(self, *, fails: Callable[[Sequence[int]], Exception | None] = lambda _: None):
        self.seen: list[list[int]] = []
        self.fails = fails
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.seen.append(list(numbers))
        await self.gate.wait()
        error = self.fails(numbers)
        if error is not None:
            raise error
        return [2 * number for number in numbers]


def told(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(bounded())


async def submitted(batcher: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    """Tasks that wait for their answers, in this order."""
    tasks = [asyncio.create_task(batcher.submit(number)) for number in numbers]
    await asyncio.sleep(0)
    return tasks


def test_one_that_comes_alone_leaves_at_once():
    async def story() -> None:
        flush = Flushes()
        assert await Batcher(flush).submit(4) == 8
        assert flush.seen == [[4]]

    told(story)


def test_what_comes_during_a_flush_leaves_together_in_the_next_in_order():
    async def story() -> None:
        flush = Flushes()
        batcher = Batcher(flush)
        flush.gate.clear()
        first = await submitted(batcher, 1)
        await asyncio.sleep(0)
        rest = await submitted(batcher, 2, 3, 4)
        flush.gate.set()
        assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8]
        assert flush.seen == [[1], [2, 3, 4]]

    told(story)


def test_a_flush_takes_no_more_than_its_weight_and_one_that_weighs_more_goes_alone():
    async def story() -> None:
        flush = Flushes()
        batcher = Batcher(flush, weight=lambda number: number, weight_max=10)
        await asyncio.gather(*await submitted(batcher, 5, 5, 1, 50, 9, 2))
        assert flush.seen == [[5, 5], [1], [50], [9], [2]]

    told(story)


def test_one_that_is_refused_fails_alone_and_is_found_by_halves():
    def refuses_seven(numbers: Sequence[int]) -> Exception | None:
        return ValueError("seven") if 7 in numbers else None

    async def story() -> None:
        flush = Flushes(fails=refuses_seven)
        tasks = await submitted(Batcher(flush), *range(512))
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers.pop(7), ValueError)
        assert answers == [2 * number for number in range(512) if number != 7]
        assert len(flush.seen) == 1 + 2 * 9
        assert [each for each in flush.seen if len(each) == 1] == [[6], [7]]

    told(story)


@pytest.mark.parametrize("error", [OutcomeUnknown("?"), Unavailable("!")])
def test_what_is_the_matter_with_the_store_is_told_to_all_and_nothing_is_sent_again(error):
    async def story() -> None:
        flush = Flushes(fails=lambda _: error)
        tasks = await submitted(Batcher(flush), 1, 2, 3)
        assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 3
        assert flush.seen == [[1, 2, 3]]

    told(story)


def test_callers_who_went_away_are_flushed_and_hold_up_nobody():
    def refuses_two(numbers: Sequence[int]) -> Exception | None:
        return ValueError("two") if 2 in numbers else None

    async def story() -> None:
        flush = Flushes(fails=refuses_two)
        batcher = Batcher(flush)
        flush.gate.clear()
        tasks = await submitted(batcher, 1, 2, 3)
        await asyncio.sleep(0)
        for task in tasks[:2]:
            task.cancel()
        await asyncio.sleep(0)
        flush.gate.set()
        assert await tasks[2] == 6
        assert flush.seen[0] == [1, 2, 3]
        assert [task.cancelled() for task in tasks] == [True, True, False]

    told(story)


def test_draining_waits_for_what_was_submitted_and_for_nothing_else():
    async def story() -> None:
        flush = Flushes()
        batcher = Batcher(flush)
        await batcher.drain()
        tasks = await submitted(batcher, 1, 2)
        await batcher.drain()
        assert all(task.done() for task in tasks)

    told(story)


def test_nobody_waits_for_ever_where_the_loop_is_ended_during_a_flush():
    async def story() -> None:
        flush = Flushes()
        batcher = Batcher(flush)
        flush.gate.clear()
        taken = await submitted(batcher, 1)
        await asyncio.sleep(0)
        waiting = await submitted(batcher, 2)
        assert batcher._running is not None
        batcher._running.cancel()
        answers = await asyncio.gather(*taken, *waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [OutcomeUnknown, OutcomeUnknown]
        flush.gate.set()
        assert await batcher.submit(3) == 6

    told(story)


def test_a_flush_that_answers_for_fewer_than_it_was_given_is_a_fault_for_all():
    async def one_too_few(numbers: Sequence[int]) -> list[int]:
        return list(numbers)[1:]

    async def story() -> None:
        tasks = await submitted(Batcher(one_too_few), 1, 2)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [Fault, Fault]

    told(story)


class Notes:
    """A watch that names each request by a number, and notes which flushes began and ended."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.heard: list[tuple[str, list[object]]] = []

    def arrived(self) -> int:
        self.arrivals += 1
        return self.arrivals

    @contextmanager
    def flush(self, arrived: Sequence[object]) -> Iterator[None]:
        self.heard.append(("begins", list(arrived)))
        try:
            yield
            self.heard.append(("ends", list(arrived)))
        except ValueError:
            self.heard.append(("fails", list(arrived)))
            raise


def test_a_watch_is_told_of_each_request_and_of_each_flush_with_whom_it_takes():
    async def story() -> None:
        flush, notes = Flushes(), Notes()
        batcher = Batcher(flush, watch=notes)
        flush.gate.clear()
        first = await submitted(batcher, 1)
        await asyncio.sleep(0)
        rest = await submitted(batcher, 2, 3)
        assert (notes.arrivals, notes.heard) == (3, [("begins", [1])])
        flush.gate.set()
        assert await asyncio.gather(*first, *rest) == [2, 4, 6]
        assert notes.heard[1:] == [("ends", [1]), ("begins", [2, 3]), ("ends", [2, 3])]

    told(story)


def test_a_watch_is_told_of_the_halves_in_which_a_refused_request_is_looked_for():
    def refuses_two(numbers: Sequence[int]) -> Exception | None:
        return ValueError("two") if 2 in numbers else None

    async def story() -> None:
        notes = Notes()
        batcher = Batcher(Flushes(fails=refuses_two), watch=notes)
        await asyncio.gather(*await submitted(batcher, 1, 2), return_exceptions=True)
        assert [word for word, _ in notes.heard if word != "begins"] == ["fails", "ends", "fails"]
        assert [who for word, who in notes.heard if word == "begins"] == [[1, 2], [1], [2]]

    told(story)


def test_without_a_watch_nothing_is_kept_of_a_request():
    assert unwatched("append").arrived() is None
