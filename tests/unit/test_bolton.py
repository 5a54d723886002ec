"""Bolton's purposes under its notice of 2021 and our successor of it: the sector rules of the law.

Law, section 5: CP-IS, the NHS number, returns, research, care leavers. Not here: what the
catalogues alone answer (`test_bolton_catalogue`), or the change from one notice to the other
(`test_bolton_notice`).
"""

import pytest

from ledger.terms import Flag
from tests.unit.bolton import BOTH, CHILD, MOTHER, SINCE, THEN, asked, council, happened, short
from tests.unit.desk import NOW, fact

# CP-IS.


@BOTH
@pytest.mark.parametrize("status", ["CPP", "LAC", "UCPP"])
def test_cpis_shares_a_status_while_it_lasts(at: str, status: str) -> None:
    desk = council()
    assert asked(desk, "P10", at).flags == (Flag.TRIGGER_NOT_MET,)

    begun = happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind=status)
    assert short(asked(desk, "P10", "2026-01-12T14:00")) == ("PERMIT", ("e",))
    assert short(asked(desk, "P10", "2026-01-12T13:59")) == ("DENY", ())
    assert short(asked(desk, "P10", at)) == ("PERMIT", ("e",))

    happened(desk, CHILD, "StatusEnded", "2026-10-01T11:00", kind=status, status=begun)
    assert short(asked(desk, "P10", "2026-10-01T10:59")) == ("PERMIT", ("e",))
    assert short(asked(desk, "P10", "2026-10-01T11:00")) == ("DENY", ())


@BOTH
def test_cpis_rests_on_safeguarding_and_social_care_and_not_on_consent(at: str) -> None:
    desk = council()
    happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="CPP")
    for data in ("special", ("D17", "D18")):
        found = asked(desk, "P10", at, data=data)
        assert found.conditions == ("9(2)(g)+Sch1(18)", "9(2)(h)+Sch1(2)")
        assert short(found) == ("PERMIT", ("e",))

    happened(
        desk,
        CHILD,
        "ConsentWithdrawn",
        "2026-02-01T09:00",
        purpose="P10",
        given_by="MUM",
        capacity="PR",
    )
    assert short(asked(desk, "P10", at)) == ("PERMIT", ("e",))


@BOTH
def test_without_a_policy_document_social_care_still_carries_cpis(at: str) -> None:
    desk = council(policy_document=False)
    happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="CPP")
    found = asked(desk, "P10", at, data="special")

    assert found.conditions == ("9(2)(h)+Sch1(2)",)
    assert Flag.APD_MISSING in found.flags


@BOTH
@pytest.mark.parametrize(
    ("outcome", "decision", "flag"),
    [
        ("REJECTED", "PERMIT", Flag.OBJECTION_REJECTED),
        ("UPHELD", "DENY", Flag.OBJECTION_UPHELD),
    ],
)
def test_an_objection_to_cpis_is_open_and_decided_one_by_one(
    at: str, outcome: str, decision: str, flag: Flag
) -> None:
    desk = council()
    happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="LAC")
    objection = happened(
        desk, CHILD, "ObjectionReceived", "2026-02-01T09:00", purpose="P10", kind="ART21_1"
    )
    pending = asked(desk, "P10", at)
    assert short(pending) == ("PERMIT_LIMITED", ("e",))
    assert Flag.OBJECTION_PENDING in pending.flags

    happened(
        desk,
        CHILD,
        "ObjectionDecided",
        "2026-02-20T09:00",
        objection=objection,
        outcome=outcome,
        informed_at="2026-02-24T09:00",
    )
    found = asked(desk, "P10", at)
    assert found.decision == decision
    assert flag in found.flags
    assert asked(desk, "P10", "2026-02-24T08:59").decision == "PERMIT_LIMITED"


def test_an_end_that_was_heard_of_late_leaves_a_gap_to_be_put_right() -> None:
    """The NHS saw a flag that was no longer true."""
    desk = council()
    begun = happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="CPP")
    happened(
        desk,
        CHILD,
        "StatusEnded",
        "2026-02-02T10:00",
        kind="CPP",
        status=begun,
        recorded="2026-03-05T10:00",
    )

    assert asked(desk, "P10", THEN, known=THEN).decision == "PERMIT"
    found = asked(desk, "P10", THEN)
    assert found.decision == "DENY"
    assert Flag.LATE_GAP in found.flags
    assert [(one.start.isoformat(), one.end.isoformat()) for one in found.late_gaps] == [
        ("2026-02-02T10:00:00+00:00", "2026-03-05T10:00:00+00:00")
    ]


