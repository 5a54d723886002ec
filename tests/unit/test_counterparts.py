"""What concerns two people is on both their streams, and what is said of it follows it there.

Each entry has an id of its own here, as in the ledger. Not here: merges (`test_merges`), or how the
rules judge what moved.
"""

from typing import Any, cast

import pytest

from ledger.counterparts import Planned, Spread, obstacle
from ledger.events import ConsentGranted, EntryAnnulled, EntryReattributed, Fact
from ledger.history import Dossier
from ledger.terms import Reason, Refusal
from tests.unit.books import Books
from tests.unit.desk import fact, grant, instant

NOW = instant("2026-11-23T09:00")


def reason(found: object) -> tuple[Reason, str] | None:
    return (found.reason, found.pointer) if isinstance(found, Refusal) else None


def onto(step: Planned, dossier: Dossier) -> list[Planned]:
    return Spread(step).onto(step, dossier=dossier, now=NOW, entry_ids=lambda: "new")


def only(books: Books, subject: str, kind: type[Fact]) -> Any:
    (found,) = books.dossier(subject).at(books.now).of(kind)
    return found


# A reattribution.


def test_an_entry_about_one_person_alone_is_planned_for_their_stream_alone() -> None:
    one = Planned(subject="A1", entry="e1", fact=grant())

    spread = Spread(one)

    assert spread.next() is one
    assert spread.onto(one, dossier=Dossier("A1"), now=NOW, entry_ids=lambda: "e2") == [one]
    assert spread.next() is None


def test_a_moved_entry_counts_for_the_other_person_from_then_on() -> None:
    books = Books()
    entry = books.grants("A1")
    before = books.now
    books.moves(entry, "A1", "B1")

    assert books.counting(entry) == books.permitted() == ["B1"]
    assert books.asks("A1", known=before).decision == "PERMIT"
    assert books.asks("B1", known=before).decision == "DENY"


def test_a_moved_entry_keeps_its_id_its_times_and_its_basis() -> None:
    books = Books()
    entry = books.grants("A1", "2026-10-01T10:30")
    (recorded,) = [one.recorded_at for one in books.dossier("A1").items if one.entry == entry]
    books.moves(entry, "A1", "B1")
    moved = only(books, "B1", ConsentGranted)

    assert (moved.entry, moved.recorded_at, moved.known_from) == (entry, recorded, books.now)
    assert moved.at == instant("2026-10-01T10:30")
    assert moved.fact.evidence_digest is not None
    assert moved.fact.evidence is None


def test_both_sides_of_a_move_name_each_other_and_the_receiving_one_carries_the_facts() -> None:
    books = Books()
    entry = books.grants("A1")
    move = fact("EntryReattributed", entry=entry, from_="A1", to="B1", reason="wrong child")
    books.tries(move, "A1")
    here, there = books.last
    ours, theirs = cast(EntryReattributed, here.fact), cast(EntryReattributed, there.fact)

    assert (here.subject, there.subject) == ("A1", "B1")
    assert (ours.counterpart, theirs.counterpart) == (there.entry, here.entry)
    assert ours.moved is None
    assert [one.entry for one in theirs.moved or ()] == [entry]
    assert (ours.reason, theirs.reason) == ("wrong child", "wrong child")


@pytest.mark.parametrize(("given_by", "after"), [("A1", "B1"), ("MUM", "MUM"), ("B1", "B1")])
def test_what_a_person_said_of_themself_is_said_by_the_other_after_the_move(
    given_by: str, after: str
) -> None:
    books = Books()
    entry = books.records(grant(given_by=given_by), "A1")
    books.moves(entry, "A1", "B1")

    assert only(books, "B1", ConsentGranted).fact.given_by == after


BEGUN: list[tuple[Fact, str, dict[str, Any]]] = [
    (grant(), "ConsentInvalidated", {"consent": "?"}),
    (
        fact("ObjectionReceived", purpose="*", kind="ART21_1"),
        "ObjectionDecided",
        {"objection": "?", "outcome": "UPHELD", "informed_at": "2026-10-20T09:00"},
    ),
    (
        fact("RestrictionApplied", purpose="*", ground="a"),
        "RestrictionLifted",
        {"restriction": "?", "informed_at": "2026-10-20T09:00"},
    ),
    (fact("StatusStarted", kind="CPP"), "StatusEnded", {"status": "?", "kind": "CPP"}),
    (
        fact("AuthorityStarted", holder="MUM", kind="PR"),
        "AuthorityEnded",
        {"authority": "?", "holder": "MUM", "kind": "PR"},
    ),
    (fact("HoldPlaced"), "HoldReleased", {"hold": "?"}),
    (fact("ComplaintReceived"), "ComplaintAcknowledged", {"complaint": "?"}),
    (fact("ComplaintReceived"), "ComplaintClosed", {"complaint": "?"}),
]
IDS = [name for _, name, _ in BEGUN]


def said(name: str, fields: dict[str, Any], entry: str) -> Fact:
    return fact(name, **{key: entry if value == "?" else value for key, value in fields.items()})


