"""Deliveries: the feed is told to each consumer at its address, in order, until it is taken.

A process claims a consumer for a bounded time, tells it one event after the other, and keeps how
far it came after each: whoever is broken off before that is followed by another that tells the same
event again. Nothing of the database is held while an answer is waited for. Not here: HTTP and
signatures (`api`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from projections.consumer_secrets import Named, Secret, Secrets
from projections.everyone import rows, write
from projections.feed import AnyEvent, Feed
from projections.feed_cursor import Cursor, parse_cursor
from projections.turns import looking

LOOK_S = 1.0
"""How often a process looks whether there is something to tell, and to whom."""
CLAIM_S = 60
"""How long a consumer is nobody else's without news of its delivery."""
TURN_S = 20.0
"""How long one consumer is told before others have their turn."""
PAGE = 50
RETRY_S = 5.0
"""After the first failure; after each other one it is twice as long."""
RETRY_S_MAX = 900.0
"""A consumer that is back hears of a withdrawal no later than so."""
ASIDE_S = 60.0

Purposes = frozenset[str] | None
Send = Callable[[AnyEvent], Awaitable[None]]
"""Tells one event; raises `Undelivered` where it was not taken."""


class Undelivered(Exception):
    """The consumer did not take an event; `gone` where it says that it never will again."""

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a consumer is told, and what its deliveries are signed with, the newest first."""

    url: str
    secrets: tuple[Secret, ...]


class Sends(Protocol):
    """The way to consumers."""

    def sending(self, target: Target) -> AbstractAsyncContextManager[Send]:
        """What tells this one, for as long as it is used."""


class Watches(Protocol):
    """Whoever is told how it goes."""

    def delivered(self) -> None:
        """An event was taken."""

    def undelivered(self, error: Undelivered) -> None:
        """An event was not taken."""

    def disabled(self, one: Named, reason: Literal["gone", "failing"]) -> None:
        """Nothing is delivered to this consumer any more."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer that is this process's for a while."""

    client: str
    name: str
    url: str
    purposes: list[str] | None
    delivered: str
    claim: UUID

    @property
    def told(self) -> Purposes:
        """The purposes that it was registered for; None is all."""
        return None if self.purposes is None else frozenset(self.purposes)

    @property
    def named(self) -> Named:
        """Which one it is."""
        return Named(self.client, self.name)

    def values(self, **more: object) -> dict[str, object]:
        """What statements about this claim take."""
        return self.named.values(claim=self.claim, **more)


class _Kept(msgspec.Struct):
    name: str


class _Failed(msgspec.Struct):
    disabled_for: Literal["gone", "failing"] | None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many consumers a process tells at once, and after how long one that fails is given up."""

    at_once: int
    disabled_after_s: int


class Deliveries:
    """The deliveries of one ledger; several processes may run them, each consumer is one's.

    `narrowed` says for which purposes the client may still be told of those that it registered.
    Consumers that fail have half of the places at most: they hold up no other.
    """

    def __init__(
        self,
        feed: Feed,
        pool: AsyncConnectionPool,
        secrets: Secrets,
        *,
        logs: int,
        sends: Sends,
        watch: Watches,
        narrowed: Callable[[str, Purposes], Purposes],
        limits: Limits,
        chance: Callable[[], float],
        clock: Callable[[], float],
        failed: Callable[[Exception], None],
    ) -> None:
        self._feed = feed
        self._pool = pool
        self._secrets = secrets
        self._logs = logs
        self._sends = sends
        self._watch = watch
        self._narrowed = narrowed
        self._limits = limits
        self._chance = chance
        self._clock = clock
        self._failed = failed
        self._turns: dict[asyncio.Task[None], bool] = {}
        # However many are told at once, others get their connections.
        self._reading = asyncio.Semaphore(2)

    async def follow(self, stop: asyncio.Event) -> None:
        """Looks until told to stop; an error is reported, and the look repeated later."""
        try:
            await looking(self.look, stop, every_s=LOOK_S, failed=self._failed)
        finally:
            for turn in self._turns:
                turn.cancel()
            await self.settled()

    async def look(self) -> None:
        """A turn has begun for every consumer whose time it is, as far as there is room."""
        head = (await self._feed.head()).spelt()
        for failing in (False, True):
            for one in await self._claimed(head, failing=failing):
                turn = asyncio.create_task(self._turn(one))
                self._turns[turn] = failing
                turn.add_done_callback(self._turns.pop)

    async def settled(self) -> None:
        """Every turn that has begun has ended."""
        while self._turns:
            await asyncio.wait(list(self._turns))

    async def _claimed(self, head: str, *, failing: bool) -> list[Claimed]:
        room = self._limits.at_once - len(self._turns)
        if failing:
            room = min(room, max(1, self._limits.at_once // 2) - sum(self._turns.values()))
        if room <= 0:
            return []
        values = {"log": 0, "head": head, "failing": failing, "limit": room, "seconds": CLAIM_S}
        return await rows(self._pool, Claimed, "claim_deliveries", values)

    async def _turn(self, one: Claimed) -> None:
        """One consumer's turn, whatever comes of it."""
        delay = 0.0
        try:
            told = self._narrowed(one.client, one.told)
            if told == frozenset():
                delay = ASIDE_S
            else:
                await self._attempt(one, told)
        except Exception as error:
            # Not the consumer's doing: an entry that cannot be read, or no database.
            delay = ASIDE_S
            self._failed(error)
        finally:
            await asyncio.shield(self._give_back(one, delay))

    async def _attempt(self, one: Claimed, told: Purposes) -> None:
        try:
            await self._tell(one, told)
        except Undelivered as error:
            self._watch.undelivered(error)
            await self._keep_failure(one, error)

    async def _tell(self, one: Claimed, told: Purposes) -> None:
        """What is new to the consumer, up to the end of the feed or of its turn."""
        ends = self._clock() + TURN_S
        after = parse_cursor(one.delivered, logs=self._logs, field="delivered")
        target = Target(url=one.url, secrets=tuple(await self._secrets.of(one.named)))
        async with self._sends.sending(target) as send:
            while True:
                async with self._reading:
                    page = await self._feed.events(after, limit=PAGE, purposes=told)
                for event in page.events:
                    await send(event)
                    self._watch.delivered()
                    if not await self._keep(one, event.cursor) or self._clock() >= ends:
                        return
                if page.cursor != after and not await self._keep(one, page.cursor):
                    return
                after = page.cursor
                if page.behind == 0 or self._clock() >= ends:
                    return

    async def _keep(self, one: Claimed, at: Cursor) -> bool:
        """Whether the consumer is still this turn's; then it was told up to there."""
        values = one.values(delivered=at.spelt(), seconds=CLAIM_S)
        return bool(await rows(self._pool, _Kept, "keep_delivery", values))

    async def _keep_failure(self, one: Claimed, error: Undelivered) -> None:
        values = one.values(
            failure=str(error),
            gone=error.gone,
            delay=RETRY_S,
            delay_max=RETRY_S_MAX,
            # Those that failed together do not come again together.
            share=0.5 + self._chance() / 2,
            disabled_after=self._limits.disabled_after_s,
        )
        for kept in await rows(self._pool, _Failed, "keep_failure", values):
            if kept.disabled_for is not None:
                self._watch.disabled(one.named, kept.disabled_for)

    async def _give_back(self, one: Claimed, delay: float) -> None:
        """Others may take the consumer up; where that cannot be said, they may after a while."""
        with contextlib.suppress(Exception):
            await write(self._pool, "give_back_delivery", one.values(delay=delay))
