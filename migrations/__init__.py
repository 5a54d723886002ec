"""Migrations: numbered SQL files, run forward, once, in order, each in one transaction.

`ledger/` holds those of the main database, `keys/` those of the key database. A file that has been
run is never edited: its SHA-256 is recorded, and a database and a release that disagree about the
past are not touched. Runners that start together take turns; the later ones find nothing to do.

Needs a connection of its own to PostgreSQL 15 or later, as the owner of the tables, and not by way
of a pooler that shares sessions: the lock is the session's.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

Folder: TypeAlias = Literal["ledger", "keys"]

ROOT = Path(__file__).parent
SERVER_VERSION_MIN = 150_000
LOCK_KEY = int.from_bytes(hashlib.sha256(b"consent-ledger/migrate/v1").digest()[:8], signed=True)

_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")

_CREATE_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migration (
    folder text NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (folder, name)
)
"""
_RECORDED = "SELECT name, sha256 FROM schema_migration WHERE folder = %(folder)s ORDER BY name"
_RECORD = """
INSERT INTO schema_migration (folder, name, sha256) VALUES (%(folder)s, %(name)s, %(sha256)s)
"""


class MigrationError(Exception):
    """The database was left as it was before the file named; says what to do."""


def migrate(conninfo: str, folder: Folder) -> list[str]:
    """The names of the files that this call has run, in order; empty where all had been."""
    with _session(conninfo) as connection:
        connection.execute("SELECT pg_advisory_lock(%(key)s)", {"key": LOCK_KEY})
        # Waiting in front of a busy table would make every reader behind us wait as well.
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(_CREATE_RECORD)
        names = _unapplied(connection, folder)
        for name in names:
            _run(connection, folder, name)
        return names


def pending(conninfo: str, folder: Folder) -> list[str]:
    """The names of the files that `migrate` would run; changes nothing."""
    with _session(conninfo) as connection:
        found = connection.execute("SELECT to_regclass('schema_migration')").fetchone()
        if found is None or found[0] is None:
            return expected(folder)
        return _unapplied(connection, folder)


def expected(folder: Folder) -> list[str]:
    """The names of this release's files, numbered from 0001 without a gap."""
    names = sorted(path.name for path in (ROOT / folder).glob("*.sql"))
    for number, name in enumerate(names, start=1):
        found = _NAME.fullmatch(name)
        if found is None or int(found[1]) != number:
            raise MigrationError(f"{folder}/{name} is not numbered {number:04}_what.sql")
    return names


@contextmanager
def _session(conninfo: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            if connection.info.server_version < SERVER_VERSION_MIN:
                raise MigrationError(
                    f"PostgreSQL 15 or later is needed, not {connection.info.server_version}"
                )
            yield connection
    except psycopg.OperationalError as error:
        raise MigrationError(f"the database cannot be used: {error}") from error


def _unapplied(connection: psycopg.Connection, folder: Folder) -> list[str]:
    """The files still to be run, once the recorded ones are found to be this release's first."""
    names = expected(folder)
    recorded = connection.execute(_RECORDED, {"folder": folder}).fetchall()
    for position, (name, sha256) in enumerate(recorded):
        if names[position : position + 1] != [name]:
            raise MigrationError(
                f"{folder}/{name} was run on this database and this release lacks it: "
                "use the release that has it, or a later one"
            )
        if _sha256(folder, name) != sha256:
            raise MigrationError(
                f"{folder}/{name} has changed since it was run: restore it, and put the change "
                "into a new file"
            )
    return names[len(recorded) :]


def _run(connection: psycopg.Connection, folder: Folder, name: str) -> None:
    sql = (ROOT / folder / name).read_bytes()
    record = {"folder": folder, "name": name, "sha256": hashlib.sha256(sql).hexdigest()}
    try:
        with connection.transaction():
            connection.execute(sql)
            if connection.info.transaction_status != TransactionStatus.INTRANS:
                raise MigrationError(
                    f"{folder}/{name} ends the transaction it runs in: it must not"
                )
            connection.execute(_RECORD, record)
    except psycopg.Error as error:
        raise MigrationError(f"{folder}/{name} failed and was undone: {error}") from error


def _sha256(folder: Folder, name: str) -> str:
    return hashlib.sha256((ROOT / folder / name).read_bytes()).hexdigest()
