"""Lists from kept rows: the same as by computing everybody, and no dearer in a large ledger."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.store import open_pool
from ledger.terms import Decision
from projections.kept_rows import IN_ORDER
from projections.population import Population, Wanted
from projections.sql import statement
from tests.integration.recorded import History
from tests.integration.test_population import expected, listed, tailer, told
from tests.integration.wired import Founded, born, consent, founded

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"
PHOTO = Wanted(purpose="PHOTO")
PERMITTED = Wanted(purpose="PHOTO", decision=Decision.PERMIT)
HISTORIES = 4
ROWS = 20_000
TABLES = ("current_basis", "dossier", "entry", "follower", "time_change", "tombstone")
GROW_ROWS = """
INSERT INTO current_basis
SELECT b.log, gen_random_uuid(), b.purpose, b.decision, b.live, b.flags, b.since, b.next_change_at,
    b.n, b.catalogue_n
FROM generate_series(1, %s) CROSS JOIN LATERAL (
    SELECT * FROM current_basis WHERE purpose = 'PHOTO' AND decision = 'PERMIT' LIMIT 1) b
"""
GROW_DOSSIERS = """
INSERT INTO dossier
SELECT 0, b.subject, 1, sha256(''), ARRAY[1], ARRAY[now()], '' FROM current_basis b
ON CONFLICT DO NOTHING
"""
READ = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), sum(seq_scan) FROM pg_stat_user_tables
WHERE relname = ANY (%s)
"""


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_later_pages_are_of_the_first_ones_moment_whatever_happens_between(ledger, nth):
    """Entries, the passing of time and the tailer, each between any two pages."""

    async def story(wired):
        random = ledger.random
        history = History(ledger)
        await history.begin(wired)
        pages_seen = 0

        async def meanwhile():
            await history.grow(wired, random.choice((0, 0, 1)))
            history.world.clock = history.later(random.choice((0, 1, 400)))
            if random.random() < 0.7:
                await tailer(wired).catch_up()

        for _ in range(5):
            await history.grow(wired, 4)
            history.world.clock = history.later(random.choice((0, 60)))
            await tailer(wired).catch_up()
            for _ in range(4):
                _, question = history.question()
                wanted = Wanted(
                    purpose=question.purpose,
                    decision=random.choice((None, Decision.PERMIT, Decision.DENY)),
                    live=random.choice((None, None, "a")),
                )
                pages = await listed(wired, wanted, limit=1, between=meanwhile)
                assert told(pages) == await expected(ledger, wired, wanted, pages[0])
                pages_seen += len(pages)
        return pages_seen

    assert ledger.run(story) > 20


