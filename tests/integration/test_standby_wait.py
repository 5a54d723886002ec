"""A commit that waits for its standby is no acknowledgement, whoever ends the wait.

PostgreSQL calls it success: it warns, and makes the entry visible that may yet be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from api.embedded import Embedded
from ledger.store import Outcome
from tests.integration.appending import Requests, emptied, one_ledger, stored
from tests.integration.waiting import until
from tests.integration.wired import Founded, Wired

WAITING = """
SELECT array_agg(pid) FROM pg_stat_activity
WHERE wait_event = 'SyncRep' AND datname = current_database()
"""


@pytest.fixture(scope="module")
def founded_once(module_place: Path) -> Iterator[Founded]:
    """On a server of its own: which standbys a server waits for is not one database's matter."""
    (module_place / "ledger.local.conf").write_text("fsync = off\n")
    with Embedded(module_place) as server, one_ledger(server.conninfo(), module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def standby(ledger: Founded, named: str) -> None:
    """Commits wait for a standby of this name from now on; for none if it is empty."""
    with psycopg.connect(ledger.database, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{named}'")
        connection.execute("SELECT pg_reload_conf()")
    until(
        lambda: ledger.sql("SHOW synchronous_standby_names") == [(named,)],
        "the server has read its settings",
    )


async def waiting(ledger: Founded, *, other_than: int | None = None) -> int:
    """The session that waits for the standby, as soon as there is one."""

    def found() -> int | None:
        [(pids,)] = ledger.sql(WAITING)
        return next((pid for pid in pids or () if pid != other_than), None)

    await asyncio.to_thread(until, lambda: found() is not None, "a commit waits for the standby")
    pid = found()
    assert pid is not None
    return pid


def without_its_standby(
    ledger: Founded, story: Callable[[asyncio.Task[Outcome]], Awaitable[None]]
) -> asyncio.Task[Outcome]:
    """The story of an append that waits; the standby is given up at its end."""
    request = Requests(ledger.random).request()

    async def told(wired: Wired) -> asyncio.Task[Outcome]:
        standby(ledger, "nobody")
        try:
            task = asyncio.create_task(wired.store.append(0, request))
            await story(task)
        finally:
            standby(ledger, "")
        await asyncio.wait([task])
        await wired.store.drain()
        return task

    return ledger.run(told)


def test_an_append_whose_wait_was_cancelled_is_asked_for_again_and_waits_again(ledger):
    async def story(task: asyncio.Task[Outcome]) -> None:
        first = await waiting(ledger)
        assert stored(ledger.database) == []
        ledger.sql("SELECT pg_cancel_backend(%s)", first)
        await asyncio.to_thread(
            until, lambda: stored(ledger.database) != [], "the entry is visible"
        )
        await waiting(ledger)
        assert not task.done()

    assert without_its_standby(ledger, story).result().name == "replayed"
    assert len(stored(ledger.database)) == 1


def test_an_append_whose_waiting_session_was_ended_is_asked_for_again(ledger):
    async def story(task: asyncio.Task[Outcome]) -> None:
        first = await waiting(ledger)
        ledger.sql("SELECT pg_terminate_backend(%s)", first)
        await waiting(ledger, other_than=first)
        assert not task.done()

    assert without_its_standby(ledger, story).result().name == "replayed"
    assert len(stored(ledger.database)) == 1


def test_a_caller_who_goes_away_does_not_end_the_wait(ledger):
    async def story(task: asyncio.Task[Outcome]) -> None:
        first = await waiting(ledger)
        task.cancel()
        await asyncio.wait([task])
        assert await waiting(ledger) == first
        assert stored(ledger.database) == []

    assert without_its_standby(ledger, story).cancelled()
    assert len(stored(ledger.database)) == 1


def test_reading_goes_on_while_an_append_waits(ledger):
    request = Requests(ledger.random).request()

    async def story(wired: Wired) -> None:
        standby(ledger, "nobody")
        try:
            task = asyncio.create_task(wired.store.append(0, request))
            await waiting(ledger)
            assert (await wired.store.head(0)).size == 0
        finally:
            standby(ledger, "")
        assert (await task).name == "accepted"

    ledger.run(story)
