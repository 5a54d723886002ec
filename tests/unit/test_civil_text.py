"""Instants and dates as text: what is read, how it is written, what is refused."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.civil import format_instant, parse_day, parse_instant
from ledger.errors import Malformed

pure = settings(deadline=None, max_examples=200)

FIRST = datetime(1, 1, 1, 0, 1, 15, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

instants = st.timedeltas(timedelta(0), LAST - FIRST).map(lambda since: FIRST + since)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@given(instants)
@pure
def test_parsing_what_was_formatted_gives_the_instant_back(instant) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(instants, st.integers(-1439, 1439))
@pure
def test_every_offset_means_the_same_instant(instant, minutes) -> None:
    try:
        written = instant.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    assert parse_instant(written.isoformat()) == instant
    assert format_instant(written) == format_instant(instant)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (utc("2026-11-23T09:00:00+00:00"), "2026-11-23T09:00:00Z"),
        (utc("2026-06-19T00:30:00+01:00"), "2026-06-18T23:30:00Z"),
        (utc("2026-11-23T09:00:00.000001+00:00"), "2026-11-23T09:00:00.000001Z"),
        (utc("2026-11-23T09:00:00.5+00:00"), "2026-11-23T09:00:00.500000Z"),
        (FIRST, "0001-01-01T00:01:15Z"),
        (LAST, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_an_instant_has_one_spelling(instant, text) -> None:
    assert format_instant(instant) == text
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-23t09:00:00z", "2026-11-23T09:00:00Z"),
        ("2026-11-23T09:00:00-00:00", "2026-11-23T09:00:00Z"),
        ("2026-11-23T09:00:00.1Z", "2026-11-23T09:00:00.100000Z"),
        ("2026-11-23T23:59:59+23:59", "2026-11-23T00:00:59Z"),
        ("2028-02-29T00:00:00+00:00", "2028-02-29T00:00:00Z"),
    ],
)
def test_other_spellings_of_rfc_3339_are_read(text, same) -> None:
    assert parse_instant(text) == parse_instant(same)
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T09:00:00",
        "2026-11-23",
        "20240314",
        "1700000000",
        "",
        "2026-11-23 09:00:00Z",
        "2026-11-23T09:00Z",
        "2026-11-23T09:00:00.Z",
        "2026-11-23T09:00:00,5Z",
        "2026-11-23T09:00:00.1234567Z",
        "2026-11-23T09:00:00+0000",
        "2026-11-23T09:00:00+00",
        "2026-11-23T09:00:00+24:00",
        "2026-11-23T09:00:00+01:60",
        "2026-11-23T09:00:00+01:00:30",
        "2026-11-23T24:00:00Z",
        "2026-11-23T09:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-W48-1T09:00:00Z",
        "+2026-11-23T09:00:00Z",
        "12026-11-23T09:00:00Z",
        " 2026-11-23T09:00:00Z",
        "2026-11-23T09:00:00Z\n",
        "\uff12\uff10\uff12\uff16-11-23T09:00:00Z",
        20240314,
        1.7e9,
        True,
        None,
        b"2026-11-23T09:00:00Z",
        datetime(2026, 11, 23, 9, tzinfo=UTC),
    ],
)
def test_anything_but_an_rfc_3339_time_with_an_offset_is_refused(text) -> None:
    with pytest.raises(Malformed, match="give an RFC 3339 date and time with an offset"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_time_on_a_date_that_does_not_exist_is_refused(text) -> None:
    with pytest.raises(Malformed, match="no such date"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+00:01",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:01:14.999999Z",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_a_time_that_has_no_date_in_utc_or_london_is_refused(text) -> None:
    with pytest.raises(Malformed, match="0001 to 9999"):
        parse_instant(text)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-00:01", "2026-02-30T00:00:00Z", "1 May 2012"]
)
def test_an_error_names_the_field_and_never_the_value(text) -> None:
    with pytest.raises(Malformed) as caught:
        parse_instant(text, field="date_of_birth")
    assert caught.value.field == "date_of_birth"
    assert str(caught.value).startswith("date_of_birth: ")
    assert text not in str(caught.value)


@given(st.dates())
@pure
def test_a_day_reads_back_as_written(day) -> None:
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        "20261123",
        "2026-W48-1",
        "2026-11-23T00:00:00Z",
        "26-11-23",
        "2026-1-3",
        "2026-11-23\n",
        "",
        "\uff12\uff10\uff12\uff16-11-23",
        20261123,
        None,
        date(2026, 11, 23),
    ],
)
def test_anything_but_a_plain_date_is_no_day(text) -> None:
    with pytest.raises(Malformed, match="expires_at: give a date as YYYY-MM-DD"):
        parse_day(text, field="expires_at")


@pytest.mark.parametrize("text", ["2026-02-29", "2026-04-31", "2026-00-01", "0000-01-01"])
def test_a_day_that_does_not_exist_is_refused(text) -> None:
    with pytest.raises(Malformed, match="expires_at: no such date") as caught:
        parse_day(text, field="expires_at")
    assert text not in str(caught.value)