def test_a_status_that_ended_lately_is_a_purpose_of_its_own_with_a_day_of_its_own() -> None:
    """Twelve months, from the day on which the council confirms it, and no part of the old one."""
    desk = council()
    begun = happened(desk, CHILD, "StatusStarted", "2025-06-02T09:00", kind="CPP")
    happened(desk, CHILD, "StatusEnded", "2025-10-15T09:00", kind="CPP", status=begun)

    assert asked(desk, "CPIS_RECENT", THEN).flags == (Flag.UNKNOWN_PURPOSE,)
    recent = asked(desk, "CPIS_RECENT", SINCE)
    assert short(recent) == ("PERMIT", ("e",))
    assert Flag.RECENT_STATUS in recent.flags
    assert short(asked(desk, "P10", SINCE)) == ("DENY", ())
    assert asked(desk, "CPIS_RECENT", "2026-10-15T08:59").decision == "PERMIT"
    assert asked(desk, "CPIS_RECENT", "2026-10-15T09:00").flags == (Flag.TRIGGER_NOT_MET,)


# The plan before birth is the mother's.


@BOTH
def test_a_plan_for_an_unborn_child_is_on_the_mothers_record(at: str) -> None:
    desk = council()
    happened(desk, MOTHER, "StatusStarted", "2026-01-12T14:00", kind="UCPP")

    assert short(asked(desk, "P10", at, MOTHER)) == ("PERMIT", ("e",))
    assert short(asked(desk, "P10", at)) == ("DENY", ())


@BOTH
def test_a_mother_of_age_is_not_safeguarded_as_a_child_and_social_care_carries_it(at: str) -> None:
    desk = council()
    happened(desk, MOTHER, "StatusStarted", "2026-01-12T14:00", kind="UCPP")
    found = asked(desk, "P10", at, MOTHER, data="special")
    assert found.conditions == ("9(2)(h)+Sch1(2)",)
    assert Flag.PARA18_AGE in found.flags

    happened(desk, MOTHER, "AtRiskAssessed", "2026-02-01T09:00", at_risk=True)
    found = asked(desk, "P10", at, MOTHER, data="special")
    assert found.conditions == ("9(2)(g)+Sch1(18)", "9(2)(h)+Sch1(2)")


def test_a_plan_before_birth_does_not_end_on_the_mothers_birthday() -> None:
    desk = council()
    young = "A2"
    happened(desk, young, "DateOfBirthRecorded", "2026-01-01T09:00", date_of_birth="2008-02-20")
    for kind in ("UCPP", "CPP"):
        happened(desk, young, "StatusStarted", "2026-01-12T14:00", kind=kind)

    assert asked(desk, "P10", THEN, young).decision == "PERMIT"
    assert asked(desk, "P05", THEN, young).decision == "DENY"


def test_at_birth_the_mothers_plan_ends_and_the_childs_may_begin() -> None:
    desk = council()
    plan = happened(desk, MOTHER, "StatusStarted", "2026-01-12T14:00", kind="UCPP")
    happened(desk, MOTHER, "StatusEnded", "2026-02-10T04:20", kind="UCPP", status=plan)
    baby = "C2"
    happened(desk, baby, "BirthRecorded", "2026-02-10T04:20", date_of_birth="2026-02-10")
    happened(desk, baby, "StatusStarted", "2026-02-10T04:20", kind="CPP")

    assert short(asked(desk, "P10", "2026-02-10T04:19", MOTHER)) == ("PERMIT", ("e",))
    assert short(asked(desk, "P10", THEN, MOTHER)) == ("DENY", ())
    assert short(asked(desk, "P10", THEN, baby)) == ("PERMIT", ("e",))


# The NHS number.


@BOTH
def test_an_objection_to_the_nhs_number_reaches_the_matching_and_not_cpis(at: str) -> None:
    """Whether it is meant for CP-IS as well has to be asked: that is policy."""
    desk = council()
    happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="LAC")
    happened(desk, CHILD, "ObjectionReceived", "2026-02-01T09:00", purpose="P11", kind="NHS_NUMBER")

    found = asked(desk, "P11", at)
    assert short(found) == ("PERMIT_LIMITED", ("e",))
    assert found.due
    assert short(asked(desk, "P11", at, operation="STORE")) == ("PERMIT", ("e",))
    assert short(asked(desk, "P10", at)) == ("PERMIT", ("e",))

    wider = fact("PolicySet", "2026-02-01T00:00", setting="nhs_objection_scope", value="all uses")
    desk.records(wider, None, at="2026-02-01T00:00")
    assert short(asked(desk, "P10", at)) == ("PERMIT_LIMITED", ("e",))


