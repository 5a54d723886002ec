"""The rights that change a basis: articles 18 and 21, and DPA 2018 Schedule 1 paragraph 8(5)."""

from __future__ import annotations

from typing import ClassVar

from ledger.events.base import Day, Fact, Instant, Name, PersonAct, PurposeOrAll, Text
from ledger.terms import ObjectionKind, ObjectionOutcome, Operation, RestrictionGround


class ObjectionReceived(PersonAct, frozen=True, kw_only=True, tag="ObjectionReceived"):
    """Article 21; with `operations` or `recipients` it reaches only those."""

    purpose: PurposeOrAll
    kind: ObjectionKind
    operations: tuple[Operation, ...] | None = None
    recipients: tuple[Name, ...] | None = None


class ObjectionDecided(Fact, frozen=True, kw_only=True, tag="ObjectionDecided"):
    """The decision, which takes effect when the person is informed: articles 12(4) and 18(3)."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset({"note", "grounds", "decided_by"})
    refers: ClassVar[str | None] = "objection"

    objection: Name
    outcome: ObjectionOutcome
    informed_at: Instant
    grounds: Text | None = None
    decided_by: Text | None = None


class EqualityOptOutReceived(PersonAct, frozen=True, kw_only=True, tag="EqualityOptOutReceived"):
    """DPA 2018 Schedule 1 paragraph 8(5); takes effect when the reasonable period ends."""

    purpose: PurposeOrAll
    written: bool
    period_ends_at: Instant


class EqualityOptOutWithdrawn(Fact, frozen=True, kw_only=True, tag="EqualityOptOutWithdrawn"):
    """The opt-out was taken back in writing."""

    day: ClassVar[Day] = "next"

    purpose: PurposeOrAll
    written: bool


class RestrictionApplied(PersonAct, frozen=True, kw_only=True, tag="RestrictionApplied"):
    """Article 18(1), on the ground of its letter."""

    purpose: PurposeOrAll
    ground: RestrictionGround


class RestrictionLifted(Fact, frozen=True, kw_only=True, tag="RestrictionLifted"):
    """Article 18(3): lifted when the person has been informed."""

    day: ClassVar[Day] = "next"
    refers: ClassVar[str | None] = "restriction"

    restriction: Name
    informed_at: Instant


class RestrictionExceptionRecorded(
    Fact, frozen=True, kw_only=True, tag="RestrictionExceptionRecorded"
):
    """Article 18(2): a decided exception, which a caller must name."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset({"note", "decided_by"})

    kind: Name
    purpose: PurposeOrAll | None = None
    ends_at: Instant | None = None
    decided_by: Text | None = None


class ExemptionApplied(Fact, frozen=True, kw_only=True, tag="ExemptionApplied"):
    """DPA 2018 Schedules 2 and 3: a right disapplied, case by case; recorded, never automatic."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason", "decided_by"})

    paragraph: Name | None = None
    rights: tuple[Name, ...] | None = None
    reason: Text | None = None
    decided_by: Text | None = None
    review_at: Instant | None = None
