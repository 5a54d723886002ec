"""Deliveries of several processes to many consumers: shared, taken over, and held up by nobody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections.feed import EntryRecorded
from tests.integration.delivering import AWAY, Scene, entries, told
from tests.integration.feeding import feed_of
from tests.integration.wired import Founded, founded


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def test_of_several_processes_one_delivers_to_a_consumer_at_a_time(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        names = [f"crm-{chr(97 + n)}" for n in range(6)]
        for name in names:
            await scene.register(name)
        async with scene.ledger.wired() as other, scene.ledger.wired() as third:
            every = [scene.deliveries, scene.process(other), scene.process(third)]
            for _ in range(5):
                await entries(scene, 4)
                await asyncio.gather(*(scene.look(one) for one in every))
            await scene.look()
        for name in names:
            assert scene.sent(name) == scene.taken(name) == list(range(1, 22))

    told(ledger, story)


def test_what_was_sent_and_not_kept_is_sent_again_by_another_process(ledger: Founded) -> None:
    """A process that is gone between the two; that it comes back to life changes nothing."""

    async def story(scene: Scene) -> None:
        await scene.register("crm")
        await entries(scene, 2)
        back = scene.answers.holding["crm"] = asyncio.Event()
        await scene.deliveries.look()
        while not scene.sent("crm"):
            await asyncio.sleep(0)
        del scene.answers.holding["crm"]
        async with scene.ledger.wired() as other:
            process = scene.process(other)
            scene.at(seconds=59)
            await scene.look(process)
            assert scene.sent("crm") == [1]
            scene.at(seconds=60)
            await scene.look(process)
            first, again = (event for _, event in scene.answers.sent[:2])
            assert isinstance(first, EntryRecorded) and isinstance(again, EntryRecorded)
            assert first.entry == again.entry
            assert scene.taken("crm") == [1, 2, 3]
            back.set()
            await scene.deliveries.settled()
        now = await scene.now("crm")
        assert now.delivered == (await feed_of(scene.wired).head()).spelt()
        assert scene.sent("crm") == [1, 1, 2, 3]

    told(ledger, story)


def test_a_process_that_ends_gives_its_consumers_back_at_once(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        await scene.register("crm")
        scene.answers.holding["crm"] = asyncio.Event()
        follower = asyncio.create_task(scene.deliveries.follow(asyncio.Event()))
        while not scene.sent("crm"):
            await asyncio.sleep(0)
        follower.cancel()
        await asyncio.wait([follower])
        scene.answers.holding.clear()
        async with scene.ledger.wired() as other:
            await scene.look(scene.process(other))
        assert scene.taken("crm") == [1]

    told(ledger, story)


# Nobody waits for anybody.


def test_consumers_that_hang_hold_up_neither_writers_nor_others(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        hanging = [f"hung-{chr(97 + n)}" for n in range(5)]
        for name in (*hanging, "crm"):
            await scene.register(name)
        scene.answers.holding = dict.fromkeys(hanging, asyncio.Event())
        await scene.deliveries.look()
        while len(scene.taken("crm")) < 1:
            await asyncio.sleep(0)
        assert scene.wired.pool.get_stats().get("requests_waiting", 0) == 0
        open_ = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert scene.ledger.sql(open_) == [(0,)]
        for _ in range(3):
            await entries(scene, 1)
            await scene.deliveries.look()
        while len(scene.taken("crm")) < 4:
            await scene.deliveries.look()
            await asyncio.sleep(0)
        assert all(scene.sent(name) == [1] for name in hanging)
        next(iter(scene.answers.holding.values())).set()
        await scene.deliveries.settled()

    told(ledger, story)


def test_those_that_fail_leave_room_for_those_that_do_not(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        process = scene.process(scene.wired, at_once=4)
        failing = [f"away-{chr(97 + n)}" for n in range(4)]
        for name in failing:
            await scene.register(name)
            scene.answers.refusing[name] = AWAY
        await scene.look(process)
        scene.at(minutes=1)
        hold = asyncio.Event()
        scene.answers.holding = dict.fromkeys(failing, hold)
        await process.look()
        await process.look()
        while scene.answers.at_once < 2:
            await asyncio.sleep(0)
        for name in ("crm", "hr"):
            await scene.register(name)
        await process.look()
        while not (scene.taken("crm") and scene.taken("hr")):
            await asyncio.sleep(0)
        assert scene.answers.at_once == 2
        hold.set()
        await process.settled()
        assert scene.answers.most_at_once <= 4

    told(ledger, story)


def test_a_turn_ends_for_others_to_have_theirs(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        seconds = iter(range(0, 10_000, 9))
        process = scene.process(scene.wired, at_once=1, clock=lambda: float(next(seconds)))
        for name in ("crm", "hr"):
            await scene.register(name)
        await entries(scene, 5)
        for second in range(1, 9):
            scene.at(seconds=second)
            await scene.look(process)
        order = [url for url, _ in scene.answers.taken]
        assert order[:12] == ["crm"] * 3 + ["hr"] * 3 + ["crm"] * 3 + ["hr"] * 3
        assert scene.taken("crm") == scene.taken("hr") == [1, 2, 3, 4, 5, 6]

    told(ledger, story)
