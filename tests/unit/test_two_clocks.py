"""The picture of the two clocks says what the answers say, at every moment that it shows."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from ledger.errors import LedgerError
from ledger.history import Dossier
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Streams, read_given
from projections.apart import ACROSS
from projections.standing import outcome
from projections.turning import turns
from projections.two_clocks import (
    DECIDING_NOTHING,
    ROWS_MAX,
    Span,
    TwoClocks,
    bearing_on,
    two_clocks,
)
from projections.walk import BEGINNING, asking, over_effect
from tests.histories import KINDS, MOMENTS, PEOPLE
from tests.richer_histories import FOCI, MORE_KINDS, RicherWorld, pick_kind
from tests.unit.stories import CATALOGUE, Story, instant

ROOT = Path(__file__).parents[2]
LAW = uk_gdpr()
WORLDS = 40
ENTRIES = 12
INSTANT = timedelta(microseconds=1)


def picture(story: Story, around: str | None = None) -> TwoClocks:
    return two_clocks(
        story.dossier(),
        story.dossier(None),
        LAW,
        purpose="PHOTO",
        around=None if around is None else instant(around),
    )


def believed(one: TwoClocks, effective_at: datetime, known_at: datetime) -> Span | None:
    """What the picture shows there."""
    for row in one.beliefs:
        if row.since <= known_at and (row.until is None or known_at < row.until):
            spans = [each for each in row.spans if each.start <= effective_at]
            return spans[-1] if spans else None
    return None


def random_streams(dice: Random) -> Streams:
    purposes, kinds = dice.choice(FOCI)
    world, streams = RicherWorld(purposes, PEOPLE), Streams(CATALOGUE, {})
    for _ in range(ENTRIES):
        world.record(pick_kind(dice.choice, kinds, MORE_KINDS), dice.choice)
    for one in world.given:
        try:
            streams.record(read_given(one))
        except LedgerError:
            continue
    return streams


def test_a_withdrawal_heard_late_is_two_rows_and_three_boxes() -> None:
    story = Story()
    story.grant("2024-03-01T00:00", recorded="2024-03-20T00:00")
    story.withdraw("2024-03-12T00:00", recorded="2024-04-10T00:00")
    found = picture(story)

    before, then, now = found.beliefs
    assert found.whole
    assert [one.decision for one in before.spans] == ["DENY"]
    assert [(one.start, one.decision) for one in then.spans] == [
        (BEGINNING, "DENY"),
        (instant("2024-03-01T00:00"), "PERMIT"),
    ]
    assert [(one.start, one.end, one.decision) for one in now.spans] == [
        (BEGINNING, instant("2024-03-01T00:00"), "DENY"),
        (instant("2024-03-01T00:00"), instant("2024-03-12T00:00"), "PERMIT"),
        (instant("2024-03-12T00:00"), None, "DENY"),
    ]
    assert (then.since, then.until) == (instant("2024-03-20T00:00"), now.since)
    assert (now.since, now.until) == (instant("2024-04-10T00:00"), None)


def test_what_changes_no_belief_makes_no_row() -> None:
    story = Story()
    story.grant("2024-03-01T00:00")
    rows = len(picture(story).beliefs)
    story.record("ComplaintReceived", "2024-05-01T00:00", purpose="PHOTO")

    assert len(picture(story).beliefs) == rows


def test_of_a_long_history_the_part_around_the_moment_is_shown() -> None:
    story = Story()
    for month in range(1, 13):
        for year in (2021, 2022, 2023):
            story.grant(f"{year}-{month:02}-01T00:00")
            story.withdraw(f"{year}-{month:02}-15T00:00")
    newest, middle = picture(story), picture(story, around="2022-06-20T00:00")

    assert not newest.whole and not middle.whole
    assert len(newest.beliefs) <= ROWS_MAX
    assert newest.beliefs[-1].until is None
    assert newest.beliefs[-1].since == instant("2023-12-15T00:00")
    asked = instant("2022-06-20T00:00")
    assert middle.beliefs[0].since < asked < middle.beliefs[-1].since
    assert middle.beliefs[-1].until is not None


def test_nothing_is_drawn_of_an_erased_person() -> None:
    story = Story()
    story.grant()
    erased = Dossier("A1", story.dossier().items, destroyed=True)
    found = two_clocks(erased, story.dossier(None), LAW, purpose="PHOTO")

    assert (found.beliefs, found.whole) == ((), False)


def test_the_picture_says_what_the_answers_say() -> None:
    """Over random histories, at random pairs of moments."""
    dice = Random(20261125)
    seen = 0
    for _ in range(WORLDS):
        streams = random_streams(dice)
        person, common = streams.dossier(dice.choice(PEOPLE)), streams.dossier(None)
        recorded = sorted({one.recorded_at for one in (*person.items, *common.items)})
        purpose = dice.choice(CATALOGUE.purposes).id
        drawn = two_clocks(person, common, LAW, purpose=purpose)
        ask = asking(purpose, person, common, LAW)
        for _ in range(25):
            known_at = dice.choice(recorded) + dice.choice(
                (INSTANT * 0, INSTANT, timedelta(days=1))
            )
            effective_at = dice.choice(MOMENTS)
            shown = believed(drawn, effective_at, known_at)
            if shown is None:
                continue
            seen += 1
            assert (shown.decision, shown.live) == outcome(ask(effective_at, known_at))
    assert seen > WORLDS * 10


def test_what_is_left_out_bears_on_no_outcome() -> None:
    """Facts for other purposes, and facts that decide nothing."""
    dice = Random(7)
    left_out = 0
    for _ in range(WORLDS):
        streams = random_streams(dice)
        for who in PEOPLE:
            person, common = streams.dossier(who), streams.dossier(None)
            for purpose in dice.sample([one.id for one in CATALOGUE.purposes], 4):
                fewer = bearing_on(purpose, person, common, LAW)
                left_out += len(person.items) - len(fewer[0].items)
                moments = dice.sample(MOMENTS, 3)
                whole = asking(purpose, person, common, LAW)
                lean = asking(purpose, *fewer, LAW)
                for at, known in zip(moments, reversed(moments), strict=True):
                    assert outcome(lean(at, known)) == outcome(whole(at, known))
    assert left_out > 0


def test_under_a_policy_that_reaches_further_other_purposes_bear() -> None:
    for story, bears in ((Story(), False), (Story(policy={ACROSS: "all uses"}), True)):
        consent = story.grant(purpose="GROUP")
        person, _ = bearing_on("PHOTO", story.dossier(), story.dossier(None), LAW)
        assert (consent in {one.entry for one in person.items}) is bears


def test_every_type_that_decides_nothing_is_tried_or_asked_for_by_no_rule() -> None:
    rules = "".join(one.read_text() for one in (ROOT / "ledger" / "rules").glob("*.py"))
    untried = {one.__name__ for one in DECIDING_NOTHING} - {*KINDS, *MORE_KINDS}

    assert [name for name in sorted(untried) if re.search(rf"\b{name}\b", rules)] == []
    assert "NoticeProvided" in rules and "NoticeProvided" not in untried


@pytest.mark.parametrize("seed", range(6))
def test_turns_are_where_an_outcome_changes(seed: int) -> None:
    dice = Random(seed)
    streams = random_streams(dice)
    person, common = streams.dossier(dice.choice(PEOPLE)), streams.dossier(None)
    known_at = max(one.recorded_at for one in (*person.items, *common.items))
    purposes = [one.id for one in CATALOGUE.purposes]
    asks = [asking(one, person, common, LAW) for one in purposes]

    def changed() -> list[datetime]:
        """Every turn there is, walked from the beginning."""
        found = set()
        for ask in asks:
            last = None
            for one in over_effect(ask, BEGINNING, instant("2099-01-01T00:00"), known_at):
                if last is not None and outcome(one) != last:
                    found.add(one.effective_at)
                last = outcome(one)
        return sorted(found)

    every = changed()
    for at in (*dice.sample(MOMENTS, 3), *every[:3]):
        got = turns(
            person,
            common,
            LAW,
            moments=dict.fromkeys(purposes, at),
            effective_at=at,
            known_at=known_at,
        )
        assert got.before == max((one for one in every if one < at), default=None)
        assert got.after == min((one for one in every if one > at), default=None)
        assert [one.purpose for one in got.standings] == purposes
