"""Four people's entries wander, are taken back and merged: the oracle is told it in one line each.

In the ledger an act has an id of its own on every stream that it reaches; the oracle knows one act
under one id, and works out itself whom it binds. What the ledger refuses is told to neither.
"""

import random
from collections import Counter
from typing import Any

import pytest

from ledger.terms import Refusal
from ledger.wire import fact_to_builtins
from tests import naive
from tests.unit.books import END, Books
from tests.unit.desk import fact, grant
from tests.unit.stories import RAW_CATALOGUE

PEOPLE = ("A1", "B1", "C1", "D1")
WALKS = 150
STEPS = 22
ACTS = (
    "ConsentGranted",
    "ConsentGranted",
    "ConsentWithdrawn",
    "RestrictionApplied",
    "ConsentInvalidated",
    "RestrictionLifted",
    "EntryReattributed",
    "EntryReattributed",
    "EntryAnnulled",
    "EntryAnnulled",
    "EntryAnnulled",
    "IdentityMerged",
    "IdentityMerged",
    "IdentityUnmerged",
)
REFERS = {"ConsentInvalidated": "consent", "RestrictionLifted": "restriction"}


class Walk:
    """The books, and the same acts as the oracle is told them."""

    def __init__(self, seed: int) -> None:
        print(f"seed {seed}")
        self.dice = random.Random(seed)
        self.books = Books()
        self.told: list[dict[str, Any]] = []
        self.acts: list[tuple[str, list[tuple[str, str]]]] = []
        self.names: dict[str, str] = {}
        self.merges: list[dict[str, str]] = []
        for person in PEOPLE:
            born = {"date_of_birth": "1980-05-05"}
            self.record("DateOfBirthRecorded", person, born)

    def record(self, kind: str, person: str, fields: dict[str, Any]) -> bool:
        at = self.books.now.strftime("%Y-%m-%dT%H:%M")
        usual = {"ConsentGranted": grant}.get(kind, lambda at, **more: fact(kind, at, **more))
        one = usual(at, **fields)
        where = self.books.tries(one, person)
        if isinstance(where, Refusal):
            return False
        name = f"act{len(self.acts)}"
        self.acts.append((kind, where))
        self.names.update({entry: name for _, entry in where})
        told: dict[str, Any] = {
            **fact_to_builtins(one),
            "id": name,
            "type": kind,
            "subject": person,
        }
        for field in ("entry", *REFERS.values()):
            if field in told:
                told[field] = self.names[told[field]]
        self.told.append({**told, "recorded_at": self.books.now.isoformat()})
        return True

    def step(self) -> str | None:
        kind, person = self.dice.choice(ACTS), self.dice.choice(PEOPLE)
        other = self.dice.choice([one for one in PEOPLE if one != person])
        fields: dict[str, Any] | None
        if kind in REFERS:
            begun = {"consent": "ConsentGranted", "restriction": "RestrictionApplied"}
            person, entry = self.one_of(begun[REFERS[kind]], together=True)
            told = {"informed_at": "2026-10-05T09:00"} if kind == "RestrictionLifted" else {}
            fields = {REFERS[kind]: entry, **told}
        elif kind in ("EntryReattributed", "EntryAnnulled"):
            person, entry = self.one_of()
            ends = {"from_": person, "to": other} if kind == "EntryReattributed" else {}
            fields = {"entry": entry, **ends}
        elif kind == "IdentityMerged":
            fields = {"from_": person, "into": other}
        elif kind == "IdentityUnmerged":
            person, fields = self.unmerge(person)
        else:
            fields = {
                "ConsentGranted": {"given_by": person},
                "ConsentWithdrawn": {"purpose": "*", "given_by": person, "capacity": "SELF"},
                "RestrictionApplied": {"purpose": "PHOTO", "ground": "a"},
            }[kind]
        done = self.record(kind, person, fields) if fields and "" not in fields.values() else False
        if done and fields and kind == "IdentityMerged":
            self.merges.append(fields)
        return kind if done else None

    def unmerge(self, person: str) -> tuple[str, dict[str, str] | None]:
        if not self.merges:
            return person, None
        pair = self.dice.choice(self.merges)
        return pair["from_"], pair

    def one_of(self, kind: str | None = None, *, together: bool = False) -> tuple[str, str]:
        """A stream and the id that an earlier act of the kind has there.

        `together` leaves out what stands for two who have parted: of what becomes of it for one of
        them the oracle, which knows it by one id, would say the same of the other.
        """
        able = [
            each
            for name, where in self.acts
            for each in where
            if kind in (None, name) and name != "DateOfBirthRecorded"
            if not together or len({self.root(subject) for subject, _ in where}) == 1
        ]
        return self.dice.choice(able) if able else ("A1", "")

    def root(self, person: str) -> str:
        """Who the person is held to be now."""
        into = self.books.dossier(person).at(self.books.now).merged_into
        return person if into is None else self.root(into)

    def differs(self) -> list[str]:
        """For whom the ledger and the oracle answer differently."""
        return [person for person in PEOPLE if self.ledger(person) != self.oracle(person)]

    def ledger(self, person: str) -> tuple[str, list[str]]:
        found = self.books.asks(person)
        return str(found.decision), sorted(map(str, found.flags))

    def oracle(self, person: str) -> tuple[str, list[str]]:
        question = {
            "subject": person,
            "purpose": "PHOTO",
            "operation": "USE",
            "data": "ordinary",
            "effective_at": self.books.now.isoformat(),
            "known_at": END.isoformat(),
        }
        found = naive.ask(self.told, RAW_CATALOGUE, {}, question)
        return str(found["decision"]), list(found["flags"])


@pytest.mark.parametrize("seed", range(WALKS))
def test_the_ledger_and_the_oracle_agree_wherever_the_entries_wander(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
        assert walk.differs() == [], walk.told


def test_the_walks_reach_what_they_are_made_for() -> None:
    """Every kind of act, taken back or not, among people of whom two and three are one."""
    done: Counter[str | None] = Counter()
    chained = 0
    for seed in range(WALKS):
        walk = Walk(seed)
        for _ in range(STEPS):
            done[walk.step()] += 1
            chained += max(Counter(map(walk.root, PEOPLE)).values()) > 2
    assert min(done[kind] for kind in ACTS) > 30, done
    assert chained > 200
