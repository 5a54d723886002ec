"""The record read entry by entry, each verified, without trust in anything derived from it.

A replay folds the entries into the dossier that answers are given from: its answers have the same
bytes. What cannot be verified is a `Fault` that names the position, never a shorter history. Not
here: how one entry is verified (`verification`), or what the facts mean (`ledger.answer`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.erasure_notices import leaves_until, notice_of
from ledger.errors import Fault
from ledger.events import ErasureExecuted, Fact, KeyDestroyed
from ledger.history import Dossier, Item, item
from ledger.reader import Reader, position
from ledger.resealing import group_keys
from ledger.seal import Destroyed, KeyName, key_ring
from ledger.sealing import content_purpose, opened_fact, recorded_by, whole_fact
from ledger.store import Stored
from ledger.terms import EVERY_PURPOSE
from projections.everyone import rows
from projections.verification import Stream, Verified, keys_of, verified

PAGE = 500
"""Entries read at once."""
TOGETHER = 50
"""Entries of each stream that are read at once with those of other streams."""
ERASURES = frozenset({ErasureExecuted.__name__, KeyDestroyed.__name__})


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a timeline; `fact` is whole as far as it can be read, None once it is erased.

    `version` is None where not all entries are shown: it would count the others.
    """

    entry: UUID
    position: str
    n: int
    version: int | None
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
    folding = _Folding(_stream(reader, subject), subject)
    async for one in entries(reader, subject):
        folding.take(one)
    return await folding.end(reader, destroyed=destroyed)


async def folds(
    reader: Reader, pool: AsyncConnectionPool, log: int, streams: Sequence[UUID]
) -> dict[UUID, Folded]:
    """What `fold` makes of each of the streams, all of one log; the short ones read together.

    At most `TOGETHER` entries of each are held at once, beside those that dossiers are made of.
    """
    own = reader.identity.stream
    known = await reader.store.dossiers(log, streams, own=own)
    values = {"log": log, "streams": streams, "limit": TOGETHER}
    read: dict[UUID, list[Stored]] = {stream: [] for stream in streams}
    for row in await rows(pool, Stored, "entries_of_streams", values):
        read[row.stream].append(row)
    subjects = {stream: None if stream == own else stream for stream in streams}
    places = {stream: _stream(reader, subjects[stream]) for stream in streams}
    wanted = {name for s, some in read.items() for row in some for name in keys_of(row, places[s])}
    found = await reader.keys.by_id(wanted) if wanted else {}
    made: dict[UUID, Folded] = {}
    for stream in streams:
        destroyed = known[stream].destroyed
        if not destroyed and _whole(read[stream], places[stream], found):
            made[stream] = await _folded(reader, read[stream], places[stream], found)
        else:
            made[stream] = await fold(reader, subjects[stream], destroyed=destroyed)
    return made


def _whole(
    read: Sequence[Stored],
    stream: Stream,
    keys: Mapping[KeyName, bytes | Destroyed],
) -> bool:
    """Whether these are all its entries, and nothing of them is destroyed or emptied."""
    return len(read) < TOGETHER and all(
        row.leaf
        and row.container
        and all(isinstance(keys.get(name), bytes) for name in keys_of(row, stream))
        for row in read
    )


async def _folded(
    reader: Reader,
    read: Sequence[Stored],
    stream: Stream,
    keys: Mapping[KeyName, bytes | Destroyed],
) -> Folded:
    subject = None if stream.stream == reader.identity.stream else stream.stream
    folding, key = _Folding(stream, subject), key_ring(keys)
    before: Stored | None = None
    for row in read:
        folding.take(verified(row, before=before, stream=stream, key=key))
        before = row
    return await folding.end(reader, destroyed=False)


