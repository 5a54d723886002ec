"""What the person's rights do to the lines: objections, restrictions and their exceptions."""

from typing import Any

import pytest

from ledger.answer import Answer
from tests.unit.stories import Story, catalogue_with, flags, just_before, purpose, steps

OBJECTED, TOLD = "2026-03-02T10:00", "2026-04-01T10:00"
STUDIES = [
    purpose("SURVEY", "e", "c", research=True, task=False),
    purpose("WORK", "e", "c", task=False),
    purpose("BOTH", "e", "c"),
    purpose("HELP", "ea", "f", "a", controller="HARBOUR_CHARITY", task=False),
    purpose("NEWS", "e", direct_marketing=True),
    purpose("MATCH", "e", nhs_number_matching=True),
]
DOCUMENT = catalogue_with(STUDIES)


def objected(name: str = "SAFEGUARD", kind: str = "ART21_1", **more: Any) -> Story:
    story = Story(document=DOCUMENT)
    story.record("ObjectionReceived", OBJECTED, purpose=name, kind=kind, **more)
    return story


def decide(story: Story, outcome: str, told: str = TOLD, objection: str = "e2", **more: str) -> str:
    decided = {"objection": objection, "outcome": outcome, "informed_at": told}
    return story.record("ObjectionDecided", more.get("at", "2026-03-20T10:00"), **decided)


def came_to(found: Answer) -> tuple[str, tuple[str, ...], list[str]]:
    return (str(found.decision), found.live, flags(found))


# Article 21(1).


def test_an_undecided_objection_limits_the_lines_it_reaches() -> None:
    story = objected()
    found, stored = story.ask("SAFEGUARD", OBJECTED), story.ask("SAFEGUARD", operation="STORE")

    assert came_to(found) == ("PERMIT_LIMITED", ("e",), ["OBJECTION_PENDING"])
    assert [line.suspended for line in found.relied_on] == [True]
    assert steps(found, "rights.objection") == [(True, "OBJECTION_PENDING", ("e2",))]
    assert came_to(stored) == ("PERMIT", ("e",), ["OBJECTION_PENDING", "STORE_ONLY"])
    assert came_to(story.ask("SAFEGUARD", just_before(OBJECTED))) == ("PERMIT", ("e",), [])


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        ("REJECTED", ("PERMIT", ("e",), ["OBJECTION_REJECTED"])),
        ("UPHELD", ("DENY", (), ["OBJECTION_UPHELD"])),
    ],
)
def test_a_decision_counts_from_the_moment_the_person_is_told(
    outcome: str, after: tuple[str, tuple[str, ...], list[str]]
) -> None:
    story = objected()
    decision = decide(story, outcome)

    assert flags(story.ask("SAFEGUARD", just_before(TOLD))) == ["OBJECTION_PENDING"]
    assert came_to(story.ask("SAFEGUARD", TOLD)) == after
    assert steps(story.ask("SAFEGUARD", TOLD), "rights.objection") == [
        (True, after[2][0], ("e2", decision))
    ]


def test_the_latest_decision_told_counts_and_of_two_at_once_the_one_upholding() -> None:
    for tellings, flag in (
        ([("UPHELD", TOLD), ("REJECTED", "2026-04-02T10:00")], "OBJECTION_REJECTED"),
        ([("REJECTED", "2026-04-02T10:00"), ("UPHELD", TOLD)], "OBJECTION_REJECTED"),
        ([("REJECTED", TOLD), ("UPHELD", "2026-04-02T10:00")], "OBJECTION_UPHELD"),
        ([("REJECTED", TOLD), ("UPHELD", TOLD)], "OBJECTION_UPHELD"),
        ([("UPHELD", TOLD), ("REJECTED", TOLD)], "OBJECTION_UPHELD"),
    ):
        story = objected()
        for outcome, told in tellings:
            decide(story, outcome, told)
        assert flags(story.ask("SAFEGUARD")) == [flag]


def test_of_two_like_decisions_told_at_once_the_trace_names_the_last_recorded() -> None:
    story = objected()
    decide(story, "UPHELD", at="2026-03-21T10:00")
    second = decide(story, "UPHELD", at="2026-03-22T10:00")

    assert steps(story.ask("SAFEGUARD"), "rights.objection")[0][2] == ("e2", second)


