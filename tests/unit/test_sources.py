"""The table of enactments: what may be relied on when, and what an Act is called."""

from datetime import UTC, date, datetime

import pytest

from ledger.sources import sources
from tests.unit.catalogues import BOLTON_3, BOLTON_4, NOW, law

TABLE = sources()


@pytest.mark.parametrize(
    ("source", "at", "expected"),
    [
        ("CA1989 s.47", NOW, True),
        ("CA1989 s.47", datetime(2018, 5, 25, tzinfo=UTC), True),
        ("CA2004 s.16LA", NOW, False),
        ("CA2004 s.16LC", NOW, False),
        ("DPA2018 s.164A", datetime(2026, 6, 18, 22, 59, tzinfo=UTC), False),
        ("DPA2018 s.164A", datetime(2026, 6, 18, 23, 0, tzinfo=UTC), True),
        ("Magna Carta 1215", NOW, False),
    ],
)
def test_a_source_may_be_relied_on_once_it_is_law(
    source: str, at: datetime, expected: bool
) -> None:
    assert TABLE.in_force(source, at, law=law()) is expected


def test_every_source_that_a_catalogue_cites_is_in_the_table() -> None:
    cited = {
        source
        for document in (BOLTON_3, BOLTON_4)
        for purpose in document.purposes
        for line in purpose.lines
        for source in line.legal_sources
    }

    assert {source for source in cited if not TABLE.knows(source)} == set()


def test_an_act_is_known_by_its_name_and_not_by_a_blend_of_two() -> None:
    assert {"Children Act 1989", "Children Act 2004"} <= TABLE.names
    assert "Children's Acts 1989/2004" not in TABLE.names


def test_the_identifier_duty_of_2012_is_for_adults() -> None:
    assert TABLE.adults_only("HSCA2012 s.251A")
    assert not TABLE.adults_only("CA2004 s.10")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2025, 8, 19, 22, 59, tzinfo=UTC), None),
        (datetime(2025, 8, 19, 23, 0, tzinfo=UTC), date(2025, 8, 20)),
        (datetime(2026, 3, 1, tzinfo=UTC), date(2026, 2, 5)),
        (NOW, date(2026, 6, 19)),
    ],
)
def test_the_latest_change_of_law_begins_at_midnight_in_london(
    at: datetime, expected: date | None
) -> None:
    change = TABLE.latest_change(at)

    assert (change.on if change else None) == expected
