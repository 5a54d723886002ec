"""Which days are working days in England and Wales."""

from datetime import date

import pytest

from ledger.deadlines import bank_holidays, working_day_from

# https://www.gov.uk/bank-holidays, England and Wales.
PUBLISHED = {
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
    2021: "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28",
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2024: "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26",
    2025: "01-01 04-18 04-21 05-05 05-26 08-25 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_bank_holidays_on_weekdays_are_those_published(year) -> None:
    weekdays = sorted(day for day in bank_holidays(year) if day.isoweekday() <= 5)
    assert " ".join(f"{day:%m-%d}" for day in weekdays) == PUBLISHED[year]


def test_scotlands_and_northern_irelands_own_holidays_are_working_days_here() -> None:
    assert {date(2026, 1, 2), date(2026, 3, 17), date(2026, 8, 3)}.isdisjoint(bank_holidays(2026))


def test_england_and_wales_have_the_same_bank_holidays() -> None:
    from holidays import country_holidays

    for year in range(2018, 2101):
        wales = country_holidays("GB", subdiv="WLS", years=year, expand=False)
        assert bank_holidays(year) == frozenset(wales)


def test_a_long_weekend_is_passed_over_in_one_roll() -> None:
    assert working_day_from(date(2026, 12, 24)) == date(2026, 12, 24)
    assert working_day_from(date(2026, 12, 25)) == date(2026, 12, 29)
    assert working_day_from(date(2026, 4, 3)) == date(2026, 4, 7)
    assert working_day_from(date(2027, 1, 1)) == date(2027, 1, 4)
