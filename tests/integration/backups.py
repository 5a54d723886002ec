"""A backup of a ledger's two databases, and its restore: every table, as COPY writes it."""

import psycopg
from psycopg import sql

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


class Backup:
    """What both databases held."""

    def __init__(self, database: str, keys_database: str) -> None:
        self._conninfos = (database, keys_database)
        self.held = [_read(conninfo) for conninfo in self._conninfos]

    def restore(self, *, ledger: bool = True, keys: bool = True) -> None:
        """The databases hold again what they held."""
        wanted = (ledger, keys)
        for conninfo, tables, again in zip(self._conninfos, self.held, wanted, strict=True):
            if again:
                _write(conninfo, tables)


def _read(conninfo: str) -> dict[str, bytes]:
    found = {}
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        for (table,) in connection.execute(_TABLES).fetchall():
            query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with cursor.copy(query) as copy:
                found[table] = b"".join(bytes(part) for part in copy)
    return found


def _write(conninfo: str, tables: dict[str, bytes]) -> None:
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        names = [sql.Identifier(table) for table in tables]
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(names)))
        # What others refer to comes first.
        for table in sorted(tables, key=lambda name: name == "subject_index"):
            query = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
            with cursor.copy(query) as copy:
                copy.write(tables[table])
