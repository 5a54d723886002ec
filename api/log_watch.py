"""What this process knows of its logs: who signs them, and whether they are those that were signed.

A log that lost or changed what was signed takes nothing more. Not here: how that is found out
(`publishing`).
"""

from __future__ import annotations

from api.problems import LogRolledBack
from api.receipts import MMD_S
from api.signing import Signers
from api.telemetry_metrics import Metrics
from ledger.store import Identity
from projections.published import Published

OK = "ok"
NO_SIGNER = "none is set: nothing that is recorded is signed by this process"


class LogWatch:
    """The state of the logs of one ledger, as far as this process has looked."""

    def __init__(self, identity: Identity, published: Published, metrics: Metrics) -> None:
        self.signers: Signers | None = None
        self._identity = identity
        self._published = published
        self._metrics = metrics
        self._lost: dict[int, str] = {}

    def lost(self, log: int, reason: str) -> None:
        """The log is not the one that was signed; that is so until somebody has looked into it."""
        self._lost[log] = reason
        self._metrics.log_lost.labels(str(log)).set(1)

    def check(self) -> None:
        """Raise `LogRolledBack` where nothing may be recorded."""
        for reason in self._lost.values():
            message = f"{reason}: nothing was recorded, and the operator has to look into it"
            raise LogRolledBack(message)

    async def ready(self) -> str:
        """What a probe says of the logs."""
        return next(iter(self._lost.values()), OK)

    async def signer(self) -> str:
        """What a probe says of their signers, measured as it is looked at; nothing waits for them.

        Raises `Unavailable` where one does not answer.
        """
        late = 0.0
        for log in range(self._identity.logs):
            lag = await self._published.lag(log)
            self._metrics.tree_lag.labels(str(log)).set(lag.tree)
            self._metrics.checkpoint_lag.labels(str(log)).set(lag.entries)
            self._metrics.checkpoint_wait.labels(str(log)).set(lag.seconds)
            late = max(late, lag.seconds)
        if self.signers is None:
            return NO_SIGNER
        for log in range(self._identity.logs):
            await self.signers.seen(log)
        return OK if late <= MMD_S else f"entries have waited {late:.0f} s for a checkpoint"
