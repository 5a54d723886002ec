"""The clocks: the last day to act on a request or a complaint, and how long a record is kept.

Periods are counted as Reg 1182/71 Art 3 says, which UK GDPR Art 4A and DPA 2018 s.205(2) apply: the
day of the event does not count; a month ends on the same-numbered day, else on the last day of that
month; a period whose last day is a Saturday, a Sunday or a bank holiday in England and Wales ends
with the next working day. The roll to a working day is for acts, not for keeping: retention ends on
the day the rule names. All days are London days.

Not here: when the event happened, whether an extension was justified, or what is due to whom.
"""

from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal

import msgspec

from ledger.civil import LeapBirthday, add_days, add_months, anniversary, civil_day, next_day
from ledger.errors import Malformed
from ledger.regimes import RightsRequestRegime, complaint_duty_applies, rights_request_regime

COMPLAINT_ACKNOWLEDGEMENT_DAYS = 30
REQUEST_MONTHS = 1
EXTENDED_REQUEST_MONTHS = 3
"""One month and two further months, counted as one period from the same start."""
ADULT_YEARS = 18
LAC_YEARS = 75
LAC_DEATH_YEARS = 15
POLICY_DOCUMENT_MONTHS = 6

_SATURDAY = 5

_RIGHTS_BASIS: dict[RightsRequestRegime, str] = {
    "DPA 1998": "none: received before 25 May 2018, under the Data Protection Act 1998",
    "old Art 12(3)": "old Art 12(3): received before 5 February 2026 (SI 2026/82 reg 4)",
    "Art 12A": "UK GDPR Art 12A",
}
_COMPLAINT_BASIS = "DPA 2018 s.164A(3)"
_NO_COMPLAINT_DUTY = "none: received before 19 June 2026 (SI 2026/82 reg 7)"
_LAC75_BASIS = "R_LAC75: Care Planning Regulations 2010 reg 50, 75th anniversary of birth"
_LAC_D15_BASIS = "R_LAC_D15: Care Planning Regulations 2010 reg 50, death under 18"
_PARAGRAPH_40_BASIS = "DPA 2018 Sch 1 para 40"

Awaited = Literal["identity", "fee", "clarification"]


