"""When an answer could next change with nothing new recorded.

Every instant after the moment asked about that some rule compares with: no answer changes between
two of them. It may name an instant at which nothing changes after all, never one too late.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

from ledger.civil import months_after, start_of_day
from ledger.events import CatalogueAdopted, ErasureExecuted, Fact, StatusEnded, StatusStarted
from ledger.history import Item
from ledger.rules.case import Case
from ledger.rules.scope import ENDS_AT_18, status_ends
from ledger.terms import EVERY_PURPOSE

_FIELDS = ("expires_at", "informed_at", "ends_at")
_AGES = (16, 18)
LAST = datetime.max.replace(tzinfo=UTC)


def next_change(case: Case) -> datetime | None:
    """The earliest instant after `case.at` at which the answer could differ, or None."""
    if case.person.destroyed:
        return None
    later = [moment for moment in _moments(case) if moment > case.at]
    return min(later) if later else None


def _moments(case: Case) -> Iterator[datetime]:
    for one in (*case.person.items, *case.common.items):
        if concerns(case, one.fact):
            yield from _of_entry(one)
    yield from _of_catalogue(case)
    yield from case.law.changes()
    yield from _of_age(case)
    yield from _of_periods(case)


def _of_entry(one: Item) -> Iterator[datetime]:
    yield one.at
    if one.at < one.recorded_at:
        yield one.recorded_at
    if one.at < one.known_from:
        yield one.known_from
    for name in _FIELDS:
        moment = getattr(one.fact, name, None)
        if moment is not None:
            yield moment


def concerns(case: Case, fact: Fact) -> bool:
    """Whether the fact may bear on the purpose asked about."""
    if isinstance(fact, StatusStarted | StatusEnded):
        return case.purpose is None or not _kinds(case).isdisjoint(_kinds_of(case, fact))
    purpose = getattr(fact, "purpose", None)
    if purpose in (None, EVERY_PURPOSE, case.question.purpose):
        return True
    return case.policy["nhs_objection_scope"] == "all uses" and not isinstance(
        fact, ErasureExecuted
    )


def _kinds_of(case: Case, fact: StatusStarted | StatusEnded) -> set[str]:
    """The kind that the fact has, and that of the start which an end names."""
    named = fact.status if isinstance(fact, StatusEnded) else None
    starts = [one for one in case.person.of(StatusStarted) if one.entry == named]
    return {fact.kind, *(cast(StatusStarted, one.fact).kind for one in starts)}


def _kinds(case: Case) -> set[str]:
    whiles = {line.while_ for line in case.asked.lines if line.while_}
    return {*case.asked.triggers, *whiles}


def _of_catalogue(case: Case) -> Iterator[datetime]:
    for one in case.common.of(CatalogueAdopted):
        document = cast(CatalogueAdopted, one.fact).catalogue
        purpose = document.purpose_by_id.get(case.question.purpose)
        for line in purpose.lines if purpose else ():
            yield line.start()
            end = line.end()
            if end is not None:
                yield end
        for row in document.recipients if case.question.recipient else ():
            for day in (row.effective_from, row.effective_until):
                if day is not None:
                    yield start_of_day(day)


def _of_age(case: Case) -> Iterator[datetime]:
    if case.born is None or case.purpose is None or not _age_matters(case):
        return
    ages = {*_AGES, *(rule.age for rule in case.law.child_service_ages())}
    for years in ages:
        yield cast(datetime, case.birthday(years))


def _age_matters(case: Case) -> bool:
    kinds = _kinds(case)
    consents = case.grant is not None or any(line.article6 == "a" for line in case.asked.lines)
    return (
        consents
        or bool(kinds & ENDS_AT_18)
        or not isinstance(case.question.data, str)
        or (case.question.data != "ordinary")
    )


def _of_periods(case: Case) -> Iterator[datetime]:
    """Look-backs, reviews and hours that policy sets."""
    if case.purpose is None:
        return
    yield from status_ends(case)
    months = cast(int, case.policy["consent_review_months"])
    if case.grant is not None and months:
        yield months_after(case.grant.at, months)
    hours = timedelta(hours=cast(int, case.policy["vital_interest_max_hours"]))
    for line in case.lines:
        # A line that begins in the last hours there are has no end that could be named.
        if line.article6 == "d" and hours <= LAST - line.start:
            yield line.start + hours
