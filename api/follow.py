"""What follows the log beside the service: present bases, checkpoints, erasures, deliveries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.duties import tell_duties
from api.erasing import erasing, restored
from api.publishing import publishing
from api.runtime import Runtime
from api.webhooks import webhooks
from projections.current import Tailer

diagnostics = logging.getLogger("ledger")


@asynccontextmanager
async def following(ledger: Runtime) -> AsyncIterator[None]:
    """The followers, running for as long as the service does.

    Raises `Locked` where a restore brought back what was destroyed, `RolledBack` or `Forked` where
    a log is not the one that was signed: then nothing is served.
    """
    await restored(ledger).check()
    tailer = Tailer(ledger.reader, ledger.rulebook, ledger.pool)

    def failed(error: Exception) -> None:
        ledger.telemetry.metrics.follower_failures.labels("current_basis").inc()
        _failed(error)

    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(tailer.follow(stop, failed=failed)),
        asyncio.create_task(tell_duties(ledger, stop)),
    ]
    try:
        async with publishing(ledger), erasing(ledger), webhooks(ledger):
            yield
    finally:
        # A step is one transaction: broken off, it is done again by whoever follows next. One that
        # takes no cancelling, as where a connection comes free just then, is the last.
        stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _failed(error: Exception) -> None:
    diagnostics.error("a follower stopped, and will try again: %s", type(error).__name__)
