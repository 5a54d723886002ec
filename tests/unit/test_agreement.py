"""Every question asked four times: of the core, of its stored forms, and of the naive oracle.

The machine records entries of random kinds and asks random questions between them. A replay reads
every entry from its stored form, and a check reads the dossier's: their answers must be the same
bytes. The oracle shares no code with the core; what it does not say at all is not compared.
"""

import json
import os
from collections import Counter
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from hypothesis import note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ledger.answer import Answer, answer, encode
from ledger.dossier import kept, unseal
from ledger.history import Dossier, Item, item
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Ask, Expect, Streams, read_given
from ledger.terms import Decision, Flag
from ledger.wire import fact_from_builtins, fact_to_builtins
from tests import naive
from tests.histories import KINDS, PEOPLE, Pick, World
from tests.richer_histories import FOCI, Throws, pick_kind
from tests.unit.stories import CATALOGUE, RAW_CATALOGUE

COMMANDS_WANTED = 20_000
STEPS = 60
RARE = 6
SEED = int(os.environ.get("LEDGER_SEED", "20261123"))
NOT_IN_THE_ORACLE = {
    "AGE_RULE_CHANGED",
    "CONSENT_REVIEW_DUE",
    "RECIPIENT_NOT_DECLARED",
    "RECIPIENT_NOT_NAMED",
    "REVIEW_VITAL_INTERESTS",
}
# What these histories cannot bring about: dates, recipients, categories, later law, lost keys.
NEVER_HERE = {
    "AGE_RULE_CHANGED",
    "CONSENT_REVIEW_DUE",
    "INTRADAY_CHANGE",
    "RECIPIENT_NOT_DECLARED",
    "RECIPIENT_NOT_NAMED",
    "REVIEW_REP_CONSENT",
    "UNKNOWN_CATEGORY",
    "UNKNOWN_PURPOSE",
}
DICE = st.integers(0, 2**24 - 1)  # Wider ones favour small numbers.
NOTHING = Expect(decision=Decision.DENY, live=(), conditions=(), flags=())


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as a replay finds it."""

    n: int
    entry: str
    recorded_at: str
    fact: bytes


def stored(one: Item) -> Stored:
    fact = msgspec.json.encode(fact_to_builtins(one.fact))
    return Stored(n=one.n, entry=one.entry, recorded_at=one.recorded_at.isoformat(), fact=fact)


def reread(one: Stored) -> Item:
    return item(
        n=one.n,
        entry=one.entry,
        recorded_at=datetime.fromisoformat(one.recorded_at),
        fact=fact_from_builtins(msgspec.json.decode(one.fact)),
    )


def replayed(dossier: Dossier) -> Dossier:
    items = map(reread, map(stored, dossier.items))
    return Dossier(dossier.subject, items, destroyed=dossier.destroyed)


def resealed(dossier: Dossier) -> Dossier:
    """As a check finds it: the facts in one plain text, beside the stamps of the row."""
    plain = b"".join(kept(one.entry, one.fact) for one in dossier.items)
    numbers = [one.n for one in dossier.items]
    stamps = [one.recorded_at for one in dossier.items]
    found = unseal(dossier.subject, plain, numbers, stamps)
    return Dossier(found.subject, found.items, destroyed=dossier.destroyed)


def comparable(found: Answer) -> dict[str, Any]:
    """What the oracle says too, as it says it."""
    return {
        "decision": str(found.decision),
        "live": sorted(found.live),
        "conditions": sorted(found.conditions),
        "flags": sorted({*map(str, found.flags)} - NOT_IN_THE_ORACLE),
    }


class Agreement(RuleBasedStateMachine):
    """One history, growing, with questions about it."""

    commands: ClassVar[Counter[str]] = Counter()
    answers: ClassVar[Counter[str]] = Counter()

    @initialize(dice=DICE, focus=st.sampled_from(FOCI))
    def begin(self, dice: int, focus: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self.throw = Throws()
        pick = self.throw(dice)
        purposes, self.kinds = focus
        self.world = World(purposes, pick((PEOPLE[:1], PEOPLE[:1], PEOPLE)))
        self.streams = Streams(CATALOGUE, {})
        for kind in ("DateOfBirthRecorded", "AuthorityStarted"):
            self.append(kind, pick)

    # One rule, since Hypothesis leaves whole rules out of many runs: here both are always wanted.
    @rule(act=st.sampled_from(("record", "ask")), dice=DICE)
    def command(self, act: str, dice: int) -> None:
        pick = self.throw(dice)
        if act == "record":
            self.append(pick_kind(pick, self.kinds), pick)
        else:
            self.ask(pick)

    def append(self, kind: str, pick: Pick) -> None:
        before = len(self.world.given)
        self.world.record(kind, pick)
        for entry in self.world.given[before:]:
            self.streams.record(read_given(entry))
            self.commands[entry["type"]] += 1

    def ask(self, pick: Pick) -> None:
        question = self.world.question(pick)
        note(json.dumps({"given": self.world.given, "question": question}))
        asked = Ask(**question, expect=NOTHING).question()
        person, common = self.streams.dossier(question["subject"]), self.streams.dossier(None)
        got = answer(asked, person, common, uk_gdpr())
        for read in (replayed, resealed):
            again = answer(asked, read(person), read(common), uk_gdpr())
            assert encode(again) == encode(got), read
        assert comparable(got) == naive.ask(self.world.given, RAW_CATALOGUE, {}, question)
        self.commands["question"] += 1
        self.answers.update([str(got.decision), *map(str, got.flags)])


def test_core_replay_and_oracle_agree_on_every_question() -> None:
    examples = 4 * settings().max_examples
    run_state_machine_as_test(
        seed(SEED)(Agreement),
        settings=settings(max_examples=examples, stateful_step_count=STEPS, database=None),
    )
    commands, answers = Agreement.commands, Agreement.answers
    unseen = sorted(({*Decision} | {*Flag} - NEVER_HERE) - answers.keys())
    print(f"LEDGER_SEED={SEED}: {commands.total()} commands, {commands['question']} questions,")
    print(f"  answers never seen: {', '.join(unseen) or 'none'}")
    assert commands.total() >= COMMANDS_WANTED
    assert {*KINDS} <= commands.keys()
    assert len(unseen) <= RARE
