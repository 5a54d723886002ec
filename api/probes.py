"""Probes: whether the process lives, and whether it is ready, each check by its name.

Ready is what a balancer asks: nothing here is said of the person who asks, so anybody may. One look
at the database serves everybody who asks meanwhile. Not here: what can only be proved by trying
(`doctor`), or figures (`telemetry_metrics`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec
import psycopg
from litestar import Response, get
from litestar.params import FromQuery
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

import migrations
from api.body import AnyRequest
from api.limits import UNBOUNDED
from api.runtime import Runtime
from ledger.errors import LedgerError
from projections.current import follower_name
from projections.lag import lag

CHECK_SECONDS = 1.0
OK = "ok"
_MIGRATED = "SELECT name FROM schema_migration WHERE folder = 'ledger'"
_AUDIT_WRITABLE = """
SELECT has_table_privilege('read_audit', 'INSERT') AND NOT pg_is_in_recovery()
"""
diagnostics = logging.getLogger("ledger")

Check = Callable[[], Awaitable[str]]
"""Says `ok`, or in words of ours what is the matter."""


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What each check said, by its name; what is in `warnings` keeps nobody from being served."""

    checks: dict[str, str]
    warnings: dict[str, str] = {}

    @property
    def failing(self) -> list[str]:
        """The names of the checks that say no."""
        return [name for name, said in self.checks.items() if said != OK]


class Probes:
    """The checks of one application; `more` are checks that other parts of it have."""

    def __init__(
        self, ledger: Runtime, draining: asyncio.Event, more: Mapping[str, Check] | None = None
    ) -> None:
        self._ledger = ledger
        self._draining = draining
        self._migrated = False
        self._checks: dict[str, Check] = {
            "database": self._database,
            "keys": self._keys,
            "migrations": self._migrations,
            "projection": self._projection,
            "read_audit": self._read_audit,
            "log": self._log,
            **(more or {}),
        }
        self._warnings: dict[str, Check] = {"signer": self._signer}
        self._looking: asyncio.Task[Readiness] | None = None

    async def ready(self) -> Readiness:
        """Every check, in at most a second; a look that is under way is shared."""
        draining = "no longer takes new work" if self._draining.is_set() else OK
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        found = await asyncio.shield(self._looking)
        return msgspec.structs.replace(found, checks={**found.checks, "serving": draining})

    async def _look(self) -> Readiness:
        try:
            return await self._all()
        finally:
            self._looking = None

    async def _all(self) -> Readiness:
        every = {**self._checks, **self._warnings}
        tasks = {name: asyncio.create_task(_said(name, check)) for name, check in every.items()}
        # Not a timeout around each: a driver whose server is stopped takes longer to give up.
        done, late = await asyncio.wait(tasks.values(), timeout=CHECK_SECONDS)
        for task in late:
            task.cancel()
        slow = f"no answer within {CHECK_SECONDS:.0f} s"
        found = {name: task.result() if task in done else slow for name, task in tasks.items()}
        self._ledger.telemetry.metrics.database_up.set(found["database"] == OK)
        warnings = {name: found.pop(name) for name in self._warnings}
        return Readiness(
            checks=found, warnings={name: said for name, said in warnings.items() if said != OK}
        )

    async def _database(self) -> str:
        await self._ledger.store.head(0)
        return OK

    async def _keys(self) -> str:
        async with self._ledger.keys_pool.connection() as connection:
            await connection.execute("SELECT 1")
        return OK

    async def _migrations(self) -> str:
        """At this release or beyond it: a later release's files are made for both."""
        if not self._migrated:
            async with self._ledger.pool.connection() as connection:
                rows = await (await connection.execute(_MIGRATED)).fetchall()
            missing = set(migrations.expected("ledger")) - {str(name) for (name,) in rows}
            if missing:
                return "the database is behind this release: run `ledger migrate`"
            self._migrated = True
        return OK

    async def _projection(self) -> str:
        found = [await self.lag(log) for log in range(self._ledger.identity.logs)]
        limit = self._ledger.settings.projection_lag_seconds_max
        return OK if max(found, default=0.0) <= limit else f"more than {limit} s behind the log"

    async def _read_audit(self) -> str:
        async with self._ledger.pool.connection() as connection:
            found = await (await connection.execute(_AUDIT_WRITABLE)).fetchone()
        return OK if found and found[0] else "the read audit cannot be written"

    async def _log(self) -> str:
        return await self._ledger.watch.ready()

    async def _signer(self) -> str:
        return await self._ledger.watch.signer()

    async def lag(self, log: int) -> float:
        """How many seconds the projection of a log is behind, measured as it is looked at."""
        ledger = self._ledger
        found = await lag(ledger.pool, log, follower=follower_name(ledger.rulebook))
        metrics = ledger.telemetry.metrics
        metrics.lag_entries.labels(str(log)).set(found.entries)
        metrics.lag_seconds.labels(str(log)).set(found.seconds)
        return found.seconds


async def _said(name: str, check: Check) -> str:
    try:
        return await check()
    except (LedgerError, psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests, OSError):
        return "cannot be reached"
    except Exception:
        diagnostics.exception("the check %s failed in itself", name)
        return "failed in itself"


def body_of(found: Readiness, *, verbose: bool) -> bytes:
    """What is told: whether, what fails, and where that was asked for, each check."""
    body: dict[str, object] = {"ready": not found.failing, "failing": found.failing}
    if verbose:
        body |= {"checks": found.checks, "warnings": found.warnings}
    return msgspec.json.encode(body)


LIVE = b'{"live":true}'


@get("/livez", include_in_schema=False, opt={UNBOUNDED: True})
async def livez() -> Response[bytes]:
    """The event loop turns; nothing else is asked."""
    return Response(LIVE, media_type="application/json")


@get("/readyz", include_in_schema=False, opt={UNBOUNDED: True})
async def readyz(request: AnyRequest, verbose: FromQuery[str | None] = None) -> Response[bytes]:
    """Whether to send work here: 200, or 503 with the names of the checks that say no."""
    probes: Probes = request.app.state["probes"]
    found = await probes.ready()
    return Response(
        body_of(found, verbose=verbose is not None),
        status_code=503 if found.failing else 200,
        media_type="application/json",
    )
