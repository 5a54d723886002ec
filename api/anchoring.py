"""The time-stamping authority of the settings, asked over HTTP and told to whoever looks.

Its address may be plain http: what is stamped is public, and what comes back is signed. Not here:
when it is asked (`projections/anchoring.py`), or how a stamp is verified (`time_stamps`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.outward import check_address, outward
from api.runtime import Runtime
from api.settings import Settings
from api.settings_check import CHAIN_MISSING
from api.telemetry_metrics import Metrics
from ledger.errors import Malformed
from projections.anchoring import Anchoring, NotStamped

diagnostics = logging.getLogger("ledger")


@asynccontextmanager
async def anchoring(ledger: Runtime) -> AsyncIterator[Anchoring | None]:
    """The follower that has checkpoints stamped; None where no authority is set.

    Raises `Malformed` where the settings name one that cannot be used.
    """
    url = ledger.settings.tsa_url
    if url is None:
        yield None
        return
    check_address(url, field="tsa_url", plain=True)
    chain_file = _chain_file(ledger.settings)
    try:
        from api.time_stamps import Authority, read_chain
    except ModuleNotFoundError as error:
        raise Malformed(f"needs the extra `anchor`: {error}", field="tsa_url") from error
    chain = read_chain(chain_file, field="tsa_chain_file")
    async with outward() as client:
        yield Anchoring(
            ledger.pool,
            ledger.identity,
            Authority(url, chain, client),
            watch=Told(ledger.telemetry.metrics),
        )


def _chain_file(settings: Settings) -> str:
    if settings.tsa_chain_file is None:
        raise Malformed(CHAIN_MISSING, field="tsa_chain_file")
    return settings.tsa_chain_file


class Told:
    """Metrics, and lines for whoever runs the service."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def anchored(self, log: int, age: float | None) -> None:
        """How old the last stamp is."""
        self._metrics.anchor_age.labels(str(log)).set(math.inf if age is None else age)

    def not_anchored(self, log: int, error: NotStamped) -> None:
        """Counted by reason, and said."""
        self._metrics.anchor_failures.labels(error.reason).inc()
        diagnostics.warning("log %d was not time-stamped: %s", log, error)
