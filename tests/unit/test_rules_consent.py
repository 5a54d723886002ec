"""Whether consent was given, can be proved, and still stands; withdrawals, refusals, objections."""

from typing import Any

import pytest

from tests.unit.stories import Story, catalogue_with, flags, just_before, purpose, steps

WITHDRAWN = "2026-03-05T10:00"
ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("ConsentWithdrawn", {"given_by": "A1", "capacity": "SELF"}, "CONSENT_WITHDRAWN"),
    ("ConsentRefused", {"given_by": "A1"}, "CONSENT_WITHDRAWN"),
    ("ObjectionReceived", {"kind": "ART21_1"}, "OBJECTION_TREATED_AS_WITHDRAWAL"),
    ("ObjectionReceived", {"kind": "NHS_NUMBER"}, "OBJECTION_TREATED_AS_WITHDRAWAL"),
]


def consented(**more: Any) -> Story:
    story = Story()
    story.grant(**more)
    return story


# Given and proved.


def test_a_line_of_consent_without_a_consent_is_dead_and_says_nothing() -> None:
    found = Story().ask()

    assert (found.decision, flags(found)) == ("DENY", [])
    assert steps(found, "consent.given") == [(True, None, ())]
    assert steps(Story().ask("SAFEGUARD"), "consent.given") == [(False, None, ())]


def test_a_consent_is_for_its_own_purpose_alone() -> None:
    story = consented()

    assert story.ask("GROUP").decision == "DENY"
    assert story.ask("PHOTO").decision == "PERMIT"


def test_a_consent_that_cannot_be_proved_is_none() -> None:
    found = consented(evidence=None).ask()

    assert (found.decision, flags(found)) == ("DENY", ["CONSENT_UNPROVEN"])
    assert steps(found, "consent.proven") == [(True, "CONSENT_UNPROVEN", ("e2",))]


def test_every_failing_check_of_the_newest_consent_is_found_not_only_the_first() -> None:
    story = consented(evidence=None, expires_at="2026-02-10T10:00")
    story.withdraw("2026-02-01T10:00")

    assert flags(story.ask()) == ["CONSENT_EXPIRED", "CONSENT_UNPROVEN", "CONSENT_WITHDRAWN"]


def test_a_newer_consent_that_fails_does_not_revive_an_older_one() -> None:
    story = consented()
    story.grant("2026-02-10T10:00", expires_at="2026-03-10T10:00")

    found = story.ask(at="2026-03-10T10:00")
    assert flags(found) == ["CONSENT_EXPIRED"]
    assert steps(found, "consent.unexpired") == [(True, "CONSENT_EXPIRED", ("e3",))]
    assert story.ask(at=just_before("2026-03-10T10:00")).decision == "PERMIT"


def test_a_new_consent_starts_anew_after_a_withdrawal() -> None:
    story = consented()
    story.withdraw(WITHDRAWN)
    story.grant("2026-04-05T10:00")

    assert [story.ask(at=at).decision for at in ("2026-04-05T09:59", "2026-04-05T10:00")] == [
        "DENY",
        "PERMIT",
    ]


def test_a_consent_found_invalid_never_was_one_not_even_before_the_finding() -> None:
    story = consented()
    found = story.record("ConsentInvalidated", "2026-05-01T10:00", consent="e2", reason="forged")
    early, late = story.ask(at="2026-02-01T10:00"), story.ask()

    assert (early.decision, flags(early)) == ("DENY", ["CONSENT_INVALIDATED", "LATE_GAP"])
    assert (late.decision, flags(late)) == ("DENY", ["CONSENT_INVALIDATED"])
    assert steps(late, "consent.valid") == [(True, "CONSENT_INVALIDATED", ("e2", found))]
    assert story.ask(at="2026-02-01T10:00", known="2026-04-01T10:00").decision == "PERMIT"
    assert [(gap.start.isoformat(), gap.entry) for gap in early.late_gaps] == [
        ("2026-01-10T10:00:00+00:00", found)
    ]


def test_a_finding_about_another_consent_leaves_this_one() -> None:
    story = consented(at="2026-01-05T10:00")
    story.grant("2026-02-05T10:00")
    story.record("ConsentInvalidated", "2026-05-01T10:00", consent="e2")

    assert story.ask().decision == "PERMIT"


