"""Which article 6 lines are asserted, and which of them the law lets live.

Sources: UK GDPR articles 5(1)(a), 6(1) and 6(3); law, sections 1.2 (LR1 to LR6), 4.2 (B1 to B7)
and 9.3 steps 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

from ledger.events import BasisCorrected, BasisDeclared, BasisEnded
from ledger.history import Item
from ledger.rules.case import Case, Finding, LineState, storage_only
from ledger.rules.consent import barred_since
from ledger.rules.scope import live_status
from ledger.terms import Flag


def declared(case: Case) -> Iterator[Finding]:
    """The lines of the catalogue, of the law itself, and of declarations, that have begun."""
    found = [*_catalogue_lines(case), *_lines_by_law(case)]
    for one in _declarations(case):
        start = starts(one)
        if start <= case.at:
            found.append(_declared_line(one, start))
    if found:
        yield Finding(adds=found, entries=tuple(sorted({line.entry for line in found})))


def _catalogue_lines(case: Case) -> Iterator[LineState]:
    operation = case.question.operation
    for line in case.asked.lines:
        if line.operations is not None and operation not in line.operations:
            continue
        end = line.end()
        if line.start() <= case.at and (end is None or case.at < end):
            yield LineState(
                article6=line.article6,
                source=line.source,
                entry=case.document_entry,
                start=line.start(),
                while_=line.while_,
                storage=storage_only(line),
            )


def _lines_by_law(case: Case) -> Iterator[LineState]:
    for entry, law in case.law.gains(case.at):
        for gain in law.gains or ():
            if gain.purpose == case.question.purpose:
                yield LineState(
                    article6=gain.article6,
                    source=gain.source,
                    entry=entry,
                    start=law.in_force_from,
                )


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


def _declarations(case: Case) -> list[Item]:
    return [
        one
        for one in case.of(BasisDeclared)
        if cast(BasisDeclared, one.fact).purpose == case.question.purpose
    ]


def starts(one: Item) -> datetime:
    """When a declaration counts from: never back before its recording without evidence of then."""
    fact = cast(BasisDeclared, one.fact)
    start = one.at
    if start < one.recorded_at and fact.contemporaneous_evidence_digest is None:
        start = one.recorded_at
    if fact.correction is not None and fact.informed_at is not None:
        start = max(start, fact.informed_at)
    return start


def retrospective(case: Case) -> Iterator[Finding]:
    """A declaration that reaches back before it was recorded, without evidence of the time."""
    for one in _declarations(case):
        fact = cast(BasisDeclared, one.fact)
        relabels = fact.contemporaneous_evidence_digest is None
        if relabels and one.at <= case.at < one.recorded_at:
            yield Finding(flag=Flag.RETROSPECTIVE_RELABEL, entries=(one.entry,))


def ended(case: Case) -> Iterator[Finding]:
    """The controller ended the line; declaring it later starts it anew."""
    for one in case.by_now(BasisEnded):
        fact = cast(BasisEnded, one.fact)
        if fact.purpose != case.question.purpose:
            continue
        stopped = [
            line for line in case.lines if line.article6 == fact.article6 and line.start <= one.at
        ]
        if stopped:
            yield Finding(kills=stopped, entries=(one.entry,))


def in_force(case: Case) -> Iterator[Finding]:
    """The provision that the line rests on must be in force at the moment asked about."""
    early = [
        line for line in case.standing if not case.law.in_force(f"art6.1.{line.article6}", case.at)
    ]
    if early:
        yield Finding(flag=Flag.LAW_NOT_IN_FORCE, kills=early, entries=_entries(early))


def public_authority(case: Case) -> Iterator[Finding]:
    """Points (ea) and (f) are not for a public authority performing its tasks."""
    if not (case.controller.public_authority and case.asked.task):
        return
    barred = [line for line in case.standing if line.article6 in ("ea", "f")]
    if barred:
        yield Finding(flag=Flag.PUBLIC_AUTHORITY_BAR, kills=barred, entries=_entries(barred))


def duty_engaged(case: Case) -> Iterator[Finding]:
    """A duty that depends on a status lives only while the status does."""
    idle = [line for line in case.standing if line.while_ and not live_status(case, line.while_)]
    if idle:
        yield Finding(flag=Flag.DUTY_NOT_ENGAGED, kills=idle, entries=_entries(idle))


def vital_interests(case: Case) -> Iterator[Finding]:
    """A last resort: after the hours that policy allows it wants a review, and goes on."""
    limit = timedelta(hours=cast(int, case.policy["vital_interest_max_hours"]))
    old = [line for line in case.standing if line.article6 == "d" and limit <= case.at - line.start]
    if old:
        yield Finding(flag=Flag.REVIEW_VITAL_INTERESTS, entries=_entries(old))


def swap(case: Case) -> Iterator[Finding]:
    """After a withdrawal no discretionary line may take the place of consent (B4)."""
    end = barred_since(case)
    if end is None:
        return
    swapped = [
        line
        for line in case.objectable
        if line.declared and not line.correction and line.start > end.at
    ]
    if swapped:
        entries = (end.entry, *_entries(swapped))
        yield Finding(flag=Flag.SWAP_AFTER_WITHDRAWAL, kills=swapped, entries=entries)


def corrected(case: Case) -> Iterator[Finding]:
    """A live line rests on a documented correction, or the past was annotated."""
    live = {line.article6 for line in case.standing}
    entries = [line.entry for line in case.standing if line.correction]
    for one in case.by_now(BasisCorrected):
        fact = cast(BasisCorrected, one.fact)
        if fact.purpose == case.question.purpose and fact.article6 in live:
            entries.append(one.entry)
    if entries:
        yield Finding(flag=Flag.BASIS_CORRECTED, entries=tuple(entries))


def _entries(lines: list[LineState]) -> tuple[str, ...]:
    return tuple(line.entry for line in lines)
