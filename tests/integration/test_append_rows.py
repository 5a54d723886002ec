"""Rows of the record: who may touch them, how several logs share them, and what betrays an edit."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from ledger.disclosure import commitment
from ledger.store import Outcome
from ledger.tlog.leaf import format_leaf, leaf_hash, parse_leaf
from tests.integration.appending import Requests, altered, emptied, one_ledger, stored
from tests.integration.waiting import until
from tests.integration.wired import Founded, Wired

LOGS = 4
TABLES = ("entry", "dossier", "log_head", "idempotency", "tombstone", "ledger_identity")
FORBIDDEN = {
    "insert": "INSERT INTO {0} SELECT * FROM {0}",
    "update": "UPDATE {0} SET log = log",
    "delete": "DELETE FROM {0}",
    "truncate": "TRUNCATE {0}",
    "lock": "SELECT 1 FROM {0} FOR UPDATE",
}


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place, logs=LOGS) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


@pytest.fixture
def made(ledger: Founded) -> Requests:
    return Requests(ledger.random)


def spread(ledger: Founded, made: Requests, many: int) -> list[Outcome]:
    """Requests on so many new streams, each to the log it belongs to, all at once."""
    requests = [made.request(many=2) for _ in range(many)]

    async def story(wired: Wired) -> list[Outcome]:
        log_of = wired.identity.log_of
        return await asyncio.gather(
            *(wired.store.append(log_of(one.moves[0].subject), one) for one in requests)
        )

    return ledger.run(story)


def test_streams_spread_over_the_logs_and_each_log_has_its_own_numbers(ledger, made):
    assert {outcome.name for outcome in spread(ledger, made, 100)} == {"accepted"}
    rows = {log: stored(ledger.database, log) for log in range(LOGS)}
    for log, found in rows.items():
        assert 0 < len(found) < 200
        assert [row.n for row in found] == list(range(1, len(found) + 1))
        assert all(ledger.identity.log_of(row.stream) == log for row in found)
        assert altered(found, ledger.identity, log) == []
        stamps = [row.recorded_at for row in found]
        assert all(a <= b for a, b in pairwise(stamps))
    assert sum(map(len, rows.values())) == 200


def test_a_log_that_is_held_up_holds_up_no_other(ledger, made):
    held, free = (made.request(ledger.subject(log)) for log in (0, 1))

    async def story(wired: Wired) -> None:
        with psycopg.connect(ledger.database) as other:
            other.execute("SELECT 1 FROM log_head WHERE log = 0 FOR UPDATE")
            waiting = asyncio.create_task(wired.store.append(0, held))
            assert (await wired.store.append(1, free)).entries[0].n == 1
            assert not waiting.done()
            other.rollback()
            assert (await waiting).entries[0].n == 1

    ledger.run(story)


def test_logs_that_are_all_held_up_leave_connections_for_reading(ledger, made):
    requests = [made.request() for _ in range(LOGS)]

    async def story(wired: Wired) -> None:
        assert wired.pool.max_size <= LOGS, "or the appends could not use up the connections"
        with psycopg.connect(ledger.database) as other:
            other.execute("SELECT 1 FROM log_head FOR UPDATE")
            waiting = [
                asyncio.create_task(wired.store.append(log, one))
                for log, one in enumerate(requests)
            ]
            await asyncio.to_thread(until, lambda: waits(ledger) == 2, "as many wait as may")
            assert (await wired.store.head(0)).size == 0
            assert waits(ledger) == 2
            other.rollback()
            await asyncio.gather(*waiting)

    ledger.run(story)


def waits(ledger: Founded) -> int:
    """How many sessions wait for a row that another holds."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return int(ledger.sql(query + " AND datname = current_database()")[0][0])


def as_role(ledger: Founded, role: str, statement: str) -> None:
    with psycopg.connect(ledger.database) as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        connection.execute(statement)


ROLES = ("ledger_app", "ledger_reader", "ledger_auditor", "ledger_eraser")
# Whoever may update one column may lock a row.
ALLOWED = ("ledger_eraser", "entry", "lock")
ATTEMPTS = [each for each in product(ROLES, TABLES, FORBIDDEN) if each != ALLOWED]


