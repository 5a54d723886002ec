"""A is found to be B, and B to be C: no withdrawal is lost, and every correction arrives.

A small model says whose photographs may be used: a withdrawal binds everybody who was held to be
the same person when it was recorded. Not here: one merge (`test_merges`), or single entries that
move (`test_counterparts`).
"""

import random
from typing import NamedTuple

import pytest

from ledger.events import Fact
from ledger.terms import Reason, Refusal
from tests.unit.books import Books
from tests.unit.desk import fact, grant

PEOPLE = ("A1", "B1", "C1", "D1")
CHAIN = (("A1", "B1"), ("B1", "C1"))
WALKS = 150
STEPS = 24


class Act(NamedTuple):
    """A consent (+1) or withdrawal (-1), whom it binds, and its id on each stream."""

    place: int
    sign: int
    bound: frozenset[str]
    where: list[tuple[str, str]]


class Held:
    """The books, and what the model holds of four people who are perhaps fewer."""

    def __init__(self) -> None:
        self.books = Books()
        for person in PEOPLE:
            born = fact("DateOfBirthRecorded", date_of_birth="1980-05-05")
            self.books.records(born, person)
        self.merges: dict[str, str] = {}
        self.acts: list[Act] = []
        self.count = 0

    def root(self, person: str) -> str:
        while person in self.merges:
            person = self.merges[person]
        return person

    def together(self, person: str) -> frozenset[str]:
        """Everybody held to be this person now."""
        return frozenset(one for one in PEOPLE if self.root(one) == self.root(person))

    def act(self, one: Fact, person: str, sign: int, bound: frozenset[str]) -> None:
        where = self.books.tries(one, person)
        assert not isinstance(where, Refusal), where
        self.count += 1
        self.acts.append(Act(self.count, sign, bound, where))

    def grants(self, person: str) -> None:
        self.act(grant(self.now(), given_by=person), person, 1, frozenset([person]))

    def withdraws(self, person: str) -> None:
        given = {"purpose": "PHOTO", "given_by": person, "capacity": "SELF"}
        one = fact("ConsentWithdrawn", self.now(), **given)
        self.act(one, person, -1, self.together(person))

    def now(self) -> str:
        return self.books.now.strftime("%Y-%m-%dT%H:%M")

    def merge(self, origin: str, into: str) -> None:
        self.books.merges(origin, into)
        self.merges[origin] = into

    def unmerge(self, origin: str) -> None:
        self.books.unmerges(origin, self.merges.pop(origin))

    def permitted(self) -> list[str]:
        """The last word of all that binds one of those whom the survivor is held to be."""
        found = []
        for person in PEOPLE:
            words = [one for one in self.acts if one.bound & self.together(person)]
            if person not in self.merges and words and max(words).sign > 0:
                found.append(person)
        return found


@pytest.mark.parametrize("merged", [0, 1, 2])
@pytest.mark.parametrize("where", ["A1", "B1", "C1"])
@pytest.mark.parametrize("consented", ["A1", "B1", "C1"])
def test_no_withdrawal_is_lost_over_two_merges_nor_when_they_are_undone(
    consented: str, where: str, merged: int
) -> None:
    held = Held()
    held.grants(consented)
    for n, (origin, into) in enumerate(CHAIN):
        if n == merged:
            held.withdraws(where)
        held.merge(origin, into)
    if merged == len(CHAIN):
        held.withdraws(where)
    assert held.books.permitted() == held.permitted() == []

    for origin, _ in reversed(CHAIN):
        held.unmerge(origin)
        assert held.books.permitted() == held.permitted()


def step(held: Held, dice: random.Random) -> None:
    act = dice.choice(
        ("grant", "grant", "withdraw", "merge", "merge", "unmerge", "unmerge", "annul")
    )
    person = dice.choice(PEOPLE)
    if act == "grant" and person not in held.merges:
        held.grants(person)
    elif act == "withdraw":
        held.withdraws(person)
    elif act == "merge" and person not in held.merges:
        others = [one for one in PEOPLE if one not in held.merges and one != person]
        if others:
            held.merge(person, dice.choice(others))
    elif act == "unmerge" and person in held.merges:
        if held.merges[person] not in held.merges:
            held.unmerge(person)
        else:
            one = fact("IdentityUnmerged", from_=person, into=held.merges[person])
            refused(held.books, one, person, Reason.IDENTITY_MERGED, "into")
    elif act == "annul" and held.acts:
        mistake = held.acts.pop(dice.randrange(len(held.acts)))
        subject, entry = dice.choice(mistake.where)
        held.books.annuls(entry, subject)


