"""What admission says of holds, catalogues and policy: entries that bind many people at once.

Not here: that each reason is given, and in which order (`test_admit`).
"""

from datetime import date
from typing import Any

import msgspec
import pytest

from ledger.catalogue import CatalogueDocument, Condition, Line, OffenceRoute
from ledger.events import CatalogueAdopted, Fact
from ledger.rules.rulebook import WHOLE_MAX, uk_gdpr
from ledger.terms import Decision, Reason, Refusal
from tests.unit.catalogues import BOLTON_3, BOLTON_4, CHOICE, SCENARIOS, SOUND, with_field
from tests.unit.desk import NOW, Desk, fact, grant, instant

LATER = "2026-12-24T09:00"


def reason(found: Fact | Refusal) -> tuple[Reason, str] | None:
    return (found.reason, found.pointer) if isinstance(found, Refusal) else None


# Holds.


def erasable(desk: Desk, purpose: str = "PHOTO", subject: str = "A1", now: str = NOW) -> bool:
    found = reason(desk.tries(fact("ErasureExecuted", purpose=purpose), subject, now=now))
    assert found in (None, (Reason.HOLD_IN_FORCE, "type"))
    return found is None


def test_where_nothing_is_held_everything_may_be_erased() -> None:
    assert erasable(Desk())
    assert erasable(Desk(), "*")


@pytest.mark.parametrize("at", ["2019-01-01T00:00", NOW, "2027-01-01T00:00"])
def test_a_hold_on_a_person_keeps_what_is_theirs_from_the_moment_it_is_recorded(at: str) -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced", at))

    assert not erasable(desk)
    assert not erasable(desk, "*")
    assert erasable(desk, subject="C1")


def test_a_hold_on_everyone_keeps_everything() -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced"), None)

    assert not erasable(desk, "PHOTO", "A1")
    assert not erasable(desk, "*", "C1")


def test_a_hold_for_one_purpose_keeps_that_purpose_alone() -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced", purpose="PHOTO"))

    assert not erasable(desk, "PHOTO")
    assert not erasable(desk, "*")
    assert erasable(desk, "GROUP")

    desk.records(fact("HoldPlaced", purpose="*"))
    assert not erasable(desk, "GROUP")


def test_a_hold_is_released_from_the_day_of_its_release() -> None:
    desk = Desk()
    hold = desk.records(fact("HoldPlaced"))
    desk.records(fact("HoldReleased", "2026-12-01", hold=hold))

    assert not erasable(desk, now="2026-12-01T23:59")
    assert erasable(desk, now="2026-12-02T00:00")


@pytest.mark.parametrize("subject", ["A1", None])
def test_of_two_holds_one_is_released_and_the_other_goes_on(subject: str | None) -> None:
    desk = Desk()
    holds = [desk.records(fact("HoldPlaced"), subject) for _ in range(2)]
    for n, hold in enumerate(holds, start=1):
        assert not erasable(desk)
        desk.records(fact("HoldReleased", hold=hold), subject, at=f"2026-11-0{n}T10:00")

    assert erasable(desk)


def test_a_release_that_names_no_hold_ends_the_latest_before_it() -> None:
    desk = Desk()
    for day, purpose in (("2026-10-01T09:00", "PHOTO"), ("2026-10-02T09:00", "GROUP")):
        desk.records(fact("HoldPlaced", day, purpose=purpose))
    for at, photo, group in (("2026-10-03T09:00", False, True), ("2026-10-04T09:00", True, True)):
        release = fact("HoldReleased", at)
        assert desk.tries(release) == release
        desk.records(release)
        assert (erasable(desk, "PHOTO"), erasable(desk, "GROUP")) == (photo, group)

    desk.records(fact("HoldPlaced", "2026-10-05T09:00"))
    assert not erasable(desk)


def test_a_release_by_one_stream_does_not_end_a_hold_on_another() -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced"), None)
    desk.records(fact("HoldReleased"))

    assert not erasable(desk)


def test_a_hold_or_release_taken_back_is_as_if_it_had_never_been() -> None:
    desk = Desk()
    hold = desk.records(fact("HoldPlaced"))
    release = desk.records(fact("HoldReleased", hold=hold))
    desk.records(fact("EntryAnnulled", entry=release), at="2026-11-02T09:00")
    assert not erasable(desk)

    desk.records(fact("EntryAnnulled", entry=hold), at="2026-11-03T09:00")
    assert erasable(desk)


def test_a_hold_moves_with_the_person_into_whom_another_is_merged() -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced"), "C1")
    desk.records(fact("IdentityMerged", from_="C1", into="A1"), "C1", at="2026-11-02T09:00")

    assert not erasable(desk)


def test_under_a_hold_everything_but_erasure_goes_on() -> None:
    desk = Desk()
    desk.records(fact("HoldPlaced"))

    for one in (grant(), fact("ErasureRequested", purpose="*"), fact("DeathRecorded")):
        assert desk.tries(one) == one


# Catalogues.


def adopted(document: CatalogueDocument, at: str = NOW) -> Fact:
    return CatalogueAdopted(effective_at=instant(at), catalogue=document)


