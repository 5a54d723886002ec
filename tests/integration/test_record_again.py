"""Recording under competition: writers of one stream, and the same request sent more than once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from ledger.errors import VersionConflict
from ledger.record import Command, Receipted
from ledger.wire import read_fact
from tests.integration.appending import emptied, one_ledger, stored
from tests.integration.waiting import until
from tests.integration.wired import Founded, Wired, born, entry, withdrawal

WRITERS = 60


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def command(subject: UUID, *sent: dict[str, Any], key: str, version: int | None = None) -> Command:
    facts = tuple(read_fact(one) for one in sent)
    return Command(subject=subject, facts=facts, client="test", key=key, expected_version=version)


def test_many_writers_of_one_stream_all_get_their_turn(ledger):
    subject = ledger.subject()
    sent = [
        command(subject, withdrawal(subject, "2026-03-02T10:00:00Z"), key=f"k{i}")
        for i in range(WRITERS)
    ]

    async def story() -> list[Any]:
        async with ledger.wired() as one, ledger.wired() as two:
            await one.adopt()
            return await asyncio.gather(
                *(
                    each.recorder.record(c)
                    for i, c in enumerate(sent)
                    for each in [(one, two)[i % 2]]
                )
            )

    outcomes = asyncio.run(story())
    assert {type(outcome) for outcome in outcomes} == {Receipted}
    mine = [row for row in stored(ledger.database) if row.stream == subject]
    assert [row.version for row in mine] == list(range(1, WRITERS + 1))


def meanwhile(wired: Wired, act: Callable[[], Awaitable[object]]) -> None:
    """Somebody acts once, just after this process has looked whether its request is known."""
    seen, left = wired.store.seen, [act]

    async def instead(log: int, *, client: str, key: str) -> bytes | None:
        found = await seen(log, client=client, key=key)
        if left:
            await left.pop()()
        return found

    wired.store.seen = instead  # type: ignore[method-assign]


def sent_twice(ledger: Founded, first: list[Command], twice: Command) -> list[Any]:
    """What two processes are told of one request, the second having looked before it was done."""

    async def story() -> list[Any]:
        async with ledger.wired() as one, ledger.wired() as two:
            await one.adopt()
            for each in first:
                assert isinstance(await one.recorder.record(each), Receipted)
            told: list[Any] = []

            async def by_the_other() -> None:
                told.append(await two.recorder.record(twice))

            meanwhile(one, by_the_other)
            told.append(await one.recorder.record(twice))
            return told

    return asyncio.run(story())


def test_a_request_recorded_meanwhile_is_no_version_conflict_with_itself(ledger):
    subject = ledger.subject()
    first, again = sent_twice(ledger, [], command(subject, born(), key="k", version=0))
    assert not first.replayed
    assert again == msgspec.structs.replace(first, replayed=True)


def test_a_request_recorded_meanwhile_is_not_refused_for_what_it_did_itself(ledger):
    subject, survivor = ledger.subject(), ledger.subject()
    merge = entry("IdentityMerged", "2026-01-01", **{"from": str(subject), "into": str(survivor)})
    birth = command(subject, born(), key="birth")
    first, again = sent_twice(ledger, [birth], command(subject, merge, key="merge"))
    assert isinstance(first, Receipted), first
    assert again == msgspec.structs.replace(first, replayed=True)


def test_another_request_that_came_first_is_a_version_conflict(ledger):
    subject = ledger.subject()

    async def story(wired: Wired) -> None:
        await wired.record(subject, born())
        with pytest.raises(VersionConflict):
            await wired.recorder.record(command(subject, born(), key="k", version=0))

    ledger.run(story)


def test_two_of_one_request_in_one_batch_are_both_told_of_its_entries(ledger):
    subject = ledger.subject()
    twice = command(subject, born(), key="k", version=0)

    async def story(wired: Wired) -> list[Any]:
        return await asyncio.gather(*(wired.recorder.record(twice) for _ in range(5)))

    told = ledger.run(story)
    assert sorted(each.replayed for each in told) == [False, True, True, True, True]
    assert len({each.entries for each in told}) == 1


def test_a_repeated_request_is_acknowledged_under_the_logs_lock(ledger):
    """The first attempt may be visible and not yet safe: the lock's holder waits for a standby."""
    subject = ledger.subject()
    again = command(subject, born(), key="k")

    async def story(wired: Wired) -> None:
        first = await wired.recorder.record(again)
        with psycopg.connect(ledger.database) as other:
            other.execute("SELECT 1 FROM log_head FOR UPDATE")
            repeated = asyncio.create_task(wired.recorder.record(again))
            await asyncio.to_thread(until, lambda: waits(ledger), "the repeated request waits")
            assert not repeated.done()
            other.rollback()
            assert await repeated == msgspec.structs.replace(first, replayed=True)

    ledger.run(story)


def waits(ledger: Founded) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return ledger.sql(query + " AND datname = current_database()") != [(0,)]
