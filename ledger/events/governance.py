"""Entries about no one person: the catalogue, policy documents, policy and law."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ledger.catalogue import CatalogueDocument
from ledger.events.base import STREAM_LEDGER, Day, Fact, Instant, Name, PurposeId, Text
from ledger.terms import Article6


class CatalogueAdopted(Fact, frozen=True, kw_only=True, tag="CatalogueAdopted"):
    """A version of the catalogue, whole, in force from `effective_at`."""

    stream: ClassVar[str] = STREAM_LEDGER
    day: ClassVar[Day] = "next"

    catalogue: CatalogueDocument


class PolicyDocumentAdopted(Fact, frozen=True, kw_only=True, tag="PolicyDocumentAdopted"):
    """DPA 2018 Schedule 1 paragraphs 5 and 39: an appropriate policy document is in place."""

    stream: ClassVar[str] = STREAM_LEDGER
    day: ClassVar[Day] = "next"

    document: Name | None = None


class PolicyDocumentEnded(Fact, frozen=True, kw_only=True, tag="PolicyDocumentEnded"):
    """The document is no longer in place."""

    stream: ClassVar[str] = STREAM_LEDGER
    restrictive: ClassVar[bool] = True
    refers: ClassVar[str | None] = "policy_document"

    policy_document: Name


class PolicySet(Fact, frozen=True, kw_only=True, tag="PolicySet"):
    """A policy setting, where the law is silent: approved by the data protection officer."""

    stream: ClassVar[str] = STREAM_LEDGER
    content: ClassVar[frozenset[str]] = frozenset({"note", "approved_by"})

    setting: Name
    value: bool | int | str
    approved_by: Text | None = None


class LineGained(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line that the law itself gives a purpose when a provision commences."""

    purpose: PurposeId
    article6: Article6
    source: Text


class LawLoaded(Fact, frozen=True, kw_only=True, tag="LawLoaded"):
    """A dated provision that the rule book did not yet hold; in force from `in_force_from`."""

    stream: ClassVar[str] = STREAM_LEDGER

    provision: Name
    article: Text
    link: Text
    in_force_from: Instant
    in_force_until: Instant | None = None
    value: int | None = None
    gains: tuple[LineGained, ...] | None = None
