"""Group commit: everything that waits while one flush is in flight leaves together in the next.

A request alone leaves at once: the flush in flight is the only wait. One that is urgent leads the
next flush, however many others wait. A flush runs in a task of its own, so that a caller who goes
away cancels nothing. Not here: what a flush does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, NamedTuple, Protocol, TypeVar

from ledger.errors import Fault, OutcomeUnknown, Unavailable

T = TypeVar("T")
R = TypeVar("R")

WEIGHT_MAX = 512
"""How much may leave in one flush, so that a large request delays others by one flush at most."""


class Watch(Protocol):
    """What is told of requests and of their flushes; it neither waits nor raises."""

    def arrived(self) -> object:
        """What to know of the request that is just being submitted, in its caller's context."""

    def flush(self, arrived: Sequence[object]) -> AbstractContextManager[object]:
        """Entered around one flush of the requests of which this is known."""


class Unwatched:
    """Nobody looks on."""

    def arrived(self) -> object:
        """Nothing."""
        return None

    def flush(self, arrived: Sequence[object]) -> AbstractContextManager[object]:  # noqa: ARG002
        """Nothing happens around the flush."""
        return nullcontext()


Watching = Callable[[str], Watch]
"""Who watches the flushes of this name."""


def unwatched(_: str) -> Watch:
    """Nobody does."""
    return UNWATCHED


UNWATCHED = Unwatched()


class _Waiting(NamedTuple, Generic[T, R]):
    one: T
    answered: asyncio.Future[R]
    arrived: object


class Batcher(Generic[T, R]):
    """Submits to one flush at a time, in the order of arrival; per event loop.

    Those that are `urgent` go first, and are in the very next flush unless they alone are too many
    for it. Where they leave no room for the others, the next flush begins with the oldest of these.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        weight: Callable[[T], int] = lambda _: 1,
        weight_max: int = WEIGHT_MAX,
        urgent: Callable[[T], bool] = lambda _: False,
        watch: Watch = UNWATCHED,
    ) -> None:
        self._flush = flush
        self._weight = weight
        self._weight_max = weight_max
        self._urgent = urgent
        self._watch = watch
        self._ahead: deque[_Waiting[T, R]] = deque()
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._passed_over = False
        self._running: asyncio.Task[None] | None = None

    async def submit(self, one: T) -> R:
        """What the flush that took `one` made of it, or the error it failed with."""
        answered: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        queue = self._ahead if self._urgent(one) else self._waiting
        queue.append(_Waiting(one, answered, self._watch.arrived()))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answered

    async def drain(self) -> None:
        """Returns when everything that was submitted has its answer."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        taken: list[_Waiting[T, R]] = []
        try:
            while self._ahead or self._waiting:
                taken = self._next()
                await self._settle(taken)
        finally:
            self._running = None
            # Nobody waits for ever, even where the loop is ended while a flush is in flight.
            unanswered = [*taken, *self._ahead, *self._waiting]
            self._ahead.clear()
            self._waiting.clear()
            _fail(unanswered, OutcomeUnknown("this process is ending: retry with the same key"))

    def _next(self) -> list[_Waiting[T, R]]:
        taken: list[_Waiting[T, R]] = []
        room, before = self._weight_max, len(self._waiting)
        queue = self._waiting if self._passed_over else self._ahead or self._waiting
        while queue and (not taken or self._weight(queue[0].one) <= room):
            room -= self._weight(queue[0].one)
            taken.append(queue.popleft())
            queue = self._ahead or self._waiting
        self._passed_over = 0 < before == len(self._waiting)
        return taken

    async def _settle(self, taken: Sequence[_Waiting[T, R]]) -> None:
        try:
            with self._watch.flush([each.arrived for each in taken]):
                results = await self._flush([each.one for each in taken])
        except Exception as error:
            if len(taken) == 1 or _is_systemic(error):
                _fail(taken, error)
                return
            # One bad request fails alone: by halves, it is found in few flushes.
            half = len(taken) // 2
            await self._settle(taken[:half])
            await self._settle(taken[half:])
            return
        if len(results) != len(taken):
            _fail(taken, Fault("a flush answered for other requests than it was given"))
            return
        for each, result in zip(taken, results, strict=True):
            if not each.answered.done():
                each.answered.set_result(result)


def _fail(taken: Iterable[_Waiting[T, R]], error: Exception) -> None:
    for each in taken:
        if not each.answered.done():
            each.answered.set_exception(error)


def _is_systemic(error: Exception) -> bool:
    """Nothing about one request: the store was not to be reached, or did not say."""
    return isinstance(error, OutcomeUnknown | Unavailable)
