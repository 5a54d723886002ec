"""The derived tables made again from the entries, and checked against them.

`check` changes nothing and names the first thing that differs. `rebuild` is an operator's act: its
pool must act as the owner, since nobody else may write dossiers. It holds back appends only while
it writes a batch, and lists stay complete meanwhile, since what has no row is computed. Either
verifies the entries on the way, one stream in memory at a time. Not here: what content is compared
(`derived`), or the tree over the entries.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.dossier import kept
from ledger.errors import Fault, Unavailable
from ledger.reader import Loaded, Reader
from ledger.rules.rulebook import RuleBook
from ledger.seal import DataKey, Destroyed, Entropy, seal_bytes
from projections.current import IDLE_S, Tailer, follower_name, present
from projections.derived import (
    Basis,
    Digests,
    StreamVersion,
    add,
    bases_digest,
    count_streams,
    folded_content,
    stored_bases,
    stored_contents,
    streams,
)
from projections.everyone import Progress, pin, rows
from projections.replay import Folded, fold, folds
from projections.sql import statement

ATTEMPTS = 3
"""How often two sides are compared that may be written between reading one and the other."""

PORTION_BYTES = 8 * 1024 * 1024
"""How much of dossiers is written by one statement, but for a single one that is larger."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """How many streams were compared, and the first thing that differs; None where nothing does."""

    streams: int
    difference: str | None


class _Shape(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    leaf_hash: bytes | None
    entries: int
    last_n: int | None
    last_hash: bytes | None


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    n: int | None


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier as it is written."""

    subject: UUID
    version: int
    head: bytes
    n: list[int]
    recorded_at: list[datetime]
    sealed: bytes


class _Report:
    """How much of a rebuild is done: each stream counts for its dossier, and for its rows."""

    def __init__(self, many: int, progress: Progress | None) -> None:
        self._total = 2 * many
        self._done = 0
        self._progress = progress

    def done(self, more: int) -> None:
        self._done = min(self._done + more, self._total)
        if self._progress:
            self._progress(self._done, self._total)

    def finished(self) -> None:
        self.done(self._total)


