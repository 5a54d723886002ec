"""Entries and dossiers in PostgreSQL: the one append, and the reads that answers rest on.

An append is one function call for everything that waits (`batch`), and is never cancelled half-way.
Not here: what may be recorded (`admit`, `record`), or what the bytes mean (`sealing`, `dossier`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from ledger.batch import Batcher, Watching, unwatched
from ledger.connections import Left, left_by, warnings_on
from ledger.connections import open_pool as open_pool
from ledger.errors import Fault, OutcomeUnknown, Unavailable
from ledger.sql import statement

APPEND_ATTEMPTS = 5
WEIGHT_BYTES = 8192
"""How many bytes delay others as much as one entry does."""
_SYNC_WAIT = "SyncRepWaitForLSN"

R = TypeVar("R")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which ledger this is: the origin of its logs, how many they are, and its own stream."""

    origin: str
    logs: int
    stream: UUID

    def log_origin(self, log: int) -> str:
        """The name of the log, which its leaves carry."""
        return f"{self.origin}/{log}"

    def log_of(self, stream: UUID) -> int:
        """The log that a stream belongs to for ever: a fixed hash, modulo their number."""
        if stream == self.stream:
            return 0
        return int.from_bytes(hashlib.sha256(stream.bytes).digest()[:8], "big") % self.logs


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that a request adds to: the version it was read at, and its dossier's new bytes.

    A stream that nobody asks questions about has no dossier: its sealed bytes are empty.
    """

    subject: UUID
    version: int
    sealed: bytes


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to append; the database numbers, stamps and links it."""

    stream: UUID
    version: int
    name: str
    event_id: UUID
    container: bytes
    digests: bytes
    commitment: bytes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is appended whole or not at all: the entries of each move, in the order of the moves.

    The key makes it safe to send again: it stands for this one request, for ever.
    """

    client: str
    key: str
    fingerprint: bytes
    moves: tuple[Move, ...]
    entries: tuple[NewEntry, ...]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as the log has it."""

    n: int
    stream: UUID
    version: int
    name: str
    event_id: UUID
    recorded_at: datetime
    leaf: bytes
    leaf_hash: bytes


