"""What people were told, and which basis the controller declares."""

from __future__ import annotations

from typing import ClassVar, Literal

from ledger.events.base import (
    STREAM_EITHER,
    STREAM_LEDGER,
    Day,
    Digest,
    Evidenced,
    Fact,
    Instant,
    Name,
    PurposeId,
    Text,
)
from ledger.terms import Article6


class NoticePublished(Fact, frozen=True, kw_only=True, tag="NoticePublished"):
    """A version of a notice was published."""

    stream: ClassVar[str] = STREAM_LEDGER
    day: ClassVar[Day] = "next"

    notice: Name
    text_digest: Digest | None = None


class NoticeProvided(Fact, frozen=True, kw_only=True, tag="NoticeProvided"):
    """Articles 13 and 14: the person was given this version."""

    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset({"note", "channel"})

    notice: Name
    channel: Text | None = None


class PurposeMateriallyChanged(Fact, frozen=True, kw_only=True, tag="PurposeMateriallyChanged"):
    """A new notice changed the purpose materially: consents given before lapse."""

    stream: ClassVar[str] = STREAM_LEDGER
    restrictive: ClassVar[bool] = True

    purpose: PurposeId
    notice: Name


class BasisDeclared(Evidenced, frozen=True, kw_only=True, tag="BasisDeclared"):
    """The controller declares a line, for one person or (without a subject) for everyone."""

    stream: ClassVar[str] = STREAM_EITHER
    day: ClassVar[Day] = "next"
    content: ClassVar[frozenset[str]] = frozenset(
        {"note", "evidence", "approved_by", "contemporaneous_evidence"}
    )

    purpose: PurposeId
    article6: Article6
    source: Text | None = None
    annex1: tuple[Name, ...] | None = None
    correction: Literal["WRONG_FROM_START"] | None = None
    informed_at: Instant | None = None
    approved_by: Text | None = None
    contemporaneous_evidence: Text | None = None
    contemporaneous_evidence_digest: Digest | None = None


class BasisEnded(Fact, frozen=True, kw_only=True, tag="BasisEnded"):
    """The controller no longer relies on this line."""

    stream: ClassVar[str] = STREAM_EITHER
    restrictive: ClassVar[bool] = True

    purpose: PurposeId
    article6: Article6


class BasisCorrected(Fact, frozen=True, kw_only=True, tag="BasisCorrected"):
    """An annotation of the past: which basis the controller now holds to have been right."""

    stream: ClassVar[str] = STREAM_EITHER
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason", "approved_by"})

    purpose: PurposeId
    article6: Article6
    reason: Text | None = None
    approved_by: Text | None = None
