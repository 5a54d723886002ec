"""Whatever is done to the middle of a chain is found, and the first bad row is named."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from psycopg import sql

from ledger.store import open_pool
from projections.everyone import rows as table_rows
from projections.read_audit import Row, row_hash
from projections.read_verification import Broken, Chain, verify_chains
from tests.integration.appending import one_ledger
from tests.integration.auditing import auditing, broken, rows, verified, written
from tests.integration.wired import Founded

ROWS = 7


@pytest.fixture(scope="module")
def made(postgres: str, module_place: Path) -> Iterator[Founded]:
    """One ledger for all: each test begins with a chain of its own."""
    with one_ledger(postgres, module_place) as ledger:
        yield ledger


@pytest.fixture
def ledger(made: Founded) -> Founded:
    made.sql("TRUNCATE read_audit, read_audit_chain")

    async def story(_):
        async with auditing(made) as reads:
            await reads.write(rows(made, ROWS, stored=b"sealed"))

    made.run(story)
    return made


OTHERS = {
    "log": "log + 1",
    "chain": "gen_random_uuid()",
    "n": "n + 100",
    "id": """overlay(id::text placing
        translate(right(id::text, 1), '0123456789abcdef', '123456789abcdef0') from 36)::uuid""",
    "request": "gen_random_uuid()",
    "answered_at": "answered_at + interval '1 microsecond'",
    "client": "client || 'x'",
    "reason": "'x'",
    "on_behalf_of": "'x'",
    "trace": "repeat('1', 32)",
    "kind": "'BASES'",
    "subject": "gen_random_uuid()",
    "purpose": "NULL",
    "question": "'{}'",
    "position": "'0:9'",
    "catalogue": "'0:9'",
    "rulebook": "'x'",
    "effective_at": "effective_at + interval '1 microsecond'",
    "known_at": "NULL",
    "decision": "'DENY'",
    "answer_digest": "sha256('x')",
    "stored": "'x'",
    "prev": "sha256('x')",
    "hash": "sha256('x')",
}


@pytest.mark.parametrize("n", [1, 4, ROWS])
@pytest.mark.parametrize("column", OTHERS)
def test_a_column_that_was_changed_is_found(ledger, column, n):
    change = sql.SQL("UPDATE read_audit SET {} = {} WHERE n = %s").format(
        sql.Identifier(column),
        sql.SQL(OTHERS[column]),
    )
    ledger.sql(change, n)
    found = verified(ledger)
    if n == ROWS and column in ("log", "chain", "n"):
        # It is as if the last row had been taken away, and stood elsewhere.
        assert any(isinstance(one, Broken) for one in found) == (column != "log")
        return
    first = next(one for one in found if isinstance(one, Broken))
    assert first.n == n
    assert str(first.chain) in str(first)


def test_the_rules_know_every_column():
    assert set(OTHERS) == set(Row.__struct_fields__)


@pytest.mark.parametrize("n", [1, 4])
def test_a_row_that_was_taken_out_is_missed(ledger, n):
    ledger.sql("DELETE FROM read_audit WHERE n = %s", n)
    assert broken(ledger) == [(n, "it is missing")]


def test_rows_that_were_renumbered_over_a_gap_are_found(ledger):
    ledger.sql("DELETE FROM read_audit WHERE n = 4")
    ledger.sql("UPDATE read_audit SET n = n + 100 WHERE n > 4")
    ledger.sql("UPDATE read_audit SET n = n - 101 WHERE n > 100")
    assert broken(ledger) == [(4, "it is not what its hash is of")]


def test_two_rows_that_changed_places_are_found(ledger):
    ledger.sql("UPDATE read_audit SET n = 100 WHERE n = 3")
    ledger.sql("UPDATE read_audit SET n = 3 WHERE n = 4")
    ledger.sql("UPDATE read_audit SET n = 4 WHERE n = 100")
    assert broken(ledger) == [(3, "it is not what its hash is of")]


def test_a_row_that_was_put_in_is_found(ledger):
    ledger.sql("UPDATE read_audit SET n = n + 100 WHERE n > 4")
    ledger.sql("UPDATE read_audit SET n = n - 99 WHERE n > 100")
    names = list(Row.__struct_fields__)
    values = {name: name for name in names}
    values |= {"n": "5", "id": "overlay(id::text placing '00000001' from 29)::uuid"}
    columns, copied = ", ".join(names), ", ".join(values[name] for name in names)
    ledger.sql(f"INSERT INTO read_audit ({columns}) SELECT {copied} FROM read_audit WHERE n = 4")
    assert broken(ledger) == [(5, "it is not what its hash is of")]


def rehashed(ledger: Founded, n: int) -> None:
    """The row's hash is made right again, by somebody who knows how."""

    async def found():
        async with open_pool(ledger.database, size_max=1, role=None) as pool:
            every = await table_rows(pool, Row, "read_chain", values)
            return next(one for one in every if one.n == n)

    ((chain,),) = ledger.sql("SELECT DISTINCT chain FROM read_audit")
    values = {"log": 0, "chain": chain, "after": 0, "limit": ROWS}
    row = asyncio.run(found())
    ledger.sql("UPDATE read_audit SET hash = %s WHERE n = %s", row_hash(row), n)


