"""Days and times as people say them: Europe/London, in words.

Not here: reading what people typed (`moments`).
"""

from __future__ import annotations

from datetime import date, datetime, time

from ledger.civil import LONDON, format_instant

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def day(one: date) -> str:
    """`14 March 2024`; of an instant, the day that it is in London."""
    if isinstance(one, datetime):
        one = one.astimezone(LONDON).date()
    return f"{one.day} {MONTHS[one.month - 1]} {one.year}"


def when(one: date) -> str:
    """`14 March 2024`, with the time of day where there is one that matters."""
    if not isinstance(one, datetime) or one.astimezone(LONDON).time() == time():
        return day(one)
    return at(one)


def at(one: datetime) -> str:
    """`14 March 2024 at 9:05am`."""
    return f"{day(one)} at {_clock(one)}"


def brief(one: datetime) -> str:
    """`14 Mar 2024, 9:05am`."""
    clock = one.astimezone(LONDON)
    return f"{clock.day} {MONTHS[clock.month - 1][:3]} {clock.year}, {_clock(one)}"


def _clock(one: datetime) -> str:
    clock = one.astimezone(LONDON)
    minutes = f":{clock.minute:02}" if clock.minute else ""
    half = "am" if clock.hour < 12 else "pm"
    return f"{clock.hour % 12 or 12}{minutes}{half}"


def machine(one: date) -> str:
    """As `datetime` attributes, addresses and twins have it."""
    return format_instant(one) if isinstance(one, datetime) else one.isoformat()