@pytest.mark.parametrize("seed", range(WALKS))
def test_however_often_people_are_merged_and_unmerged_the_last_word_counts(seed: int) -> None:
    print(f"seed {seed}")
    held, dice = Held(), random.Random(seed)
    for _ in range(STEPS):
        step(held, dice)
        assert held.books.permitted() == held.permitted()


def test_the_walks_come_to_long_chains_and_back() -> None:
    """They reach what they are made for."""
    chains = undone = permitted = 0
    for seed in range(WALKS):
        held, dice = Held(), random.Random(seed)
        longest = 0
        for _ in range(STEPS):
            step(held, dice)
            longest = max(longest, len(held.merges))
            permitted += bool(held.permitted())
        chains += longest > 1
        undone += longest > len(held.merges)
    assert chains > 50
    assert undone > 50
    assert permitted > 200


# A move or a merge that was taken back, made good again.


def refused(books: Books, one: Fact, subject: str, why: Reason, pointer: str) -> None:
    found = books.tries(one, subject)
    assert isinstance(found, Refusal)
    assert (found.reason, found.pointer) == (why, pointer)


def invalid(entry: str) -> Fact:
    return fact("ConsentInvalidated", consent=entry)


def withdrawal(person: str) -> Fact:
    given = {"purpose": "PHOTO", "given_by": person, "capacity": "SELF"}
    return fact("ConsentWithdrawn", "2026-10-06T09:00", **given)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("how", ["EntryAnnulled", "IdentityUnmerged"])
def test_a_merge_is_not_made_good_again_without_what_was_recorded_since(
    how: str, side: int
) -> None:
    """It would bring the facts as they were: a withdrawal since would be lost."""
    books = Books()
    books.grants("A1")
    merge = books.merges("A1", "B1")
    undo = {"entry": merge} if how == "EntryAnnulled" else {"from_": "A1", "into": "B1"}
    books.records(fact(how, **undo), "A1")
    subject, entry = books.last[side].subject, books.last[side].entry
    books.records(withdrawal("A1"), "A1")

    again = fact("EntryAnnulled", entry=entry)
    refused(books, again, str(subject), Reason.NOT_ANNULLABLE, "entry")
    books.merges("A1", "B1")
    assert books.permitted() == []


@pytest.mark.parametrize("how", ["EntryAnnulled", "IdentityUnmerged"])
def test_a_merge_is_made_good_again_as_often_as_nothing_else_was_recorded(how: str) -> None:
    books = Books()
    books.grants("A1")
    merge = books.merges("A1", "B1")
    undo = {"entry": merge} if how == "EntryAnnulled" else {"from_": "A1", "into": "B1"}
    one = books.records(fact(how, **undo), "A1")
    for _ in range(3):
        assert books.permitted() == ["A1"]
        one = books.annuls(one, "A1")
        assert books.permitted() == ["B1"]
        one = books.annuls(one, "A1")


def test_what_was_recorded_while_a_merge_stood_keeps_it_from_nothing() -> None:
    """It went along at the time."""
    books = Books()
    entry = books.grants("A1")
    merge = books.merges("A1", "B1")
    books.records(withdrawal("A1"), "A1")
    books.records(invalid(entry), "B1")
    undone = books.annuls(merge, "A1")
    assert books.permitted() == []

    books.annuls(undone, "A1")
    assert books.permitted() == []
    assert books.asks("B1").flags == books.asks("B1", known=books.now).flags
    assert "CONSENT_WITHDRAWN" in books.asks("B1").flags


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("since", ["doubted", "annulled", "moved on", "moved and taken back"])
def test_a_move_is_not_made_good_again_without_what_was_said_since(since: str, side: int) -> None:
    books = Books()
    entry = books.grants("A1")
    books.annuls(books.moves(entry, "A1", "B1"), "A1")
    subject, undone = books.last[side].subject, books.last[side].entry
    if since == "doubted":
        books.records(invalid(entry), "A1")
    elif since == "annulled":
        books.annuls(entry, "A1")
    else:
        move = books.moves(entry, "A1", "C1")
        if since == "moved and taken back":
            books.annuls(move, "A1")
    before = books.permitted()

    again = fact("EntryAnnulled", entry=undone)
    refused(books, again, str(subject), Reason.NOT_ANNULLABLE, "entry")
    assert books.permitted() == before