@pytest.mark.parametrize("n", [1, 4])
def test_a_row_that_was_changed_and_hashed_anew_breaks_the_next(ledger, n):
    ledger.sql("UPDATE read_audit SET reason = 'x' WHERE n = %s", n)
    rehashed(ledger, n)
    assert broken(ledger) == [(n + 1, "it does not follow the row before it")]


@pytest.mark.parametrize(
    "change", ["process = gen_random_uuid()", "started_at = started_at + interval '1 microsecond'"]
)
def test_a_beginning_that_was_changed_is_found(ledger, change):
    ledger.sql(f"UPDATE read_audit_chain SET {change}")
    assert broken(ledger) == [(1, "its chain began otherwise")]


def test_rows_without_a_beginning_are_found(ledger):
    ledger.sql("DELETE FROM read_audit_chain")
    assert broken(ledger) == [(1, "its chain was never begun")]


def test_what_no_chain_can_tell_is_not_found_and_the_documentation_says_so(ledger):
    ledger.sql("DELETE FROM read_audit WHERE n > 5")
    (shorter,) = verified(ledger)
    assert isinstance(shorter, Chain)
    assert (shorter.n, shorter.rows) == (5, 5)
    ledger.sql("DELETE FROM read_audit")
    (empty,) = verified(ledger)
    assert isinstance(empty, Chain)
    assert (empty.n, empty.rows, len(empty.hash)) == (0, 0, 32)


def test_one_bad_chain_hides_no_other(ledger):
    async def story(_):
        async with auditing(ledger) as reads:
            await reads.write(rows(ledger, 2))

    ledger.run(story)
    ledger.sql("DELETE FROM read_audit WHERE n = 4")
    kinds = [type(one) for one in verified(ledger)]
    # The latest first.
    assert kinds == [Chain, Broken]


def test_the_end_of_a_chain_can_be_looked_at_alone(ledger):
    (end,) = verified(ledger, last=3)
    (whole,) = verified(ledger, last=1000)
    assert isinstance(end, Chain)
    assert isinstance(whole, Chain)
    assert (end.rows, whole.rows) == (3, ROWS)
    assert msgspec.structs.replace(end, rows=ROWS) == whole
    ledger.sql("UPDATE read_audit SET reason = 'x' WHERE n = 4")
    assert verified(ledger, last=3) == [end]
    (found,) = verified(ledger, last=4)
    assert isinstance(found, Broken)
    assert found.n == 4


def test_a_long_chain_is_read_page_by_page_with_progress(ledger, monkeypatch):
    monkeypatch.setattr("projections.read_verification.PAGE", 3)
    done: list[tuple[int, int]] = []

    async def found():
        async with open_pool(ledger.database, size_max=1) as pool:
            told = verify_chains(pool, [0], progress=lambda *both: done.append(both))
            return [one async for one in told]

    (one,) = asyncio.run(found())
    assert one.rows == len(written(ledger)) == ROWS
    assert done == [(1, 1)]
