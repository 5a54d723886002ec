"""The two clocks as a picture: what was believed, over what was true, for one person and purpose.

A row is a state of knowledge, from one recording to the next; along it stand the stretches of time
for which one answer was believed. Pure, over dossiers. Not here: how it is drawn.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import msgspec

from ledger.answer import Answer
from ledger.events import (
    AtRiskAssessed,
    BasisCorrected,
    BirthRecorded,
    ComplaintAcknowledged,
    ComplaintClosed,
    ComplaintReceived,
    DisclosureRecorded,
    EqualityOptOutReceived,
    EqualityOptOutWithdrawn,
    ErasureRefused,
    ErasureRequested,
    ExemptionApplied,
    HoldPlaced,
    HoldReleased,
    NoticeProvided,
    NoticePublished,
    PolicyDocumentAdopted,
    PolicyDocumentEnded,
    RestrictionExceptionRecorded,
    ServiceAgreementEnded,
    ServiceAgreementGiven,
)
from ledger.events.base import Fact
from ledger.history import Dossier, Item
from ledger.rules.rulebook import RuleBook
from ledger.terms import EVERY_PURPOSE, Decision
from projections.apart import purposes_apart
from projections.standing import outcome
from projections.walk import BEGINNING, asking, over_effect

ROWS_MAX = 24
"""States of knowledge in one picture: more than that nobody can tell apart."""
INSTANTS_MAX = 300
"""Instants looked at along one row."""
DECIDING_NOTHING = (
    AtRiskAssessed,
    BasisCorrected,
    BirthRecorded,
    ComplaintAcknowledged,
    ComplaintClosed,
    ComplaintReceived,
    DisclosureRecorded,
    EqualityOptOutReceived,
    EqualityOptOutWithdrawn,
    ErasureRefused,
    ErasureRequested,
    ExemptionApplied,
    HoldPlaced,
    HoldReleased,
    NoticeProvided,
    NoticePublished,
    PolicyDocumentAdopted,
    PolicyDocumentEnded,
    RestrictionExceptionRecorded,
    ServiceAgreementEnded,
    ServiceAgreementGiven,
)
"""Types of entry that raise flags, begin duties, or bear on sensitive data alone."""
_FOR_EVER = datetime.max.replace(tzinfo=BEGINNING.tzinfo)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One answer, believed of every moment from `start` up to `end`, None for ever."""

    start: datetime
    end: datetime | None
    decision: Decision
    live: tuple[str, ...]


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """What was believed from `since` up to `until`, None where it still is."""

    since: datetime
    until: datetime | None
    spans: tuple[Span, ...]


class TwoClocks(msgspec.Struct, frozen=True, kw_only=True):
    """The rows from the oldest to the newest; not `whole` where the picture shows a part of all."""

    purpose: str
    beliefs: tuple[Belief, ...]
    whole: bool


def two_clocks(
    person: Dossier,
    catalogue: Dossier,
    rulebook: RuleBook,
    *,
    purpose: str,
    around: datetime | None = None,
) -> TwoClocks:
    """The picture on everything recorded; where that is too much, the part around one recording."""
    if person.destroyed:
        return TwoClocks(purpose=purpose, beliefs=(), whole=False)
    person, catalogue = bearing_on(purpose, person, catalogue, rulebook)
    recorded = sorted({one.recorded_at for one in (*person.items, *catalogue.items)})
    first, last = _window(recorded, around)
    whole = last - first == len(recorded)
    found: list[Belief] = []
    for n in range(first, last):
        then, common = (_known(one, recorded[n]) for one in (person, catalogue))
        ask = asking(purpose, then, common, rulebook)
        answers = over_effect(ask, BEGINNING, _FOR_EVER, recorded[n])
        spans = tuple(_spans(answers))
        whole = whole and next(answers, None) is None
        until = recorded[n + 1] if n + 1 < len(recorded) else None
        if found and found[-1].spans == spans:
            found[-1] = msgspec.structs.replace(found[-1], until=until)
        else:
            found.append(Belief(since=recorded[n], until=until, spans=spans))
    return TwoClocks(purpose=purpose, beliefs=tuple(found), whole=whole)


def bearing_on(
    purpose: str, person: Dossier, catalogue: Dossier, rulebook: RuleBook
) -> tuple[Dossier, Dossier]:
    """Both dossiers without the facts on which no outcome for this purpose depends.

    Those are facts for other purposes, unless policy lets an objection to one reach others, and
    facts that decide nothing about the ordinary use that walks ask for.
    """
    apart = purposes_apart(catalogue, rulebook)
    wanted = (None, EVERY_PURPOSE, purpose)

    def bears(fact: Fact) -> bool:
        here = not apart or getattr(fact, "purpose", None) in wanted
        return here and not isinstance(fact, DECIDING_NOTHING)

    return _only(person, bears), _only(catalogue, bears)


def _only(dossier: Dossier, bears: Callable[[Fact], bool]) -> Dossier:
    kept = [one for one in dossier.items if bears(one.fact)]
    return Dossier(dossier.subject, kept, destroyed=dossier.destroyed)


def _known(dossier: Dossier, known_at: datetime) -> Dossier:
    """What had been recorded: by itself, so that the view of it is made once."""
    return Dossier(dossier.subject, _by(dossier.items, known_at), destroyed=dossier.destroyed)


def _by(items: Sequence[Item], known_at: datetime) -> list[Item]:
    return [one for one in items if one.recorded_at <= known_at]


def _window(recorded: Sequence[datetime], around: datetime | None) -> tuple[int, int]:
    """Which recordings are shown: the newest, or those about the one known at `around`."""
    last = len(recorded)
    if around is not None:
        last = min(last, bisect_right(recorded, around) + ROWS_MAX // 2)
    first = max(0, last - ROWS_MAX)
    return first, min(len(recorded), first + ROWS_MAX)


def _spans(answers: Iterator[Answer]) -> Iterator[Span]:
    """The answers with those made one that say the same, up to as many as may be looked at."""
    held: Span | None = None
    for one in islice(answers, INSTANTS_MAX):
        decision, live = outcome(one)
        if held is not None and (held.decision, held.live) == (decision, live):
            continue
        if held is not None:
            yield msgspec.structs.replace(held, end=one.effective_at)
        held = Span(start=one.effective_at, end=None, decision=decision, live=live)
    if held is not None:
        yield held
