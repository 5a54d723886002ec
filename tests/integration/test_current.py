"""The tailer: lists show what a check would answer now, for everyone, whoever computes it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from ledger.errors import Fault
from ledger.history import Dossier
from projections.checks import Checks, Query, purposes_of
from projections.current import Step, Tailer
from projections.derived import stored_digests
from projections.standing import standings
from projections.walk import BEGINNING, asking, over_effect
from tests.integration.recorded import History
from tests.integration.wired import (
    Founded,
    Wired,
    born,
    catalogue,
    consent,
    entry,
    founded,
    withdrawal,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HISTORIES = 6


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def tailer(wired: Wired, **options) -> Tailer:
    return Tailer(wired.reader, wired.rulebook, wired.pool, **options)


def kept(ledger: Founded, subject: UUID, purpose: str = "PHOTO") -> tuple:
    """The one row of the person and purpose; empty where there is none."""
    found = ledger.sql(
        "SELECT decision, live, flags, since, next_change_at FROM current_basis"
        " WHERE subject = %s AND purpose = %s",
        subject,
        purpose,
    )
    return found[0] if found else ()


async def assert_current(ledger: Founded, wired: Wired) -> int:
    """Everybody's rows say what a check says now; how many rows that were."""
    checks = Checks(wired.reader, wired.rulebook)
    rows = ledger.sql(
        "SELECT subject, purpose, decision, live, flags, next_change_at FROM current_basis"
    )
    for subject, purpose, *kept_values in rows:
        got = await checks.check(Query(subject=subject, purpose=purpose))
        assert kept_values == [
            got.decision,
            list(got.live),
            [str(flag) for flag in got.flags],
            got.next_change_at,
        ]
    return len(rows)


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_the_rows_of_everyone_are_the_answers_now(ledger, nth):
    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        follow = tailer(wired, batch=ledger.random.choice((1, 3, 200)))
        for _ in range(4):
            await history.grow(wired, 6)
            assert await follow.catch_up()
            people = ledger.sql("SELECT count(*) FROM dossier")[0][0] - 1
            assert await assert_current(ledger, wired) == people * len(catalogue().purposes)
            history.later(ledger.random.choice((1, 40, 400)))
            assert await follow.catch_up()
            await assert_current(ledger, wired)
            history.world.clock = max(
                history.world.clock, ledger.sql("SELECT max(now) FROM test_clock")[0][0]
            )

    ledger.run(story)


def test_a_row_says_since_when_it_is_so(ledger):
    subject = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        given = consent(subject, "2026-03-02T10:00:00Z")
        await wired.record(subject, born(), given)
        await tailer(wired).catch_up()
        assert kept(ledger, subject)[:4] == (
            "PERMIT",
            ["a"],
            [],
            datetime(2026, 3, 2, 10, tzinfo=UTC),
        )
        await wired.record(subject, withdrawal(subject, "2026-05-01T09:00:00Z"))
        await tailer(wired).catch_up()
        decision, live, _, since, _ = kept(ledger, subject)
        assert (decision, live, since) == ("DENY", [], datetime(2026, 5, 1, 9, tzinfo=UTC))
        assert kept(ledger, subject, "PORTAL")[3] == BEGINNING

    ledger.run(story)


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_since_is_what_a_walk_over_all_moments_finds(ledger, nth):
    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 40)
        now = history.later()
        loaded = await wired.reader.subjects(0, list(history.subjects.values()))
        for one in loaded.values():
            record = (one.dossier, one.catalogue, wired.rulebook)
            purposes = purposes_of(one.catalogue, now)
            for found in standings(*record, purposes=purposes, effective_at=now, known_at=now):
                assert found.since == walked(found.purpose, *record, now=now)

    ledger.run(story)