class _Folding:
    """A dossier as it grows by one verified entry after another."""

    def __init__(self, stream: Stream, subject: UUID | None) -> None:
        self._stream = stream
        self._subject = subject
        self._items: list[Item] = []
        self._without_content: list[Stored] = []
        self._last: Stored | None = None
        self._lost: Stored | None = None
        self._asked = False

    def take(self, one: Verified) -> None:
        """The next entry of the stream."""
        self._last = one.row
        self._asked = self._asked or one.row.name in ERASURES
        fact = None if one.lost or one.opened is None else opened_fact(one.opened)
        if fact is None or one.opened is None:
            self._lost = self._lost or one.row
            return
        self._items.append(_item(one.row, fact))
        if one.opened.erased:
            self._without_content.append(one.row)

    async def end(self, reader: Reader, *, destroyed: bool) -> Folded:
        """The dossier, or a `Fault` where more is missing than was erased."""
        name = None if self._subject is None else str(self._subject)
        lost = self._lost
        if destroyed or lost is not None:
            gone = destroyed or await _keys_destroyed(reader, self._subject)
            if lost is not None and not (gone and self._asked):
                raise self._stream.fault(lost.n, "is emptied, and the person is not erased")
            return Folded(dossier=Dossier(name, destroyed=True), last=self._last)
        dossier = Dossier(name, self._items)
        _check_content(dossier, self._without_content, self._stream)
        return Folded(dossier=dossier, last=self._last)


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
        if not all(row.leaf and row.container for row in rows):
            await _check_emptied(reader, rows, stream)
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


async def timeline_showing(
    reader: Reader,
    subject: UUID,
    shows: Callable[[Fact], bool],
    *,
    after: int,
    until: int,
    limit: int,
) -> list[TimelineEntry]:
    """The entries that may be shown, from n `after` in the log (not included) to n `until`.

    What cannot be opened is not shown, since nothing says what it was for.
    """
    log = _stream(reader, subject).log
    found: list[TimelineEntry] = []
    async for one in entries(reader, subject):
        if one.row.n > until or len(found) == limit:
            break
        fact = None if one.opened is None else whole_fact(one.opened)
        if fact is not None and one.row.n > after and shows(fact):
            found.append(msgspec.structs.replace(_timeline_entry(log, one), version=None))
    return found


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


async def _check_emptied(reader: Reader, rows: Sequence[Stored], stream: Stream) -> None:
    """A leaf may be empty, or a container, only where it is recorded later that they were dropped.

    What is recorded of that is held against its own leaf.
    """
    until, after = 0, 0
    while page := await reader.store.stream(stream.log, stream.stream, after=after, limit=PAGE):
        after = page[-1].version
        named = [row for row in page if row.name == KeyDestroyed.__name__]
        notices = [notice_of(stream.log, row, origin=stream.origin) for row in named]
        until = max(until, leaves_until(notices))
    for row in rows:
        if not (row.leaf and row.container) and row.n >= until:
            raise stream.fault(row.n, "is emptied, and no erasure took it")


async def _keys_destroyed(reader: Reader, subject: UUID | None) -> bool:
    if subject is None:
        return False
    held = await reader.keys.subject_keys([subject], create=False)
    return isinstance(held.get(subject), Destroyed)


def _item(row: Stored, fact: Fact) -> Item:
    return item(n=row.n, entry=str(row.event_id), recorded_at=row.recorded_at, fact=fact)


def _check_content(dossier: Dossier, lacking: Sequence[Stored], stream: Stream) -> None:
    """Content may be missing under a later erasure of its purpose, or where one took its key."""
    facts = {one.n: one.fact for one in dossier.items}
    notices = [one for one in facts.values() if isinstance(one, KeyDestroyed)]
    key_ids = {key_id for one in notices for key_id in one.key_ids}
    named = {entry for one in notices for entry in one.entries or ()}
    for row in lacking:
        purpose = content_purpose(facts[row.n], dossier)
        key_id = group_keys(row.container).get("content")
        if (
            not any(_takes(fact, purpose) for n, fact in facts.items() if n > row.n)
            and str(key_id) not in key_ids
            and str(row.event_id) not in named
        ):
            raise stream.fault(row.n, "is without its content, and no erasure took it")


def _takes(fact: Fact, purpose: str | None) -> bool:
    """Whether it is an erasure of the content of the purpose."""
    return isinstance(fact, ErasureExecuted) and fact.purpose in (EVERY_PURPOSE, purpose)


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
