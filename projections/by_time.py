"""Changes of a basis that time alone causes: an expiry, a birthday, a date that was asked for.

Nothing is recorded at such a moment, so it is found by walking along effect, on what was known
then: between two recordings that a person is answered from, the decision or the live lines became
others. What becomes known at a recording is that entry's doing, and is not found here. Pure. Not
here: where changes are written (`current`), or told (`feed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from ledger.history import Dossier
from ledger.rules.rulebook import RuleBook
from projections.standing import Standing, outcome
from projections.walk import asking, over_effect

INSTANT = timedelta(microseconds=1)
"""The least by which one stamp is later than another."""


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """How a person was last found to stand for a purpose, and until when at least."""

    decision: str
    live: tuple[str, ...]
    next_change_at: datetime | None


class TimeChange(msgspec.Struct, frozen=True, kw_only=True):
    """From `effective_at` on the decision or the live lines were others than just before."""

    purpose: str
    effective_at: datetime
    decision_before: str
    live_before: tuple[str, ...]
    decision: str
    live: tuple[str, ...]


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time without recordings, and what was known in it: [start, end), None where it is open."""

    start: datetime | None
    end: datetime | None
    dossier: Dossier
    catalogue: Dossier


def stretches(
    dossier: Dossier, catalogue: Dossier, *, n: int, catalogue_n: int
) -> tuple[Stretch, ...]:
    """The time since these places of the subject's log and of the ledger's own stream."""
    learned = sorted(
        {one.recorded_at for one in dossier.items if one.n > n}
        | {one.recorded_at for one in catalogue.items if one.n > catalogue_n}
    )
    return tuple(
        Stretch(
            start=start,
            end=end,
            dossier=_known(dossier, n, start),
            catalogue=_known(catalogue, catalogue_n, start),
        )
        for start, end in zip([None, *learned], [*learned, None], strict=True)
    )


def since_known(dossier: Dossier, catalogue: Dossier, *, n: int) -> tuple[Stretch, ...]:
    """The time since the first entry about the person after the n-th of the log; none without."""
    new = [one for one in dossier.items if one.n > n]
    if not new:
        return ()
    first = new[0].recorded_at
    known = [one.n for one in catalogue.items if one.recorded_at < first]
    return stretches(dossier, catalogue, n=n, catalogue_n=max(known, default=0))[1:]


def changes(
    one: Stretch, before: Before | None, now: Standing, *, rulebook: RuleBook, until: datetime
) -> Iterator[TimeChange]:
    """The changes in one stretch, in order; the person stands as `now` at `until`, the present.

    `before` is how they stood where the first stretch begins, None where nobody knows.
    """
    end = until if one.end is None else min(until, one.end - INSTANT)
    if one.start is None:
        if before is None or before.next_change_at is None:
            return
        start, last = before.next_change_at, (before.decision, before.live)
    else:
        if one.end is None and now.since <= one.start:
            return  # What holds now has held since the last recording.
        start, last = one.start, None
    ask = asking(now.purpose, one.dossier, one.catalogue, rulebook)
    for found in over_effect(ask, start, end, until):
        if last is not None and outcome(found) != last:
            yield TimeChange(
                purpose=now.purpose,
                effective_at=found.effective_at,
                decision_before=last[0],
                live_before=last[1],
                decision=found.decision,
                live=found.live,
            )
        last = outcome(found)


def _known(dossier: Dossier, n: int, moment: datetime | None) -> Dossier:
    """The dossier with its entries up to the n-th of the log, and those recorded by the moment."""
    kept = [
        one
        for one in dossier.items
        if one.n <= n or (moment is not None and one.recorded_at <= moment)
    ]
    if len(kept) == len(dossier.items):
        return dossier
    return Dossier(dossier.subject, kept, destroyed=dossier.destroyed)
