"""What the person's rights do to the lines: objections, restrictions and their exceptions.

Sources: UK GDPR articles 12(4), 18 and 21; law, sections 2.1 to 2.3 and 9.3 steps 6, 8 and 9. A
decision or a lifting counts from the moment the person is informed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ledger.events import (
    ObjectionDecided,
    ObjectionReceived,
    RestrictionApplied,
    RestrictionExceptionRecorded,
    RestrictionLifted,
)
from ledger.history import Item
from ledger.rules.case import Case, Finding
from ledger.terms import EVERY_PURPOSE, Decision, Flag

_RESTRICTED = {
    "a": Flag.RESTRICTED_18_1_A,
    "b": Flag.RESTRICTED_18_1_B,
    "c": Flag.RESTRICTED_18_1_C,
    "d": Flag.RESTRICTED_18_1_D,
}


def direct_marketing(case: Case) -> Iterator[Finding]:
    """Article 21(2) and (3): absolute. No balancing, no pending state; a rejection is void."""
    for one, kind in _objections(case):
        if case.asked.direct_marketing and kind in ("ART21_1", "ART21_2"):
            yield Finding(
                flag=Flag.DM_OBJECTION_ABSOLUTE, entries=(one.entry,), closes=Decision.DENY
            )
        elif kind == "ART21_2":
            yield Finding(flag=Flag.OBJECTION_NOT_AVAILABLE, entries=(one.entry,))


def research(case: Case) -> Iterator[Finding]:
    """Article 21(6): research and statistics, unless for a task in the public interest."""
    for one, kind in _objections(case):
        if kind != "ART21_6":
            continue
        if not case.asked.research or case.asked.task:
            yield Finding(flag=Flag.ART21_6_NOT_AVAILABLE, entries=(one.entry,))
        elif case.standing:
            yield _weighed(case, one, all_lines=True)


def objection(case: Case) -> Iterator[Finding]:
    """Article 21(1) reaches (e), (ea) and (f): limited until decided and the person is told."""
    for one, kind in _objections(case):
        if kind not in ("ART21_1", "NHS_NUMBER"):
            continue
        if any(line.article6 in ("b", "c", "d") for line in case.standing):
            yield Finding(flag=Flag.OBJECTION_NOT_AVAILABLE, entries=(one.entry,))
        if case.objectable:
            yield _weighed(case, one, all_lines=False)


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
        for one in case.person.of(ObjectionDecided)
        if cast(ObjectionDecided, one.fact).objection == received.entry
        and cast(ObjectionDecided, one.fact).informed_at <= case.at
    ]
    if not told:
        return None
    return max(told, key=_told)


def _told(one: Item) -> tuple[object, ...]:
    fact = cast(ObjectionDecided, one.fact)
    return (fact.informed_at, fact.outcome == "UPHELD", one.recorded_at, one.n)


def pending(case: Case) -> list[Item]:
    """Objections on which the person still waits to be told a decision."""
    return [one for one, _ in _objections(case) if _decision(case, one) is None]


def _objections(case: Case) -> list[tuple[Item, str]]:
    """The objections that reach this question, with their kind."""
    found = [one for one in case.by_now(ObjectionReceived) if _reaches(case, one)]
    return [(one, cast(ObjectionReceived, one.fact).kind) for one in found]


def _reaches(case: Case, one: Item) -> bool:
    fact = cast(ObjectionReceived, one.fact)
    if fact.operations is not None and case.question.operation not in fact.operations:
        return False
    named = case.question.recipient
    if fact.recipients is not None and named is not None and named not in fact.recipients:
        return False
    if fact.purpose in (case.question.purpose, EVERY_PURPOSE):
        return True
    return case.policy["nhs_objection_scope"] == "all uses" and _about_nhs_number(case, fact)


def _about_nhs_number(case: Case, fact: ObjectionReceived) -> bool:
    if fact.kind == "NHS_NUMBER":
        return True
    purpose = case.catalogue.purpose_by_id.get(fact.purpose)
    return purpose is not None and purpose.nhs_number_matching


def restriction_pending_objection(case: Case) -> Iterator[Finding]:
    """Article 18(1)(d), where the person invoked it: the lines objected to are limited."""
    for one in _restrictions(case, "d"):
        if case.objectable:
            yield Finding(
                flag=Flag.RESTRICTED_18_1_D, entries=(one.entry,), suspends=case.objectable
            )


def compose(case: Case) -> Iterator[Finding]:
    """Any live line permits; else any suspended line permits storage; else nothing does."""
    if any(line.live for line in case.lines):
        yield Finding(becomes=Decision.PERMIT)
    elif case.standing:
        yield Finding(becomes=Decision.PERMIT_LIMITED)
    else:
        yield Finding(closes=Decision.DENY)


def restriction(case: Case) -> Iterator[Finding]:
    """Article 18(1)(a) to (c) limits use whatever the basis, a legal obligation included."""
    for ground in ("a", "b", "c"):
        for one in _restrictions(case, ground):
            yield Finding(
                flag=_RESTRICTED[ground], entries=(one.entry,), becomes=Decision.PERMIT_LIMITED
            )


def _restrictions(case: Case, ground: str) -> list[Item]:
    return [
        one
        for one in case.for_purpose(RestrictionApplied)
        if cast(RestrictionApplied, one.fact).ground == ground and not _lifted(case, one)
    ]


def _lifted(case: Case, applied: Item) -> bool:
    """Article 18(3): only once the person has been informed."""
    return any(
        cast(RestrictionLifted, one.fact).restriction == applied.entry
        and cast(RestrictionLifted, one.fact).informed_at <= case.at
        for one in case.person.of(RestrictionLifted)
    )


def exception(case: Case) -> Iterator[Finding]:
    """Article 18(2): a recorded exception that the caller names, for use and sharing."""
    named = case.question.exception
    limited = case.decision is Decision.PERMIT_LIMITED
    if named is None or not limited or case.question.operation not in ("USE", "SHARE"):
        return
    for one in case.by_now(RestrictionExceptionRecorded):
        fact = cast(RestrictionExceptionRecorded, one.fact)
        over = fact.ends_at is not None and fact.ends_at <= case.at
        wanted = (None, case.question.purpose, EVERY_PURPOSE)
        if fact.kind == named and not over and fact.purpose in wanted:
            yield Finding(flag=Flag.EXCEPTION_18_2, entries=(one.entry,), becomes=Decision.PERMIT)


def store(case: Case) -> Iterator[Finding]:
    """Article 18(2): what is limited may still be stored."""
    if case.storing and case.decision is Decision.PERMIT_LIMITED:
        yield Finding(flag=Flag.STORE_ONLY, becomes=Decision.PERMIT)
