"""The answer as a whole: its trace, its gaps, its days, and its bytes."""

from typing import Any

import msgspec
import pytest

from ledger.answer import RULES, Answer, encode
from tests.unit.stories import (
    NOW,
    Story,
    catalogue_with,
    flags,
    instant,
    just_before,
    purpose,
    steps,
)

GRANTED, WITHDRAWN, HEARD = "2026-01-10T10:00", "2026-03-05T10:00", "2026-03-09T10:00"
BY_18 = {"article9": "g", "schedule1": 18, "policy_document": True}
BY_CARE = {"article9": "h", "schedule1": 2, "policy_document": False}


def heard_late(**more: str) -> Story:
    story = Story()
    story.grant(GRANTED)
    story.withdraw(WITHDRAWN, recorded=HEARD, **more)
    return story


# The trace.


def test_a_permission_evaluates_every_rule_once_and_in_order() -> None:
    found = Story().ask("SAFEGUARD")

    assert [step.rule for step in found.because] == [rule for rule, _ in RULES]
    assert [step.rule for step in found.because if step.matched] == [
        "line.declared",
        "decision.compose",
    ]


def test_a_rule_that_finds_twice_stands_twice_with_its_own_entries() -> None:
    story = Story()
    for ground in ("a", "c"):
        story.record("RestrictionApplied", WITHDRAWN, purpose="*", ground=ground)

    assert steps(story.ask("SAFEGUARD"), "rights.restriction") == [
        (True, "RESTRICTED_18_1_a", ("e2",)),
        (True, "RESTRICTED_18_1_c", ("e3",)),
    ]


def test_a_rule_that_found_nothing_stands_in_the_trace_with_its_law() -> None:
    (step,) = [one for one in Story().ask("SAFEGUARD").because if one.rule == "consent.withdrawn"]

    assert (step.matched, step.flag, step.entries) == (False, None, ())
    assert step.article == "UK GDPR Art 7(3)"


def test_flags_are_in_order_and_said_once() -> None:
    story = Story()
    for ground in ("c", "a", "a"):
        story.record("RestrictionApplied", WITHDRAWN, purpose="*", ground=ground)

    assert flags(story.ask("SAFEGUARD")) == ["RESTRICTED_18_1_a", "RESTRICTED_18_1_c"]


def test_an_answer_says_what_it_was_asked_and_by_what_it_was_judged() -> None:
    story = Story()
    found = story.ask("SAFEGUARD", "2026-03-01T10:00", position="0:7:00000000", catalogue="0:2:1")

    assert (found.effective_at, found.known_at) == (instant("2026-03-01T10:00"), instant(NOW))
    assert (found.position, found.catalogue, found.rulebook) == (
        "0:7:00000000",
        "0:2:1",
        story.law.id,
    )


def test_equal_answers_have_equal_bytes_and_different_ones_do_not() -> None:
    story = heard_late()

    assert encode(story.ask()) == encode(story.ask())
    assert encode(story.ask()) != encode(story.ask(at=GRANTED))
    read = msgspec.json.decode(encode(story.ask()), type=Answer)
    assert read == story.ask()


# Late gaps.


def test_a_withdrawal_heard_late_changes_what_we_know_of_the_time_before() -> None:
    story = heard_late()
    between = story.ask(at="2026-03-06T10:00")

    assert (between.decision, flags(between)) == ("DENY", ["CONSENT_WITHDRAWN", "LATE_GAP"])
    assert [(gap.start, gap.end, gap.entry) for gap in between.late_gaps] == [
        (instant(WITHDRAWN), instant(HEARD), "e3")
    ]
    assert between.because[-1].rule == "record.late"
    assert steps(between, "record.late") == [(True, "LATE_GAP", ())]
    assert story.ask(at="2026-03-06T10:00", known="2026-03-07T10:00").decision == "PERMIT"


@pytest.mark.parametrize(
    ("at", "late"),
    [
        (just_before(WITHDRAWN), False),
        (WITHDRAWN, True),
        (just_before(HEARD), True),
        (HEARD, False),
    ],
)
def test_a_gap_is_half_open(at: str, late: bool) -> None:
    found = heard_late().ask(at=at)

    assert ("LATE_GAP" in flags(found)) is late
    assert bool(found.late_gaps) is late


def test_a_late_fact_that_changes_no_answer_opens_no_gap() -> None:
    story = heard_late()
    story.withdraw("2026-03-06T10:00", recorded="2026-05-01T10:00")
    found = story.ask(at="2026-04-01T10:00")

    assert (flags(found), found.late_gaps) == (["CONSENT_WITHDRAWN"], ())
    assert steps(found, "record.late") == []


