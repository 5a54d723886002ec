"""Dossiers read and the read audit written, in one statement for everything that waits.

A question is two turns: its dossier is read in one flush, and once it is answered its row is
written in the next, together with what others wait to read. Only after that is the answer sent.
Every process writes chains of its own, one a log. A commit is durable here before it is
acknowledged, and waits for no standby. Not here: what a row says (`read_audit`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from ledger.arrays import Array, bigints, byteas, texts, timestamps, uuids
from ledger.batch import Batcher, Watch, Watching, unwatched
from ledger.connections import Left, left_by
from ledger.errors import Fault, OutcomeUnknown, Unavailable
from ledger.seal import Entropy
from ledger.sql import statement as record_statement
from ledger.store import DossierRow
from projections.read_audit import Opening, Read, Row, linked, opening_hash
from projections.sql import statement

SESSION = "SET synchronous_commit = 'local'; SET statement_timeout = '15s'"
"""What each connection of the pool is told first."""
ATTEMPTS = 3
ROWS_MAX = 500
"""Rows of one submission: more would hold up others for too long."""
SECONDS_MAX = 60
"""A row is written within this time of the read that it tells of, or not at all."""
WAIT_SECONDS_MAX = 20.0
"""How long a row may wait to be sent, so that the bound above holds."""
_ARRAYS: Mapping[str, Callable[[Iterable[Any]], Array]] = {
    "n": bigints,
    **dict.fromkeys(("id", "request", "subject"), uuids),
    **dict.fromkeys(("answered_at", "effective_at", "known_at"), timestamps),
    **dict.fromkeys(("answer_digest", "stored", "prev", "hash"), byteas),
    **dict.fromkeys(
        (
            "client", "reason", "on_behalf_of", "trace", "kind", "purpose", "question", "position",
            "catalogue", "rulebook", "decision",
        ),
        texts,
    ),
}  # fmt: skip
"""How each column of a row is sent."""


class Wanted(NamedTuple):
    """Dossiers to read, each with the last entry of what is held of it, by leaf hash."""

    known: Mapping[UUID, bytes | None]


class Unwritten(NamedTuple):
    """Rows to write, and since when they wait."""

    reads: tuple[Read, ...]
    since: float


class Found(NamedTuple):
    """What a flush made of a submission: the dossiers read, or why its rows are not written."""

    rows: Mapping[UUID, DossierRow] = {}
    error: Unavailable | None = None


Waiting = Wanted | Unwritten


class _CannotWrite(Exception):
    """The server reads, and cannot write now."""


class ReadChains:
    """The coalesced reads of one process, and its chains. `clock` counts seconds."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        *,
        own: UUID,
        entropy: Entropy,
        clock: Callable[[], float],
        watching: Watching = unwatched,
    ) -> None:
        self._pool = pool
        self._own = own
        self._entropy = entropy
        self._clock = clock
        self._watching = watching
        self._process = _random_id(entropy)
        self._lanes: dict[int, _Lane] = {}

    async def dossiers(
        self, log: int, known: Mapping[UUID, bytes | None]
    ) -> dict[UUID, DossierRow]:
        """The dossiers of the subjects, all of one log, with both heads, in one snapshot.

        It is taken after the call: what was acknowledged before is seen. One that is known up to
        its last entry, by the leaf hash of that, is left out of its row.
        """
        try:
            found = await self._lane(log).batcher.submit(Wanted(known))
        except OutcomeUnknown as error:
            raise Unavailable("this process is ending: ask again") from error
        return {subject: found.rows[subject] for subject in known}

    async def write(self, reads: Sequence[Read]) -> None:
        """Returns once every row is committed; raises `Unavailable` where one is not known to be.

        A row may be there all the same, of an answer that then must not be given.
        """
        since = self._clock()
        parts = [
            self._written(log, Unwritten(tuple(some[start : start + ROWS_MAX]), since))
            for log, some in _by_log(reads).items()
            for start in range(0, len(some), ROWS_MAX)
        ]
        # Nearly always there is one: it needs no task of its own to leave at once.
        for error in [await parts[0]] if len(parts) == 1 else await asyncio.gather(*parts):
            if error is not None:
                raise error

    async def drain(self) -> None:
        """Returns when everything that was submitted has its outcome."""
        for lane in list(self._lanes.values()):
            await lane.batcher.drain()

    async def _written(self, log: int, rows: Unwritten) -> Unavailable | None:
        try:
            return (await self._lane(log).batcher.submit(rows)).error
        except (Fault, OutcomeUnknown, Unavailable):
            return _unwritten()

    def _lane(self, log: int) -> _Lane:
        lane = self._lanes.get(log)
        if lane is None:
            chain = _Chain(log, process=self._process, entropy=self._entropy)
            lane = self._lanes[log] = _Lane(
                self._pool, chain, own=self._own, clock=self._clock, watch=self._watching("read")
            )
        return lane


