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
from typing import NamedTuple, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import args_row, class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from ledger.appends import Move as Move
from ledger.appends import NewEntry as NewEntry
from ledger.appends import Outcome as Outcome
from ledger.appends import Recorded as Recorded
from ledger.appends import Request as Request
from ledger.appends import outcomes_of, told, values_of
from ledger.arrays import texts, uuids
from ledger.batch import Batcher, Watching, unwatched
from ledger.connections import Left, left_by, warnings_on
from ledger.connections import open_pool as open_pool
from ledger.errors import Fault, OutcomeUnknown, Unavailable
from ledger.sql import statement

APPEND_ATTEMPTS = 5
APPENDS_MAX = 64
"""Entries of one flush: what comes next waits for it, and other processes for its lock."""
GROUNDS_MAX = 32
"""Requests whose ground is read at once: what comes next waits until they are admitted, too."""
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
        if self.logs == 1 or stream == self.stream:
            return 0
        return int.from_bytes(hashlib.sha256(stream.bytes).digest()[:8], "big") % self.logs


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
    """One subject's dossier as stored, with the heads of its log and of the ledger's own stream.

    `last` is the leaf hash of the stream's last entry. Where the reader said that it holds the
    dossier up to that one, `n`, `recorded_at` and `sealed` are None.
    """

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
    last: bytes | None = None


class Ground(DossierRow, frozen=True, kw_only=True):
    """What a request starts from: its stream's dossier, and what its key already stands for.

    `fingerprint` is that of the request accepted under the key, None where none was.
    """

    fingerprint: bytes | None


class Asked(NamedTuple):
    """Whose ground is wanted: the stream that a request adds to, its client and its key."""

    stream: UUID
    client: str
    key: str
    urgent: bool = False


class OwnRow(msgspec.Struct, frozen=True, kw_only=True):
    """The dossier of the ledger's own stream as stored."""

    version: int
    n: list[int]
    recorded_at: list[datetime]
    sealed: bytes


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: bytes


class Store:
    """The record's tables, by way of a pool of connections whose role may not change entries."""

    def __init__(self, pool: AsyncConnectionPool, *, watching: Watching = unwatched) -> None:
        self._pool = pool
        self._watching = watching
        self._appends: dict[int, Batcher[Request, Outcome]] = {}
        self._grounds: dict[int, Batcher[Asked, Ground]] = {}
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
        batcher = self._appends.get(log)
        if batcher is None:

            async def flush(requests: Sequence[Request]) -> list[Outcome]:
                async with self._writing:
                    return await self._append_until_known(log, requests)

            batcher = self._appends[log] = Batcher(
                flush,
                weight=lambda one: one.weight,
                weight_max=APPENDS_MAX,
                urgent=lambda one: one.urgent,
                watch=self._watching("append"),
            )
        return await batcher.submit(request)

    async def ground(self, log: int, asked: Asked, *, own: UUID) -> Ground:
        """What the request starts from, read with whatever else waits, in one snapshot.

        It is taken after the call: what was acknowledged before is seen.
        """
        batcher = self._grounds.get(log)
        if batcher is None:

            async def flush(many: Sequence[Asked]) -> list[Ground]:
                values = {
                    "log": log,
                    "own": own,
                    "subjects": uuids(one.stream for one in many),
                    "clients": texts(one.client for one in many),
                    "keys": texts(one.key for one in many),
                }
                return await self._read(Ground, "grounds", values)

            batcher = self._grounds[log] = Batcher(
                flush, weight_max=GROUNDS_MAX, urgent=lambda one: one.urgent
            )
        try:
            return await batcher.submit(asked)
        except OutcomeUnknown as error:
            raise Unavailable("this process is ending: retry with the same key") from error

    async def drain(self) -> None:
        """Returns when every append has its outcome: what to wait for before closing the pool."""
        for batcher in list(self._appends.values()):
            await batcher.drain()

    async def dossiers(
        self, log: int, subjects: Iterable[UUID], *, own: UUID
    ) -> dict[UUID, DossierRow]:
        """The dossiers of the subjects, all of one log, with both heads, in one snapshot."""
        values = {"log": log, "subjects": uuids(subjects), "known": None, "own": own}
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
            values = values_of(log, requests)
            with warnings_on(connection) as warned_by:
                async with connection.cursor(row_factory=args_row(told), binary=True) as cursor:
                    await cursor.execute(statement("append"), values, prepare=True)
                    rows = await cursor.fetchall()
        if _SYNC_WAIT in warned_by:
            raise OutcomeUnknown("committed here, and not known to be so on the standby")
        return outcomes_of(len(requests), rows)

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


def _refusal(error: psycopg.Error) -> Fault:
    constraint = error.diag.constraint_name or "nothing that has a name"
    return Fault(f"the database refuses a request: SQLSTATE {error.sqlstate}, by {constraint}")
