"""When an answer could next change with nothing new recorded.

Every instant after the moment asked about that some rule compares with: no answer changes between
two of them. It may name an instant at which nothing changes after all, never one too late.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Final, cast

from ledger.civil import months_after
from ledger.events import ENTRY_TYPES, ErasureExecuted, Fact, StatusEnded, StatusStarted
from ledger.history import History, Item
from ledger.rules.case import Case
from ledger.rules.scope import ENDS_AT_18, status_ends
from ledger.rules.settled import next_of
from ledger.terms import EVERY_PURPOSE

_FIELDS = ("expires_at", "informed_at", "ends_at")
_DATED: Final[dict[type[Fact], tuple[str, ...]]] = {
    kind: names
    for kind in ENTRY_TYPES
    if (names := tuple(name for name in _FIELDS if name in kind.__struct_fields__))
}
"""The types that hold moments of their own, and in which fields."""
_RECORDED_AT = attrgetter("recorded_at")
_KNOWN_FROM = attrgetter("known_from")
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def next_change(case: Case) -> datetime | None:
    """The earliest instant after `case.at` at which the answer could differ, or None."""
    if case.person.destroyed:
        return None
    purpose, recipient = case.question.purpose, case.question.recipient
    sorts = [
        _of_entries(case, case.person),
        _of_entries(case, case.common),
        next_of(case.settled.changes(purpose), case.at),
        next_of(case.settled.recipient_changes, case.at) if recipient else None,
    ]
    found = [moment for moment in sorts if moment is not None]
    if case.purpose is not None:
        found += _of_age(case)
        found += [moment for moment in _of_periods(case) if moment > case.at]
    return min(found, default=None)


def _of_entries(case: Case, history: History) -> datetime | None:
    """The next instant of an entry that concerns the question."""
    if settles(history) <= case.at:
        return None
    moments = history.once(_in_order)
    for moment, fact in moments[bisect_right(moments, case.at, key=itemgetter(0)) :]:
        if concerns(case, fact):
            return moment
    return None


def settles(history: History) -> datetime:
    """From then on every entry is known and in effect, and no moment in one is still to come."""
    return history.once(_settles)


def _settles(history: History) -> datetime:
    items = history.items
    if not items:
        return FIRST
    dated = [
        getattr(one.fact, name)
        for kind, names in _DATED.items()
        for one in history.by_type.get(kind, ())
        for name in names
    ]
    found = [*map(_RECORDED_AT, items), *map(_KNOWN_FROM, items), *filter(None, dated)]
    last: datetime = max(items[-1].at, *found)
    return last


def _in_order(history: History) -> list[tuple[datetime, Fact]]:
    """Every instant at which an entry may change an answer, in order."""
    found = [(moment, one.fact) for one in history.items for moment in _of_entry(one)]
    return sorted(found, key=itemgetter(0))


def _of_entry(one: Item) -> Iterator[datetime]:
    yield one.at
    if one.at < one.recorded_at:
        yield one.recorded_at
    if one.at < one.known_from:
        yield one.known_from
    for name in _DATED.get(type(one.fact), ()):
        moment = getattr(one.fact, name)
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
    if isinstance(fact, StatusStarted):
        return {fact.kind}
    starts = [one for one in case.person.of(StatusStarted) if one.entry == fact.status]
    return {fact.kind, *(cast(StatusStarted, one.fact).kind for one in starts)}


def _kinds(case: Case) -> set[str]:
    whiles = {line.while_ for line in case.asked.lines if line.while_}
    return {*case.asked.triggers, *whiles}


def _of_age(case: Case) -> list[datetime]:
    """The birthdays to come, where the answer may turn on them."""
    ages = case.settled.ages
    if case.born is None or case.aged(ages[-1], case.at) or not _age_matters(case):
        return []
    birthdays = [cast(datetime, case.birthday(years)) for years in ages]
    return [moment for moment in birthdays if moment > case.at]


def _age_matters(case: Case) -> bool:
    consents = case.grant is not None or any(line.article6 == "a" for line in case.asked.lines)
    return consents or case.question.data != "ordinary" or not _kinds(case).isdisjoint(ENDS_AT_18)


def _of_periods(case: Case) -> list[datetime]:
    """Look-backs, reviews and hours that policy sets, also those that have passed."""
    found = status_ends(case) if case.asked.triggers else []
    months = cast(int, case.policy["consent_review_months"])
    if case.grant is not None and months:
        found.append(months_after(case.grant.at, months))
    vital = [line for line in case.lines if line.article6 == "d"]
    if vital:
        hours = timedelta(hours=cast(int, case.policy["vital_interest_max_hours"]))
        # A line that begins in the last hours there are has no end that could be named.
        found += [line.start + hours for line in vital if hours <= LAST - line.start]
    return found
