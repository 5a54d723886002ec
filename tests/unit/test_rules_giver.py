"""Who could consent, at the moment of the grant: the person, or who may act for them."""

import pytest

from tests.unit.stories import Story, child, flags, just_before, steps

SIXTEEN, SIXTEEN_AT = "2010-03-06", "2026-03-06T00:00"


# The person themself.


def test_a_person_decides_from_16_on_in_london() -> None:
    for at, expected in ((just_before(SIXTEEN_AT), ["NO_AUTHORITY"]), (SIXTEEN_AT, [])):
        story = Story(born=SIXTEEN)
        story.grant(at)
        assert flags(story.ask()) == expected


def test_in_summer_a_birthday_begins_at_midnight_in_london() -> None:
    for at, expected in (("2026-06-30T22:59", ["NO_AUTHORITY"]), ("2026-06-30T23:00", [])):
        story = Story(born="2010-07-01")
        story.grant(at)
        assert flags(story.ask()) == expected


def test_nobody_consents_as_the_person_but_the_person() -> None:
    story = Story()
    story.grant(given_by="MUM")

    assert flags(story.ask()) == ["NO_AUTHORITY"]


@pytest.mark.parametrize(
    ("named", "competent", "expected"),
    [
        ("PHOTO", True, []),
        ("*", True, []),
        ("GROUP", True, ["NO_AUTHORITY"]),
        ("PHOTO", False, ["NO_AUTHORITY"]),
    ],
)
def test_an_assessment_for_this_decision_lets_a_child_consent(
    named: str, competent: bool, expected: list[str]
) -> None:
    story = child()
    story.record("CompetenceAssessed", "2026-01-10T10:00", purpose=named, competent=competent)
    story.grant()

    assert flags(story.ask()) == expected


def test_the_latest_assessment_by_then_counts_and_one_of_an_adult_too() -> None:
    story = Story()
    story.record("CompetenceAssessed", "2026-01-08T10:00", purpose="*", competent=True)
    story.record("CompetenceAssessed", "2026-01-09T10:00", purpose="PHOTO", competent=False)
    story.record("CompetenceAssessed", "2026-01-11T10:00", purpose="*", competent=True)
    story.grant("2026-01-10T10:00")

    assert flags(story.ask()) == ["NO_AUTHORITY"]


def test_a_person_of_unknown_age_is_a_child() -> None:
    story = Story(born=None)
    story.grant()

    assert flags(story.ask()) == ["NO_AUTHORITY"]


def test_of_several_dates_of_birth_the_latest_recorded_counts() -> None:
    story = child()
    later = {"date_of_birth": "1980-05-05", "recorded": "2026-05-01T10:00"}
    story.record("DateOfBirthRecorded", "2018-01-01T10:00", **later)
    story.grant()

    assert flags(story.ask()) == []
    assert flags(story.ask(known="2026-04-01T10:00")) == ["NO_AUTHORITY"]


# An information society service offered to children.


@pytest.mark.parametrize(
    ("at", "expected"), [("2026-05-31T22:59", ["NO_AUTHORITY"]), ("2026-05-31T23:00", [])]
)
def test_a_child_may_consent_to_such_a_service_from_13_on(at: str, expected: list[str]) -> None:
    story = Story(born="2013-06-01")
    story.grant(at, purpose="PORTAL")

    assert flags(story.ask("PORTAL")) == expected


def test_for_anything_else_13_is_no_age() -> None:
    story = Story(born="2012-06-01")
    story.grant()

    assert flags(story.ask()) == ["NO_AUTHORITY"]


def test_a_child_found_not_competent_is_not_made_so_by_the_age_for_the_service() -> None:
    story = Story(born="2012-06-01")
    story.record("CompetenceAssessed", "2026-01-01T10:00", purpose="*", competent=False)
    story.grant(purpose="PORTAL")

    assert flags(story.ask("PORTAL")) == ["NO_AUTHORITY"]


def test_before_the_law_had_an_age_for_such_a_service_16_was_the_age() -> None:
    story = Story(born="2003-06-01")
    story.grant("2018-05-24T22:59", purpose="PORTAL")
    found = story.ask("PORTAL", "2018-06-01T10:00", known="2018-06-02T10:00")

    assert flags(found) == ["NO_AUTHORITY"]


# Representatives.


def test_a_holder_of_parental_responsibility_consents_for_a_child() -> None:
    story = child()
    story.by_mother()

    assert (story.ask().decision, flags(story.ask())) == ("PERMIT", [])


@pytest.mark.parametrize(
    "fields", [{"given_by": "DAD"}, {"capacity": "DEPUTY"}, {"capacity": "ATTORNEY_PF"}]
)
def test_an_authority_is_of_one_holder_and_one_kind(fields: dict[str, str]) -> None:
    story = child()
    story.by_mother(**fields)

    assert flags(story.ask()) == ["NO_AUTHORITY"]


