"""Changes by time alone are found whenever somebody looks, each once, and nothing else is."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest

from ledger.errors import Unavailable
from projections.current import Tailer
from tests.integration.passing import (
    DENIED,
    EXPIRED,
    EXPIRY,
    GIVEN,
    NOW,
    PERMITTED,
    assert_numbered,
    expiring,
    numbers,
    tailer,
    written,
)
from tests.integration.wired import (
    Founded,
    born,
    consent,
    entry,
    founded,
    withdrawal,
)

OTHER_STATUS = {"type": "StatusStarted", "effective_at": "2026-05-01", "kind": "OTHER"}
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def test_a_consent_that_expires_is_a_change_from_its_end_on(ledger):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        follow = tailer(wired)
        ledger.clock(EXPIRY - INSTANT)
        await follow.catch_up()
        assert written(ledger, subject) == []
        ledger.clock(EXPIRY)
        await follow.catch_up()
        assert written(ledger, subject) == EXPIRED
        ledger.clock(EXPIRY + timedelta(days=1))
        await follow.catch_up()
        assert written(ledger, subject) == EXPIRED
        size = ledger.sql("SELECT size FROM log_head")[0][0]
        rows = ledger.sql("SELECT noted_at, n, catalogue_n FROM time_change")
        assert rows == [(EXPIRY, size, 1)]

    ledger.run(story)
    assert_numbered(ledger)


def test_what_is_recorded_or_adopted_is_no_change_by_time(ledger):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        await wired.record(subject, withdrawal(subject, "2026-06-01T11:00:00Z"))
        await wired.record(None, entry("BasisEnded", "2026-05-01", purpose="PORTAL", article6="e"))
        await tailer(wired).catch_up()
        assert ledger.sql("SELECT decision FROM current_basis WHERE purpose = 'PHOTO'") == [
            ("DENY",)
        ]
        ledger.clock(EXPIRY + timedelta(days=1))
        await tailer(wired).catch_up()

    ledger.run(story)
    assert numbers(ledger) == []


def test_an_effect_that_was_asked_for_later_is_a_change_when_it_comes(ledger):
    subject = ledger.subject()
    asked = {"requested_effective_at": "2026-06-20T00:00:00Z"}

    async def story(wired):
        await expiring(wired, ledger, subject)
        await wired.record(subject, withdrawal(subject, "2026-06-20T00:00:00Z", **asked))
        await tailer(wired).catch_up()
        assert written(ledger, subject) == []
        ledger.clock(EXPIRY + timedelta(days=1))
        await tailer(wired).catch_up()

    ledger.run(story)
    assert written(ledger, subject) == [(datetime(2026, 6, 20, tzinfo=UTC), PERMITTED, DENIED)]


def test_what_happened_while_nobody_followed_is_found_although_more_was_recorded_since(ledger):
    subject, later = ledger.subject(), ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(NOW + timedelta(days=1))
        await wired.record(later, born(), consent(later, GIVEN, expires_at="2026-07-01T00:00:00Z"))
        ledger.clock(EXPIRY + timedelta(days=1))
        again = consent(subject, "2026-07-02T00:00:00Z", expires_at="2026-07-03T00:00:00Z")
        await wired.record(subject, again)
        await wired.record(later, withdrawal(later, "2026-07-01T12:00:00Z"))
        ledger.clock(EXPIRY + timedelta(days=9))
        await tailer(wired).catch_up()

    ledger.run(story)
    assert written(ledger, subject) == [
        *EXPIRED,
        (datetime(2026, 7, 3, tzinfo=UTC), PERMITTED, DENIED),
    ]
    assert written(ledger, later) == EXPIRED
    assert_numbered(ledger)


def test_changes_found_together_are_numbered_in_the_order_of_their_effect(ledger):
    people = [ledger.subject() for _ in range(5)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for nth, subject in enumerate(people):
            ends = f"2026-07-0{9 - nth}T00:00:00Z"
            await wired.record(subject, born(), consent(subject, GIVEN, expires_at=ends))
        await tailer(wired).catch_up()
        ledger.clock(EXPIRY + timedelta(days=30))
        await tailer(wired).catch_up()

    ledger.run(story)
    rows = ledger.sql("SELECT subject FROM time_change ORDER BY m")
    assert rows == [(subject,) for subject in reversed(people)]
    assert_numbered(ledger)


def test_another_rule_book_misses_nothing_that_was_due_when_it_took_over(ledger):
    subject, unseen = ledger.subject(), ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(NOW + timedelta(days=1))
        await wired.record(unseen, born(), consent(unseen, GIVEN, expires_at="2026-07-01"))
        ledger.clock(EXPIRY + timedelta(days=1))
        newer = msgspec.structs.replace(wired.rulebook, id="uk-gdpr newer")
        assert await Tailer(wired.reader, newer, wired.pool).catch_up()
        assert ledger.sql("SELECT count(*) FROM current_basis WHERE stale") == [(0,)]

    ledger.run(story)
    assert written(ledger, subject) == EXPIRED
    assert [(before, after) for _, before, after in written(ledger, unseen)] == [
        (PERMITTED, DENIED)
    ]


def test_two_followers_write_each_change_once(ledger):
    people = [ledger.subject() for _ in range(12)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            given = consent(subject, GIVEN, expires_at="2026-07-01T00:00:00Z")
            await wired.record(subject, born(), given)
        await tailer(wired).catch_up()
        ledger.clock(EXPIRY + timedelta(days=1))
        async with ledger.wired() as second, ledger.wired() as third:

            async def steps(one):
                follow = tailer(one, batch=3)
                return [await follow.step(0) for _ in range(20)]

            await asyncio.gather(*(steps(one) for one in (wired, second, third)))
        assert await tailer(wired).catch_up()

    ledger.run(story)
    for subject in people:
        assert written(ledger, subject) == EXPIRED
    assert_numbered(ledger)
    assert len(numbers(ledger)) == len(people)


def test_a_step_that_is_broken_off_leaves_no_change_and_no_number(ledger, monkeypatch):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(EXPIRY)
        follow = tailer(wired)
        kept = follow._advance

        async def killed(connection, log, **values):
            await kept(connection, log, **values)
            assert await (await connection.execute("SELECT m FROM time_change")).fetchall()
            ledger.sql("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)

        monkeypatch.setattr(follow, "_advance", killed)
        with pytest.raises(Unavailable):
            await follow.step(0)
        assert numbers(ledger) == []
        monkeypatch.undo()
        await tailer(wired).catch_up()

    ledger.run(story)
    assert written(ledger, subject) == EXPIRED
    assert_numbered(ledger)


def test_a_clock_that_is_set_back_tells_nothing_twice(ledger):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(EXPIRY)
        await tailer(wired).catch_up()
        ledger.clock(EXPIRY - timedelta(seconds=5))
        await wired.record(subject, OTHER_STATUS)
        await tailer(wired).catch_up()
        assert ledger.sql("SELECT decision FROM current_basis WHERE purpose = 'PHOTO'") == [
            ("PERMIT",)
        ]
        ledger.clock(EXPIRY)
        await tailer(wired).catch_up()

    ledger.run(story)
    assert written(ledger, subject) == EXPIRED
    assert_numbered(ledger)


def test_of_an_erased_person_only_that_something_changed_is_left(ledger):
    erased, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, erased)
        await wired.record(other, born(), consent(other, GIVEN, expires_at="2026-07-01T00:00:00Z"))
        await tailer(wired).catch_up()
        ledger.clock(EXPIRY)
        await tailer(wired).catch_up()
        await wired.record(erased, OTHER_STATUS)
        ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 1)", erased)
        await tailer(wired).catch_up()

    ledger.run(story)
    rows = ledger.sql(
        "SELECT purpose, effective_at, decision_before, live_before, decision, live, noted_at"
        " FROM time_change WHERE subject = %s",
        erased,
    )
    assert rows == [(None,) * 6 + (EXPIRY,)]
    assert written(ledger, other) == EXPIRED
    assert_numbered(ledger)


def test_the_service_may_add_changes_and_neither_renumber_nor_remove_them(ledger):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(EXPIRY)
        await tailer(wired).catch_up()
        for attempt in (
            "DELETE FROM time_change",
            "UPDATE time_change SET m = 2",
            "UPDATE time_change SET subject = gen_random_uuid()",
            "UPDATE time_change SET noted_at = now()",
            "DELETE FROM time_change_head",
        ):
            async with wired.pool.connection() as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(attempt)

    ledger.run(story)


@pytest.mark.parametrize("logs", [4])
def test_each_log_numbers_its_own(database, tmp_path, logs):
    with founded(database, tmp_path, logs=logs) as ledger:
        people = [ledger.subject(log) for log in range(logs) for _ in range(log + 1)]

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            for subject in people:
                given = consent(subject, GIVEN, expires_at="2026-07-01T00:00:00Z")
                await wired.record(subject, born(), given)
            await tailer(wired).catch_up()
            ledger.clock(EXPIRY)
            await tailer(wired).catch_up()

        ledger.run(story)
        assert [numbers(ledger, log) for log in range(logs)] == [
            [1],
            [1, 2],
            [1, 2, 3],
            [1, 2, 3, 4],
        ]
        assert all(written(ledger, subject) == EXPIRED for subject in people)