OutcomeName = Literal["accepted", "replayed", "key_reused", "version_conflict"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request; the entries of one accepted, now or before."""

    name: OutcomeName
    entries: tuple[Recorded, ...] = ()


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the entry table, for replay and audit."""

    n: int
    stream: UUID
    version: int
    name: str
    event_id: UUID
    container: bytes
    digests: bytes
    leaf: bytes
    leaf_hash: bytes
    recorded_at: datetime
    client: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """How far a log is, and the database's clock; `leaf_hash` is None while the log is empty."""

    size: int
    recorded_at: datetime
    leaf_hash: bytes | None
    now: datetime


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """An entry's place in its log."""

    n: int
    recorded_at: datetime
    leaf_hash: bytes


class DossierRow(msgspec.Struct, frozen=True, kw_only=True):
    """One subject's dossier as stored, with the heads of its log and of the ledger's own stream."""

    subject: UUID
    version: int | None
    n: list[int] | None
    recorded_at: list[datetime] | None
    sealed: bytes | None
    destroyed: bool
    own_version: int | None
    own_n: int | None
    own_recorded_at: datetime | None
    own_head: bytes | None
    size: int
    head_recorded_at: datetime
    leaf_hash: bytes | None
    now: datetime


class OwnRow(msgspec.Struct, frozen=True, kw_only=True):
    """The dossier of the ledger's own stream as stored."""

    version: int
    n: list[int]
    recorded_at: list[datetime]
    sealed: bytes


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: bytes


class _OutcomeRow(msgspec.Struct, frozen=True, kw_only=True):
    request: int
    outcome: OutcomeName
    n: int | None
    stream: UUID | None
    version: int | None
    name: str | None
    event_id: UUID | None
    recorded_at: datetime | None
    leaf: bytes | None
    leaf_hash: bytes | None


class Store:
    """The record's tables, by way of a pool of connections whose role may not change entries."""

    def __init__(self, pool: AsyncConnectionPool, *, watching: Watching = unwatched) -> None:
        self._pool = pool
        self._watching = watching
        self._batchers: dict[int, Batcher[Request, Outcome]] = {}
        # However many logs wait for their turn or for a standby, reading goes on.
        self._writing = asyncio.Semaphore(max(1, pool.max_size // 2))

    async def identity(self) -> Identity:
        """Which ledger this database holds."""
        found = await self._read(Identity, "identity", {})
        if not found:
            raise Fault("this database holds no ledger yet: run `ledger migrate`")
        return found[0]

    async def append(self, log: int, request: Request) -> Outcome:
        """The request appended with whatever else waits; its outcome is known or raised.

        Raises `OutcomeUnknown` where the database did not say, and `Unavailable` where nothing was
        recorded: a retry with the same key resolves either. Raises `Fault` for what it refuses.
        """
        batcher = self._batchers.get(log)
        if batcher is None:

            async def flush(requests: Sequence[Request]) -> list[Outcome]:
                async with self._writing:
                    return await self._append_until_known(log, requests)

            batcher = self._batchers[log] = Batcher(
                flush, weight=_weight_of, watch=self._watching("append")
            )
        return await batcher.submit(request)

    async def drain(self) -> None:
        """Returns when every append has its outcome: what to wait for before closing the pool."""
        for batcher in list(self._batchers.values()):
            await batcher.drain()

    async def dossiers(
        self, log: int, subjects: Iterable[UUID], *, own: UUID
    ) -> dict[UUID, DossierRow]:
        """The dossiers of the subjects, all of one log, with both heads, in one snapshot."""
        values = {"log": log, "subjects": list(subjects), "own": own}
        return {row.subject: row for row in await self._read(DossierRow, "dossiers", values)}

    async def own_dossier(self, own: UUID) -> OwnRow | None:
        """The dossier of the ledger's own stream."""
        found = await self._read(OwnRow, "own_dossier", {"own": own})
        return found[0] if found else None

    async def seen(self, log: int, *, client: str, key: str) -> bytes | None:
        """The fingerprint of the request that was accepted under this key, if any was."""
        found = await self._read(_Seen, "seen", {"log": log, "client": client, "key": key})
        return found[0].fingerprint if found else None

    async def head(self, log: int) -> Head:
        """How far the log is, and the database's clock."""
        return (await self._read(Head, "head", {"log": log}))[0]

    async def place_at(self, log: int, known_at: datetime) -> Place | None:
        """The last entry of the log recorded by `known_at`."""
        found = await self._read(Place, "position", {"log": log, "known_at": known_at})
        return found[0] if found else None

    async def stream_place_at(self, log: int, stream: UUID, known_at: datetime) -> Place | None:
        """The last entry of the stream recorded by `known_at`."""
        values = {"log": log, "stream": stream, "known_at": known_at}
        found = await self._read(Place, "stream_position", values)
        return found[0] if found else None

    async def place_of(self, log: int, n: int) -> Place | None:
        """The n-th entry of the log."""
        found = await self._read(Place, "at_position", {"log": log, "n": n})
        return found[0] if found else None

    async def stream(
        self, log: int, stream: UUID, *, after: int = 0, until: int = 2**62, limit: int = 1000
    ) -> list[Stored]:
        """Entries of the stream by version, from the one after `after`."""
        values = {"log": log, "stream": stream, "after": after, "until": until, "limit": limit}
        return await self._read(Stored, "stream", values)

    async def log(
        self, log: int, *, after: int = 0, until: int = 2**62, limit: int = 1000
    ) -> list[Stored]:
        """Entries of the log by n, from the one after `after`."""
        values = {"log": log, "after": after, "until": until, "limit": limit}
        return await self._read(Stored, "log", values)

    async def _append_until_known(self, log: int, requests: Sequence[Request]) -> list[Outcome]:
        """Sent again where nobody can say what became of it: the keys make that safe."""
        unknown = False
        for _ in range(APPEND_ATTEMPTS):
            try:
                return await self._append_once(log, requests)
            except Unavailable:
                break
            except OutcomeUnknown:
                unknown = True
            except psycopg.Error as error:
                left = left_by(error)
                if left is Left.REFUSED:
                    # Without the server's details, which would repeat the row.
                    raise _refusal(error) from None
                if left is Left.NOTHING:
                    break
                unknown = unknown or left is Left.UNKNOWN
            await self._pool.check()
        if unknown:
            raise OutcomeUnknown("the database did not say: retry with the same idempotency key")
        raise Unavailable("the database cannot record now, and has recorded nothing")

    async def _append_once(self, log: int, requests: Sequence[Request]) -> list[Outcome]:
        async with self._connection() as connection:
            values = _append_values(log, requests)
            with warnings_on(connection) as warned_by:
                async with connection.cursor(row_factory=class_row(_OutcomeRow)) as cursor:
                    await cursor.execute(statement("append"), values, prepare=True)
                    rows = await cursor.fetchall()
        if _SYNC_WAIT in warned_by:
            raise OutcomeUnknown("committed here, and not known to be so on the standby")
        return _outcomes(len(requests), rows)

    async def _read(self, kind: type[R], name: str, values: Mapping[str, object]) -> list[R]:
        """The rows; read again, once, where the connection turns out to be dead."""
        try:
            return await self._read_once(kind, name, values)
        except psycopg.OperationalError:
            await self._pool.check()
        try:
            return await self._read_once(kind, name, values)
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error

    async def _read_once(self, kind: type[R], name: str, values: Mapping[str, object]) -> list[R]:
        async with (
            self._connection() as connection,
            connection.cursor(row_factory=class_row(kind), binary=True) as cursor,
        ):
            await cursor.execute(statement(name), values, prepare=True)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise Unavailable("no connection to the database became free in time") from error


def _weight_of(request: Request) -> int:
    """How much the request delays others: by its entries, and by its bytes."""
    bytes_ = sum(len(one.container) for one in request.entries)
    bytes_ += sum(len(one.sealed) for one in request.moves)
    return max(1, len(request.entries)) + bytes_ // WEIGHT_BYTES


def _refusal(error: psycopg.Error) -> Fault:
    constraint = error.diag.constraint_name or "nothing that has a name"
    return Fault(f"the database refuses a request: SQLSTATE {error.sqlstate}, by {constraint}")


def _append_values(log: int, requests: Sequence[Request]) -> dict[str, object]:
    moves = [(i, move) for i, one in enumerate(requests, start=1) for move in one.moves]
    entries = [(i, entry) for i, one in enumerate(requests, start=1) for entry in one.entries]
    return {
        "log": log,
        "r_client": [one.client for one in requests],
        "r_key": [one.key for one in requests],
        "r_fingerprint": [one.fingerprint for one in requests],
        "d_request": [i for i, _ in moves],
        "d_subject": [move.subject for _, move in moves],
        "d_version": [move.version for _, move in moves],
        "d_sealed": [move.sealed for _, move in moves],
        "e_request": [i for i, _ in entries],
        "e_stream": [entry.stream for _, entry in entries],
        "e_version": [entry.version for _, entry in entries],
        "e_name": [entry.name for _, entry in entries],
        "e_event": [entry.event_id for _, entry in entries],
        "e_container": [entry.container for _, entry in entries],
        "e_digests": [entry.digests for _, entry in entries],
        "e_commitment": [entry.commitment for _, entry in entries],
    }


def _outcomes(many: int, rows: Sequence[_OutcomeRow]) -> list[Outcome]:
    found: dict[int, list[_OutcomeRow]] = {}
    for row in rows:
        found.setdefault(row.request, []).append(row)
    return [_outcome(found.get(i, [])) for i in range(1, many + 1)]


def _outcome(rows: Sequence[_OutcomeRow]) -> Outcome:
    if not rows:
        return Outcome(name="accepted")
    return Outcome(
        name=rows[0].outcome, entries=tuple(_recorded(row) for row in rows if row.n is not None)
    )


def _recorded(row: _OutcomeRow) -> Recorded:
    values = {name: getattr(row, name) for name in Recorded.__struct_fields__}
    return msgspec.convert(values, Recorded)