@pytest.mark.parametrize(("begun", "name", "fields"), BEGUN, ids=IDS)
def test_what_had_been_said_of_an_entry_moves_with_it(
    begun: Fact, name: str, fields: dict[str, Any]
) -> None:
    books = Books()
    entry = books.records(begun, "A1")
    about = books.records(said(name, fields, entry), "A1")
    books.moves(entry, "A1", "B1")

    assert books.counting(entry) == books.counting(about) == ["B1"]


@pytest.mark.parametrize(("begun", "name", "fields"), BEGUN, ids=IDS)
def test_what_is_said_of_a_moved_entry_on_the_old_stream_reaches_it(
    begun: Fact, name: str, fields: dict[str, Any]
) -> None:
    books = Books()
    entry = books.records(begun, "A1")
    books.moves(entry, "A1", "B1")

    assert books.streams(said(name, fields, entry), "A1") == ["A1", "B1"]
    assert type(books.dossier("B1").items[-1].fact).__name__ == name
    assert books.dossier("B1").items[-1].fact.counterpart == books.dossier("A1").items[-1].entry


@pytest.mark.parametrize(("begun", "name", "fields"), BEGUN, ids=IDS)
def test_what_is_said_of_a_moved_entry_where_it_counts_is_known_where_it_came_from(
    begun: Fact, name: str, fields: dict[str, Any]
) -> None:
    """Without the words that go with it: those are about the person for whom it counts."""
    books = Books()
    entry = books.records(begun, "A1")
    move = books.moves(entry, "A1", "B1")
    words = said(name, {**fields, "note": "canary"}, entry)

    assert books.streams(words, "B1") == ["B1", "A1"]
    assert [one.fact.note for one in books.last] == ["canary", None]
    books.annuls(move, "A1")
    assert books.counting(entry) == ["A1"]


def test_an_invalid_consent_is_invalid_wherever_it_counts() -> None:
    for where in ("A1", "B1"):
        books = Books()
        entry = books.grants("A1")
        move = books.moves(entry, "A1", "B1")
        books.records(fact("ConsentInvalidated", consent=entry), where)
        assert books.permitted() == []
        books.annuls(move, "A1")
        assert books.counting(entry) == ["A1"]
        assert books.permitted() == []


# Taking back.


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_a_moved_entry_is_taken_back_from_either_stream(where: str) -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")

    books.annuls(entry, where)
    assert books.counting(entry) == books.permitted() == []


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_a_moved_entry_is_replaced_from_either_stream(where: str) -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")
    right = books.records(grant(given_by="B1"), where)
    books.records(fact("EntrySuperseded", entry=entry, replacement=right), where)

    assert books.counting(entry) == []
    assert books.counting(right) == [where]


@pytest.mark.parametrize("first", ["A1", "B1"])
@pytest.mark.parametrize("second", ["A1", "B1"])
def test_a_correction_is_itself_taken_back_from_either_stream(first: str, second: str) -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")
    books.annuls(entry, first)
    there = books.dossier(second).items[-1]
    assert isinstance(there.fact, EntryAnnulled)

    again = books.annuls(there.entry, second)
    assert books.permitted() == books.counting(entry) == ["B1"]
    books.annuls(again, second)
    assert books.permitted() == books.counting(entry) == []


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_a_move_is_taken_back_from_either_side_and_can_be_made_good_again(where: str) -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")
    side = books.dossier(where).items[-1].entry

    undone = books.annuls(side, where)
    assert books.counting(entry) == books.permitted() == ["A1"]
    books.annuls(undone, where)
    assert books.counting(entry) == books.permitted() == ["B1"]


def test_after_a_move_was_taken_back_nothing_follows_it_any_more() -> None:
    books = Books()
    entry = books.grants("A1")
    books.annuls(books.moves(entry, "A1", "B1"), "A1")

    assert books.streams(fact("ConsentInvalidated", consent=entry), "A1") == ["A1"]
    assert books.streams(fact("EntryAnnulled", entry=entry), "A1") == ["A1"]
    gone = fact("ConsentInvalidated", consent=entry)
    assert reason(books.tries(gone, "B1")) == (Reason.UNKNOWN_ENTRY, "consent")


def test_a_correction_from_before_the_move_has_effect_again_where_the_entry_is_now() -> None:
    books = Books()
    entry = books.grants("A1")
    doubted = books.annuls(entry, "A1")
    cleared = books.annuls(doubted, "A1")
    books.moves(entry, "A1", "B1")
    assert books.permitted() == ["B1"]

    mistaken = books.annuls(cleared, "A1")
    assert books.permitted() == books.counting(entry) == []
    books.annuls(mistaken, "A1")
    assert books.permitted() == books.counting(entry) == ["B1"]


def test_a_correction_of_a_saying_reaches_it_under_the_id_that_it_has_there() -> None:
    for where in ("A1", "B1"):
        books = Books()
        entry = books.grants("A1")
        books.moves(entry, "A1", "B1")
        books.records(fact("ConsentInvalidated", consent=entry), "A1")
        there = books.dossier(where).items[-1].entry
        assert books.permitted() == []
        books.annuls(there, where)
        assert books.permitted() == ["B1"]


