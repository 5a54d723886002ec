"""The way to consumers that are told at their address, and the followers that go it.

Not here: who is told when (`projections/deliveries.py`), which addresses are asked
(`webhook_addresses`), or registration (`consumers`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import httpx2

from api.feed_events import Encode, encoding, event_id
from api.grants import EVERY, GrantTable, Named, client_from
from api.outward import CONNECT_SECONDS, Outward, Unanswered
from api.runtime import Runtime
from api.settings import Settings
from api.telemetry_metrics import Metrics
from api.webhook_addresses import (
    Pinned,
    Reach,
    Resolve,
    is_public,
    read_address,
    read_ports,
    resolved,
)
from api.webhook_signing import headers
from ledger.errors import Malformed
from projections import consumer_secrets
from projections.consumer_secrets import Secrets
from projections.consumers import Consumer, Consumers
from projections.deliveries import Deliveries, Limits, Purposes, Send, Target, Undelivered
from projections.feed import AnyEvent, Feed
from projections.overdue import Overdue
from projections.turns import looking

MEDIA_TYPE = "application/cloudevents+json"
"""CloudEvents 1.0.2, HTTP protocol binding: the whole event is the body."""
LOOK_S = 60.0
"""How often it is looked at who has not acted in time."""
diagnostics = logging.getLogger("ledger")


def reach_of(settings: Settings) -> Reach:
    """Which addresses the settings let be asked; raises `Malformed`."""
    return Reach(ports=read_ports(settings.webhook_ports), loopback=settings.webhook_loopback)


def secrets_of(ledger: Runtime) -> Secrets:
    """The secrets of this ledger's consumers."""
    return Secrets(ledger.pool, ledger.kek, entropy=os.urandom)


def consumers_of(ledger: Runtime) -> Consumers:
    """The consumers of this ledger."""
    return Consumers(ledger.pool, secrets_of(ledger), logs=ledger.identity.logs)


def overdue_of(ledger: Runtime) -> Overdue:
    """What is overdue at the consumers of this ledger."""
    return Overdue(ledger.reader, ledger.pool, consumers_of(ledger), clock=time.monotonic)


def overdue_seconds(settings: Settings) -> int:
    """How long a consumer has to act on a withdrawal before that is overdue."""
    return settings.withdrawal_overdue_hours * 3600


def narrowing(grants: dict[str, GrantTable]) -> Callable[[str, Purposes], Purposes]:
    """What these tables leave of the purposes that a client registered; of a client with none, all.

    A grant that came to an end since is not told of to us by anybody else.
    """

    def narrowed(client: str, purposes: Purposes) -> Purposes:
        if client not in grants:
            return purposes
        registered = (EVERY,) if purposes is None else tuple(purposes)
        sources = [Named(scopes=("feed",), purposes=registered), grants[client].named()]
        left = client_from(client, sources)
        return left.grant.purposes if "feed" in left.scopes else frozenset()

    return narrowed


@asynccontextmanager
async def webhooks(ledger: Runtime) -> AsyncIterator[None]:
    """Consumers are told, and it is watched who has not acted, for as long as this is open."""
    deliveries = _deliveries(ledger)
    watch = OverdueWatch(ledger)
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(deliveries.follow(stop)),
        asyncio.create_task(looking(watch.look, stop, every_s=LOOK_S, failed=_failed(ledger))),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _deliveries(ledger: Runtime) -> Deliveries:
    settings = ledger.settings
    return Deliveries(
        Feed(ledger.reader, ledger.pool, clock=time.monotonic),
        ledger.pool,
        secrets_of(ledger),
        logs=ledger.identity.logs,
        sends=OverHttp(encoding(ledger.identity), reach_of(settings), now=time.time),
        watch=Told(ledger.telemetry.metrics),
        narrowed=narrowing(settings.grants),
        limits=Limits(
            at_once=settings.webhooks_at_once,
            disabled_after_s=settings.webhook_disabled_after_hours * 3600,
        ),
        chance=random.SystemRandom().random,
        clock=time.monotonic,
        failed=_failed(ledger),
    )


def _failed(ledger: Runtime) -> Callable[[Exception], None]:
    failures = ledger.telemetry.metrics.follower_failures.labels("webhooks")

    def failed(error: Exception) -> None:
        failures.inc()
        diagnostics.error("webhooks cannot be delivered now: %s", type(error).__name__)

    return failed


class OverHttp:
    """Consumers at their addresses."""

    def __init__(
        self,
        encode: Encode,
        reach: Reach,
        *,
        now: Callable[[], float],
        resolve: Resolve = resolved,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._encode = encode
        self._reach = reach
        self._now = now
        self._resolve = resolve
        self._context = context or ssl.create_default_context()

    @asynccontextmanager
    async def sending(self, target: Target) -> AsyncIterator[Send]:
        """What tells this consumer; connections are its own, and kept meanwhile."""
        try:
            plain = read_address(target.url, self._reach).scheme == "http"
        except Malformed:
            raise Undelivered("the settings do not allow this address any more") from None
        inner = httpx2.AsyncHTTPTransport(verify=self._context, trust_env=False)
        allowed = (lambda ip: ip.is_loopback) if plain else is_public
        async with httpx2.AsyncClient(
            transport=Pinned(inner, self._resolve, allowed=allowed),
            follow_redirects=False,
            timeout=CONNECT_SECONDS,
            headers={"user-agent": "consent-ledger"},
            trust_env=False,
        ) as client:
            outward = Outward(client)

            async def send(event: AnyEvent) -> None:
                await self._send(outward, target, event)

            yield send

    async def _send(self, outward: Outward, target: Target, event: AnyEvent) -> None:
        body = self._encode(event)
        signed = headers(event_id(event), body, target.secrets, at=int(self._now()))
        try:
            answer = await outward.post(target.url, body, media_type=MEDIA_TYPE, headers=signed)
        except Unanswered as error:
            raise Undelivered(str(error)) from None
        if not 200 <= answer.code < 300:
            raise Undelivered(f"answers {answer.code}", gone=answer.code == 410)


class Told:
    """Metrics, and a line for whoever runs the service where nothing is delivered any more."""

    def __init__(self, metrics: Metrics) -> None:
        self._deliveries = metrics.webhook_deliveries

    def delivered(self) -> None:
        """Counted."""
        self._deliveries.labels("delivered").inc()

    def undelivered(self, error: Undelivered) -> None:
        """Counted."""
        self._deliveries.labels("gone" if error.gone else "failed").inc()

    def disabled(self, one: consumer_secrets.Named, reason: Literal["gone", "failing"]) -> None:
        """Said loudly: what people asked to stop does not reach this consumer."""
        message = "consumer %s of client %s is told nothing any more (%s): see ops/docs/webhooks.md"
        diagnostics.error(message, one.name, one.client, reason)


class OverdueWatch:
    """Sets the figures about consumers, and has every secret under the key in use."""

    def __init__(self, ledger: Runtime) -> None:
        self._seconds = overdue_seconds(ledger.settings)
        self._overdue = overdue_of(ledger)
        self._consumers = consumers_of(ledger)
        self._secrets = secrets_of(ledger)
        self._metrics = ledger.telemetry.metrics

    async def look(self) -> None:
        """The figures are those of now."""
        every: list[Consumer] = await self._consumers.every()
        disabled = [one for one in every if one.disabled_at is not None]
        self._metrics.webhooks_disabled.set(len(disabled))
        late = await self._overdue.report(seconds=self._seconds)
        self._metrics.overdue_withdrawals.set(len(late))
        await self._secrets.rewrap()