@pytest.mark.parametrize(("role", "table", "verb"), ATTEMPTS)
def test_no_role_of_the_service_may_write_the_record_past_the_append(ledger, role, table, verb):
    with pytest.raises(errors.InsufficientPrivilege):
        as_role(ledger, role, FORBIDDEN[verb].format(table))


def test_the_service_may_append(ledger, made):
    assert spread(ledger, made, 1)[0].name == "accepted"
    as_role(ledger, "ledger_app", "SELECT * FROM entry, dossier, log_head, idempotency, tombstone")


@pytest.mark.parametrize("role", ["ledger_reader", "ledger_auditor", "ledger_eraser"])
def test_nobody_else_may_append(ledger, role):
    call = "SELECT append(0::smallint, {})".format(", ".join(["'{}'"] * 15))
    with pytest.raises(errors.InsufficientPrivilege, match="function append"):
        as_role(ledger, role, call)
    as_role(ledger, "ledger_app", call)


@pytest.mark.parametrize("column", ["container", "leaf"])
def test_the_eraser_may_empty_what_is_sealed(ledger, made, column):
    spread(ledger, made, 1)
    as_role(ledger, "ledger_eraser", f"UPDATE entry SET {column} = ''")
    assert ledger.sql(f"SELECT DISTINCT {column} FROM entry") == [(b"",)]


def test_the_eraser_may_change_nothing_else(ledger):
    columns = {
        name
        for (name,) in ledger.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'entry'"
        )
    }
    for column in sorted(columns - {"container", "leaf"}):
        with pytest.raises(errors.InsufficientPrivilege):
            as_role(ledger, "ledger_eraser", f"UPDATE entry SET {column} = {column}")


EDITS = {
    "its name": "name = 'ConsentRefused'",
    "its place in the stream": "version = 9",
    "its stream": "stream = '5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b11'",
    "its id": "event_id = '01890a5d-ac96-774b-bcce-b302099a8057'",
    "what it commits to": "digests = digests || sha256('x')",
    "its stamp": "recorded_at = recorded_at - interval '1 microsecond'",
    "its leaf": "leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '1', '2'), 'UTF8')",
    "its leaf's hash": "leaf_hash = sha256('x')",
}


@pytest.fixture
def story(ledger: Founded, made: Requests) -> Founded:
    """A ledger whose log 0 has three entries of each of two streams, taking turns."""
    one, two = ledger.subject(0), ledger.subject(0)

    async def told(wired: Wired) -> None:
        for after in range(3):
            for stream in (one, two):
                await wired.store.append(0, made.request(stream, after=after))

    ledger.run(told)
    return ledger


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_a_row_edited_behind_the_ledgers_back_is_found_and_located(story, edit):
    assert altered(stored(story.database), story.identity) == []
    story.sql(f"UPDATE entry SET {edit} WHERE log = 0 AND n = 3")
    found = altered(stored(story.database), story.identity)
    assert found[0] == 3
    assert set(found) <= {3, 5}, "at most the next entry of the stream as well"


def test_an_entry_forged_whole_is_found_by_the_next_one_of_its_stream(story):
    forge(story, n=3)
    assert altered(stored(story.database), story.identity) == [5]


def test_the_last_entry_of_a_stream_forged_whole_is_found_by_its_dossier(story):
    forge(story, n=5)
    rows = stored(story.database)
    assert altered(rows, story.identity) == []
    heads = dict(story.sql("SELECT subject, head FROM dossier WHERE log = 0"))
    assert [row.n for row in rows[-2:] if heads[row.stream] != row.leaf_hash] == [5]


def test_an_entry_taken_out_leaves_a_gap_and_a_broken_stream(story):
    story.sql("DELETE FROM entry WHERE log = 0 AND n = 3")
    rows = stored(story.database)
    assert [row.n for row in rows] == [1, 2, 4, 5, 6]
    assert altered(rows, story.identity) == [5]


def forge(ledger: Founded, *, n: int) -> None:
    """Other content, with the leaf and the hash that belong to it."""
    row = next(row for row in stored(ledger.database) if row.n == n)
    digests = row.digests[32:]
    forged = format_leaf(replace(parse_leaf(row.leaf), commitment=commitment(digests)))
    ledger.sql(
        "UPDATE entry SET digests = %s, leaf = %s, leaf_hash = %s WHERE log = 0 AND n = %s",
        digests,
        forged,
        leaf_hash(forged),
        n,
    )
