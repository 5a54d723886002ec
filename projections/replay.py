"""The record read entry by entry, each verified, without trust in anything derived from it.

A replay folds the entries into the dossier that answers are given from: its answers have the same
bytes. What cannot be verified is a `Fault` that names the position, never a shorter history. Not
here: how one entry is verified (`verification`), or what the facts mean (`ledger.answer`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.errors import Fault
from ledger.events import ErasureExecuted, Fact, IdentityMerged
from ledger.history import Dossier, Item, item
from ledger.reader import Reader, position
from ledger.seal import Destroyed, key_ring
from ledger.sealing import content_purpose, opened_fact, recorded_by, whole_fact
from ledger.store import Stored
from ledger.terms import EVERY_PURPOSE
from projections.verification import Stream, Verified, keys_of, verified

PAGE = 500
"""Entries read at once."""


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a timeline; `fact` is whole as far as it can be read, None once it is erased."""

    entry: UUID
    position: str
    n: int
    version: int
    type: str
    effective_at: datetime | None
    recorded_at: datetime
    fact: Fact | None
    erased: tuple[str, ...]
    recorded_by: str | None
    client: str
    leaf_hash: bytes


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """What the entries of a stream make: the dossier, and the last of them, None where none is."""

    dossier: Dossier
    last: Stored | None


async def replay(reader: Reader, subject: UUID | None) -> Dossier:
    """The dossier that the entries themselves make; None is the ledger's own stream.

    Raises `Fault` where an entry was altered, or where the stream is shorter than its dossier.
    """
    stream = _stream(reader, subject)
    known = (await reader.store.dossiers(stream.log, [stream.stream], own=reader.identity.stream))[
        stream.stream
    ]
    folded = await fold(reader, subject, destroyed=known.destroyed)
    last = folded.last
    if (last.version if last else 0) < (known.version or 0):
        place = f"after {last.n}" if last else "from the start"
        raise Fault(f"log {stream.log} lacks entries of a stream {place}: its dossier has them")
    size = (await reader.store.head(stream.log)).size
    if last is not None and last.n > size:
        raise stream.fault(last.n, f"stands beyond the end of its log, {size}")
    return folded.dossier


async def fold(reader: Reader, subject: UUID | None, *, destroyed: bool) -> Folded:
    """The verified entries of the stream as a dossier.

    `destroyed` says that the person has a tombstone: only then may what answers need be missing.
    """
    stream = _stream(reader, subject)
    name = None if subject is None else str(subject)
    items: list[Item] = []
    without_content: list[tuple[int, str | None]] = []
    last: Stored | None = None
    lost: Stored | None = None
    async for one in entries(reader, subject):
        last = one.row
        fact = None if one.lost or one.opened is None else opened_fact(one.opened)
        if fact is None or one.opened is None:
            lost = lost or one.row
            continue
        items.append(_item(one.row, fact))
        if one.opened.erased:
            without_content.append((one.row.n, content_purpose(fact)))
    if destroyed or lost is not None:
        if not destroyed and not await _keys_destroyed(reader, subject):
            assert lost is not None, "nothing else sends it here"
            raise stream.fault(lost.n, "is emptied, and the person is not erased")
        return Folded(dossier=Dossier(name, destroyed=True), last=last)
    _check_erasures(items, without_content, stream)
    return Folded(dossier=Dossier(name, items), last=last)


async def entries(
    reader: Reader, subject: UUID | None, *, after: int = 0, limit: int | None = None
) -> AsyncIterator[Verified]:
    """The entries of the stream from the version after `after`, each verified.

    Reads until nothing more is there, so that an erasure whose keys are found destroyed is among
    them; `limit` stops earlier.
    """
    stream = _stream(reader, subject)
    before = await _row_at(reader, stream, after) if after else None
    if after and before is None:
        return
    while limit is None or limit > 0:
        rows = await reader.store.stream(
            stream.log,
            stream.stream,
            after=before.version if before else 0,
            limit=PAGE if limit is None else min(limit, PAGE),
        )
        if not rows:
            return
        key = key_ring(await _keys(reader, rows, stream))
        for row in rows:
            yield verified(row, before=before, stream=stream, key=key)
            before = row
        limit = None if limit is None else limit - len(rows)


async def timeline(
    reader: Reader, subject: UUID | None, *, after: int = 0, limit: int = 100
) -> list[TimelineEntry]:
    """The entries from the version after `after`, with their content where it is not erased."""
    log = _stream(reader, subject).log
    return [
        _timeline_entry(log, one)
        async for one in entries(reader, subject, after=after, limit=limit)
    ]


def _stream(reader: Reader, subject: UUID | None) -> Stream:
    identity = reader.identity
    stream = identity.stream if subject is None else subject
    log = identity.log_of(stream)
    return Stream(log=log, origin=identity.log_origin(log), stream=stream)


async def _row_at(reader: Reader, stream: Stream, version: int) -> Stored | None:
    """The row with which the one after this version must agree, None beyond the end."""
    rows = await reader.store.stream(stream.log, stream.stream, after=version - 1, limit=1)
    if rows and rows[0].version != version:
        raise stream.fault(rows[0].n, f"follows no version {version} of its stream")
    return rows[0] if rows else None


async def _keys(
    reader: Reader, rows: Sequence[Stored], stream: Stream
) -> dict[tuple[UUID, int], bytes | Destroyed]:
    wanted = {name for row in rows for name in keys_of(row, stream)}
    return await reader.keys.by_id(wanted) if wanted else {}


async def _keys_destroyed(reader: Reader, subject: UUID | None) -> bool:
    if subject is None:
        return False
    held = await reader.keys.subject_keys([subject], create=False)
    return isinstance(held.get(subject), Destroyed)


def _item(row: Stored, fact: Fact) -> Item:
    return item(n=row.n, entry=str(row.event_id), recorded_at=row.recorded_at, fact=fact)


def _check_erasures(
    items: Sequence[Item], without_content: Sequence[tuple[int, str | None]], stream: Stream
) -> None:
    """Content may be missing under an erasure of its purpose alone; a survivor's follows it."""
    merged = any(isinstance(one.fact, IdentityMerged) for one in items)
    erased = {one.fact.purpose for one in items if isinstance(one.fact, ErasureExecuted)}
    if merged or EVERY_PURPOSE in erased:
        return
    for n, purpose in without_content:
        if purpose not in erased:
            raise stream.fault(n, "is without its content, and no erasure took it")


def _timeline_entry(log: int, one: Verified) -> TimelineEntry:
    row, opened = one.row, one.opened
    fact = None if opened is None else whole_fact(opened)
    return TimelineEntry(
        entry=row.event_id,
        position=position(log, row.n, row.leaf_hash),
        n=row.n,
        version=row.version,
        type=row.name,
        effective_at=None if fact is None else fact.effective_at,
        recorded_at=row.recorded_at,
        fact=fact,
        erased=("basis", "content") if opened is None else tuple(sorted(opened.erased)),
        recorded_by=None if opened is None else recorded_by(opened),
        client=row.client,
        leaf_hash=row.leaf_hash,
    )
