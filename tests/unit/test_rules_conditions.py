"""The second key for special data, the third for offence data, and what the person was told."""

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.answer import Answer
from ledger.rules.rulebook import uk_gdpr
from tests.unit.stories import Story, catalogue_with, flags, just_before, purpose, steps

ADOPTED = "2026-03-02T10:00"
BY_18 = {"article9": "g", "schedule1": 18, "policy_document": True}
BY_8 = {"article9": "g", "schedule1": 8, "policy_document": False}
BY_CARE = {"article9": "h", "schedule1": 2, "policy_document": False}
BY_CONSENT = {"article9": "a"}
CATEGORIES = [
    {"id": "names", "title": "Names", "classes": ["ordinary"]},
    {"id": "health", "title": "Health", "classes": ["special"]},
    {"id": "crimes", "title": "Convictions", "classes": ["offence"]},
    {"id": "records", "title": "Case records", "classes": ["ordinary", "special", "offence"]},
]


def story_of(*articles: str, born: str | None = "2013-06-01", **more: Any) -> Story:
    named = purpose("VISITS", *(articles or ("e",)), **more)
    return Story(born=born, document=catalogue_with([named], categories=CATEGORIES))


def came_to(found: Answer) -> tuple[str, tuple[str, ...], list[str]]:
    return (str(found.decision), found.conditions, flags(found))


def adopt(story: Story, at: str = ADOPTED, **more: Any) -> str:
    return story.record("PolicyDocumentAdopted", at, subject=None, **more)


# Article 9.


def test_special_data_need_a_condition_and_ordinary_data_none() -> None:
    story = story_of()

    assert came_to(story.ask("VISITS")) == ("PERMIT", (), [])
    denied = story.ask("VISITS", data="special")
    assert came_to(denied) == ("DENY", (), ["NO_ART9_CONDITION"])
    assert (denied.live, denied.relied_on) == ((), ())
    assert denied.because[-1].rule == "condition.gate"


def test_every_condition_met_is_named_once_and_in_order() -> None:
    story = story_of(conditions=[BY_CARE, BY_18, BY_CARE])
    adopt(story)
    found = story.ask("VISITS", data="special")

    assert came_to(found) == ("PERMIT", ("9(2)(g)+Sch1(18)", "9(2)(h)+Sch1(2)"), [])
    assert steps(found, "condition.special") == [(True, None, ())]
    assert story.ask("VISITS").conditions == ()


def test_a_condition_that_fails_is_flagged_even_where_another_is_met() -> None:
    found = story_of(conditions=[BY_18, BY_CARE]).ask("VISITS", data="special")

    assert came_to(found) == ("PERMIT", ("9(2)(h)+Sch1(2)",), ["APD_MISSING"])


def test_a_condition_whose_law_is_not_in_force_is_not_met() -> None:
    provisions = {name: row for name, row in uk_gdpr().provisions.items() if name != "art9.2.h"}
    story = story_of(conditions=[BY_CARE])
    story.law = replace(uk_gdpr(), provisions=provisions)

    denied = story.ask("VISITS", data="special")
    assert came_to(denied) == ("DENY", (), ["LAW_NOT_IN_FORCE", "NO_ART9_CONDITION"])
    assert story.ask("VISITS").decision == "PERMIT"


# Explicit consent: article 9(2)(a).


@pytest.mark.parametrize(
    ("fields", "met"), [({"explicit": True}, True), ({"explicit": False}, False), ({}, False)]
)
def test_only_an_express_statement_opens_special_data_by_consent(
    fields: dict[str, Any], met: bool
) -> None:
    story = story_of("a", born="1980-05-05", conditions=[BY_CONSENT])
    grant = story.grant(purpose="VISITS", **fields)
    found = story.ask("VISITS", data="special")

    missing = ["NOT_EXPLICIT", "NO_ART9_CONDITION"]
    wanted = ("PERMIT", ("9(2)(a)",), []) if met else ("DENY", (), missing)
    assert came_to(found) == wanted
    assert ((True, "NOT_EXPLICIT", (grant,)) in steps(found, "condition.special")) is not met


