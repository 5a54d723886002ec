"""Each consumer is told everything once it takes it, in order, and nobody waits for anybody."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from projections.consumer_secrets import Named
from projections.deliveries import Undelivered
from tests.integration.delivering import (
    AWAY,
    CLIENT,
    DISABLED_AFTER,
    NOW,
    Scene,
    entries,
    told,
)
from tests.integration.feeding import feed_of, tailer
from tests.integration.wired import Founded, born, consent, founded, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
GONE = Undelivered("answers 410", gone=True)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def test_a_consumer_is_told_everything_in_order_and_once(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await entries(scene, 70)
        await scene.look()
        assert scene.taken("crm") == list(range(1, 72))
        await scene.look()
        await entries(scene, 2)
        await scene.look()
        assert scene.taken("crm") == list(range(1, 74))
        now = await scene.now("crm")
        assert now.delivered == (await feed_of(scene.wired).head()).spelt()
        assert (now.failures, now.failing_since, scene.watch.count) == (0, None, 73)
        assert scene.errors == []

    told(ledger, story)


def test_changes_by_time_are_told_as_well(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        person = scene.ledger.subject()
        ends = (NOW + timedelta(hours=1)).isoformat()
        await scene.wired.record(person, born(), consent(person, GIVEN, expires_at=ends))
        await scene.register("crm")
        await tailer(scene.wired).catch_up()
        await scene.look()
        scene.at(hours=2)
        await tailer(scene.wired).catch_up()
        await scene.look()
        assert scene.taken("crm") == [1, 2, 3, "m1"]

    told(ledger, story)


def test_what_it_does_not_take_it_is_sent_again_later_and_later_and_nothing_after_it(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await entries(scene, 2)
        scene.answers.refusing["crm"] = AWAY
        waits, moment = [], 0.0
        for _ in range(11):
            await scene.look()
            await scene.look()
            due = ((await scene.now("crm")).due_at - NOW).total_seconds()
            waits.append(due - moment)
            scene.at(seconds=due - 0.001)
            await scene.look()
            scene.at(seconds=due)
            moment = due
        assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]
        assert scene.sent("crm") == [1] * 11
        now = await scene.now("crm")
        assert (now.failures, now.failing_since, now.failure) == (11, NOW, str(AWAY))

        scene.answers.refusing.clear()
        await scene.look()
        assert scene.taken("crm") == [1, 2, 3]
        assert (await scene.now("crm")).failures == 0
        assert scene.watch.failures == [str(AWAY)] * 11

    told(ledger, story)


def test_those_that_failed_together_do_not_come_again_together(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        for name, chance in (("one", 0.0), ("two", 0.5)):
            await scene.register(name)
            scene.answers.refusing[name], scene.chance = AWAY, chance
            await scene.look()
        dues = [((await scene.now(name)).due_at - NOW).total_seconds() for name in ("one", "two")]
        assert dues == [2.5, 3.75]

    told(ledger, story)


def test_after_some_were_taken_the_waits_begin_anew(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await entries(scene, 1)
        scene.answers.refusing["crm"] = AWAY
        await scene.look()
        scene.at(seconds=5)
        await scene.look()
        scene.at(seconds=15)
        scene.answers.refusing.clear()
        await scene.look()
        await entries(scene, 1)
        scene.answers.refusing["crm"] = AWAY
        await scene.look()
        assert ((await scene.now("crm")).due_at - NOW).total_seconds() == 20

    told(ledger, story)


def test_one_that_is_gone_is_told_no_more_until_it_is_registered_again(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await entries(scene, 1)
        scene.answers.refusing["crm"] = GONE
        await scene.look()
        scene.at(days=30)
        await scene.look()
        assert scene.sent("crm") == [1]
        now = await scene.now("crm")
        assert (now.disabled_for, now.disabled_at) == ("gone", NOW)
        assert scene.watch.disabled_ones == [("crm", "gone")]

        scene.answers.refusing.clear()
        assert await scene.register("crm") is None, "its secret is the one it had"
        await scene.look()
        assert scene.taken("crm") == [1, 2]
        assert (await scene.now("crm")).disabled_for is None

    told(ledger, story)


def test_one_that_fails_for_days_is_given_up_loudly_and_stays_overdue(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        person = await entries(scene, 1)
        await scene.register("crm", acknowledges="delivery")
        await scene.wired.record(person, withdrawal(person, GIVEN))
        scene.answers.refusing["crm"] = AWAY
        await scene.look()
        scene.at(seconds=DISABLED_AFTER.total_seconds() - 1)
        await scene.look()
        assert (await scene.now("crm")).disabled_for is None
        scene.at(seconds=DISABLED_AFTER.total_seconds() + 600)
        await scene.look()
        assert scene.watch.disabled_ones == [("crm", "failing")]
        scene.answers.refusing.clear()
        scene.at(days=60)
        await scene.look()
        assert scene.sent("crm") == [1] * 3
        ((one, late),) = await scene.overdue.report(seconds=24 * 3600)
        assert (one.name, one.disabled_for, late.count) == ("crm", "failing", 1)

    told(ledger, story)


# What each may be told.


def test_one_for_some_purposes_is_told_of_those_alone_and_moves_on_past_the_rest(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        start = await feed_of(scene.wired).head()
        await scene.register("diary", purposes=frozenset({"PHOTO"}), start=start)
        person = await entries(scene, 1)
        await scene.wired.record(person, consent(person, GIVEN, "GROUP"))
        await scene.wired.record(person, consent(person, GIVEN))
        await scene.wired.record(person, withdrawal(person, GIVEN, "GROUP"))
        await scene.look()
        assert scene.taken("diary") == [4]
        head = (await feed_of(scene.wired).head()).spelt()
        assert (await scene.now("diary")).delivered == head

    told(ledger, story)


def test_a_client_that_may_not_any_more_is_told_nothing_and_goes_on_where_it_was(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        scene.grants[CLIENT] = frozenset()
        await scene.look()
        scene.at(hours=1)
        await scene.look()
        assert scene.sent("crm") == []
        assert (await scene.now("crm")).failures == 0
        scene.grants.clear()
        scene.at(hours=2)
        await scene.look()
        assert scene.taken("crm") == [1]

    told(ledger, story)


def test_one_that_is_deleted_or_changed_meanwhile_is_no_longer_the_turns(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        hold = asyncio.Event()
        for name in ("crm", "hr"):
            await scene.register(name)
            scene.answers.holding[name] = hold
        await entries(scene, 2)
        await scene.deliveries.look()
        while len(scene.answers.sent) < 2:
            await asyncio.sleep(0)
        assert await scene.consumers.remove(Named(CLIENT, "crm"))
        await scene.register("hr")
        hold.set()
        await scene.deliveries.settled()
        assert scene.taken("crm") == scene.taken("hr") == [1]
        await scene.look()
        assert (scene.taken("crm"), scene.taken("hr")) == ([1], [1, 1, 2, 3])

    told(ledger, story)


# What is nobody's doing.


def test_a_log_that_is_not_the_one_that_was_told_of_is_no_failure_of_the_consumer(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await scene.look()
        scene.ledger.sql("UPDATE entry SET leaf_hash = sha256('other') WHERE n = 1")
        scene.ledger.sql("UPDATE log_head SET leaf_hash = sha256('other')")
        await scene.look()
        assert [type(one).__name__ for one in scene.errors] == ["LogForked"]
        now = await scene.now("crm")
        assert (now.failures, now.due_at) == (0, NOW + timedelta(seconds=60))
        assert scene.taken("crm") == [1]

    told(ledger, story)


def test_without_a_database_nothing_is_lost(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        hold = scene.answers.holding["crm"] = asyncio.Event()
        await scene.deliveries.look()
        while not scene.sent("crm"):
            await asyncio.sleep(0)
        scene.answers.holding.clear()
        with psycopg.connect(scene.ledger.database, autocommit=True) as connection:
            connection.execute("ALTER TABLE feed_consumer RENAME TO feed_consumer_elsewhere")
            hold.set()
            await scene.deliveries.settled()
            connection.execute("ALTER TABLE feed_consumer_elsewhere RENAME TO feed_consumer")
        assert len(scene.errors) == 1
        scene.at(minutes=5)
        await scene.look()
        assert scene.sent("crm") == [1, 1]

    told(ledger, story)
