"""What the append reads does not grow with the tables, whenever its statements were planned.

A plan is made once a connection, often while the ledger is new, and is used for an hour after. One
that scans is quick on that day, and later reads every row of the record while it holds the lock.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from ledger.store import Asked, Request, Store
from tests.integration.appending import Requests, emptied, one_ledger
from tests.integration.rows_read import rows_read
from tests.integration.wired import Founded, Wired

ROWS = 20_000
TABLES = ("entry", "dossier", "idempotency", "log_head")

GROW = """
INSERT INTO entry SELECT 0, g, u.stream, 1, 'A', u.event, '', '', '', sha256(''), clock_timestamp(),
    'grown', g::text
FROM generate_series(1000, 1000 + %(rows)s) AS g CROSS JOIN LATERAL (
    SELECT gen_random_uuid() AS stream, overlay(gen_random_uuid()::text PLACING '7' FROM 15)::uuid
        AS event WHERE g > 0) u;
INSERT INTO dossier
SELECT 0, stream, 1, leaf_hash, ARRAY[n], ARRAY[recorded_at], 's' FROM entry WHERE client = 'grown';
INSERT INTO idempotency
SELECT 0, client, idempotency_key, sha256(''), n, n FROM entry WHERE client = 'grown';
UPDATE log_head SET size = 1000 + %(rows)s;
"""


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


async def counted(store: Store, requests: list[Request]) -> int:
    """The rows read by one flush of the requests, counted by the server itself."""
    before = await rows_read(store._pool, TABLES)
    await asyncio.gather(*(store.append(0, one) for one in requests))
    return await rows_read(store._pool, TABLES) - before


@pytest.mark.parametrize("first", [0, 1, 3, 40])
def test_an_append_reads_as_many_rows_of_a_full_ledger_as_of_an_empty_one(ledger, first):
    made = Requests(ledger.random)
    repeated = [made.request() for _ in range(5)]

    async def story() -> tuple[list[int], list[int]]:
        # A session that nobody set up: what the append needs, it brings itself.
        async with AsyncConnectionPool(
            ledger.database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}
        ) as pool:
            store = Store(pool)
            await asyncio.gather(*(store.append(0, made.request()) for _ in range(first)))
            # Let the planner know how small the tables are.
            as_owner(ledger, "VACUUM (ANALYZE) entry, dossier, idempotency, log_head")
            small = [await counted(store, repeated), await counted(store, repeated)]
            as_owner(ledger, GROW % {"rows": ROWS})
            fresh = [made.request(one.moves[0].subject, after=1) for one in repeated]
            large = [await counted(store, fresh), await counted(store, repeated)]
            return small, large

    small, large = asyncio.run(story())
    assert max(large) <= max(small) + 5 * len(repeated)


def test_what_a_request_starts_from_reads_as_little_of_a_full_ledger_as_of_an_empty_one(ledger):
    made = Requests(ledger.random)
    known = [made.request() for _ in range(5)]
    own = ledger.identity.stream

    async def story(wired: Wired) -> tuple[int, int]:
        await asyncio.gather(*(wired.store.append(0, one) for one in known))
        as_owner(ledger, "VACUUM (ANALYZE) entry, dossier, idempotency, log_head")

        async def looked() -> int:
            before = await rows_read(wired.pool, TABLES)
            asked = [Asked(one.moves[0].subject, one.client, one.key) for one in known]
            await asyncio.gather(*(wired.store.ground(0, each, own=own) for each in asked))
            return await rows_read(wired.pool, TABLES) - before

        await looked()
        small = await looked()
        as_owner(ledger, GROW % {"rows": ROWS})
        return small, await looked()

    small, large = ledger.run(story)
    assert large <= small + len(known)


def as_owner(ledger: Founded, statement: str) -> None:
    """What the statement itself read is counted before this returns, not some time after."""
    with psycopg.connect(ledger.database, autocommit=True) as connection:
        connection.execute(statement)
        connection.execute("SELECT pg_stat_force_next_flush()")