def test_a_decision_is_about_the_objection_that_it_names() -> None:
    story = objected()
    story.record("ObjectionReceived", "2026-03-05T10:00", purpose="*", kind="ART21_1")
    decide(story, "REJECTED", objection="e3")

    assert came_to(story.ask("SAFEGUARD")) == (
        "PERMIT_LIMITED",
        ("e",),
        ["OBJECTION_PENDING", "OBJECTION_REJECTED"],
    )


def test_an_objection_reaches_its_purpose_or_every_one_and_no_other() -> None:
    assert flags(objected("CARE_RECORD").ask("SAFEGUARD")) == []
    assert flags(objected("*").ask("SAFEGUARD")) == ["OBJECTION_PENDING"]


@pytest.mark.parametrize("kind", ["ART21_1", "NHS_NUMBER"])
def test_an_objection_cannot_reach_a_duty_which_goes_on(kind: str) -> None:
    found = objected("BOTH", kind).ask("BOTH")

    assert came_to(found) == ("PERMIT", ("c",), ["OBJECTION_NOT_AVAILABLE", "OBJECTION_PENDING"])
    assert steps(found, "rights.objection") == [
        (True, "OBJECTION_NOT_AVAILABLE", ("e2",)),
        (True, "OBJECTION_PENDING", ("e2",)),
    ]


@pytest.mark.parametrize("article6", ["b", "c", "d"])
def test_against_a_contract_a_duty_or_a_life_alone_there_is_no_objection(article6: str) -> None:
    document = catalogue_with([purpose("ONLY", article6)])
    story = Story(document=document)
    story.record("ObjectionReceived", "2026-11-20T10:00", purpose="ONLY", kind="ART21_1")

    found = set(flags(story.ask("ONLY"))) - {"REVIEW_VITAL_INTERESTS"}
    assert found == {"OBJECTION_NOT_AVAILABLE"}


def test_an_objection_reaches_recognised_and_legitimate_interests() -> None:
    story = objected("HELP")
    pending = story.ask("HELP")
    assert came_to(pending) == ("PERMIT_LIMITED", ("ea", "f"), ["OBJECTION_PENDING"])
    decide(story, "UPHELD")
    assert came_to(story.ask("HELP")) == ("DENY", (), ["OBJECTION_UPHELD"])


@pytest.mark.parametrize(
    ("limits", "asked", "reached"),
    [
        ({"operations": ["SHARE"]}, {"operation": "USE"}, False),
        ({"operations": ["SHARE", "USE"]}, {"operation": "USE"}, True),
        ({"recipients": ["NHS"]}, {"operation": "USE", "recipient": "POLICE"}, False),
        ({"recipients": ["NHS"]}, {"operation": "USE", "recipient": "NHS"}, True),
        ({"recipients": ["NHS"]}, {"operation": "USE"}, True),
    ],
)
def test_an_objection_to_some_uses_or_recipients_reaches_only_those(
    limits: dict[str, Any], asked: dict[str, Any], reached: bool
) -> None:
    found = objected(**limits).ask("SAFEGUARD", **asked)

    assert flags(found) == (["OBJECTION_PENDING"] if reached else [])


def test_an_upheld_objection_outweighs_one_that_is_pending() -> None:
    story = objected()
    story.record("ObjectionReceived", "2026-03-05T10:00", purpose="SAFEGUARD", kind="ART21_1")
    decide(story, "UPHELD")

    outcome = ["OBJECTION_PENDING", "OBJECTION_UPHELD"]
    assert came_to(story.ask("SAFEGUARD")) == ("DENY", (), outcome)


# Article 21(2): direct marketing.


@pytest.mark.parametrize("kind", ["ART21_1", "ART21_2"])
def test_an_objection_to_direct_marketing_is_absolute_and_a_rejection_void(kind: str) -> None:
    story = objected("NEWS", kind)
    decide(story, "REJECTED")
    found = story.ask("NEWS", operation="STORE")

    assert came_to(found) == ("DENY", (), ["DM_OBJECTION_ABSOLUTE"])
    assert found.because[-1].rule == "rights.direct_marketing"
    assert found.because[-1].entries == ("e2",)


