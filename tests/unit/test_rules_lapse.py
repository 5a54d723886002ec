"""How long a representative's consent lasts, and what another parent's refusal does to it."""

import pytest

from tests.unit.stories import Story, child, flags, just_before, steps

BIRTHDAY = "2026-03-06T00:00"

# How long it lasts.


def test_a_representatives_consent_lapses_when_the_child_is_16() -> None:
    story = child("2010-03-06")
    grant = story.by_mother()
    story.record("CompetenceAssessed", "2026-01-11T10:00", purpose="GROUP", competent=False)
    found = story.ask(at=BIRTHDAY)

    assert flags(story.ask(at=just_before(BIRTHDAY))) == []
    assert (found.decision, flags(found)) == ("DENY", ["REP_CONSENT_LAPSED_COMPETENT"])
    lapse = (True, "REP_CONSENT_LAPSED_COMPETENT", (grant,))
    assert steps(found, "consent.lapsed") == [lapse]


def test_at_16_a_person_found_not_competent_keeps_it_and_at_18_nobody_does() -> None:
    story = child("2008-03-06")
    story.record("CompetenceAssessed", "2024-03-01T10:00", purpose="*", competent=False)
    story.by_mother("2025-01-10T10:00")

    assert flags(story.ask(at=just_before(BIRTHDAY))) == []
    assert flags(story.ask(at=BIRTHDAY)) == ["REP_CONSENT_LAPSED_18"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-10T10:01", ["REP_CONSENT_LAPSED_COMPETENT"]),
        ("2026-01-10T10:00", ["SUBJECT_COMPETENT"]),
    ],
)
def test_it_lapses_when_the_child_is_later_found_competent(at: str, expected: list[str]) -> None:
    story = child()
    story.by_mother()
    story.record("CompetenceAssessed", at, purpose="PHOTO", competent=True)

    assert flags(story.ask()) == expected


def test_a_later_finding_that_the_child_is_not_competent_lapses_nothing() -> None:
    story = child()
    story.by_mother()
    story.record("CompetenceAssessed", "2026-02-01T10:00", purpose="PHOTO", competent=False)

    assert flags(story.ask()) == []


def test_only_a_parents_consent_lapses_as_the_child_grows_up() -> None:
    story = Story(born="2010-03-06")
    story.record("AuthorityStarted", "2025-01-01T10:00", holder="MUM", kind="DEPUTY")
    story.by_mother(capacity="DEPUTY")

    assert flags(story.ask()) == []


def test_for_a_service_it_lapses_at_13() -> None:
    story = child("2013-06-01")
    story.by_mother(purpose="PORTAL")

    assert flags(story.ask("PORTAL", "2026-05-31T22:59")) == []
    assert flags(story.ask("PORTAL", "2026-05-31T23:00")) == ["REP_CONSENT_LAPSED_ISS_AGE"]


def test_for_a_child_of_unknown_age_it_lapses_at_no_age() -> None:
    story = Story(born=None)
    story.parent()
    story.by_mother(purpose="PORTAL")

    assert (story.ask("PORTAL").decision, flags(story.ask("PORTAL"))) == ("PERMIT", [])


def test_an_end_of_authority_after_the_grant_wants_a_review() -> None:
    for end in ("AuthorityEnded", "AuthorityRestricted"):
        story = child()
        grant = story.by_mother()
        ended = story.record(end, "2026-02-01T10:00", holder="MUM", kind="PR")
        found = story.ask(at="2026-02-01T10:00")
        assert (found.decision, flags(found)) == ("PERMIT", ["REVIEW_REP_AUTHORITY_ENDED"])
        review = (True, "REVIEW_REP_AUTHORITY_ENDED", (grant, ended))
        assert steps(found, "consent.authority_ended") == [review]
        assert flags(story.ask(at=just_before("2026-02-01T10:00"))) == []


def test_an_end_of_somebody_elses_authority_or_of_ones_own_consent_wants_none() -> None:
    story = child()
    story.parent(holder="DAD")
    story.by_mother()
    story.record("AuthorityEnded", "2026-02-01T10:00", holder="DAD", kind="PR")
    assert flags(story.ask()) == []

    own = Story()
    own.grant()
    own.record("AuthorityEnded", "2026-02-01T10:00", holder="A1", kind="PR")
    assert flags(own.ask()) == []


# Another holder of parental responsibility refuses.


def disputed(at: str = "2026-02-01T10:00", **more: str) -> Story:
    story = child()
    story.parent(holder="DAD")
    story.by_mother()
    refusal = {"purpose": "PHOTO", "given_by": "DAD"}
    story.record("ConsentRefused", at, **{**refusal, **more})
    return story


@pytest.mark.parametrize("at", ["2026-01-10T10:00", "2026-02-01T10:00"])
def test_a_refusal_by_another_holder_denies_until_the_dispute_is_resolved(at: str) -> None:
    story = disputed(at)
    found = story.ask()

    assert (found.decision, flags(found)) == ("DENY", ["CONSENT_CONTESTED"])
    assert steps(found, "consent.contested") == [(True, "CONSENT_CONTESTED", ("e4", "e5"))]
    stands = {"purpose": "PHOTO", "outcome": "CONSENT_STANDS"}
    story.record("DisputeResolved", "2026-03-01T10:00", **stands)
    assert flags(story.ask(at=just_before("2026-03-01T10:00"))) == ["CONSENT_CONTESTED"]
    assert flags(story.ask(at="2026-03-01T10:00")) == []


def test_the_last_word_on_a_dispute_counts_and_only_a_later_one() -> None:
    story = disputed()
    story.record("DisputeResolved", "2026-02-01T10:00", purpose="*", outcome="CONSENT_STANDS")
    assert flags(story.ask()) == ["CONSENT_CONTESTED"]
    story.record("DisputeResolved", "2026-03-01T10:00", purpose="*", outcome="CONSENT_STANDS")
    assert flags(story.ask()) == []
    story.record("DisputeResolved", "2026-04-01T10:00", purpose="*", outcome="CONSENT_FALLS")
    assert flags(story.ask()) == ["CONSENT_CONTESTED"]
    story.record("ConsentRefused", "2026-03-02T10:00", purpose="GROUP", given_by="DAD")
    story.record("DisputeResolved", "2026-05-01T10:00", purpose="PHOTO", outcome="CONSENT_STANDS")
    assert flags(story.ask()) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"given_by": "UNCLE"},
        {"given_by": "MUM"},
        {"purpose": "GROUP"},
        {"at": "2026-01-10T09:59"},
    ],
)
def test_a_refusal_that_contests_nothing_is_only_recorded(fields: dict[str, str]) -> None:
    assert flags(disputed(**fields).ask()) == []


def test_a_holder_whose_authority_had_ended_contests_nothing() -> None:
    story = disputed()
    story.record("AuthorityEnded", "2026-01-20T10:00", holder="DAD", kind="PR")

    assert flags(story.ask()) == []


def test_the_childs_own_refusal_is_a_withdrawal_and_no_dispute() -> None:
    story = child()
    story.parent(holder="A1")
    story.by_mother()
    story.record("ConsentRefused", "2026-02-01T10:00", purpose="PHOTO", given_by="A1")

    assert flags(story.ask()) == ["CONSENT_WITHDRAWN"]


def test_what_the_person_gave_themself_no_parent_contests() -> None:
    story = child()
    story.record("CompetenceAssessed", "2026-01-01T10:00", purpose="*", competent=True)
    story.grant()
    story.record("ConsentRefused", "2026-02-01T10:00", purpose="PHOTO", given_by="MUM")

    assert flags(story.ask()) == []
