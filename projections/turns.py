"""Turns: what one of several processes does from time to time, whichever comes first.

Whoever takes a turn holds nothing while it acts: a turn that came to nothing is taken again later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import msgspec
from psycopg_pool import AsyncConnectionPool

from projections.everyone import rows


class _Turn(msgspec.Struct, frozen=True, kw_only=True):
    now: int


async def looking(
    look: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
    *,
    every_s: float,
    failed: Callable[[Exception], None],
) -> None:
    """Looks until told to stop; an error is reported, and the look repeated later."""
    while not stop.is_set():
        try:
            await look()
        except Exception as error:
            failed(error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), every_s)


async def taken(pool: AsyncConnectionPool, log: int, name: str, *, seconds: int) -> int | None:
    """The seconds since 1970 where the turn is taken by this call; None where another has it."""
    values = {"log": log, "name": name, "seconds": seconds}
    found = await rows(pool, _Turn, "take_turn", values)
    return found[0].now if found else None
