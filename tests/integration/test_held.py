"""Dossiers held between questions: never instead of a read, and never longer than their key."""

from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from ledger.held import OVERHEAD_BYTES, holding
from ledger.reader import Reader
from ledger.store import DossierRow
from tests.integration.appending import emptied, one_ledger
from tests.integration.auditing import auditing
from tests.integration.wired import Founded, Wired, born


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


class Asking:
    """Reads subjects as checks do, and keeps the rows that came."""

    def __init__(self, wired: Wired, reads, *, bytes_max: int = 2**20) -> None:
        held = holding(lambda: 0.0, bytes_max=bytes_max)
        self.reader = Reader(wired.store, wired.keys, wired.identity, held=held)
        self.came: dict[UUID, DossierRow] = {}
        self._reads = reads

    async def loaded(self, *subjects: UUID):
        return await self.reader.subjects(0, subjects, rows=self._rows)

    async def _rows(self, log: int, known: Mapping[UUID, bytes | None]) -> dict[UUID, DossierRow]:
        self.came = await self._reads.dossiers(log, known)
        return self.came


@asynccontextmanager
async def asking(ledger: Founded, wired: Wired, **more):
    async with auditing(ledger) as reads:
        yield Asking(wired, reads, **more)


def test_what_is_held_is_read_again_without_its_bytes_until_something_is_recorded(ledger):
    one, other = ledger.subject(), ledger.subject()

    async def story(wired: Wired) -> None:
        await wired.adopt()
        for each in (one, other):
            await wired.record(each, born())
        async with asking(ledger, wired) as asked:
            for some in ([one], [one, other], [one, other], [other]):
                before = {each: asked.came.get(each) for each in some}
                loaded = await asked.loaded(*some)
                for each in some:
                    plain = (await wired.reader.subjects(0, [each]))[each]
                    assert loaded[each].dossier.items == plain.dossier.items
                    assert loaded[each].plain == plain.plain
                    seen = before[each] is not None
                    assert (asked.came[each].sealed is None) == seen
                    assert (asked.came[each].n is None) == seen
            await wired.record(one, born())
            loaded = await asked.loaded(one, other)
            assert [loaded[each].version for each in (one, other)] == [2, 1]
            assert [len(loaded[each].dossier.items) for each in (one, other)] == [2, 1]
            assert asked.came[one].sealed is not None
            assert asked.came[other].sealed is None

    ledger.run(story)


def test_a_stream_as_long_that_ends_in_another_entry_is_read_whole(ledger):
    person = ledger.subject()

    async def story(wired: Wired) -> None:
        await wired.adopt()
        await wired.record(person, born())
        async with asking(ledger, wired) as asked:
            await asked.loaded(person)
            ledger.sql("UPDATE dossier SET head = sha256(head) WHERE subject = %s", person)
            await asked.loaded(person)
            assert asked.came[person].sealed is not None

    ledger.run(story)


@pytest.mark.parametrize("tombstone", [False, True])
def test_a_dossier_whose_key_is_destroyed_is_not_used_from_memory(ledger, tombstone):
    person = ledger.subject()

    async def story(wired: Wired) -> None:
        await wired.adopt()
        await wired.record(person, born())
        async with asking(ledger, wired) as asked:
            assert not (await asked.loaded(person))[person].dossier.destroyed
            await wired.keys.destroy_person(person)
            if tombstone:
                ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 2)", person)
            found = (await asked.loaded(person))[person]
            assert found.dossier.destroyed
            assert found.dossier.items == ()
            assert found.plain == b""

    ledger.run(story)


def test_nobody_is_held_of_whom_nothing_is_recorded_nor_the_ledger_itself(ledger):
    async def story(wired: Wired) -> None:
        await wired.adopt()
        async with asking(ledger, wired) as asked:
            nobody = ledger.subject()
            for _ in range(2):
                loaded = await asked.loaded(nobody, ledger.identity.stream)
                assert loaded[nobody].version == 0
                assert loaded[ledger.identity.stream].version == 1
            assert asked.came[ledger.identity.stream].sealed is not None

    ledger.run(story)


def test_no_more_is_held_than_the_bound(ledger):
    people = [ledger.subject() for _ in range(3)]

    async def story(wired: Wired) -> None:
        await wired.adopt()
        for each in people:
            await wired.record(each, born())
        async with asking(ledger, wired, bytes_max=2 * (OVERHEAD_BYTES + 200)) as asked:
            for each in people:
                await asked.loaded(each)
            await asked.loaded(*people)
            assert [asked.came[each].sealed is None for each in people] == [False, True, True]

    ledger.run(story)
