"""Creating a ledger in a migrated database: its origin, its logs, and its own stream, once.

A second call finds them and changes nothing; the first needs the owner's rights.
"""

from __future__ import annotations

from uuid import UUID

import psycopg
from psycopg.rows import class_row

from ledger.seal import Entropy
from ledger.sql import statement
from ledger.store import Identity


def found_ledger(conninfo: str, *, origin: str, logs: int, entropy: Entropy) -> Identity:
    """The identity of the ledger in this database, made now if it had none."""
    stream = UUID(bytes=entropy(16), version=4)
    with (
        psycopg.connect(conninfo) as connection,
        connection.cursor(row_factory=class_row(Identity)) as cursor,
    ):
        found = cursor.execute(statement("identity")).fetchone()
        if found is not None:
            return found
        values = {"origin": origin, "logs": logs, "stream": stream}
        cursor.execute(statement("create_identity"), values)
        cursor.execute(statement("create_heads"))
        found = cursor.execute(statement("identity")).fetchone()
        assert found is not None, "the identity was just written"
        return found