def test_a_duty_to_use_the_number_takes_the_objection_away_from_its_day_on_and_no_earlier() -> None:
    """CA 2004 s.16LC, once it is commenced: loaded here as from 1 October 2026."""
    desk = council()
    happened(desk, CHILD, "ObjectionReceived", "2026-02-01T09:00", purpose="P11", kind="NHS_NUMBER")
    law = fact(
        "LawLoaded",
        "2026-09-10T09:00",
        provision="CA2004_s.16LC",
        article="Children Act 2004 s.16LC",
        link="https://www.legislation.gov.uk/ukpga/2004/31/section/16LC",
        in_force_from="2026-10-01T00:00:00+01:00",
        gains=[{"purpose": "P11", "article6": "c", "source": "CA2004 s.16LC"}],
    )
    desk.records(law, None, at="2026-09-10T09:00")

    before, after = asked(desk, "P11", "2026-09-30T22:59"), asked(desk, "P11", "2026-09-30T23:00")
    assert short(before) == ("PERMIT_LIMITED", ("e",))
    assert short(after) == ("PERMIT", ("c",))
    assert Flag.OBJECTION_NOT_AVAILABLE in after.flags
    assert Flag.OBJECTION_NOT_AVAILABLE not in before.flags


# Returns and research.


@BOTH
def test_a_statutory_return_cannot_be_objected_to_and_restriction_still_bites(at: str) -> None:
    desk = council()
    assert asked(desk, "P09", at).flags == (Flag.TRIGGER_NOT_MET,)
    happened(desk, CHILD, "StatusStarted", "2026-01-12T14:00", kind="CIN")
    happened(desk, CHILD, "ObjectionReceived", "2026-02-01T09:00", purpose="P09", kind="ART21_1")

    found = asked(desk, "P09", at)
    assert short(found) == ("PERMIT", ("c",))
    assert Flag.OBJECTION_NOT_AVAILABLE in found.flags

    happened(desk, CHILD, "RestrictionApplied", "2026-02-02T09:00", purpose="P09", ground="a")
    found = asked(desk, "P09", at)
    assert short(found) == ("PERMIT_LIMITED", ("c",))
    assert Flag.RESTRICTED_18_1_A in found.flags


@BOTH
@pytest.mark.parametrize("purpose", ["P07", "P17"])
def test_pseudonymised_research_is_personal_data_with_both_objections_considered(
    at: str, purpose: str
) -> None:
    desk = council()
    found = asked(desk, purpose, at, data="special")
    assert short(found) == ("PERMIT", ("e",))
    assert found.conditions == ("9(2)(h)+Sch1(2)", "9(2)(j)+Sch1(4)")

    happened(desk, CHILD, "ObjectionReceived", "2026-02-01T09:00", purpose=purpose, kind="ART21_6")
    found = asked(desk, purpose, at)
    assert short(found) == ("PERMIT", ("e",))
    assert Flag.ART21_6_NOT_AVAILABLE in found.flags

    happened(desk, CHILD, "ObjectionReceived", "2026-02-02T09:00", purpose=purpose, kind="ART21_1")
    assert short(asked(desk, purpose, at)) == ("PERMIT_LIMITED", ("e",))


# Care leavers.


@BOTH
def test_at_18_being_looked_after_ends_and_leaving_care_must_have_been_recorded(at: str) -> None:
    desk = council()
    leaver, birthday = "C3", at[:10]
    happened(
        desk,
        leaver,
        "DateOfBirthRecorded",
        "2022-01-01T09:00",
        date_of_birth=f"{int(birthday[:4]) - 18}{birthday[4:]}",
    )
    happened(desk, leaver, "StatusStarted", "2024-05-01T09:00", kind="LAC")

    day = "2026-03-01T23:59" if at == THEN else "2026-08-31T22:59"
    assert short(asked(desk, "P06", day, leaver)) == ("PERMIT", ("c", "e"))
    assert asked(desk, "P06", at, leaver).flags == (Flag.TRIGGER_NOT_MET,)

    happened(desk, leaver, "StatusStarted", f"{birthday}T00:00", kind="CARE_LEAVER")
    found = asked(desk, "P06", at, leaver)
    assert short(found) == ("PERMIT", ("e",))
    assert Flag.DUTY_NOT_ENGAGED in found.flags


@BOTH
def test_safeguarding_a_person_of_age_needs_them_to_be_at_risk(at: str) -> None:
    desk = council()
    found = asked(desk, "P20", at, MOTHER, data="special")
    assert found.conditions == ("9(2)(g)+Sch1(6)",)
    assert Flag.PARA18_AGE in found.flags

    happened(desk, MOTHER, "AtRiskAssessed", "2026-02-01T09:00", at_risk=True)
    found = asked(desk, "P20", at, MOTHER, data="special")
    assert found.conditions == ("9(2)(g)+Sch1(18)", "9(2)(g)+Sch1(6)")


def test_the_two_moments_lie_on_either_side_of_the_change() -> None:
    assert THEN < "2026-07-01" < SINCE < NOW
