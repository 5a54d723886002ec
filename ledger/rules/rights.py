"""What the person's rights do to the lines: objections, restrictions and their exceptions.

Sources: UK GDPR articles 12(4), 18 and 21; law, sections 2.1 to 2.3 and 9.3 steps 6, 8 and 9. A
decision or a lifting counts from the moment the person is informed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from ledger.events import (
    ObjectionDecided,
    ObjectionReceived,
    RestrictionApplied,
    RestrictionExceptionRecorded,
    RestrictionLifted,
)
from ledger.history import Item
from ledger.rules.case import NOTHING, Case, Finding
from ledger.terms import Decision, Flag

_RESTRICTED = {
    "a": Flag.RESTRICTED_18_1_A,
    "b": Flag.RESTRICTED_18_1_B,
    "c": Flag.RESTRICTED_18_1_C,
    "d": Flag.RESTRICTED_18_1_D,
}


def direct_marketing(case: Case) -> Sequence[Finding]:
    """Article 21(2) and (3): absolute. No balancing, no pending state; a rejection is void."""
    return list(_to_marketing(case)) if case.objections else NOTHING


def _to_marketing(case: Case) -> Iterator[Finding]:
    for one in case.objections:
        kind = _kind(one)
        if case.asked.direct_marketing and kind in ("ART21_1", "ART21_2"):
            yield Finding(
                flag=Flag.DM_OBJECTION_ABSOLUTE, entries=(one.entry,), closes=Decision.DENY
            )
        elif kind == "ART21_2":
            yield Finding(flag=Flag.OBJECTION_NOT_AVAILABLE, entries=(one.entry,))


def research(case: Case) -> Sequence[Finding]:
    """Article 21(6): research and statistics, unless for a task in the public interest."""
    return list(_to_research(case)) if case.objections else NOTHING


def _to_research(case: Case) -> Iterator[Finding]:
    for one in case.objections:
        if _kind(one) != "ART21_6":
            continue
        if not case.asked.research or case.asked.task:
            yield Finding(flag=Flag.ART21_6_NOT_AVAILABLE, entries=(one.entry,))
        elif case.standing:
            yield _weighed(case, one, all_lines=True)


def objection(case: Case) -> Sequence[Finding]:
    """Article 21(1) reaches (e), (ea) and (f): limited until decided and the person is told."""
    return list(_to_objectable(case)) if case.objections else NOTHING


def _to_objectable(case: Case) -> Iterator[Finding]:
    for one in case.objections:
        if _kind(one) not in ("ART21_1", "NHS_NUMBER"):
            continue
        if any(line.article6 in ("b", "c", "d") for line in case.standing):
            yield Finding(flag=Flag.OBJECTION_NOT_AVAILABLE, entries=(one.entry,))
        if case.objectable:
            yield _weighed(case, one, all_lines=False)


def _kind(received: Item) -> str:
    return cast(ObjectionReceived, received.fact).kind


def _weighed(case: Case, received: Item, *, all_lines: bool) -> Finding:
    """The objection in its own state: pending, rejected or upheld."""
    reached = case.standing if all_lines else case.objectable
    decision = _decision(case, received)
    if decision is None:
        restricts = all_lines or case.policy["auto_restrict_on_objection"]
        return Finding(
            flag=Flag.OBJECTION_PENDING,
            entries=(received.entry,),
            suspends=reached if restricts else (),
        )
    entries = (received.entry, decision.entry)
    if cast(ObjectionDecided, decision.fact).outcome == "UPHELD":
        return Finding(flag=Flag.OBJECTION_UPHELD, entries=entries, kills=reached)
    return Finding(flag=Flag.OBJECTION_REJECTED, entries=entries)


def _decision(case: Case, received: Item) -> Item | None:
    """The latest decision the person has been told of; of two at once, the one upholding."""
    told = [
        one
        for one in case.person.said_of(received.entry, ObjectionDecided)
        if cast(ObjectionDecided, one.fact).informed_at <= case.at
    ]
    return max(told, key=_told) if told else None


def _told(one: Item) -> tuple[object, ...]:
    fact = cast(ObjectionDecided, one.fact)
    return (fact.informed_at, fact.outcome == "UPHELD", one.recorded_at, one.n)


def pending(case: Case) -> list[Item]:
    """Objections on which the person still waits to be told a decision."""
    return [one for one in case.objections if _decision(case, one) is None]


def restriction_pending_objection(case: Case) -> Sequence[Finding]:
    """Article 18(1)(d), where the person invoked it: the lines objected to are limited."""
    if not case.objectable:
        return NOTHING
    return [
        Finding(flag=Flag.RESTRICTED_18_1_D, entries=(one.entry,), suspends=case.objectable)
        for one in _restrictions(case, "d")
    ]


def compose(case: Case) -> Sequence[Finding]:
    """Any live line permits; else any suspended line permits storage; else nothing does."""
    if any(line.live for line in case.lines):
        return [Finding(becomes=Decision.PERMIT)]
    if case.standing:
        return [Finding(becomes=Decision.PERMIT_LIMITED)]
    return [Finding(closes=Decision.DENY)]


def restriction(case: Case) -> Sequence[Finding]:
    """Article 18(1)(a) to (c) limits use whatever the basis, a legal obligation included."""
    if not case.for_purpose(RestrictionApplied):
        return NOTHING
    return [
        Finding(flag=_RESTRICTED[ground], entries=(one.entry,), becomes=Decision.PERMIT_LIMITED)
        for ground in ("a", "b", "c")
        for one in _restrictions(case, ground)
    ]


def _restrictions(case: Case, ground: str) -> list[Item]:
    return [
        one
        for one in case.for_purpose(RestrictionApplied)
        if cast(RestrictionApplied, one.fact).ground == ground and not _lifted(case, one)
    ]


def _lifted(case: Case, applied: Item) -> bool:
    """Article 18(3): only once the person has been informed."""
    return any(
        cast(RestrictionLifted, one.fact).informed_at <= case.at
        for one in case.person.said_of(applied.entry, RestrictionLifted)
    )


def exception(case: Case) -> Sequence[Finding]:
    """Article 18(2): a recorded exception that the caller names, for use and sharing."""
    named = case.question.exception
    limited = case.decision is Decision.PERMIT_LIMITED
    if named is None or not limited or case.question.operation not in ("USE", "SHARE"):
        return NOTHING
    return [
        Finding(flag=Flag.EXCEPTION_18_2, entries=(one.entry,), becomes=Decision.PERMIT)
        for one in case.for_purpose(RestrictionExceptionRecorded)
        if _excepts(case, cast(RestrictionExceptionRecorded, one.fact), named)
    ]


def _excepts(case: Case, fact: RestrictionExceptionRecorded, named: str) -> bool:
    return fact.kind == named and (fact.ends_at is None or case.at < fact.ends_at)


def store(case: Case) -> Sequence[Finding]:
    """Article 18(2): what is limited may still be stored."""
    if case.storing and case.decision is Decision.PERMIT_LIMITED:
        return [Finding(flag=Flag.STORE_ONLY, becomes=Decision.PERMIT)]
    return NOTHING
