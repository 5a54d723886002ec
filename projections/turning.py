"""Turns: the instants at which a person's standing for some purpose changes.

Standings and turns are those of `standing`, computed on the facts that bear on each purpose, which
is the same for less work. Pure. Not here: what caused a turn (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from ledger.history import Dossier
from ledger.rules.rulebook import RuleBook
from projections.standing import Standing, outcome, standings
from projections.two_clocks import bearing_on
from projections.walk import BEGINNING, asking, over_effect

_BEFORE = timedelta(microseconds=1)
_FOR_EVER = datetime.max.replace(tzinfo=BEGINNING.tzinfo)


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """How a person stands for each purpose, and the turns around that; None where there is none."""

    standings: tuple[Standing, ...]
    before: datetime | None
    after: datetime | None


def turns(
    person: Dossier,
    catalogue: Dossier,
    rulebook: RuleBook,
    *,
    moments: Mapping[str, datetime],
    effective_at: datetime,
    known_at: datetime,
) -> Turns:
    """How the person stands for each purpose at its moment, and the turns around `effective_at`."""
    about = [
        _About(purpose, *bearing_on(purpose, person, catalogue, rulebook), rulebook, known_at)
        for purpose in moments
    ]
    earlier = [one.standing(effective_at - _BEFORE).since for one in about]
    before = max(earlier, default=BEGINNING)
    return Turns(
        standings=tuple(one.standing(moments[one.purpose]) for one in about),
        before=None if before == BEGINNING else before,
        after=_first(about, effective_at),
    )


class _About(msgspec.Struct, frozen=True):
    """One purpose, with what bears on it."""

    purpose: str
    person: Dossier
    catalogue: Dossier
    rulebook: RuleBook
    known_at: datetime

    def standing(self, effective_at: datetime) -> Standing:
        """How the person stands at that moment."""
        (found,) = standings(
            self.person,
            self.catalogue,
            self.rulebook,
            purposes=[self.purpose],
            effective_at=effective_at,
            known_at=self.known_at,
        )
        return found

    def next_turn(self, after: datetime, end: datetime) -> datetime | None:
        """The first instant in (after, end] at which it is otherwise than at `after`."""
        ask = asking(self.purpose, self.person, self.catalogue, self.rulebook)
        answers = over_effect(ask, after, end, self.known_at)
        now = outcome(next(answers))
        return next((one.effective_at for one in answers if outcome(one) != now), None)


def _first(about: Sequence[_About], after: datetime) -> datetime | None:
    """The earliest of the turns after; later ones are not looked for."""
    end = _FOR_EVER
    for found in _narrowing(about, after, end):
        end = found
    return None if end == _FOR_EVER else end


def _narrowing(about: Sequence[_About], after: datetime, end: datetime) -> Iterator[datetime]:
    for one in about:
        found = one.next_turn(after, end)
        if found is not None:
            end = found
            yield found
