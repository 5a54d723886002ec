"""Walks along the two clocks: every instant at which an answer can differ from the one before it.

Along effect the answer itself names the next instant (`next_change_at`); along knowledge it is each
recording. Pure. Not here: what a difference means (`compare`, `standing`, `exposure`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from ledger.answer import Answer, answer
from ledger.history import Dossier
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""Before everything that any entry or provision names."""

Ask = Callable[[datetime, datetime], Answer]
"""The answer about one person and purpose at (effective_at, known_at)."""


def asking(purpose: str, dossier: Dossier, catalogue: Dossier, rulebook: RuleBook) -> Ask:
    """Asks about ordinary use, at any pair of moments."""

    def ask(effective_at: datetime, known_at: datetime) -> Answer:
        question = Question(purpose=purpose, effective_at=effective_at, known_at=known_at)
        return answer(question, dossier, catalogue, rulebook)

    return ask


def over_effect(ask: Ask, start: datetime, end: datetime, known_at: datetime) -> Iterator[Answer]:
    """The answer at `start`, and at every later instant up to `end` at which it can differ."""
    moment: datetime | None = start
    while moment is not None and moment <= end:
        found = ask(moment, known_at)
        yield found
        moment = found.next_change_at


def learned_at(
    dossier: Dossier, catalogue: Dossier, *, after: datetime, until: datetime
) -> list[datetime]:
    """Every instant in (after, until] at which more became known, in order."""
    recorded = {one.recorded_at for one in (*dossier.items, *catalogue.items)}
    return sorted(moment for moment in recorded if after < moment <= until)