@pytest.mark.parametrize(
    ("at", "expected"), [("2026-01-10T10:01", ["NO_AUTHORITY"]), ("2026-01-10T10:00", [])]
)
def test_an_authority_must_have_begun_by_the_grant(at: str, expected: list[str]) -> None:
    story = Story(born="2013-06-01")
    story.parent(at)
    story.by_mother()

    assert flags(story.ask()) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [("2026-01-10T10:00", ["NO_AUTHORITY"]), ("2026-01-10T10:01", ["REVIEW_REP_AUTHORITY_ENDED"])],
)
@pytest.mark.parametrize("end", ["AuthorityEnded", "AuthorityRestricted"])
def test_an_authority_that_ended_or_was_restricted_by_the_grant_is_none(
    end: str, at: str, expected: list[str]
) -> None:
    story = child()
    story.record(end, at, holder="MUM", kind="PR")
    story.by_mother()

    assert flags(story.ask()) == expected


def test_an_end_or_restriction_of_another_holder_or_kind_leaves_the_authority() -> None:
    for holder, kind in (("DAD", "PR"), ("MUM", "DEPUTY")):
        story = child()
        story.record("AuthorityEnded", "2026-01-02T10:00", holder=holder, kind=kind)
        story.record("AuthorityRestricted", "2026-01-02T10:00", holder=holder, kind=kind)
        story.by_mother()
        assert flags(story.ask()) == []


def test_an_end_that_names_its_authority_ends_that_one_whoever_it_says_holds_it() -> None:
    story = Story(born="2013-06-01")
    first = story.parent("2025-01-01T10:00")
    story.record("AuthorityEnded", "2026-01-02T10:00", holder="DAD", kind="PR", authority=first)
    story.by_mother()
    assert flags(story.ask()) == ["NO_AUTHORITY"]

    second = Story(born="2013-06-01")
    ended = second.parent("2025-01-01T10:00")
    second.parent("2025-06-01T10:00")
    second.record("AuthorityEnded", "2026-01-02T10:00", holder="MUM", kind="PR", authority=ended)
    second.by_mother()
    assert flags(second.ask()) == []


def test_an_authority_that_ended_as_it_began_never_was() -> None:
    story = child()
    story.record("AuthorityEnded", "2019-01-01T00:00", holder="MUM", kind="PR")
    story.by_mother()

    assert flags(story.ask()) == ["NO_AUTHORITY"]


def test_an_end_that_names_none_ends_every_such_authority_begun_by_then_and_none_after() -> None:
    story = child()
    story.record("AuthorityEnded", "2026-01-02T10:00", holder="MUM", kind="PR")
    story.by_mother()
    assert flags(story.ask()) == ["NO_AUTHORITY"]

    story.parent("2026-01-03T10:00")
    assert flags(story.ask()) == []


def test_parental_responsibility_ends_at_18_and_another_authority_does_not() -> None:
    for kind, expected in (("PR", ["NO_AUTHORITY", "REP_CONSENT_LAPSED_18"]), ("DEPUTY", [])):
        story = Story()
        story.record("CompetenceAssessed", "2020-01-01T10:00", purpose="*", competent=False)
        story.parent(kind=kind)
        story.by_mother(capacity=kind)
        assert flags(story.ask()) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-05T23:59", ["REP_CONSENT_LAPSED_18"]),
        ("2026-03-06T00:00", ["NO_AUTHORITY", "REP_CONSENT_LAPSED_18"]),
    ],
)
def test_parental_responsibility_is_none_from_the_18th_birthday_on(
    at: str, expected: list[str]
) -> None:
    story = child("2008-03-06")
    story.record("CompetenceAssessed", "2020-01-01T10:00", purpose="*", competent=False)
    story.by_mother(at)

    assert flags(story.ask()) == expected


def test_a_parent_cannot_consent_for_a_child_who_could() -> None:
    story = child()
    story.record("CompetenceAssessed", "2026-01-10T10:00", purpose="*", competent=True)
    grant = story.by_mother()
    found = story.ask()

    assert (found.decision, flags(found)) == ("DENY", ["SUBJECT_COMPETENT"])
    assert steps(found, "consent.giver") == [(True, "SUBJECT_COMPETENT", (grant,))]


@pytest.mark.parametrize("capacity", ["SELF", "PR", "DEPUTY"])
def test_the_controller_cannot_consent_to_its_own_processing(capacity: str) -> None:
    story = Story(born="2013-06-01")
    story.parent(holder="BOLTON", kind="PR")
    story.record("AuthorityStarted", "2025-01-01T10:00", holder="BOLTON", kind="DEPUTY")
    story.by_mother(given_by="BOLTON", capacity=capacity)

    expected = ["NO_AUTHORITY", "SELF_CONSENT"] if capacity == "SELF" else ["SELF_CONSENT"]
    assert flags(story.ask()) == expected
