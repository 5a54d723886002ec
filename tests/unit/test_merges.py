"""Two subjects who are one person: what counts for whom, what is passed on, and the way back.

Not here: reattributions of single entries (`test_counterparts`).
"""

from typing import Any

import msgspec
import pytest

from ledger.counterparts import Planned, obstacle
from ledger.events import ConsentWithdrawn, Fact, IdentityMerged
from ledger.history import Dossier, about
from ledger.scenario import Given, Streams
from ledger.terms import Reason, Refusal
from tests.unit.books import Books
from tests.unit.catalogues import SCENARIOS
from tests.unit.desk import Desk, fact, grant, instant
from tests.unit.facts import PROTECTIVE, bare

NOW = instant("2026-11-23T09:00")


def reason(found: object) -> tuple[Reason, str] | None:
    return (found.reason, found.pointer) if isinstance(found, Refusal) else None


def withdrawal(given_by: str = "A1", **fields: Any) -> Fact:
    usual = {"purpose": "PHOTO", "given_by": given_by, "capacity": "SELF"}
    return fact("ConsentWithdrawn", "2026-10-06T09:00", **{**usual, **fields})


def merged() -> tuple[Books, str, str]:
    """A consent of A1, who is found to be B1."""
    books = Books()
    entry = books.grants("A1")
    return books, entry, books.merges("A1", "B1")


# What a merge brings.


def test_after_a_merge_the_facts_count_for_the_survivor_with_their_own_ids_and_times() -> None:
    books, entry, _ = merged()
    (moved,) = [one for one in books.dossier("B1").at(books.now).items if one.entry == entry]

    assert books.permitted() == ["B1"]
    assert books.asks("A1").flags == ("IDENTITY_MERGED",)
    assert moved.at == instant("2026-10-01T09:00")
    assert moved.known_from == books.now > moved.recorded_at


def test_what_was_known_before_a_merge_is_answered_as_before() -> None:
    books = Books()
    books.grants("A1")
    before = books.now
    books.merges("A1", "B1")

    assert books.asks("A1", known=before).decision == "PERMIT"
    assert books.asks("B1", known=before).decision == "DENY"


def test_both_sides_of_a_merge_name_each_other() -> None:
    books, entry, _ = merged()
    here, there = books.last
    assert isinstance(here.fact, IdentityMerged)
    assert isinstance(there.fact, IdentityMerged)

    assert (here.fact.counterpart, there.fact.counterpart) == (there.entry, here.entry)
    assert here.fact.moved is None
    assert entry in [one.entry for one in there.fact.moved or ()]


def test_corrections_come_along_and_can_be_taken_back_on_the_survivors_stream() -> None:
    books = Books()
    entry = books.grants("A1")
    doubted = books.annuls(entry, "A1")
    merge = books.merges("A1", "B1")
    assert books.permitted() == []

    cleared = books.annuls(doubted, "B1")
    assert books.permitted() == books.counting(entry)[1:] == ["B1"]
    books.annuls(merge, "A1")
    assert books.permitted() == ["A1"]
    books.annuls(cleared, "B1")
    assert books.permitted() == []


def test_what_was_moved_away_before_a_merge_stays_away() -> None:
    books = Books()
    entry = books.grants("A1")
    books.moves(entry, "A1", "C1")
    books.merges("A1", "B1")

    assert books.permitted() == ["C1"]


# What is passed on.


@pytest.mark.parametrize("kind", PROTECTIVE, ids=lambda kind: kind.__name__)
def test_what_a_merged_person_asks_us_to_stop_reaches_the_survivor(kind: type[Fact]) -> None:
    books, _, _ = merged()
    said = bare(kind, purpose="*")

    assert books.streams(said, "A1") == ["A1", "B1"]
    assert type(books.dossier("B1").items[-1].fact) is kind


@pytest.mark.parametrize("kind", PROTECTIVE, ids=lambda kind: kind.__name__)
def test_what_a_survivor_asks_us_to_stop_binds_the_merged_identity_too(kind: type[Fact]) -> None:
    """Without its words: should the merge be wrong, those are another person's."""
    books, _, _ = merged()
    said = msgspec.structs.replace(bare(kind, purpose="*"), note="canary")

    assert books.streams(said, "B1") == ["B1", "A1"]
    assert type(books.dossier("A1").items[-1].fact) is kind
    assert [one.fact.note for one in books.last] == ["canary", None]


@pytest.mark.parametrize("kind", ["StatusStarted", "ConsentGranted", "DeathRecorded"])
def test_a_merged_identity_takes_nothing_else(kind: str) -> None:
    books, _, _ = merged()
    one = {
        "StatusStarted": fact("StatusStarted", kind="CPP"),
        "ConsentGranted": grant(),
        "DeathRecorded": fact("DeathRecorded"),
    }[kind]

    assert reason(books.tries(one, "A1")) == (Reason.IDENTITY_MERGED, "subject")