class _Chain:
    """The chain of one log that this process writes to; another one where its end is unknown."""

    def __init__(self, log: int, *, process: UUID, entropy: Entropy) -> None:
        self.log = log
        self._process = process
        self._entropy = entropy
        self._chain: UUID | None = None
        self._n = 0
        self._hash = b""

    def opening(self) -> dict[str, object] | None:
        """What begins a new chain, where there is none to go on with."""
        if self._chain is not None:
            return None
        return {"log": self.log, "chain": _random_id(self._entropy), "process": self._process}

    def begin(self, opening: Opening) -> None:
        """Go on after this."""
        self._chain, self._n, self._hash = opening.chain, 0, opening_hash(opening)

    def linked(self, reads: Sequence[Read]) -> list[Row]:
        """The reads as the next rows; the chain stays where it is."""
        assert self._chain is not None, "a chain is begun before it is written to"
        rows: list[Row] = []
        prev = self._hash
        for n, one in enumerate(reads, start=self._n + 1):
            rows.append(linked(one, chain=self._chain, n=n, prev=prev))
            prev = rows[-1].hash
        return rows

    def move(self, rows: Sequence[Row]) -> None:
        """Go on after the last of these, which are committed."""
        if rows:
            self._n, self._hash = rows[-1].n, rows[-1].hash

    def leave(self) -> None:
        """Never go on with this one: nobody knows which row is its last."""
        self._chain = None