def test_an_express_statement_counts_only_while_the_consent_is_relied_on() -> None:
    story = story_of("a", "c", born="1980-05-05", conditions=[BY_CONSENT])
    assert steps(story.ask("VISITS", data="special"), "condition.special")[0] == (
        True,
        "NOT_EXPLICIT",
        (),
    )
    story.grant(purpose="VISITS", explicit=True)
    assert story.ask("VISITS", data="special").decision == "PERMIT"
    story.withdraw("2026-03-01T10:00", purpose="VISITS")
    found = story.ask("VISITS", data="special")
    assert (found.decision, "NOT_EXPLICIT" in flags(found)) == ("DENY", True)


# An appropriate policy document.


def test_a_policy_document_must_be_in_place_when_the_processing_is_carried_out() -> None:
    story = story_of(conditions=[BY_18])
    document = adopt(story, "2026-02-02T10:00", recorded=ADOPTED)
    story.record("PolicyDocumentEnded", "2026-05-01T10:00", subject=None, policy_document=document)
    moments = [just_before(ADOPTED), ADOPTED, "2026-05-01T09:59", "2026-05-01T10:00"]

    decisions = [story.ask("VISITS", at, data="special").decision for at in moments]
    assert decisions == ["DENY", "PERMIT", "PERMIT", "DENY"]


def test_a_document_adopted_for_later_is_not_in_place_yet() -> None:
    story = story_of(conditions=[BY_18])
    adopt(story, ADOPTED, recorded="2026-01-02T10:00")

    assert flags(story.ask("VISITS", just_before(ADOPTED), data="special")) == [
        "APD_MISSING",
        "NO_ART9_CONDITION",
    ]


def test_an_end_is_of_the_document_that_it_names() -> None:
    story = story_of(conditions=[BY_18])
    first = adopt(story)
    adopt(story)
    story.record("PolicyDocumentEnded", "2026-05-01T10:00", subject=None, policy_document=first)

    assert story.ask("VISITS", data="special").decision == "PERMIT"


# Schedule 1 paragraph 18: safeguarding.


@pytest.mark.parametrize(
    ("at", "decision"), [("2026-05-31T22:59", "PERMIT"), ("2026-05-31T23:00", "DENY")]
)
def test_paragraph_18_protects_a_child_until_18(at: str, decision: str) -> None:
    story = story_of(born="2008-06-01", conditions=[BY_18])
    adopt(story)
    found = story.ask("VISITS", at, data="special")

    assert found.decision == decision
    assert ("PARA18_AGE" in flags(found)) is (decision == "DENY")


def test_paragraph_18_protects_an_adult_while_last_assessed_as_at_risk() -> None:
    story = story_of(born="1980-05-05", conditions=[BY_18])
    adopt(story)
    story.record("AtRiskAssessed", "2026-04-01T10:00", at_risk=True)
    safe = story.record("AtRiskAssessed", "2026-05-01T10:00", at_risk=False)
    moments = ["2026-04-01T09:59", "2026-04-01T10:00", "2026-05-01T09:59", "2026-05-01T10:00"]
    found = [story.ask("VISITS", at, data="special") for at in moments]

    assert [one.decision for one in found] == ["DENY", "PERMIT", "PERMIT", "DENY"]
    assert (True, "PARA18_AGE", ()) in steps(found[0], "condition.special")
    assert (True, "PARA18_AGE", (safe,)) in steps(found[3], "condition.special")


def test_the_one_assessment_that_an_adult_is_not_at_risk_stands_in_the_trace() -> None:
    story = story_of(born="1980-05-05", conditions=[BY_18])
    safe = story.record("AtRiskAssessed", ADOPTED, at_risk=False)

    found = steps(story.ask("VISITS", data="special"), "condition.special")
    assert (True, "PARA18_AGE", (safe,)) in found


