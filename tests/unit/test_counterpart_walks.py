"""A consent wanders between four people, is doubted and cleared, and counts for one or for nobody.

A small model says for whom: the last move that stands, and whether a correction or a finding of
invalidity stands. Every act is recorded on a random stream of those that have what it is about.
"""

import random
from typing import NamedTuple

import pytest

from ledger.events import Fact
from ledger.terms import Reason, Refusal
from tests.unit.books import Books
from tests.unit.desk import fact

PEOPLE = ("A1", "B1", "C1", "D1")
WALKS = 250
STEPS = 14


class Recorded(NamedTuple):
    """An act with the id that it has on each stream."""

    where: list[tuple[str, str]]


class Walk:
    """The books, and what the model holds of the consent that A1 gave."""

    def __init__(self, seed: int) -> None:
        print(f"seed {seed}")
        self.dice = random.Random(seed)
        self.books = Books()
        self.entry = self.books.grants("A1")
        self.moves: list[tuple[str, Recorded]] = []
        self.void: list[Recorded] = []
        self.invalid: list[Recorded] = []

    @property
    def holder(self) -> str:
        return self.moves[-1][0] if self.moves else "A1"

    def act(self, one: Fact, subject: str) -> Recorded:
        found = self.books.tries(one, subject)
        assert not isinstance(found, Refusal), (one, subject, found)
        return Recorded(found)

    def annul(self, what: Recorded) -> Recorded:
        subject, entry = self.dice.choice(what.where)
        return self.act(fact("EntryAnnulled", entry=entry), subject)

    def somewhere(self) -> str:
        """Where the consent can be spoken of: at home, or where it counts."""
        return self.dice.choice(["A1", self.holder] if not self.void else ["A1"])

    def step(self) -> None:
        act = self.dice.choice(("move", "move", "undo", "annul", "restore", "doubt", "clear"))
        if act == "move" and not self.void:
            target = self.dice.choice([one for one in PEOPLE if one != self.holder])
            move = fact("EntryReattributed", entry=self.entry, from_=self.holder, to=target)
            self.moves.append((target, self.act(move, self.holder)))
        elif act == "undo" and self.moves:
            self.annul(self.moves.pop()[1])
        elif act == "annul" and not self.void:
            self.void.append(self.act(fact("EntryAnnulled", entry=self.entry), self.somewhere()))
        elif act == "restore" and self.void:
            self.annul(self.void.pop())
        elif act == "doubt" and not self.void and not self.invalid:
            doubt = fact("ConsentInvalidated", consent=self.entry)
            self.invalid.append(self.act(doubt, self.somewhere()))
        elif act == "clear" and self.invalid:
            self.annul(self.invalid.pop())

    def expected(self) -> tuple[list[str], list[str]]:
        """For whom the consent counts, and whose photographs may be used."""
        counts = [] if self.void else [self.holder]
        return counts, [] if self.invalid else counts


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_consent_counts_for_the_person_whom_the_standing_moves_lead_to(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
        assert (walk.books.counting(walk.entry), walk.books.permitted()) == walk.expected()


def test_an_earlier_move_than_the_last_is_not_taken_back() -> None:
    refused = 0
    for seed in range(120):
        walk = Walk(seed)
        for _ in range(STEPS):
            walk.step()
        been = ["A1"]
        for target, move in walk.moves[:-1]:
            subject, entry = move.where[0]
            # Taking back a move to where the consent has come back to since leaves it there.
            if walk.holder not in (target, subject) and target not in been:
                found = walk.books.tries(fact("EntryAnnulled", entry=entry), subject)
                assert isinstance(found, Refusal)
                assert found.reason is Reason.NOT_ANNULLABLE
                refused += 1
            been.append(target)
    assert refused > 20


def test_the_walks_come_back_home_and_are_corrected_far_away() -> None:
    """They reach what they are made for."""
    home = far = 0
    for seed in range(WALKS):
        walk = Walk(seed)
        for _ in range(STEPS):
            walk.step()
            home += any(target == "A1" for target, _ in walk.moves)
            far += bool(walk.void) and len(walk.moves) > 1
    assert home > 50
    assert far > 50
