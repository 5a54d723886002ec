"""What admission lets through: the entries of every scenario, and the rules one after another.

Not here: that each reason is given, and in which order (`test_admit`).
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.events import BasisDeclared, Fact
from ledger.scenario import Given, read_given, read_scenario
from ledger.terms import Article6, Reason, Refusal
from tests.unit.admissions import P18A, bolton
from tests.unit.catalogues import (
    BOLTON_3,
    BOLTON_4,
    CHOICE,
    SOUND,
    with_field,
)
from tests.unit.desk import NOW, Desk, fact, grant, instant

FOLDER = Path(__file__).parents[1] / "scenarios"
FILES = sorted(FOLDER.glob("S*.json"))


def reason(found: Fact | Refusal) -> tuple[Reason, str] | None:
    return (found.reason, found.pointer) if isinstance(found, Refusal) else None


# The scenarios.

NEEDS_A_SOURCE = "Article 6(3): a task or duty is declared with the law it rests on"
NEEDS_A_CONDITION = "Article 6(1)(ea): declared with its condition of Annex 1"
NOT_ASSERTED_SO = {
    ("S11", "e3"): (Reason.LEGAL_SOURCE_MISSING, NEEDS_A_SOURCE),
    ("S12", "e3"): (Reason.LEGAL_SOURCE_MISSING, NEEDS_A_SOURCE),
    ("S41", "b1"): (Reason.ANNEX1_CONDITION_MISSING, NEEDS_A_CONDITION),
    ("S42", "b1"): (Reason.ANNEX1_CONDITION_MISSING, NEEDS_A_CONDITION),
    ("S43", "b1"): (Reason.LEGAL_SOURCE_MISSING, NEEDS_A_SOURCE),
    ("S44", "b1"): (Reason.LEGAL_SOURCE_MISSING, NEEDS_A_SOURCE),
}
"""Entries that scenario files write without what the law wants them to say: it is not tested."""


def stream_of(given: Given) -> str | None:
    """The stream it is recorded on: what concerns two people, on the one it takes from."""
    return getattr(given.fact, "from_", given.subject)


def refused(name: str) -> dict[tuple[str, str], Reason]:
    """What admission refuses of a scenario, in the order of recording."""
    desk, found = Desk(), {}
    scenario = read_scenario((FOLDER / f"{name}.json").read_bytes())
    given = sorted(map(read_given, scenario.given), key=lambda one: one.recorded_at)
    for one in given:
        now = one.recorded_at.replace(tzinfo=None).isoformat()
        verdict = desk.tries(one.fact, stream_of(one), now=now)
        if isinstance(verdict, Refusal):
            found[name, one.id] = verdict.reason
            assert desk.tries(put_right(one.fact), stream_of(one), now=now) == put_right(one.fact)
        desk.streams.record(one)
    return found


def put_right(declared: Fact) -> Fact:
    return msgspec.structs.replace(declared, source="CA1989 s.17", annex1=("RLI-6",))


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_entry_of_a_scenario_may_be_recorded(name: str) -> None:
    listed = {key: why for key, (why, _) in NOT_ASSERTED_SO.items() if key[0] == name}

    assert refused(name) == listed


def test_all_scenarios_are_here() -> None:
    assert [path.stem for path in FILES] == [f"S{number:02}" for number in range(1, 53)]


# Consents.


def consent(*, at: str = "2026-10-01T09:00", **fields: Any) -> Fact:
    return grant(at, **{**P18A, **fields})


def test_consent_to_the_unspecified_purpose_of_the_notice_is_refused() -> None:
    """CT01: a purpose that nobody can name is a purpose that nobody can consent to."""
    for desk in (Desk(BOLTON_3), bolton()):
        found = desk.tries(grant(purpose="P18", notice="V3.0"))
        assert reason(found) == (Reason.PURPOSE_NOT_RESOLVABLE, "purpose")


@pytest.mark.parametrize(
    "purpose",
    [one.id for one in BOLTON_4.purposes if all(line.article6 != "a" for line in one.lines)],
)
def test_consent_to_a_purpose_that_asks_for_none_is_refused(purpose: str) -> None:
    found = bolton().tries(consent(purpose=purpose))

    assert reason(found) == (Reason.NO_CONSENT_LINE, "purpose")


@pytest.mark.parametrize("subject", ["A1", None])
def test_a_line_of_consent_may_be_declared_first_for_one_person_or_everyone(
    subject: str | None,
) -> None:
    desk = bolton()
    declared = fact("BasisDeclared", "2026-08-01T00:00", purpose="P02a", article6="a")
    entry = desk.records(declared, subject, at="2026-08-01T00:00")

    assert reason(desk.tries(consent(purpose="P02a"))) is None
    assert reason(desk.tries(consent(purpose="P02b"))) == (Reason.NO_CONSENT_LINE, "purpose")
    if subject is not None:
        assert reason(desk.tries(consent(purpose="P02a"), "C1")) is not None
    desk.records(fact("EntryAnnulled", entry=entry), subject)
    assert reason(desk.tries(consent(purpose="P02a"))) == (Reason.NO_CONSENT_LINE, "purpose")


def test_another_declared_basis_is_no_line_of_consent() -> None:
    desk = bolton()
    desk.records(fact("BasisDeclared", purpose="P02a", article6="e", source="CA1989 s.47"))

    assert reason(desk.tries(consent(purpose="P02a"))) == (Reason.NO_CONSENT_LINE, "purpose")


@pytest.mark.parametrize(
    ("purpose", "fields"),
    [
        ("P18a", ("notice", "method", "evidence_digest")),
        ("P18b", ("notice", "method", "evidence_digest", "statement_digest")),
    ],
)
def test_our_catalogue_demands_of_a_consent_what_the_ico_asks_for(
    purpose: str, fields: tuple[str, ...]
) -> None:
    """Law, section 3.2: how, what they were told, and proof; special data, the words as well."""
    whole = {
        **P18A,
        "purpose": purpose,
        "explicit": True,
        "statement_digest": "sha256:" + "0" * 64,
        "evidence_digest": "sha256:" + "1" * 64,
    }

    assert BOLTON_4.purpose_by_id[purpose].consent_requirements == fields
    assert reason(bolton().tries(grant(**{**whole, "evidence": None}))) is None
    for field in fields:
        without = {**whole, "evidence": None, field: None}
        found = bolton().tries(grant(**without))
        assert reason(found) == (Reason.CONSENT_FIELDS_MISSING, field)


def test_a_refused_consent_may_still_be_refused_or_withdrawn() -> None:
    for kind in ("ConsentRefused", "ConsentWithdrawn"):
        for purpose in ("P18", "P18a", "P01", "P99"):
            said = fact(kind, purpose=purpose, given_by="A1", capacity="SELF")
            assert bolton().tries(said) == said


@pytest.mark.parametrize(
    ("given", "now", "early"),
    [
        ("2026-11-23T09:05", "2026-11-23T09:00", False),
        ("2026-11-23T09:06", "2026-11-23T09:00", True),
        ("2026-11-24T09:00", "2026-11-23T09:00", True),
        # A civil date is today's until midnight in London, also where UTC has another day.
        ("2026-11-23", "2026-11-23T00:00", False),
        ("2026-11-23", "2026-11-22T23:54", True),
        ("2026-11-23", "2026-11-23T23:59", False),
        ("2026-11-24", "2026-11-23T23:54", True),
        ("2026-07-02", "2026-07-01T22:54", True),
        ("2026-07-02", "2026-07-01T23:00", False),
        ("2026-07-02", "2026-07-02T22:59", False),
        ("2026-11-22", "2026-11-23T09:00", False),
    ],
)
def test_a_consent_is_an_act_of_the_past(given: str, now: str, early: bool) -> None:
    found = Desk().tries(grant(given), now=now)

    assert reason(found) == ((Reason.GRANT_IN_FUTURE, "effective_at") if early else None)


def test_a_date_beside_an_instant_does_not_bring_a_consent_forward() -> None:
    dated = grant("2027-03-01T10:00", civil_dates={"effective_at": "2026-11-23"})

    assert reason(Desk().tries(dated)) == (Reason.GRANT_IN_FUTURE, "effective_at")


def test_a_consent_of_the_past_is_taken_however_late_it_comes() -> None:
    assert reason(Desk().tries(grant("2018-05-25T00:00"))) is None


# Purposes over the versions of a catalogue.


def test_a_purpose_that_any_version_declared_can_still_be_spoken_of() -> None:
    for purpose in ("P02", "P02a", "P18", "P18a", "P01"):
        noted = fact("ErasureRefused", purpose=purpose)
        assert reason(bolton().tries(noted)) is None
    for purpose in ("P02a", "P18a", "P99"):
        noted = fact("ErasureRefused", purpose=purpose)
        assert reason(Desk(BOLTON_3).tries(noted)) == (Reason.UNKNOWN_PURPOSE, "purpose")


def test_an_entry_about_every_purpose_needs_none_to_be_known() -> None:
    assert reason(Desk().tries(fact("ErasureRefused", purpose="*"))) is None
    assert reason(Desk().tries(fact("HoldPlaced"))) is None


def test_a_purpose_is_read_in_the_newest_version_that_declares_it() -> None:
    """The purpose may ask for consent again, or no longer, and what it demands may change."""
    changed = with_field(CHOICE, "purposes/0/consent_requirements", ("method",))
    desk = Desk(CHOICE)
    plain = grant(purpose="GROUP")
    assert reason(desk.tries(plain)) is None

    desk.adopts(changed, "2026-10-01T00:00")
    desk.adopts(SOUND, "2026-10-02T00:00")
    assert reason(desk.tries(plain)) == (Reason.CONSENT_FIELDS_MISSING, "method")

    entry = desk.adopts(with_field(CHOICE, "purposes/0/resolvable", False), "2026-10-03T00:00")
    assert reason(desk.tries(plain)) == (Reason.PURPOSE_NOT_RESOLVABLE, "purpose")

    desk.records(fact("EntryAnnulled", entry=entry), None)
    assert reason(desk.tries(plain)) == (Reason.CONSENT_FIELDS_MISSING, "method")


# Bases.


@pytest.mark.parametrize("article6", ["a", "b", "c", "d", "e", "ea", "f"])
@pytest.mark.parametrize("subject", ["A1", None])
def test_a_basis_is_declared_with_what_it_rests_on(article6: Article6, subject: str | None) -> None:
    wanted = {"c": "source", "e": "source", "ea": "annex1"}.get(article6)
    for source in (None, "CA1989 s.17"):
        for annex1 in (None, (), ("RLI-6",)):
            declared = BasisDeclared(
                effective_at=instant(NOW),
                purpose="NEWP",
                article6=article6,
                source=source,
                annex1=annex1,
            )
            missing = wanted and not {"source": source, "annex1": annex1}[wanted]
            found = reason(Desk().tries(declared, subject))
            assert (found and found[1]) == (wanted if missing else None)


# What entries are about.


def test_an_entry_may_be_about_one_that_was_taken_back() -> None:
    """It is without effect, and recorded."""
    desk = Desk()
    entry = desk.records(fact("RestrictionApplied", purpose="*", ground="a"))
    desk.records(fact("EntryAnnulled", entry=entry))
    lifted = fact("RestrictionLifted", restriction=entry, informed_at="2026-11-02T09:00")

    assert desk.tries(lifted) == lifted


def test_an_entry_of_another_person_or_stream_is_unknown_here() -> None:
    desk = Desk()
    entry = desk.records(fact("StatusStarted", kind="CPP"), "C1")
    common = desk.records(fact("PolicyDocumentAdopted"), None)
    for named in (entry, common):
        found = desk.tries(fact("EntryAnnulled", entry=named))
        assert reason(found) == (Reason.UNKNOWN_ENTRY, "entry")
    ended = fact("PolicyDocumentEnded", policy_document=common)
    assert desk.tries(ended, None) == ended


def test_an_entry_that_moved_here_can_be_spoken_of_here() -> None:
    desk = Desk()
    entry = desk.records(fact("StatusStarted", kind="CPP"), "C1")
    desk.records(fact("EntryReattributed", entry=entry, from_="C1", to="A1"), "C1")

    for one in (
        fact("StatusEnded", kind="CPP", status=entry),
        fact("EntryAnnulled", entry=entry),
        fact("EntryReattributed", entry=entry, from_="A1", to="C2"),
    ):
        assert desk.tries(one) == one


def test_an_entry_that_has_left_cannot_be_moved_from_here_again() -> None:
    desk = Desk()
    entry = desk.records(fact("StatusStarted", kind="CPP"))
    desk.records(fact("EntryReattributed", entry=entry, from_="A1", to="C1"))
    again = fact("EntryReattributed", entry=entry, from_="A1", to="C2")

    assert reason(desk.tries(again)) == (Reason.UNKNOWN_ENTRY, "entry")


REFERRED = [
    ("StatusEnded", "status", "StatusStarted", {"kind": "CPP"}),
    ("ConsentInvalidated", "consent", "ConsentGranted", {}),
    ("AuthorityEnded", "authority", "AuthorityStarted", {"holder": "MUM", "kind": "PR"}),
    (
        "ObjectionDecided",
        "objection",
        "ObjectionReceived",
        {"outcome": "UPHELD", "informed_at": "2026-11-02T09:00"},
    ),
    (
        "RestrictionLifted",
        "restriction",
        "RestrictionApplied",
        {"informed_at": "2026-11-02T09:00"},
    ),
    ("HoldReleased", "hold", "HoldPlaced", {}),
    ("ComplaintAcknowledged", "complaint", "ComplaintReceived", {}),
    ("ComplaintClosed", "complaint", "ComplaintReceived", {}),
]
BEGUN: dict[str, Fact] = {
    "StatusStarted": fact("StatusStarted", kind="CPP"),
    "ConsentGranted": grant(),
    "AuthorityStarted": fact("AuthorityStarted", holder="MUM", kind="PR"),
    "ObjectionReceived": fact("ObjectionReceived", purpose="*", kind="ART21_1"),
    "RestrictionApplied": fact("RestrictionApplied", purpose="*", ground="a"),
    "HoldPlaced": fact("HoldPlaced"),
    "ComplaintReceived": fact("ComplaintReceived"),
    "DeathRecorded": fact("DeathRecorded"),
}


@pytest.mark.parametrize(("name", "field", "begun", "more"), REFERRED)
def test_an_end_names_a_beginning_of_its_own_type(
    name: str, field: str, begun: str, more: dict[str, Any]
) -> None:
    desk = Desk()
    for kind, one in BEGUN.items():
        entry = desk.records(one)
        found = reason(desk.tries(fact(name, **{field: entry}, **more)))
        assert found == (None if kind == begun else (Reason.WRONG_ENTRY_TYPE, field)), kind
