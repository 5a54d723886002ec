"""Leaves become a tree, and the tree is signed: the follower of each log that publishes it.

A round takes the entries committed since the last one into the stored tiles, in one transaction of
whoever holds the log's lock, and then asks the signer for a checkpoint of that size. An entry never
waits for this: it has its leaf and its place when it is acknowledged. Not here: who signs (`api`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.store import Identity
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import Forked, Growth, Refused, RolledBack
from ledger.tlog.note import Note, format_note, parse_note
from ledger.tlog.tiles import LEVEL_MAX, WIDTH, completed, folded
from projections.everyone import rows
from projections.sql import statement
from projections.tree import Tree

ROUND_MAX = 65_536
"""Leaves taken in at once."""
IDLE_S = 0.25
FAILED_S = 2.0


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries a log has, and how many of them its tiles take into account."""

    head: int
    size: int


class Signs(Protocol):
    """Whoever signs for the logs, and remembers what it signed."""

    async def seen(self, log: int) -> Checkpoint:
        """The largest tree that it has signed."""

    async def sign(self, log: int, growth: Growth) -> Note:
        """The new checkpoint, signed; raises `Refused` where it does not go on from the last."""


class Integrator:
    """Keeps the tree and the checkpoints of one ledger's logs; several may run, one does."""

    def __init__(self, pool: AsyncConnectionPool, identity: Identity, signer: Signs) -> None:
        self._pool = pool
        self._identity = identity
        self._signer = signer

    async def follow(
        self,
        stop: asyncio.Event,
        *,
        failed: Callable[[Exception], None],
        lost: Callable[[int, Refused], None],
    ) -> None:
        """Rounds until told to stop; an error is reported, and the round tried again later.

        `lost` is told of a log for certain: its entries are not those that were signed.
        """
        while not stop.is_set():
            wait_s = IDLE_S
            try:
                for log in range(self._identity.logs):
                    await self._round(log, lost)
            except Exception as error:
                failed(error)
                wait_s = FAILED_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)

    async def catch_up(self, log: int) -> Note | None:
        """The checkpoint of everything committed; None where another process sees to it."""
        while True:
            if not await self._take_in(log):
                return None
            # Committed first: a checkpoint is of what everybody can read.
            async with self._held(log) as held:
                if held is None:
                    return None
                connection, sizes = held
                note = await self._published(connection, log, sizes)
            if sizes.size >= sizes.head:
                return note

    async def _round(self, log: int, lost: Callable[[int, Refused], None]) -> None:
        try:
            await self.catch_up(log)
        except (RolledBack, Forked):
            # Another process may have had more signed meanwhile: that is no loss.
            try:
                await self.check(log)
            except (RolledBack, Forked) as error:
                lost(log, error)
            raise

    async def check(self, log: int) -> Checkpoint:
        """The tree signed last, where the log still begins with it.

        Raises `RolledBack` where the log is shorter than that, and `Forked` where it begins with
        other leaves.
        """
        seen = await self._signer.seen(log)
        (sizes,) = await rows(self._pool, Sizes, "tree_sizes", {"log": log})
        if sizes.head < seen.size:
            message = f"log {log} has {sizes.head} entries, and {seen.size} of them were signed"
            raise RolledBack(message)
        while sizes.size < seen.size and await self._take_in(log):
            (sizes,) = await rows(self._pool, Sizes, "tree_sizes", {"log": log})
        if await Tree(self._pool, log).root(seen.size) != seen.root:
            message = f"log {log} does not begin with the {seen.size} entries that were signed"
            raise Forked(message)
        return seen

    async def _take_in(self, log: int) -> bool:
        """Whether the next entries are taken into the tiles; not where another process does so."""
        async with self._held(log) as held:
            if held is None:
                return False
            connection, sizes = held
            if sizes.head < sizes.size:
                message = f"log {log} has {sizes.head} entries, and its tree {sizes.size}"
                raise RolledBack(message)
            size = min(sizes.head, sizes.size + ROUND_MAX)
            if size > sizes.size:
                await _keep_tiles(connection, log, sizes.size, size)
                await connection.execute(statement("tree_grown"), {"log": log, "size": size})
            return True

    @asynccontextmanager
    async def _held(self, log: int) -> AsyncIterator[tuple[AsyncConnection, Sizes] | None]:
        """A transaction that holds the log's tree, and its sizes; None where another holds it."""
        try:
            async with self._pool.connection() as connection, connection.transaction():
                cursor = connection.cursor(row_factory=class_row(Sizes), binary=True)
                await cursor.execute(statement("tree_held"), {"log": log})
                sizes = await cursor.fetchone()
                yield None if sizes is None else (connection, sizes)
        except psycopg.OperationalError as error:
            raise Unavailable("the database cannot be reached") from error

    async def _published(self, connection: AsyncConnection, log: int, sizes: Sizes) -> Note | None:
        """The checkpoint of this size, signed now if it was not; None where more was signed."""
        values: dict[str, object] = {"log": log, "size": sizes.size}
        cursor = await connection.execute(statement("checkpoint_of"), values)
        if found := await cursor.fetchone():
            return parse_note(found[0].encode())
        note = await self._signed(log, sizes)
        if note is not None:
            root = parse_checkpoint(note.text).root
            values |= {"root": root, "note": format_note(note).decode()}
            await connection.execute(statement("keep_checkpoint"), values)
        return note

    async def _signed(self, log: int, sizes: Sizes) -> Note | None:
        tree, size = Tree(self._pool, log), sizes.size
        seen = await self._signer.seen(log)
        if size < seen.size <= sizes.head:
            return None  # The tiles are made anew: what was signed is still to come.
        new = Checkpoint(
            origin=self._identity.log_origin(log), size=size, root=await tree.root(size)
        )
        proof = tuple(await tree.consistency(seen.size, size)) if seen.size < size else ()
        return await self._signer.sign(log, Growth(old=seen.size, new=new, proof=proof))


async def _keep_tiles(connection: AsyncConnection, log: int, old: int, new: int) -> None:
    """The roots of the tiles that became full, level by level: each level is made of the last."""
    full = list(completed(old, new))
    for level in range(LEVEL_MAX):
        indices = [tile.index for tile in full if tile.level == level]
        if not indices:
            return
        name = "leaf_hashes" if level == 0 else "tile_hashes"
        values = {
            "log": log,
            "levels": [level] * len(indices),
            "starts": [index * WIDTH for index in indices],
            "ends": [(index + 1) * WIDTH for index in indices],
        }
        cursor = await connection.execute(statement(name), values)
        hashes = {place: folded(found) for place, found in await cursor.fetchall()}
        values = {
            "log": log,
            "level": level + 1,
            "indices": indices,
            "hashes": [hashes[place] for place in range(1, len(indices) + 1)],
        }
        await connection.execute(statement("keep_tiles"), values)