def walked(purpose, dossier: Dossier, common: Dossier, rulebook, *, now: datetime) -> datetime:
    since, last = BEGINNING, None
    for one in over_effect(asking(purpose, dossier, common, rulebook), BEGINNING, now, now):
        if last is not None and (one.decision, one.live) != last:
            since = one.effective_at
        last = (one.decision, one.live)
    return since


def test_a_row_is_computed_again_when_its_time_has_come(ledger):
    subject = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        expiring = consent(subject, "2026-03-02T10:00:00Z", expires_at="2026-07-01T00:00:00Z")
        await wired.record(subject, born(), expiring)
        follow = tailer(wired)
        await follow.catch_up()
        assert kept(ledger, subject)[0] == "PERMIT"
        ledger.clock(datetime(2026, 6, 30, 23, 59, 59, 999999, UTC))
        await follow.catch_up()
        assert kept(ledger, subject)[0] == "PERMIT"
        ledger.clock(datetime(2026, 7, 1, tzinfo=UTC))
        await follow.catch_up()
        decision, _, flags, since, _ = kept(ledger, subject)
        assert (decision, flags) == ("DENY", ["CONSENT_EXPIRED"])
        assert since == datetime(2026, 7, 1, tzinfo=UTC)

    ledger.run(story)


def test_a_changed_catalogue_is_computed_for_everyone(ledger):
    people = [ledger.subject() for _ in range(7)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            await wired.record(subject, born())
        follow = tailer(wired, batch=2)
        await follow.catch_up()
        assert {kept(ledger, subject, "SAFEGUARD")[0] for subject in people} == {"PERMIT"}
        ended = entry("BasisEnded", "2026-05-01", purpose="SAFEGUARD", article6="e")
        place = await wired.record(None, ended)
        await follow.catch_up()
        assert {kept(ledger, subject, "SAFEGUARD")[0] for subject in people} == {"DENY"}
        rows = ledger.sql("SELECT DISTINCT catalogue_n FROM current_basis")
        assert rows == [(place.entries[0].n,)]

    ledger.run(story)


def test_no_row_is_left_for_a_purpose_that_is_no_longer_declared(ledger):
    subject = ledger.subject()
    less = [one for one in catalogue().purposes if one.id != "PHOTO"]

    async def story(wired):
        ledger.clock(NOW)
        with_photo = await wired.adopt()
        await wired.adopt(msgspec.structs.replace(catalogue(), purposes=less))
        await wired.record(subject, born())
        await tailer(wired).catch_up()
        assert kept(ledger, subject)
        named = str(with_photo.entries[0].event_id)
        await wired.record(None, entry("EntryAnnulled", "2026-05-01", entry=named))
        await tailer(wired).catch_up()
        assert not kept(ledger, subject)
        assert kept(ledger, subject, "SAFEGUARD")

    ledger.run(story)


def test_without_a_catalogue_there_are_no_rows_and_no_end_of_looking(ledger):
    async def story(wired):
        await wired.record(None, entry("PolicyDocumentAdopted", "2026-05-01"))
        await wired.record(ledger.subject(), born())
        assert await asyncio.wait_for(tailer(wired).catch_up(), 60)

    ledger.run(story)
    assert ledger.sql("SELECT count(*) FROM current_basis") == [(0,)]


def test_rows_of_another_rule_book_count_no_more_and_are_computed_again(ledger):
    subject = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await wired.record(subject, born())
        old = tailer(wired)
        await old.catch_up()
        digests = await stored_digests(wired.reader, wired.pool)
        ledger.sql("UPDATE current_basis SET decision = 'PERMIT'")
        newer = msgspec.structs.replace(wired.rulebook, id="uk-gdpr newer")
        new = Tailer(wired.reader, newer, wired.pool)
        await new.step(0)
        stale = ledger.sql("SELECT DISTINCT decision FROM current_basis WHERE stale")
        assert stale in ([("PERMIT",)], [])
        assert await new.catch_up()
        assert ledger.sql("SELECT count(*) FROM current_basis WHERE stale") == [(0,)]
        assert await stored_digests(wired.reader, wired.pool) == digests
        # The one that was replaced stands by, and does not begin again.
        assert await old.step(0) is None
        assert await new.step(0) is not None

    ledger.run(story)


def test_a_second_tailer_stands_by_and_takes_over(ledger):
    async def story(wired):
        await wired.adopt()
        await wired.record(ledger.subject(), born())
        first, second = tailer(wired), tailer(wired)
        async with wired.pool.connection() as connection, connection.transaction():
            await connection.execute("INSERT INTO follower (log, name) VALUES (0, 'another')")
            await first.step(0)
            await connection.execute("SELECT * FROM follower WHERE name <> 'another' FOR UPDATE")
            assert await second.step(0) is None
            assert not await second.catch_up()
        assert await second.catch_up()
        assert await first.step(0) == Step(people=0, idle=True)

    ledger.run(story)


def test_many_processes_at_once_leave_the_same_rows_as_one(ledger):
    async def steps(wired):
        follow = tailer(wired, batch=1)
        return [await follow.step(0) for _ in range(8)]

    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        async with ledger.wired() as second, ledger.wired() as third:
            for _ in range(4):
                await history.grow(wired, 6)
                await asyncio.gather(*(steps(each) for each in (wired, second, third)))
        assert await tailer(wired).catch_up()
        await assert_current(ledger, wired)
        digests = await stored_digests(wired.reader, wired.pool)
        ledger.sql("DELETE FROM current_basis")
        ledger.sql("DELETE FROM follower")
        assert await tailer(wired).catch_up()
        assert await stored_digests(wired.reader, wired.pool) == digests

    ledger.run(story)


def test_a_step_that_fails_moves_nothing_and_is_taken_again(ledger):
    subject, other = ledger.subject(), ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await wired.record(subject, born())
        follow = tailer(wired)
        await follow.catch_up()
        await wired.record(other, born())
        ((good,),) = ledger.sql("SELECT sealed FROM dossier WHERE subject = %s", other)
        ledger.sql("UPDATE dossier SET sealed = 'broken' WHERE subject = %s", other)
        with pytest.raises(Fault):
            await follow.catch_up()
        assert ledger.sql("SELECT n FROM follower") == [(2,)]
        ledger.sql("UPDATE dossier SET sealed = %s WHERE subject = %s", good, other)
        assert await follow.catch_up()
        assert kept(ledger, other)

    ledger.run(story)


def test_following_goes_on_after_an_error_until_it_is_told_to_stop(ledger, monkeypatch):
    subject = ledger.subject()
    monkeypatch.setattr("projections.current.FAILED_S", 0.0)

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        stop = asyncio.Event()
        seen: list[Exception] = []
        follow = tailer(wired)
        kept_on = follow.step

        async def fails_once(log):
            if not seen:
                raise Fault("the first step")
            step = await kept_on(log)
            if kept(ledger, subject):
                stop.set()
            return step

        monkeypatch.setattr(follow, "step", fails_once)
        await wired.record(subject, born())
        await asyncio.wait_for(follow.follow(stop, failed=seen.append, idle_s=0.01), 60)
        assert [str(error) for error in seen] == ["the first step"]

    ledger.run(story)


@pytest.mark.parametrize("logs", [4])
def test_each_log_is_followed_by_itself(database, tmp_path, logs):
    with founded(database, tmp_path, logs=logs) as ledger:
        people = [ledger.subject(log) for log in range(logs)]

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            for subject in people:
                await wired.record(subject, born(), consent(subject, "2026-03-02T10:00:00Z"))
            assert await tailer(wired).catch_up()
            assert await assert_current(ledger, wired) == logs * len(catalogue().purposes)

        ledger.run(story)
        assert ledger.sql("SELECT log FROM follower ORDER BY log") == [(n,) for n in range(logs)]
