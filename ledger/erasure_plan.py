"""What an erasure will take, worked out before anything is destroyed: pure.

Kept until the erasure is completed (`erasing`), since nothing of it can be read once the keys are
gone. Not here: holds (`admit`), or destroying anything.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast
from uuid import UUID

import msgspec

from ledger.errors import Fault
from ledger.events import DisclosureRecorded, EntryReattributed, ErasureExecuted
from ledger.events.corrections import ErasureGround
from ledger.history import Dossier, standing_moves
from ledger.neighbours import brought
from ledger.seal import KeyName
from ledger.sealing import content_purpose
from ledger.store import Stored
from ledger.terms import EVERY_PURPOSE
from ledger.wire import fact_from_builtins

Reach = Literal["PERSON", "CONTENT"]


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of another stream that had been taken for somebody else's."""

    stream: UUID
    entries: tuple[UUID, ...]


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be known of an erasure once the keys are gone; names no person and no purpose."""

    reach: Reach
    keys: tuple[KeyName, ...]
    recipients: tuple[str, ...] = ()
    ground: ErasureGround | None = None
    decision: str | None = None
    elsewhere: tuple[Elsewhere, ...] = ()

    @property
    def key_ids(self) -> frozenset[UUID]:
        """The keys to be destroyed, by id."""
        return frozenset(key_id for key_id, _ in self.keys)


def recipients(dossier: Dossier, purpose: str, now: datetime) -> tuple[str, ...]:
    """Whom article 19 asks to tell, by id: who was given what the erasure takes."""
    reached = (EVERY_PURPOSE, purpose)
    told = [cast(DisclosureRecorded, one.fact) for one in dossier.at(now).of(DisclosureRecorded)]
    return tuple(
        sorted({d.recipient for d in told if purpose == EVERY_PURPOSE or d.purpose in reached})
    )


def elsewhere(dossier: Dossier, purpose: str) -> tuple[Elsewhere, ...]:
    """The entries that were recorded on other streams and are this person's, with their content."""
    found: dict[UUID, list[UUID]] = {}
    for one in standing_moves(dossier.items):
        if not isinstance(one.fact, EntryReattributed) or one.fact.to != dossier.subject:
            continue
        for moved in brought(one):
            about = content_purpose(fact_from_builtins(moved.fact), dossier)
            if purpose in (EVERY_PURPOSE, about):
                found.setdefault(UUID(one.fact.from_), []).append(UUID(moved.entry))
    return tuple(Elsewhere(stream=s, entries=tuple(entries)) for s, entries in found.items())


def erasure_at(dossier: Dossier, row: Stored) -> ErasureExecuted:
    """What the entry asks."""
    for one in dossier.items:
        if one.n == row.n and isinstance(one.fact, ErasureExecuted):
            return one.fact
    raise Fault(f"the dossier lacks the erasure at {row.n}: run `ledger rebuild`")
