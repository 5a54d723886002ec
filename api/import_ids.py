"""Ids that a file gives its entries, and the ids under which the ledger recorded them.

Kept in a temporary database that spills to disk, so that a file of any size takes bounded memory.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

CACHE_KIB = 8192


class Ids:
    """What became of each id of the file; gone when it is closed."""

    def __init__(self) -> None:
        # An empty name is a private database in a temporary file, which the system removes.
        self._held = sqlite3.connect("", isolation_level=None)
        self._held.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._held.execute("PRAGMA synchronous = OFF")
        self._held.execute("PRAGMA journal_mode = OFF")
        self._held.execute("CREATE TABLE id (name TEXT PRIMARY KEY, entry TEXT) WITHOUT ROWID")

    def claim(self, name: str) -> bool:
        """Whether the file gives this id for the first time."""
        done = self._held.execute("INSERT OR IGNORE INTO id (name) VALUES (?)", [name])
        return done.rowcount == 1

    def recorded(self, name: str, entry: str) -> None:
        """The entry of this id is recorded."""
        self._held.execute("UPDATE id SET entry = ? WHERE name = ?", [entry, name])

    def known(self, name: str) -> bool:
        """Whether the file has given this id."""
        return self._row(name) is not None

    def entry(self, name: str) -> str | None:
        """The entry of this id as recorded, None where it is not (yet)."""
        row = self._row(name)
        return None if row is None else row[0]

    def _row(self, name: str) -> tuple[str | None] | None:
        found: tuple[str | None] | None = self._held.execute(
            "SELECT entry FROM id WHERE name = ?", [name]
        ).fetchone()
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()