@pytest.mark.parametrize(
    "document",
    [SCENARIOS, BOLTON_3, BOLTON_4, SOUND, CHOICE],
    ids=["scenarios", "3.0", "4.0", "sound", "choice"],
)
def test_a_catalogue_with_debts_may_be_adopted(document: CatalogueDocument) -> None:
    assert reason(Desk(SOUND).tries(adopted(document), None)) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("conditions", (Condition(article9="a"), *SOUND.purposes[0].conditions)),
        ("lines", (Line(article6="a", effective_from=date(2026, 1, 1)),)),
    ],
)
def test_safeguarding_without_consent_and_consent_are_not_adopted_together(
    path: str, value: object
) -> None:
    """CT02: paragraph 18 says that there is no consent."""
    found = reason(Desk().tries(adopted(with_field(SOUND, f"purposes/0/{path}", value)), None))

    assert found is not None
    assert found[0] is Reason.INCOMPATIBLE_18_CONSENT
    assert found[1].startswith("catalogue/purposes/0/conditions/")


def test_consent_beside_the_offence_route_of_paragraph_18_is_not_adopted_either() -> None:
    route = with_field(CHOICE, "purposes/0/offence_route", OffenceRoute(schedule1=(18,)))
    found = reason(Desk().tries(adopted(route), None))

    assert found == (Reason.INCOMPATIBLE_18_CONSENT, "catalogue/purposes/0/offence_route")


@pytest.mark.parametrize("number", range(len(BOLTON_3.purposes)))
@pytest.mark.parametrize("article6", ["ea", "f"])
def test_no_purpose_of_the_council_is_adopted_on_a_basis_barred_to_it(
    number: int, article6: str
) -> None:
    """CT03: when the catalogue is loaded, and not only when it is asked about."""
    path = f"purposes/{number}/lines/0/article6"
    found = reason(Desk().tries(adopted(with_field(BOLTON_3, path, article6)), None))

    assert found == (Reason.PUBLIC_AUTHORITY_BAR, f"catalogue/{path}")


@pytest.mark.parametrize("article6", ["ea", "f"])
def test_the_bar_is_for_public_authorities_performing_their_tasks(article6: str) -> None:
    barred = with_field(SOUND, "purposes/0/lines/0/article6", article6)
    for path, value in (("controller", "CHARITY"), ("task", False)):
        document = with_field(barred, f"purposes/0/{path}", value)
        assert reason(Desk().tries(adopted(document), None)) is None


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("purposes/0/recipients", ("SCHOOL", "NOBODY"), "purposes/0/recipients/1"),
        ("purposes", (*SOUND.purposes, *SOUND.purposes), "purposes/1/id"),
        (
            "purposes/0/lines/0/effective_until",
            date(2018, 5, 25),
            "purposes/0/lines/0/effective_until",
        ),
        ("purposes/0/conditions/0/schedule1", 2, "purposes/0/conditions/0"),
        ("purposes/0/offence_route/schedule1", (8,), "purposes/0/offence_route"),
        (
            "purposes/0/consent_requirements",
            ("evidence_hash",),
            "purposes/0/consent_requirements/0",
        ),
    ],
)
def test_a_catalogue_that_contradicts_itself_or_the_law_is_not_adopted(
    path: str, value: object, pointer: str
) -> None:
    found = reason(Desk().tries(adopted(with_field(SOUND, path, value)), None))

    assert found == (Reason.CATALOGUE_INVALID, f"catalogue/{pointer}")


def test_every_field_of_a_consent_may_be_demanded() -> None:
    fields = tuple(grant().__struct_fields__)
    document = with_field(CHOICE, "purposes/0/consent_requirements", fields)

    assert reason(Desk().tries(adopted(document), None)) is None


# Policy.

BOOK = uk_gdpr().policies


def policy(setting: str, value: Any) -> tuple[Reason, str] | None:
    one = fact("PolicySet", setting=setting, value=value, approved_by="the officer")
    return reason(Desk().tries(one, None))


def wrong_values(setting: str) -> list[Any]:
    row = BOOK[setting]
    every: list[Any] = [True, False, 0, 24, WHOLE_MAX, -1, WHOLE_MAX + 1, 2**60, "", "24", "true"]
    if row.allowed is not None:
        return [value for value in every if value not in row.allowed]
    if isinstance(row.default, bool):
        return [value for value in every if not isinstance(value, bool)]
    return [value for value in every if type(value) is not int or not 0 <= value <= WHOLE_MAX]


@pytest.mark.parametrize("setting", sorted(BOOK))
def test_a_setting_takes_its_own_values_and_no_other(setting: str) -> None:
    row = BOOK[setting]
    taken = row.allowed or ((True, False) if row.default in (True, False) else (0, 1, WHOLE_MAX))
    for value in (row.default, *taken):
        assert policy(setting, value) is None, value
    for value in wrong_values(setting):
        assert policy(setting, value) == (Reason.UNKNOWN_SETTING, "value"), value


