"""A founded ledger for a test: both databases migrated, and everything wired over them.

    @pytest.fixture
    def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
        with founded(database, tmp_path) as made:
            yield made

    def test_something(ledger):
        async def story(wired: Wired): ...
        ledger.run(story)

What a story uses lives as long as the story; the databases live as long as the test.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

import migrations
from ledger.catalogue import CatalogueDocument, read_catalogue
from ledger.events import CatalogueAdopted, Fact
from ledger.founding import found_ledger
from ledger.keys import FileKek, KeyStore
from ledger.reader import Reader
from ledger.record import Command, Receipted, Recorder, Refused
from ledger.rules.rulebook import RuleBook, uk_gdpr
from ledger.store import Identity, Store, open_pool
from ledger.wire import read_fact
from tests.integration import templates

ORIGIN = "test.example/ledger"
SCENARIOS = Path(__file__).parents[1] / "scenarios"
BEGINNING = datetime(2018, 5, 25, tzinfo=UTC)
T = TypeVar("T")
Query = str | sql.Composed


class Wired(msgspec.Struct, frozen=True, kw_only=True):
    """Everything over one pool of connections whose role is the application's."""

    identity: Identity
    pool: AsyncConnectionPool
    store: Store
    keys: KeyStore
    reader: Reader
    recorder: Recorder
    rulebook: RuleBook
    milliseconds: Callable[[], int]

    async def adopt(self, document: CatalogueDocument | None = None) -> Receipted:
        """The catalogue (that of the scenarios, unless given) as recorded, in force since 2018."""
        adopted = CatalogueAdopted(effective_at=BEGINNING, catalogue=document or catalogue())
        return await self.record(None, adopted)

    async def record(self, subject: UUID | None, *facts: Fact | dict[str, Any]) -> Receipted:
        """The facts (or what a caller would send for them) as recorded, in one request."""
        outcome = await self.attempt(subject, *facts)
        assert isinstance(outcome, Receipted), outcome
        return outcome

    async def attempt(
        self, subject: UUID | None, *facts: Fact | dict[str, Any], key: str | None = None
    ) -> Receipted | Refused:
        """The facts as recorded, or the refusal."""
        read = tuple(one if isinstance(one, Fact) else read_fact(one) for one in facts)
        key = key or random.randbytes(8).hex()
        return await self.recorder.record(
            Command(subject=subject, facts=read, client="test", key=key)
        )


class Founded:
    """The two databases of one ledger; `sql` and `keys_sql` act as their owner."""

    def __init__(self, database: str, keys_database: str, folder: Path, *, logs: int) -> None:
        self.database = database
        self.keys_database = keys_database
        print("seed", seed := random.randrange(2**32))
        self.random = random.Random(seed)
        migrations.migrate(database, "ledger")
        migrations.migrate(keys_database, "keys")
        self.identity = found_ledger(
            database, origin=ORIGIN, logs=logs, entropy=self.random.randbytes
        )
        self.kek = FileKek(folder / "kek")

    def run(self, story: Callable[[Wired], Awaitable[T]]) -> T:
        """What the story returns, told in an event loop of its own."""

        async def told() -> T:
            async with self.wired() as wired:
                return await story(wired)

        return asyncio.run(told())

    @asynccontextmanager
    async def wired(self, *, role: str | None = "ledger_app") -> AsyncIterator[Wired]:
        """A process's worth of the ledger; several at once are several processes."""
        pool = open_pool(self.database, size_max=4, role=role)
        keys_pool = open_pool(self.keys_database, size_max=4, role=None)
        async with pool, keys_pool:
            yield self._over(pool, keys_pool)

    def _over(self, pool: AsyncConnectionPool, keys_pool: AsyncConnectionPool) -> Wired:
        entropy = self.random.randbytes
        keys = KeyStore(keys_pool, kek=self.kek, entropy=entropy, clock=time.monotonic)
        store = Store(pool)
        reader = Reader(store, keys, self.identity)
        rulebook = uk_gdpr()
        return Wired(
            identity=self.identity,
            pool=pool,
            store=store,
            keys=keys,
            reader=reader,
            recorder=Recorder(reader, rulebook, entropy=entropy, milliseconds=_milliseconds),
            rulebook=rulebook,
            milliseconds=_milliseconds,
        )

    def sql(self, query: Query, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the main database."""
        return _sql(self.database, query, values)

    def keys_sql(self, query: Query, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the key database."""
        return _sql(self.keys_database, query, values)

    def clock(self, moment: datetime) -> None:
        """The ledger's clock stands at this moment from now on."""
        self.sql(_OWN_CLOCK)
        self.sql("UPDATE test_clock SET now = %s", moment)

    def subject(self, log: int | None = None) -> UUID:
        """A new subject, of the log where one is named."""
        while True:
            made = UUID(bytes=self.random.randbytes(16), version=4)
            if log is None or self.identity.log_of(made) == log:
                return made


@contextmanager
def founded(database: str, folder: Path, *, logs: int = 1) -> Iterator[Founded]:
    """A ledger in the unused database and in a second one beside it, which is dropped again."""
    name = f"{conninfo_to_dict(database)['dbname']}_keys"
    with psycopg.connect(database, autocommit=True) as connection:
        templates.create(connection, name, "keys")
        try:
            yield Founded(database, make_conninfo(database, dbname=name), folder, logs=logs)
        finally:
            templates.drop(connection, name)


def catalogue() -> CatalogueDocument:
    """The catalogue of the scenarios."""
    return read_catalogue((SCENARIOS / "catalogue.json").read_bytes())


def entry(kind: str, effective_at: str, **fields: Any) -> dict[str, Any]:
    """An entry as a caller sends it."""
    return {"type": kind, "effective_at": effective_at, **fields}


def born(day: str = "1980-05-05") -> dict[str, Any]:
    """A date of birth."""
    return entry("DateOfBirthRecorded", "2018-05-25", date_of_birth=day)


def consent(subject: UUID, effective_at: str, purpose: str = "PHOTO", **more: Any) -> dict:
    """A consent that the subject gave and that can be proved."""
    usual = {"given_by": str(subject), "capacity": "SELF", "evidence": "form 1"}
    return entry("ConsentGranted", effective_at, purpose=purpose, **{**usual, **more})


def withdrawal(subject: UUID, effective_at: str, purpose: str = "PHOTO", **more: Any) -> dict:
    """A withdrawal by the subject."""
    usual = {"given_by": str(subject), "capacity": "SELF"}
    return entry("ConsentWithdrawn", effective_at, purpose=purpose, **{**usual, **more})


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


def _sql(conninfo: str, query: Query, values: Sequence[object]) -> list[tuple[Any, ...]]:
    with psycopg.connect(conninfo) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else []


_OWN_CLOCK = """
CREATE TABLE IF NOT EXISTS test_clock (now timestamptz);
INSERT INTO test_clock SELECT NULL WHERE NOT EXISTS (SELECT FROM test_clock);
GRANT SELECT ON test_clock TO PUBLIC;
CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT coalesce((SELECT now FROM public.test_clock), clock_timestamp())';
"""
