"""Questions and lists as their calls take them: arguments spelt for the wire, or refused.

An instant without an offset is refused: it would mean another moment at another place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict, Unpack
from urllib.parse import quote
from uuid import UUID

import msgspec

from api.client_errors import Broken, Invalid
from api.client_positions import Position, Positions, parsed
from api.client_results import Answer

When = datetime | str
"""An aware `datetime`, or RFC 3339 text with an offset."""
Day = datetime | date | str
"""The same, or a civil day."""
Entry = Mapping[str, object]
"""What is recorded: `type`, `effective_at` and the fields of the type."""


class About(TypedDict, total=False):
    """What else a question may say."""

    operation: Literal["USE", "COLLECT", "SHARE", "STORE"]
    data: Literal["ordinary", "special", "offence"] | Sequence[str]
    recipient: str | None
    exception: str | None
    effective_at: Day | None
    known_at: When | None
    at_position: str | None
    min_position: str | None
    explain: Literal["none", "summary", "full"]
    store: bool


class Question:
    """May this person's data be processed for this purpose?

    Now and on everything recorded, unless it says otherwise.
    """

    __slots__ = ("body", "subject")

    def __init__(self, subject: UUID | str, purpose: str, **about: Unpack[About]) -> None:
        unknown = about.keys() - About.__annotations__.keys()
        if unknown:
            raise TypeError(f"a question has no {', '.join(sorted(unknown))}")
        self.subject = subject_of(subject)
        self.body: dict[str, object] = {
            "subject": str(self.subject),
            "purpose": purpose,
            **{name: spelt(value, name) for name, value in about.items() if value is not None},
        }

    @property
    def past(self) -> bool:
        """Whether it says itself what its answer may take into account."""
        return "known_at" in self.body or "at_position" in self.body

    def beyond(self, position: str) -> bool:
        """Whether it wants more to be taken into account than was recorded there."""
        given, at = self.body.get("min_position"), parsed(position)
        return given is not None and _later(_parsed(given), at)

    def asked(self, positions: Positions) -> dict[str, object]:
        """The question, and that its answer must take into account what was written before."""
        if "at_position" in self.body:
            return self.body
        least = later_of(positions.minimum(self.subject), self.body.get("min_position"))
        return self.body if least is None else {**self.body, "min_position": least}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment asked about, and a state of knowledge."""

    effective_at: When
    known_at: When


@dataclass(slots=True)
class _Pin:
    position: str
    effective_at: str | None = None


class Pins:
    """Where the first answers of a long batch were given, so that the rest are given there too.

    One position a log, and one moment for the questions that name none.
    """

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._pins: dict[int, _Pin] = {}

    def asked(self, chunk: Sequence[Question], *, guess: bool) -> list[dict[str, object]]:
        """The questions on the state of earlier answers.

        A person's log is known once there was an answer about them. `guess` takes those of whom
        there was none for people of the one log that there was an answer of.
        """
        found = []
        told: set[int | None] = {None}
        for one in chunk:
            log = self._positions.log_of(one.subject)
            pin = None if one.past else self._pin(log, guess=guess)
            if pin is not None and not one.beyond(pin.position):
                found.append(_pinned(one, pin))
            # People of one log are answered about on one state: what it holds is asked for once.
            elif log in told or "at_position" in one.body:
                found.append(one.body)
            else:
                told.add(log)
                found.append(one.asked(self._positions))
        return found

    def _pin(self, log: int | None, *, guess: bool) -> _Pin | None:
        if log is None and guess and len(self._pins) == 1:
            return next(iter(self._pins.values()))
        return None if log is None else self._pins.get(log)

    def moved(self, question: Question, answer: Answer) -> bool:
        """Whether the answer was given elsewhere than earlier ones about people of its log."""
        pin = self._pins.get(parsed(answer.position).log)
        if pin is None or question.past or question.beyond(pin.position):
            return False
        return pin.position != answer.position

    def take(self, question: Question, answer: Answer) -> None:
        """Later answers are to be given where this one was."""
        if question.past:
            return
        pin = self._pins.setdefault(parsed(answer.position).log, _Pin(answer.position))
        if pin.effective_at is None and "effective_at" not in question.body:
            pin.effective_at = spelt_instant(answer.effective_at, "effective_at")


def _pinned(question: Question, pin: _Pin) -> dict[str, object]:
    body = {**question.body, "at_position": pin.position}
    if pin.effective_at is not None:
        body.setdefault("effective_at", pin.effective_at)
    return body


def later_of(held: Position | None, given: object) -> str | None:
    """What was asked for, unless what is held is later in the same log; None where neither is."""
    if given is not None and not _later(held, _parsed(given)):
        return str(given)
    return None if held is None else str(held)


def _later(held: Position | None, given: Position) -> bool:
    return held is not None and held.log == given.log and held.n > given.n


def _parsed(text: object) -> Position:
    try:
        return parsed(str(text))
    except Broken:
        raise Invalid("min_position: must be <log>:<n> or <log>:<n>:<8 hex>") from None


def subject_of(subject: UUID | str) -> UUID:
    """The subject as the resolver gave it."""
    try:
        return subject if isinstance(subject, UUID) else UUID(subject)
    except (ValueError, AttributeError, TypeError):
        raise Invalid("subject: must be a UUID, as the resolver gave it") from None


def in_path(text: str) -> str:
    """The text as one step of a path."""
    return quote(text, safe="")


def spelt(value: object, field: str) -> object:
    """The value as JSON may hold it."""
    return spelt_instant(value, field) if isinstance(value, datetime | date) else value


def spelt_instant(moment: Day, field: str) -> str:
    """The moment in RFC 3339, a day as `YYYY-MM-DD`."""
    if isinstance(moment, datetime) and moment.utcoffset() is None:
        raise Invalid(f"{field}: must have an offset: an aware datetime")
    return moment if isinstance(moment, str) else moment.isoformat()


def query_of(**words: object) -> dict[str, str]:
    """The parameters, without those that are None; `from_` is `from`."""
    return {
        name.rstrip("_"): str(spelt(value, name))
        for name, value in words.items()
        if value is not None
    }


def entries_body(entries: Sequence[Entry]) -> bytes:
    """The body that records these together."""
    return json_body({"entries": [_entry(one, n) for n, one in enumerate(entries)]})


def _entry(one: Entry, n: int) -> dict[str, object]:
    return {name: spelt(value, f"entries[{n}].{name}") for name, value in one.items()}


def json_body(value: object) -> bytes:
    """The value as JSON; raises `Invalid` for what has none."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        raise Invalid("body: holds what JSON does not") from None
