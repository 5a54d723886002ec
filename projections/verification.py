"""Whether a stored entry is what was recorded: its row, its leaf and its container agree.

Every column but the idempotency key, which is no part of the record, is held against something that
the leaf's hash vouches for, or against the entry's place. Bytes that an erasure empties are marked,
for the caller to accept or not. Not here: reading rows (`replay`), or the tree over the hashes,
which alone shows that no whole leaf was replaced.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from ledger.disclosure import commitment
from ledger.errors import Fault
from ledger.seal import KeyName, KeyOf, Opened, needed_keys, open_container
from ledger.sealing import recorded_by
from ledger.store import Stored
from ledger.tlog.leaf import leaf_hash, parse_leaf

BASIS = "basis"


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """An entry found to be as recorded; `opened` is None where its container was emptied.

    `lost` says that what answers need of it cannot be read any more.
    """

    row: Stored
    opened: Opened | None
    lost: bool


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Where the entries to be verified stand: the log, the name in its leaves, the stream."""

    log: int
    origin: str
    stream: UUID

    def fault(self, n: int, message: str) -> Fault:
        """An error that names an entry by its place, and never the person."""
        return Fault(f"entry {self.log}:{n} {message}")


def keys_of(row: Stored, stream: Stream) -> tuple[KeyName, ...]:
    """The keys that verifying the row will ask for."""
    try:
        return needed_keys(row.container) if row.container else ()
    except Fault as error:
        raise stream.fault(row.n, f"is not as recorded: {error}") from error


def verified(row: Stored, *, before: Stored | None, stream: Stream, key: KeyOf) -> Verified:
    """The entry that follows `before` in its stream, or a `Fault` that names its position."""
    try:
        _check_place(row, before, stream)
        _check_leaf(row, before, stream)
        opened = opened_container(row, stream, key)
    except Fault as error:
        raise stream.fault(row.n, f"is not as recorded: {error}") from error
    return Verified(row=row, opened=opened, lost=not row.leaf or _lost(opened))


def _lost(opened: Opened | None) -> bool:
    return opened is None or BASIS in opened.erased


def _check_place(row: Stored, before: Stored | None, stream: Stream) -> None:
    version, n = (before.version, before.n) if before else (0, 0)
    if row.stream != stream.stream or row.version != version + 1:
        raise Fault(f"its stream has no version {version + 1}")
    if row.n <= n:
        raise Fault("it stands before the entry that it follows")


def _check_leaf(row: Stored, before: Stored | None, stream: Stream) -> None:
    if not row.leaf:
        return
    if leaf_hash(row.leaf) != row.leaf_hash:
        raise Fault("its leaf has another hash")
    leaf = parse_leaf(row.leaf)
    said = {
        "log": (leaf.log, stream.origin),
        "event_id": (leaf.event_id, row.event_id),
        "seq": (leaf.seq, row.version),
        "stream": (leaf.stream, row.stream),
        "type": (leaf.type, row.name),
        "recorded_at": (leaf.recorded_at, row.recorded_at),
        "prev": (leaf.prev, before.leaf_hash if before else b""),
        "commitment": (leaf.commitment, commitment(row.digests)),
    }
    for member, (in_leaf, in_row) in said.items():
        if in_leaf != in_row:
            raise Fault(f"its leaf says otherwise: {member}")


def opened_container(row: Stored, stream: Stream, key: KeyOf) -> Opened | None:
    """What the row's container holds, None where it was emptied; a `Fault` where they disagree."""
    if not row.container:
        return None
    opened = open_container(row.container, origin=stream.origin, key=key)
    said = {
        "event_id": (opened.event_id, row.event_id),
        "type": (opened.type, row.name),
        "digests": (opened.digests, row.digests),
    }
    if BASIS not in opened.erased:
        said["client"] = (recorded_by(opened), row.client)
    for name, (in_container, in_row) in said.items():
        if in_container != in_row:
            raise Fault(f"its container says otherwise: {name}")
    return opened
