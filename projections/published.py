"""What of the logs is shown to others: how far checkpoints cover them, proofs under these, keys.

Nothing is shown that no checkpoint covers. Not here: checkpoints themselves (`checkpoints`), or how
they come to be (`integrator`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.store import Identity, Stored
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import VerifierKey, format_vkey
from ledger.tlog.note import Note
from ledger.tlog.policy import Policy
from ledger.tlog.proof import LogProof
from ledger.tlog.tiles import BITS, WIDTH, Tile
from projections.checkpoints import cosigned_note, witnessed_note
from projections.everyone import rows, write
from projections.tree import Tree

Use = Literal["checkpoints", "receipts"]


class TreeLag(msgspec.Struct, frozen=True, kw_only=True):
    """The entries that a log's tree lacks, those that its checkpoints lack, and since when."""

    tree: int
    entries: int
    seconds: float


class ShownLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf at n; its bytes are empty where they were erased."""

    n: int
    leaf: bytes
    leaf_hash: bytes


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with which a log has signed."""

    vkey: str
    use: Use
    first_seen_at: datetime


class _Size(msgspec.Struct, frozen=True, kw_only=True):
    size: int


class Published:
    """The logs of one ledger as others see them; `policy` names the witnesses that are waited for.

    Sizes and indices count leaves from 0; `log` is one of the ledger's.
    """

    def __init__(
        self, pool: AsyncConnectionPool, identity: Identity, policy: Policy | None
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._policy = policy

    async def size(self, log: int) -> int:
        """How many leaves the newest checkpoint covers."""
        return (await rows(self._pool, _Size, "published_to", {"log": log}))[0].size

    async def note(self, log: int, size: int | None = None) -> Note | None:
        """The checkpoint of this size, the newest unless given, with its cosignatures."""
        return await cosigned_note(self._pool, log, size)

    async def proof(self, log: int, index: int, *, extra: bytes | None = None) -> LogProof | None:
        """That the leaf is in the log, under a checkpoint that witnesses cosigned where one is.

        Else under the newest one; None where none covers it yet.
        """
        note = await self._covering(log, index)
        if note is None:
            return None
        size = parse_checkpoint(note.text).size
        hashes = await self.inclusion(log, index, size)
        return LogProof(index=index, hashes=tuple(hashes), checkpoint=note, extra=extra)

    async def inclusion(self, log: int, index: int, size: int) -> list[bytes]:
        """The proof that the leaf is in the tree of this size."""
        return await Tree(self._pool, log).inclusion(index, size)

    async def consistency(self, log: int, old: int, size: int) -> list[bytes]:
        """The proof that the tree of `old` leaves begins the one of `size`."""
        return await Tree(self._pool, log).consistency(old, size)

    async def root(self, log: int, size: int) -> bytes:
        """The root of the tree of this size."""
        return await Tree(self._pool, log).root(size)

    async def tile(self, log: int, tile: Tile) -> bytes | None:
        """The hashes of the tile, c2sp.org/tlog-tiles; None where no checkpoint covers them all."""
        start = tile.index * WIDTH
        end = start + tile.width
        if end > await self.size(log) >> BITS * tile.level:
            return None
        return b"".join(await Tree(self._pool, log).hashes(tile.level, start, end))

    async def leaves(self, log: int, start: int, *, limit: int) -> list[ShownLeaf]:
        """The leaves from the index `start` on, as far as a checkpoint covers them."""
        end = min(start + limit, await self.size(log))
        values = {"log": log, "start": start, "end": end}
        return await rows(self._pool, ShownLeaf, "leaves", values)

    async def entry(self, event_id: UUID) -> tuple[int, Stored] | None:
        """The log and the row of the entry with this id."""
        for log in range(self._identity.logs):
            values = {"log": log, "ids": [event_id]}
            for row in await rows(self._pool, Stored, "entries_named", values):
                return log, row
        return None

    async def lag(self, log: int) -> TreeLag:
        """How far tree and checkpoints are behind the log."""
        return (await rows(self._pool, TreeLag, "tree_lag", {"log": log}))[0]

    async def keys(self, log: int) -> Sequence[KnownKey]:
        """The keys with which the log has signed, the oldest first."""
        return await rows(self._pool, KnownKey, "log_keys", {"log": log})

    async def keep_key(self, log: int, key: VerifierKey, use: Use) -> None:
        """The key is among those with which the log has signed."""
        values = {"log": log, "vkey": format_vkey(key), "use": use}
        await write(self._pool, "keep_log_key", values)

    async def _covering(self, log: int, index: int) -> Note | None:
        if self._policy is not None:
            witnessed = await witnessed_note(self._pool, log, self._policy)
            if witnessed is not None and parse_checkpoint(witnessed.text).size > index:
                return witnessed
        newest = await self.note(log)
        if newest is None or parse_checkpoint(newest.text).size <= index:
            return None
        return newest