def test_a_late_fact_about_another_purpose_is_no_part_of_a_gap() -> None:
    story = heard_late()
    story.withdraw(WITHDRAWN, recorded=HEARD, purpose="GROUP")
    story.record("StatusEnded", WITHDRAWN, recorded=HEARD, kind="CPP")
    also = story.withdraw("2026-03-04T10:00", recorded="2026-03-10T10:00", purpose="*")
    found = story.ask(at="2026-03-06T10:00")

    assert sorted(gap.entry for gap in found.late_gaps) == sorted(["e3", also])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("BasisEnded", {"purpose": "SAFEGUARD", "article6": "e", "subject": None}),
        ("ErasureExecuted", {"purpose": "SAFEGUARD"}),
        ("DeathRecorded", {}),
        ("RestrictionApplied", {"purpose": "SAFEGUARD", "ground": "a"}),
        ("ObjectionReceived", {"purpose": "*", "kind": "ART21_1"}),
    ],
)
def test_every_restrictive_fact_heard_late_opens_a_gap(name: str, fields: dict[str, Any]) -> None:
    story = Story()
    entry = story.record(name, WITHDRAWN, recorded=HEARD, **fields)
    found = story.ask("SAFEGUARD", "2026-03-06T10:00")

    assert "LATE_GAP" in flags(found)
    assert [gap.entry for gap in found.late_gaps] == [entry]


def test_a_permissive_fact_heard_late_opens_none() -> None:
    story = Story()
    story.grant(GRANTED, recorded=WITHDRAWN)
    found = story.ask(at="2026-02-01T10:00")

    assert (found.decision, flags(found)) == ("PERMIT", [])


def test_a_gap_is_seen_in_flags_conditions_and_lines_too() -> None:
    named = purpose("VISITS", "c", "e", conditions=[{"article9": "j"}, BY_18])
    flagged = Story(born=None, document=catalogue_with([named]))
    flagged.record("ObjectionReceived", WITHDRAWN, recorded=HEARD, purpose="VISITS", kind="ART21_2")
    assert flags(flagged.ask("VISITS", "2026-03-06T10:00")) == [
        "LATE_GAP",
        "OBJECTION_NOT_AVAILABLE",
    ]

    lines = Story(document=catalogue_with([named]))
    end = {"purpose": "VISITS", "article6": "e", "subject": None}
    lines.record("BasisEnded", WITHDRAWN, recorded=HEARD, **end)
    assert flags(lines.ask("VISITS", "2026-03-06T10:00")) == ["LATE_GAP"]


def test_under_a_denial_the_lines_that_would_stand_change_nothing() -> None:
    named = purpose("VISITS", "c", "e")
    story = Story(document=catalogue_with([named]))
    end = {"purpose": "VISITS", "article6": "e", "subject": None}
    story.record("BasisEnded", WITHDRAWN, recorded=HEARD, **end)
    found = story.ask("VISITS", "2026-03-06T10:00", data="special")

    assert (found.decision, flags(found)) == ("DENY", ["NO_ART9_CONDITION"])


# Questions about a day.


def test_a_day_without_a_change_is_answered_as_its_first_instant() -> None:
    story = heard_late()

    assert story.ask(at="2026-02-01") == story.ask(at="2026-02-01T00:00")
    assert story.ask(at="2026-07-01").effective_at == instant("2026-06-30T23:00")


def test_a_day_is_answered_by_its_least_permissive_moment_and_says_that_it_changes() -> None:
    story = Story()
    story.grant(GRANTED)
    story.withdraw(WITHDRAWN)
    granted, taken = story.ask(at="2026-01-10"), story.ask(at="2026-03-05")

    assert (granted.decision, flags(granted)) == ("DENY", ["INTRADAY_CHANGE"])
    assert granted.effective_at == instant("2026-01-10T00:00")
    assert (taken.decision, flags(taken)) == ("DENY", ["CONSENT_WITHDRAWN", "INTRADAY_CHANGE"])
    assert taken.effective_at == instant(WITHDRAWN)
    assert flags(story.ask(at="2026-03-06")) == ["CONSENT_WITHDRAWN"]


def test_a_day_ends_where_the_next_begins_in_london() -> None:
    story = Story()
    story.grant(GRANTED)
    story.withdraw("2026-07-01T23:00")

    assert flags(story.ask(at="2026-07-01")) == []
    assert flags(story.ask(at="2026-07-02")) == ["CONSENT_WITHDRAWN"]


