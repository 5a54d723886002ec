"""After a restore: keys that were destroyed and are there again, found and destroyed once more.

A backup of the key database brings keys back. What says that they are gone is the ledger itself,
and the file of tombstones, which also knows what a ledger that was restored as well has forgotten.
Until they are destroyed again nothing may be answered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.erasing import named
from ledger.erasure_notices import Notice, notice_of
from ledger.erasure_record import ErasureRecord, moment
from ledger.erasure_store import ErasureStore
from ledger.errors import Fault, Unavailable
from ledger.events import KeyDestroyed
from ledger.keys import HeldKey, KeyStore
from ledger.reader import Reader
from ledger.resealing import emptied
from ledger.seal import Destroyed
from ledger.sql import statement
from ledger.store import Identity, Stored
from ledger.tombstones import Tombstones

PAGE = 500


class Locked(Fault):
    """A restored backup holds keys that were destroyed: nothing is answered until they are gone."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """How many keys were destroyed again, and for how many streams the ledger had forgotten it."""

    keys: int
    forgotten: int


class Restored:
    """What came back with a restore of the key database, read as any role of the ledger may."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        identity: Identity,
        keys: KeyStore,
        tombstones: Tombstones,
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._keys = keys
        self._tombstones = tombstones

    async def check(self) -> str:
        """That no destroyed key is there; raises `Locked` where one is."""
        back = await self.back()
        if back:
            raise Locked(
                f"{len(back)} keys that were destroyed are in the key database again, as a restored"
                " backup brings them: run `ledger erase replay-tombstones` before anything is"
                " answered"
            )
        return "no destroyed key is in the key database"

    async def back(self) -> list[HeldKey]:
        """The keys that were destroyed and are there again."""
        found = {one.key_id: one for one in await self._by_tombstones()}
        async for page in self._notices():
            key_ids = {key_id for one in page for key_id in one.key_ids}
            people = {one.row.stream for one in page if one.fact.reach != "CONTENT"}
            found |= {one.key_id: one for one in await self._keys.held(key_ids, people)}
        return list(found.values())

    async def _by_tombstones(self) -> list[HeldKey]:
        key_ids = [one.key_id for one in self._tombstones.read()]
        pages = (key_ids[at : at + PAGE] for at in range(0, len(key_ids), PAGE))
        return [one for page in pages for one in await self._keys.held(page, [])]

    async def _notices(self) -> AsyncIterator[list[Notice]]:
        for log in range(self._identity.logs):
            after = 0
            while rows := await self._page(log, after):
                after = rows[-1].n
                yield [notice_of(log, r, origin=self._identity.log_origin(log)) for r in rows]

    async def _page(self, log: int, after: int) -> list[Stored]:
        values = {"log": log, "after": after, "limit": PAGE}
        try:
            async with (
                self._pool.connection() as connection,
                connection.cursor(row_factory=class_row(Stored), binary=True) as cursor,
            ):
                await cursor.execute(statement("erasure_notices"), values)
                return await cursor.fetchall()
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error


class Replaying:
    """Destroys again what came back, as the eraser."""

    def __init__(
        self, restored: Restored, reader: Reader, erasures: ErasureStore, record: ErasureRecord
    ) -> None:
        self._restored = restored
        self._reader = reader
        self._erasures = erasures
        self._record = record

    async def replay(self) -> Replayed:
        """Nothing that was destroyed is there any more, and the ledger says so of each."""
        back = await self._restored.back()
        by_stream: dict[UUID, list[HeldKey]] = {}
        for one in back:
            by_stream.setdefault(one.subject, []).append(one)
        forgotten = 0
        for stream, some in by_stream.items():
            forgotten += await self._destroy(stream, some)
        return Replayed(keys=len(back), forgotten=forgotten)

    async def _destroy(self, stream: UUID, some: Sequence[HeldKey]) -> bool:
        """Whether the ledger had to be told: it was restored from before the erasure."""
        log = self._reader.identity.log_of(stream)
        person = any(one.person for one in some)
        if person:
            gone = await self._reader.keys.destroy_person(stream)
        else:
            gone = await self._reader.keys.destroy_keys([one.key_id for one in some])
        key_ids = {one.key_id for one in gone}
        if person:
            await self._erasures.bury(log, stream, 0)
        done = await self._erasures.rewrite(
            log, stream, lambda one: emptied(one.container, key_ids=key_ids)
        )
        loaded = await self._record.loaded(stream)
        known = await self._known(log, stream)
        if not done or key_ids <= known:
            return False
        await self._erasures.forget_requests(log, [one.n for one in done])
        fact = KeyDestroyed(
            effective_at=moment(loaded),
            reach="PERSON" if person else "CONTENT",
            key_ids=tuple(dict.fromkeys(str(one.key_id) for one in gone)),
            keys=tuple(named(one) for one in gone),
        )
        await self._record.record(log, stream, f"tombstone {_first(gone)}", fact)
        return True

    async def _known(self, log: int, stream: UUID) -> set[UUID]:
        """The keys of the stream of which the ledger says that they are gone."""
        rows = [
            row
            for row in await self._reader.store.stream(log, stream, limit=2**31 - 1)
            if row.name == KeyDestroyed.__name__
        ]
        origin = self._reader.identity.log_origin(log)
        notices = [notice_of(log, row, origin=origin) for row in rows]
        return {key_id for one in notices for key_id in one.key_ids}


def _first(gone: Sequence[Destroyed]) -> UUID:
    return min(one.key_id for one in gone)
