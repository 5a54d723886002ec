"""Consumers that are told without a network: each takes, refuses or holds what it is sent.

    scene = Scene(ledger, wired)
    await scene.register("crm")
    await scene.look()
    scene.taken("crm")

`at` moves the database's clock. Several `Scene.process`es are several processes. Not here: HTTP.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from projections.consumer_secrets import Named, Secret, Secrets
from projections.consumers import Acknowledges, Consumer, Consumers, Wanted
from projections.deliveries import Deliveries, Limits, Purposes, Send, Target, Undelivered
from projections.feed import AnyEvent, EntryRecorded
from projections.feed_cursor import Cursor, earliest
from projections.overdue import Overdue
from tests.integration.feeding import feed_of, tailer
from tests.integration.wired import Founded, Wired, born

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CLIENT = "council"
DISABLED_AFTER = timedelta(days=5)
AWAY = Undelivered("cannot be reached: ConnectError")


class Answers:
    """What consumers do with what they are sent, by their address."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, AnyEvent]] = []
        self.taken: list[tuple[str, AnyEvent]] = []
        self.refusing: dict[str, Undelivered] = {}
        self.holding: dict[str, asyncio.Event] = {}
        self.targets: list[Target] = []
        self.at_once = 0
        self.most_at_once = 0

    @asynccontextmanager
    async def sending(self, target: Target) -> AsyncIterator[Send]:
        self.targets.append(target)

        async def send(event: AnyEvent) -> None:
            self.sent.append((target.url, event))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                if target.url in self.holding:
                    await self.holding[target.url].wait()
                if target.url in self.refusing:
                    raise self.refusing[target.url]
            finally:
                self.at_once -= 1
            self.taken.append((target.url, event))

        yield send


class Watch:
    """What whoever runs the service is told."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.disabled_ones: list[tuple[str, str]] = []
        self.count = 0

    def delivered(self) -> None:
        self.count += 1

    def undelivered(self, error: Undelivered) -> None:
        self.failures.append(str(error))

    def disabled(self, one: Named, reason: Literal["gone", "failing"]) -> None:
        self.disabled_ones.append((one.name, reason))


class Scene:
    """A ledger, its consumers, and a process that delivers to them."""

    def __init__(self, ledger: Founded, wired: Wired) -> None:
        self.ledger = ledger
        self.wired = wired
        self.answers = Answers()
        self.watch = Watch()
        self.errors: list[Exception] = []
        self.grants: dict[str, Purposes] = {}
        self.chance = 1.0
        self.secrets = Secrets(wired.pool, ledger.kek, entropy=os.urandom)
        self.logs = wired.identity.logs
        self.consumers = Consumers(wired.pool, self.secrets, logs=self.logs)
        self.overdue = Overdue(wired.reader, wired.pool, self.consumers, clock=time.monotonic)
        self.deliveries = self.process(wired)
        ledger.clock(NOW)

    def at(self, **after: float) -> None:
        """The database's clock says so long after the beginning."""
        self.ledger.clock(NOW + timedelta(**after))

    def process(
        self, wired: Wired, *, at_once: int = 16, clock: Callable[[], float] = lambda: 0.0
    ) -> Deliveries:
        """The deliveries of another process."""
        return Deliveries(
            feed_of(wired),
            wired.pool,
            Secrets(wired.pool, self.ledger.kek, entropy=os.urandom),
            logs=self.logs,
            sends=self.answers,
            watch=self.watch,
            narrowed=lambda client, told: self.grants.get(client, told),
            limits=Limits(at_once=at_once, disabled_after_s=int(DISABLED_AFTER.total_seconds())),
            chance=lambda: self.chance,
            clock=clock,
            failed=self.errors.append,
        )

    async def register(
        self,
        name: str,
        *,
        purposes: frozenset[str] | None = None,
        acknowledges: Acknowledges = "explicit",
        start: Cursor | None = None,
        pulls: bool = False,
    ) -> Secret | None:
        """A consumer, which is sent everything from the beginning on unless said otherwise."""
        wanted = Wanted(
            url=None if pulls else name,
            purposes=purposes,
            description=None,
            acknowledges=acknowledges,
            start=start or earliest(self.logs),
        )
        return (await self.consumers.register(Named(CLIENT, name), wanted))[1]

    async def look(self, deliveries: Deliveries | None = None) -> None:
        """A look, and all that it began has ended."""
        looking = deliveries or self.deliveries
        await looking.look()
        await asyncio.wait_for(looking.settled(), 60)

    async def now(self, name: str) -> Consumer:
        """How the consumer stands."""
        found = await self.consumers.find(Named(CLIENT, name))
        assert found is not None
        return found

    def taken(self, name: str) -> list[Any]:
        """The numbers of the entries that the consumer took, in order."""
        return [number(event) for url, event in self.answers.taken if url == name]

    def sent(self, name: str) -> list[Any]:
        """The same of those that it was sent."""
        return [number(event) for url, event in self.answers.sent if url == name]


def number(event: AnyEvent) -> int | str:
    """The n of an entry; of a change by time, its m with an m before it."""
    return event.n if isinstance(event, EntryRecorded) else f"m{event.m}"


def told(ledger: Founded, story: Callable[[Scene], Awaitable[None]]) -> None:
    """The story, on a ledger with a catalogue, within two minutes."""

    async def within(wired: Wired) -> None:
        scene = Scene(ledger, wired)
        await wired.adopt()
        await tailer(wired).catch_up()
        await asyncio.wait_for(story(scene), 120)

    ledger.run(within)


async def entries(scene: Scene, count: int) -> UUID:
    """So many entries about somebody new."""
    person = scene.ledger.subject()
    await scene.wired.record(person, *[born()] * count)
    return person
