"""The two dates of a page: what was true on, as the council knew it on.

In an address each is a day or an instant, and is left out where it is now. A form sends day, month
and year apart, as people type them, and is led on to the address without them. Not here: what an
answer does with a day (`ledger.answer`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from api.body import instant_or_day
from api.console import civil_words
from ledger.civil import add_days, london_date, start_of_day
from ledger.errors import Malformed

EFFECTIVE, KNOWN = "effective_at", "known_at"
PARTS = ("day", "month", "year")
_MONTHS = {name.lower()[:3]: n for n, name in enumerate(civil_words.MONTHS, start=1)}
_LAST_BIT = timedelta(microseconds=1)
_NAMED = {EFFECTIVE: "What was true on", KNOWN: "As the council knew it on"}


class Moments(NamedTuple):
    """The question's two dates; None is now."""

    effective_at: date | None = None
    known_at: date | None = None

    def query(self) -> dict[str, str | None]:
        """As addresses have them."""
        return {
            EFFECTIVE: None
            if self.effective_at is None
            else civil_words.machine(self.effective_at),
            KNOWN: None if self.known_at is None else civil_words.machine(self.known_at),
        }


class Fault(NamedTuple):
    """What is wrong with a field of a form, and the field's id."""

    field: str
    text: str


def moments(effective_at: str | None, known_at: str | None) -> Moments:
    """The dates that the address names; raises `Malformed`."""
    return Moments(
        instant_or_day(effective_at, field=EFFECTIVE), instant_or_day(known_at, field=KNOWN)
    )


def knowledge(known_at: date | None, now: datetime) -> datetime | None:
    """What is known at the end of that day; None is everything recorded so far.

    Raises `Malformed` for what is still to come.
    """
    if known_at is None or isinstance(known_at, datetime):
        return known_at
    if known_at > london_date(now):
        raise Malformed("must be today or in the past", field=KNOWN)
    end = start_of_day(add_days(known_at, 1)) - _LAST_BIT
    return end if end <= now else None


def sent(form: Mapping[str, str]) -> bool:
    """Whether the dates come from the form, part by part."""
    return any(f"{name}-{part}" in form for name in (EFFECTIVE, KNOWN) for part in PARTS)


def typed(form: Mapping[str, str], today: date) -> tuple[Moments, list[Fault]]:
    """The dates as they were typed, and what is wrong with them."""
    faults: list[Fault] = []
    found: dict[str, date | None] = {}
    for name in (EFFECTIVE, KNOWN):
        parts = [form.get(f"{name}-{part}", "").strip() for part in PARTS]
        found[name], fault = _typed(name, parts)
        faults += [fault] if fault else []
    known = found[KNOWN]
    if known is not None and known > today:
        faults.append(Fault(f"{KNOWN}-day", f"{_NAMED[KNOWN]} must be today or in the past"))
    return Moments(found[EFFECTIVE], found[KNOWN]), faults


def boxes(name: str, shown: date | None, form: Mapping[str, str]) -> dict[str, str]:
    """What stands in the three boxes of a date: what was typed, else the date."""
    if any(f"{name}-{part}" in form for part in PARTS):
        return {part: form.get(f"{name}-{part}", "") for part in PARTS}
    if shown is None:
        return dict.fromkeys(PARTS, "")
    day = london_date(shown) if isinstance(shown, datetime) else shown
    return {"day": str(day.day), "month": str(day.month), "year": str(day.year)}


def _typed(name: str, parts: list[str]) -> tuple[date | None, Fault | None]:
    """No date where all three boxes are empty."""
    if not any(parts):
        return None, None
    missing = [part for part, text in zip(PARTS, parts, strict=True) if not text]
    if missing:
        text = f"{_NAMED[name]} must include a {' and '.join(missing)}"
        return None, Fault(f"{name}-{missing[0]}", text)
    day, month, year = (_number(text) for text in parts)
    try:
        found = date(year, month, day)
        start_of_day(add_days(found, 1))
    except (ValueError, Malformed):
        return None, Fault(f"{name}-day", f"{_NAMED[name]} must be a real date, such as 14 3 2024")
    return found, None


def _number(text: str) -> int:
    """Also a month by its name; what is no number is no date."""
    if text.isascii() and text.isdigit():
        return int(text[:5])
    return _MONTHS.get(text.lower()[:3], 0)
