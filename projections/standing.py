"""How a person stands for each purpose at one moment: what lists show, computed from the dossier.

`since` is the start of the unbroken run, on everything known now, of moments with this decision and
these live lines: a function of the entries, so that everybody who computes it finds the same. It is
`BEGINNING` (the year 1) where it was never otherwise. Within [since, next_change_at) the decision
and the live lines are those of the row. Pure. Not here: where rows are kept (`current`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from ledger.answer import Answer
from ledger.history import Dossier
from ledger.rules.rulebook import RuleBook
from ledger.terms import Decision, Flag
from projections.walk import BEGINNING, Ask, asking, over_effect

STRIDE = 8
"""Entries between two starts of the walk back: long histories seldom need to be walked whole."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for ordinary use, as lists need it."""

    purpose: str
    decision: Decision
    live: tuple[str, ...]
    flags: tuple[Flag, ...]
    since: datetime
    next_change_at: datetime | None


def standings(
    dossier: Dossier,
    catalogue: Dossier,
    rulebook: RuleBook,
    *,
    purposes: Sequence[str],
    effective_at: datetime,
    known_at: datetime,
) -> Iterator[Standing]:
    """How the person stands for each of the purposes, in their order."""
    starts = _starts(dossier, catalogue, effective_at)
    for purpose in purposes:
        ask = asking(purpose, dossier, catalogue, rulebook)
        yield _standing(purpose, ask, starts, effective_at, known_at)


def outcome(one: Answer) -> tuple[Decision, tuple[str, ...]]:
    """What `since` is about."""
    return one.decision, one.live


def _standing(
    purpose: str, ask: Ask, starts: Sequence[datetime], effective_at: datetime, known_at: datetime
) -> Standing:
    now = ask(effective_at, known_at)
    return Standing(
        purpose=purpose,
        decision=now.decision,
        live=now.live,
        flags=now.flags,
        since=_since(now, ask, starts),
        next_change_at=now.next_change_at,
    )


def _since(now: Answer, ask: Ask, starts: Sequence[datetime]) -> datetime:
    """The last instant at which the outcome became what it is now."""
    end = now.effective_at
    run = end
    for start in starts:
        for earlier in reversed(list(over_effect(ask, start, end, now.known_at))):
            if outcome(earlier) != outcome(now):
                return run
            run = earlier.effective_at
        end = start
    return BEGINNING


def _starts(dossier: Dossier, catalogue: Dossier, effective_at: datetime) -> list[datetime]:
    """Where walks begin, the latest first; each ends where the one before it began."""
    moments = sorted(
        {one.at for one in (*dossier.items, *catalogue.items) if BEGINNING < one.at < effective_at},
        reverse=True,
    )
    return [*moments[STRIDE - 1 :: STRIDE], BEGINNING]
