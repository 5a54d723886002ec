"""The log as the service publishes it: its tree signed, shown to witnesses, and time-stamped.

Nothing that is recorded waits for any of this. Not here: what a signer will sign (`signer`), who
witnesses are (`witnessing`), who stamps (`anchoring`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from api.anchoring import anchoring
from api.runtime import Runtime
from api.signing import Signers, started
from api.witnessing import witnessing
from ledger.errors import Unavailable
from ledger.store import open_pool
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.following import Growth, Refused
from ledger.tlog.note import Note
from projections.integrator import Integrator
from projections.published import Published
from projections.witnessing import Witnessing

SIGNER = "signer"
"""The folder of the signers' keys and of what they signed, where they run beside the service."""
POOL_SIZE = 2
WITNESSES_S = 5.0
"""How long a start waits for witnesses."""
diagnostics = logging.getLogger("ledger")


@asynccontextmanager
async def publishing(ledger: Runtime) -> AsyncIterator[None]:
    """The followers that publish the logs, running for as long as it is used.

    Raises `RolledBack` or `Forked` where a log is not the one that was signed, or that a witness
    has seen: then nothing is served, since a withdrawal may be among what it lost. Where that is
    found out later, nothing more is recorded.
    """
    stop = asyncio.Event()
    async with (
        signers(ledger) as found,
        witnessing(ledger) as witnesses,
        anchoring(ledger) as anchors,
        open_pool(ledger.places.database, size_max=POOL_SIZE) as pool,
    ):
        ledger.watch.signers = found
        await _keep_receipt_keys(ledger)
        integrator = None
        if found is not None:
            integrator = Integrator(pool, ledger.identity, Known(found, ledger.published))
            await _unchanged(ledger, integrator)
            await _seen_by_witnesses(ledger, found, witnesses)
        followers = {"witnesses": witnesses.follow(stop, failed=_failed(ledger, "witnesses"))}
        if anchors is not None:
            followers["anchor"] = anchors.follow(stop, failed=_failed(ledger, "anchor"))
        if integrator is not None:
            followers["tree"] = integrator.follow(
                stop, failed=_failed(ledger, "tree"), lost=partial(_lost, ledger)
            )
        tasks = [asyncio.create_task(each, name=name) for name, each in followers.items()]
        try:
            yield
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@asynccontextmanager
async def signers(ledger: Runtime) -> AsyncIterator[Signers | None]:
    """The signers of the settings, or those started beside an embedded server; else None."""
    settings, where = ledger.settings, ledger.places
    if settings.signer_sockets is not None:
        yield Signers(Path(settings.signer_sockets))
        return
    if not where.embedded:
        diagnostics.warning("no signer_sockets are set: no checkpoint of the log is signed")
        yield None
        return
    origins = [ledger.identity.log_origin(log) for log in range(ledger.identity.logs)]
    with contextlib.ExitStack() as stack:
        beside = started(where.folder / SIGNER, origins)
        yield Signers(await asyncio.to_thread(stack.enter_context, beside))


async def _unchanged(ledger: Runtime, integrator: Integrator) -> None:
    """Raise where a log does not begin with what was signed of it."""
    for log in range(ledger.identity.logs):
        try:
            await integrator.check(log)
        except Unavailable as error:
            diagnostics.error("log %d is served without a look at its signer: %s", log, error)


async def _seen_by_witnesses(ledger: Runtime, signers: Signers, witnesses: Witnessing) -> None:
    """Raise where a log does not go on from what a witness shows of it."""
    for log in range(ledger.identity.logs):
        try:
            async with asyncio.timeout(WITNESSES_S):
                await witnesses.compare(log, await signers.key(log))
        except (TimeoutError, Unavailable):
            message = "log %d is served without a look at what its witnesses have seen"
            diagnostics.warning(message, log)


async def _keep_receipt_keys(ledger: Runtime) -> None:
    """Whoever holds a receipt finds the key that it was signed with."""
    for log in range(ledger.identity.logs):
        key = ledger.receipts.key(log).verifier
        await ledger.published.keep_key(log, key, "receipts")


class Known:
    """The signers, whose keys are kept where others find them before anything is shown."""

    def __init__(self, signers: Signers, published: Published) -> None:
        self._signers = signers
        self._published = published
        self._kept: set[int] = set()

    async def seen(self, log: int) -> Checkpoint:
        """The largest tree that was signed."""
        return await self._signers.seen(log)

    async def sign(self, log: int, growth: Growth) -> Note:
        """The new checkpoint, signed."""
        if log not in self._kept:
            await self._published.keep_key(log, await self._signers.key(log), "checkpoints")
            self._kept.add(log)
        return await self._signers.sign(log, growth)


def _failed(ledger: Runtime, name: str) -> Callable[[Exception], None]:
    def failed(error: Exception) -> None:
        ledger.telemetry.metrics.follower_failures.labels(name).inc()
        diagnostics.error("what publishes the log will try again: %s", type(error).__name__)

    return failed


def _lost(ledger: Runtime, log: int, error: Refused) -> None:
    ledger.watch.lost(log, str(error))
    diagnostics.critical("log %d is not the one that was signed: %s", log, error)
