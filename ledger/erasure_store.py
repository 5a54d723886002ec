"""What the eraser does in the main database, as the one role that may empty what is sealed.

Every step may be done again: done twice, it is as if done once. Not here: which steps, and in what
order (`erasing`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Fault, Unavailable
from ledger.sql import statement
from ledger.store import Stored

ERASER_ROLE = "ledger_eraser"
ROWS = 200
"""Containers changed in one transaction."""
R = TypeVar("R")


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A container as stored, and the entry that it is of."""

    n: int
    version: int
    name: str
    event_id: UUID
    container: bytes


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as stored, and since how many seconds."""

    plan: str
    age_s: float


class _Stream(msgspec.Struct, frozen=True, kw_only=True):
    stream: UUID


Change = Callable[[Sealed], bytes]
"""The container as it is to be, the same where nothing is to change."""


class ErasureStore:
    """The eraser's tables, by way of a pool whose role is `ledger_eraser`."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def pending(self, log: int, *, client: str) -> list[Stored]:
        """The erasures of the log that are not completed, in order."""
        return await self._read(Stored, "erasures_pending", {"log": log, "client": client})

    async def identities(self, log: int, recorded_at: datetime) -> list[UUID]:
        """Whose erasure the request with this stamp recorded."""
        values = {"log": log, "recorded_at": recorded_at}
        return [one.stream for one in await self._read(_Stream, "erasures_of_request", values)]

    async def plan(self, log: int, n: int) -> KeptPlan | None:
        """What is planned for the erasure that stands there."""
        found = await self._read(KeptPlan, "erasure_plan", {"log": log, "n": n})
        return found[0] if found else None

    async def keep_plan(self, log: int, n: int, plan: str) -> None:
        """The plan is kept, unless one is already."""
        await self._run("keep_erasure_plan", {"log": log, "n": n, "plan": plan})

    async def forget_plans(self, log: int, *, client: str) -> None:
        """No plan is kept of an erasure that is completed."""
        await self._run("forget_erasure_plans", {"log": log, "client": client})

    async def bury(self, log: int, stream: UUID, n: int) -> None:
        """The person whose erasure stands there has a tombstone, and nothing else derived."""
        await self._run("bury", {"log": log, "stream": stream, "n": n})

    async def forget_requests(self, log: int, numbers: Sequence[int]) -> None:
        """Nothing is kept of what the requests were that recorded these entries."""
        await self._run("forget_requests", {"log": log, "numbers": list(numbers)})

    async def drop_leaves(self, log: int, stream: UUID, n: int) -> None:
        """The entries of the stream before this place have neither leaf nor container."""
        await self._run("drop_leaves", {"log": log, "stream": stream, "n": n})

    async def rewrite(self, log: int, stream: UUID, change: Change) -> list[Sealed]:
        """The containers of the stream, each as the change leaves it."""
        done: list[Sealed] = []
        while page := await self._rewrite_some(
            log, stream, change, after=done[-1].version if done else 0
        ):
            done += page
        return done

    async def _rewrite_some(
        self, log: int, stream: UUID, change: Change, *, after: int
    ) -> list[Sealed]:
        values: dict[str, object] = {"log": log, "stream": stream, "after": after, "limit": ROWS}
        async with self._transaction() as connection:
            held = await _rows(connection, Sealed, "hold_containers", values)
            made = [
                msgspec.structs.replace(one, container=change(one)) if one.container else one
                for one in held
            ]
            changed = [new for old, new in zip(held, made, strict=True) if new != old]
            if changed:
                new = {
                    "log": log,
                    "numbers": [one.n for one in changed],
                    "containers": [one.container for one in changed],
                }
                await connection.execute(statement("keep_containers"), new)
        return made

    async def _read(self, kind: type[R], name: str, values: Mapping[str, object]) -> list[R]:
        async with self._transaction() as connection:
            return await _rows(connection, kind, name, values)

    async def _run(self, name: str, values: Mapping[str, object]) -> None:
        async with self._transaction() as connection:
            await connection.execute(statement(name), values)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error
        except psycopg.errors.InsufficientPrivilege as error:
            message = f"this database role may not erase: run it as a member of {ERASER_ROLE}"
            raise Fault(message) from error


async def _rows(
    connection: AsyncConnection, kind: type[R], name: str, values: Mapping[str, object]
) -> list[R]:
    async with connection.cursor(row_factory=class_row(kind), binary=True) as cursor:
        await cursor.execute(statement(name), values)
        return await cursor.fetchall()
