"""A notice that changes purposes: from Bolton's of 2021 to our successor of it, on 1 July 2026.

Law, section 4.4: what a person was told, what becomes of consents, and which purposes there were on
which day. Not here: the rules of each purpose (`test_bolton`).
"""

from typing import Any

import pytest

from ledger.events import CatalogueAdopted
from ledger.terms import Flag, Reason, Refusal
from tests.unit.admissions import P18A
from tests.unit.catalogues import BOLTON_3, BOLTON_4
from tests.unit.desk import NOW, Desk, fact, grant, instant

CHANGE = "2026-06-30T23:00"
"""00:00 of 1 July 2026 in London."""
BEFORE, AFTER = "2026-06-30T22:59", "2026-07-01T12:00"
GONE = {"P02", "P18"}
NEW = {"P02a", "P02b", "P02c", "CPIS_RECENT", "P18a", "P18b"}
KEPT = {one.id for one in BOLTON_3.purposes} - GONE


def changing(*, recorded: str = CHANGE, born: str = "1986-04-12") -> Desk:
    """Somebody who was given the notice of 2021, and the change of the catalogue."""
    desk = Desk(BOLTON_3)
    birth = fact("DateOfBirthRecorded", "2022-01-01T09:00", date_of_birth=born)
    desk.records(birth, at="2022-01-01T09:00")
    desk.records(fact("NoticeProvided", "2022-03-01T09:00", notice="V3.0"), at="2022-03-01T09:00")
    adopted = CatalogueAdopted(effective_at=instant(CHANGE), catalogue=BOLTON_4)
    desk.records(adopted, None, at=recorded)
    return desk


def told(desk: Desk, notice: str, at: str) -> None:
    desk.records(fact("NoticeProvided", at, notice=notice), at=at)


# Which purposes there were.


@pytest.mark.parametrize("purpose", sorted(NEW))
def test_a_new_purpose_does_not_exist_before_its_day(purpose: str) -> None:
    desk = changing()

    assert desk.asks(purpose, BEFORE).flags == (Flag.UNKNOWN_PURPOSE,)
    assert Flag.UNKNOWN_PURPOSE not in desk.asks(purpose, CHANGE).flags


@pytest.mark.parametrize("purpose", sorted(GONE))
def test_a_purpose_that_was_given_up_is_still_answered_for_its_time(purpose: str) -> None:
    desk = changing()

    assert Flag.UNKNOWN_PURPOSE not in desk.asks(purpose, BEFORE).flags
    assert desk.asks(purpose, CHANGE).flags == (Flag.UNKNOWN_PURPOSE,)
    assert desk.asks(purpose, CHANGE).decision == "DENY"


def test_the_purposes_are_those_of_one_version_or_of_both() -> None:
    assert {one.id for one in BOLTON_4.purposes} == KEPT | NEW


def test_until_the_change_is_recorded_the_old_catalogue_answers() -> None:
    desk = changing(recorded="2026-07-20T09:00")

    early = desk.asks("P18a", AFTER, known="2026-07-20T08:59")
    assert early.flags == (Flag.UNKNOWN_PURPOSE,)
    assert Flag.UNKNOWN_PURPOSE not in desk.asks("P18a", AFTER).flags
    assert Flag.UNKNOWN_PURPOSE not in desk.asks("P02", AFTER, known="2026-07-20T08:59").flags


def test_a_new_purpose_of_a_new_status_begins_on_its_day() -> None:
    desk = changing()
    desk.records(fact("StatusStarted", "2026-03-01T09:00", kind="EARLY_HELP"), at=BEFORE)

    assert desk.asks("P02", BEFORE).decision == "PERMIT"
    assert desk.asks("P02c", BEFORE).decision == "DENY"
    assert desk.asks("P02c", AFTER).decision == "PERMIT"
    assert desk.asks("P02a", AFTER).flags == (Flag.TRIGGER_NOT_MET,)


def test_a_duty_of_its_own_day_is_relied_on_from_that_day() -> None:
    """The duty to handle complaints, DPA 2018 section 164A, began on 19 June 2026."""
    desk = changing()
    sources = [
        [one.source for one in desk.asks("P19", at).relied_on]
        for at in ("2026-06-18T22:59", "2026-06-18T23:00", AFTER)
    ]

    assert sources == [
        ["UK GDPR 12-22D"],
        ["UK GDPR 12-22D", "DPA2018 s.164A"],
        ["UK GDPR 12-22D", "DPA2018 s.164A"],
    ]


# What the person was told.


@pytest.mark.parametrize("purpose", sorted(KEPT))
def test_a_basis_survives_a_new_notice_and_the_gap_is_flagged_until_it_is_provided(
    purpose: str,
) -> None:
    desk = changing(born="2017-03-08")
    for status in BOLTON_4.purpose_by_id[purpose].triggers[:1]:
        desk.records(fact("StatusStarted", "2026-01-01T09:00", kind=status), at=BEFORE)
    told(desk, "V4.0", "2026-08-03T09:30")

    gaps = {
        at: Flag.TRANSPARENCY_GAP in desk.asks(purpose, at).flags
        for at in (BEFORE, CHANGE, "2026-08-03T09:29", "2026-08-03T09:30", NOW)
    }
    assert list(gaps.values()) == [False, True, True, False, False]
    assert all(desk.asks(purpose, at).decision == "PERMIT" for at in gaps)


