"""Withdrawals that a consumer has not acted on in time: none is missed, none is counted twice."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.events import ENTRY_TYPES
from projections import overdue
from projections.consumer_secrets import Named
from projections.feed import EntryRecorded
from projections.feed_cursor import Cursor, earliest
from projections.overdue import Late
from projections.sql import statement
from tests.integration.delivering import CLIENT, NOW, Scene
from tests.integration.feeding import everything, feed_of
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

ROOT = Path(__file__).parents[2]
GIVEN = "2026-03-02T10:00:00Z"
DAY = 24 * 3600
RESTRICTIVE = {kind.__name__ for kind in ENTRY_TYPES if kind.restrictive}
Story = Callable[[Scene], Awaitable[None]]


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def told(ledger: Founded, story: Story) -> None:
    async def within(wired: Wired) -> None:
        scene = Scene(ledger, wired)
        await wired.adopt()
        await asyncio.wait_for(story(scene), 120)

    ledger.run(within)


async def acts(scene: Scene, cursor: Cursor) -> None:
    await scene.consumers.acknowledge(Named(CLIENT, "crm"), cursor)


async def at(scene: Scene, name: str = "crm", seconds: int = DAY) -> Late:
    return await scene.overdue.at(await scene.now(name), seconds=seconds)


@pytest.mark.parametrize("name", ["restrictive_counted", "restrictive_after"])
def test_the_statements_and_their_index_name_every_restrictive_type(name: str) -> None:
    listed = re.search(rb"x\.name IN \(([^)]*)\)", statement(name))
    indexed = re.search(
        r"WHERE name IN \(([^)]*)\)", (ROOT / "migrations/ledger/0007_webhooks.sql").read_text()
    )
    assert listed and indexed
    assert set(re.findall(r"'(\w+)'", listed[1].decode())) == RESTRICTIVE
    assert re.findall(r"'(\w+)'", listed[1].decode()) == re.findall(r"'(\w+)'", indexed[1])


@pytest.mark.parametrize("name", ["restrictive_counted", "restrictive_after"])
def test_nothing_but_the_index_is_read(ledger: Founded, name: str) -> None:
    async def story(scene: Scene) -> None:
        values = {"log": 0, "after": 0, "seconds": DAY, "limit": 9}
        async with scene.wired.pool.connection() as connection:
            cursor = await connection.execute(b"EXPLAIN " + statement(name), values)
            plan = "\n".join(line for (line,) in await cursor.fetchall())
        assert "Index Scan using entry_restrictive on entry x" in plan
        assert "Sort" not in plan.replace("Sort Key", "") or name == "restrictive_counted"

    told(ledger, story)


def test_a_withdrawal_is_overdue_once_it_is_older_than_the_limit_and_until_it_is_acted_on(
    ledger: Founded,
) -> None:
    async def story(scene: Scene) -> None:
        person = scene.ledger.subject()
        await scene.register("crm", start=await feed_of(scene.wired).head())
        await scene.wired.record(person, born(), consent(person, GIVEN))
        scene.at(hours=1)
        done = await scene.wired.record(
            person, withdrawal(person, GIVEN), withdrawal(person, GIVEN)
        )
        recorded_at = NOW + timedelta(hours=1)
        scene.at(hours=24, minutes=59)
        assert not await at(scene)
        assert await scene.overdue.report(seconds=DAY) == []
        scene.at(hours=25)
        first = (await feed_of(scene.wired).events(earliest(1), limit=9)).events[3]
        assert isinstance(first, EntryRecorded) and first.entry == done.entries[0].event_id
        late = Late(count=2, complete=True, oldest_recorded_at=recorded_at, position=first.position)
        assert await at(scene) == late
        assert [(one.name, each) for one, each in await scene.overdue.report(seconds=DAY)] == [
            ("crm", late)
        ]
        await acts(scene, first.cursor)
        assert (await at(scene)).count == 1
        await acts(scene, await feed_of(scene.wired).head())
        assert not await at(scene)

    told(ledger, story)


def test_what_was_delivered_is_acted_on_only_where_that_was_wanted(ledger: Founded) -> None:
    async def story(scene: Scene) -> None:
        person = scene.ledger.subject()
        await scene.register("crm")
        await scene.register("bus", acknowledges="delivery")
        await scene.register("diary", pulls=True)
        await scene.wired.record(person, withdrawal(person, GIVEN))
        await scene.look()
        scene.at(days=2)
        report = await scene.overdue.report(seconds=DAY)
        assert [one.name for one, _ in report] == ["crm", "diary"]

    told(ledger, story)


async def of_many_kinds(scene: Scene) -> None:
    """What people ask to stop, for one purpose, for every one and for none, and other things."""
    one, two = scene.ledger.subject(), scene.ledger.subject()
    facts: list[dict[str, Any]] = [
        born(),
        consent(one, GIVEN),
        withdrawal(one, GIVEN),
        withdrawal(one, GIVEN, "GROUP"),
        withdrawal(one, GIVEN, "*"),
        entry("ObjectionReceived", "2026-04-01", purpose="SAFEGUARD") | {"kind": "ART21_1"},
        entry("ConsentRefused", "2026-04-01", purpose="PHOTO", given_by=str(one), capacity="SELF"),
        entry("RestrictionApplied", "2026-04-01", purpose="PHOTO", ground="a"),
        entry("ComplaintReceived", "2026-04-02", purpose="PHOTO"),
        entry("DeathRecorded", "2026-04-03"),
    ]
    for fact in facts:
        await scene.wired.attempt(one, fact)
    await scene.wired.record(two, consent(two, GIVEN, "GROUP"), withdrawal(two, GIVEN, "GROUP"))
    common = entry("BasisEnded", "2026-04-04", purpose="GROUP", article6="e")
    await scene.wired.attempt(None, common)


@pytest.mark.parametrize(
    "purposes",
    [None, frozenset({"PHOTO"}), frozenset({"GROUP"}), frozenset({"PHOTO", "SAFEGUARD"})],
)
def test_it_is_what_the_feed_tells_and_restricts(
    ledger: Founded, purposes: frozenset[str] | None
) -> None:
    async def story(scene: Scene) -> None:
        await of_many_kinds(scene)
        await scene.register("crm", purposes=purposes)
        scene.at(days=2)
        events = await everything(feed_of(scene.wired), earliest(1), purposes=purposes)
        left = [one for one in events if isinstance(one, EntryRecorded) and one.type in RESTRICTIVE]
        assert len(left) > 3
        while left:
            late = await at(scene)
            assert (late.count, late.complete) == (len(left), True)
            assert (late.position, late.oldest_recorded_at) == (left[0].position, left[0].time)
            await acts(scene, left.pop(0).cursor)
        assert not await at(scene)

    told(ledger, story)


@pytest.mark.parametrize("purposes", [None, frozenset({"PHOTO"}), frozenset({"GROUP"})])
def test_of_very_many_it_is_said_that_there_may_be_more(
    ledger: Founded, purposes: frozenset[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "COUNTED_MAX", 4)
    monkeypatch.setattr(overdue, "PAGE", 2)

    async def story(scene: Scene) -> None:
        person = scene.ledger.subject()
        await scene.register("crm", purposes=purposes)
        for many, days, complete in ((3, 2, True), (2, 4, False)):
            await scene.wired.record(person, *[withdrawal(person, GIVEN)] * many)
            scene.at(days=days)
            late = await at(scene)
            assert late.complete is complete
            assert late.count == (0 if purposes == frozenset({"GROUP"}) else 3 if complete else 4)
            assert bool(late) is (late.count > 0 or not complete)

    told(ledger, story)


def test_entries_of_several_logs_are_counted_together(database: str, tmp_path: Path) -> None:
    with founded(database, tmp_path, logs=3) as ledger:

        async def story(scene: Scene) -> None:
            await scene.register("crm")
            for log in (2, 1, 2):
                person = scene.ledger.subject(log)
                await scene.wired.record(person, withdrawal(person, GIVEN))
                scene.at(minutes=1)
            scene.at(days=2)
            late = await at(scene)
            assert (late.count, late.oldest_recorded_at) == (3, NOW)
            assert late.position is not None and late.position.startswith("2:1:")

        told(ledger, story)