@pytest.mark.parametrize(
    ("kind", "flag"),
    [("ART21_6", "ART21_6_NOT_AVAILABLE"), ("NHS_NUMBER", "OBJECTION_PENDING")],
)
def test_other_objections_to_direct_marketing_are_weighed_as_ever(kind: str, flag: str) -> None:
    assert flags(objected("NEWS", kind).ask("NEWS")) == [flag]


def test_what_is_no_direct_marketing_cannot_be_objected_to_as_such() -> None:
    found = objected("SAFEGUARD", "ART21_2").ask("SAFEGUARD")

    assert came_to(found) == ("PERMIT", ("e",), ["OBJECTION_NOT_AVAILABLE"])
    matched = (True, "OBJECTION_NOT_AVAILABLE", ("e2",))
    assert steps(found, "rights.direct_marketing") == [matched]


# Article 21(6): research.


def test_a_research_objection_limits_every_line_until_it_is_decided() -> None:
    story = objected("SURVEY", "ART21_6")
    assert came_to(story.ask("SURVEY")) == ("PERMIT_LIMITED", ("c", "e"), ["OBJECTION_PENDING"])

    decide(story, "UPHELD")
    found = story.ask("SURVEY")
    assert came_to(found) == ("DENY", (), ["OBJECTION_UPHELD"])
    assert steps(found, "rights.research") == [(True, "OBJECTION_UPHELD", ("e2", "e3"))]


@pytest.mark.parametrize("name", ["RESEARCH", "WORK"])
def test_research_in_the_public_interest_and_what_is_no_research_yield_to_none(name: str) -> None:
    found = objected(name, "ART21_6").ask(name)

    assert found.decision == "PERMIT"
    assert flags(found) == ["ART21_6_NOT_AVAILABLE"]
    assert steps(found, "rights.research") == [(True, "ART21_6_NOT_AVAILABLE", ("e2",))]


def test_a_research_objection_is_weighed_beside_an_earlier_one_of_another_kind() -> None:
    story = objected("SURVEY")
    story.record("ObjectionReceived", "2026-03-05T10:00", purpose="SURVEY", kind="ART21_6")
    found = story.ask("SURVEY")

    assert found.decision == "PERMIT_LIMITED"
    assert steps(found, "rights.research") == [(True, "OBJECTION_PENDING", ("e3",))]
    assert [entries for _, _, entries in steps(found, "rights.objection")] == [("e2",)] * 2


def test_where_no_line_stands_there_is_nothing_to_weigh() -> None:
    story = objected("SURVEY", "ART21_6")
    for article6 in "ce":
        story.record("BasisEnded", "2026-03-01T10:00", purpose="SURVEY", article6=article6)

    assert came_to(story.ask("SURVEY")) == ("DENY", (), [])


# Article 18: restriction.


def restricted(ground: str = "c", name: str = "SAFEGUARD", **more: Any) -> Story:
    story = Story(document=DOCUMENT)
    story.record("RestrictionApplied", OBJECTED, purpose=name, ground=ground, **more)
    return story


@pytest.mark.parametrize("ground", ["a", "b", "c"])
def test_a_restriction_limits_use_whatever_the_basis(ground: str) -> None:
    found = restricted(ground, "BOTH").ask("BOTH", OBJECTED)

    assert came_to(found) == ("PERMIT_LIMITED", ("c", "e"), [f"RESTRICTED_18_1_{ground}"])
    assert [line.suspended for line in found.relied_on] == [False, False]
    assert steps(found, "rights.restriction") == [(True, f"RESTRICTED_18_1_{ground}", ("e2",))]
    assert flags(restricted(ground, "CARE_RECORD").ask("BOTH")) == []


def test_what_is_restricted_may_still_be_stored() -> None:
    story = restricted()

    assert came_to(story.ask("SAFEGUARD", operation="STORE")) == (
        "PERMIT",
        ("e",),
        ["RESTRICTED_18_1_c", "STORE_ONLY"],
    )
    assert flags(story.ask("SAFEGUARD", just_before(OBJECTED), operation="STORE")) == []


