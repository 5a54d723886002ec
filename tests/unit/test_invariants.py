"""What holds of every answer, whatever was recorded: over histories that Hypothesis makes up.

The invariants I02 and I03 of the law specification, the promise of `next_change_at`, the answer to
a question about a day, and that a person's act is never put off by a fast clock at a caller.
"""

import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ledger.answer import Answer, answer, answer_day, encode
from ledger.catalogue import read_catalogue
from ledger.civil import london_date, next_day, start_of_day
from ledger.events import (
    ConsentRefused,
    ConsentWithdrawn,
    EqualityOptOutReceived,
    ObjectionReceived,
    RestrictionApplied,
)
from ledger.events.base import PersonAct
from ledger.history import item, takes_effect
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Streams, read_given
from ledger.terms import Decision, Flag
from tests.histories import MOMENTS, PEOPLE, World
from tests.richer_histories import FOCI, MORE_KINDS, RicherWorld, Throws, pick_kind, rich_catalogue

CATALOGUE = read_catalogue(json.dumps(rich_catalogue()).encode())
MICROSECOND = timedelta(microseconds=1)
DICE = st.integers(0, 2**24 - 1)
LEAST_FIRST = [Decision.DENY, Decision.OUT_OF_SCOPE, Decision.PERMIT_LIMITED, Decision.PERMIT]
invariant = settings(max_examples=10 * settings().max_examples, database=None)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A history of up to forty entries; each stays the same when Hypothesis leaves out others."""
    throw = Throws()
    purposes, kinds = draw(st.sampled_from(FOCI))
    world = RicherWorld(purposes, draw(st.sampled_from((PEOPLE[:1], PEOPLE))))
    world.record("DateOfBirthRecorded", throw(draw(DICE)))
    for dice in draw(st.lists(DICE, min_size=4, max_size=40)):
        pick = throw(dice)
        world.record(pick_kind(pick, kinds, MORE_KINDS), pick)
    return world


def streams(world: World, count: int | None = None) -> Streams:
    built = Streams(CATALOGUE, {})
    for entry in world.given[:count]:
        built.record(read_given(entry))
    return built


def question(world: World, dice: int, **more: Any) -> tuple[str, Question]:
    """Whom a random question is about, and the question."""
    asked = world.question(Random(f"{dice} of {len(world.given)}").choice)
    subject = asked.pop("subject")
    times = {name: datetime.fromisoformat(asked.pop(name)) for name in ("effective_at", "known_at")}
    return subject, Question(**{**asked, **times, **more})


def ask(built: Streams, subject: str, asked: Question) -> Answer:
    return answer(asked, built.dossier(subject), built.dossier(None), uk_gdpr())


def recorded(world: World) -> list[datetime]:
    return [datetime.fromisoformat(entry["recorded_at"]) for entry in world.given]


# I02 and I03.


@seed(1)
@invariant
@given(world=worlds(), dice=DICE, data=st.data())
def test_entries_recorded_later_never_change_a_byte_of_an_answer_but_by_destroying_it(
    world: World, dice: int, data: st.DataObject
) -> None:
    moments = [*recorded(world), datetime(2029, 1, 1, tzinfo=UTC)]
    count = data.draw(st.integers(1, len(world.given)))
    known_at = data.draw(st.sampled_from((moments[count - 1], moments[count] - MICROSECOND)))
    subject, asked = question(world, dice, known_at=known_at)

    built, whole = streams(world, count), streams(world)
    then, now = ask(built, subject, asked), ask(whole, subject, asked)

    if whole.dossier(subject).destroyed:
        assert (now.decision, now.flags) == (Decision.DENY, (Flag.ERASED,))
    else:
        assert encode(then) == encode(now)


@seed(2)
@invariant
@given(world=worlds(), dice=DICE)
def test_the_same_question_gets_the_same_bytes_from_a_ledger_built_anew(
    world: World, dice: int
) -> None:
    subject, asked = question(world, dice)
    built = streams(world)

    assert len({encode(ask(each, subject, asked)) for each in (built, built, streams(world))}) == 1


@seed(3)
@invariant
@given(world=worlds(), dice=DICE)
def test_every_rule_evaluated_stands_in_the_trace_with_its_law_and_its_entries(
    world: World, dice: int
) -> None:
    subject, asked = question(world, dice)
    found = ask(streams(world), subject, asked)
    known = {entry["id"] for entry in world.given} | {"catalogue"}

    assert {step.flag for step in found.because if step.flag} == set(found.flags)
    assert all(step.article for step in found.because)
    assert {entry for step in found.because for entry in step.entries} <= known
    assert {line.article6 for line in found.relied_on} == set(found.live)


# next_change_at.


def acted_on(found: Answer) -> dict[str, object]:
    """All of an answer but the moment it is about."""
    return {
        name: getattr(found, name) for name in found.__struct_fields__ if name != "effective_at"
    }


@seed(4)
@invariant
@given(world=worlds(), dice=DICE, share=st.floats(0, 1))
def test_no_answer_changes_between_two_of_its_moments(
    world: World, dice: int, share: float
) -> None:
    subject, asked = question(world, dice)
    built = streams(world)
    found = ask(built, subject, asked)
    end = found.next_change_at or asked.effective_at + timedelta(days=4000)
    length = end - asked.effective_at
    assert length > timedelta(0)

    for within in (share * length, MICROSECOND, length - MICROSECOND):
        later = min(asked.effective_at + within, end - MICROSECOND)
        moved = ask(built, subject, msgspec.structs.replace(asked, effective_at=later))
        assert acted_on(moved) == acted_on(found), later


# Questions about a day.


def day_answers(built: Streams, subject: str, asked: Question, day: date, world: World):
    """Answers all through the day: every hour, and around every moment anybody wrote down."""
    start, end = start_of_day(day), start_of_day(next_day(day))
    every = {start + timedelta(hours=n) for n in range(25)} | {end - MICROSECOND}
    written = {
        datetime.fromisoformat(value)
        for entry in world.given
        for name, value in entry.items()
        if name.endswith("_at")
    }
    every |= {moment + nudge for moment in written for nudge in (-MICROSECOND, timedelta(0))}
    for moment in sorted(one for one in every if start <= one < end):
        yield ask(built, subject, msgspec.structs.replace(asked, effective_at=moment))


@seed(5)
@invariant
@given(world=worlds(), dice=DICE, data=st.data())
def test_a_question_about_a_day_gets_the_least_permissive_answer_of_that_day(
    world: World, dice: int, data: st.DataObject
) -> None:
    subject, asked = question(world, dice)
    effective = [datetime.fromisoformat(entry["effective_at"]) for entry in world.given]
    day = london_date(data.draw(st.sampled_from((*MOMENTS, *effective, *effective))))
    built = streams(world)
    person, common = built.dossier(subject), built.dossier(None)

    found = answer_day(asked, day, person, common, uk_gdpr())

    through = list(day_answers(built, subject, asked, day, world))
    denied = {name for one in through for name in one.denied_categories}
    assert set(found.denied_categories) == denied
    least = LEAST_FIRST[min(LEAST_FIRST.index(one.decision) for one in through)]
    if least in LEAST_FIRST[2:] and denied == set(asked.data):
        least = Decision.DENY
    assert found.decision == least
    fewest = min([len(one.live) for one in through if one.decision == least], default=0)
    assert len(found.live) == fewest
    seen = {(one.decision, one.live, one.conditions, one.denied_categories) for one in through}
    assert (Flag.INTRADAY_CHANGE in found.flags) is (len(seen) > 1)
    assert found.effective_at in {one.effective_at for one in through}


# A person's act.

ACTS: tuple[tuple[type[PersonAct], dict[str, Any]], ...] = (
    (ConsentRefused, {"purpose": "PHOTO", "given_by": "A1"}),
    (ConsentWithdrawn, {"purpose": "PHOTO", "given_by": "A1", "capacity": "SELF"}),
    (ObjectionReceived, {"purpose": "PHOTO", "kind": "ART21_1"}),
    (RestrictionApplied, {"purpose": "PHOTO", "ground": "c"}),
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
near = st.timedeltas(timedelta(days=-3), timedelta(days=3)).map(lambda since: NOON + since)
perhaps = st.none() | near


@seed(6)
@given(kind=st.sampled_from(ACTS), at=near, recorded_at=near, received=perhaps)
def test_an_act_without_a_later_moment_asked_for_takes_effect_by_its_recording(
    kind: tuple[type[PersonAct], dict[str, Any]],
    at: datetime,
    recorded_at: datetime,
    received: datetime | None,
) -> None:
    made, fields = kind
    told_in_time = received is not None and received <= recorded_at
    act = made(effective_at=at, received_at=None if told_in_time else received, **fields)

    assert takes_effect(act, recorded_at) == min(at, recorded_at)


@seed(7)
@given(kind=st.sampled_from(ACTS), at=near, recorded_at=near, received=perhaps, wanted=near)
def test_an_act_takes_effect_no_later_than_the_moment_asked_for_or_its_recording(
    kind: tuple[type[PersonAct], dict[str, Any]],
    at: datetime,
    recorded_at: datetime,
    received: datetime | None,
    wanted: datetime,
) -> None:
    made, fields = kind
    act = made(effective_at=at, received_at=received, requested_effective_at=wanted, **fields)

    assert takes_effect(act, recorded_at) == min(at, max(recorded_at, wanted))


@seed(8)
@given(at=near, recorded_at=near, ends=near)
def test_an_opt_out_takes_effect_when_its_reasonable_period_ends(
    at: datetime, recorded_at: datetime, ends: datetime
) -> None:
    act = EqualityOptOutReceived(
        effective_at=at, purpose="EQUALITY", written=True, period_ends_at=ends
    )

    assert takes_effect(act, recorded_at) == max(ends, min(at, recorded_at))


@seed(9)
@given(ahead=st.timedeltas(timedelta(0), timedelta(days=3)), dice=DICE)
def test_after_a_withdrawal_was_recorded_a_fast_clock_at_a_caller_leaves_no_gap(
    ahead: timedelta, dice: int
) -> None:
    built = Streams(CATALOGUE, {})
    moment = (NOON - timedelta(days=30)).isoformat()
    act: dict[str, Any] = {
        "subject": "A1",
        "purpose": "PHOTO",
        "given_by": "A1",
        "capacity": "SELF",
    }
    born = {"id": "d1", "type": "DateOfBirthRecorded", "date_of_birth": "1980-05-05"}
    fast = (NOON + ahead).isoformat()
    times: dict[str, Any] = {
        "effective_at": fast,
        "received_at": fast,
        "recorded_at": NOON.isoformat(),
    }
    given: tuple[dict[str, Any], ...] = (
        {**born, "subject": "A1", "effective_at": moment},
        {"id": "g1", "type": "ConsentGranted", "evidence": "form", **act, "effective_at": moment},
        {
            "id": "w1",
            "type": "ConsentWithdrawn",
            **act,
            **(times if dice % 2 else without_receipt(times)),
        },
    )
    for entry in given:
        built.record(read_given(entry))

    for at in (NOON, NOON + ahead / 2, NOON + ahead):
        asked = Question(purpose="PHOTO", effective_at=at, known_at=NOON)
        assert ask(built, "A1", asked).decision is Decision.DENY
    before = Question(purpose="PHOTO", effective_at=NOON - MICROSECOND, known_at=NOON)
    assert ask(built, "A1", before).decision is Decision.PERMIT


def without_receipt(times: dict[str, Any]) -> dict[str, Any]:
    return {name: moment for name, moment in times.items() if name != "received_at"}


def test_an_entry_that_does_not_restrict_takes_effect_when_it_says() -> None:
    built = Streams(CATALOGUE, {})
    entry = {"id": "s1", "type": "StatusStarted", "kind": "CPP", "subject": "A1"}
    given_ = read_given({**entry, "effective_at": "2026-03-02", "recorded_at": "2026-01-01"})
    built.record(given_)

    one = item(n=1, entry="s1", recorded_at=given_.recorded_at, fact=given_.fact)
    assert one.at == given_.fact.effective_at > one.recorded_at == one.known_from
