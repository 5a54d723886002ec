"""Streams folded together are what each is by itself; what is wrong with one is still named."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import Fault
from ledger.store import Stored
from projections import rebuild as rebuilding
from projections import replay as replaying
from projections.derived import folded_content, stored_digests
from projections.everyone import rows
from projections.rebuild import Rebuild
from projections.replay import fold, folds
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded

GIVEN = "2026-01-10T10:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("many", [1, 3, 50])
@pytest.mark.parametrize("nth", range(3))
def test_together_they_are_what_each_is_alone(ledger, many, nth, monkeypatch):
    monkeypatch.setattr(replaying, "TOGETHER", many)

    async def story(wired: Wired) -> None:
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 25)
        erased = ledger.subject()
        await wired.record(erased, born(), entry("ErasureExecuted", GIVEN, purpose="*"))
        await wired.keys.destroy_person(erased)
        people = [*history.subjects.values(), erased]
        streams = [wired.identity.stream, *people, ledger.subject()]
        found = await folds(wired.reader, wired.pool, 0, streams)
        assert [*found] == streams
        for stream, one in found.items():
            subject = None if stream == wired.identity.stream else stream
            alone = await fold(wired.reader, subject, destroyed=False)
            assert folded_content(0, stream, one) == folded_content(0, stream, alone)
        assert found[erased].dossier.destroyed

    ledger.run(story)


def test_no_more_than_so_many_entries_of_each_are_read_at_once(ledger, monkeypatch):
    monkeypatch.setattr(replaying, "TOGETHER", 4)
    read: list[Counter] = []

    async def counted(pool, kind, name, values):
        found = await rows(pool, kind, name, values)
        if kind is Stored:
            read.append(Counter(one.stream for one in found))
        return found

    monkeypatch.setattr(replaying, "rows", counted)

    async def story(wired: Wired) -> None:
        await wired.adopt()
        long, short = ledger.subject(), ledger.subject()
        for _ in range(11):
            await wired.record(long, born())
        await wired.record(short, born())
        found = await folds(wired.reader, wired.pool, 0, [long, short])
        assert [one.dossier.version for one in found.values()] == [11, 1]
        assert read == [Counter({long: 4, short: 1})]

    ledger.run(story)


TAMPERED = {
    "UPDATE entry SET leaf = set_byte(leaf, 9, 1) WHERE n = 3": "its leaf has another hash",
    "UPDATE entry SET container = '' WHERE n = 3": "is emptied",
    "UPDATE entry SET container = set_byte(container, 90, 7) WHERE n = 3": "is not as recorded",
    "UPDATE entry SET version = 9 WHERE n = 3": "its stream has no version 2",
}


@pytest.mark.parametrize("query", TAMPERED)
def test_what_is_wrong_with_one_of_them_is_said_as_it_is_of_that_one_alone(ledger, query):
    async def story(wired: Wired) -> None:
        await wired.adopt()
        one, other = ledger.subject(), ledger.subject()
        await wired.record(one, born(), consent(one, GIVEN))
        await wired.record(other, born())
        ledger.sql(query)
        with pytest.raises(Fault) as alone:
            await fold(wired.reader, one, destroyed=False)
        with pytest.raises(Fault) as together:
            await folds(wired.reader, wired.pool, 0, [other, one])
        assert str(together.value) == str(alone.value)
        assert str(alone.value).startswith("entry 0:3 ") and TAMPERED[query] in str(alone.value)

    ledger.run(story)


def test_dossiers_are_written_in_portions_of_bounded_size(ledger, monkeypatch):
    monkeypatch.setattr(rebuilding, "PORTION_BYTES", 600)
    written: list[list[int]] = []
    portions = rebuilding._portions

    def watched(made):
        for some in portions(made):
            written.append([len(one.sealed) for one in some])
            yield some

    monkeypatch.setattr(rebuilding, "_portions", watched)

    async def story(wired: Wired) -> None:
        await wired.adopt()
        for _ in range(9):
            subject = ledger.subject()
            await wired.record(subject, born(), consent(subject, GIVEN))
        before = await stored_digests(wired.reader, wired.pool)
        ledger.sql("DELETE FROM dossier")
        async with ledger.wired(role=None) as owner:
            rebuild = Rebuild(owner.reader, owner.rulebook, owner.pool)
            after = await rebuild.rebuild(entropy=ledger.random.randbytes)
        assert after.dossiers == before.dossiers
        assert sum(map(len, written)) == 10
        assert len(written) > 2
        assert all(sum(some[:-1]) <= 600 for some in written)

    ledger.run(story)
