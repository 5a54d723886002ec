"""What a pack is asked for: about whom, for which purposes, at which moments, and what stays out.

An order with a `size` and a `made_at` makes the same bytes whenever it is carried out, until
something in it is erased. Not here: what is read for it (`gathering`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import msgspec

from ledger.civil import parse_day, parse_instant
from ledger.errors import Malformed
from ledger.terms import DataClass, Operation
from projections.read_audit import question, written_instant

MOMENTS_MAX, PURPOSES_MAX, WITHHELD_MAX, WORDS_MAX = 50, 200, 200, 200
ENTRIES_MAX = 20_000
"""Entries of one pack: each has a proof in a file of its own."""
_DAY_LENGTH = len("YYYY-MM-DD")

Moment = datetime | date
"""An instant, or a civil day in London."""


class Withhold(msgspec.Struct, frozen=True, array_like=True):
    """A field that is left out, of one entry or of every one; the reason is there for all to read.

    With it goes its digest, since that is one of the text alone, and moved facts that have it.
    """

    field: str
    reason: str
    entry: UUID | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A person, the purposes, or both; purposes None are all.

    [start, end) bounds the answers that were given. `at` are the moments that answers are made for;
    `size` is that of the checkpoint, None for the newest that will do.
    """

    made_at: datetime
    subject: UUID | None = None
    purposes: tuple[str, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None
    at: tuple[Moment, ...] = ()
    operation: Operation = "USE"
    data: DataClass | tuple[str, ...] = "ordinary"
    recipient: str | None = None
    withhold: tuple[Withhold, ...] = ()
    size: int | None = None

    def covers(self, purpose: object) -> bool:
        """Whether the pack is about this purpose."""
        return self.purposes is None or purpose in self.purposes


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    at: tuple[str, ...]
    data: DataClass | tuple[str, ...]
    end: str | None
    made_at: str
    operation: Operation
    purposes: tuple[str, ...] | None
    recipient: str | None
    size: int
    start: str | None
    withhold: tuple[Withhold, ...]


def checked(order: Order) -> Order:
    """The order, where it can be carried out; raises `Malformed` naming what cannot."""
    if order.subject is None and not order.purposes:
        raise Malformed("name a subject, a purpose, or both", field="subject")
    if order.subject is None and order.at:
        raise Malformed("answers are about a person: name a subject", field="at")
    if order.start and order.end and order.start >= order.end:
        raise Malformed("must be after the period's beginning", field="until")
    for field, many, most in (
        ("at", len(order.at), MOMENTS_MAX),
        ("purposes", len(order.purposes or ()), PURPOSES_MAX),
        ("withhold", len(order.withhold), WITHHELD_MAX),
    ):
        if many > most:
            raise Malformed(f"at most {most}", field=field)
    for one in order.withhold:
        _check_words(one.field, "withhold")
        _check_words(one.reason, "withhold")
    for purpose in order.purposes or ():
        _check_words(purpose, "purposes")
    return order


def spelt(order: Order) -> str:
    """The order as a row of the read audit keeps it; of whom it is, another column says."""
    assert order.size is not None, "what is kept is pinned"
    return question(
        at=[spelt_moment(one) for one in order.at],
        data=order.data,
        end=None if order.end is None else written_instant(order.end),
        made_at=written_instant(order.made_at),
        operation=order.operation,
        purposes=order.purposes,
        recipient=order.recipient,
        size=order.size,
        start=None if order.start is None else written_instant(order.start),
        withhold=order.withhold,
    )


def read_order(text: str, subject: UUID | None) -> Order | None:
    """The order that such a row keeps; None where it keeps another question."""
    try:
        kept = msgspec.json.decode(text, type=_Kept)
    except msgspec.ValidationError:
        return None
    return Order(
        made_at=parse_instant(kept.made_at),
        subject=subject,
        purposes=kept.purposes,
        start=None if kept.start is None else parse_instant(kept.start),
        end=None if kept.end is None else parse_instant(kept.end),
        at=tuple(moment_of(one) for one in kept.at),
        operation=kept.operation,
        data=kept.data,
        recipient=kept.recipient,
        withhold=kept.withhold,
        size=kept.size,
    )


def moment_of(text: str, *, field: str = "at") -> Moment:
    """The instant or the civil day that the text spells."""
    if len(text) == _DAY_LENGTH:
        day = parse_day(text, field=field)
        if not date.min < day < date.max:
            raise Malformed("is a day at the end of the calendar", field=field)
        return day
    return parse_instant(text, field=field)


def spelt_moment(moment: Moment) -> str:
    """The moment as questions in a pack spell it."""
    return written_instant(moment) if isinstance(moment, datetime) else moment.isoformat()


def utc(moment: datetime) -> datetime:
    """The same instant in UTC."""
    return moment.astimezone(UTC)


def _check_words(text: str, field: str) -> None:
    if not text.strip() or len(text) > WORDS_MAX or not text.isprintable():
        message = f"takes words of 1 to {WORDS_MAX} printable characters"
        raise Malformed(message, field=field)
