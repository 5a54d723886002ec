"""An answer as AuthZEN has it: true or false, and a context that says why.

True is said only where an enforcement point that reads nothing else may do all that it asked. So
PERMIT_LIMITED is false: it permits storing, and a recorded exception of article 18(2), and each of
these is a question of its own. Not here: what is asked (`authzen_questions`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from api.access import Forbidden
from api.authzen_questions import Unknown
from ledger.answer import Answer
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.rules.case import Step
from ledger.terms import Decision, Flag

LANGUAGE: Final = "en"
_PERMITTED = "The ledger permits this."
_DENIED = "The ledger does not permit this."
_PARTLY = "The ledger permits part of this: ask about each category of data by itself."
_TO_NOBODY = "The ledger permits sharing with named recipients: say with whom."
_NOT_ASKED = "The ledger cannot tell what is asked."

Reason = dict[str, str]


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one of many evaluations, as HTTP would say it of a request."""

    status: int
    message: str


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why; `basis` are the letters of article 6(1), `decision` is the ledger's own word.

    The same question with this `effective_at` and `known_at` has the same answer, for ever, but for
    `read`: what the read audit calls the request.
    """

    reason_user: Reason
    reason_admin: Reason
    decision: Decision | None = None
    basis: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    denied_categories: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    effective_at: str | None = None
    known_at: str | None = None
    next_change_at: str | None = None
    position: str | None = None
    catalogue: str | None = None
    rulebook: str | None = None
    read: str | None = None
    error: Error | None = None


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What the standard calls a decision."""

    decision: bool
    context: Context


def permits(answer: Answer) -> bool:
    """All that was asked may be done, by somebody who reads this and nothing else."""
    return answer.decision is Decision.PERMIT and not _cut(answer)


def decided(answer: Answer, *, read: str | None) -> Decided:
    """The ledger's answer, and what its row in the read audit is found by."""
    change = answer.next_change_at
    return Decided(
        decision=permits(answer),
        context=Context(
            reason_user={LANGUAGE: _for_anybody(answer)},
            reason_admin={LANGUAGE: _for_operators(answer)},
            decision=answer.decision,
            basis=answer.live,
            conditions=answer.conditions,
            denied_categories=answer.denied_categories,
            flags=answer.flags,
            effective_at=format_instant(answer.effective_at),
            known_at=format_instant(answer.known_at),
            next_change_at=None if change is None else format_instant(change),
            position=answer.position,
            catalogue=answer.catalogue,
            rulebook=answer.rulebook,
            read=read,
        ),
    )


def unknown(one: Unknown) -> Decided:
    """What the ledger has no question for, nothing permits."""
    return _refused(one.reason)


def failed(error: Malformed | Forbidden) -> Decided:
    """One of many that cannot be read, or may not be asked: the others are answered."""
    status = 400 if isinstance(error, Malformed) else 403
    return _refused(str(error), Error(status=status, message=str(error)))


def _refused(reason: str, error: Error | None = None) -> Decided:
    return Decided(
        decision=False,
        context=Context(
            reason_user={LANGUAGE: _NOT_ASKED}, reason_admin={LANGUAGE: reason}, error=error
        ),
    )


def _cut(answer: Answer) -> str | None:
    """Why a permission is for less than was asked, if it is."""
    if answer.denied_categories:
        return _PARTLY
    return _TO_NOBODY if Flag.RECIPIENT_NOT_NAMED in answer.flags else None


def _for_anybody(answer: Answer) -> str:
    """A sentence for whoever is before the screen: nothing of the person."""
    if answer.decision is not Decision.PERMIT:
        return _DENIED
    return _cut(answer) or _PERMITTED


def _for_operators(answer: Answer) -> str:
    """The decision, the lines, and what made it so: rules and their law, with the flags raised."""
    lines = f" on article 6(1)({'), ('.join(answer.live)})" if answer.live else ""
    matched = [step for step in answer.because if step.matched]
    telling = [step for step in matched if step.flag is not None] or matched[-1:]
    return f"{answer.decision}{lines}: {'; '.join(map(_named, telling))}"


def _named(step: Step) -> str:
    rule = f"{step.rule} ({step.article})"
    return rule if step.flag is None else f"{step.flag} by {rule}"
