"""Checkpoints get their time stamps by the hour, from an authority that may be away."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from projections.anchoring import Anchoring, NotStamped, Stamped
from tests.integration.wired import Wired
from tests.integration.witnesses import BEGUN, Shown, scene


class Authority:
    """It stamps whatever it is shown, unless it is told not to."""

    target = "http://tsa.example"

    def __init__(self) -> None:
        self.stamped: list[bytes] = []
        self.refusing = 0

    async def stamp(self, text: bytes, *, now: int) -> Stamped:
        if self.refusing:
            self.refusing -= 1
            raise NotStamped("the authority is away", reason="unreachable")
        self.stamped.append(text)
        return Stamped(evidence=b"stamp", made_at=datetime.fromtimestamp(now, UTC))


class Told:
    """What was told."""

    def __init__(self) -> None:
        self.ages: list[float | None] = []
        self.refused: list[str] = []

    def anchored(self, log: int, age: float | None) -> None:
        self.ages.append(age)

    def not_anchored(self, log: int, error: NotStamped) -> None:
        self.refused.append(str(error))


@pytest.fixture
def shown(database: str, tmp_path: Path) -> Iterator[Shown]:
    with scene(database, tmp_path) as made:
        yield made


def anchors(shown: Shown) -> list[tuple[int, int]]:
    """Size and seconds since the beginning of what was stamped."""
    query = "SELECT size, extract(epoch FROM anchored_at - %s)::int FROM anchor ORDER BY size"
    return [(size, at) for size, at in shown.ledger.sql(query, BEGUN)]


def test_growth_is_stamped_by_the_hour_and_the_same_tree_once(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        made, told = Authority(), Told()
        follower = Anchoring(wired.pool, wired.identity, made, watch=told)
        await follower.look()
        note = await shown.grow(wired, 3)
        for moment, more in ((0, 0), (30, 2), (3599, 0), (3600, 0), (7200, 0), (9000, 1)):
            if more:
                await shown.grow(wired, more)
            shown.at(moment)
            await follower.look()
        assert made.stamped[0] == note.text.encode()
        assert len(made.stamped) == 3
        assert told.ages == [None, None, 30.0, 3599.0, 3600.0, 3600.0, 5400.0]

    shown.ledger.run(story)
    assert anchors(shown) == [(3, 0), (5, 3600), (6, 9000)]


def test_an_authority_that_is_away_is_asked_again_after_a_while(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        made, told = Authority(), Told()
        made.refusing = 2
        follower = Anchoring(wired.pool, wired.identity, made, watch=told)
        await shown.grow(wired, 3)
        for moment in (0, 30, 299, 300, 599, 600):
            shown.at(moment)
            await follower.look()
        assert told.refused == ["the authority is away"] * 2

    shown.ledger.run(story)
    assert anchors(shown) == [(3, 600)]


def test_of_several_processes_one_asks(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        made = Authority()
        async with shown.ledger.wired() as other:
            both = [Anchoring(one.pool, one.identity, made, watch=Told()) for one in (wired, other)]
            for hour in range(5):
                await shown.grow(wired, 1)
                shown.at(3600 * hour)
                await asyncio.gather(*(one.look() for one in both))
        assert len(made.stamped) == 5

    shown.ledger.run(story)


def test_a_follower_keeps_on_over_an_error_and_ends_when_told(shown: Shown) -> None:
    async def story(wired: Wired) -> None:
        stop = asyncio.Event()
        errors: list[Exception] = []

        def failed(error: Exception) -> None:
            errors.append(error)
            stop.set()

        await shown.grow(wired, 3)
        shown.ledger.sql("ALTER TABLE anchor RENAME TO anchor_away")
        follower = Anchoring(wired.pool, wired.identity, Authority(), watch=Told())
        await follower.follow(stop, failed=failed)
        assert len(errors) == 1
        shown.ledger.sql("ALTER TABLE anchor_away RENAME TO anchor")

    shown.ledger.run(story)
