"""What the store makes of a server that goes away, does not say, or cannot write now."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Fault, OutcomeUnknown, Unavailable
from ledger.founding import found_ledger
from ledger.store import APPEND_ATTEMPTS, Identity, Outcome, Request, Store, open_pool
from migrations import migrate
from tests.integration.appending import Requests, emptied, failing, one_ledger, stored
from tests.integration.waiting import until
from tests.integration.wired import Founded, Wired

LOST = psycopg.OperationalError("the connection was lost")


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


@pytest.fixture
def made(ledger: Founded) -> Requests:
    return Requests(ledger.random)


def test_an_acknowledgement_that_was_lost_is_found_by_sending_again(ledger, made):
    requests = [made.request(many=2) for _ in range(3)]

    async def story(wired: Wired) -> list[Outcome]:
        sizes = failing(wired.store, LOST, committed=True)
        outcomes = await asyncio.gather(*(wired.store.append(0, one) for one in requests))
        assert sizes == [3, 3]
        return outcomes

    assert [outcome.name for outcome in ledger.run(story)] == ["replayed"] * 3
    assert [row.n for row in stored(ledger.database)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("error", [LOST, psycopg.errors.DeadlockDetected()])
def test_what_was_not_committed_is_sent_again_until_it_is(ledger, made, error):
    async def story(wired: Wired) -> Outcome:
        failing(wired.store, *[error] * (APPEND_ATTEMPTS - 1), committed=False)
        return await wired.store.append(0, made.request())

    assert ledger.run(story).name == "accepted"


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize(
    "then", [LOST, Unavailable("no connection"), psycopg.errors.DiskFull("no room")]
)
def test_what_may_have_been_committed_is_told_as_unknown_whatever_comes_after(
    ledger, made, committed, then
):
    async def story(wired: Wired) -> None:
        failing(wired.store, LOST, *[then] * APPEND_ATTEMPTS, committed=committed)
        with pytest.raises(OutcomeUnknown, match="same idempotency key"):
            await wired.store.append(0, made.request())

    ledger.run(story)


@pytest.mark.parametrize("error", [psycopg.errors.DiskFull(), psycopg.errors.QueryCanceled()])
def test_a_server_that_cannot_write_now_is_unavailable_and_is_not_pressed(ledger, made, error):
    async def story(wired: Wired) -> None:
        sizes = failing(wired.store, error, committed=False)
        sent = [wired.store.append(0, made.request()) for _ in range(3)]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
        assert sizes == [3]

    ledger.run(story)


def test_a_server_that_is_not_reached_has_recorded_nothing(ledger, made):
    async def story(wired: Wired) -> None:
        await wired.pool.close()
        with pytest.raises(Unavailable):
            await wired.store.append(0, made.request())
        with pytest.raises(Unavailable):
            await wired.store.head(0)

    ledger.run(story)


def test_what_cannot_be_done_in_time_is_unavailable_and_is_done_later(ledger, made):
    impatient = make_conninfo(ledger.database, options="-c lock_timeout=50")
    request = made.request()

    async def story() -> None:
        async with open_pool(impatient, size_max=2) as pool:
            store = Store(pool)
            with psycopg.connect(ledger.database) as other:
                other.execute("LOCK TABLE log_head IN ACCESS EXCLUSIVE MODE")
                with pytest.raises(Unavailable, match="cannot be reached"):
                    await store.head(0)
                with pytest.raises(Unavailable, match="has recorded nothing"):
                    await store.append(0, request)
            assert (await store.append(0, request)).name == "accepted"
            assert (await store.head(0)).size == 1

    asyncio.run(story())


def test_a_database_that_is_migrated_and_not_founded_holds_no_ledger(database, made):
    migrate(database, "ledger")

    async def identity() -> Identity:
        async with open_pool(database, size_max=2) as pool:
            return await Store(pool).identity()

    with pytest.raises(Fault, match="run `ledger migrate`"):
        asyncio.run(identity())
    founded = found_ledger(database, origin="test/ledger", logs=3, entropy=made.random.randbytes)
    again = found_ledger(database, origin="other", logs=4, entropy=made.random.randbytes)
    assert asyncio.run(identity()) == founded == again


async def all_idle_connections_died(ledger: Founded, pool: AsyncConnectionPool) -> None:
    """As after a restart of the server, with as many of them as the pool may have."""
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(pool.connection()) for _ in range(pool.max_size)]
        pids = [connection.info.backend_pid for connection in held]
    ledger.sql("SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s) AS pid", pids)


def test_connections_that_died_while_idle_cost_neither_an_append_nor_a_read(ledger, made):
    async def story(wired: Wired) -> None:
        await all_idle_connections_died(ledger, wired.pool)
        assert (await wired.store.head(0)).size == 0
        await all_idle_connections_died(ledger, wired.pool)
        assert (await wired.store.append(0, made.request())).name == "accepted"

    ledger.run(story)


def test_an_append_whose_connection_ends_while_it_waits_is_sent_again(ledger, made):
    async def story(wired: Wired) -> Outcome:
        with psycopg.connect(ledger.database) as other:
            other.execute("SELECT 1 FROM log_head FOR UPDATE")
            waiting = asyncio.create_task(wired.store.append(0, made.request()))
            await asyncio.to_thread(end_the_waiting, ledger)
            other.rollback()
            return await waiting

    assert ledger.run(story).name == "accepted"
    assert len(stored(ledger.database)) == 1


def end_the_waiting(ledger: Founded) -> None:
    """The session that waits for the log's row, as soon as there is one, is gone."""
    ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    ended += "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    until(lambda: ledger.sql(ended) == [(True,)], "an append waits for the log's row")


def test_a_connection_keeps_nothing_of_the_appends_it_carried(ledger, made):
    async def story(wired: Wired) -> None:
        for _ in range(20):
            await wired.store.append(0, made.request())
        async with wired.pool.connection() as connection:
            assert connection._notice_handlers == []

    ledger.run(story)


def large(one: Request) -> Request:
    """The request with a container of 3 MB."""
    entry = msgspec.structs.replace(one.entries[0], container=bytes(3_000_000))
    return msgspec.structs.replace(one, entries=(entry,))


def test_large_requests_do_not_leave_in_one_flush(ledger, made):
    requests = [large(made.request()) for _ in range(4)]

    async def story(wired: Wired) -> None:
        sizes = failing(wired.store, committed=True)
        await asyncio.gather(*(wired.store.append(0, one) for one in requests))
        assert sizes == [1, 1, 1, 1]

    ledger.run(story)


def test_draining_waits_for_the_appends_of_every_log(ledger, made):
    async def story(wired: Wired) -> None:
        sent = [asyncio.create_task(wired.store.append(0, made.request())) for _ in range(9)]
        await asyncio.sleep(0)
        await wired.store.drain()
        assert all(task.done() for task in sent)

    ledger.run(story)
    assert len(stored(ledger.database)) == 9
