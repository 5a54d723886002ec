"""Reading streams: who is erased, and which was the last entry at a moment."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ledger.store import Place, Stored
from tests.integration.appending import emptied, one_ledger, stored
from tests.integration.wired import Founded, Wired, born

TICK = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def last(rows: Iterable[Stored], known_at: datetime) -> Place | None:
    """The last of the rows that was recorded by then, found by looking at each."""
    found = None
    for row in rows:
        if row.recorded_at <= known_at:
            found = Place(n=row.n, recorded_at=row.recorded_at, leaf_hash=row.leaf_hash)
    return found


def test_at_every_moment_the_last_entry_is_the_one_recorded_by_then(ledger):
    people = [ledger.subject() for _ in range(3)]

    async def story(wired: Wired) -> None:
        await wired.adopt()
        for _ in range(12):
            person = ledger.random.choice(people)
            await wired.record(person, *[born()] * ledger.random.randint(1, 3))
        rows = stored(ledger.database)
        streams = {
            stream: [row for row in rows if row.stream == stream]
            for stream in [*people, ledger.identity.stream, ledger.subject()]
        }
        stamps = {row.recorded_at for row in rows}
        for moment in stamps | {at - TICK for at in stamps} | {at + TICK for at in stamps}:
            assert await wired.store.place_at(0, moment) == last(rows, moment)
            for stream, mine in streams.items():
                place = await wired.store.stream_place_at(0, stream, moment)
                assert place == last(mine, moment)

    ledger.run(story)


def test_an_entry_is_found_by_its_number_and_there_is_none_before_the_first_or_after_the_last(
    ledger,
):
    async def story(wired: Wired) -> list[Place | None]:
        await wired.record(ledger.subject(), born(), born())
        return [await wired.store.place_of(0, n) for n in range(4)]

    places = ledger.run(story)
    rows = stored(ledger.database)
    assert places == [
        None,
        *(Place(n=row.n, recorded_at=row.recorded_at, leaf_hash=row.leaf_hash) for row in rows),
        None,
    ]


def test_a_person_with_a_tombstone_is_erased_though_every_key_is_there(ledger):
    erased, kept = ledger.subject(), ledger.subject()

    async def story(wired: Wired) -> None:
        for person in (erased, kept):
            await wired.record(person, born())
        ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 1)", erased)
        loaded = await wired.reader.subjects(0, [erased, kept])
        assert loaded[erased].dossier.destroyed
        assert (loaded[erased].dossier.items, loaded[erased].plain) == ((), b"")
        assert not loaded[kept].dossier.destroyed
        assert len(loaded[kept].dossier.items) == 1

    try:
        ledger.run(story)
    finally:
        ledger.sql("TRUNCATE tombstone")
