"""The two dates: as people type them, as addresses have them, and as they are said."""

from datetime import UTC, date, datetime

import pytest

from api.console import civil_words, moments
from api.console.moments import Moments
from api.console.viewing import address, onwards
from ledger.errors import Malformed

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def form(effective: str = "", known: str = "") -> dict[str, str]:
    """The six boxes; a date is written `14 3 2024`."""
    found: dict[str, str] = {}
    for name, text in (("effective_at", effective), ("known_at", known)):
        parts = text.split(" ") if text else ["", "", ""]
        found |= {f"{name}-{part}": one for part, one in zip(moments.PARTS, parts, strict=True)}
    return found


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("14 3 2024", date(2024, 3, 14)),
        ("14 March 2024", date(2024, 3, 14)),
        ("01 mar 2024", date(2024, 3, 1)),
        ("29 2 2024", date(2024, 2, 29)),
        ("", None),
    ],
)
def test_a_date_is_read_as_people_type_it(text: str, day: date | None) -> None:
    asked, faults = moments.typed(form(text, text), TODAY)

    assert (asked, faults) == (Moments(day, day), [])


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("30 2 2024", "effective_at-day", "must be a real date"),
        ("14 Marz! 20x4", "effective_at-day", "must be a real date"),
        ("31 12 9999", "effective_at-day", "must be a real date"),
        ("14 3 0", "effective_at-day", "must be a real date"),
        ("14  2024", "effective_at-month", "must include a month"),
        ("  2024", "effective_at-day", "must include a day and month"),
        ("² 3 2024", "effective_at-day", "must be a real date"),
    ],
)
def test_what_is_no_date_is_told_with_its_field(text: str, field: str, says: str) -> None:
    _, (fault,) = moments.typed(form(text), TODAY)

    assert fault.field == field
    assert fault.text.startswith("What was true on") and says in fault.text


def test_knowledge_is_of_the_past() -> None:
    _, faults = moments.typed(form("1 1 2030", "24 11 2026"), TODAY)

    assert [one.text for one in faults] == [
        "As the council knew it on must be today or in the past"
    ]
    with pytest.raises(Malformed, match="known_at"):
        moments.knowledge(date(2026, 11, 24), NOW)


def test_a_day_of_knowledge_is_known_at_its_end() -> None:
    assert moments.knowledge(date(2024, 4, 1), NOW) == datetime(
        2024, 4, 1, 22, 59, 59, 999999, tzinfo=UTC
    )
    assert moments.knowledge(TODAY, NOW) is None
    assert moments.knowledge(None, NOW) is None
    assert moments.knowledge(NOW, NOW) == NOW


def test_an_address_leads_back_to_the_same_dates() -> None:
    for asked in (
        Moments(),
        Moments(date(2024, 3, 14), date(2024, 4, 1)),
        Moments(datetime(2024, 3, 14, 9, 30, tzinfo=UTC), NOW),
    ):
        assert moments.moments(**asked.query()) == asked


def test_what_was_typed_stands_in_the_boxes_again() -> None:
    wrong = form("30 2 2024")

    assert moments.boxes("effective_at", None, wrong) == {"day": "30", "month": "2", "year": "2024"}
    assert moments.boxes("known_at", date(2024, 4, 1), {}) == {
        "day": "1",
        "month": "4",
        "year": "2024",
    }
    # Half past midnight in London is the day before in UTC.
    late = datetime(2024, 7, 1, 23, 30, tzinfo=UTC)
    assert moments.boxes("known_at", late, {})["day"] == "2"


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (date(2024, 3, 14), "14 March 2024"),
        (datetime(2024, 3, 14, tzinfo=UTC), "14 March 2024"),
        (datetime(2024, 6, 30, 23, 0, tzinfo=UTC), "1 July 2024"),
        (datetime(2024, 6, 30, 8, 5, tzinfo=UTC), "30 June 2024 at 9:05am"),
        (datetime(2024, 1, 1, 12, 0, tzinfo=UTC), "1 January 2024 at 12pm"),
        (datetime(2024, 1, 1, 0, 30, tzinfo=UTC), "1 January 2024 at 12:30am"),
    ],
)
def test_a_moment_is_said_by_a_london_clock(moment: date, words: str) -> None:
    assert civil_words.when(moment) == words


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "https://evil.example/console",
        "/console.evil",
        "/v1/x",
        "/console/\\x",
        "",
    ],
)
def test_a_form_leads_nowhere_else(place: str) -> None:
    assert onwards(place) == "/console"


@pytest.mark.parametrize("place", ["/console", "/console/people/1?x=2", "/console?x"])
def test_a_form_leads_on_within_the_console(place: str) -> None:
    assert onwards(place) == place


def test_an_address_is_quoted_and_leaves_out_what_is_not_asked() -> None:
    assert address("/console", a="x & y", b=None, c="é") == "/console?a=x%20%26%20y&c=%C3%A9"
