"""What the record itself says of an erasure: `KeyDestroyed` entries, readable without any key.

They are what an emptied value, a missing group or a destroyed key is held against. Pure; not here:
who writes them (`erasing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from ledger.disclosure import commitment
from ledger.errors import Fault
from ledger.events import KeyDestroyed
from ledger.seal import key_ring, open_container
from ledger.sealing import opened_fact
from ledger.store import Stored
from ledger.tlog.leaf import leaf_hash, parse_leaf


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A `KeyDestroyed` entry that agrees with its leaf, and where it stands."""

    log: int
    row: Stored
    fact: KeyDestroyed

    @property
    def key_ids(self) -> frozenset[UUID]:
        """The keys that are gone."""
        return frozenset(UUID(one) for one in self.fact.key_ids)


def notice_of(log: int, row: Stored, *, origin: str) -> Notice:
    """What the entry says; raises `Fault`, which names its place, where its leaf says otherwise."""
    try:
        opened = open_container(row.container, origin=origin, key=key_ring({}))
        fact = opened_fact(opened)
        leaf = parse_leaf(row.leaf)
    except Fault as error:
        raise Fault(f"entry {log}:{row.n} is not as recorded: {error}") from error
    named = (leaf.stream, leaf.event_id, leaf.type, leaf.commitment)
    said = (row.stream, opened.event_id, opened.type, commitment(opened.digests))
    if leaf_hash(row.leaf) != row.leaf_hash or named != said:
        raise Fault(f"entry {log}:{row.n} is not as recorded: its leaf says otherwise")
    if not isinstance(fact, KeyDestroyed):
        raise Fault(f"entry {log}:{row.n} says nothing of a destroyed key")
    return Notice(log=log, row=row, fact=fact)


def leaves_until(notices: Iterable[Notice]) -> int:
    """The place before which leaves may be empty; 0 where none may."""
    return max((one.row.n for one in notices if one.fact.reach == "LEAVES"), default=0)
