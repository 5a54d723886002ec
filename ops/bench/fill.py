"""The ledger that is measured: a catalogue, and people to ask about and to write about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec

from api.demo_people import CATALOGUES
from api.runtime import Places, Runtime, running
from api.settings import Settings
from ledger.record import Command, Receipted
from ledger.wire import read_fact
from ops.bench.people import COMMON, PURPOSE, Entry, Person, people
from ops.bench.plan import Plan

CLIENT = "bench"
IN_FLIGHT = 64
CATALOGUE = "bolton-4.0.json"


class Subject(msgspec.Struct, frozen=True):
    """Somebody who is asked about, and what must be answered."""

    subject: UUID
    decision: str
    entries: int

    def bare_rows(self) -> Iterator[tuple[object, ...]]:
        """What a table of ready answers holds about them."""
        live = ["a"] if self.decision == "PERMIT" else []
        yield self.subject, PURPOSE, self.decision, live, "2026-03-01T00:00:00Z"
        for other in ("P18b", "P02a", "P13"):
            yield self.subject, other, "DENY", [], "2026-03-01T00:00:00Z"


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """Who there is."""

    people: list[Subject]
    writers: list[UUID]
    entries: int


async def fill(where: Places, settings: Settings, plan: Plan) -> Filled:
    """Everything recorded."""
    asked = list(people(plan.people, seed=f"{plan.seed} asked"))
    writers = list(people(plan.writers, seed=f"{plan.seed} written"))
    async with running(where, settings) as ledger:
        await adopt(ledger)
        await record_all(ledger, ((one.subject, one.entries) for one in asked))
        await record_all(ledger, ((one.subject, one.entries[:1]) for one in writers))
        size = (await ledger.store.head(0)).size
    return Filled(
        people=[told(one) for one in asked],
        writers=[one.subject for one in writers],
        entries=size,
    )


def told(one: Person) -> Subject:
    """Who it is, and what must be answered."""
    return Subject(one.subject, one.decision, len(one.entries))


async def adopt(ledger: Runtime) -> None:
    """The catalogue and what goes with it."""
    document = msgspec.json.decode((CATALOGUES / CATALOGUE).read_bytes())
    adopted = {"type": "CatalogueAdopted", "effective_at": "2021-11-01", "catalogue": document}
    for one in (adopted, *COMMON):
        await _record(ledger, None, [one])


async def record_all(ledger: Runtime, some: Iterable[tuple[UUID, Iterable[Entry]]]) -> None:
    """Each one's entries in a request of their own, many in flight."""
    left = iter(some)

    async def worker() -> None:
        for subject, entries in left:
            await _record(ledger, subject, entries)

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))


async def _record(ledger: Runtime, subject: UUID | None, entries: Iterable[Entry]) -> None:
    facts = tuple(read_fact(dict(one)) for one in entries)
    key = str(subject) if subject else facts[0].effective_at.isoformat() + type(facts[0]).__name__
    done = await ledger.recorder.record(
        Command(subject=subject, facts=facts, client=CLIENT, key=key)
    )
    if not isinstance(done, Receipted):
        raise RuntimeError(f"a made-up entry is refused: {done.refusal.message}")