def test_what_was_said_of_other_entries_keeps_no_move_from_being_made_good_again() -> None:
    books = Books()
    entry, other = books.grants("A1"), books.grants("A1")
    undone = books.annuls(books.moves(entry, "A1", "B1"), "A1")
    books.records(invalid(other), "A1")
    books.annuls(undone, "A1")

    assert books.counting(entry) == books.permitted() == ["B1"]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("gone", ["A1", "B1"])
def test_a_move_is_not_made_good_again_from_or_to_an_identity_that_is_no_longer_one(
    gone: str, side: int
) -> None:
    """Neither the one who lost the withdrawal nor the survivor would have it."""
    books = Books()
    books.grants("C1")
    entry = books.records(withdrawal("A1"), "A1")
    books.annuls(books.moves(entry, "A1", "B1"), "A1")
    subject, undone = books.last[side].subject, books.last[side].entry
    books.merges(gone, "C1")
    before = books.counting(entry)

    again = fact("EntryAnnulled", entry=undone)
    refused(books, again, str(subject), Reason.IDENTITY_MERGED, "entry")
    assert books.counting(entry) == before


@pytest.mark.parametrize("kind", ["move", "merge"])
def test_nothing_is_made_good_again_towards_a_person_whose_keys_are_destroyed(kind: str) -> None:
    books = Books()
    books.grants("A1")
    entry = books.records(withdrawal("A1"), "A1")
    move = books.moves(entry, "A1", "B1") if kind == "move" else books.merges("A1", "B1")
    books.destroys("B1")
    undone = books.annuls(move, "A1")
    assert [one.subject for one in books.last] == ["A1"]
    assert entry in [one.entry for one in books.dossier("A1").at(books.now).items]

    again = fact("EntryAnnulled", entry=undone)
    refused(books, again, "A1", Reason.SUBJECT_ERASED, "entry")
    assert entry in [one.entry for one in books.dossier("A1").at(books.now).items]


# Corrections that come along.


def test_a_finding_that_was_cleared_before_a_move_may_stand_again_after_it() -> None:
    """From either stream: it is about a consent that counts for the other person now."""
    for where in ("A1", "B1"):
        books = Books()
        entry = books.grants("A1")
        cleared = books.annuls(books.records(invalid(entry), "A1"), "A1")
        move = books.moves(entry, "A1", "B1")
        assert books.permitted() == ["B1"]

        books.annuls(cleared, where)
        assert books.permitted() == []
        books.annuls(move, "A1")
        assert books.counting(entry) == ["A1"]
        assert books.permitted() == []


def test_corrections_of_one_request_act_in_their_order_wherever_they_go() -> None:
    for move in ("moves", "merges"):
        books = Books()
        entry = books.grants("A1")
        books.at_once = True
        books.annuls(books.annuls(entry, "A1"), "A1")
        books.at_once = False
        assert books.permitted() == ["A1"]
        if move == "moves":
            books.moves(entry, "A1", "B1")
        else:
            books.merges("A1", "B1")
        assert books.permitted() == ["B1"]


# What is no move.


@pytest.mark.parametrize("kind", ["merge", "unmerge", "move", "annulment", "replacement"])
def test_neither_a_move_nor_a_correction_is_itself_moved(kind: str) -> None:
    books = Books()
    entry, other = books.grants("A1"), books.grants("A1")
    unmerge = fact("IdentityUnmerged", from_="C1", into="A1")
    replaced = fact("EntrySuperseded", entry=other, replacement=entry)
    made = {
        "merge": lambda: books.merges("C1", "A1") and books.last[1].entry,
        "unmerge": lambda: books.records(unmerge, "C1") and books.last[1].entry,
        "replacement": lambda: books.records(replaced, "A1"),
        "move": lambda: books.moves(entry, "A1", "B1"),
        "annulment": lambda: books.annuls(books.records(withdrawal("A1"), "A1"), "A1"),
    }
    ids = {name: make() for name, make in made.items()}
    move = fact("EntryReattributed", entry=ids[kind], from_="A1", to="D1")

    refused(books, move, "A1", Reason.WRONG_ENTRY_TYPE, "entry")


@pytest.mark.parametrize("into", ["B1", "C1"])
def test_only_a_merge_that_stands_is_taken_back(into: str) -> None:
    books = Books()
    books.grants("A1")
    if into == "C1":
        books.merges("A1", "B1")
    unmerge = fact("IdentityUnmerged", from_="A1", into=into)

    refused(books, unmerge, "A1", Reason.UNKNOWN_ENTRY, "into")
