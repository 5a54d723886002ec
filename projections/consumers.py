"""Consumers of the feed under a name: what each may be told, and how far it says it has acted.

A consumer belongs to the client that registered it. What it acknowledges only ever grows. Not here:
deliveries (`deliveries`), or who has not acted in time (`overdue`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from projections.consumer_secrets import Named, PublicKey, Secret, Secrets
from projections.everyone import rows, rows_on
from projections.feed_cursor import Cursor, parse_cursor

CONSUMERS_MAX = 100
"""How many one client may have."""

Acknowledges = Literal["delivery", "explicit"]


class TooMany(Exception):
    """The client has as many consumers as it may."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer as its client wants it; without a `url` it pulls, `purposes` None are all.

    `start` is where it stands when it is registered first.
    """

    url: str | None
    purposes: frozenset[str] | None
    description: str | None
    acknowledges: Acknowledges
    start: Cursor


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer as it stands; `delivered` and `acknowledged` are cursors of the feed.

    `failures` are the attempts since the last delivery that succeeded, `failure` what came of the
    last of them; the next is made no sooner than at `due_at`.
    """

    client: str
    name: str
    url: str | None
    purposes: list[str] | None
    description: str | None
    acknowledges: Acknowledges
    registered_at: datetime
    delivered: str
    acknowledged: str
    acknowledged_at: datetime | None
    due_at: datetime
    failures: int
    failing_since: datetime | None
    failure: str | None
    disabled_at: datetime | None
    disabled_for: Literal["gone", "failing"] | None

    @property
    def told(self) -> frozenset[str] | None:
        """The purposes that it may be told of; None is all."""
        return None if self.purposes is None else frozenset(self.purposes)

    @property
    def named(self) -> Named:
        """Which one it is."""
        return Named(self.client, self.name)

    def acted(self, logs: int) -> Cursor:
        """Up to where it has acted, as far as it says or its deliveries do."""
        said = parse_cursor(self.acknowledged, logs=logs, field="acknowledged")
        if self.acknowledges == "explicit":
            return said
        return said.joined(parse_cursor(self.delivered, logs=logs, field="delivered"))


class Consumers:
    """The consumers of one ledger with so many logs."""

    def __init__(self, pool: AsyncConnectionPool, secrets: Secrets, *, logs: int) -> None:
        self._pool = pool
        self._secrets = secrets
        self._logs = logs

    async def every(self, client: str | None = None) -> list[Consumer]:
        """Those of the client, or of every one, by name."""
        return await rows(self._pool, Consumer, "consumers", {"log": 0, "client": client})

    async def find(self, one: Named) -> Consumer | None:
        """The consumer; None where the client has none of this name."""
        found = await rows(self._pool, Consumer, "consumer", one.values())
        return found[0] if found else None

    async def register(self, one: Named, wanted: Wanted) -> tuple[Consumer, Secret | None]:
        """The consumer as wanted, and its first secret where that was made by this call.

        One that was disabled is tried again. Raises `TooMany`.
        """
        async with self._changing() as connection:
            held = await _held(connection, one)
            if held is None:
                held = await self._add(connection, one, wanted)
            else:
                held = await self._change(connection, held, wanted)
            secret = await self._secrets.first(connection, one) if wanted.url else None
        return held, secret

    async def remove(self, one: Named) -> bool:
        """Whether there was one; there is none any more."""
        return bool(await rows(self._pool, Consumer, "drop_consumer", one.values()))

    async def acknowledge(self, one: Named, upto: Cursor) -> Consumer | None:
        """The consumer, which has acted on everything up to there, and on what it said before.

        None where the client has no such consumer.
        """
        while (held := await self.find(one)) is not None:
            acted = held.acted(self._logs).joined(upto).spelt()
            if acted == held.acknowledged:
                return held
            values = one.values(was=held.acknowledged, acknowledged=acted)
            kept = await rows(self._pool, Consumer, "keep_acknowledgement", values)
            if kept:
                return kept[0]
        return None

    async def new_secret(self, one: Named, *, hours: int) -> Secret | None:
        """A new secret, beside which those before it are valid for so long at most.

        None where the client has no such consumer, or one that pulls.
        """
        async with self._changing() as connection:
            held = await _held(connection, one)
            if held is None or held.url is None:
                return None
            return await self._secrets.renewed(connection, one, hours=hours)

    async def keys(self, one: Named) -> list[PublicKey]:
        """What signatures for this consumer are verified with, the newest first."""
        return await self._secrets.public(one)

    async def _add(self, connection: AsyncConnection, one: Named, wanted: Wanted) -> Consumer:
        values = one.values(**_told(wanted), start=wanted.start.spelt(), most=CONSUMERS_MAX)
        made = await rows_on(connection, Consumer, "add_consumer", values)
        if made:
            return made[0]
        held = await _held(connection, one)
        if held is None:
            raise TooMany(f"a client has {CONSUMERS_MAX} consumers at most: delete one")
        return await self._change(connection, held, wanted)

    async def _change(
        self, connection: AsyncConnection, held: Consumer, wanted: Wanted
    ) -> Consumer:
        values = held.named.values(**_told(wanted), acknowledged=held.acted(self._logs).spelt())
        return (await rows_on(connection, Consumer, "change_consumer", values))[0]

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error


async def _held(connection: AsyncConnection, one: Named) -> Consumer | None:
    """The consumer, held against others who would change it."""
    found = await rows_on(connection, Consumer, "consumer_held", one.values())
    return found[0] if found else None


def _told(wanted: Wanted) -> dict[str, object]:
    purposes = None if wanted.purposes is None else sorted(wanted.purposes)
    return {
        "url": wanted.url,
        "purposes": purposes,
        "description": wanted.description,
        "acknowledges": wanted.acknowledges,
    }
