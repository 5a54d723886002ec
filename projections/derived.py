"""The content of the derived tables, as stored and as the entries make it, in comparable form.

The dossiers and `current_basis` can be thrown away and computed again; their digests tell whether
that changed anything. A digest is over content, not over sealed bytes or the positions that rows
were computed at: a rebuilt table has the digest of the one it replaces, on a ledger at rest. Not
here: comparing or writing (`rebuild`).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.events import name_of
from ledger.history import Dossier
from ledger.reader import Reader
from ledger.wire import fact_to_builtins
from projections.everyone import BATCH, FIRST, rows
from projections.replay import Folded


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of each derived table's content, in hexadecimal."""

    dossiers: str
    bases: str


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `current_basis`."""

    subject: UUID
    purpose: str
    decision: str
    live: list[str]
    flags: list[str]
    since: datetime
    next_change_at: datetime | None
    n: int
    catalogue_n: int
    stale: bool


class StreamVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A stream, and how many entries it has."""

    stream: UUID
    version: int


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    streams: int


class _DossierRow(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID
    version: int
    head: bytes


async def streams(
    reader: Reader, pool: AsyncConnectionPool
) -> AsyncIterator[tuple[int, list[UUID]]]:
    """Every stream that has entries, by log and in order, a batch of one log at a time."""
    for log in range(reader.identity.logs):
        after = FIRST
        values = {"log": log, "limit": BATCH}
        while some := await rows(pool, StreamVersion, "streams", values | {"after": after}):
            yield log, [one.stream for one in some]
            after = some[-1].stream


async def count_streams(reader: Reader, pool: AsyncConnectionPool) -> int:
    """How many streams have entries."""
    total = 0
    for log in range(reader.identity.logs):
        total += (await rows(pool, _Count, "streams_count", {"log": log}))[0].streams
    return total


async def stored_contents(
    reader: Reader, pool: AsyncConnectionPool, log: int, some: Sequence[UUID]
) -> dict[UUID, bytes]:
    """The content of each stored dossier; a `Fault` where one cannot be read."""
    found = await rows(pool, _DossierRow, "stored_dossiers", {"log": log, "subjects": some})
    heads = {one.subject: one for one in found}
    loaded = await reader.subjects(log, some)
    contents = {}
    for stream, each in loaded.items():
        dossier, head = each.dossier, heads.get(stream)
        if stream == reader.identity.stream:
            dossier = each.catalogue
        contents[stream] = _written(
            log,
            stream,
            dossier,
            version=head.version if head else None,
            head=head.head if head else None,
        )
    return contents


def folded_content(log: int, stream: UUID, folded: Folded) -> bytes:
    """The content of the dossier that the entries make."""
    last = folded.last
    version, head = (last.version, last.leaf_hash) if last else (None, None)
    return _written(log, stream, folded.dossier, version=version, head=head)


async def stored_bases(
    pool: AsyncConnectionPool, log: int, subjects: Sequence[UUID]
) -> dict[UUID, list[Basis]]:
    """The kept rows of each of the subjects, by purpose."""
    found = await rows(pool, Basis, "bases_of", {"log": log, "subjects": subjects})
    by_subject: dict[UUID, list[Basis]] = {}
    for one in sorted(found, key=lambda row: row.purpose):
        by_subject.setdefault(one.subject, []).append(one)
    return by_subject


async def stored_digests(reader: Reader, pool: AsyncConnectionPool) -> Digests:
    """The digests of the tables as they are stored."""
    dossiers = hashlib.sha256()
    async for log, some in streams(reader, pool):
        contents = await stored_contents(reader, pool, log, some)
        add(dossiers, (contents[stream] for stream in some))
    return Digests(dossiers=dossiers.hexdigest(), bases=await bases_digest(reader, pool))


async def bases_digest(reader: Reader, pool: AsyncConnectionPool) -> str:
    """The digest of `current_basis` as it is stored."""
    bases = hashlib.sha256()
    async for log, some in streams(reader, pool):
        found = await stored_bases(pool, log, some)
        for stream in some:
            add(bases, (_basis_content(log, row) for row in found.get(stream, ())))
    return bases.hexdigest()


def add(digest: hashlib._Hash, contents: Iterable[bytes]) -> None:
    """Take the contents into the digest, one a line."""
    for one in contents:
        digest.update(one + b"\n")


def _basis_content(log: int, row: Basis) -> bytes:
    """The content of a kept row, whatever position it was computed at."""
    return msgspec.json.encode(
        [
            log,
            row.subject,
            row.purpose,
            row.decision,
            row.live,
            row.flags,
            row.since,
            row.next_change_at,
        ]
    )


def _written(
    log: int, stream: UUID, dossier: Dossier, *, version: int | None, head: bytes | None
) -> bytes:
    if dossier.destroyed:
        return msgspec.json.encode([log, stream, "destroyed"])
    facts = [
        [one.n, one.entry, one.recorded_at, name_of(one.fact), fact_to_builtins(one.fact)]
        for one in dossier.items
    ]
    named = head.hex() if head else None
    return msgspec.json.encode([log, stream, version, named, facts], order="deterministic")
