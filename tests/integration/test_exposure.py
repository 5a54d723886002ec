"""Exposure: the intervals in which more was believed permitted than hindsight permits, and why."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.errors import Fault, Malformed
from ledger.terms import Decision
from projections.compare import Record
from projections.exposure import PERMISSION, Exposures, Gap, Period, gaps_of
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
YEAR = Period(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC))
HISTORIES = 8


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def at(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def found(wired: Wired, period: Period = YEAR, **options) -> list:
    exposures = await Exposures.now(wired.reader, wired.rulebook, wired.pool)
    return [one async for one in exposures.over(period, **options)]


async def given(ledger: Founded, wired: Wired):
    """Somebody whose consent was given and recorded in good time."""
    subject = ledger.subject()
    ledger.clock(at(1, 1))
    await wired.adopt()
    await wired.record(subject, born())
    ledger.clock(at(3, 2, 11))
    granted = await wired.record(subject, consent(subject, GIVEN))
    return subject, str(granted.entries[0].event_id)


def test_a_withdrawal_heard_late_exposes_the_time_in_between(ledger):
    async def story(wired):
        subject, _ = await given(ledger, wired)
        ledger.clock(at(5, 1))
        late = await wired.record(subject, withdrawal(subject, "2026-04-01T09:00:00Z"))
        ledger.clock(at(6, 1))
        await wired.record(ledger.subject(), born())
        one = late.entries[0]
        ((exposure),) = await found(wired)
        assert exposure.subject == subject
        assert exposure.gaps == (
            Gap(
                purpose="PHOTO",
                start=at(4, 1, 9),
                end=one.recorded_at,
                believed=Decision.PERMIT,
                hindsight=Decision.DENY,
                entries=(str(one.event_id),),
                shown_at=one.recorded_at,
            ),
        )

    ledger.run(story)


def test_an_annulled_consent_exposes_all_the_time_it_was_believed(ledger):
    async def story(wired):
        subject, granted = await given(ledger, wired)
        ledger.clock(at(5, 1))
        late = await wired.record(subject, entry("EntryAnnulled", "2026-05-01", entry=granted))
        (exposure,) = await found(wired)
        (gap,) = exposure.gaps
        # Believed from when it was recorded, not from when it was given.
        assert (gap.start, gap.end) == (at(3, 2, 11), late.entries[0].recorded_at)
        assert gap.entries == (str(late.entries[0].event_id),)

    ledger.run(story)


def test_what_was_recorded_in_time_exposes_nothing(ledger):
    async def story(wired):
        subject, _ = await given(ledger, wired)
        ledger.clock(at(4, 1, 9))
        await wired.record(subject, withdrawal(subject, "2026-04-01T09:00:00Z"))
        ledger.clock(at(6, 1))
        return await found(wired)

    assert ledger.run(story) == []


def test_only_the_period_and_the_purposes_asked_about_are_shown(ledger):
    async def story(wired):
        subject, _ = await given(ledger, wired)
        ledger.clock(at(5, 1))
        await wired.record(subject, withdrawal(subject, "2026-04-01T09:00:00Z"))
        part = Period(start=at(4, 10), end=at(4, 20))
        (exposure,) = await found(wired, part, purposes=["PHOTO"])
        assert [(gap.start, gap.end) for gap in exposure.gaps] == [(part.start, part.end)]
        assert await found(wired, part, purposes=["GROUP"]) == []
        assert await found(wired, Period(start=at(1, 1), end=at(4, 1, 9))) == []
        assert await found(wired, Period(start=at(5, 2), end=at(6, 1))) == []
        with pytest.raises(Malformed, match="^until: "):
            await found(wired, Period(start=at(5, 2), end=at(5, 2)))

    ledger.run(story)


def test_an_exposure_stays_at_its_position_and_tells_how_far_it_is(ledger):
    async def story(wired):
        subject, _ = await given(ledger, wired)
        exposures = await Exposures.now(wired.reader, wired.rulebook, wired.pool)
        ledger.clock(at(5, 1))
        await wired.record(subject, withdrawal(subject, "2026-04-01T09:00:00Z"))
        done = []
        gaps = exposures.over(YEAR, progress=lambda *both: done.append(both))
        assert [one async for one in gaps] == []
        assert done == [(1, 1)]
        assert exposures.pins[0].position.startswith("0:3:")

    ledger.run(story)


def test_an_exposure_that_cannot_be_completed_is_an_error(ledger):
    async def story(wired):
        subject, _ = await given(ledger, wired)
        ledger.sql("UPDATE dossier SET sealed = 'broken' WHERE subject = %s", subject)
        with pytest.raises(Fault):
            await found(wired)

    ledger.run(story)


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_the_gaps_are_where_two_answers_differ_and_nowhere_else(ledger, nth):
    """Both answers, asked at many moments, against the intervals."""

    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 30)
        now = history.later()
        loaded = await wired.reader.subjects(0, list(history.subjects.values()))
        for one in loaded.values():
            record = Record(person=one.dossier, catalogue=one.catalogue, rulebook=wired.rulebook)
            for purpose in history.world.purposes:
                gaps = list(gaps_of(record, YEAR, known_at=now, purposes=[purpose]))
                ask = record.asking(purpose)
                for moment in moments(history, gaps):
                    held = [gap for gap in gaps if gap.start <= moment < gap.end]
                    then, hindsight = ask(moment, moment).decision, ask(moment, now).decision
                    assert bool(held) == (PERMISSION[hindsight] < PERMISSION[then])
                    if held:
                        assert [(then, hindsight)] == [(g.believed, g.hindsight) for g in held]
                        assert held[0].entries

    ledger.run(story)


def moments(history: History, gaps: list[Gap]) -> list[datetime]:
    """Moments of the year, and those at which a gap begins or ends, or something was recorded."""
    tick = timedelta(microseconds=1)
    ends = [one for gap in gaps for one in (gap.start, gap.end)]
    known = [datetime.fromisoformat(one["recorded_at"]) for one in history.world.given]
    near = [one + step for one in (*ends, *known) for step in (-tick, 0 * tick, tick)]
    some = [YEAR.start + timedelta(hours=history.random.randrange(365 * 24)) for _ in range(20)]
    return [one for one in (*near, *some) if YEAR.start <= one < min(YEAR.end, history.world.clock)]
