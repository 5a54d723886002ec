"""Recording under competition: writers of one stream, and the same request sent more than once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from ledger.errors import Conflict, Fault, KeyReused, VersionConflict
from ledger.reader import Loaded, Rows
from ledger.record import Command, Receipted, Refused
from ledger.store import Asked, Ground
from ledger.terms import Reason
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
    ground, left = wired.store.ground, [act]

    async def instead(log: int, asked: Asked, *, own: UUID) -> Ground:
        found = await ground(log, asked, own=own)
        if left:
            await left.pop()()
        return found

    wired.store.ground = instead  # type: ignore[method-assign]


@contextmanager
def after_reading(wired: Wired, act: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Somebody acts each time that this process has read a stream, before it goes on."""
    read = wired.reader.subjects

    async def instead(
        log: int, subjects: Sequence[UUID], *, rows: Rows | None = None
    ) -> dict[UUID, Loaded]:
        found = await read(log, subjects, rows=rows)
        await act()
        return found

    wired.reader.subjects = instead  # type: ignore[method-assign]
    yield
    wired.reader.subjects = read  # type: ignore[method-assign]


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


def test_a_key_taken_meanwhile_by_another_request_is_told_so_and_records_nothing_more(ledger):
    subject = ledger.subject()
    mine = command(subject, born("1980-05-05"), key="k")
    theirs = command(subject, born("1990-05-05"), key="k")

    async def story() -> Any:
        async with ledger.wired() as one, ledger.wired() as two:
            told: list[Any] = []

            async def by_the_other() -> None:
                told.append(await two.recorder.record(theirs))

            meanwhile(one, by_the_other)
            with pytest.raises(KeyReused):
                await one.recorder.record(mine)
            return told

    [first] = asyncio.run(story())
    assert [row.event_id for row in stored(ledger.database)] == [first.entries[0].event_id]


def test_a_request_that_was_seen_and_then_lost_with_its_server_is_recorded_anew(ledger):
    """A standby takes over that never had it: what was visible was not yet safe."""
    again = command(ledger.subject(), born(), key="k")

    async def story(wired: Wired) -> list[Any]:
        async def another_takes_over() -> None:
            emptied(ledger)

        first = await wired.recorder.record(again)
        meanwhile(wired, another_takes_over)
        return [first, await wired.recorder.record(again)]

    lost, kept = ledger.run(story)
    assert not kept.replayed
    assert kept.entries[0].event_id != lost.entries[0].event_id
    assert [row.event_id for row in stored(ledger.database)] == [kept.entries[0].event_id]


def test_a_writer_whom_others_always_forestall_is_told_so_and_its_key_stays_good(
    ledger, monkeypatch
):
    monkeypatch.setattr("ledger.record.CONFLICT_ATTEMPTS", 3)
    subject = ledger.subject()
    mine = command(subject, born(), key="k")

    async def story() -> list[int]:
        async with ledger.wired() as one, ledger.wired() as two:

            async def forestall() -> None:
                await two.record(subject, born())

            with after_reading(one, forestall), pytest.raises(Conflict, match="same key") as told:
                await one.recorder.record(mine)
            assert told.type is Conflict
            return [entry.version for entry in (await one.recorder.record(mine)).entries]

    assert asyncio.run(story()) == [4]
    assert len(stored(ledger.database)) == 4


def test_nothing_is_sealed_for_a_person_who_was_erased_since_they_were_read(ledger):
    subject = ledger.subject()

    async def story(wired: Wired) -> Any:
        await wired.record(subject, born())

        async def erase() -> None:
            await wired.keys.destroy_person(subject)

        with after_reading(wired, erase), pytest.raises(Fault, match="read it again"):
            await wired.attempt(subject, born("1981-05-05"))
        return await wired.attempt(subject, born("1981-05-05"))

    told = ledger.run(story)
    assert isinstance(told, Refused)
    assert told.refusal.reason is Reason.SUBJECT_ERASED
    assert len(stored(ledger.database)) == 1


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
