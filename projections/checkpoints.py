"""The checkpoints of a log as they are shown: with the cosignatures kept for each.

Of one witness a note carries the last cosignature of that checkpoint and, where it is another one,
the first: a reader who counts one line a key takes the fresh one. Not here: who signs
(`integrator`), or who cosigns (`witnessing`).
"""

from __future__ import annotations

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.tlog.keys import Unverified, VerifierKey, verified
from ledger.tlog.merkle import SIZE_MAX
from ledger.tlog.note import SIGNATURES_MAX, Note, parse_note, parse_signatures
from ledger.tlog.policy import Policy, satisfied
from projections.everyone import rows

PAGE = 500
PAGES_MAX = 21
"""How far back the newest witnessed checkpoint is looked for: a week of one cosigned a minute."""


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    note: str
    lines: list[str]


class _Size(msgspec.Struct, frozen=True, kw_only=True):
    size: int
    keys: list[str]


async def cosigned_note(
    pool: AsyncConnectionPool, log: int, size: int | None = None
) -> Note | None:
    """The checkpoint of this size, the newest unless given, with its cosignatures; None if none."""
    found = await rows(pool, _Stored, "cosigned_checkpoint", {"log": log, "size": size})
    if not found:
        return None
    note = parse_note(found[0].note.encode())
    lines = found[0].lines[: SIGNATURES_MAX - len(note.signatures)]
    more = parse_signatures("".join(lines)) if lines else ()
    return Note(text=note.text, signatures=(*note.signatures, *more))


async def witnessed_note(pool: AsyncConnectionPool, log: int, policy: Policy) -> Note | None:
    """The newest checkpoint that the witnesses of this policy's quorum have cosigned."""
    if satisfied(policy, set()):
        return await cosigned_note(pool, log)
    keys = {_spelt(one.key): one.key for one in policy.witnesses.values()}
    before = SIZE_MAX
    for _ in range(PAGES_MAX):
        values = {"log": log, "before": before, "limit": PAGE}
        page = await rows(pool, _Size, "witnessed_sizes", values)
        for one in page:
            if satisfied(policy, {keys[name] for name in one.keys if name in keys}):
                note = await cosigned_note(pool, log, one.size)
                if note is not None and _holds(note, policy):
                    return note
        if len(page) < PAGE:
            return None
        before = page[-1].size
    return None


async def prune(pool: AsyncConnectionPool, log: int) -> list[int]:
    """The sizes of the checkpoints dropped now: past, and vouched for by nobody outside."""
    return [one.size for one in await rows(pool, _Pruned, "prune_checkpoints", {"log": log})]


class _Pruned(msgspec.Struct, frozen=True, kw_only=True):
    size: int


def _spelt(key: VerifierKey) -> str:
    return f"{key.name}+{key.key_id.hex()}"


def _holds(note: Note, policy: Policy) -> bool:
    """Whether the lines, which anybody may have put into the table, are the witnesses' own."""
    try:
        found = verified(note, [one.key for one in policy.witnesses.values()])
    except Unverified:
        return False
    return satisfied(policy, {one.key for one in found})