# Moved again.


def twice() -> tuple[Books, str, list[str]]:
    """An entry of A1 that went to B1, and from there to C1."""
    books = Books()
    entry = books.grants("A1")
    moves = [books.moves(entry, "A1", "B1"), books.moves(entry, "B1", "C1")]
    return books, entry, moves


def test_an_entry_moved_twice_counts_for_the_last_person_alone() -> None:
    books, entry, _ = twice()

    assert books.counting(entry) == books.permitted() == ["C1"]
    assert only(books, "C1", ConsentGranted).fact.given_by == "C1"


@pytest.mark.parametrize(
    ("where", "streams"), [("A1", ["A1", "B1", "C1"]), ("C1", ["C1", "B1", "A1"])]
)
def test_what_is_said_of_an_entry_moved_twice_goes_all_the_way(
    where: str, streams: list[str]
) -> None:
    books, entry, _ = twice()
    assert books.streams(fact("ConsentInvalidated", consent=entry), where) == streams
    assert books.permitted() == []

    books, entry, _ = twice()
    assert books.streams(fact("EntryAnnulled", entry=entry), where) == streams
    assert books.counting(entry) == []

    (first, *_, last) = books.last
    assert books.streams(fact("EntryAnnulled", entry=first.entry), where) == streams
    assert books.permitted() == books.counting(entry) == ["C1"]
    assert last.subject == streams[-1]


def test_where_an_entry_only_passed_through_it_can_no_longer_be_spoken_of() -> None:
    books, entry, _ = twice()

    found = books.tries(fact("ConsentInvalidated", consent=entry), "B1")
    assert reason(found) == (Reason.UNKNOWN_ENTRY, "consent")


def test_moves_are_taken_back_in_turn() -> None:
    books, entry, (first, second) = twice()
    early = fact("EntryAnnulled", entry=first)
    assert reason(books.tries(early, "A1")) == (Reason.NOT_ANNULLABLE, "entry")
    assert books.counting(entry) == ["C1"]

    books.annuls(second, "B1")
    assert books.counting(entry) == books.permitted() == ["B1"]
    books.annuls(first, "A1")
    assert books.counting(entry) == books.permitted() == ["A1"]


@pytest.mark.parametrize("where", ["A1", "C1"])
def test_a_correction_holds_when_the_moves_are_taken_back_after_it(where: str) -> None:
    books, entry, (first, second) = twice()
    books.annuls(entry, where)
    books.annuls(second, "B1")
    books.annuls(first, "A1")

    assert books.counting(entry) == books.permitted() == []


def test_an_entry_that_came_back_counts_at_home_and_is_corrected_there() -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")
    back = books.moves(entry, "B1", "A1")
    assert books.counting(entry) == books.permitted() == ["A1"]
    assert only(books, "A1", ConsentGranted).fact.given_by == "A1"

    books.annuls(back, "B1")
    assert books.permitted() == ["B1"]
    books.moves(entry, "B1", "A1")
    books.annuls(entry, "A1")
    assert books.counting(entry) == books.permitted() == []


def test_an_entry_that_came_back_may_leave_again() -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "B1")
    books.moves(entry, "B1", "A1")
    books.moves(entry, "A1", "C1")
    assert books.counting(entry) == books.permitted() == ["C1"]

    books.records(fact("ConsentInvalidated", consent=entry), "A1")
    assert books.permitted() == []


# What cannot be brought there.


def test_nothing_moves_to_a_person_whose_keys_are_destroyed() -> None:
    lost = Dossier("B1", destroyed=True)
    for kind, field in (("EntryReattributed", "to"), ("IdentityMerged", "into")):
        more = {"entry": "e1"} if field == "to" else {}
        move = Planned(
            subject="B1", entry="x", fact=fact(kind, from_="A1", **{field: "B1"}, **more)
        )
        assert reason(obstacle(move, dossier=lost, now=NOW)) == (Reason.SUBJECT_ERASED, field)


def test_what_only_says_something_of_a_lost_entry_stays_where_it_was_said() -> None:
    for words in (
        fact("EntryAnnulled", entry="e1"),
        fact("IdentityUnmerged", from_="A1", into="B1"),
        fact("ConsentWithdrawn", purpose="*", given_by="A1", capacity="SELF"),
        fact("ConsentInvalidated", consent="e1"),
    ):
        step = Planned(subject="B1", entry="x", fact=words)
        lost = Dossier("B1", destroyed=True)
        assert obstacle(step, dossier=lost, now=NOW) is None
        assert onto(step, lost) == []


def test_what_names_no_entry_at_all_stays_where_it_was_said() -> None:
    for words in (
        fact("EntryAnnulled", entry="e9"),
        fact("ConsentInvalidated", consent="e9"),
        fact("HoldReleased"),
    ):
        step = Planned(subject="B1", entry="x", fact=words)
        assert onto(step, Dossier("B1")) == [step]