@pytest.mark.parametrize(("given_by", "there"), [("A1", "B1"), ("MUM", "MUM")])
def test_who_said_it_is_named_as_the_survivor_where_it_was_the_person(
    given_by: str, there: str
) -> None:
    books, _, _ = merged()
    books.records(withdrawal(given_by), "A1")
    here, passed = (books.dossier(name).items[-1].fact for name in ("A1", "B1"))
    assert isinstance(here, ConsentWithdrawn)
    assert isinstance(passed, ConsentWithdrawn)

    assert (here.given_by, passed.given_by) == (given_by, there)


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_what_becomes_of_what_was_passed_on_is_known_to_both_while_they_are_one(where: str) -> None:
    """Afterwards each is told for themself."""
    books, _, _ = merged()
    books.records(fact("RestrictionApplied", purpose="*", ground="a"), where)
    ids = {str(one.subject): one.entry for one in books.last}
    lifted = fact("RestrictionLifted", restriction=ids["B1"], informed_at="2026-10-05T09:00")
    told = msgspec.structs.replace(lifted, note="canary")
    assert books.streams(told, "B1") == ["B1", "A1"]
    assert [about(one.fact) for one in books.last] == [ids["B1"], ids["A1"]]
    assert [one.fact.note for one in books.last] == ["canary", None]

    books.unmerges("A1", "B1")
    assert books.permitted() == ["A1"]
    books.records(fact("RestrictionApplied", purpose="*", ground="a"), "A1")
    assert books.streams(lifted, "B1") == ["B1"]


def test_a_withdrawal_ends_the_consent_of_the_survivor() -> None:
    books, _, _ = merged()
    books.records(withdrawal(), "A1")

    assert books.permitted() == []
    assert "CONSENT_WITHDRAWN" in books.asks("B1").flags


def test_a_withdrawal_goes_on_from_survivor_to_survivor() -> None:
    """A caller may hold the oldest of the references."""
    books, _, _ = merged()
    books.merges("B1", "C1")
    books.merges("C1", "D1")
    assert books.permitted() == ["D1"]

    assert books.streams(withdrawal(), "A1") == ["A1", "B1", "C1", "D1"]
    last = books.dossier("D1").items[-1].fact
    assert isinstance(last, ConsentWithdrawn)
    assert last.given_by == "D1"
    assert books.permitted() == []


@pytest.mark.parametrize("first", ["A1", "B1", "C1"])
def test_a_withdrawal_that_was_a_mistake_is_taken_back_wherever_it_was_passed_on(
    first: str,
) -> None:
    """From any of the streams, under the id that it has there."""
    books, _, _ = merged()
    books.merges("B1", "C1")
    books.records(withdrawal(), "A1")
    assert books.permitted() == []
    mistake = books.dossier(first).items[-1].entry

    again = books.annuls(mistake, first)
    assert books.permitted() == ["C1"]
    books.annuls(again, first)
    assert books.permitted() == []


def test_a_mistake_from_before_the_next_merge_is_taken_back_after_it() -> None:
    books, _, _ = merged()
    mistake = books.records(withdrawal(), "A1")
    books.merges("B1", "C1")

    books.annuls(mistake, "A1")
    assert books.permitted() == ["C1"]


def test_merges_in_a_circle_pass_a_withdrawal_on_once() -> None:
    """Admission allows no circle; a scenario is taken as it is."""
    streams = Streams(SCENARIOS, {})
    at = instant("2026-10-05T09:00")
    for n, (origin, into) in enumerate((("A1", "B1"), ("B1", "C1"), ("C1", "A1"))):
        merge = fact("IdentityMerged", from_=origin, into=into)
        streams.record(Given(id=f"m{n}", subject=origin, recorded_at=at, fact=merge))
    streams.record(Given(id="w", subject="A1", recorded_at=at, fact=withdrawal()))

    for name in ("A1", "B1", "C1"):
        assert [one.entry for one in streams.dossier(name).items].count("w") == 1


# What is said of merged entries.


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_an_entry_of_the_merged_identity_is_taken_back_from_either_stream(where: str) -> None:
    books, entry, _ = merged()
    books.annuls(entry, where)

    assert books.permitted() == []
    assert "B1" not in books.counting(entry)
    books.records(fact("IdentityUnmerged", from_="A1", into="B1"), "A1")
    assert books.permitted() == []


def test_what_the_survivor_is_told_of_an_older_entry_holds_after_the_merge_is_undone() -> None:
    books, entry, _ = merged()
    assert books.streams(fact("ConsentInvalidated", consent=entry), "B1") == ["B1", "A1"]
    books.records(fact("IdentityUnmerged", from_="A1", into="B1"), "A1")

    assert books.counting(entry) == ["A1"]
    assert books.permitted() == []


def test_an_entry_that_came_with_a_merge_may_be_found_to_be_somebody_elses() -> None:
    books, entry, _ = merged()
    books.moves(entry, "B1", "C1")
    assert books.permitted() == ["C1"]

    books.annuls(entry, "A1")
    assert books.permitted() == []


# The way back.


