"""The step about answers: each counts the entries that it should, and comes out the same again."""

from __future__ import annotations

import hashlib
from typing import Any

from projections.packs.verifier.entry_steps import PAD, hidden
from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.pack import POSITION, Asked, Event, Leaf
from projections.packs.verifier.reading import Unchecked, microseconds, need

RULEBOOK = "rulebook/uk_gdpr.toml"
NULLS = {"recipient": None, "exception": None}
OF_ANSWER = ("known_at", "position", "catalogue", "rulebook")


def check_answers(case: Evidence) -> str:
    """Every answer is the one that the entries give."""
    answers = case.pack.answers
    if not answers:
        raise Unchecked("there is none")
    counted = [
        check_identity(case, one, f"answers.jsonl:{number}")
        for number, one in enumerate(answers, 1)
    ]
    if case.recompute is None:
        raise Unchecked(f"{len(answers)} answers: recomputing takes the project, installed here")
    reasons = [
        reason
        for number, (one, entries) in enumerate(zip(answers, counted), 1)
        for reason in [unlike(case, one, entries, f"answers.jsonl:{number}")]
        if reason
    ]
    if reasons:
        raise Unchecked(f"{len(reasons)} of {len(answers)} answers: {reasons[0]}")
    return f"{len(answers)} answers have the same bytes when recomputed"


def check_identity(case: Evidence, asked: Asked, where: str) -> list[dict[str, Any]]:
    """The entries that the answer counts: those recorded by the moment that was asked about."""
    answer, question = asked.answer, asked.question
    subjects = {one.id for one in case.pack.streams if one.about == "subject"}
    own = {one.id for one in case.pack.streams if one.about == "ledger"}
    need(question["subject"] in subjects, "E_ANSWER", f"{where}: about nobody in the pack")
    by = microseconds(question["known_at"], "E_ANSWER", where)
    known = microseconds(answer["known_at"], "E_ANSWER", where)
    last = place_of(case, answer["position"], where)
    last_own = place_of(case, answer["catalogue"], where)
    counted, times = [], []
    for event, leaf in case.entries:
        about = "ledger" if leaf.stream in own else "subject"
        if about == "subject" and leaf.stream != question["subject"]:
            continue
        counts = event.index < (last_own if about == "ledger" else last)
        need(
            counts is (leaf.at <= by), "E_ANSWER", f"{where}: counts not what was recorded by then"
        )
        if counts:
            counted.append(entry_of(event, leaf, about, case.fields[leaf.event_id]))
            times.append(leaf.at)
    need(max(times, default=known) <= known <= by, "E_ANSWER", f"{where}: known_at")
    ends = [one["n"] for one in counted if one["about"] == "ledger"]
    need(last_own == max(ends, default=0), "E_ANSWER", f"{where}: catalogue")
    check_words(case, asked, where)
    return counted


def place_of(case: Evidence, spelt: str, where: str) -> int:
    """How many entries of the log count, up to the one that is named."""
    match = POSITION.fullmatch(spelt)
    n, start = (int(match[1] or 0), match[2]) if match else (0, None)
    need(n <= case.pack.size, "E_ANSWER", f"{where}: beyond the head")
    there = case.pack.hash_at.get(n - 1)
    same = there is None or there.hex()[:8] == start
    need(same, "E_ANSWER", f"{where}: names another entry than is there")
    return n


def check_words(case: Evidence, asked: Asked, where: str) -> None:
    """Go on only where the answer is to its question, by the rule book in the pack."""
    question, answer = asked.question, asked.answer
    moment = question["effective_at"]
    if len(moment) > len("YYYY-MM-DD"):
        said = microseconds(answer["effective_at"], "E_ANSWER", where)
        same = said == microseconds(moment, "E_ANSWER", where)
        need(same, "E_ANSWER", f"{where}: about another moment")
    digest = hashlib.sha256(case.pack.files.get(RULEBOOK, b"")).hexdigest()[:12]
    right = answer["rulebook"] == case.pack.about["rulebook"] and digest in answer["rulebook"]
    need(right, "E_ANSWER", f"{where}: by another rule book than the one here")


def entry_of(event: Event, leaf: Leaf, about: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The entry as `recomputed` takes it."""
    return {
        "n": event.index + 1,
        "entry": leaf.event_id,
        "type": leaf.type,
        "recorded_at": leaf.recorded_at,
        "about": about,
        "fields": {name: value for name, value in fields.items() if name != PAD},
        "whole": hidden(event) == 0,
    }


def unlike(case: Evidence, asked: Asked, entries: list[dict[str, Any]], where: str) -> str:
    """Why nothing can be said of the answer; nothing where it comes out the same."""
    assert case.recompute is not None, "the step has seen to that"
    of_answer = {name: asked.answer[name] for name in OF_ANSWER}
    question = {**NULLS, **asked.question, **of_answer}
    try:
        found = case.recompute(entries, question, case.pack.files[RULEBOOK])
    except Exception as error:
        # What another release makes of these entries must not end the verification.
        return f"recomputing ended with {type(error).__name__}"
    if isinstance(found, str):
        return found
    if found == asked.written:
        return ""
    whole = all(one["whole"] for one in entries) and len(case.entries) == len(case.pack.events)
    need(not whole, "E_ANSWER", f"{where}: it comes out otherwise")
    return "it comes out otherwise, but not all that it counts is shown"
