"""Tables without their indexes while very many rows are copied in; afterwards all is as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from psycopg import sql

FILLING = {
    "autovacuum": "off",
    "checkpoint_timeout": "30min",
    "max_wal_size": "8GB",
    "wal_compression": "off",
}
"""Settings of the server meanwhile."""
AT_ONCE = 2
"""Indexes made at the same time."""
_PRIMARY = """
SELECT c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c WHERE c.contype = 'p' AND c.conrelid = ANY (%s::regclass[])
"""
_OTHERS = """
SELECT x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) FROM pg_index x
WHERE x.indrelid = ANY (%s::regclass[]) AND NOT x.indisprimary
"""


@contextmanager
def bare(conninfo: str, tables: Sequence[str]) -> Iterator[None]:
    """The tables have no index within; each has its own again afterwards."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        there = [one for one in tables if _there(connection, one)]
        primary = connection.execute(_PRIMARY, [there]).fetchall()
        others = connection.execute(_OTHERS, [there]).fetchall()
        for name, _ in others:
            connection.execute(f"DROP INDEX {name}".encode())
        for table, name, _ in primary:
            connection.execute(
                sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                    sql.Identifier(table), sql.Identifier(name)
                )
            )
    yield
    again = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {how}" for table, name, how in primary]
    # One after the other on one table: the first two are then the largest of different tables.
    every = [*[how for _, how in others], *again]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda one: _made(conninfo, one), every))


@contextmanager
def filling(conninfo: str) -> Iterator[None]:
    """The server is set to take in very much, and back afterwards."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        for name, value in FILLING.items():
            _set(connection, sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            for name in FILLING:
                connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            connection.execute("SELECT pg_reload_conf()")


def _set(connection: psycopg.Connection, what: sql.Composed) -> None:
    connection.execute(sql.SQL("ALTER SYSTEM SET ") + what)


def _there(connection: psycopg.Connection, table: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return found is not None and bool(found[0])


def _made(conninfo: str, how: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute(how.encode())
