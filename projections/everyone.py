"""Everyone a ledger knows, in order and in batches, as they stood at one pinned position.

Whoever lists or counts people states the position to which the list is complete: the pin. A subject
is known from their first entry on; one whose entries are all later than the pin is not there yet.
Not here: what is asked about them (`population`, `exposure`, `rebuild`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.errors import LogForked, Unavailable
from ledger.history import Dossier
from ledger.reader import Loaded, Reader, position
from ledger.store import Place
from projections.sql import statement

BATCH = 200
"""People read at once: few enough to keep, many enough to be worth a round trip."""
FIRST = UUID(int=0)
Progress = Callable[[int, int], None]
"""Told how many of how many are done."""
R = TypeVar("R")


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry of a log, and of the ledger's own stream, that a list takes into account."""

    log: int
    known_at: datetime
    place: Place | None
    catalogue: Place | None

    @property
    def n(self) -> int:
        """How many entries of the log count."""
        return self.place.n if self.place else 0

    @property
    def catalogue_n(self) -> int:
        """The last entry of the ledger's own stream that counts."""
        return self.catalogue.n if self.catalogue else 0

    @property
    def position(self) -> str:
        """As answers name it."""
        return _spelt(self.log, self.place)

    @property
    def catalogue_position(self) -> str:
        """As answers name it."""
        return _spelt(0, self.catalogue)


class Cut:
    """Dossiers as far as the pin goes; the catalogue is cut once for everybody."""

    def __init__(self, at: Pin) -> None:
        self.pin = at
        self._whole: Dossier | None = None
        self._catalogue = Dossier(None)

    def dossier(self, loaded: Loaded) -> Dossier:
        """The person's, with nothing recorded later."""
        return until(loaded.dossier, self.pin.n)

    def catalogue(self, loaded: Loaded) -> Dossier:
        """The ledger's own stream, with nothing recorded later."""
        if loaded.catalogue is not self._whole:
            self._whole = loaded.catalogue
            self._catalogue = until(loaded.catalogue, self.pin.catalogue_n)
        return self._catalogue


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with entries at these places of the log, None where only a tombstone is left."""

    subject: UUID
    first_n: int | None
    last_n: int | None


async def pin(reader: Reader, log: int, known_at: datetime | None = None) -> Pin:
    """The pin at what was recorded by `known_at`; without one, at everything recorded."""
    store, own = reader.store, reader.identity.stream
    if known_at is None:
        row = (await store.dossiers(log, [own], own=own))[own]
        place = await store.place_of(log, row.size)
        catalogue = await store.place_of(0, row.own_n) if row.own_n else None
        stamps = [one.recorded_at for one in (place, catalogue) if one is not None]
        return Pin(log=log, known_at=max(stamps, default=row.now), place=place, catalogue=catalogue)
    return Pin(
        log=log,
        known_at=known_at,
        place=await store.place_at(log, known_at),
        catalogue=await store.stream_place_at(0, own, known_at),
    )


async def still_there(reader: Reader, one: Pin) -> None:
    """Raise `LogForked` where the log no longer holds the entries that the pin names."""
    for log, place in ((one.log, one.place), (0, one.catalogue)):
        if place is not None and await reader.store.place_of(log, place.n) != place:
            raise LogForked("the list was begun on a log that this is not: begin again")


async def people(
    reader: Reader, pool: AsyncConnectionPool, one: Pin, *, after: UUID = FIRST
) -> AsyncIterator[list[Person]]:
    """Everyone the log knows at the pin, in order, from the subject after `after`."""
    while True:
        values = {"log": one.log, "own": reader.identity.stream, "after": after, "limit": BATCH}
        found = await rows(pool, Person, "people", values)
        if not found:
            return
        yield [each for each in found if each.first_n is None or each.first_n <= one.n]
        after = found[-1].subject


async def loaded_people(
    reader: Reader, pool: AsyncConnectionPool, one: Pin
) -> AsyncIterator[tuple[UUID, Loaded]]:
    """Everyone the log knows at the pin with their dossiers, which may go beyond it."""
    async for some in people(reader, pool, one):
        found = await reader.subjects(one.log, [each.subject for each in some]) if some else {}
        for subject, loaded in found.items():
            yield subject, loaded


async def count(reader: Reader, pool: AsyncConnectionPool, logs: Sequence[int]) -> int:
    """How many people these logs know."""
    total = 0
    for log in logs:
        values = {"log": log, "own": reader.identity.stream}
        total += (await rows(pool, _Count, "people_count", values))[0].people
    return total


class _Count(msgspec.Struct):
    people: int


async def rows(
    pool: AsyncConnectionPool, kind: type[R], name: str, values: Mapping[str, object]
) -> list[R]:
    """The rows of the statement; raises `Unavailable` where the database cannot be reached."""
    try:
        async with pool.connection() as connection:
            return await rows_on(connection, kind, name, values)
    except psycopg.OperationalError as error:
        raise Unavailable("the database cannot be reached") from error


async def write(pool: AsyncConnectionPool, name: str, values: Mapping[str, object]) -> None:
    """The statement has run, committed; raises `Unavailable` where the database did not answer."""
    try:
        async with pool.connection() as connection:
            await connection.execute(statement(name), values)
    except psycopg.OperationalError as error:
        raise Unavailable("the database cannot be reached") from error


async def rows_on(
    connection: AsyncConnection, kind: type[R], name: str, values: Mapping[str, object]
) -> list[R]:
    """The rows of the statement, in the transaction of this connection."""
    async with connection.cursor(row_factory=class_row(kind), binary=True) as cursor:
        await cursor.execute(statement(name), values, prepare=True)
        return await cursor.fetchall()


def until(dossier: Dossier, n: int) -> Dossier:
    """The dossier without what was recorded after the n-th entry of its log."""
    if not dossier.items or dossier.items[-1].n <= n:
        return dossier
    kept = [one for one in dossier.items if one.n <= n]
    return Dossier(dossier.subject, kept, destroyed=dossier.destroyed)


def _spelt(log: int, place: Place | None) -> str:
    return position(log, 0, None) if place is None else position(log, place.n, place.leaf_hash)
