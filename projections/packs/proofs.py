"""What of the log goes into a pack: checkpoints, the proofs between and below them, time stamps.

Every proof is verified before it is given away: a pack that does not hold is not made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Behind, Fault, Unavailable
from ledger.reader import Reader
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.merkle import InvalidProof, verify_consistency, verify_inclusion
from ledger.tlog.note import SIGNATURES_MAX, Note, parse_note, parse_signatures
from ledger.tlog.policy import Policy
from projections.checkpoints import cosigned_note, witnessed_note
from projections.everyone import rows
from projections.tree import Tree

BEHIND_MAX = timedelta(days=1)
"""How much a witnessed checkpoint may lack, by what was recorded since, and still be preferred."""


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that the tree of `old` leaves begins that of `new`."""

    old: int
    new: int
    proof: tuple[bytes, ...]


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A time stamp over the checkpoint of this size."""

    size: int
    evidence: bytes


class LogProofs(msgspec.Struct, frozen=True, kw_only=True):
    """Checkpoints by size, the head last; `inclusion` by index, all on the head."""

    checkpoints: Mapping[int, Note]
    consistency: tuple[Consistency, ...]
    inclusion: Mapping[int, tuple[bytes, ...]]
    anchors: tuple[Anchor, ...]

    @property
    def head(self) -> Note:
        """The checkpoint that everything is proved on."""
        return self.checkpoints[max(self.checkpoints)]


class _Size(msgspec.Struct, frozen=True, kw_only=True):
    size: int


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    note: str
    lines: list[str]


async def head_size(
    reader: Reader, pool: AsyncConnectionPool, log: int, policy: Policy | None
) -> int:
    """The size of the newest checkpoint, or of the newest witnessed one unless that lacks a day.

    Raises `Behind` where none is signed yet.
    """
    newest = await cosigned_note(pool, log)
    size = 0 if newest is None else parse_checkpoint(newest.text).size
    if size == 0:
        raise Behind("no checkpoint over an entry is signed yet: the running service signs it")
    witnessed = None if policy is None else await witnessed_note(pool, log, policy)
    if witnessed is None:
        return size
    seen = parse_checkpoint(witnessed.text).size
    last, then = await reader.store.place_of(log, size), await reader.store.place_of(log, seen)
    if last is None or then is None:
        raise Fault(f"log {log} is shorter than its checkpoints")
    return seen if last.recorded_at - then.recorded_at <= BEHIND_MAX else size


async def log_proofs(
    pool: AsyncConnectionPool, log: int, leaves: Mapping[int, bytes], *, size: int, by: datetime
) -> LogProofs:
    """Everything about these leaves (hashes by index), on the checkpoint of this size.

    With the witnessed and time-stamped checkpoints around each; what was cosigned or stamped after
    `by` is left out.
    """
    checkpoints = await _checkpoints(pool, log, list(leaves), size, by)
    read = {each: parse_checkpoint(note.text) for each, note in checkpoints.items()}
    tree = Tree(pool, log)
    found = await tree.inclusions(list(leaves), size)
    for (index, leaf), proof in zip(leaves.items(), found, strict=True):
        _check_inclusion(leaf, index, read[size], proof)
    values = {"log": log, "sizes": list(checkpoints), "by": by}
    return LogProofs(
        checkpoints=checkpoints,
        consistency=tuple([await _grown(tree, *pair) for pair in pairwise(read.values())]),
        inclusion=dict(zip(leaves, map(tuple, found), strict=True)),
        anchors=tuple(await rows(pool, Anchor, "pack_anchors", values)),
    )


async def _checkpoints(
    pool: AsyncConnectionPool, log: int, indices: Sequence[int], size: int, by: datetime
) -> dict[int, Note]:
    values = {"log": log, "indices": indices, "head": size, "by": by}
    around = [one.size for one in await rows(pool, _Size, "pack_neighbours", values)]
    values = {"log": log, "sizes": sorted({*around, size}), "by": by}
    found = {one.size: _note(one) for one in await rows(pool, _Stored, "pack_checkpoints", values)}
    if size not in found:
        raise Unavailable("the checkpoint of this pack is no longer kept: ask for a new pack")
    return found


def _note(one: _Stored) -> Note:
    note = parse_note(one.note.encode())
    lines = one.lines[: SIGNATURES_MAX - len(note.signatures)]
    more = parse_signatures("".join(lines)) if lines else ()
    return Note(text=note.text, signatures=(*note.signatures, *more))


async def _grown(tree: Tree, old: Checkpoint, new: Checkpoint) -> Consistency:
    proof = await tree.consistency(old.size, new.size)
    if old.size:
        try:
            verify_consistency(
                old=old.size, new=new.size, old_root=old.root, new_root=new.root, proof=proof
            )
        except InvalidProof as error:
            message = f"the checkpoint of {new.size} leaves does not go on from that of {old.size}"
            raise Fault(message) from error
    return Consistency(old=old.size, new=new.size, proof=tuple(proof))


def _check_inclusion(leaf: bytes, index: int, head: Checkpoint, proof: Sequence[bytes]) -> None:
    try:
        verify_inclusion(leaf, index=index, size=head.size, proof=proof, root=head.root)
    except InvalidProof as error:
        message = f"the leaf {index} is not in the tree of the checkpoint of {head.size} leaves"
        raise Fault(message) from error
