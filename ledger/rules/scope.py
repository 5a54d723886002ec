"""Is there a question at all: the person, the purpose, the recipient, the status it needs.

Sources: UK GDPR articles 4(1), 5(1)(b) and 17; law, sections 5.1, 6.3 and 9.3 steps 1 to 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from ledger.civil import months_after, start_of_day
from ledger.errors import Malformed
from ledger.events import DeathRecorded, ErasureExecuted, StatusEnded, StatusStarted
from ledger.history import History, Item, until
from ledger.rules.case import NOTHING, Case, Finding
from ledger.rules.rulebook import ADULT
from ledger.terms import Decision, Flag

ENDS_AT_18 = frozenset({"CPP", "LAC"})
"""Children Act 1989: a child protection plan and being looked after end at the 18th birthday."""


def destroyed(case: Case) -> Sequence[Finding]:
    """Nothing of the person can be read: every question, at any K, is denied."""
    if not case.person.destroyed:
        return NOTHING
    return [Finding(flag=Flag.ERASED, closes=Decision.DENY)]


def deceased(case: Case) -> Sequence[Finding]:
    """UK GDPR protects the living: after a death it is out of scope."""
    return [
        Finding(flag=Flag.DECEASED, entries=(one.entry,), closes=Decision.OUT_OF_SCOPE)
        for one in case.by_now(DeathRecorded)
    ]


def merged(case: Case) -> Sequence[Finding]:
    """The facts count for the survivor: a question about the other identity is denied."""
    merge = case.person.merge
    if merge is None:
        return NOTHING
    return [Finding(flag=Flag.IDENTITY_MERGED, entries=(merge.entry,), closes=Decision.DENY)]


def known_purpose(case: Case) -> Sequence[Finding]:
    """A purpose that no catalogue in force declares is never permitted."""
    if case.purpose is not None:
        return NOTHING
    return [Finding(flag=Flag.UNKNOWN_PURPOSE, closes=Decision.DENY)]


def erased(case: Case) -> Sequence[Finding]:
    """The content of the purpose is gone, from the erasure on."""
    return [
        Finding(flag=Flag.ERASED, entries=(one.entry,), closes=Decision.DENY)
        for one in case.for_purpose(ErasureExecuted)
    ]


def recipient(case: Case) -> Sequence[Finding]:
    """Sharing needs a recipient that the catalogue declares for the purpose at that moment."""
    named = case.question.recipient
    if case.question.operation != "SHARE":
        return NOTHING
    if named is None:
        return [Finding(flag=Flag.RECIPIENT_NOT_NAMED)]
    if _declared(case, named):
        return NOTHING
    return [Finding(flag=Flag.RECIPIENT_NOT_DECLARED, closes=Decision.DENY)]


def _declared(case: Case, named: str) -> bool:
    if named not in case.asked.recipients:
        return False
    row = case.catalogue.recipient_by_id[named]
    begun = row.effective_from is None or start_of_day(row.effective_from) <= case.at
    return begun and (row.effective_until is None or case.at < start_of_day(row.effective_until))


def trigger(case: Case) -> Sequence[Finding]:
    """A purpose that a status triggers needs one live, or lately ended where it looks back."""
    wanted = case.asked.triggers
    if not wanted or any(live_status(case, kind) for kind in wanted):
        return NOTHING
    recent = _recently_ended(case)
    if recent is not None:
        return [Finding(flag=Flag.RECENT_STATUS, entries=(recent.entry,))]
    if case.storing and any(line.storage for line in case.lines):
        used = [line for line in case.lines if not line.storage]
        return [Finding(flag=Flag.TRIGGER_NOT_MET, kills=used)]
    return [Finding(flag=Flag.TRIGGER_NOT_MET, closes=Decision.DENY)]


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
    found = []
    for start, recorded in case.person.once(_recorded_spells).get(kind, ()):
        by_law = case.birthday(ADULT) if kind in ENDS_AT_18 else None
        end = min((one for one in (recorded, by_law) if one is not None), default=None)
        if start.at <= case.at and (end is None or start.at < end):
            found.append((start, end))
    return found


def _recorded_spells(person: History) -> dict[str, list[tuple[Item, datetime | None]]]:
    """Every start of a status, by kind and in order, with the first end recorded of it."""
    starts = person.of(StatusStarted)
    by_kind: dict[str, list[Item]] = {}
    for one in starts:
        by_kind.setdefault(cast(StatusStarted, one.fact).kind, []).append(one)
    by_entry = {one.entry: one for one in reversed(starts)}
    ends: dict[tuple[int, str], datetime] = {}
    for one in person.of(StatusEnded) if starts else ():
        fact = cast(StatusEnded, one.fact)
        earlier = until(by_kind.get(fact.kind, ()), one.at)
        # It ends the start that it names; where it names none, the latest of its kind before.
        ended = by_entry.get(fact.status or "", earlier[-1] if earlier else None)
        if ended is not None and fact.status not in person.elsewhere:
            ends.setdefault((ended.n, ended.entry), one.at)
    return {
        kind: [(one, ends.get((one.n, one.entry))) for one in some]
        for kind, some in by_kind.items()
    }