def test_paragraph_18_takes_an_unknown_age_for_a_childs_and_other_paragraphs_ask_no_age() -> None:
    unknown = story_of(born=None, conditions=[BY_18])
    adopt(unknown)
    assert unknown.ask("VISITS", data="special").decision == "PERMIT"

    adult = story_of(born="1980-05-05", conditions=[BY_CARE])
    assert flags(adult.ask("VISITS", data="special")) == []


# Schedule 1 paragraph 8(5): equality monitoring.


def opted_out(written: bool = True, **more: Any) -> Story:
    story = story_of(conditions=[BY_8])
    notice = {"purpose": "VISITS", "period_ends_at": "2026-03-30T10:00", "written": written}
    story.record("EqualityOptOutReceived", ADOPTED, **{**notice, **more})
    return story


def test_a_written_notice_bites_when_its_period_ends() -> None:
    story = opted_out()
    found = story.ask("VISITS", "2026-03-30T10:00", data="special")

    assert story.ask("VISITS", "2026-03-30T09:59", data="special").decision == "PERMIT"
    assert came_to(found) == ("DENY", (), ["NO_ART9_CONDITION", "PARA8_5_NOTICE"])
    assert (True, "PARA8_5_NOTICE", ("e2",)) in steps(found, "condition.special")
    assert opted_out(purpose="*").ask("VISITS", data="special").decision == "DENY"


@pytest.mark.parametrize("fields", [{"written": False}, {"purpose": "EQUALITY"}])
def test_a_notice_not_in_writing_or_for_another_purpose_stops_nothing(
    fields: dict[str, Any],
) -> None:
    assert opted_out(**fields).ask("VISITS", data="special").decision == "PERMIT"


@pytest.mark.parametrize(
    ("back", "written", "decision"),
    [
        ("2026-03-10T10:00", True, "PERMIT"),
        ("2026-04-10T10:00", True, "PERMIT"),
        ("2026-04-10T10:00", False, "DENY"),
        (ADOPTED, True, "DENY"),
        (just_before(ADOPTED), True, "DENY"),
    ],
)
def test_a_notice_is_taken_back_in_writing_after_it_was_given(
    back: str, written: bool, decision: str
) -> None:
    story = opted_out()
    story.record("EqualityOptOutWithdrawn", back, purpose="VISITS", written=written)

    assert story.ask("VISITS", data="special").decision == decision
    if back.startswith("2026-04-10"):
        assert story.ask("VISITS", "2026-04-10T09:59", data="special").decision == "DENY"


def test_a_notice_stops_no_condition_but_that_of_equality_monitoring() -> None:
    story = opted_out()
    story.document = catalogue_with([purpose("VISITS", "e", conditions=[BY_CARE])])

    assert story.ask("VISITS", data="special").decision == "PERMIT"


# Article 10.


def by_route(*conditions: dict[str, Any], **route: Any) -> Answer:
    story = story_of(born="1980-05-05", offence_route=route or None, conditions=list(conditions))
    adopt(story)
    return story.ask("VISITS", data="offence")


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        ({}, ("DENY", (), ["NO_ART10_ROUTE"])),
        ({"official_authority": True}, ("PERMIT", ("10+official-authority",), [])),
        ({"schedule1": [10]}, ("PERMIT", ("10+Sch1(10)",), [])),
        ({"schedule1": [29, 10]}, ("PERMIT", ("10+Sch1(10)", "10+Sch1(29)"), [])),
        ({"schedule1": [8]}, ("DENY", (), ["NO_ART10_ROUTE"])),
        ({"schedule1": [99]}, ("DENY", (), ["NO_ART10_ROUTE"])),
        ({"schedule1": [18]}, ("DENY", (), ["NO_ART10_ROUTE", "PARA18_AGE"])),
        (
            {"official_authority": True, "schedule1": [18]},
            ("PERMIT", ("10+official-authority",), ["PARA18_AGE"]),
        ),
    ],
)
def test_offence_data_need_official_authority_or_a_paragraph_that_serves(
    route: dict[str, Any], wanted: tuple[str, tuple[str, ...], list[str]]
) -> None:
    assert came_to(by_route(**route)) == wanted


