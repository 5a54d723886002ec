"""What is noted of the request in hand, for its span, the metrics and the diagnostics.

Routes say what happened where it happens; the middleware that observes the request reads it at the
end. Outside of a request nothing is noted. Of what a caller sent only the id of its trace is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextvars import ContextVar

import msgspec


class Noted(msgspec.Struct):
    """One request: its trace and route, the type of problem it ended in, and what it was told."""

    trace_id: str | None = None
    route: str | None = None
    problem: str | None = None
    refusal: str | None = None
    decisions: Counter[str] = msgspec.field(default_factory=Counter)


current: ContextVar[Noted | None] = ContextVar("noted", default=None)


def note_problem(kind: str) -> None:
    """The request ends in this type of problem."""
    if (noted := current.get()) is not None:
        noted.problem = kind


def note_refusal(reason: str) -> None:
    """What was to be recorded was refused for this reason."""
    if (noted := current.get()) is not None:
        noted.refusal = reason


def note_answers(decisions: Iterable[str]) -> None:
    """The request is answered with these decisions."""
    if (noted := current.get()) is not None:
        noted.decisions.update(decisions)


def trace_id() -> str | None:
    """The W3C trace that the request belongs to, 32 hexadecimal digits."""
    noted = current.get()
    return noted.trace_id if noted else None
