"""The lag of a follower: nothing where it is current, everything where it never began."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from projections.current import Tailer, follower_name
from projections.lag import Lag, lag
from tests.integration.wired import Founded, Wired, born, founded

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        made.clock(NOW)
        yield made


async def behind(wired: Wired) -> Lag:
    return await lag(wired.pool, 0, follower=follower_name(wired.rulebook))


def test_an_empty_ledger_has_no_lag_and_nor_has_one_that_was_followed_to_its_end(ledger):
    async def story(wired: Wired) -> None:
        assert await behind(wired) == Lag(entries=0, seconds=0.0)
        await wired.adopt()
        await wired.record(ledger.subject(), born())
        await Tailer(wired.reader, wired.rulebook, wired.pool).catch_up()
        ledger.clock(NOW + timedelta(hours=1))
        assert await behind(wired) == Lag(entries=0, seconds=0.0)

    ledger.run(story)


def test_what_nobody_ever_followed_lags_by_all_of_it_since_its_first_entry(ledger):
    async def story(wired: Wired) -> None:
        await wired.adopt()
        ledger.clock(NOW + timedelta(minutes=30))
        await wired.record(ledger.subject(), born())
        ledger.clock(NOW + timedelta(hours=1))
        assert await behind(wired) == Lag(entries=2, seconds=3600.0)

    ledger.run(story)


def test_a_follower_lags_by_what_came_since_and_since_the_first_of_that(ledger):
    async def story(wired: Wired) -> None:
        await wired.adopt()
        await Tailer(wired.reader, wired.rulebook, wired.pool).catch_up()
        for minutes in (10, 20, 30):
            ledger.clock(NOW + timedelta(minutes=minutes))
            await wired.record(ledger.subject(), born())
        ledger.clock(NOW + timedelta(minutes=40))
        assert await behind(wired) == Lag(entries=3, seconds=1800.0)

    ledger.run(story)


def test_a_clock_that_went_back_makes_no_lag_of_less_than_nothing(ledger):
    async def story(wired: Wired) -> None:
        await wired.adopt()
        ledger.clock(NOW - timedelta(hours=1))
        assert await behind(wired) == Lag(entries=1, seconds=0.0)

    ledger.run(story)