def test_a_paragraph_needs_its_policy_document_as_the_law_or_the_purpose_has_it() -> None:
    for route, conditions, flagged in (
        ([10], [], ["APD_MISSING"]),
        ([29], [], []),
        ([99], [], ["APD_MISSING", "NO_ART10_ROUTE"]),
        ([10], [{"article9": "g", "schedule1": 10, "policy_document": False}], []),
        ([29], [{"article9": "g", "schedule1": 29, "policy_document": True}], ["APD_MISSING"]),
        ([29], [{"article9": "g", "schedule1": 10, "policy_document": True}], []),
    ):
        story = story_of(offence_route={"schedule1": route}, conditions=conditions)
        found = story.ask("VISITS", data="offence")
        closed = ["NO_ART10_ROUTE"] if "APD_MISSING" in flagged else []
        assert flags(found) == sorted({*flagged, *closed}), (route, conditions)


# Categories of the catalogue.


def asked(*categories: str, **more: Any) -> Answer:
    return story_of(**more).ask("VISITS", data=categories)


def test_a_category_that_lacks_its_key_is_denied_and_the_others_are_not() -> None:
    found = asked("names", "health", "records")

    assert (found.decision, found.live) == ("PERMIT", ("e",))
    assert found.denied_categories == ("health", "records")
    assert flags(found) == ["NO_ART10_ROUTE", "NO_ART9_CONDITION"]
    keyed = asked("names", "health", "records", conditions=[BY_CARE])
    assert (keyed.denied_categories, keyed.conditions) == (("records",), ("9(2)(h)+Sch1(2)",))


def test_where_every_category_is_denied_so_is_the_question() -> None:
    found = asked("records", "health")

    assert (found.decision, found.denied_categories) == ("DENY", ("health", "records"))
    assert (found.live, found.conditions) == ((), ())
    keyed = asked("records", conditions=[BY_CARE])
    assert (keyed.decision, keyed.conditions) == ("DENY", ())


def test_an_unknown_category_is_denied_and_flagged() -> None:
    found = asked("names", "unheard", "heard")

    assert (found.decision, found.denied_categories) == ("PERMIT", ("heard", "unheard"))
    assert flags(found) == ["UNKNOWN_CATEGORY"]
    assert asked("unheard").decision == "DENY"


def test_a_class_is_no_category_and_an_answer_about_one_denies_none() -> None:
    assert asked("ordinary").decision == "DENY"
    assert story_of().ask("VISITS", data="special").denied_categories == ()
    assert flags(asked("names")) == []


def test_a_denied_question_denies_every_category_asked_about() -> None:
    found = Story().ask("NOSUCH", data=("names", "health"))

    assert (found.decision, found.denied_categories) == ("DENY", ("health", "names"))


def test_categories_of_no_catalogue_are_all_unknown() -> None:
    found = Story().ask("SAFEGUARD", data=("names",))

    assert (found.decision, flags(found)) == ("DENY", ["UNKNOWN_CATEGORY"])


# What the person was told.


def test_a_purpose_goes_on_for_a_person_not_given_the_current_notice_and_says_so() -> None:
    story = Story()
    story.record("NoticeProvided", "2026-03-01T10:00", notice="V3.0")
    story.record("NoticeProvided", "2026-04-01T10:00", notice="V4.0")
    before, after = story.ask("ASSESS", "2026-04-01T09:59"), story.ask("ASSESS", "2026-04-01T10:00")

    assert (before.decision, flags(before)) == ("PERMIT", ["TRANSPARENCY_GAP"])
    assert (after.decision, flags(after)) == ("PERMIT", [])
    assert flags(story.ask("SAFEGUARD", subject="A2")) == []


def test_a_gap_in_what_the_person_was_told_is_flagged_on_any_permission_and_no_denial() -> None:
    story = Story()
    story.record("RestrictionApplied", "2026-03-01T10:00", purpose="ASSESS", ground="a")
    assert flags(story.ask("ASSESS")) == ["RESTRICTED_18_1_a", "TRANSPARENCY_GAP"]
    assert flags(story.ask("ASSESS", data="offence")) == ["NO_ART10_ROUTE"]
