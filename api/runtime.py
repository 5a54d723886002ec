"""One running ledger: the database it uses, its keys, and everything wired over them, once.

Starts PostgreSQL of the wheel only where no `database_url` is set. Not here: HTTP or commands.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

import migrations
from api.authzen_words import Words, read_words
from api.embedded import Embedded, default_root
from api.log_watch import LogWatch
from api.receipts import KEY_FILE, Receipts
from api.settings import Settings
from api.telemetry import Telemetry
from api.witness_policy import read_policy
from ledger.deadlines import bank_holidays
from ledger.founding import found_ledger
from ledger.held import holding
from ledger.keys import FileKek, KeyStore
from ledger.reader import Reader
from ledger.record import Recorder
from ledger.rules.rulebook import RuleBook, uk_gdpr
from ledger.store import Identity, Store, open_pool
from projections.checks import Checks
from projections.published import Published
from projections.read_chains import SESSION, ReadChains

DATABASE, KEYS = "ledger", "ledger_keys"


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where this ledger keeps things: its two databases and the folder of its key files."""

    database: str
    keys: str
    folder: Path
    embedded: bool
    warning: str | None = None


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that ways in need, over open connections."""

    settings: Settings
    places: Places
    identity: Identity
    rulebook: RuleBook
    pool: AsyncConnectionPool
    keys_pool: AsyncConnectionPool
    store: Store
    keys: KeyStore
    kek: FileKek
    reader: Reader
    reads: ReadChains
    recorder: Recorder
    checks: Checks
    telemetry: Telemetry
    receipts: Receipts
    published: Published
    watch: LogWatch
    authzen_words: Words = Words()


def folder_of(settings: Settings) -> Path:
    """Where the embedded server and the key files live."""
    return Path(settings.data_dir) if settings.data_dir else default_root()


@contextmanager
def places(settings: Settings) -> Iterator[Places]:
    """The databases, with the embedded server running for as long as they are used."""
    folder = folder_of(settings)
    if settings.database_url is not None:
        keys = settings.keys_url or _beside(settings.database_url)
        yield Places(database=settings.database_url, keys=keys, folder=folder, embedded=False)
        return
    with Embedded(folder / "postgres") as server:
        for name in (DATABASE, KEYS):
            _create(server.conninfo(), name)
        yield Places(
            database=server.conninfo(DATABASE),
            keys=server.conninfo(KEYS),
            folder=folder,
            embedded=True,
            warning=server.warning,
        )


def prepare(where: Places, settings: Settings) -> tuple[Identity, list[str]]:
    """The ledger migrated and founded; the files that ran, none where all had."""
    where.folder.mkdir(parents=True, exist_ok=True)
    done = _migrated(where.database, "ledger") + _migrated(where.keys, "keys")
    identity = found_ledger(where.database, origin=settings.origin, logs=1, entropy=os.urandom)
    return identity, done


def _migrated(conninfo: str, folder: migrations.Folder) -> list[str]:
    """The files that ran; where there are none to run, no owner's rights are needed."""
    if not migrations.pending(conninfo, folder):
        return []
    try:
        return [f"{folder}/{name}" for name in migrations.migrate(conninfo, folder)]
    except psycopg.errors.InsufficientPrivilege as error:
        message = f"{folder}: this login may not migrate: run `ledger migrate` with the owner's"
        raise migrations.MigrationError(message) from error


@asynccontextmanager
async def running(
    where: Places, settings: Settings, telemetry: Telemetry | None = None
) -> AsyncIterator[Runtime]:
    """The wired ledger; its pools are closed at the end."""
    telemetry = telemetry or Telemetry()
    pool = open_pool(where.database, size_max=settings.pool_size)
    keys_pool = open_pool(where.keys, size_max=settings.pool_size, role=None)
    reads_pool = open_pool(where.database, size_max=2, session=SESSION)
    pools = {"ledger": pool, "keys": keys_pool, "reads": reads_pool}
    for each in pools.values():
        await each.open()
    telemetry.metrics.watch_pools(pools)
    try:
        ledger = await _wired(where, settings, telemetry, pools)
        try:
            yield ledger
        finally:
            # An append in flight is never broken off: its outcome could not be told.
            await ledger.store.drain()
            await ledger.reads.drain()
    finally:
        for each in pools.values():
            await each.close()


async def _wired(
    where: Places,
    settings: Settings,
    telemetry: Telemetry,
    pools: Mapping[str, AsyncConnectionPool],
) -> Runtime:
    rulebook = uk_gdpr()
    kek = _kek(where, settings)
    keys = KeyStore(pools["keys"], kek=kek, entropy=os.urandom, clock=time.monotonic)
    store = Store(pools["ledger"], watching=telemetry.watching)
    identity = await store.identity()
    reader = Reader(store, keys, identity, held=holding(time.monotonic))
    reads = ReadChains(
        pools["reads"],
        own=identity.stream,
        entropy=os.urandom,
        clock=time.monotonic,
        watching=telemetry.watching,
    )
    policy = read_policy(settings.witness_policy_file)
    published = Published(pools["ledger"], identity, policy)
    # The first look at a calendar loads it: not while somebody waits for an answer.
    await asyncio.to_thread(bank_holidays, time.gmtime().tm_year)
    return Runtime(
        settings=settings,
        places=where,
        identity=identity,
        rulebook=rulebook,
        pool=pools["ledger"],
        keys_pool=pools["keys"],
        store=store,
        keys=keys,
        kek=kek,
        reader=reader,
        reads=reads,
        recorder=Recorder(
            reader, rulebook, entropy=os.urandom, milliseconds=lambda: time.time_ns() // 1_000_000
        ),
        checks=Checks(reader, rulebook, rows=reads.dossiers),
        telemetry=telemetry,
        receipts=_receipts(where, settings, identity),
        published=published,
        watch=LogWatch(identity, published, telemetry.metrics),
        authzen_words=read_words(settings.authzen_words_file),
    )


def _kek(where: Places, settings: Settings) -> FileKek:
    return FileKek(Path(settings.kek_file) if settings.kek_file else where.folder / "kek")


def _receipts(where: Places, settings: Settings, identity: Identity) -> Receipts:
    named = settings.receipt_key_file
    return Receipts.at(Path(named) if named else where.folder / KEY_FILE, identity)


def _create(conninfo: str, name: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone() is None:
            try:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except psycopg.errors.DuplicateDatabase:
                return


def _beside(database_url: str) -> str:
    """A second database of the same server, named after the first."""
    if "://" in database_url:
        parts = urlsplit(database_url)
        return urlunsplit(parts._replace(path=f"{parts.path or '/ledger'}_keys"))
    name = conninfo_to_dict(database_url).get("dbname") or DATABASE
    return make_conninfo(database_url, dbname=f"{name}_keys")
