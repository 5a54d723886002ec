"""Which law governs a request, a decision or a complaint that straddles a change of law.

The event that fixes the regime fixes it for good: what happens later, such as a request for human
review or for an extension, does not move it (SI 2026/82 regs 4, 5 and 7). All days are London days.

Not here: how long the periods are (`deadlines`), or when we learned of the law: each of these
changes was made and published before the day it took effect.
"""

from datetime import date, datetime
from typing import Literal, TypeVar

from ledger.civil import civil_day

RightsRequestRegime = Literal["DPA 1998", "old Art 12(3)", "Art 12A"]
AutomatedDecisionRegime = Literal["DPA 1998", "old Art 22 / DPA s.14", "Art 22A-22D"]

_Regime = TypeVar("_Regime", bound=str)

GDPR_APPLIES = date(2018, 5, 25)
DUAA_RIGHTS = date(2026, 2, 5)
"""Data (Use and Access) Act 2025 ss.76 and 80: SI 2026/82 reg 2."""
DUAA_COMPLAINTS = date(2026, 6, 19)
"""Data (Use and Access) Act 2025 s.103, which inserts DPA 2018 s.164A: SI 2026/82 reg 3."""

_RIGHTS_REQUESTS: tuple[tuple[date, RightsRequestRegime], ...] = (
    (date.min, "DPA 1998"),
    (GDPR_APPLIES, "old Art 12(3)"),
    (DUAA_RIGHTS, "Art 12A"),
)
_AUTOMATED_DECISIONS: tuple[tuple[date, AutomatedDecisionRegime], ...] = (
    (date.min, "DPA 1998"),
    (GDPR_APPLIES, "old Art 22 / DPA s.14"),
    (DUAA_RIGHTS, "Art 22A-22D"),
)


def rights_request_regime(received: date | datetime) -> RightsRequestRegime:
    """The time limits of this law apply to a request received then (SI 2026/82 reg 4)."""
    return _on(civil_day(received), _RIGHTS_REQUESTS)


def automated_decision_regime(taken: date | datetime) -> AutomatedDecisionRegime:
    """This law governs an automated decision taken then, whenever it is challenged.

    SI 2026/82 reg 5.
    """
    return _on(civil_day(taken), _AUTOMATED_DECISIONS)


def complaint_duty_applies(received: date | datetime) -> bool:
    """DPA 2018 s.164A(3)-(4) binds the controller for a complaint received then.

    SI 2026/82 reg 7.
    """
    return civil_day(received) >= DUAA_COMPLAINTS


def _on(day: date, regimes: tuple[tuple[date, _Regime], ...]) -> _Regime:
    return [regime for since, regime in regimes if since <= day][-1]
