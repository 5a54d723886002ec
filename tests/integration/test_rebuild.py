"""Derived tables thrown away and made again are the same; whatever was altered in them is named."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ledger.errors import Fault
from ledger.record import Receipted
from projections.checks import Checks, Query
from projections.current import Tailer
from projections.derived import Digests, stored_digests
from projections.population import Population, Wanted
from projections.rebuild import Checked, Rebuild
from projections.replay import folds
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"
HISTORIES = 4


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def tailer(wired: Wired) -> Tailer:
    return Tailer(wired.reader, wired.rulebook, wired.pool)


async def checked(wired: Wired, **options) -> Checked:
    return await Rebuild(wired.reader, wired.rulebook, wired.pool).check(**options)


async def live(wired: Wired) -> Digests:
    return await stored_digests(wired.reader, wired.pool)


async def rebuilt(ledger: Founded, **options) -> Digests:
    """The digests of a rebuild by the owner, in a process of their own."""
    async with ledger.wired(role=None) as owner:
        rebuild = Rebuild(owner.reader, owner.rulebook, owner.pool)
        return await rebuild.rebuild(entropy=ledger.random.randbytes, **options)


@asynccontextmanager
async def two_people(ledger: Founded, wired: Wired) -> AsyncIterator[tuple[UUID, UUID]]:
    """A consent and its withdrawal, with everything derived from them."""
    one, two = sorted((ledger.subject(), ledger.subject()))
    ledger.clock(NOW)
    await wired.adopt()
    await wired.record(one, born(), consent(one, GIVEN))
    await wired.record(two, born("2013-03-03"), consent(two, GIVEN))
    await wired.record(one, withdrawal(one, "2026-04-01T09:00:00Z"))
    await tailer(wired).catch_up()
    assert (await checked(wired)).difference is None
    yield one, two


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_a_rebuild_from_nothing_has_the_digest_of_what_was_there(ledger, nth, monkeypatch):
    monkeypatch.setattr("projections.derived.BATCH", 2)

    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 30)
        await tailer(wired).catch_up()
        assert (await checked(wired)).difference is None
        before = await live(wired)
        for emptied in ("dossier", "current_basis", "follower"):
            ledger.sql(f"DELETE FROM {emptied}")
        assert await rebuilt(ledger) == before
        async with ledger.wired() as again:
            assert await live(again) == before
            assert (await checked(again)).difference is None
            one = history.subjects["A1"]
            await again.record(one, withdrawal(one, GIVEN))
            assert await tailer(again).catch_up()
            assert (await checked(again)).difference is None

    ledger.run(story)


def test_digests_differ_where_anything_derived_differs(ledger):
    async def story(wired):
        async with two_people(ledger, wired) as (one, _):
            digests = [await live(wired)]
            ledger.sql(
                "UPDATE current_basis SET flags = '{ERASED}' WHERE purpose = 'PHOTO'"
                " AND subject = %s",
                one,
            )
            digests.append(await live(wired))
            ledger.sql("UPDATE dossier SET head = sha256('other') WHERE subject = %s", one)
            digests.append(await live(wired))
            assert len({each.bases for each in digests}) == 2
            assert len({each.dossiers for each in digests}) == 2

    ledger.run(story)


ALTERED = {
    "a dossier's version": "UPDATE dossier SET version = 9 WHERE subject = '{one}'",
    "its head": "UPDATE dossier SET head = sha256('other') WHERE subject = '{one}'",
    "its stamps": "UPDATE dossier SET recorded_at[1] = '2020-01-01' WHERE subject = '{one}'",
    "its places": "UPDATE dossier SET n[1] = 1 WHERE subject = '{one}'",
    "its text": "UPDATE dossier SET sealed = set_byte(sealed, 60, 1) WHERE subject = '{one}'",
    "the dossier of another": "UPDATE dossier SET sealed = (SELECT sealed FROM dossier"
    " WHERE subject = '{two}'), n = n[:2], recorded_at = recorded_at[:2] WHERE subject = '{one}'",
    "a dossier gone": "DELETE FROM dossier WHERE subject = '{one}'",
    "the catalogue": "UPDATE dossier SET sealed = set_byte(sealed, 900, 0) WHERE version = 1",
    "a decision": "UPDATE current_basis SET decision = 'PERMIT' WHERE subject = '{one}'",
    "a flag": "UPDATE current_basis SET flags = '{{ERASED}}' WHERE subject = '{one}'",
    "a next change": "UPDATE current_basis SET next_change_at = '2100-01-01'"
    " WHERE subject = '{two}' AND purpose = 'PHOTO'",
    "a beginning": "UPDATE current_basis SET since = '2019-01-01' WHERE subject = '{two}'",
}

OF_THE_OTHER = ("a next change", "a beginning")


@pytest.mark.parametrize("what", ALTERED)
def test_a_check_names_what_was_altered_and_a_rebuild_puts_it_right(ledger, what):
    async def story(wired):
        async with two_people(ledger, wired) as (one, two):
            before = await live(wired)
            ledger.sql(ALTERED[what].format(one=one, two=two))
            said = (await checked(wired)).difference
            assert said is not None
            assert str(one) not in said and str(two) not in said
            kind = "kept row" if "current_basis" in ALTERED[what] else "dossier"
            end = 1 if what == "the catalogue" else 5 if what in OF_THE_OTHER else 6
            assert kind in said and f"ends at 0:{end} is" in said, said
            assert await rebuilt(ledger) == before
        async with ledger.wired() as again:
            assert (await checked(again)).difference is None
            assert await live(again) == before

    ledger.run(story)


ENTRIES_ALTERED = {
    "UPDATE entry SET leaf = set_byte(leaf, 9, 1) WHERE n = 3": "entry 0:3 is not as recorded",
    "DELETE FROM entry WHERE n = 6": "log 0 has gaps, or another size than its head says, 6",
    "DELETE FROM entry WHERE n = 3": "log 0 has gaps, or another size than its head says, 6",
    "UPDATE log_head SET leaf_hash = sha256('x')": "log 0 ends with another entry than its head",
    "UPDATE entry SET idempotency_key = 'other' WHERE n = 5": "entry 0:5 has an idempotency key",
    "DELETE FROM idempotency": "entry 0:1 has an idempotency key that does not lead to it",
    "INSERT INTO dossier SELECT log, '00000000-0000-4000-8000-000000000001', version, head, n,"
    " recorded_at, sealed FROM dossier WHERE version = 3": "log 0 has dossiers or kept rows about",
}


@pytest.mark.parametrize("query", ENTRIES_ALTERED)
def test_a_check_says_where_the_record_itself_is_not_whole(ledger, query):
    async def story(wired):
        async with two_people(ledger, wired):
            ledger.sql(query)
            said = (await checked(wired)).difference
            assert said is not None and said.startswith(ENTRIES_ALTERED[query]), said

    ledger.run(story)


def test_a_rebuild_leaves_no_dossier_of_somebody_without_entries(ledger):
    async def story(wired):
        async with two_people(ledger, wired):
            before = await live(wired)
            ledger.sql(next(query for query in ENTRIES_ALTERED if query.startswith("INSERT")))
            assert await rebuilt(ledger) == before
            assert (await checked(wired)).difference is None

    ledger.run(story)


def test_a_rebuild_stops_at_an_entry_that_is_not_as_recorded(ledger):
    async def story(wired):
        async with two_people(ledger, wired):
            ledger.sql("UPDATE entry SET recorded_at = recorded_at + interval '1s' WHERE n = 4")
            with pytest.raises(Fault, match="^entry 0:4 is not as recorded"):
                await rebuilt(ledger)

    ledger.run(story)


def test_only_the_owner_may_rebuild(ledger):
    async def story(wired):
        async with two_people(ledger, wired):
            rebuild = Rebuild(wired.reader, wired.rulebook, wired.pool)
            with pytest.raises(Fault, match="rebuild as the owner"):
                await rebuild.rebuild(entropy=ledger.random.randbytes)

    ledger.run(story)


def test_a_row_that_is_merely_behind_is_not_wrong(ledger):
    async def story(wired):
        async with two_people(ledger, wired) as (one, _):
            await wired.record(one, consent(one, "2026-05-01T10:00:00Z"))
            assert (await checked(wired)).difference is None
            ledger.clock(datetime(2031, 3, 3, 12, tzinfo=UTC))
            assert (await checked(wired)).difference is None

    ledger.run(story)


def test_a_rebuild_keeps_an_erased_person_erased(ledger):
    async def story(wired):
        async with two_people(ledger, wired) as (one, two):
            await wired.record(one, entry("ErasureExecuted", "2026-03-02T10:00:00Z", purpose="*"))
            await wired.keys.destroy_person(one)
            before = await live(wired)
            for emptied in ("dossier", "current_basis", "tombstone"):
                ledger.sql(f"DELETE FROM {emptied}")
            assert (await rebuilt(ledger)).dossiers == before.dossiers
            assert ledger.sql("SELECT subject FROM tombstone") == [(one,)]
        async with ledger.wired() as again:
            checks = Checks(again.reader, again.rulebook)
            got = await checks.check(Query(subject=one, purpose="SAFEGUARD"))
            assert (got.decision, [*got.flags]) == ("DENY", ["ERASED"])
            page = await Population(again.reader, again.rulebook, again.pool).subjects_of(
                Wanted(purpose="SAFEGUARD")
            )
            assert [(each.subject, each.decision) for each in page.people] == [
                (one, "DENY"),
                (two, "PERMIT"),
            ]

    ledger.run(story)


def test_a_rebuild_under_writes_and_reads_loses_neither(ledger):
    people = [ledger.subject() for _ in range(12)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            await wired.record(subject, born())
        stop = asyncio.Event()

        async def write():
            while not stop.is_set():
                for subject in people:
                    await wired.record(subject, born())
                    await asyncio.sleep(0.01)

        async def read():
            lists = Population(wired.reader, wired.rulebook, wired.pool)
            while not stop.is_set():
                page = await lists.subjects_of(Wanted(purpose="PHOTO"))
                assert {one.subject for one in page.people} == set(people)

        async def rebuild():
            try:
                for _ in range(2):
                    await asyncio.wait_for(rebuilt(ledger), 100)
            finally:
                stop.set()

        await asyncio.gather(write(), read(), rebuild())
        await tailer(wired).catch_up()
        assert (await checked(wired)).difference is None
        digests = await live(wired)
        assert await rebuilt(ledger) == digests

    ledger.run(story)


def test_a_dossier_that_moves_while_it_is_made_is_made_again(ledger, monkeypatch):
    async def story(wired):
        async with two_people(ledger, wired) as (one, _):
            moved: list[Receipted] = []

            async def folded(reader, pool, log, streams):
                found = await folds(reader, pool, log, streams)
                if one in streams and not moved:
                    moved.append(await wired.record(one, born("1980-05-06")))
                return found

            monkeypatch.setattr("projections.rebuild.folds", folded)
            await rebuilt(ledger)
            assert moved
            assert ledger.sql("SELECT version FROM dossier WHERE subject = %s", one) == [(4,)]
            assert (await checked(wired)).difference is None

    ledger.run(story)


def test_both_tell_how_far_they_have_come(ledger):
    of_check: list[tuple[int, int]] = []
    of_rebuild: list[tuple[int, int]] = []

    async def story(wired):
        async with two_people(ledger, wired):
            await checked(wired, progress=lambda *both: of_check.append(both))
            await rebuilt(ledger, progress=lambda *both: of_rebuild.append(both))

    ledger.run(story)
    assert of_check == [(3, 3)]
    assert (of_rebuild[0], of_rebuild[-1]) == ((3, 6), (6, 6))
    assert of_rebuild == sorted(of_rebuild)


def test_every_log_is_rebuilt(database, tmp_path):
    with founded(database, tmp_path, logs=4) as ledger:

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            for log in range(4):
                subject = ledger.subject(log)
                await wired.record(subject, born(), consent(subject, GIVEN))
            await tailer(wired).catch_up()
            assert await checked(wired) == Checked(streams=5, difference=None)
            before = await live(wired)
            ledger.sql("DELETE FROM dossier")
            assert await rebuilt(ledger) == before

        ledger.run(story)
