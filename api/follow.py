"""What follows the log beside the service: the list of present bases, kept current."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.runtime import Runtime
from projections.current import Tailer

diagnostics = logging.getLogger("ledger")


@asynccontextmanager
async def following(ledger: Runtime) -> AsyncIterator[None]:
    """The followers, running for as long as the service does."""
    tailer = Tailer(ledger.reader, ledger.rulebook, ledger.pool)
    task = asyncio.create_task(tailer.follow(asyncio.Event(), failed=_failed))
    try:
        yield
    finally:
        # A step is one transaction: broken off, it is done again by whoever follows next.
        task.cancel()
        await asyncio.wait([task])


def _failed(error: Exception) -> None:
    diagnostics.error("a follower stopped, and will try again: %s", type(error).__name__)
