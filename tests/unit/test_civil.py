"""Civil time: London days, birthdays and calendar months."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.civil import (
    LONDON,
    add_days,
    add_months,
    anniversary,
    birthday,
    civil_day,
    format_instant,
    london_date,
    months_after,
    next_day,
    start_of_day,
)
from ledger.errors import Malformed

pure = settings(deadline=None, max_examples=200)

FIRST = datetime(1, 1, 1, 0, 1, 15, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
NAIVE = datetime.fromisoformat("2026-07-01T12:00:00")
LEAPS: tuple[Literal["1 March"], Literal["28 Feb"]] = ("1 March", "28 Feb")

instants = st.timedeltas(timedelta(0), LAST - FIRST).map(lambda since: FIRST + since)
MODERN = datetime(1972, 1, 1, tzinfo=UTC)
modern = st.timedeltas(timedelta(0), timedelta(days=128 * 365)).map(lambda since: MODERN + since)
days = st.dates(max_value=date(9999, 12, 30))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# Days.


@given(days)
@pure
def test_a_day_covers_its_first_instant_and_not_the_next_days(day: date) -> None:
    begin, end = start_of_day(day), start_of_day(next_day(day))
    assert london_date(begin) == day
    assert london_date(end - timedelta(microseconds=1)) == day
    assert london_date(end) == next_day(day)


@given(instants)
@pure
def test_every_instant_lies_in_exactly_the_day_that_london_has_for_it(instant: datetime) -> None:
    day = london_date(instant)
    assert start_of_day(day) <= instant
    assert day == date.max or instant < start_of_day(next_day(day))


@pytest.mark.parametrize(
    ("day", "begin", "hours"),
    [
        (date(2026, 3, 29), "2026-03-29T00:00:00+00:00", 23),
        (date(2026, 10, 25), "2026-10-24T23:00:00+00:00", 25),
        (date(2026, 7, 1), "2026-06-30T23:00:00+00:00", 24),
        (date(2026, 1, 1), "2026-01-01T00:00:00+00:00", 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_changes_make_it(day: date, begin: str, hours: int) -> None:
    assert start_of_day(day) == utc(begin)
    assert start_of_day(next_day(day)) - start_of_day(day) == timedelta(hours=hours)


def test_a_summer_evening_in_utc_is_the_next_day_in_london() -> None:
    assert london_date(utc("2026-06-18T22:59:59.999999+00:00")) == date(2026, 6, 18)
    assert london_date(utc("2026-06-18T23:00:00+00:00")) == date(2026, 6, 19)


def test_the_offset_an_instant_is_written_in_does_not_move_its_day() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert london_date(datetime(2026, 6, 19, 7, 59, tzinfo=tokyo)) == date(2026, 6, 18)
    assert london_date(datetime(2026, 6, 19, 8, 0, tzinfo=tokyo)) == date(2026, 6, 19)


def test_a_date_stands_for_itself_and_an_instant_for_its_london_day() -> None:
    assert civil_day(date(2026, 6, 18)) == date(2026, 6, 18)
    assert civil_day(utc("2026-06-18T23:30:00+00:00")) == date(2026, 6, 19)


def test_the_winters_of_british_standard_time_began_an_hour_early() -> None:
    assert start_of_day(date(1970, 1, 1)) == utc("1969-12-31T23:00:00+00:00")
    assert birthday(date(1952, 1, 1), 18, leap="1 March") == utc("1969-12-31T23:00:00+00:00")


@given(days)
@pure
def test_what_leaves_the_module_is_in_utc(day: date) -> None:
    assert start_of_day(day).tzinfo is UTC
    assert birthday(day, 0, leap="1 March").tzinfo is UTC
    assert months_after(start_of_day(day), 0).tzinfo is UTC


@pytest.mark.parametrize(
    "outside",
    [
        lambda: next_day(date.max),
        lambda: add_days(date.min, -1),
        lambda: add_months(date(9999, 12, 1), 1),
        lambda: add_months(date(1, 1, 31), -1),
        lambda: anniversary(date(2000, 1, 1), 8000, leap="1 March"),
        lambda: anniversary(date(2000, 1, 1), -1, leap="1 March"),
        lambda: london_date(datetime(1, 1, 1, tzinfo=UTC)),
        lambda: format_instant(datetime(1, 1, 1, tzinfo=UTC)),
        lambda: format_instant(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_date_beyond_the_calendar_is_malformed_and_no_other_error(outside) -> None:
    with pytest.raises(Malformed, match="0001 to 9999"):
        outside()


def test_the_first_and_the_last_month_of_the_calendar_are_inside_it() -> None:
    assert add_months(date(9999, 11, 30), 1) == date(9999, 12, 30)
    assert add_months(date(1, 2, 1), -1) == date(1, 1, 1)
    assert anniversary(date(2000, 12, 31), 7999, leap="1 March") == date.max


@pytest.mark.parametrize(
    "use", [london_date, civil_day, format_instant, lambda naive: months_after(naive, 1)]
)
def test_a_naive_time_is_never_read_as_local_to_the_machine(use) -> None:
    with pytest.raises(Malformed, match="without an offset"):
        use(NAIVE)


# Birthdays.


@pytest.mark.parametrize(
    ("years", "leap", "expected"),
    [
        (17, "1 March", date(2029, 3, 1)),
        (17, "28 Feb", date(2029, 2, 28)),
        (16, "1 March", date(2028, 2, 29)),
        (16, "28 Feb", date(2028, 2, 29)),
        (75, "1 March", date(2087, 3, 1)),
        (88, "1 March", date(2100, 3, 1)),
        (88, "28 Feb", date(2100, 2, 28)),
    ],
)
def test_a_leap_birthday_follows_the_policy_in_common_years_only(years, leap, expected) -> None:
    assert anniversary(date(2012, 2, 29), years, leap=leap) == expected


def test_a_leap_policy_that_nobody_defined_is_not_taken_for_another() -> None:
    with pytest.raises(KeyError):
        anniversary(date(2012, 2, 29), 1, leap="29 Feb")  # type: ignore[arg-type]


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(0, 120), st.sampled_from(LEAPS))
@pure
def test_any_other_birthday_keeps_its_day_and_month(born, years, leap) -> None:
    day = anniversary(born, years, leap=leap)
    assert day.year == born.year + years
    if (born.month, born.day) != (2, 29):
        assert (day.month, day.day) == (born.month, born.day)


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(0, 120), st.sampled_from(LEAPS))
@pure
def test_a_birthday_begins_with_its_london_day(born, years, leap) -> None:
    begins = birthday(born, years, leap=leap)
    assert london_date(begins) == anniversary(born, years, leap=leap)
    assert begins.astimezone(LONDON).time() == time(0)


def test_a_summer_birthday_begins_the_evening_before_in_utc() -> None:
    assert birthday(date(2010, 7, 1), 18, leap="1 March") == utc("2028-06-30T23:00:00+00:00")


def test_the_leap_policy_reaches_the_birthday_even_when_it_was_asked_for_before() -> None:
    born = date(2012, 2, 29)
    assert birthday(born, 18, leap="1 March") == utc("2030-03-01T00:00:00+00:00")
    assert birthday(born, 18, leap="28 Feb") == utc("2030-02-28T00:00:00+00:00")


# Months.


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -12, date(2025, 1, 15)),
        (date(2026, 5, 10), 0, date(2026, 5, 10)),
    ],
)
def test_a_month_ends_on_the_same_numbered_day_or_the_last(day, months, expected) -> None:
    assert add_months(day, months) == expected


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-600, 600))
@pure
def test_months_land_in_the_month_counted_to_and_never_on_a_later_day(day, months) -> None:
    landed = add_months(day, months)
    assert (landed.year - day.year) * 12 + landed.month - day.month == months
    assert landed.day == day.day or (landed.day < day.day and next_day(landed).day == 1)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-600, 600))
@pure
def test_a_later_day_never_lands_earlier(day, months) -> None:
    assert add_months(day, months) <= add_months(next_day(day), months)


@given(modern, st.integers(-120, 120))
@pure
def test_months_after_keeps_the_london_time_of_day_unless_it_is_left_out(instant, months) -> None:
    before, after = instant.astimezone(LONDON), months_after(instant, months).astimezone(LONDON)
    wanted = datetime.combine(add_months(before.date(), months), before.time())
    skipped = after.replace(tzinfo=None) - wanted
    assert skipped in (timedelta(0), timedelta(hours=1))
    if skipped:
        assert (after.month, after.weekday(), after.hour) == (3, 6, 2)


@given(instants)
@pure
def test_no_months_after_an_instant_is_that_instant(instant) -> None:
    assert months_after(instant, 0) == instant


@pytest.mark.parametrize(
    ("start", "months", "expected", "why"),
    [
        ("2026-02-28T12:00:00+00:00", 2, "2026-04-28T12:00:00+01:00", "noon stays noon"),
        ("2026-02-28T23:30:00+00:00", 5, "2026-07-28T23:30:00+01:00", "the London day counts"),
        ("2026-01-31T09:00:00+00:00", 1, "2026-02-28T09:00:00+00:00", "no 31 February"),
        ("2026-02-28T01:30:00+00:00", 13, "2027-03-28T02:30:00+01:00", "01:30 is left out"),
        ("2026-09-25T01:30:00+01:00", 1, "2026-10-25T01:30:00+01:00", "the first 01:30 of two"),
        ("2026-10-25T01:30:00+00:00", 0, "2026-10-25T01:30:00+00:00", "already the second"),
        ("2026-10-25T01:30:00+00:00", 72, "2032-10-25T01:30:00+01:00", "BST that day"),
        ("2026-10-25T01:30:00+00:00", 132, "2037-10-25T01:30:00+00:00", "the second again"),
        ("2025-10-26T01:30:00+00:00", 29, "2028-03-26T02:30:00+01:00", "second, then left out"),
    ],
)
def test_months_after_decides_every_doubtful_hour(start, months, expected, why) -> None:
    assert months_after(utc(start), months) == utc(expected), why
