"""Which article 6 lines are asserted, and which of them the law lets live.

Sources: UK GDPR articles 5(1)(a), 6(1) and 6(3); law, sections 1.2 (LR1 to LR6), 4.2 (B1 to B7)
and 9.3 steps 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from ledger.events import BasisCorrected, BasisDeclared, BasisEnded
from ledger.history import Item
from ledger.rules.case import NOTHING, Case, Finding, LineState
from ledger.rules.consent import barred_since
from ledger.rules.scope import live_status
from ledger.terms import Flag


def declared(case: Case) -> Sequence[Finding]:
    """The lines of the catalogue, of the law itself, and of declarations, that have begun."""
    found = [*_catalogue_lines(case), *_lines_by_law(case), *_declared_lines(case)]
    if not found:
        return NOTHING
    return [Finding(adds=found, entries=tuple(sorted({line.entry for line in found})))]


def _catalogue_lines(case: Case) -> Iterator[LineState]:
    adopted, operation = cast(Item, case.adopted), case.question.operation
    for one in case.settled.lines(adopted, case.asked):
        line = one.line
        applies = line.operations is None or operation in line.operations
        if applies and one.span.holds(case.at):
            yield LineState(
                article6=line.article6,
                source=line.source,
                entry=adopted.entry,
                start=one.span.start,
                while_=line.while_,
                storage=one.storage,
            )


def _lines_by_law(case: Case) -> Iterator[LineState]:
    for gain in case.law.gains(case.question.purpose, case.at):
        yield LineState(
            article6=gain.line.article6,
            source=gain.line.source,
            entry=gain.entry,
            start=gain.span.start,
        )


def _declared_lines(case: Case) -> Iterator[LineState]:
    for one in case.ever_for_purpose(BasisDeclared):
        start = starts(one)
        if start <= case.at:
            yield _declared_line(one, start)


def _declared_line(one: Item, start: datetime) -> LineState:
    fact = cast(BasisDeclared, one.fact)
    return LineState(
        article6=fact.article6,
        source=fact.source,
        entry=one.entry,
        start=start,
        declared=True,
        correction=fact.correction is not None,
    )


def starts(one: Item) -> datetime:
    """When a declaration counts from: never back before its recording without evidence of then."""
    fact = cast(BasisDeclared, one.fact)
    start = one.at
    if start < one.recorded_at and fact.contemporaneous_evidence_digest is None:
        start = one.recorded_at
    if fact.correction is not None and fact.informed_at is not None:
        start = max(start, fact.informed_at)
    return start


def retrospective(case: Case) -> Sequence[Finding]:
    """A declaration that reaches back before it was recorded, without evidence of the time."""
    return [
        Finding(flag=Flag.RETROSPECTIVE_RELABEL, entries=(one.entry,))
        for one in case.for_purpose(BasisDeclared)
        if case.at < one.recorded_at
        and cast(BasisDeclared, one.fact).contemporaneous_evidence_digest is None
    ]


def ended(case: Case) -> Sequence[Finding]:
    """The controller ended the line; declaring it later starts it anew."""
    found = []
    for one in case.for_purpose(BasisEnded):
        article6 = cast(BasisEnded, one.fact).article6
        stopped = [
            line for line in case.lines if line.article6 == article6 and line.start <= one.at
        ]
        if stopped:
            found.append(Finding(kills=stopped, entries=(one.entry,)))
    return found


def in_force(case: Case) -> Sequence[Finding]:
    """The provision that the line rests on must be in force at the moment asked about."""
    articles = {line.article6 for line in case.lines}
    missing = {one for one in articles if not case.law.in_force(f"art6.1.{one}", case.at)}
    early = [line for line in case.standing if line.article6 in missing] if missing else ()
    if not early:
        return NOTHING
    return [Finding(flag=Flag.LAW_NOT_IN_FORCE, kills=early, entries=_entries(early))]


def public_authority(case: Case) -> Sequence[Finding]:
    """Points (ea) and (f) are not for a public authority performing its tasks."""
    if not (case.controller.public_authority and case.asked.task):
        return NOTHING
    barred = [line for line in case.standing if line.article6 in ("ea", "f")]
    if not barred:
        return NOTHING
    return [Finding(flag=Flag.PUBLIC_AUTHORITY_BAR, kills=barred, entries=_entries(barred))]


def duty_engaged(case: Case) -> Sequence[Finding]:
    """A duty that depends on a status lives only while the status does."""
    idle = [line for line in case.standing if line.while_ and not live_status(case, line.while_)]
    if not idle:
        return NOTHING
    return [Finding(flag=Flag.DUTY_NOT_ENGAGED, kills=idle, entries=_entries(idle))]


def vital_interests(case: Case) -> Sequence[Finding]:
    """A last resort: after the hours that policy allows it wants a review, and goes on."""
    vital = [line for line in case.standing if line.article6 == "d"]
    if not vital:
        return NOTHING
    limit = timedelta(hours=cast(int, case.policy["vital_interest_max_hours"]))
    old = [line for line in vital if limit <= case.at - line.start]
    return [Finding(flag=Flag.REVIEW_VITAL_INTERESTS, entries=_entries(old))] if old else NOTHING


def swap(case: Case) -> Sequence[Finding]:
    """After a withdrawal no discretionary line may take the place of consent (B4)."""
    late = [line for line in case.objectable if line.declared and not line.correction]
    end = barred_since(case) if late else None
    swapped = [line for line in late if end is not None and line.start > end.at]
    if end is None or not swapped:
        return NOTHING
    entries = (end.entry, *_entries(swapped))
    return [Finding(flag=Flag.SWAP_AFTER_WITHDRAWAL, kills=swapped, entries=entries)]


def corrected(case: Case) -> Sequence[Finding]:
    """A live line rests on a documented correction, or the past was annotated."""
    live = {line.article6 for line in case.standing}
    entries = [line.entry for line in case.standing if line.correction]
    entries += [
        one.entry
        for one in case.for_purpose(BasisCorrected)
        if cast(BasisCorrected, one.fact).article6 in live
    ]
    return [Finding(flag=Flag.BASIS_CORRECTED, entries=tuple(entries))] if entries else NOTHING


def _entries(lines: Sequence[LineState]) -> tuple[str, ...]:
    return tuple(line.entry for line in lines)
