"""Epochs of the key-encrypting key: since when nothing needs an old one, and when it may go.

A backup of the key database opens with the epoch under which its keys were wrapped. Once nothing is
wrapped under an old epoch, and every backup from before is beyond its horizon, destroying the epoch
makes those backups, wherever copies of them lie, say nothing. Not here: wrapping anew (`keys`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger import key_statements as statements
from ledger.civil import london_date
from ledger.errors import Fault, Unavailable
from ledger.kek import FileKek

R = TypeVar("R")


class TooEarly(Fault):
    """Something may still need the epoch: names the date, or what to do before."""


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch, how many keys are wrapped under it, and since when none is.

    After `backups_until` no backup needs it; both are None while something may.
    """

    kek_id: str
    state: str
    keys: int
    retired_at: datetime | None = None
    backups_until: date | None = None


class _Count(msgspec.Struct, frozen=True, kw_only=True):
    kek_id: str
    keys: int


class _Retired(msgspec.Struct, frozen=True, kw_only=True):
    kek_id: str
    retired_at: datetime


class Epochs:
    """The epochs of one key file, over the key database that they wrap.

    `elsewhere` has what else is wrapped under each; `backup_days` is how long a backup is kept.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool,
        kek: FileKek,
        *,
        backup_days: int,
        elsewhere: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._pool = pool
        self._kek = kek
        self._backup_days = backup_days
        self._elsewhere = Counter(elsewhere)

    async def all(self) -> list[Epoch]:
        """Every epoch of the file, and any under which a key is wrapped and that is not in it."""
        counts, retired = await self._counts(), await self._retired()
        states = dict.fromkeys(self._kek.destroyed, "destroyed")
        states |= dict.fromkeys(self._kek.past, "past") | {self._kek.kek_id: "current"}
        states |= {kek_id: "missing" for kek_id in counts if kek_id not in states}
        return [
            self._epoch(kek_id, state, counts.get(kek_id, 0), retired.get(kek_id))
            for kek_id, state in states.items()
        ]

    async def retire(self) -> list[str]:
        """The past epochs under which nothing is wrapped, each known to be so from now on."""
        counts = await self._counts()
        done = [kek_id for kek_id in self._kek.past if not counts.get(kek_id)]
        async with self._connection() as connection:
            await connection.execute(statements.RETIRE, {"kek_ids": done})
        return done

    async def destroy(self, kek_id: str, *, today: date, force: bool = False) -> str:
        """The fingerprint of the epoch, which is gone; raises `TooEarly`.

        `force` gives up backups that are within their horizon, never a key that is in use.
        """
        found = [one for one in await self.all() if one.kek_id == kek_id]
        if not found or found[0].state != "past":
            raise Fault(f"{kek_id} is no past epoch of the key file: see `ledger keys status`")
        one = found[0]
        if one.keys:
            message = f"{one.keys} keys are wrapped under {kek_id}: run `ledger keys rewrap` first"
            raise TooEarly(message)
        if one.backups_until is None:
            raise TooEarly(f"nothing says since when {kek_id} is unused: run `ledger keys rewrap`")
        if today <= one.backups_until and not force:
            raise TooEarly(
                f"backups of the key database may need {kek_id} until {one.backups_until}: wait, or"
                " give them up with --force"
            )
        return self._kek.destroy_epoch(kek_id)[kek_id]

    def _epoch(self, kek_id: str, state: str, keys: int, retired_at: datetime | None) -> Epoch:
        until = None
        if retired_at is not None and not keys:
            until = london_date(retired_at.astimezone(UTC) + timedelta(days=self._backup_days))
        return Epoch(
            kek_id=kek_id, state=state, keys=keys, retired_at=retired_at, backups_until=until
        )

    async def _counts(self) -> dict[str, int]:
        found = await self._read(_Count, statements.UNDER_KEK)
        return Counter({one.kek_id: one.keys for one in found}) + self._elsewhere

    async def _retired(self) -> dict[str, datetime]:
        found = await self._read(_Retired, statements.RETIRED)
        return {one.kek_id: one.retired_at for one in found}

    async def _read(self, kind: type[R], statement: LiteralString) -> list[R]:
        async with (
            self._connection() as connection,
            connection.cursor(row_factory=class_row(kind)) as cursor,
        ):
            await cursor.execute(statement)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except psycopg.OperationalError as error:
            raise Unavailable("the key database cannot be reached") from error
