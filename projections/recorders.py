"""Who recorded entries, and their leaf hashes: columns of the log, no entry being opened."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from psycopg_pool import AsyncConnectionPool

from projections.everyone import rows


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """The client that recorded the n-th entry of a log, and the entry's leaf hash."""

    n: int
    client: str
    leaf_hash: bytes


async def recorders(
    pool: AsyncConnectionPool, log: int, ns: Collection[int]
) -> dict[int, Recorder]:
    """Who recorded each of these entries of the log, by n; one that is not there is left out."""
    if not ns:
        return {}
    found = await rows(pool, Recorder, "recorders", {"log": log, "ns": sorted(set(ns))})
    return {one.n: one for one in found}