def test_a_material_change_ends_the_consents_given_before_or_with_it() -> None:
    story = consented()
    change = {"purpose": "PHOTO", "notice": "V4.0", "subject": None}
    changed = story.record("PurposeMateriallyChanged", "2026-03-01T10:00", **change)
    story.record("PurposeMateriallyChanged", "2026-02-01T10:00", **{**change, "purpose": "GROUP"})
    found = story.ask(at="2026-03-01T10:00")

    assert (found.decision, flags(found)) == ("DENY", ["PURPOSE_CHANGED"])
    assert steps(found, "consent.same_purpose") == [(True, "PURPOSE_CHANGED", ("e2", changed))]
    assert story.ask(at=just_before("2026-03-01T10:00")).decision == "PERMIT"
    with_it = "2026-03-01T10:00"
    assert flags(consented_with_change(with_it, with_it).ask()) == ["PURPOSE_CHANGED"]
    assert flags(consented_with_change("2026-03-01T10:01", with_it).ask()) == []


def consented_with_change(granted: str, changed: str) -> Story:
    story = consented(at=granted)
    change = {"purpose": "PHOTO", "notice": "V4.0", "subject": None}
    story.record("PurposeMateriallyChanged", changed, **change)
    return story


# Taken back.


@pytest.mark.parametrize(("name", "fields", "flag"), ACTS)
def test_what_the_person_says_against_it_ends_a_consent_from_that_instant(
    name: str, fields: dict[str, Any], flag: str
) -> None:
    for named in ("PHOTO", "*"):
        story = consented()
        act = story.record(name, WITHDRAWN, purpose=named, **fields)
        found = story.ask(at=WITHDRAWN)
        assert (found.decision, flags(found)) == ("DENY", [flag])
        rule = "consent.objected" if name == "ObjectionReceived" else "consent.withdrawn"
        assert steps(found, rule) == [(True, flag, ("e2", act))]
        assert flags(story.ask(at=just_before(WITHDRAWN))) == []


@pytest.mark.parametrize(("name", "fields", "flag"), ACTS)
def test_at_the_same_instant_the_word_against_wins_and_an_earlier_one_counts_for_nothing(
    name: str, fields: dict[str, Any], flag: str
) -> None:
    at, before = "2026-01-10T10:00", "2026-01-10T09:59"
    same, earlier, elsewhere = consented(), consented(), consented()
    same.record(name, at, purpose="PHOTO", **fields)
    earlier.record(name, before, purpose="PHOTO", **fields)
    elsewhere.record(name, at, purpose="GROUP", **fields)

    assert flags(same.ask()) == [flag]
    assert flags(earlier.ask()) == flags(elsewhere.ask()) == []


def test_a_research_objection_is_no_withdrawal() -> None:
    story = consented()
    story.record("ObjectionReceived", WITHDRAWN, purpose="PHOTO", kind="ART21_6")

    assert story.ask().decision == "PERMIT"


def test_somebody_elses_refusal_takes_no_consent_back() -> None:
    story = consented()
    story.record("ConsentRefused", WITHDRAWN, purpose="PHOTO", given_by="MUM")

    assert (story.ask().decision, flags(story.ask())) == ("PERMIT", [])


def test_a_withdrawal_for_which_later_was_asked_waits_until_then() -> None:
    story = consented()
    story.withdraw("2026-04-01T00:00", recorded=WITHDRAWN, requested_effective_at="2026-04-01")

    moments = ("2026-03-31T22:59", "2026-03-31T23:00")
    assert [story.ask(at=at).decision for at in moments] == ["PERMIT", "DENY"]


# Withdrawn by others.