def test_pending_an_objection_the_restriction_reaches_only_what_can_be_objected_to() -> None:
    both, marketing = restricted("d", "BOTH").ask("BOTH"), restricted("d", "S47").ask("S47")

    assert came_to(both) == ("PERMIT", ("c",), ["RESTRICTED_18_1_d"])
    matched = (True, "RESTRICTED_18_1_d", ("e2",))
    assert steps(both, "rights.restriction_pending_objection") == [matched]
    assert flags(marketing) == ["DUTY_NOT_ENGAGED"]
    alone = restricted("d").ask("SAFEGUARD", operation="STORE")
    assert came_to(alone) == ("PERMIT", ("e",), ["RESTRICTED_18_1_d", "STORE_ONLY"])


@pytest.mark.parametrize("ground", ["a", "d"])
def test_a_restriction_is_lifted_once_the_person_has_been_informed(ground: str) -> None:
    story = restricted(ground)
    lifted = {"restriction": "e2", "informed_at": TOLD}
    story.record("RestrictionLifted", "2026-03-20T10:00", **lifted)

    assert story.ask("SAFEGUARD", just_before(TOLD)).decision == "PERMIT_LIMITED"
    assert came_to(story.ask("SAFEGUARD", TOLD)) == ("PERMIT", ("e",), [])


def test_a_lifting_is_of_the_restriction_that_it_names() -> None:
    story = restricted("a")
    story.record("RestrictionApplied", OBJECTED, purpose="*", ground="a")
    story.record("RestrictionLifted", TOLD, restriction="e3", informed_at=TOLD)

    assert flags(story.ask("SAFEGUARD")) == ["RESTRICTED_18_1_a"]


# Article 18(2): exceptions.


def excepted(**more: Any) -> Story:
    story = restricted()
    recorded = {"kind": "LEGAL_CLAIMS", "decided_by": "SW7", **more}
    story.record("RestrictionExceptionRecorded", OBJECTED, **recorded)
    return story


def test_an_exception_that_the_caller_names_opens_use_and_sharing_alone() -> None:
    story = excepted()
    named = {
        operation: story.ask("SAFEGUARD", operation=operation, exception="LEGAL_CLAIMS")
        for operation in ("USE", "SHARE", "COLLECT", "STORE")
    }

    assert [one.decision for one in named.values()] == [
        "PERMIT",
        "PERMIT",
        "PERMIT_LIMITED",
        "PERMIT",
    ]
    assert flags(named["USE"]) == ["EXCEPTION_18_2", "RESTRICTED_18_1_c"]
    assert flags(named["STORE"]) == ["RESTRICTED_18_1_c", "STORE_ONLY"]
    assert steps(named["USE"], "rights.exception") == [(True, "EXCEPTION_18_2", ("e3",))]
    assert story.ask("SAFEGUARD").decision == "PERMIT_LIMITED"


@pytest.mark.parametrize(
    ("recorded", "asked", "opens"),
    [
        ({}, {"exception": "RIGHTS_OF_OTHERS"}, False),
        ({"purpose": "SAFEGUARD"}, {}, True),
        ({"purpose": "*"}, {}, True),
        ({"purpose": "CARE_RECORD"}, {}, False),
        ({"ends_at": "2026-05-01T10:00"}, {"at": "2026-05-01T09:59"}, True),
        ({"ends_at": "2026-05-01T10:00"}, {"at": "2026-05-01T10:00"}, False),
        ({}, {"at": just_before(OBJECTED)}, False),
    ],
)
def test_an_exception_is_of_its_kind_and_purpose_and_time(
    recorded: dict[str, Any], asked: dict[str, Any], opens: bool
) -> None:
    found = excepted(**recorded).ask("SAFEGUARD", **{"exception": "LEGAL_CLAIMS", **asked})

    assert ("EXCEPTION_18_2" in flags(found)) is opens


def test_an_exception_opens_what_an_objection_limits_and_flags_nothing_that_is_open() -> None:
    recorded = {"kind": "LEGAL_CLAIMS", "decided_by": "SW7"}
    pending = objected()
    pending.record("RestrictionExceptionRecorded", OBJECTED, **recorded)
    found = pending.ask("SAFEGUARD", exception="LEGAL_CLAIMS")
    assert came_to(found) == ("PERMIT", ("e",), ["EXCEPTION_18_2", "OBJECTION_PENDING"])

    nothing_limited = Story()
    nothing_limited.record("RestrictionExceptionRecorded", OBJECTED, **recorded)
    assert flags(nothing_limited.ask("SAFEGUARD", exception="LEGAL_CLAIMS")) == []
