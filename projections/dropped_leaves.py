"""Which leaves an erasure allows to be empty, for an audit: what is said of it is in clear.

Each `KeyDestroyed` entry is held against its own leaf, which the audit holds against the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import class_row

from ledger.erasure_notices import leaves_until, notice_of
from ledger.errors import Fault
from ledger.sql import statement as record_statement
from ledger.store import Identity, Stored
from projections.audit_ranges import connected, rows

PAGE = 500


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    n: int


def dropped(conninfo: str) -> Callable[[int, int], bool]:
    """Whether an erasure dropped the leaf of the entry with this log and n, as recorded by now."""
    with connected(conninfo) as connection:
        try:
            found = frozenset(_dropped(connection))
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
            message = "this database holds no ledger, or an older one: run `ledger migrate`"
            raise Fault(message) from error
    return lambda log, n: (log, n) in found


def _dropped(connection: psycopg.Connection) -> Iterator[tuple[int, int]]:
    (identity,) = connection.cursor(row_factory=class_row(Identity)).execute(
        record_statement("identity")
    )
    for log in range(identity.logs):
        for stream, until in _streams(connection, identity, log).items():
            values = {"log": log, "stream": stream, "until": until}
            yield from ((log, one.n) for one in rows(connection, _Number, "leafless", values))


def _streams(connection: psycopg.Connection, identity: Identity, log: int) -> dict[UUID, int]:
    """The streams whose leaves were dropped, each with the place of the entry that says so."""
    found: dict[UUID, int] = {}
    after = 0
    while page := _page(connection, log, after):
        after = page[-1].n
        for row in page:
            notice = notice_of(log, row, origin=identity.log_origin(log))
            if until := leaves_until([notice]):
                found[row.stream] = max(until, found.get(row.stream, 0))
    return found


def _page(connection: psycopg.Connection, log: int, after: int) -> list[Stored]:
    values = {"log": log, "after": after, "limit": PAGE}
    with connection.cursor(row_factory=class_row(Stored), binary=True) as cursor:
        return cursor.execute(record_statement("erasure_notices"), values).fetchall()