def test_a_limited_answer_is_less_than_a_permission_and_more_than_a_denial() -> None:
    story = Story()
    story.record("RestrictionApplied", WITHDRAWN, purpose="SAFEGUARD", ground="a")
    assert story.ask("SAFEGUARD", "2026-03-05").decision == "PERMIT_LIMITED"
    story.record("ErasureExecuted", "2026-03-05T11:00", purpose="SAFEGUARD")
    assert story.ask("SAFEGUARD", "2026-03-05").decision == "DENY"


def test_a_day_of_death_is_out_of_scope_and_an_erasure_on_it_denies() -> None:
    story = Story()
    story.record("DeathRecorded", WITHDRAWN)
    assert story.ask("SAFEGUARD", "2026-03-05").decision == "OUT_OF_SCOPE"
    story.record("ErasureExecuted", "2026-03-05T09:00", purpose="SAFEGUARD")
    assert story.ask("SAFEGUARD", "2026-03-05").decision == "DENY"


def test_of_two_permissions_the_one_with_fewer_lines_answers_the_day() -> None:
    story = Story(document=catalogue_with([purpose("VISITS", "c")]))
    story.record("BasisDeclared", WITHDRAWN, purpose="VISITS", article6="e")
    story.record("BasisEnded", "2026-03-06T10:00", purpose="VISITS", article6="e")
    for day in ("2026-03-05", "2026-03-06"):
        found = story.ask("VISITS", day)
        assert (found.live, flags(found)) == (("c",), ["INTRADAY_CHANGE"])


def test_a_condition_that_comes_within_a_day_is_a_change() -> None:
    named = purpose("VISITS", "e", conditions=[BY_CARE, BY_18])
    story = Story(born=None, document=catalogue_with([named]))
    story.record("PolicyDocumentAdopted", WITHDRAWN, subject=None)
    found = story.ask("VISITS", "2026-03-05", data="special")

    assert (found.decision, "INTRADAY_CHANGE" in flags(found)) == ("PERMIT", True)
    assert found.conditions == ("9(2)(h)+Sch1(2)",)


def test_a_flag_that_comes_within_a_day_is_no_change_of_what_may_be_done() -> None:
    story = Story(policy={"vital_interest_max_hours": 1})
    story.record("BasisDeclared", "2026-03-05T00:00", purpose="NEWP", article6="d")

    assert flags(story.ask("NEWP", "2026-03-05")) == []


CATEGORIES = [
    {"id": name, "title": name, "classes": [one]}
    for name, one in (("names", "ordinary"), ("health", "special"), ("crimes", "offence"))
]


def about_categories() -> Story:
    """Special data have a key from a moment on, offence data until it."""
    route = {"schedule1": [10]}
    own = {"article9": "j", "schedule1": 10, "policy_document": True}
    named = purpose("VISITS", "e", conditions=[BY_18, own], offence_route=route)
    return Story(born=None, document=catalogue_with([named], categories=CATEGORIES))


def test_a_category_denied_at_any_moment_of_a_day_is_denied_for_the_day() -> None:
    story = about_categories()
    document = story.record("PolicyDocumentAdopted", "2026-01-05T10:00", subject=None)
    end = {"subject": None, "policy_document": document}
    story.record("PolicyDocumentEnded", WITHDRAWN, **end)
    asked: Any = {"data": ("names", "health", "crimes")}
    found = story.ask("VISITS", "2026-03-05", **asked)

    assert (found.decision, found.denied_categories) == ("PERMIT", ("crimes", "health"))
    assert "INTRADAY_CHANGE" in flags(found)
    assert story.ask("VISITS", "2026-03-04", **asked).denied_categories == ()


def test_a_day_on_which_every_category_is_denied_at_some_moment_denies() -> None:
    named = purpose("VISITS", "e", conditions=[BY_18], offence_route={"official_authority": True})
    story = Story(born=None, document=catalogue_with([named], categories=CATEGORIES))
    story.record("PolicyDocumentAdopted", WITHDRAWN, subject=None)
    without = {**named, "offence_route": None}
    document = {"controllers": CONTROLLERS, "purposes": [without], "categories": CATEGORIES}
    story.record("CatalogueAdopted", WITHDRAWN, subject=None, catalogue=document)
    found = story.ask("VISITS", "2026-03-05", data=("health", "crimes"))

    assert (found.decision, found.denied_categories) == ("DENY", ("crimes", "health"))
    assert (found.live, found.relied_on, found.conditions) == ((), (), ())


CONTROLLERS = [{"id": "BOLTON", "name": "Council", "public_authority": True}]