class _Lane:
    """The flushes of one log: one at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        chain: _Chain,
        *,
        own: UUID,
        clock: Callable[[], float],
        watch: Watch,
    ) -> None:
        self._pool = pool
        self._chain = chain
        self._own = own
        self._clock = clock
        self.batcher: Batcher[Waiting, Found] = Batcher(self._flush, weight=_weight, watch=watch)

    async def _flush(self, waiting: Sequence[Waiting]) -> list[Found]:
        known = _together(one.known for one in waiting if isinstance(one, Wanted))
        oldest = self._clock() - WAIT_SECONDS_MAX
        rows = [one for one in waiting if isinstance(one, Unwritten) and one.since >= oldest]
        try:
            found = await self._until_known(known, rows)
        except _CannotWrite:
            found, rows = (await self._until_known(known, [])), []
        done = {id(one) for one in rows}
        return [
            Found(rows=found)
            if isinstance(one, Wanted) or id(one) in done
            else Found(error=_unwritten())
            for one in waiting
        ]

    async def _until_known(
        self, wanted: Mapping[UUID, bytes | None], waiting: Sequence[Unwritten]
    ) -> dict[UUID, DossierRow]:
        reads = [read for one in waiting for read in one.reads]
        if not wanted and not reads:
            return {}
        last = min((one.since for one in waiting), default=inf) + WAIT_SECONDS_MAX
        known = False
        try:
            found = await self._attempts(wanted, reads, last=last)
            known = True
            return found
        finally:
            if reads and not known:
                self._chain.leave()

    async def _attempts(
        self, wanted: Mapping[UUID, bytes | None], reads: Sequence[Read], *, last: float
    ) -> dict[UUID, DossierRow]:
        """Sent again where a connection was lost: rows that are there already stay as they are."""
        for _ in range(ATTEMPTS):
            try:
                return await self._once(wanted, reads)
            except (PoolTimeout, PoolClosed, TooManyRequests):
                break
            except psycopg.Error as error:
                left = left_by(error)
                if left is Left.REFUSED:
                    # Without the server's details, which would repeat the row.
                    message = f"the database refuses a read: SQLSTATE {error.sqlstate}"
                    raise Fault(message) from None
                if left is Left.NOTHING and reads:
                    raise _CannotWrite from None
            await self._pool.check()
            if self._clock() > last:
                break
        raise Unavailable("the database cannot be reached")

    async def _once(
        self, wanted: Mapping[UUID, bytes | None], reads: Sequence[Read]
    ) -> dict[UUID, DossierRow]:
        async with self._pool.connection() as connection:
            rows = await self._linked(connection, reads) if reads else []
            text, values = _statement(self._chain.log, wanted, rows, own=self._own)
            async with connection.cursor(row_factory=class_row(DossierRow), binary=True) as cursor:
                await cursor.execute(text, values, prepare=True)
                found = await cursor.fetchall() if wanted else []
        self._chain.move(rows)
        return {row.subject: row for row in found}

    async def _linked(
        self, connection: psycopg.AsyncConnection, reads: Sequence[Read]
    ) -> list[Row]:
        opening = self._chain.opening()
        if opening is not None:
            async with connection.cursor(row_factory=class_row(Opening), binary=True) as cursor:
                await cursor.execute(statement("begin_read_chain"), opening)
                self._chain.begin(await anext(cursor))
        return self._chain.linked(reads)


def _statement(
    log: int, wanted: Mapping[UUID, bytes | None], rows: Sequence[Row], *, own: UUID
) -> tuple[bytes, dict[str, object]]:
    """One statement that writes the rows and reads the dossiers, and its values."""
    written = statement("write_reads") if rows else b""
    if not wanted:
        return written, _columns(rows)
    values: dict[str, object] = {"log": log, "own": own}
    if len(wanted) == 1:
        # One that waits alone is read as one: that is less work.
        read = record_statement("dossier")
        ((values["wanted"], values["known"]),) = wanted.items()
    else:
        read = record_statement("dossiers")
        values |= {"subjects": uuids(wanted), "known": byteas(wanted.values())}
    if not rows:
        return read, values
    return b"WITH written AS (\n" + written + b")\n" + read, values | _columns(rows)


def _columns(rows: Sequence[Row]) -> dict[str, object]:
    """The rows as the statement takes them: one array a column, but for what all have in common."""
    arrays: dict[str, object] = {
        name: array(map(attrgetter(name), rows)) for name, array in _ARRAYS.items()
    }
    return arrays | {"log": rows[0].log, "chain": rows[0].chain}


def _weight(one: Waiting) -> int:
    return len(one.known) if isinstance(one, Wanted) else len(one.reads)


def _by_log(reads: Iterable[Read]) -> dict[int, list[Read]]:
    found: dict[int, list[Read]] = {}
    for one in reads:
        found.setdefault(one.log, []).append(one)
    return found


def _together(some: Iterable[Mapping[UUID, bytes | None]]) -> dict[UUID, bytes | None]:
    """All that is wanted; what is not held by everybody, or not alike, is read whole."""
    found: dict[UUID, bytes | None] = {}
    for known in some:
        for subject, last in known.items():
            found[subject] = last if found.get(subject, last) == last else None
    return found


def _unwritten() -> Unavailable:
    return Unavailable("that this was asked cannot be recorded, and so it is not answered")


def _random_id(entropy: Entropy) -> UUID:
    return UUID(bytes=entropy(16), version=4)