def test_after_an_unmerge_each_has_their_own_facts_again() -> None:
    books, entry, _ = merged()
    own = books.records(grant(given_by="B1"), "B1")
    books.records(fact("IdentityUnmerged", from_="A1", into="B1"), "A1")

    assert books.permitted() == ["A1", "B1"]
    assert (books.counting(entry), books.counting(own)) == (["A1"], ["B1"])
    assert books.streams(withdrawal(), "A1") == ["A1"]
    assert books.permitted() == ["B1"]


@pytest.mark.parametrize("where", ["A1", "B1"])
def test_a_merge_is_taken_back_from_either_side_and_can_be_made_good_again(where: str) -> None:
    books, entry, _ = merged()
    undone = books.annuls(books.dossier(where).items[-1].entry, where)
    assert books.permitted() == books.counting(entry) == ["A1"]

    books.annuls(undone, where)
    assert books.permitted() == ["B1"]


def test_two_may_be_merged_unmerged_and_merged_again() -> None:
    books, _, _ = merged()
    books.records(fact("IdentityUnmerged", from_="A1", into="B1"), "A1")
    books.records(withdrawal(), "A1")
    books.merges("A1", "B1")

    assert books.permitted() == []
    assert "CONSENT_WITHDRAWN" in books.asks("B1").flags


def test_a_merge_whose_entries_moved_on_is_undone_after_those_moves() -> None:
    books, entry, merge = merged()
    move = books.moves(entry, "B1", "C1")
    unmerge = fact("IdentityUnmerged", from_="A1", into="B1")
    assert reason(books.tries(unmerge, "A1")) == (Reason.NOT_ANNULLABLE, "into")
    assert reason(books.tries(fact("EntryAnnulled", entry=merge), "A1")) == (
        Reason.NOT_ANNULLABLE,
        "entry",
    )

    books.annuls(move, "B1")
    books.records(unmerge, "A1")
    assert books.permitted() == ["A1"]


# What a merged identity cannot receive.


@pytest.mark.parametrize(
    ("kind", "fields", "pointer"),
    [
        ("IdentityMerged", {"into": "A1"}, "into"),
        ("EntryReattributed", {"to": "A1", "entry": "?"}, "to"),
    ],
)
def test_nothing_is_brought_to_an_identity_that_is_no_longer_one(
    kind: str, fields: dict[str, str], pointer: str
) -> None:
    books, _, _ = merged()
    entry = books.records(grant(given_by="C1"), "C1")
    values = {key: entry if value == "?" else value for key, value in fields.items()}
    found = books.tries(fact(kind, from_="C1", **values), "C1")

    assert reason(found) == (Reason.IDENTITY_MERGED, pointer)
    assert isinstance(found, Refusal)
    assert "B1" in found.message
    assert books.counting(entry) == ["C1"]


def test_two_are_not_unmerged_while_the_survivor_is_merged_into_a_third() -> None:
    books, _, merge = merged()
    second = books.merges("B1", "C1")
    unmerge = fact("IdentityUnmerged", from_="A1", into="B1")
    assert reason(books.tries(unmerge, "A1")) == (Reason.IDENTITY_MERGED, "into")
    annul = fact("EntryAnnulled", entry=merge)
    assert reason(books.tries(annul, "A1")) == (Reason.IDENTITY_MERGED, "entry")

    books.annuls(second, "B1")
    books.records(unmerge, "A1")
    assert books.permitted() == ["A1"]


def test_a_move_from_before_a_merge_is_not_taken_back_while_the_merge_stands() -> None:
    """Neither from nor to an identity that is no longer one: the survivor would not have it."""
    for origin, target in (("A1", "C1"), ("C1", "A1")):
        books = Books()
        entry = books.grants(origin)
        move = books.moves(entry, origin, target)
        books.merges("A1", "B1")
        for stream in (origin, target):
            side = move if stream == origin else books.dossier(stream).items[1].entry
            found = reason(books.tries(fact("EntryAnnulled", entry=side), stream))
            assert found == (Reason.IDENTITY_MERGED, "entry"), (origin, stream)


def test_nothing_is_merged_into_a_person_whose_keys_are_destroyed() -> None:
    merge = fact("IdentityMerged", from_="A1", into="B1")
    step = Planned(subject="B1", entry="x", fact=merge)
    found = obstacle(step, dossier=Dossier("B1", destroyed=True), now=NOW)

    assert reason(found) == (Reason.SUBJECT_ERASED, "into")
    assert obstacle(step, dossier=Dossier("B1"), now=NOW) is None


def test_an_answer_of_a_survivor_is_the_same_whoever_asks_first() -> None:
    """The scenarios' desk, whose entries keep one id everywhere, comes to the same."""
    desk = Desk()
    desk.records(fact("DateOfBirthRecorded", date_of_birth="1980-05-05"), "B1")
    desk.records(grant())
    desk.records(fact("IdentityMerged", from_="A1", into="B1"), at="2026-11-02T09:00")
    assert desk.asks("PHOTO", subject="B1").decision == "PERMIT"

    desk.records(withdrawal(), at="2026-11-03T09:00")
    assert desk.asks("PHOTO", subject="B1").decision == "DENY"
    assert desk.asks("PHOTO", subject="A1").decision == "DENY"
