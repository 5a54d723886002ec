"""Civil time in Europe/London: days, birthdays, calendar months, and times as text.

Every instant that leaves this module is in `datetime.UTC`, and every interval it speaks of is
half-open: a day begins at its own 00:00 in London and ends at the next day's. Instants lie between
the first moment of the year 1 in London and the last of the year 9999 in UTC.

Not here: working days, periods and deadlines (`deadlines`), or which law was in force (`regimes`).
There is no clock here either: every moment is an argument.
"""

import re
from calendar import isleap, monthrange
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from ledger.errors import Malformed

LeapBirthday = Literal["1 March", "28 Feb"]
"""When a person born on 29 February has a birthday in a common year: a policy setting."""


def _load_london() -> ZoneInfo:
    """The zone as the pinned tzdata package has it, so that every machine counts the same days."""
    with files("tzdata.zoneinfo.Europe").joinpath("London").open("rb") as rules:
        return ZoneInfo.from_file(rules, key="Europe/London")


LONDON = _load_london()
_FIRST_INSTANT = datetime.combine(date.min, time.min, LONDON).astimezone(UTC)
_LEAP_BIRTHDAY: dict[LeapBirthday, tuple[int, int]] = {"1 March": (3, 1), "28 Feb": (2, 28)}
_OUT_OF_RANGE = "the date falls outside the years 0001 to 9999: check the year"


def start_of_day(day: date) -> datetime:
    """The day begins at this instant: 00:00 in London."""
    return _start_of_day(day.year, day.month, day.day)


@lru_cache(maxsize=16_384)
def _start_of_day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=LONDON).astimezone(UTC)


def next_day(day: date) -> date:
    """The day after; `start_of_day` of it is where this day ends."""
    return add_days(day, 1)


def london_date(instant: datetime) -> date:
    """It is this day in London at that instant."""
    _require_offset(instant, field=None)
    try:
        return instant.astimezone(LONDON).date()
    except OverflowError:
        raise Malformed(_OUT_OF_RANGE) from None


def civil_day(moment: date | datetime) -> date:
    """The London date of an instant; a date stands for itself."""
    return london_date(moment) if isinstance(moment, datetime) else moment


def anniversary(born: date, years: int, *, leap: LeapBirthday) -> date:
    """The person turns this many years old on this date; `leap` decides for 29 February."""
    year = born.year + years
    if years < 0 or year > MAXYEAR:
        raise Malformed(_OUT_OF_RANGE)
    if (born.month, born.day) == (2, 29) and not isleap(year):
        return date(year, *_LEAP_BIRTHDAY[leap])
    return date(year, born.month, born.day)


def birthday(born: date, years: int, *, leap: LeapBirthday) -> datetime:
    """From this instant the person is that old: 00:00 in London (FLRA 1969 s.9)."""
    return _birthday(born, years, leap)


@lru_cache(maxsize=16_384)
def _birthday(born: date, years: int, leap: LeapBirthday) -> datetime:
    return start_of_day(anniversary(born, years, leap=leap))


def add_days(day: date, days: int) -> date:
    """The day that many days on; `days` may be negative."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise Malformed(_OUT_OF_RANGE) from None


def add_months(day: date, months: int) -> date:
    """The same-numbered day that many months on, else the last day of that month.

    Reg 1182/71 Art 3(2)(c). `months` may be negative.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise Malformed(_OUT_OF_RANGE)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_after(instant: datetime, months: int) -> datetime:
    """That many calendar months on, at the same time by a London clock.

    A time that the spring change leaves out becomes the time one hour later. A time that the autumn
    change repeats is its first pass, unless the instant given is itself in a second pass.
    """
    return _months_after(_utc(instant), months)


@lru_cache(maxsize=16_384)
def _months_after(instant: datetime, months: int) -> datetime:
    start = instant.astimezone(LONDON)
    target = datetime.combine(add_months(start.date(), months), start.timetz())
    moved = target.astimezone(UTC)
    if moved.astimezone(LONDON).replace(tzinfo=None) != target.replace(tzinfo=None):
        return target.replace(fold=0).astimezone(UTC)
    return moved


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT_WANTED = (
    "give an RFC 3339 date and time with an offset, seconds below 60 and at most six decimals, "
    "such as 2026-11-23T09:00:00Z"
)
_DAY_WANTED = "give a date as YYYY-MM-DD, such as 2026-11-23"


def parse_instant(text: object, *, field: str | None = None) -> datetime:
    """The text is an RFC 3339 date-time, and this is the instant in UTC.

    As in RFC 3339 §5.6, `t` and `z` may be lower case and `-00:00` means UTC. Narrower than the
    RFC: no leap second, since neither Python nor PostgreSQL can hold one; no seventh decimal, since
    dropping it would merge instants that the writer tells apart; a `T`, never a space. A number, or
    a time without an offset, is no instant. Raises `Malformed`, naming `field`.
    """
    if not isinstance(text, str) or not _INSTANT.fullmatch(text):
        raise Malformed(_INSTANT_WANTED, field=field)
    try:
        written = datetime.fromisoformat(text.upper())
    except ValueError:
        raise Malformed("no such date: check the month and the day", field=field) from None
    return _utc(written, field=field)


def format_instant(instant: datetime) -> str:
    """The one spelling of an instant: UTC, `Z`, six decimals or none."""
    return f"{_utc(instant).replace(tzinfo=None).isoformat()}Z"


def parse_day(text: object, *, field: str | None = None) -> date:
    """The text is a date, `YYYY-MM-DD`; `date.isoformat` is the way back.

    Raises `Malformed`, naming `field`.
    """
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise Malformed(_DAY_WANTED, field=field)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("no such date: check the month and the day", field=field) from None


def _utc(instant: datetime, *, field: str | None = None) -> datetime:
    """The same instant in UTC, if London has a date for it."""
    _require_offset(instant, field=field)
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        raise Malformed(_OUT_OF_RANGE, field=field) from None
    if utc < _FIRST_INSTANT:
        raise Malformed(_OUT_OF_RANGE, field=field)
    return utc


def _require_offset(instant: datetime, *, field: str | None) -> None:
    # Python would read a naive time as local to this machine, which is never what was meant.
    if instant.utcoffset() is None:
        raise Malformed("a time without an offset is no instant: add Z or +00:00", field=field)
