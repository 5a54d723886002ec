"""What somebody with every right on the database can do to a ledger, and how it is put back.

    with attacker(ledger) as one:
        one.forge(17, name="ConsentGranted")     the row, its leaf and its hash agree again
        one.retile()                             and so do the tiles
    restore(ledger)

Whoever does this holds no key: of the log, of a witness, or of a person.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ledger.disclosure import commitment
from ledger.tlog.leaf import Leaf, format_leaf, leaf_hash
from ledger.tlog.tiles import LEVEL_MAX, WIDTH, folded
from tests.integration.wired import Founded

TABLES = (
    "entry",
    "log_head",
    "dossier",
    "idempotency",
    "current_basis",
    "tree",
    "tile",
    "checkpoint",
    "cosignature",
)


def kept(ledger: Founded) -> None:
    """The tables as they are now, to be put back."""
    with psycopg.connect(ledger.database) as connection:
        connection.execute("CREATE SCHEMA kept")
        for table in map(sql.Identifier, TABLES):
            connection.execute(
                sql.SQL("CREATE TABLE kept.{} AS TABLE public.{}").format(table, table)
            )


def restore(ledger: Founded) -> None:
    """What was kept, and nothing else."""
    with psycopg.connect(ledger.database) as connection:
        for table in map(sql.Identifier, TABLES):
            connection.execute(sql.SQL("DELETE FROM public.{}").format(table))
            connection.execute(sql.SQL("INSERT INTO public.{} TABLE kept.{}").format(table, table))


@contextmanager
def attacker(ledger: Founded) -> Iterator["Attacker"]:
    """A superuser, every other time with triggers and keys switched off."""
    with psycopg.connect(ledger.database, row_factory=dict_row) as connection:
        if ledger.random.random() < 0.5:
            connection.execute("SET session_replication_role = 'replica'")
        yield Attacker(connection, ledger)


class Attacker:
    """Changes the tables of log 0; committed when all is done."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]], ledger: Founded) -> None:
        self.connection = connection
        self.random: Random = ledger.random
        self.origin = ledger.identity.log_origin(0)

    def run(self, statement: str, *values: object) -> None:
        """The statement, on whatever it names."""
        self.connection.execute(statement.encode(), values)

    def entry(self, n: int) -> dict[str, Any]:
        """The row as it is now."""
        row = self.connection.execute(
            "SELECT * FROM entry WHERE log = 0 AND n = %s", [n]
        ).fetchone()
        assert row is not None, n
        return row

    def size(self) -> int:
        """How many entries there are."""
        row = self.connection.execute("SELECT count(*) AS many FROM entry WHERE log = 0").fetchone()
        assert row is not None
        many: int = row["many"]
        return many

    def change(self, n: int, **columns: object) -> None:
        """These columns of the row, and nothing else."""
        named = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in columns
        )
        query = sql.SQL("UPDATE entry SET {} WHERE log = 0 AND n = %(n)s").format(named)
        self.connection.execute(query, {**columns, "n": n})

    def flip(self, n: int, column: str) -> None:
        """One bit of one byte of the column."""
        data = bytearray(self.entry(n)[column])
        at = self.random.randrange(len(data))
        data[at] ^= 1 << self.random.randrange(8)
        self.change(n, **{column: bytes(data)})

    def forge(self, n: int, *, prev: bytes | None = None, **columns: object) -> bytes:
        """These columns, with a leaf and a hash that agree with them; the hash."""
        row = self.entry(n) | columns
        if prev is None:
            prev = self._before(row)
        leaf = format_leaf(
            Leaf(
                commitment=commitment(row["digests"]),
                event_id=row["event_id"],
                log=self.origin,
                prev=prev,
                recorded_at=row["recorded_at"],
                seq=row["version"],
                stream=row["stream"],
                type=row["name"],
            )
        )
        self.change(n, **columns, leaf=leaf, leaf_hash=leaf_hash(leaf))
        return leaf_hash(leaf)

    def rechain(self, n: int) -> None:
        """Every later entry of the stream follows what is there now."""
        row = self.entry(n)
        prev: bytes = row["leaf_hash"]
        for later in self.connection.execute(
            "SELECT n FROM entry WHERE log = 0 AND stream = %s AND version > %s ORDER BY version",
            [row["stream"], row["version"]],
        ).fetchall():
            prev = self.forge(later["n"], prev=prev)

    def retile(self) -> None:
        """Tiles that agree with the hashes there are now."""
        hashes = [
            row["leaf_hash"]
            for row in self.connection.execute(
                "SELECT leaf_hash FROM entry WHERE log = 0 ORDER BY n"
            ).fetchall()
        ]
        self.run("DELETE FROM tile WHERE log = 0")
        self.run("UPDATE tree SET size = %s WHERE log = 0", len(hashes))
        for level in range(1, LEVEL_MAX):
            full = len(hashes) // WIDTH
            hashes = [folded(hashes[at * WIDTH : (at + 1) * WIDTH]) for at in range(full)]
            for index, hash_ in enumerate(hashes):
                self.run("INSERT INTO tile VALUES (0, %s, %s, %s)", level, index, hash_)

    def rehead(self) -> None:
        """A head that names the last entry there is now."""
        self.run(
            "UPDATE log_head h SET size = e.n, recorded_at = e.recorded_at,"
            " leaf_hash = e.leaf_hash FROM entry e WHERE h.log = 0 AND e.log = 0"
            " AND e.n = (SELECT max(n) FROM entry WHERE log = 0)"
        )

    def move(self, moved: dict[int, int]) -> None:
        """Entries under other numbers, by way of numbers that nobody has."""
        for old, new in moved.items():
            self.run("UPDATE entry SET n = %s WHERE log = 0 AND n = %s", 1_000_000 + new, old)
        self.run("UPDATE entry SET n = n - 1000000 WHERE log = 0 AND n > 1000000")

    def earlier(self, n: int) -> object:
        """A moment before the entry was recorded, whether or not others were in between."""
        micros = self.random.choice((1, 1_000, 10**9, 10**12))
        stamp = self.entry(n)["recorded_at"]
        return stamp - timedelta(microseconds=self.random.randint(1, micros))

    def _before(self, row: dict[str, Any]) -> bytes:
        found = self.connection.execute(
            "SELECT leaf_hash FROM entry WHERE log = 0 AND stream = %s AND version = %s",
            [row["stream"], row["version"] - 1],
        ).fetchone()
        return b"" if found is None else found["leaf_hash"]
