"""What reads and their rows cost does not grow with the tables, whenever their plans were made.

Counted are the rows that the server itself reads, on a ledger that is new and on one that is full.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from psycopg_pool import AsyncConnectionPool

from ledger.reader import Reader
from ledger.store import Store
from projections.read_chains import ReadChains
from projections.reads import Reads, Sought
from tests.integration.appending import one_ledger
from tests.integration.auditing import ASKED_AT, auditing, rows
from tests.integration.rows_read import rows_read
from tests.integration.wired import Founded, Wired, born

ROWS = 20_000
TABLES = ("dossier", "log_head", "read_audit", "read_audit_chain", "tombstone")
GROW = """
INSERT INTO dossier
SELECT 0, gen_random_uuid(), 1, sha256(''), ARRAY[g], ARRAY[now()], '' FROM
generate_series(1, %s) g;
"""
GROW_READS = """
INSERT INTO read_audit
SELECT 0, %s::uuid, g, overlay(gen_random_uuid()::text PLACING '7' FROM 15)::uuid,
    gen_random_uuid(), now(), 'somebody', NULL, NULL, NULL, 'CHECK', gen_random_uuid(), 'PHOTO',
    '{}', NULL, NULL, NULL, NULL, NULL, NULL, sha256(''), NULL, sha256(''), sha256('')
FROM generate_series(1, %s) g
"""


@pytest.fixture(scope="module")
def ledger(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        made.clock(ASKED_AT)
        yield made


def test_a_flush_and_a_list_read_as_much_of_a_full_ledger_as_of_a_new_one(ledger):
    person = ledger.subject()

    async def story(wired: Wired):
        await wired.adopt()
        await wired.record(person, born())
        # On one connection, so that the plans of the empty tables are those that stay.
        async with auditing(ledger, size_max=1) as reads:
            acts = [
                *flushes(ledger, reads, person),
                *lists(wired.reader, reads._pool, person),
            ]
            new = [await counted(reads._pool, act) for act in acts]
            ledger.sql(GROW, ROWS)
            ledger.sql(GROW_READS, ledger.subject(), ROWS)
            ledger.sql("UPDATE log_head SET size = size + 1")
            full = [await counted(reads._pool, act) for act in acts]
        return new, full

    new, full = ledger.run(story)
    assert new[0] == 3, "the dossier, that of the catalogue, and the head of the log"
    assert all(after <= before + 5 for before, after in zip(new, full, strict=True)), (new, full)


Act = Callable[[], Awaitable[object]]


async def counted(pool: AsyncConnectionPool, act: Act) -> int:
    """The rows that the act reads."""
    await act()
    before = await rows_read(pool, TABLES)
    await act()
    return await rows_read(pool, TABLES) - before


def flushes(ledger: Founded, reads: ReadChains, person: UUID) -> list[Act]:
    """Each of the statements that a flush may be."""

    async def both() -> None:
        await asyncio.gather(
            reads.dossiers(0, {person: None}), reads.write(rows(ledger, 2, subject=person))
        )

    async def many() -> None:
        people = [ledger.subject() for _ in range(3)]
        await asyncio.gather(reads.dossiers(0, dict.fromkeys(people)), reads.write(rows(ledger, 2)))

    return [
        lambda: reads.dossiers(0, {person: None}),
        lambda: reads.dossiers(0, {person: None, ledger.subject(): None}),
        lambda: reads.write(rows(ledger, 1, subject=person)),
        both,
        many,
    ]


def lists(reader: Reader, pool: AsyncConnectionPool, person: UUID) -> list[Act]:
    """Each of the questions to the read audit, on the connections that are counted."""
    # Over those connections alone: what another one counted would be told at any time.
    asking = Reads(Reader(Store(pool), reader.keys, reader.identity), pool)
    return [
        lambda: asking.found(Sought(subject=person), limit=5),
        lambda: asking.found(Sought(subject=person, client="test"), limit=5),
        lambda: asking.found(Sought(client="test"), limit=5),
        lambda: asking.found(Sought(since=ASKED_AT), limit=5),
        lambda: asking.by_id(person),
    ]
