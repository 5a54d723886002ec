"""What every entry type has, and the four ways in which types differ.

Fields named in `content` are sealed apart from the facts that answers need and may be erased on
their own; everything else is the basis of answers.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from ledger.terms import Capacity

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}$")]
PurposeId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]{0,63}$")]
PurposeOrAll = Annotated[str, msgspec.Meta(pattern=r"^(\*|[A-Za-z][A-Za-z0-9_.\-]{0,63})$")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}$")]

Day = Literal["start", "next"]
"""How a civil date becomes an instant: 00:00 of that day, or of the next (law, section 9.2)."""

STREAM_SUBJECT = "subject"
STREAM_LEDGER = "ledger"
STREAM_EITHER = "either"


class Fact(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="type",
):
    """What was recorded, without the envelope that the ledger adds."""

    schema: ClassVar[int] = 1
    stream: ClassVar[str] = STREAM_SUBJECT
    day: ClassVar[Day] = "start"
    restrictive: ClassVar[bool] = False
    protective: ClassVar[bool] = False
    """An act of the person that `admit` never refuses for how it relates to other entries."""
    content: ClassVar[frozenset[str]] = frozenset({"note"})
    refers: ClassVar[str | None] = None
    """The field that names the entry which this one is about."""

    effective_at: Instant
    precision: Literal["date"] | None = None
    civil_dates: dict[str, date] | None = None
    note: Text | None = None
    counterpart: Name | None = None
    """The entry as which it also stands on another person's stream; the ledger fills this field."""


class Evidenced(Fact, frozen=True, kw_only=True):
    """A fact whose evidence is referred to; its digest stays when the reference is erased."""

    content: ClassVar[frozenset[str]] = frozenset({"note", "evidence"})

    evidence: Text | None = None
    evidence_digest: Digest | None = None


class PersonAct(Fact, frozen=True, kw_only=True):
    """Something a person tells us to stop; a later moment counts only where it was asked for."""

    restrictive: ClassVar[bool] = True
    protective: ClassVar[bool] = True
    content: ClassVar[frozenset[str]] = frozenset({"note", "channel"})

    given_by: Name | None = None
    capacity: Capacity | None = None
    channel: Text | None = None
    received_at: Instant | None = None
    requested_effective_at: Instant | None = None
