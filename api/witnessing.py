"""The way to the witnesses: over HTTP, c2sp.org/tlog-witness, and told to whoever looks.

Not here: which they are (`witness_policy`), when they are asked and what is kept
(`projections/witnessing.py`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.outward import Outward, Unanswered, outward
from api.runtime import Runtime
from api.telemetry_metrics import Metrics
from api.witness_policy import asked, read_policy
from ledger.tlog.following import Forked, Refused, RolledBack
from ledger.tlog.witnessing import Declined, Reply
from projections.witnessing import Standing, Witness, Witnessing

diagnostics = logging.getLogger("ledger")


@asynccontextmanager
async def witnessing(ledger: Runtime) -> AsyncIterator[Witnessing]:
    """The follower that has the witnesses of the settings asked; with none, it asks nobody."""
    policy = read_policy(ledger.settings.witness_policy_file)
    async with outward() as client:
        yield Witnessing(
            ledger.pool,
            ledger.identity,
            asked(policy) if policy else [],
            ask=OverHttp(client),
            watch=Told(ledger.telemetry.metrics),
        )


class OverHttp:
    """Witnesses at their addresses, c2sp.org/tlog-witness."""

    def __init__(self, client: Outward) -> None:
        self._client = client

    async def submit(self, witness: Witness, body: bytes) -> Reply:
        """The answer to `add-checkpoint`."""
        try:
            found = await self._client.post(
                f"{witness.url}/add-checkpoint", body, media_type="text/plain; charset=utf-8"
            )
        except Unanswered as error:
            raise _unreached(witness, error) from None
        return Reply(code=found.code, media_type=found.media_type, body=found.body)

    async def latest(self, witness: Witness, path: str) -> bytes | None:
        """The checkpoint that it serves; None where it serves none, which it need not."""
        try:
            found = await self._client.get(f"{witness.url}/{path}")
        except Unanswered as error:
            raise _unreached(witness, error) from None
        return found.body if found.code == 200 else None


def _unreached(witness: Witness, error: Unanswered) -> Declined:
    return Declined(f"{witness.key.name} {error}", reason="unreachable")


class Told:
    """Metrics, and lines for whoever runs the service; an alarm is an error."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def stands(self, log: int, witness: Witness, standing: Standing) -> None:
        """How fresh its cosignature is, and what stands against it."""
        labels = (str(log), witness.key.name)
        age = math.inf if standing.age is None else standing.age
        self._metrics.witness_age.labels(*labels).set(age)
        self._metrics.witness_alarms.labels(*labels).set(standing.alarms)

    def refused(self, log: int, witness: Witness, error: Refused) -> None:
        """Counted by reason, and said."""
        self._metrics.witness_failures.labels(str(log), witness.key.name, _reason(error)).inc()
        if isinstance(error, RolledBack | Forked):
            message = "log %d may have lost or changed entries: %s: see ops/docs/witnesses.md"
            diagnostics.error(message, log, error)
        else:
            diagnostics.warning("log %d was not cosigned: %s", log, error)


def _reason(error: Refused) -> str:
    if isinstance(error, Declined):
        return error.reason
    return "rolled-back" if isinstance(error, RolledBack) else "forked"