class RightsRequest(StrEnum):
    """The rights of UK GDPR Arts 15 to 22D, which share one clock."""

    ACCESS = "access"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    OBJECTION = "objection"
    AUTOMATED_DECISION = "automated_decision"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Something the controller asked the person for, and when it came; null while it has not."""

    asked: date | datetime
    answered: date | datetime | None


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """A clock's result: the last day to act or to keep, and the law it comes from.

    `due` is the last day to act, `extension_notice_by` the last day to tell the person of an
    extension. `retain_until` is kept until that day begins, `retain_through` to the end of that
    day. A duty without a `due` waits for what `waiting_for` names.
    """

    basis_of_clock: str
    duty: bool = True
    due: date | None = None
    extension_notice_by: date | None = None
    waiting_for: Awaited | None = None
    retain_until: date | None = None
    retain_through: date | None = None


class _Stop(msgspec.Struct, frozen=True, kw_only=True):
    """London days from asking to answering, both included; no last day while unanswered."""

    first: date
    last: date | None


def rights_request(
    *,
    received: date | datetime,
    request: RightsRequest,
    identity: Asked | None = None,
    fee: Asked | None = None,
    clarification: Asked | None = None,
    extended: bool = False,
) -> Deadline:
    """The request must be acted on by `due` (Art 12A; received earlier: old Art 12(3)).

    The month runs from the latest of receipt, the identity asked for and the fee charged. A
    clarification stops the clock for an access request under Art 12A only: old Art 12(3) knew no
    such stop, and no other right has one. `extended` means that the person was told of the
    extension, with reasons, by `extension_notice_by`. Raises `Malformed` where days contradict each
    other, or where the bank holidays of the last year are not known.
    """
    received_on = civil_day(received)
    identity_on = _satisfied_on(identity, received_on, field="identity")
    fee_on = _satisfied_on(fee, received_on, field="fee")
    stop = _stop(clarification, received_on, field="clarification")
    regime = rights_request_regime(received_on)
    basis = _RIGHTS_BASIS[regime]
    if regime == "DPA 1998":
        return Deadline(basis_of_clock=basis, duty=False)
    if identity_on is None or fee_on is None:
        awaited: Awaited = "identity" if identity_on is None else "fee"
        return Deadline(basis_of_clock=basis, waiting_for=awaited)
    if regime != "Art 12A" or request is not RightsRequest.ACCESS:
        stop = None
    relevant = max(identity_on, fee_on)
    due = _last_day(relevant, EXTENDED_REQUEST_MONTHS if extended else REQUEST_MONTHS, stop)
    return Deadline(
        basis_of_clock=basis,
        due=due,
        extension_notice_by=_last_day(relevant, REQUEST_MONTHS, stop),
        waiting_for=None if due else "clarification",
    )


def complaint_acknowledgement(*, received: date | datetime) -> Deadline:
    """The complaint must be acknowledged by `due`, if it came when the duty was in force.

    DPA 2018 s.164A(3); no extension.
    """
    if not complaint_duty_applies(received):
        return Deadline(basis_of_clock=_NO_COMPLAINT_DUTY, duty=False)
    last = add_days(civil_day(received), COMPLAINT_ACKNOWLEDGEMENT_DAYS)
    return Deadline(basis_of_clock=_COMPLAINT_BASIS, due=working_day_from(last))


def looked_after_record(
    *, born: date, died: date | datetime | None, leap: LeapBirthday
) -> Deadline:
    """A looked-after child's case record is kept until then: R_LAC75, or R_LAC_D15 for a child.

    A death at 18 or later changes nothing.
    """
    if died is not None and civil_day(died) < anniversary(born, ADULT_YEARS, leap=leap):
        return record_of_child_who_died(died=died)
    return Deadline(
        basis_of_clock=_LAC75_BASIS, retain_until=anniversary(born, LAC_YEARS, leap=leap)
    )


def record_of_child_who_died(*, died: date | datetime) -> Deadline:
    """A looked-after child's case record is kept 15 years beginning with the day of death.

    The day of death counts, so the last day is the one before the anniversary (R_LAC_D15).
    """
    end = anniversary(civil_day(died), LAC_DEATH_YEARS, leap="1 March")
    return Deadline(basis_of_clock=_LAC_D15_BASIS, retain_through=add_days(end, -1))


def policy_document(*, ceased: date | datetime) -> Deadline:
    """The appropriate policy document is kept to the end of six months after processing ceased.

    DPA 2018 Sch 1 para 40.
    """
    last = add_months(civil_day(ceased), POLICY_DOCUMENT_MONTHS)
    return Deadline(basis_of_clock=_PARAGRAPH_40_BASIS, retain_through=last)


def working_day_from(day: date) -> date:
    """The day itself if it is a working day, else the next one that is (Reg 1182/71 Art 3(4))."""
    while day.weekday() >= _SATURDAY or day in bank_holidays(day.year):
        day = next_day(day)
    return day


@lru_cache(maxsize=256)
def bank_holidays(year: int) -> frozenset[date]:
    """The bank holidays of England and Wales in that year, with their substitute days.

    Raises `Malformed` for a year whose holidays are not known: a deadline is never guessed.
    """
    # Imported here because the package loads the calendar of every country, which takes a third of
    # a second that most commands never need. A server calls this once before it takes requests.
    from holidays import country_holidays

    days = frozenset(country_holidays("GB", subdiv="ENG", years=year, expand=False))
    if not days:
        raise Malformed(f"the bank holidays of {year} are not known: check the year")
    return days


def _last_day(relevant: date, months: int, stop: _Stop | None) -> date | None:
    """The last day of the period that began after `relevant`; null while the clock stands still.

    Art 12A(5): the days from asking to answering do not count, and asking once the period has run
    out stops nothing.
    """
    last = add_months(relevant, months)
    if stop is None or stop.first > last:
        return working_day_from(last)
    if stop.last is None:
        return None
    uncounted = (stop.last - max(stop.first, next_day(relevant))).days + 1
    return working_day_from(add_days(last, max(uncounted, 0)))


def _satisfied_on(asked: Asked | None, received_on: date, *, field: str) -> date | None:
    """From this day the clock does not wait for what was asked; null while it does."""
    days = _stop(asked, received_on, field=field)
    return days.last if days else received_on


def _stop(asked: Asked | None, received_on: date, *, field: str) -> _Stop | None:
    """The London days from asking to answering, checked to be in order."""
    if asked is None:
        return None
    first = civil_day(asked.asked)
    last = None if asked.answered is None else civil_day(asked.answered)
    if first < received_on:
        raise Malformed("asked before the request was received: correct one of them", field=field)
    if last is not None and last < first:
        raise Malformed("answered before it was asked for: correct one of them", field=field)
    return _Stop(first=first, last=last)
