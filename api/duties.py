"""The duties that run out, told as metrics: nobody should learn of one from a regulator."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from api.runtime import Runtime
from projections.duties import KINDS, WITHIN, duties

LOOK_S = 300.0
"""A day is the smallest unit of a deadline: more often would tell nothing new."""
diagnostics = logging.getLogger("ledger")


async def tell_duties(ledger: Runtime, stop: asyncio.Event) -> None:
    """Counts them again and again until told to stop; an error is reported, and it goes on."""
    while not stop.is_set():
        try:
            await tell_once(ledger)
        except Exception as error:
            ledger.telemetry.metrics.follower_failures.labels("duties").inc()
            diagnostics.error("duties could not be counted: %s", type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S)


async def tell_once(ledger: Runtime) -> None:
    """Every kind and nearness has its count, and no other has one."""
    found = await duties(ledger.reader, ledger.rulebook, ledger.pool)
    for what in KINDS:
        for within in WITHIN:
            ledger.telemetry.metrics.duties.labels(what, within).set(found[what, within])