@pytest.mark.parametrize(
    ("capacity", "given_by", "effect"),
    [
        ("PR", "MUM", False),
        ("DEPUTY", "MUM", False),
        ("ATTORNEY_HW", "MUM", False),
        ("PR", "A1", True),
        ("SELF", "MUM", True),
        ("ADVOCATE_AUTHORISED", "MUM", True),
    ],
)
def test_nobody_takes_back_what_a_competent_person_gave_but_who_speaks_for_them(
    capacity: str, given_by: str, effect: bool
) -> None:
    story = consented()
    act = story.withdraw(WITHDRAWN, capacity=capacity, given_by=given_by)
    found = story.ask()

    flag = "CONSENT_WITHDRAWN" if effect else "PARENT_WITHDRAWAL_NO_EFFECT"
    assert (found.decision, flags(found)) == ("DENY" if effect else "PERMIT", [flag])
    assert steps(found, "consent.withdrawn") == [(True, flag, ("e2", act) if effect else (act,))]


@pytest.mark.parametrize("fields", [{"given_by": "MUM"}, {"capacity": "PR"}])
def test_what_the_person_did_not_give_themself_a_representative_takes_back(
    fields: dict[str, Any],
) -> None:
    story = consented(**fields)
    story.withdraw(WITHDRAWN, capacity="PR", given_by="MUM")

    assert "CONSENT_WITHDRAWN" in flags(story.ask())


def test_a_representative_takes_back_their_own_consent_and_any_while_the_child_cannot() -> None:
    young = Story(born="2013-03-03")
    young.parent()
    young.grant(given_by="MUM", capacity="PR")
    young.withdraw(WITHDRAWN, capacity="PR", given_by="MUM")
    assert "CONSENT_WITHDRAWN" in flags(young.ask())

    able = Story(born="2013-03-03")
    able.record("CompetenceAssessed", "2026-01-01T10:00", purpose="*", competent=True)
    able.record("CompetenceAssessed", "2026-02-01T10:00", purpose="PHOTO", competent=False)
    able.grant()
    able.withdraw(WITHDRAWN, capacity="PR", given_by="MUM")
    assert flags(able.ask()) == ["CONSENT_WITHDRAWN"]


def test_the_moment_of_the_withdrawal_decides_whether_the_person_was_competent() -> None:
    for at, flag in (
        ("2026-03-05T23:59", "CONSENT_WITHDRAWN"),
        ("2026-03-06T00:00", "PARENT_WITHDRAWAL_NO_EFFECT"),
    ):
        story = Story(born="2010-03-06")
        story.grant(purpose="PORTAL")
        story.withdraw(at, purpose="PORTAL", capacity="PR", given_by="MUM")
        assert flags(story.ask("PORTAL")) == [flag]


# Another line goes on.


def two_lines(**notice: str) -> Story:
    story = Story(document=catalogue_with([purpose("HELP", "a", "c")]))
    story.grant(purpose="HELP")
    story.withdraw(WITHDRAWN, purpose="HELP")
    if notice:
        story.record("NoticeProvided", notice["at"], notice="V4.0")
    return story


@pytest.mark.parametrize(
    ("at", "told"), [(None, False), ("2026-03-05T09:59", False), (WITHDRAWN, True)]
)
def test_where_another_line_goes_on_the_answer_says_so_and_asks_whether_the_person_was_told(
    at: str | None, told: bool
) -> None:
    found = (two_lines(at=at) if at else two_lines()).ask("HELP")

    withdrawn = ["CONSENT_WITHDRAWN", "CONSENT_WITHDRAWN_OTHER_BASIS"]
    assert (found.decision, found.live) == ("PERMIT", ("c",))
    assert flags(found) == withdrawn + ([] if told else ["FAIRNESS_REVIEW"])
    asked = [] if told else [(True, "FAIRNESS_REVIEW", ("e3",))]
    named = (True, "CONSENT_WITHDRAWN_OTHER_BASIS", ("e3", "catalogue"))
    assert steps(found, "consent.other_basis") == [named, *asked]


def test_a_line_that_is_only_suspended_does_not_go_on() -> None:
    story = Story(document=catalogue_with([purpose("HELP", "a", "e")]))
    story.grant(purpose="HELP")
    story.record("ObjectionReceived", WITHDRAWN, purpose="HELP", kind="ART21_1")

    assert flags(story.ask("HELP")) == ["OBJECTION_PENDING", "OBJECTION_TREATED_AS_WITHDRAWAL"]


