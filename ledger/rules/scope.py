"""Is there a question at all: the person, the purpose, the recipient, the status it needs.

Sources: UK GDPR articles 4(1), 5(1)(b) and 17; law, sections 5.1, 6.3 and 9.3 steps 1 to 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from ledger.civil import months_after, start_of_day
from ledger.errors import Malformed
from ledger.events import DeathRecorded, ErasureExecuted, Fact, StatusEnded, StatusStarted
from ledger.history import Item
from ledger.rules.case import Case, Finding
from ledger.terms import Decision, Flag

ENDS_AT_18 = frozenset({"CPP", "LAC"})
"""Children Act 1989: a child protection plan and being looked after end at the 18th birthday."""


def destroyed(case: Case) -> Iterator[Finding]:
    """Nothing of the person can be read: every question, at any K, is denied."""
    if case.person.destroyed:
        yield Finding(flag=Flag.ERASED, closes=Decision.DENY)


def deceased(case: Case) -> Iterator[Finding]:
    """UK GDPR protects the living: after a death it is out of scope."""
    for one in case.by_now(DeathRecorded):
        yield Finding(flag=Flag.DECEASED, entries=(one.entry,), closes=Decision.OUT_OF_SCOPE)


def merged(case: Case) -> Iterator[Finding]:
    """The facts count for the survivor: a question about the other identity is denied."""
    merge = case.person.merge
    if merge is not None:
        yield Finding(flag=Flag.IDENTITY_MERGED, entries=(merge.entry,), closes=Decision.DENY)


def known_purpose(case: Case) -> Iterator[Finding]:
    """A purpose that no catalogue in force declares is never permitted."""
    if case.purpose is None:
        yield Finding(flag=Flag.UNKNOWN_PURPOSE, closes=Decision.DENY)


def erased(case: Case) -> Iterator[Finding]:
    """The content of the purpose is gone, from the erasure on."""
    for one in case.for_purpose(ErasureExecuted):
        yield Finding(flag=Flag.ERASED, entries=(one.entry,), closes=Decision.DENY)


def recipient(case: Case) -> Iterator[Finding]:
    """Sharing needs a recipient that the catalogue declares for the purpose at that moment."""
    if case.question.operation != "SHARE":
        return
    named = case.question.recipient
    if named is None:
        yield Finding(flag=Flag.RECIPIENT_NOT_NAMED)
    elif not _declared(case, named):
        yield Finding(flag=Flag.RECIPIENT_NOT_DECLARED, closes=Decision.DENY)


def _declared(case: Case, named: str) -> bool:
    if named not in case.asked.recipients:
        return False
    row = case.catalogue.recipient_by_id[named]
    begun = row.effective_from is None or start_of_day(row.effective_from) <= case.at
    return begun and (row.effective_until is None or case.at < start_of_day(row.effective_until))


def trigger(case: Case) -> Iterator[Finding]:
    """A purpose that a status triggers needs one live, or lately ended where it looks back."""
    wanted = case.asked.triggers
    if not wanted or any(live_status(case, kind) for kind in wanted):
        return
    recent = _recently_ended(case)
    if recent is not None:
        yield Finding(flag=Flag.RECENT_STATUS, entries=(recent.entry,))
    elif case.storing and any(line.storage for line in case.lines):
        used = [line for line in case.lines if not line.storage]
        yield Finding(flag=Flag.TRIGGER_NOT_MET, kills=used)
    else:
        yield Finding(flag=Flag.TRIGGER_NOT_MET, closes=Decision.DENY)


def live_status(case: Case, kind: str) -> Item | None:
    """The entry by which the status is live at the moment asked about."""
    for one, end in _spells(case, kind):
        if end is None or case.at < end:
            return one
    return None


def _recently_ended(case: Case) -> Item | None:
    months = case.asked.lookback_months
    if months is None:
        return None
    for kind in case.asked.triggers:
        for one, end in _spells(case, kind):
            if end is not None and _within(case.at, end, months):
                return one
    return None


def _within(at: datetime, end: datetime, months: int) -> bool:
    """Not yet that many months after the end; past the last year of the calendar, never."""
    after = _months_after(end, months)
    return after is None or at < after


def _months_after(end: datetime, months: int) -> datetime | None:
    try:
        return months_after(end, months)
    except Malformed:
        return None


def status_ends(case: Case) -> list[datetime]:
    """When the statuses that trigger the purpose end, and when the look-back after them does."""
    months = case.asked.lookback_months
    ends = [end for kind in case.asked.triggers for _, end in _spells(case, kind) if end]
    lookbacks = [_months_after(end, months) for end in ends if months is not None]
    return ends + [moment for moment in lookbacks if moment is not None]


def _spells(case: Case, kind: str) -> list[tuple[Item, datetime | None]]:
    """Every start of the status by now, with its end: recorded, or by law at 18."""
    starts = case.person.of(StatusStarted)
    found = []
    for start in starts:
        if start.at <= case.at and _kind(start.fact) == kind:
            by_law = case.birthday(18) if kind in ENDS_AT_18 else None
            ends = [one.at for one in case.person.of(StatusEnded) if _ended(case, one) is start]
            if by_law is not None:
                ends.append(by_law)
            end = min(ends, default=None)
            if end is None or start.at < end:
                found.append((start, end))
    return found


def _ended(case: Case, end: Item) -> Item | None:
    """The start that the end names; where it names none, the latest of its kind before."""
    fact = cast(StatusEnded, end.fact)
    if fact.status in case.person.elsewhere:
        return None
    starts = case.person.of(StatusStarted)
    for one in starts:
        if one.entry == fact.status:
            return one
    earlier = [one for one in starts if one.at <= end.at and _kind(one.fact) == fact.kind]
    return earlier[-1] if earlier else None


def _kind(fact: Fact) -> str:
    return cast(StatusStarted, fact).kind
