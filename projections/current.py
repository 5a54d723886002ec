"""The present basis of everyone, kept current after each commit: for lists, never for checks.

A tailer follows each log from its `follower` row, whose lock says which of several processes does
so; the others stand by. A step is one transaction: some people are computed anew from their
dossiers, their rows written with the positions they were computed at, and the follower moved on, so
that a step done twice changes nothing. People are computed anew when their stream moved, when the
ledger's own stream moved (everyone), and when a row's `next_change_at` has passed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.reader import Loaded, Reader, latest
from ledger.rules.rulebook import RuleBook
from projections.checks import purposes_of
from projections.everyone import BATCH, FIRST, Pin, law_known_at, pin
from projections.sql import statement
from projections.standing import Standing, standings

PREFIX = "current_basis "
IDLE_S = 0.5
"""How long a tailer that found nothing to do waits before it looks again."""
FAILED_S = 5.0
"""How long it waits after an error."""
R = TypeVar("R")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a step did: how many people it computed, and whether nothing was left to do."""

    people: int
    idle: bool


class _Followed(msgspec.Struct, frozen=True, kw_only=True):
    n: int
    catalogue_n: int


class _Begun(msgspec.Struct, frozen=True, kw_only=True):
    n: int


class _Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What everyone is computed on, and how far that has come; `after` None where it is done."""

    own_n: int
    law_n: int
    after: UUID | None = FIRST


class _Subject(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID


class _Basis(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID
    purpose: str
    decision: str
    live: tuple[str, ...]
    flags: tuple[str, ...]
    since: datetime
    next_change_at: datetime | None


class Tailer:
    """Keeps the rows of one ledger current; several may run, in one process or many."""

    def __init__(
        self, reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool, *, batch: int = BATCH
    ) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._pool = pool
        self._batch = batch
        self._own = reader.identity.stream
        self._name = follower_name(rulebook)
        self._begun: set[int] = set()
        # Begun again after a restart, a sweep passes over whoever has been computed already.
        self._sweeps: dict[int, _Sweep] = {}

    async def follow(
        self, stop: asyncio.Event, *, failed: Callable[[Exception], None], idle_s: float = IDLE_S
    ) -> None:
        """Steps until told to stop; an error is reported, and the step tried again later."""
        while not stop.is_set():
            wait_s = idle_s
            try:
                if not await self._round():
                    wait_s = 0.0
            except Exception as error:
                failed(error)
                wait_s = FAILED_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)

    async def catch_up(self) -> bool:
        """Nothing is left to do; False where another tailer follows some log, and does it."""
        done = True
        for log in range(self._reader.identity.logs):
            while step := await self.step(log):
                if step.idle:
                    break
            done = done and step is not None
        return done

    async def step(self, log: int) -> Step | None:
        """One batch of the log's work; None where another tailer follows this log.

        Raises `Unavailable`, and `Fault` for a dossier that cannot be read: the follower then stays
        where it is, and lists compute what it did not.
        """
        try:
            async with self._pool.connection() as connection, connection.transaction():
                await self._begin(connection, log)
                follower = {"log": log, "name": self._name}
                held = await _rows(connection, _Followed, "follower", follower)
                step = await self._step(connection, log, held[0]) if held else None
        except BaseException as error:
            # What was not committed is to be begun, or swept, again.
            self._begun.discard(log)
            self._sweeps.pop(log, None)
            if isinstance(error, psycopg.OperationalError):
                raise Unavailable("the database cannot be reached") from error
            raise
        return step

    async def _round(self) -> bool:
        """A step of each log; whether all are idle or followed elsewhere."""
        steps = [await self.step(log) for log in range(self._reader.identity.logs)]
        return all(step is None or step.idle for step in steps)

    async def _begin(self, connection: AsyncConnection, log: int) -> None:
        """Rows of another rule book are gone; this tailer never begins twice.

        Of two releases that run side by side, the one started last keeps the rows.
        """
        if log in self._begun:
            return
        values = {"log": log, "name": self._name, "prefix": PREFIX}
        if await _rows(connection, _Begun, "follow", values):
            await connection.execute(statement("follow_alone"), values)
            await connection.execute(statement("drop_bases"), values)
        self._begun.add(log)

    async def _step(self, connection: AsyncConnection, log: int, at: _Followed) -> Step:
        ahead = await pin(self._reader, log)
        if at.n == at.catalogue_n == 0 < ahead.n:
            # Nothing was followed yet: the sweep computes everybody once.
            await self._advance(connection, log, n=ahead.n, catalogue_n=0)
            return Step(people=0, idle=False)
        if at.n < ahead.n:
            until = min(at.n + self._batch, ahead.n)
            values = {"log": log, "own": self._own, "after": at.n, "until": until}
            moved = await _subjects(connection, "moved", values)
            await self._keep(connection, log, moved)
            await self._advance(connection, log, n=until, catalogue_n=at.catalogue_n)
            return Step(people=len(moved), idle=False)
        now = (await self._reader.store.head(log)).now
        values = {"log": log, "now": now, "limit": self._batch}
        due = await _subjects(connection, "due", values)
        if due:
            await self._keep(connection, log, due)
            return Step(people=len(due), idle=False)
        law_n = await law_known_at(self._reader, self._rulebook, ahead)
        return await self._sweep(connection, at, ahead, law_n)

    async def _sweep(
        self, connection: AsyncConnection, at: _Followed, ahead: Pin, law_n: int
    ) -> Step:
        """Everyone, a batch at a time, on the catalogue and the law as they are known now."""
        log, own_n = ahead.log, ahead.catalogue_n
        sweep = self._sweeps.get(log)
        if sweep is None or (sweep.own_n, sweep.law_n) != (own_n, law_n):
            sweep = _Sweep(own_n=own_n, law_n=law_n)
        if at.catalogue_n == own_n and (law_n == 0 or sweep.after is None):
            return Step(people=0, idle=True)
        values = {
            "log": log,
            "own": self._own,
            "own_n": own_n,
            "law_n": law_n,
            "after": sweep.after or FIRST,
            "limit": self._batch,
        }
        # Without a purpose nobody has a row, and everybody would look outdated for ever.
        purposes = purposes_of((await self._reader.own()).dossier, ahead.known_at)
        some = await _subjects(connection, "outdated", values) if purposes else []
        await self._keep(connection, log, some)
        after: UUID | None = some[-1] if some else FIRST
        if not some and sweep.after in (None, FIRST):
            # From the first to the last, nobody is left: only then is it done.
            await self._advance(connection, log, n=at.n, catalogue_n=own_n)
            after = None
        self._sweeps[log] = msgspec.structs.replace(sweep, after=after)
        return Step(people=len(some), idle=False)

    async def _advance(
        self, connection: AsyncConnection, log: int, *, n: int, catalogue_n: int
    ) -> None:
        values = {"log": log, "name": self._name, "n": n, "catalogue_n": catalogue_n}
        await connection.execute(statement("followed"), values)

    async def _keep(self, connection: AsyncConnection, log: int, subjects: Sequence[UUID]) -> None:
        """The rows of these people as they stand now, and no others of theirs."""
        if not subjects:
            return
        loaded = await self._reader.subjects(log, subjects)
        some = next(iter(loaded.values()))
        known_at = latest(some.head, some.catalogue_place)
        purposes = purposes_of(some.catalogue, known_at)
        bases = [
            _basis(subject, one)
            for subject, each in loaded.items()
            for one in await present(each, self._rulebook, purposes)
        ]
        place = some.catalogue_place
        values = {
            "log": log,
            "rows": msgspec.json.encode(bases).decode(),
            "n": some.head.size,
            "catalogue_n": place.n if place else 0,
        }
        await connection.execute(statement("keep_basis"), values)
        values = {"log": log, "subjects": list(subjects), "purposes": purposes}
        await connection.execute(statement("drop_basis"), values)


def follower_name(rulebook: RuleBook) -> str:
    """Under what name the rows of this rule book are kept current; there are no others."""
    return PREFIX + rulebook.id


async def present(loaded: Loaded, rulebook: RuleBook, purposes: Sequence[str]) -> list[Standing]:
    """How a person stands now; others get their turn between two purposes."""
    known_at = latest(loaded.head, loaded.catalogue_place)
    found = []
    for one in standings(
        loaded.dossier,
        loaded.catalogue,
        rulebook,
        purposes=purposes,
        effective_at=max(loaded.head.now, known_at),
        known_at=known_at,
    ):
        found.append(one)
        await asyncio.sleep(0)
    return found


def _basis(subject: UUID, one: Standing) -> _Basis:
    return _Basis(
        subject=subject,
        purpose=one.purpose,
        decision=one.decision,
        live=one.live,
        flags=one.flags,
        since=one.since,
        next_change_at=one.next_change_at,
    )


async def _subjects(
    connection: AsyncConnection, name: str, values: Mapping[str, object]
) -> list[UUID]:
    return [one.subject for one in await _rows(connection, _Subject, name, values)]


async def _rows(
    connection: AsyncConnection, kind: type[R], name: str, values: Mapping[str, object]
) -> list[R]:
    async with connection.cursor(row_factory=class_row(kind), binary=True) as cursor:
        await cursor.execute(statement(name), values, prepare=True)
        return await cursor.fetchall()