def test_who_was_never_given_a_notice_has_a_gap_under_both() -> None:
    desk = changing()

    for at in (BEFORE, AFTER):
        assert Flag.TRANSPARENCY_GAP in desk.asks("P01", at, "nobody").flags


def test_the_new_notice_given_early_serves_from_the_change_on() -> None:
    desk = changing()
    told(desk, "V4.0", "2026-06-15T09:00")

    for at in (BEFORE, CHANGE, NOW):
        assert Flag.TRANSPARENCY_GAP not in desk.asks("P01", at).flags


def test_that_a_notice_was_provided_is_known_from_its_recording() -> None:
    desk = changing()
    provided = fact("NoticeProvided", "2026-08-03T09:30", notice="V4.0")
    desk.records(provided, at="2026-09-01T09:00")

    asked = {
        known: Flag.TRANSPARENCY_GAP in desk.asks("P01", "2026-08-10T09:00", known=known).flags
        for known in ("2026-08-31T09:00", NOW)
    }
    assert list(asked.values()) == [True, False]


# What becomes of consents.


def consented(desk: Desk, purpose: str, at: str, **more: Any) -> Any:
    one = grant(at, **{**P18A, "purpose": purpose, "explicit": True, **more})
    desk.records(one, at=at)
    return one


def test_consent_to_the_unspecified_purpose_was_never_taken_and_never_counts() -> None:
    desk = changing()
    found = desk.tries(grant("2026-05-01T09:00", purpose="P18"), now="2026-05-01T09:00")
    assert isinstance(found, Refusal)
    assert found.reason is Reason.PURPOSE_NOT_RESOLVABLE

    for at in (BEFORE, AFTER):
        assert desk.asks("P18", at).decision == "DENY"


def test_consent_to_an_old_purpose_is_no_consent_to_those_that_follow_it() -> None:
    """A line of consent was declared for P02; what was said does not pass to its successors."""
    desk = changing()
    declared = fact("BasisDeclared", "2026-01-01T09:00", purpose="P02", article6="a")
    desk.records(declared, at="2026-01-01T09:00")
    desk.records(fact("StatusStarted", "2026-01-01T09:00", kind="COURT"), at="2026-01-01T09:00")
    consented(desk, "P02", "2026-02-01T09:00", notice="V3.0")

    assert desk.asks("P02", BEFORE).live == ("a", "e")
    assert desk.asks("P02", AFTER).decision == "DENY"
    assert desk.asks("P02b", AFTER).live == ("e",)
    for purpose in ("P18a", "P18b", "P02a", "P02c"):
        assert desk.asks(purpose, AFTER).decision == "DENY"


@pytest.mark.parametrize("purpose", ["P18a", "P18b"])
def test_a_new_purpose_on_consent_needs_a_consent_of_its_own(purpose: str) -> None:
    desk = changing()
    assert desk.asks(purpose, AFTER).decision == "DENY"

    one = consented(desk, purpose, "2026-07-10T09:00", statement_digest="sha256:" + "0" * 64)
    assert desk.tries(one) == one
    assert desk.asks(purpose, "2026-07-10T08:59").decision == "DENY"
    assert desk.asks(purpose, NOW).live == ("a",)


def test_special_data_of_the_group_need_the_consent_to_be_explicit() -> None:
    for explicit, decision in ((True, "PERMIT"), (None, "DENY")):
        desk = changing()
        consented(desk, "P18b", "2026-07-10T09:00", explicit=explicit)
        assert desk.asks("P18b", NOW, data="special").decision == decision
        assert desk.asks("P18b", NOW).decision == "PERMIT"


def test_a_consent_from_before_its_purpose_began_does_not_serve_it_early() -> None:
    desk = changing()
    consented(desk, "P18a", "2026-06-20T09:00")

    assert desk.asks("P18a", "2026-06-25T09:00").flags == (Flag.UNKNOWN_PURPOSE,)


def test_a_material_change_ends_the_consents_given_before_it_and_no_basis() -> None:
    desk = changing()
    consented(desk, "P18b", "2026-07-10T09:00")
    changed = fact("PurposeMateriallyChanged", "2026-09-15", purpose="P18b", notice="V4.1")
    desk.records(changed, None, at="2026-09-14T23:00")

    before, after = desk.asks("P18b", "2026-09-14T22:59"), desk.asks("P18b", "2026-09-14T23:00")
    assert (before.decision, after.decision) == ("PERMIT", "DENY")
    assert Flag.PURPOSE_CHANGED in after.flags
    assert desk.asks("P01", NOW).decision == "PERMIT"

    consented(desk, "P18b", "2026-10-01T09:00", notice="V4.1")
    assert desk.asks("P18b", NOW).decision == "PERMIT"


def test_a_withdrawal_after_the_change_may_name_the_old_purpose() -> None:
    desk = changing()
    for purpose in ("P02", "P18"):
        said = fact("ConsentWithdrawn", purpose=purpose, given_by="A1", capacity="SELF")
        assert desk.tries(said) == said
