"""A migrated key database for a test, and stores over it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from psycopg_pool import AsyncConnectionPool

from ledger.kek import FileKek
from ledger.keys import KeyStore
from migrations import migrate


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Keys:
    """A migrated key database, and stores over it that share a key file."""

    def __init__(self, database: str, path: Path) -> None:
        migrate(database, "keys")
        self.database = database
        self.kek = FileKek(path)
        self.clock = Clock()
        print("seed", seed := random.randrange(2**32))
        self.entropy = random.Random(seed).randbytes

    @asynccontextmanager
    async def store(self, **options) -> AsyncIterator[KeyStore]:
        async with AsyncConnectionPool(self.database, min_size=1, max_size=4, open=False) as pool:
            yield KeyStore(pool, kek=self.kek, entropy=self.entropy, clock=self.clock, **options)

    def sql(self, query: str, *values: object) -> list[tuple]:
        with psycopg.connect(self.database) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def run(self, story: Callable[[KeyStore], Coroutine[object, object, object]]):
        """What the story returns, told with a store of its own."""

        async def told():
            async with self.store() as store:
                return await story(store)

        return asyncio.run(told())
