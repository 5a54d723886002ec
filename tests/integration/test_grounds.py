"""What a request starts from is read with whatever else waits, and is as if it were read alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from ledger.arrays import bigints, byteas, integers, texts, uuids
from ledger.errors import Unavailable
from ledger.record import Command
from ledger.store import GROUNDS_MAX, Asked, DossierRow
from ledger.wire import read_fact
from tests.integration.appending import Requests, emptied, one_ledger
from tests.integration.wired import Founded, Wired, born, consent, withdrawal

OWN = UUID("00000000-0000-4000-8000-000000000000")


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def as_read_alone(ground: DossierRow) -> dict[str, object]:
    """What a read of the dossier finds as well, less the moment at which it was read."""
    names = [name for name in DossierRow.__struct_fields__ if name != "now"]
    return {name: getattr(ground, name) for name in names}


def test_each_gets_their_own_dossier_and_what_their_own_key_stands_for(ledger):
    made = Requests(ledger.random)
    sent = [made.request(many=many) for many in (1, 3, 2)]

    async def story(wired: Wired) -> None:
        await wired.adopt()
        for one in sent:
            await wired.store.append(0, one)
        own = wired.identity.stream
        streams = [*(one.moves[0].subject for one in sent), ledger.subject()]
        asked = [
            Asked(stream, one.client, key)
            for stream in streams
            for one in sent
            for key in (one.key, one.key + "?")
        ]
        found = await asyncio.gather(*(wired.store.ground(0, each, own=own) for each in asked))
        alone = await wired.store.dossiers(0, streams, own=own)
        fingerprints = {(one.client, one.key): one.fingerprint for one in sent}
        for each, ground in zip(asked, found, strict=True):
            assert as_read_alone(ground) == as_read_alone(alone[each.stream])
            assert ground.fingerprint == fingerprints.get((each.client, each.key))
            seen = await wired.store.seen(0, client=each.client, key=each.key)
            assert seen == ground.fingerprint

    ledger.run(story)


def test_many_who_ask_at_once_are_few_statements_and_what_is_urgent_is_in_the_first(ledger):
    flushes: list[list[bool]] = []

    async def story(wired: Wired) -> None:
        read = wired.store._read

        async def counted(kind, name, values):
            rows = await read(kind, name, values)
            flushes.append([row.subject == hurried for row in rows])
            return rows

        wired.store._read = counted  # type: ignore[method-assign]
        hurried = ledger.subject()
        asked = [Asked(ledger.subject(), "test", "k") for _ in range(GROUNDS_MAX + 5)]
        asked.append(Asked(hurried, "test", "k", urgent=True))
        own = wired.identity.stream
        await asyncio.gather(*(wired.store.ground(0, each, own=own) for each in asked))

    ledger.run(story)
    assert [len(flush) for flush in flushes] == [GROUNDS_MAX, 6]
    assert flushes[0][0]


def test_whoever_waits_while_the_process_ends_is_told_to_come_again(ledger):
    async def story(wired: Wired) -> None:
        asked = Asked(ledger.subject(), "test", "k")
        waits = asyncio.ensure_future(wired.store.ground(0, asked, own=OWN))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running = wired.store._grounds[0]._running
        assert running is not None
        running.cancel()
        with pytest.raises(Unavailable, match="same key"):
            await waits

    ledger.run(story)


def test_what_stops_something_is_urgent_unless_it_is_one_of_very_many(ledger):
    subject = ledger.subject()
    when = "2026-03-02T10:00:00Z"

    def command(*sent: dict[str, object], bulk: bool = False) -> Command:
        facts = tuple(read_fact(one) for one in sent)
        return Command(subject=subject, facts=facts, client="test", key="k", bulk=bulk)

    assert command(withdrawal(subject, when)).urgent
    assert command(born(), withdrawal(subject, when)).urgent
    assert not command(withdrawal(subject, when), bulk=True).urgent
    assert not command(born(), consent(subject, when)).urgent


@pytest.mark.parametrize("many", [0, 1, 7])
def test_arrays_arrive_as_they_were_sent(ledger, many):
    source = ledger.random
    given = {
        "uuid": [UUID(int=source.getrandbits(128)) for _ in range(many)],
        "bigint": [source.randint(-(2**63), 2**63 - 1) for _ in range(many)],
        "integer": [source.randint(-(2**31), 2**31 - 1) for _ in range(many)],
        "text": [source.choice(("", "plain", "Zoë – ‘æ’", "\U0001f5dd")) for _ in range(many)],
        "bytea": [source.randbytes(source.randint(0, 300)) for _ in range(many)],
    }
    sent = {
        "uuid": uuids(given["uuid"]),
        "bigint": bigints(given["bigint"]),
        "integer": integers(given["integer"]),
        "text": texts(given["text"]),
        "bytea": byteas(given["bytea"]),
    }
    columns = ", ".join(f"%({kind})s::{kind}[]" for kind in sent)

    async def story(wired: Wired) -> None:
        async with wired.pool.connection() as connection:
            cursor = await connection.execute(f"SELECT {columns}", sent)
            assert await cursor.fetchone() == tuple(given.values())

    ledger.run(story)
