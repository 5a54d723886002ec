"""Group commit: everything that waits while one flush is in flight leaves together in the next.

A request alone leaves at once: the flush in flight is the only wait. A flush runs in a task of its
own, so that a caller who goes away cancels nothing. Not here: what a flush does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

from ledger.errors import Fault, OutcomeUnknown, Unavailable

T = TypeVar("T")
R = TypeVar("R")

WEIGHT_MAX = 512
"""How much may leave in one flush, so that a large request delays others by one flush at most."""


class Batcher(Generic[T, R]):
    """Submits to one flush at a time, in the order of arrival; per event loop."""

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        weight: Callable[[T], int] = lambda _: 1,
        weight_max: int = WEIGHT_MAX,
    ) -> None:
        self._flush = flush
        self._weight = weight
        self._weight_max = weight_max
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def submit(self, one: T) -> R:
        """What the flush that took `one` made of it, or the error it failed with."""
        answered: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, answered))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answered

    async def drain(self) -> None:
        """Returns when everything that was submitted has its answer."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        taken: list[tuple[T, asyncio.Future[R]]] = []
        try:
            while self._waiting:
                taken = self._next()
                await self._settle(taken)
        finally:
            self._running = None
            # Nobody waits for ever, even where the loop is ended while a flush is in flight.
            unanswered = [*taken, *self._waiting]
            self._waiting.clear()
            _fail(unanswered, OutcomeUnknown("this process is ending: retry with the same key"))

    def _next(self) -> list[tuple[T, asyncio.Future[R]]]:
        taken = [self._waiting.popleft()]
        weight = self._weight(taken[0][0])
        while self._waiting:
            weight += self._weight(self._waiting[0][0])
            if weight > self._weight_max:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _settle(self, taken: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._flush([one for one, _ in taken])
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
        for (_, answered), result in zip(taken, results, strict=True):
            if not answered.done():
                answered.set_result(result)


def _fail(taken: Iterable[tuple[T, asyncio.Future[R]]], error: Exception) -> None:
    for _, answered in taken:
        if not answered.done():
            answered.set_exception(error)


def _is_systemic(error: Exception) -> bool:
    """Nothing about one request: the store was not to be reached, or did not say."""
    return isinstance(error, OutcomeUnknown | Unavailable)