@pytest.mark.parametrize("setting", ["", "Leap_birthday", "leap_birthday ", "iss_age"])
def test_a_setting_that_is_none_is_refused_and_the_refusal_lists_them(setting: str) -> None:
    one = msgspec.structs.replace(fact("PolicySet", setting="x", value=True), setting=setting)
    found = Desk().tries(one, None)

    assert isinstance(found, Refusal)
    assert (found.reason, found.pointer) == (Reason.UNKNOWN_SETTING, "setting")
    assert all(name in found.message for name in BOOK)


def test_a_refused_value_is_answered_with_those_that_are_taken() -> None:
    said = {
        setting: found.message
        for setting in ("rep_authority_end", "auto_restrict_on_objection", "consent_review_months")
        if isinstance(
            found := Desk().tries(fact("PolicySet", setting=setting, value="no"), None), Refusal
        )
    }

    assert said == {
        "rep_authority_end": "the setting takes one of: keep, lapse",
        "auto_restrict_on_objection": "the setting takes true or false",
        "consent_review_months": "the setting takes a whole number from 0 to 1200",
    }


@pytest.mark.parametrize("setting", sorted(BOOK))
def test_no_value_that_a_setting_takes_keeps_a_question_from_its_answer(setting: str) -> None:
    row = BOOK[setting]
    usual = (True, False) if isinstance(row.default, bool) else (0, WHOLE_MAX)
    for value in row.allowed or usual:
        desk = Desk()
        desk.records(grant())
        desk.records(fact("StatusStarted", kind="CPP"))
        desk.records(fact("StatusEnded", kind="CPP"))
        desk.records(fact("BasisDeclared", purpose="NEWP", article6="d"))
        desk.records(fact("PolicySet", setting=setting, value=value), None)
        for purpose in ("PHOTO", "CPIS_RECENT", "NEWP"):
            for at in (NOW, LATER):
                assert desk.asks(purpose, at).decision in Decision


# Law.


def law(provision: str = "made.up", **more: Any) -> tuple[Reason, str] | None:
    fields = {"provision": provision, "article": "A", "link": "L", "in_force_from": "2026-07-01"}
    return reason(Desk().tries(fact("LawLoaded", **{**fields, **more}), None))


@pytest.mark.parametrize(
    ("provision", "least", "most"), [("iss_age", 13, 16), ("made.up", 0, WHOLE_MAX)]
)
def test_a_provision_takes_no_value_that_answers_could_not_reckon_with(
    provision: str, least: int, most: int
) -> None:
    """Children's Wellbeing and Schools Act 2026 s.72: regulations may set 13 to 16."""
    for value in (None, least, most):
        assert law(provision, value=value) is None, value
    for value in (least - 1, most + 1, 2**63, -(10**300), 10**300):
        assert law(provision, value=value) == (Reason.UNKNOWN_SETTING, "value"), value


def test_a_refused_value_of_a_provision_is_answered_with_those_that_it_takes() -> None:
    fields = {"article": "A", "link": "L", "in_force_from": "2026-07-01", "value": 99}
    found = Desk().tries(fact("LawLoaded", provision="iss_age", **fields), None)

    assert isinstance(found, Refusal)
    assert found.message == "the provision takes a whole number from 13 to 16"


def test_a_provision_is_in_force_for_some_time() -> None:
    assert law(in_force_until="2026-07-02") is None
    for until in ("2026-07-01", "2026-06-30"):
        assert law(in_force_until=until) == (Reason.UNKNOWN_SETTING, "in_force_until")


# The last year of the calendar.

FAR = "9999-12-31T23:00"


@pytest.mark.parametrize("at", [NOW, "9999-12-30T00:00", FAR])
@pytest.mark.parametrize("born", ["9999-12-31", "9981-12-31", "9982-01-01", "0001-01-01"])
def test_no_date_that_may_be_recorded_keeps_a_question_from_its_answer(born: str, at: str) -> None:
    desk = Desk()
    admitted = [
        fact("DateOfBirthRecorded", date_of_birth=born),
        grant(),
        fact("StatusStarted", kind="CPP"),
        fact("StatusStarted", kind="UCPP"),
        fact("StatusEnded", FAR, kind="CPP"),
        fact("StatusEnded", FAR, kind="UCPP"),
        fact("BasisDeclared", "9999-12-01T00:00", purpose="NEWP", article6="d"),
        fact("ConsentWithdrawn", FAR, purpose="PHOTO", given_by="A1", capacity="SELF"),
    ]
    for one in admitted:
        assert desk.tries(one) == one
        desk.records(one)
    for purpose in ("PHOTO", "CPIS_RECENT", "LAC_CARE", "NEWP", "PORTAL"):
        assert desk.asks(purpose, at).decision in Decision


def test_who_was_born_so_late_that_no_18th_birthday_comes_stays_a_child() -> None:
    for born, answer in (("9981-12-31", "DENY"), ("9982-01-01", "PERMIT")):
        desk = Desk()
        desk.records(fact("DateOfBirthRecorded", date_of_birth=born))
        desk.records(fact("StatusStarted", "9999-12-01T00:00", kind="LAC"))
        assert desk.asks("LAC_CARE", FAR).decision == answer
