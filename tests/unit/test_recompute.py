"""An answer computed again from what a pack shows has the bytes that the service gave."""

import os
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ledger.answer import answer, answer_day, encode
from ledger.history import Dossier, Item
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Ask, Streams, read_given
from ledger.seal import open_container
from ledger.sealing import Sealable, seal_entry
from projections.packs.recompute import recomputed
from tests.histories import KINDS, PEOPLE, World
from tests.packs import RULES
from tests.packs_log import unheld
from tests.unit.stories import CATALOGUE
from tests.unit.test_agreement import NOTHING, refused
from tests.unit.trees import ORIGIN

SEED = int(os.environ.get("LEDGER_SEED", "20261123"))
EVENT = UUID("0195571e-0000-7000-8000-000000000000")


def shown(one: Item, about: str, *, content: bool) -> dict[str, Any]:
    """The entry as the verifier hands it over, after sealing and opening."""
    entropy = Random(one.n).randbytes
    sealable = Sealable(event_id=EVENT, fact=one.fact, recorded_by="tests")
    sealed = seal_entry(sealable, origin=ORIGIN, entropy=entropy)
    opened = open_container(sealed.container, origin=ORIGIN, key=unheld)
    fields = {**opened.fields["basis"], **(opened.fields.get("content", {}) if content else {})}
    return {
        "n": one.n,
        "entry": one.entry,
        "type": opened.type,
        "recorded_at": one.recorded_at.isoformat(),
        "about": about,
        "fields": fields,
        "whole": content,
    }


def events(person: Dossier, common: Dossier, known_at: datetime, **how: Any) -> list[Any]:
    """The entries that count, in order of n."""
    pairs = [(one, "subject") for one in person.items] + [(one, "ledger") for one in common.items]
    counted = [each for each in pairs if each[0].recorded_at <= known_at]
    return [shown(*each, **how) for each in sorted(counted, key=lambda each: each[0].n)]


def asked(question: Question, subject: str, **other: Any) -> dict[str, Any]:
    """The question as the verifier puts it."""
    words: dict[str, Any] = msgspec.to_builtins(question)
    return {"subject": subject, "rulebook": uk_gdpr().id, **words, **other}


def courses(many: int) -> Sequence[tuple[World, Streams]]:
    """Random histories of several people."""
    found = []
    for number in range(many):
        pick = Random(f"{SEED}.{number}").choice
        world, streams = World(people=PEOPLE), Streams(CATALOGUE, {})
        for _ in range(25):
            before = len(world.given)
            world.record(pick(KINDS), pick)
            for entry in world.given[before:]:
                given = read_given(entry)
                if refused(streams, given):
                    world.given.remove(entry)
                else:
                    streams.record(given)
        found.append((world, streams))
    return found


@pytest.mark.parametrize("content", [True, False])
def test_every_answer_comes_out_the_same(content: bool) -> None:
    pick, decisions = Random(SEED).choice, set()
    for world, streams in courses(25):
        for _ in range(8):
            said = world.question(pick)
            question = Ask(**said, expect=NOTHING).question()
            person, common = streams.dossier(said["subject"]), streams.dossier(None)
            right = answer(question, person, common, uk_gdpr())
            entries = events(person, common, question.known_at, content=content)

            found = recomputed(entries, asked(question, said["subject"]), RULES)

            if not person.destroyed:
                assert found == encode(right)
                decisions.add(right.decision)
    assert len(decisions) > 2


def test_an_answer_about_a_day_comes_out_the_same() -> None:
    world, streams = courses(1)[0]
    said = world.question(Random(SEED).choice)
    question = Ask(**said, expect=NOTHING).question()
    person, common = streams.dossier(said["subject"]), streams.dossier(None)
    day = question.effective_at.date()
    entries = events(person, common, question.known_at, content=True)

    found = recomputed(entries, asked(question, said["subject"], effective_at=f"{day}"), RULES)

    assert found == encode(answer_day(question, day, person, common, uk_gdpr()))


def one_answer() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The entries and the question of an answer that can be computed."""
    world, streams = courses(1)[0]
    said = world.question(Random(SEED).choice)
    question = Ask(**said, expect=NOTHING).question()
    person, common = streams.dossier(said["subject"]), streams.dossier(None)
    entries = events(person, common, question.known_at, content=True)
    return entries, asked(question, said["subject"])


def test_what_it_cannot_compute_it_says_without_repeating_it() -> None:
    entries, question = one_answer()
    assert isinstance(recomputed(entries, question, RULES), bytes)
    unknown = {**entries[-1], "type": "SomethingLater"}
    partly = {**entries[0], "fields": {**entries[0]["fields"], "effective_at": "1980-05-05"}}
    less = {**entries[0], "fields": {"schema": 1}}

    reasons = [
        recomputed(entries, {**question, "rulebook": "uk-gdpr 0"}, RULES),
        recomputed([*entries[:-1], unknown], question, RULES),
        recomputed([partly, *entries[1:]], question, RULES),
        recomputed([less, *entries[1:]], question, RULES),
        recomputed(entries, {**question, "operation": "1980-05-05"}, RULES),
        recomputed(entries, {**question, "effective_at": "1980-05-05T00:00"}, RULES),
    ]

    assert all(isinstance(one, str) and "1980-05-05" not in one for one in reasons), reasons
    assert len(set(reasons)) > 3
