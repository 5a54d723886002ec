"""Requests whose content does not matter, for tests of the append itself, and what it wrote."""

import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row

from ledger.disclosure import commitment
from ledger.sealing import new_event_id
from ledger.store import Identity, Move, NewEntry, Outcome, Request, Store, Stored
from ledger.tlog.leaf import Leaf, MalformedLeaf, format_leaf, leaf_hash
from tests.integration import templates
from tests.integration.wired import Founded, founded

Attempt = Callable[[int, Sequence[Request]], Awaitable[list[Outcome]]]

STORED = """
SELECT n, stream, version, name, event_id, container, digests, leaf, leaf_hash, recorded_at, client
FROM entry WHERE log = %s ORDER BY n
"""


class Requests:
    """Makes requests that differ from one another; the seed is printed where it was drawn."""

    def __init__(self, source: random.Random) -> None:
        self.random = source

    def stream(self) -> UUID:
        """A new one."""
        return UUID(bytes=self.random.randbytes(16), version=4)

    def entries(self, stream: UUID, *, after: int, many: int) -> tuple[NewEntry, ...]:
        """The next entries of the stream."""
        return tuple(self._entry(stream, after + i) for i in range(1, many + 1))

    def request(
        self, stream: UUID | None = None, *, after: int = 0, many: int = 1, key: str | None = None
    ) -> Request:
        """So many entries of one stream, new unless given, from after a version."""
        stream = stream or self.stream()
        return Request(
            client="tester",
            key=key or self.random.randbytes(8).hex(),
            fingerprint=self.random.randbytes(32),
            moves=(Move(subject=stream, version=after, sealed=self.random.randbytes(60)),),
            entries=self.entries(stream, after=after, many=many),
        )

    def _entry(self, stream: UUID, version: int) -> NewEntry:
        digests = b"".join(sorted(self.random.randbytes(32) for _ in range(3)))
        return NewEntry(
            stream=stream,
            version=version,
            name="ConsentGranted",
            event_id=new_event_id(1_700_000_000_000, self.random.randbytes),
            container=self.random.randbytes(80),
            digests=digests,
            commitment=commitment(digests),
        )


def stored(database: str, log: int = 0) -> list[Stored]:
    """Every entry of the log as it lies in the table, read past the store."""
    with (
        psycopg.connect(database) as connection,
        connection.cursor(row_factory=class_row(Stored)) as cursor,
    ):
        return cursor.execute(STORED, [log]).fetchall()


def altered(rows: Iterable[Stored], identity: Identity, log: int = 0) -> list[int]:
    """The n of entries whose row, leaf and chain do not agree, as far as the rows themselves say.

    The last entry of a stream, forged whole, agrees with its row: only the log tells that.
    """
    last: dict[UUID, bytes] = {}
    found = []
    for row in rows:
        leaf = _leaf(row, log=identity.log_origin(log), prev=last.get(row.stream, b""))
        if leaf != row.leaf or leaf_hash(row.leaf) != row.leaf_hash:
            found.append(row.n)
        last[row.stream] = row.leaf_hash
    return found


def _leaf(row: Stored, *, log: str, prev: bytes) -> bytes | None:
    leaf = Leaf(
        commitment=commitment(row.digests),
        event_id=row.event_id,
        log=log,
        prev=prev,
        recorded_at=row.recorded_at,
        seq=row.version,
        stream=row.stream,
        type=row.name,
    )
    try:
        return format_leaf(leaf)
    except MalformedLeaf:
        return None


def failing(store: Store, *errors: Exception | None, committed: bool) -> list[int]:
    """The first attempts at a flush end in these errors, after or before the server acts on them.

    None lets an attempt pass. The list that is returned gets the size of each flush.
    """
    attempt: Attempt = store._append_once
    left, sizes = list(errors), []

    async def instead(log: int, requests: Sequence[Request]) -> list[Outcome]:
        sizes.append(len(requests))
        error = left.pop(0) if left else None
        outcomes = [] if error and not committed else await attempt(log, requests)
        if error is not None:
            raise error
        return outcomes

    store._append_once = instead  # type: ignore[method-assign]
    return sizes


@contextmanager
def one_ledger(postgres: str, folder: Path, *, logs: int = 1) -> Iterator[Founded]:
    """A ledger for many tests: `emptied` between them costs less than another database."""
    name = f"ledger_test_{secrets.token_hex(8)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        templates.create(connection, name, "ledger")
        try:
            with founded(make_conninfo(postgres, dbname=name), folder, logs=logs) as made:
                yield made
        finally:
            templates.drop(connection, name)


def emptied(ledger: Founded) -> Founded:
    """The ledger as on its first day, and its clock right."""
    ledger.sql(
        "TRUNCATE entry, dossier, idempotency; "
        "UPDATE log_head SET size = 0, recorded_at = '0001-01-01+00', leaf_hash = NULL; "
    )
    if ledger.sql("SELECT to_regclass('test_clock')") != [(None,)]:
        ledger.sql("UPDATE test_clock SET now = NULL")
    return ledger
