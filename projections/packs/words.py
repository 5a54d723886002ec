"""Moments, entries and answers in the words of the report, which people read.

Times are those of London, by the calendar in words, so that nobody takes a day for a month.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from ledger.answer import Answer
from ledger.civil import LONDON, parse_instant
from ledger.disclosure import JSON
from ledger.errors import Malformed
from ledger.rules.case import Step
from ledger.terms import Decision
from projections.packs.answers import Asked
from projections.packs.order import Moment

DECISIONS: Mapping[Decision, str] = {
    Decision.PERMIT: "Yes, it was permitted",
    Decision.PERMIT_LIMITED: "Yes, within limits",
    Decision.DENY: "No, it was not permitted",
    Decision.OUT_OF_SCOPE: "Not a question for this ledger",
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z")
_FIRST_YEAR = 2


def at(moment: Moment) -> str:
    """The moment, to the second; a day is a day."""
    if not isinstance(moment, datetime):
        return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    if moment.year < _FIRST_YEAR:
        return "before anything was recorded"
    there = moment.astimezone(LONDON)
    zone = "BST" if there.dst() else "GMT"
    return f"{at(there.date())}, {there:%H:%M:%S} {zone}"


def asked(one: Asked) -> str:
    """Both moments of the question."""
    known = "as it was known on"
    whole = " (everything in this pack)" if one.clock == "now" else ""
    return f"What was true on {at(one.moment)}, {known} {at(one.known_at)}{whole}"


def kind(name: str) -> str:
    """`ConsentGranted` as words."""
    parts = re.findall(r"[A-Z][a-z0-9]*", name)
    return " ".join(parts).capitalize() if "".join(parts) == name else name


def value(found: JSON) -> str:
    """The value of a field."""
    if isinstance(found, str):
        return _text(found)
    if isinstance(found, bool):
        return "yes" if found else "no"
    purposes = found.get("purposes") if isinstance(found, dict) else None
    if isinstance(purposes, list):
        return f"a catalogue of {len(purposes)} purposes"
    return msgspec.json.encode(found).decode()


def _text(text: str) -> str:
    if _INSTANT.fullmatch(text):
        try:
            return at(parse_instant(text))
        except Malformed:
            return text
    return text


def basis(one: Answer) -> str:
    """The lines that the answer relies on, or a dash."""
    lines = [
        f"Article 6(1)({line.article6})"
        + (f", {line.source}" if line.source else "")
        + (" (suspended)" if line.suspended else "")
        for line in one.relied_on
    ]
    return "\n".join(lines) or "–"


def reasons(one: Answer, places: Mapping[str, str]) -> str:
    """Every rule that matched, with its article and the entries that it used, a line each."""
    return "\n".join(_step(step, places) for step in one.because if step.matched) or "–"


def _step(step: Step, places: Mapping[str, str]) -> str:
    used = [places.get(entry, "an entry that is not here") for entry in step.entries]
    name = step.rule.replace(".", ": ").replace("_", " ")
    flag = f" [{step.flag}]" if step.flag else ""
    return f"{name}, {step.article}{flag}" + (f" ({', '.join(used)})" if used else "")


def limits(one: Answer) -> str:
    """What an answer is bound to, and what it wants noticed."""
    return "\n".join(_limits(one)) or "–"


def _limits(one: Answer) -> Iterator[str]:
    yield from one.conditions
    if one.denied_categories:
        yield f"not for {', '.join(one.denied_categories)}"
    yield from one.flags
    for gap in one.late_gaps:
        yield f"not known in time: {at(gap.start)} to {at(gap.end)}"
