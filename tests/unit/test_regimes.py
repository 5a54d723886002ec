"""Which law governs what straddles a change of law."""

from datetime import date

import pytest

from ledger.civil import parse_instant
from ledger.deadlines import RightsRequest, rights_request
from ledger.regimes import (
    automated_decision_regime,
    complaint_duty_applies,
    rights_request_regime,
)


@pytest.mark.parametrize(
    ("moment", "regime"),
    [
        (date(2018, 5, 24), "DPA 1998"),
        (date(2018, 5, 25), "old Art 12(3)"),
        (parse_instant("2026-02-04T23:59:59.999999Z"), "old Art 12(3)"),
        (parse_instant("2026-02-05T00:00:00Z"), "Art 12A"),
        (parse_instant("2026-02-05T00:59:59+01:00"), "old Art 12(3)"),
    ],
)
def test_a_regime_begins_at_midnight_in_london(moment, regime) -> None:
    assert rights_request_regime(moment) == regime


@pytest.mark.parametrize(
    ("taken", "regime"),
    [
        (date(2018, 5, 24), "DPA 1998"),
        (parse_instant("2018-05-24T22:59:59Z"), "DPA 1998"),
        (parse_instant("2018-05-24T23:00:00Z"), "old Art 22 / DPA s.14"),
        (date(2026, 2, 4), "old Art 22 / DPA s.14"),
        (parse_instant("2026-02-04T23:59:59.999999Z"), "old Art 22 / DPA s.14"),
        (date(2026, 2, 5), "Art 22A-22D"),
        (parse_instant("2026-02-05T00:00:00Z"), "Art 22A-22D"),
    ],
)
def test_an_automated_decision_is_judged_by_the_law_of_the_day_it_was_taken(taken, regime) -> None:
    assert automated_decision_regime(taken) == regime


def test_a_review_asked_for_later_runs_on_the_new_clock_about_a_decision_under_the_old_law() -> (
    None
):
    review = rights_request(received=date(2026, 3, 2), request=RightsRequest.AUTOMATED_DECISION)
    assert review.basis_of_clock == "UK GDPR Art 12A"
    assert automated_decision_regime(date(2026, 2, 4)) == "old Art 22 / DPA s.14"


def test_the_complaint_duty_begins_at_midnight_in_london_in_summer_time() -> None:
    assert not complaint_duty_applies(parse_instant("2026-06-18T22:59:59.999999Z"))
    assert complaint_duty_applies(parse_instant("2026-06-18T23:00:00Z"))
