"""Changes by time against a clock that is looked at every day, for random histories."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ledger.answer import answer
from ledger.civil import birthday, start_of_day
from ledger.history import Dossier
from ledger.reader import Loaded
from ledger.rules.case import Question
from projections.standing import outcome
from tests.histories import BIRTHS
from tests.integration.passing import EXPIRY, Change, assert_numbered, expiring, tailer, written
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, catalogue, founded

INSTANT = timedelta(microseconds=1)
HISTORIES = 8


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_whenever_somebody_looks_the_changes_are_those_of_a_daily_watch(ledger, nth):
    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        chance = history.random
        follow = tailer(wired, batch=chance.choice((1, 3, 200)))
        assert await follow.catch_up()
        for _ in range(6):
            await history.grow(wired, chance.choice((1, 3, 8)))
            if chance.random() < 0.6:
                assert await follow.catch_up()
            history.later(chance.choice((0, 1, 30, 200)))
            if chance.random() < 0.6:
                assert await follow.catch_up()
            now = ledger.sql("SELECT now FROM test_clock")[0][0]
            history.world.clock = max(history.world.clock, now)
        now = history.later(chance.choice((1, 400)))
        assert await follow.catch_up()
        loaded = await wired.reader.subjects(0, list(history.subjects.values()))
        for subject, each in loaded.items():
            for purpose in history.world.purposes:
                watch = watched(each, purpose, wired, now)
                assert_seen(written(ledger, subject, purpose), watch)

    ledger.run(story)
    assert_numbered(ledger)


def assert_seen(found: list[Change], watch: list[tuple[datetime, datetime, Any, Any]]) -> None:
    """Each change is one that the watch saw between two looks, and the other way round."""
    found = sorted(found)
    assert [(before, after) for _, before, after in found] == [
        (before, after) for _, _, before, after in watch
    ]
    for (at, _, _), (start, end, _, _) in zip(found, watch, strict=True):
        assert start < at <= end


def watched(
    loaded: Loaded, purpose: str, wired: Wired, now: datetime
) -> list[tuple[datetime, datetime, Any, Any]]:
    """What differed from one look to the next, where nothing was recorded at the second."""
    dossier, common = loaded.dossier, loaded.catalogue
    if not dossier.items:
        return []
    stamps = {one.recorded_at for one in (*dossier.items, *common.items)}
    first = dossier.items[0].recorded_at
    looks = sorted(one for one in moments(dossier, common, stamps, now) if first <= one <= now)

    def at(moment: datetime) -> Any:
        question = Question(purpose=purpose, effective_at=moment, known_at=moment)
        decision, live = outcome(answer(question, dossier, common, wired.rulebook))
        return str(decision), live

    answers = [(moment, at(moment)) for moment in looks]
    return [
        (one, other, before, after)
        for (one, before), (other, after) in pairwise(answers)
        if before != after and other not in stamps
    ]


def moments(
    dossier: Dossier, common: Dossier, stamps: set[datetime], now: datetime
) -> set[datetime]:
    """Every midnight in London, every instant that anything names, and around each recording."""
    found = {stamp - INSTANT for stamp in stamps} | stamps | {now}
    day = min(stamps).date()
    while start_of_day(day) <= now:
        found.add(start_of_day(day))
        day += timedelta(days=1)
    for one in (*dossier.items, *common.items):
        values = (getattr(one.fact, name) for name in one.fact.__struct_fields__)
        found |= {value for value in values if isinstance(value, datetime)}
        found.add(one.at)
    for text in BIRTHS:
        for years in (13, 16, 18):
            found.add(birthday(date.fromisoformat(text), years, leap="1 March"))
    return found


def test_the_watch_would_see_a_change(ledger):
    subject = ledger.subject()

    async def story(wired):
        await expiring(wired, ledger, subject)
        ledger.clock(EXPIRY + timedelta(days=1))
        await tailer(wired).catch_up()
        loaded = (await wired.reader.subjects(0, [subject]))[subject]
        watch = watched(loaded, "PHOTO", wired, EXPIRY + timedelta(days=1))
        assert_seen(written(ledger, subject), watch)
        assert len(watch) == 1
        with pytest.raises(AssertionError):
            assert_seen([], watch)
        assert "PHOTO" in {one.id for one in catalogue().purposes}

    ledger.run(story)
