"""How far what follows a log is behind it, as anybody who may read can tell.

Not here: following (`current`), or what is done about it.
"""

from __future__ import annotations

import msgspec
from psycopg_pool import AsyncConnectionPool

from projections.everyone import rows


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of a log not taken in, and the age in seconds of the first of them."""

    entries: int
    seconds: float


async def lag(pool: AsyncConnectionPool, log: int, *, follower: str) -> Lag:
    """The follower's lag; all of the log where nobody ever followed under this name."""
    return (await rows(pool, Lag, "lag", {"log": log, "name": follower}))[0]
