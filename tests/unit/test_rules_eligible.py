"""Rules that cannot match are not evaluated: each answer is as if every rule had been.

What a rule rests on stands in `RESTS_ON`; here every rule is evaluated once more without it.
"""

from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

import pytest

import ledger.answer as core
from ledger.answer import RESTS_ON, RULES, answer, encode
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Streams, read_given
from tests.histories import World
from tests.richer_histories import FOCI, MORE_KINDS, RicherWorld, pick_kind
from tests.unit.stories import CATALOGUE

HISTORIES = 50 * len(FOCI)
QUESTIONS = 6
NAMES = {rule: name for name, rule in RULES}


def history(seed: int) -> tuple[World, Streams, Random]:
    dice = Random(f"eligible {seed}")
    purposes, kinds = FOCI[seed % len(FOCI)]
    world, streams = RicherWorld(purposes, ("A1",)), Streams(CATALOGUE, {})
    for kind in ("DateOfBirthRecorded", *(pick_kind(dice.choice, kinds) for _ in range(18))):
        world.record(kind, dice.choice)
    for _ in range(2):
        world.record(pick_kind(dice.choice, kinds, MORE_KINDS), dice.choice)
    for entry in world.given:
        streams.record(read_given(entry))
    return world, streams, dice


def question(world: World, dice: Random) -> Question:
    asked: dict[str, Any] = world.question(dice.choice)
    asked.pop("subject")
    for name in ("effective_at", "known_at"):
        asked[name] = datetime.fromisoformat(asked[name])
    return Question(**asked)


def test_a_rule_that_is_not_evaluated_would_have_found_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skipped: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    every = tuple((n, rule) for n, (_, rule) in enumerate(RULES))
    for seed in range(HISTORIES):
        world, streams, dice = history(seed)
        person, common = streams.dossier("A1"), streams.dossier(None)
        for asked in [question(world, dice) for _ in range(QUESTIONS)]:
            found = answer(asked, person, common, uk_gdpr())
            with monkeypatch.context() as patched:
                patched.setattr(core, "_eligible", lambda _: every)
                again = answer(asked, person, common, uk_gdpr())
            assert encode(found) == encode(again)
            here = {
                kind
                for history in (person.at(asked.known_at), common.at(asked.known_at))
                for kind in history.by_type
            }
            skipped.update(NAMES[rule] for rule in RESTS_ON if here.isdisjoint(RESTS_ON[rule]))
            matched.update({step.rule for step in found.because if step.matched})

    resting = {NAMES[rule] for rule in RESTS_ON}
    assert resting <= skipped.keys()
    # Later law about ages, and a line declared in the place of consent, are too rare among these.
    assert resting - matched.keys() <= {"consent.age_rule", "line.swap"}
