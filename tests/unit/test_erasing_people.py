"""An erasure reaches every identity of a person, and of one to be erased nothing moves any more."""

import pytest

from ledger.counterparts import Planned, obstacle
from ledger.events import ErasureExecuted, Fact
from ledger.sealing import content_purpose
from ledger.terms import Flag, Reason, Refusal
from tests.unit.desk import NOW, Desk, fact, grant, instant

MOVES = (
    fact("EntryReattributed", entry="e1", from_="A1", to="B1"),
    fact("IdentityMerged", from_="A1", into="B1"),
    fact("IdentityUnmerged", from_="A1", into="B1"),
)
ERASED = fact("ErasureExecuted", purpose="*")


def erased(desk: Desk, subject: str) -> list[str]:
    """The purposes erased on this stream, by an entry of its own."""
    facts = [one.fact for one in desk.dossier(subject).items]
    return [one.purpose for one in facts if isinstance(one, ErasureExecuted)]


@pytest.mark.parametrize("purpose", ["PHOTO", "*"])
def test_an_erasure_reaches_every_identity_and_stays_when_they_part(purpose: str) -> None:
    desk = Desk()
    desk.records(fact("IdentityMerged", from_="C1", into="B1"), "C1", at="2026-11-01T09:00")
    desk.records(fact("IdentityMerged", from_="B1", into="A1"), "B1", at="2026-11-02T09:00")
    desk.records(fact("ErasureExecuted", purpose=purpose), "A1", at="2026-11-03T09:00")
    assert [erased(desk, name) for name in ("A1", "B1", "C1", "D1")] == [[purpose]] * 3 + [[]]

    desk.records(fact("IdentityUnmerged", from_="B1", into="A1"), "B1", at="2026-11-04T09:00")
    for subject in ("A1", "B1"):
        answer = desk.asks("PHOTO", subject=subject)
        assert (answer.decision, Flag.ERASED in answer.flags) == ("DENY", True)


def test_one_that_was_merged_away_is_not_erased_alone() -> None:
    desk = Desk()
    desk.records(fact("IdentityMerged", from_="A1", into="B1"))

    refused = desk.tries(ERASED)

    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.IDENTITY_MERGED


@pytest.mark.parametrize("move", MOVES, ids=lambda one: type(one).__name__)
def test_nothing_moves_from_a_person_who_is_to_be_erased(move: Fact) -> None:
    desk = Desk()
    desk.records(grant())
    desk.records(fact("ErasureExecuted", purpose="PHOTO"))
    one = desk.tries(move)
    assert not (isinstance(one, Refusal) and one.reason is Reason.SUBJECT_ERASED)

    desk.records(ERASED)
    other = desk.tries(move)
    assert isinstance(other, Refusal)
    assert (other.reason, other.pointer) == (Reason.SUBJECT_ERASED, "from")


@pytest.mark.parametrize("move", MOVES[:2], ids=lambda one: type(one).__name__)
def test_nothing_moves_to_a_person_who_is_to_be_erased(move: Fact) -> None:
    desk = Desk()
    step = Planned(subject="B1", entry="x", fact=move)
    desk.records(fact("ErasureExecuted", purpose="PHOTO"), "B1")
    assert obstacle(step, dossier=desk.dossier("B1"), now=instant(NOW)) is None

    desk.records(ERASED, "B1")
    refused = obstacle(step, dossier=desk.dossier("B1"), now=instant(NOW))
    assert refused is not None
    assert refused.reason is Reason.SUBJECT_ERASED


def test_an_unmerging_still_reaches_one_who_is_to_be_erased() -> None:
    desk = Desk()
    desk.records(ERASED, "B1")
    step = Planned(subject="B1", entry="x", fact=MOVES[2])

    assert obstacle(step, dossier=desk.dossier("B1"), now=instant(NOW)) is None


# Which purpose's erasure takes what is said of an entry.


def test_what_names_no_purpose_is_for_that_of_the_entry_it_is_about() -> None:
    desk = Desk()
    objection = desk.records(fact("ObjectionReceived", purpose="PHOTO", kind="ART21_1"))
    words = {"objection": objection, "outcome": "UPHELD", "informed_at": "2026-10-02T09:00"}
    decided = fact("ObjectionDecided", grounds="moved house", **words)
    taken_back = fact("EntryAnnulled", entry=desk.records(decided), reason="not theirs")

    assert content_purpose(decided, desk.dossier("A1")) == "PHOTO"
    assert content_purpose(taken_back, desk.dossier("A1")) == "PHOTO"
    assert content_purpose(decided) is None
    assert content_purpose(fact("EntryAnnulled", entry="none"), desk.dossier("A1")) is None


def test_what_is_about_every_purpose_or_none_goes_with_the_person_alone() -> None:
    desk = Desk()
    everything = desk.records(fact("ObjectionReceived", purpose="*", kind="ART21_1"))
    birth = desk.records(fact("DateOfBirthRecorded", date_of_birth="1980-05-05"))

    for entry in (everything, birth):
        said = fact("EntryAnnulled", entry=entry, reason="a mistake")
        assert content_purpose(said, desk.dossier("A1")) is None


def test_what_came_from_another_person_is_for_the_purpose_it_came_with() -> None:
    desk = Desk()
    entry = desk.records(grant(), "A1")
    desk.records(fact("EntryReattributed", entry=entry, from_="A1", to="B1"), "A1")
    said = fact("ConsentInvalidated", consent=entry)

    assert content_purpose(said, desk.dossier("B1")) == "PHOTO"
