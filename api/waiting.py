"""Waiting for a position, or for a checkpoint over it, with `Prefer: wait=s` (RFC 7240).

Without the preference nobody waits. Whoever waits holds no connection: one poll a log serves all
of them. Whether a position was reached is not said here: the question that follows says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

from api.body import AnyRequest
from api.exchange import promise
from api.headers import given
from api.state import runtime
from ledger.errors import Behind, LogForked, Malformed, Unavailable
from ledger.tlog.proof import LogProof
from projections.checks import Position, parse_position

WAIT_SECONDS_MAX = 5
POLL_SECONDS = 0.05
_WAIT = re.compile(r'\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?', re.IGNORECASE | re.DOTALL)

Size = Callable[[int], Awaitable[int]]


class Growth:
    """Tells whoever waits when a log has grown to their position."""

    def __init__(self, size: Size, *, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        self._size = size
        self._pause = pause or _pause
        self._waiting: dict[int, list[tuple[int, asyncio.Future[None]]]] = {}
        self._polls: dict[int, asyncio.Task[None]] = {}

    async def reached(self, log: int, n: int) -> None:
        """Returns once the log has that many entries; raises what a look at it raises."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(log, []).append((n, told))
        if log not in self._polls:
            self._polls[log] = asyncio.create_task(self._poll(log))
        try:
            await told
        finally:
            told.cancel()

    async def _poll(self, log: int) -> None:
        try:
            while await self._look(log):
                await self._pause()
        finally:
            del self._polls[log]

    async def _look(self, log: int) -> bool:
        """Whether anybody still waits."""
        if not self._left(log):
            return False
        try:
            size = await self._size(log)
        except Exception as error:  # Whoever waits is told, and nobody else would be.
            for _, told in self._left(log):
                told.set_exception(error)
            return False
        for n, told in self._left(log):
            if n <= size:
                told.set_result(None)
        return bool(self._left(log))

    def _left(self, log: int) -> list[tuple[int, asyncio.Future[None]]]:
        """Those who wait for this log."""
        left = [one for one in self._waiting[log] if not one[1].done()]
        self._waiting[log] = left
        return left


async def _pause() -> None:
    await asyncio.sleep(POLL_SECONDS)


async def until_reached(request: AnyRequest, positions: Iterable[Position | None]) -> None:
    """Returns when these are reached, or when the caller would rather have an error."""
    logs = range(runtime(request).identity.logs)
    wanted = [one for one in positions if one is not None and one.log in logs]
    seconds = preferred_wait(request, most=WAIT_SECONDS_MAX) if wanted else None
    if seconds is None:
        return
    promise("preference-applied", f"wait={seconds}")
    furthest: dict[int, int] = {}
    for one in wanted:
        furthest[one.log] = max(one.n, furthest.get(one.log, 0))
    growth: Growth = request.app.state["growth"]
    try:
        async with asyncio.timeout(seconds):
            for log, n in furthest.items():
                await growth.reached(log, n)
    except TimeoutError:
        return


async def at_least(request: AnyRequest, text: str | None) -> None:
    """Returns when a list may begin that is to hold this entry, waiting if the caller prefers to.

    Raises `Behind` where the log has not reached the position, `LogForked` where it holds another
    entry there.
    """
    if text is None:
        return
    ledger, wanted = runtime(request), parse_position(text, field="min_position")
    if wanted.log not in range(ledger.identity.logs):
        raise Malformed("names a log that this ledger does not have", field="min_position")
    await until_reached(request, [wanted])
    if wanted.n == 0:
        return
    place = await ledger.store.place_of(wanted.log, wanted.n)
    if place is None:
        raise Behind("min_position is beyond the end of the log: retry after a moment")
    if wanted.leaf_hash not in (None, place.leaf_hash.hex()[:8]):
        raise LogForked("min_position names another entry than this log holds there")


class Covering:
    """Waits until a checkpoint covers an entry; not for so many that others find no place."""

    def __init__(self, growth: Growth, *, most: int) -> None:
        self._growth = growth
        self._places = most

    async def covered(self, log: int, n: int, *, seconds: float) -> bool:
        """Whether one covers it within so many seconds; an entry is recorded whatever this says."""
        if self._places == 0:
            return False
        self._places -= 1
        try:
            async with asyncio.timeout(seconds):
                await self._growth.reached(log, n)
            return True
        except (TimeoutError, Unavailable):
            return False
        finally:
            self._places += 1


async def until_covered(request: AnyRequest, log: int, n: int) -> LogProof | None:
    """The proof that the n-th entry is in the log, waited for as long as the caller prefers to."""
    seconds = preferred_wait(request, most=WAIT_SECONDS_MAX)
    if seconds is None:
        return None
    promise("preference-applied", f"wait={seconds}")
    covering: Covering = request.app.state["covering"]
    if not await covering.covered(log, n, seconds=seconds):
        return None
    try:
        return await runtime(request).published.proof(log, n - 1)
    except Unavailable:
        return None


def preferred_wait(request: AnyRequest, *, most: int) -> int | None:
    """How many seconds the caller would rather wait, up to `most`; the first `wait` counts."""
    for line in given(request.scope, b"prefer"):
        for one in line.split(","):
            found = _WAIT.fullmatch(one)
            if found is not None:
                return min(int(found[1]), most)
    return None
