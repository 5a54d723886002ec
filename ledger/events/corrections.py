"""Corrections, identity and erasure: entries about other entries, or about the record itself.

Corrections act for every known_at from their own `recorded_at`, whatever moment is asked about.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

import msgspec

from ledger.events.base import (
    STREAM_EITHER,
    Day,
    Digest,
    Fact,
    Instant,
    Name,
    PurposeOrAll,
    Text,
)

ErasureGround = Literal["a", "b", "c", "d", "e", "f", "retention"]
"""The letter of article 17(1), or that what was kept need be kept no longer."""


class EntryAnnulled(Fact, frozen=True, kw_only=True, tag="EntryAnnulled"):
    """The named entry was a mistake: as if never recorded, from this entry's `recorded_at`."""

    stream: ClassVar[str] = STREAM_EITHER
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason"})
    refers: ClassVar[str | None] = "entry"

    entry: Name
    reason: Text | None = None


class EntrySuperseded(Fact, frozen=True, kw_only=True, tag="EntrySuperseded"):
    """The named entry was wrong; `replacement` is the entry that stands in its place."""

    stream: ClassVar[str] = STREAM_EITHER
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason"})
    refers: ClassVar[str | None] = "entry"

    entry: Name
    replacement: Name
    reason: Text | None = None


class MovedFact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact carried over from another person's stream, with its times and leaf hash there."""

    entry: Name
    recorded_at: Instant
    fact: dict[str, object]
    leaf_hash: Digest | None = None


class EntryReattributed(
    Fact, frozen=True, kw_only=True, tag="EntryReattributed", rename={"from_": "from"}
):
    """The entry is another person's; recorded on both streams, the facts on the receiver's."""

    content: ClassVar[frozenset[str]] = frozenset({"note", "reason"})
    refers: ClassVar[str | None] = "entry"

    entry: Name
    from_: Name
    to: Name
    reason: Text | None = None
    moved: tuple[MovedFact, ...] | None = None


class IdentityMerged(
    Fact, frozen=True, kw_only=True, tag="IdentityMerged", rename={"from_": "from"}
):
    """Two subjects are one person: the facts of `from` count for `into`."""

    from_: Name
    into: Name
    moved: tuple[MovedFact, ...] | None = None


class IdentityUnmerged(
    Fact, frozen=True, kw_only=True, tag="IdentityUnmerged", rename={"from_": "from"}
):
    """The merge was wrong: each has its own facts again."""

    from_: Name
    into: Name


class ErasureRequested(Fact, frozen=True, kw_only=True, tag="ErasureRequested"):
    """Article 17(1): a request, which changes no basis by itself."""

    protective: ClassVar[bool] = True

    purpose: PurposeOrAll


class ErasureRefused(Fact, frozen=True, kw_only=True, tag="ErasureRefused"):
    """Article 17(3): the request was refused, with the reasons."""

    content: ClassVar[frozenset[str]] = frozenset({"note", "reason", "decided_by"})

    purpose: PurposeOrAll
    request: Name | None = None
    reason: Text | None = None
    decided_by: Text | None = None


class ErasureExecuted(Fact, frozen=True, kw_only=True, tag="ErasureExecuted"):
    """The content of the purpose is gone; the minimal proof stays: articles 5(2), 7(1), 17(3).

    Of every purpose, it is the person that is erased. `ground` is the letter of article 17(1), or
    that a retention period ended; it and `decision`, a reference, are shown to everybody later.
    """

    restrictive: ClassVar[bool] = True

    purpose: PurposeOrAll
    ground: ErasureGround | None = None
    decision: Name | None = None


class DestroyedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is gone, and the fingerprint by which it would be recognised in a backup."""

    key_id: Name
    version: int
    fingerprint: Digest


class KeyDestroyed(Fact, frozen=True, kw_only=True, tag="KeyDestroyed"):
    """Keys were destroyed, as `erasure` asked: what they sealed cannot be read again.

    PERSON: every key of the person. CONTENT: the keys of a purpose's content, or that of `entries`
    alone, which had been taken for somebody else's. LEAVES: with the keys gone before, the leaves
    up to here were dropped as well. `counts` says how much was emptied in which store,
    `recipients` whom article 19 asks to tell, and no backup holds the keys after `backups_until`.
    The ledger records it itself, and in clear.
    """

    restrictive: ClassVar[bool] = True

    key_ids: tuple[Name, ...] = ()
    reach: Literal["PERSON", "CONTENT", "LEAVES"] = "PERSON"
    erasure: Name | None = None
    keys: tuple[DestroyedKey, ...] | None = None
    entries: tuple[Name, ...] | None = None
    counts: dict[str, int] | None = None
    recipients: tuple[Name, ...] | None = None
    ground: ErasureGround | None = None
    decision: Name | None = None
    backups_until: date | None = None


class HoldPlaced(Fact, frozen=True, kw_only=True, tag="HoldPlaced"):
    """Nothing may be destroyed: litigation, DPA 2018 sections 148 and 173, an inquiry."""

    stream: ClassVar[str] = STREAM_EITHER
    content: ClassVar[frozenset[str]] = frozenset({"note", "reason"})

    reason: Text | None = None
    purpose: PurposeOrAll | None = None


class HoldReleased(Fact, frozen=True, kw_only=True, tag="HoldReleased"):
    """The hold ended."""

    stream: ClassVar[str] = STREAM_EITHER
    day: ClassVar[Day] = "next"
    refers: ClassVar[str | None] = "hold"

    hold: Name | None = None


class DisclosureRecorded(Fact, frozen=True, kw_only=True, tag="DisclosureRecorded"):
    """Data went to a recipient: article 19 needs to know whom to tell."""

    purpose: PurposeOrAll
    recipient: Name
    categories: tuple[Name, ...] | None = None


class ComplaintReceived(Fact, frozen=True, kw_only=True, tag="ComplaintReceived"):
    """DPA 2018 section 164A: a complaint, which changes no basis by itself."""

    protective: ClassVar[bool] = True
    content: ClassVar[frozenset[str]] = frozenset({"note", "channel"})

    purpose: PurposeOrAll | None = None
    channel: Text | None = None


class ComplaintAcknowledged(Fact, frozen=True, kw_only=True, tag="ComplaintAcknowledged"):
    """The complaint was acknowledged."""

    refers: ClassVar[str | None] = "complaint"

    complaint: Name


class ComplaintClosed(Fact, frozen=True, kw_only=True, tag="ComplaintClosed"):
    """The complainant was told the outcome."""

    content: ClassVar[frozenset[str]] = frozenset({"note", "outcome"})
    refers: ClassVar[str | None] = "complaint"

    complaint: Name
    outcome: Text | None = None