def test_a_purpose_that_asserts_no_consent_says_nothing_of_one_taken_back() -> None:
    story = Story()
    story.grant(purpose="SAFEGUARD")
    story.withdraw(WITHDRAWN, purpose="SAFEGUARD")

    assert (story.ask("SAFEGUARD").decision, flags(story.ask("SAFEGUARD"))) == ("PERMIT", [])


# What is due for a look.


def test_a_consent_wants_a_review_after_two_years_and_goes_on() -> None:
    story = consented(at="2024-03-01T10:00")
    early, late = story.ask(at="2026-03-01T09:59"), story.ask(at="2026-03-01T10:00")

    assert (early.decision, flags(early)) == ("PERMIT", [])
    assert (late.decision, flags(late)) == ("PERMIT", ["CONSENT_REVIEW_DUE"])
    assert steps(late, "consent.review") == [(True, "CONSENT_REVIEW_DUE", ("e2",))]


def test_the_proof_of_a_consent_stays_when_its_content_is_erased_later() -> None:
    story = consented()
    story.record("ErasureExecuted", "2026-05-03T10:00", purpose="GROUP")
    erasure = story.record("ErasureExecuted", "2026-05-02T10:00", purpose="*")
    found = story.ask(at="2026-05-02T09:59")

    assert (found.decision, flags(found)) == ("PERMIT", ["EVIDENCE_TOMBSTONE"])
    tombstone = (True, "EVIDENCE_TOMBSTONE", (erasure,))
    assert steps(found, "consent.content_erased") == [tombstone]
    assert flags(story.ask("SAFEGUARD", "2026-05-02T09:59")) == []
    assert story.ask(at="2026-05-02T10:00").decision == "DENY"


# After a consent that was never one.


@pytest.mark.parametrize(
    ("fields", "barred"),
    [
        ({"evidence": None}, True),
        ({"given_by": "BOLTON", "capacity": "DEPUTY"}, True),
        ({"given_by": "DAD", "capacity": "PR"}, True),
        ({}, False),
        ({"expires_at": "2026-03-20T10:00"}, False),
    ],
)
def test_a_grant_that_was_never_valid_lifts_no_bar_and_one_that_ended_does(
    fields: dict[str, Any], barred: bool
) -> None:
    story = consented()
    story.withdraw(WITHDRAWN)
    story.grant("2026-03-10T10:00", **fields)
    declared = {"purpose": "PHOTO", "article6": "e"}
    story.record("BasisDeclared", "2026-03-12T10:00", **declared)
    found = story.ask(at="2026-04-01T10:00")

    assert ("SWAP_AFTER_WITHDRAWAL" in flags(found)) is barred
    assert ("e" in found.live) is not barred


def test_a_consent_that_only_wants_a_review_is_valid_and_lifts_the_bar() -> None:
    story = consented(at="2023-01-10T10:00")
    story.withdraw("2023-03-05T10:00")
    story.grant("2023-04-10T10:00")
    story.record("BasisDeclared", "2026-03-12T10:00", purpose="PHOTO", article6="e")
    found = story.ask(at="2026-04-01T10:00")

    assert (found.live, flags(found)) == (("a", "e"), ["CONSENT_REVIEW_DUE"])


def test_after_a_grant_that_was_none_the_last_act_before_it_is_the_bar() -> None:
    story = consented()
    story.withdraw("2026-01-20T10:00")
    story.grant("2026-02-10T10:00")
    story.record("BasisDeclared", "2026-02-20T10:00", purpose="PHOTO", article6="e")
    story.withdraw(WITHDRAWN)
    story.grant("2026-03-10T10:00", evidence=None)

    assert story.ask(at="2026-04-01T10:00").live == ("e",)


def test_the_newest_consent_taken_back_bars_whatever_came_before() -> None:
    story = consented()
    story.grant("2026-02-10T10:00", evidence=None)
    declared = {"purpose": "PHOTO", "article6": "e"}
    story.record("BasisDeclared", "2026-03-12T10:00", **declared)
    assert "e" in story.ask(at="2026-04-01T10:00").live

    story.withdraw(WITHDRAWN)
    assert "SWAP_AFTER_WITHDRAWAL" in flags(story.ask(at="2026-04-01T10:00"))
