"""Connections to a database of ours, and what an error on one leaves open.

Every connection of a pool acts as one role and plans the same way for ever. Not here: what is sent
over it (`store`, `keys`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection, sql
from psycopg_pool import AsyncConnectionPool

CHECKED_ROLE = "ledger_app"

# One plan for a statement, whatever was in the tables when it was made. A plan from before they
# grew would read all of a table: nothing that is looked up by a key may do so. And an append that
# is acknowledged before it is on disk would be no record: that setting of a server is not taken.
_SESSION: LiteralString = """
SET timezone = 'UTC'; SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off';
"""


class Left(Enum):
    """What a failed write left behind."""

    UNKNOWN = auto()
    """It may be committed: the connection ended before the server said."""
    NOTHING_YET = auto()
    """It was undone for reasons of the moment: the same again may well succeed."""
    NOTHING = auto()
    """It was undone because the server cannot write now."""
    REFUSED = auto()
    """It was undone because of what it holds: the same again will be refused again."""


_BY_CLASS = {
    "08": Left.UNKNOWN,
    "57": Left.UNKNOWN,
    "XX": Left.UNKNOWN,
    "40": Left.NOTHING_YET,
    "25": Left.NOTHING,
    "53": Left.NOTHING,
    "55": Left.NOTHING,
    "58": Left.NOTHING,
}


def left_by(error: psycopg.Error) -> Left:
    """What a single statement, outside of any transaction block, left behind when it failed."""
    if error.sqlstate is None:
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Left.UNKNOWN if lost else Left.REFUSED
    if error.sqlstate == psycopg.errors.QueryCanceled.sqlstate:
        return Left.NOTHING
    return _BY_CLASS.get(error.sqlstate[:2], Left.REFUSED)


@contextmanager
def warnings_on(connection: AsyncConnection) -> Iterator[list[str | None]]:
    """The functions of the server that sent notices meanwhile: the same in every language."""
    senders: list[str | None] = []

    def heard(notice: psycopg.errors.Diagnostic) -> None:
        # What it says is gone once this returns.
        senders.append(notice.source_function)

    connection.add_notice_handler(heard)
    try:
        yield senders
    finally:
        connection.remove_notice_handler(heard)


def open_pool(
    conninfo: str | Callable[[], str],
    *,
    size_max: int = 8,
    role: str | None = CHECKED_ROLE,
    session: LiteralString = "",
) -> AsyncConnectionPool:
    """A pool, not yet opened, whose connections act as the role and plan the same way for ever.

    `session` is what each connection is told besides.
    """

    async def configure(connection: AsyncConnection) -> None:
        connection.prepare_threshold = 1
        await connection.set_autocommit(True)
        await connection.execute(_SESSION + session)
        if role is not None:
            await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))

    return AsyncConnectionPool(
        conninfo, min_size=1, max_size=size_max, open=False, configure=configure, timeout=10.0
    )
