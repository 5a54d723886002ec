"""The present basis of everyone, kept current after each commit: for lists, never for checks.

A tailer follows each log from its `follower` row, whose lock says which of several processes does
so; the others stand by. A step is one transaction: some people are computed anew from their
dossiers, their rows written with the positions they were computed at, and the follower moved on, so
that a step done twice changes nothing. People are computed anew when their stream moved, when the
ledger's own stream moved (everyone), and when a row's `next_change_at` has passed. What time alone
has changed since a person's rows were computed is written in the same transaction (`by_time`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.reader import Loaded, Reader, latest
from ledger.rules.rulebook import RuleBook
from projections.checks import purposes_of
from projections.everyone import FIRST, Pin, pin, rows, rows_on
from projections.sql import statement
from projections.standing import Standing, standings
from projections.time_changes import Found, keep_changes

PREFIX = "current_basis "
BATCH = 100
"""Entries followed, people whose time has come, and people swept, in one step."""
IDLE_S = 0.5
"""How long a tailer that found nothing to do waits before it looks again."""
FAILED_S = 5.0
"""How long it waits after an error."""


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
    """A pass over everyone: from which catalogue to which, how far, whether it found anybody."""

    old_n: int
    own_n: int
    after: UUID = FIRST
    found: bool = False


class _Swept(msgspec.Struct, frozen=True, kw_only=True):
    people: list[UUID]
    done: bool


class _Outdated(msgspec.Struct, frozen=True, kw_only=True):
    subject: UUID
    outdated: bool


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

    async def reached(self, one: Pin) -> bool:
        """Whether everything at the pin is taken into account."""
        values = {"log": one.log, "name": self._name}
        found = await rows(self._pool, _Followed, "followed_to", values)
        return any(at.n >= one.n and at.catalogue_n >= one.catalogue_n for at in found)

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
                held = await rows_on(connection, _Followed, "follower", follower)
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
        """Rows of another rule book count no more; this tailer never begins twice.

        Of two releases that run side by side, the one started last keeps the rows. It goes on where
        the other one stood.
        """
        if log in self._begun:
            return
        values = {"log": log, "name": self._name, "prefix": PREFIX}
        if await rows_on(connection, _Begun, "follow", values):
            others = await rows_on(connection, _Begun, "follow_alone", values)
            await connection.execute(statement("stale_bases"), values)
            n = max((one.n for one in others), default=0)
            await self._advance(connection, log, n=n, catalogue_n=0)
        self._begun.add(log)

    async def _step(self, connection: AsyncConnection, log: int, at: _Followed) -> Step:
        """Some of each kind of work, so that none waits for ever for another."""
        ahead = await pin(self._reader, log)
        if at.n == at.catalogue_n == 0 < ahead.n:
            # Nothing was followed yet: the sweep computes everybody once.
            await self._advance(connection, log, n=ahead.n, catalogue_n=0)
            return Step(people=0, idle=False)
        until = min(at.n + self._batch, ahead.n)
        moved = await self._moved(connection, log, after=at.n, until=until)
        due = await self._due(connection, log)
        swept = await self._sweep(connection, at, ahead)
        people = list(dict.fromkeys((*moved, *due, *swept.people)))
        await self._keep(connection, log, people, followed=at.n)
        catalogue_n = ahead.catalogue_n if swept.done else at.catalogue_n
        await self._advance(connection, log, n=until, catalogue_n=catalogue_n)
        idle = at == _Followed(n=ahead.n, catalogue_n=ahead.catalogue_n) and not people
        return Step(people=len(people), idle=idle)

    async def _moved(
        self, connection: AsyncConnection, log: int, *, after: int, until: int
    ) -> list[UUID]:
        """Whose streams have entries between the two places."""
        if after == until:
            return []
        values = {"log": log, "own": self._own, "after": after, "until": until}
        return await _subjects(connection, "moved", values)

    async def _due(self, connection: AsyncConnection, log: int) -> list[UUID]:
        """Whose rows the mere passing of time has made stale."""
        now = (await self._reader.store.head(log)).now
        values = {"log": log, "now": now, "limit": self._batch}
        return await _subjects(connection, "due", values)

    async def _sweep(self, connection: AsyncConnection, at: _Followed, ahead: Pin) -> _Swept:
        """The next of everyone, after a change of the ledger's own stream."""
        log, own_n = ahead.log, ahead.catalogue_n
        if at.catalogue_n == own_n:
            return _Swept(people=[], done=True)
        sweep = self._sweeps.get(log)
        if sweep is None or (sweep.old_n, sweep.own_n) != (at.catalogue_n, own_n):
            sweep = _Sweep(old_n=at.catalogue_n, own_n=own_n)
        values = {
            "log": log,
            "own": self._own,
            "own_n": own_n,
            "after": sweep.after,
            "limit": self._batch,
        }
        some = await rows_on(connection, _Outdated, "outdated", values)
        # Without a purpose nobody has a row, and everybody would look outdated for ever.
        purposes = purposes_of((await self._reader.own()).dossier, ahead.known_at)
        people = [one.subject for one in some if one.outdated and purposes]
        found = sweep.found or bool(people)
        if some:
            self._sweeps[log] = msgspec.structs.replace(sweep, after=some[-1].subject, found=found)
        else:
            self._sweeps.pop(log, None)
        # It is done after a pass from the first to the last that found nobody.
        return _Swept(people=people, done=not some and not found)

    async def _advance(
        self, connection: AsyncConnection, log: int, *, n: int, catalogue_n: int
    ) -> None:
        values = {"log": log, "name": self._name, "n": n, "catalogue_n": catalogue_n}
        await connection.execute(statement("followed"), values)

    async def _keep(
        self, connection: AsyncConnection, log: int, subjects: Sequence[UUID], *, followed: int
    ) -> None:
        """The rows of these people as they stand now, no others of theirs, and what time changed.

        Whoever has no row yet was not known when `followed` entries of the log were.
        """
        if not subjects:
            return
        loaded = await self._reader.subjects(log, subjects)
        some = next(iter(loaded.values()))
        known_at = latest(some.head, some.catalogue_place)
        purposes = purposes_of(some.catalogue, known_at)
        now = {
            subject: await present(each, self._rulebook, purposes)
            for subject, each in loaded.items()
        }
        found = Found(log=log, loaded=loaded, now=now, followed=followed)
        await keep_changes(connection, found, self._rulebook)
        bases = [_basis(subject, one) for subject, each in now.items() for one in each]
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
    return [one.subject for one in await rows_on(connection, _Subject, name, values)]