class Rebuild:
    """The derived tables of one ledger; nothing decoded earlier is trusted."""

    def __init__(self, reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._pool = pool

    async def check(self, *, progress: Progress | None = None) -> Checked:
        """Whether each log, dossier and kept row is what the entries make it."""
        self._forget()
        total = await count_streams(self._reader, self._pool)
        done = 0
        try:
            for log in range(self._reader.identity.logs):
                if difference := await self._log_differs(log):
                    return Checked(streams=done, difference=difference)
            # Nobody's dossier can be read beside a catalogue that cannot.
            if difference := await self._dossiers_differ(0, [self._reader.identity.stream]):
                return Checked(streams=done, difference=difference)
            async for log, some in streams(self._reader, self._pool):
                difference = await self._dossiers_differ(log, some)
                difference = difference or await self._bases_differ(log, some)
                if difference:
                    return Checked(streams=done, difference=difference)
                done += len(some)
                if progress:
                    progress(done, total)
        except Fault as error:
            return Checked(streams=done, difference=str(error))
        return Checked(streams=done, difference=None)

    async def rebuild(self, *, entropy: Entropy, progress: Progress | None = None) -> Digests:
        """The digests of the tables after they were made again from the entries.

        Raises `Fault` where an entry is not as recorded, or the role may not write dossiers.
        """
        try:
            report = _Report(await count_streams(self._reader, self._pool), progress)
            digest = hashlib.sha256()
            async for log, some in streams(self._reader, self._pool):
                add(digest, await self._write_all(log, some, entropy))
                report.done(len(some))
            await self._begin_lists()
        except psycopg.errors.InsufficientPrivilege as error:
            message = "this database role may not write dossiers: rebuild as the owner"
            raise Fault(message) from error
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error
        self._forget()
        await self._make_lists(report)
        bases = await bases_digest(self._reader, self._pool)
        return Digests(dossiers=digest.hexdigest(), bases=bases)

    def _forget(self) -> None:
        """Read the catalogue again: its version says nothing of a dossier that was altered."""
        old = self._reader
        self._reader = Reader(old.store, old.keys, old.identity)

    # Comparing.

    async def _log_differs(self, log: int) -> str | None:
        shape = (await rows(self._pool, _Shape, "shape", {"log": log}))[0]
        if not shape.size == shape.entries == (shape.last_n or 0):
            return f"log {log} has gaps, or another size than its head says, {shape.size}"
        if shape.last_hash != shape.leaf_hash:
            return f"log {log} ends with another entry than its head says"
        stray = (await rows(self._pool, _Number, "stray_keys", {"log": log}))[0].n
        if stray is not None:
            return f"entry {log}:{stray} has an idempotency key that does not lead to it"
        if (await rows(self._pool, _Number, "strays", {"log": log}))[0].n:
            return f"log {log} has dossiers or kept rows about somebody without entries: rebuild"
        return None

    async def _dossiers_differ(self, log: int, some: Sequence[UUID]) -> str | None:
        stored = await self._stored(log, some)
        for stream in some:
            if difference := await self._dossier_differs(log, stream, stored.get(stream)):
                return difference
        return None

    async def _dossier_differs(self, log: int, stream: UUID, stored: bytes | None) -> str | None:
        place = ""
        for _ in range(ATTEMPTS):
            folded = await self._fold(log, stream)
            if stored == folded_content(log, stream, folded):
                return None
            place = f"{log}:{folded.last.n}" if folded.last else str(log)
            stored = (await self._stored(log, [stream])).get(stream)
        return (
            f"the dossier of the stream that ends at {place} is not what its entries make: rebuild"
        )

    async def _stored(self, log: int, some: Sequence[UUID]) -> dict[UUID, bytes]:
        """The content of the dossiers; without those that cannot be read, where there are any."""
        try:
            return await stored_contents(self._reader, self._pool, log, some)
        except Fault:
            if len(some) == 1:
                return {}
        each = [await self._stored(log, [stream]) for stream in some]
        return {stream: content for found in each for stream, content in found.items()}

    async def _bases_differ(self, log: int, some: Sequence[UUID]) -> str | None:
        for stream in some:
            for _ in range(ATTEMPTS):
                place = await self._basis_differs(log, stream)
                if place is None:
                    break
            else:
                return f"a kept row of the stream that ends at {place} is wrong: rebuild"
        return None

    async def _basis_differs(self, log: int, stream: UUID) -> str | None:
        """Where the stream ends, if a row about it claims to be current and is not."""
        kept_rows = (await stored_bases(self._pool, log, [stream])).get(stream, [])
        if not kept_rows:
            return None
        loaded = (await self._reader.subjects(log, [stream]))[stream]
        holding = [one for one in kept_rows if _holds(one, loaded)]
        purposes = [one.purpose for one in holding]
        for one, now in zip(holding, await present(loaded, self._rulebook, purposes), strict=True):
            said = (one.decision, one.live, one.flags, one.since, one.next_change_at)
            if said != (now.decision, [*now.live], [*now.flags], now.since, now.next_change_at):
                return f"{log}:{loaded.dossier.items[-1].n}"
        return None

    # Writing.

    async def _write_all(self, log: int, some: Sequence[UUID], entropy: Entropy) -> list[bytes]:
        """The content of each dossier as written; one that moved meanwhile is folded again."""
        written: dict[UUID, bytes] = {}
        left = list(some)
        while left:
            folded = await folds(self._reader, self._pool, log, left)
            left = await self._write(log, folded, entropy)
            written |= {stream: folded_content(log, stream, one) for stream, one in folded.items()}
        return [written[stream] for stream in some]

    async def _write(self, log: int, folded: Mapping[UUID, Folded], entropy: Entropy) -> list[UUID]:
        """The streams that have moved on, whose dossiers were not written."""
        gone = {stream for stream, one in folded.items() if one.dossier.destroyed}
        made = await self._rows({s: one for s, one in folded.items() if s not in gone}, entropy)
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(statement("log_locked"), {"log": log})
            versions = await _versions(connection, log, list(folded))
            moved = [s for s, one in folded.items() if _version(one) != versions[s]]
            for some in _portions([one for one in made if one.subject not in moved]):
                values = {"log": log, "rows": msgspec.json.encode(some).decode()}
                await connection.execute(statement("keep_dossiers"), values)
            for stream in gone.difference(moved):
                values = _tombstone(log, stream, folded[stream])
                await connection.execute(statement("keep_tombstone"), values)
        return moved

    async def _rows(self, folded: Mapping[UUID, Folded], entropy: Entropy) -> list[_Row]:
        own = self._reader.identity.stream
        people = [stream for stream in folded if stream != own]
        keys = await self._reader.keys.subject_keys(people, create=False)
        made: list[_Row] = []
        for stream, one in folded.items():
            assert one.last is not None, "a stream without entries is none"
            items = one.dossier.items
            plain = b"".join(kept(each.entry, each.fact) for each in items)
            made.append(
                _Row(
                    subject=stream,
                    version=one.last.version,
                    head=one.last.leaf_hash,
                    n=[each.n for each in items],
                    recorded_at=[each.recorded_at for each in items],
                    sealed=plain
                    if stream == own
                    else _sealed(stream, plain, keys.get(stream), entropy),
                )
            )
        return made

    async def _begin_lists(self) -> None:
        """No list takes any row until it is made again; the tailer begins again."""
        for log in range(self._reader.identity.logs):
            values = {"log": log, "name": follower_name(self._rulebook)}
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(statement("drop_strays"), {"log": log})
                await connection.execute(statement("follow_again"), values)
                await connection.execute(statement("stale_bases"), {"log": log})

    async def _make_lists(self, report: _Report) -> None:
        """Everybody has a row; what is recorded meanwhile is left to whoever follows."""
        tailer = Tailer(self._reader, self._rulebook, self._pool)
        for log in range(self._reader.identity.logs):
            now = await pin(self._reader, log)
            while not await tailer.reached(now):
                step = await tailer.step(log)
                if step is None:
                    await asyncio.sleep(IDLE_S)
                else:
                    report.done(step.people)
        report.finished()

    async def _fold(self, log: int, stream: UUID) -> Folded:
        own = self._reader.identity.stream
        row = (await self._reader.store.dossiers(log, [stream], own=own))[stream]
        subject = None if stream == own else stream
        return await fold(self._reader, subject, destroyed=row.destroyed)


def _holds(row: Basis, loaded: Loaded) -> bool:
    """Whether the row claims to be current: an erased person's tombstone is asked before it."""
    items, place = loaded.dossier.items, loaded.catalogue_place
    if row.stale or not items or items[-1].n > row.n:
        return False
    if (place.n if place else 0) != row.catalogue_n:
        return False
    return row.next_change_at is None or loaded.head.now < row.next_change_at


def _sealed(stream: UUID, plain: bytes, key: DataKey | Destroyed | None, entropy: Entropy) -> bytes:
    if key is None or isinstance(key, Destroyed):
        raise Fault("a subject's key was destroyed while their dossier was made: begin again")
    return seal_bytes(plain, subject=stream, key=key, entropy=entropy)


def _tombstone(log: int, stream: UUID, one: Folded) -> dict[str, object]:
    assert one.last is not None, "a stream without entries is none"
    return {
        "log": log,
        "subject": stream,
        "n": one.last.n,
        "version": one.last.version,
        "head": one.last.leaf_hash,
    }


def _portions(made: Sequence[_Row]) -> Iterator[list[_Row]]:
    """A few rows at a time, of a bounded size together."""
    some: list[_Row] = []
    size = 0
    for one in made:
        some.append(one)
        size += len(one.sealed)
        if size > PORTION_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _version(one: Folded) -> int:
    return one.last.version if one.last else 0


async def _versions(connection: AsyncConnection, log: int, some: Sequence[UUID]) -> dict[UUID, int]:
    async with connection.cursor(row_factory=class_row(StreamVersion)) as cursor:
        await cursor.execute(statement("versions"), {"log": log, "streams": some})
        return {one.stream: one.version for one in await cursor.fetchall()}