def test_whoever_time_has_changed_since_stays_as_they_stood(ledger):
    people = [ledger.subject() for _ in range(3)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            expiring = consent(subject, GIVEN, expires_at="2026-06-01T13:00:00Z")
            await wired.record(subject, born(), expiring)
        await tailer(wired).catch_up()

        async def expired():
            ledger.clock(NOW + timedelta(hours=2))
            await tailer(wired).catch_up()
            assert ledger.sql(
                "SELECT count(*) FROM current_basis WHERE purpose = 'PHOTO' AND decision = 'DENY'"
            ) == [(3,)]

        return told(await listed(wired, PERMITTED, limit=1, between=expired))

    assert ledger.run(story) == [(subject, "PERMIT", ("a",)) for subject in sorted(people)]


def test_whose_time_has_come_is_computed_before_their_row_is(ledger):
    people = [ledger.subject() for _ in range(3)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            expiring = consent(subject, GIVEN, expires_at="2026-06-01T13:00:00Z")
            await wired.record(subject, born(), expiring)
        await tailer(wired).catch_up()
        ledger.clock(NOW + timedelta(hours=2))
        denied = Wanted(purpose="PHOTO", decision=Decision.DENY)
        return told(await listed(wired, denied)), told(await listed(wired, PERMITTED))

    assert ledger.run(story) == ([(subject, "DENY", ()) for subject in sorted(people)], [])


def test_a_purpose_that_nobody_declared_denies_everybody(ledger):
    people = [ledger.subject() for _ in range(2)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            await wired.record(subject, born())
        await tailer(wired).catch_up()
        return told(await listed(wired, Wanted(purpose="NOBODY")))

    assert ledger.run(story) == [(subject, "DENY", ()) for subject in sorted(people)]


@pytest.mark.parametrize("most", [1, 2, 1000])
def test_too_many_to_look_at_apart_are_walked_over(ledger, most, monkeypatch):
    monkeypatch.setattr("projections.kept_rows.UNSETTLED_MAX", most)
    people = [ledger.subject() for _ in range(4)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people[:2]:
            await wired.record(subject, born(), consent(subject, GIVEN))
        await tailer(wired).catch_up()
        for subject in people[2:]:
            await wired.record(subject, born(), consent(subject, GIVEN))
        return told(await listed(wired, PERMITTED, limit=1))

    assert ledger.run(story) == [(subject, "PERMIT", ("a",)) for subject in sorted(people)]


def test_a_database_that_is_away_is_said_to_be(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        lists = Population(wired.reader, wired.rulebook, wired.pool)
        page = await lists._begin(PHOTO)
        async with open_pool("host=/nowhere dbname=none", size_max=1) as away:
            away.timeout = 0.1
            with pytest.raises(Unavailable):
                await Population(wired.reader, wired.rulebook, away)._rows(page, 0, UUID(int=0), 1)

    ledger.run(story)


def test_a_page_reads_as_much_of_a_full_ledger_as_of_a_new_one(ledger):
    """By plans that one connection made while the tables were nearly empty, and keeps."""
    person = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await wired.record(person, born(), consent(person, GIVEN))
        await tailer(wired).catch_up()
        async with open_pool(ledger.database, size_max=1) as pool:
            lists = Population(wired.reader, wired.rulebook, pool)
            new = [await read_by(lists, pool, one) for one in (PHOTO, PERMITTED)]
            ledger.sql(GROW_ROWS, ROWS)
            ledger.sql(GROW_DOSSIERS)
            return new, [await read_by(lists, pool, one) for one in (PHOTO, PERMITTED)]

    new, full = ledger.run(story)
    for (_, scans), (rows, later_scans) in zip(new, full, strict=True):
        assert (scans, later_scans) == (0, 0)
        assert rows < 60, "eleven rows, and a few of each other table"


async def read_by(lists: Population, pool: AsyncConnectionPool, wanted: Wanted) -> tuple[int, int]:
    """How many rows the first page reads, and by how many scans of a whole table."""
    # A plan for any values is made after a handful of runs.
    for _ in range(7):
        assert (await lists.subjects_of(wanted, limit=10)).people
    before = await counted(pool)
    await lists.subjects_of(wanted, limit=10)
    rows, scans = (b - a for a, b in zip(before, await counted(pool), strict=True))
    return rows, scans


async def counted(pool: AsyncConnectionPool) -> tuple[int, int]:
    """How much was read so far, once what the connection counted is known."""
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        row = await (await connection.execute(READ, [list(TABLES)])).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


@pytest.mark.parametrize("people", [0, 3, 300])
def test_a_page_is_read_in_order_of_an_index_however_few_there_are(ledger, people):
    ledger.sql(
        "INSERT INTO current_basis SELECT 0, gen_random_uuid(), 'PHOTO', 'PERMIT', '{a}', '{}',"
        " now(), NULL, 1, 1 FROM generate_series(1, %s)",
        people,
    )
    ledger.sql("ANALYZE")
    values = {
        "log": 0,
        "purpose": "PHOTO",
        "decision": None,
        "live": None,
        "catalogue_n": 1,
        "effective_at": NOW,
        "unsettled": [],
        "after": UUID(int=0),
        "limit": 10,
        "own": UUID(int=1),
        "after_n": 0,
        "noted": 0,
        "many": 10,
        "follower": "f",
    }
    with psycopg.connect(ledger.database) as connection:
        connection.execute(IN_ORDER)
        for name in ("rows_followed", "unsettled", "standing_page"):
            explained = b"EXPLAIN (FORMAT JSON) " + statement(name)
            ((found,),) = connection.execute(explained, values).fetchall()
            nodes = [(one["Node Type"], one.get("Relation Name")) for one in within(found)]
            assert not [one for one in nodes if one[0] in ("Seq Scan", "Bitmap Heap Scan")], nodes
            if name == "standing_page":
                assert ("Merge Append", None) in nodes, nodes


def within(plan: Any) -> Iterator[dict[str, Any]]:
    """Every node of the plan."""
    if isinstance(plan, list):
        for one in plan:
            yield from within(one)
    elif isinstance(plan, dict):
        if "Node Type" in plan:
            yield plan
        for one in plan.values():
            yield from within(one)
