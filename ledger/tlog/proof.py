"""A proof that a leaf is in a log, in one file, c2sp.org/tlog-proof.

    c2sp.org/tlog-proof@v1
    extra <base64>                     (where there is any; nothing vouches for it)
    index <place of the leaf, from 0>
    <base64 of a hash of the inclusion proof, from the leaf's sibling up>...

    <the checkpoint, with its signatures>

Not here: how the leaf is hashed (`leaf`), and which checkpoints to believe (`policy`).
"""

import re
from dataclasses import dataclass

from ledger.errors import Fault
from ledger.tlog.checkpoint import MalformedCheckpoint, parse_checkpoint
from ledger.tlog.merkle import HASH_BYTES, PROOF_MAX, verify_inclusion
from ledger.tlog.note import (
    MalformedNote,
    Note,
    base64_of,
    format_note,
    from_base64,
    parse_note,
)

HEADER = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile("index (0|[1-9][0-9]{0,18})")


class MalformedProof(Fault):
    """A text that is no tlog proof."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProof:
    """Where a leaf is, what leads from it to the root, and the checkpoint with that root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None


def parse_proof(data: bytes) -> LogProof:
    """The proof that these very bytes spell; raises `MalformedProof`."""
    head, separator, note = data.partition(b"\n\n")
    if not separator or not head.isascii():
        raise MalformedProof("a proof has lines of ASCII, an empty line and a checkpoint")
    lines = head.decode("ascii").split("\n")
    if lines[0] != HEADER:
        raise MalformedProof(f"a proof begins with {HEADER}")
    try:
        extra = _extra(lines)
        found = LogProof(
            index=_index(lines),
            hashes=tuple(_hash(line) for line in lines[1:]),
            checkpoint=parse_note(note),
            extra=extra,
        )
        parse_checkpoint(found.checkpoint.text)
    except (MalformedNote, MalformedCheckpoint) as error:
        raise MalformedProof(f"a proof: {error}") from None
    if len(found.hashes) > PROOF_MAX:
        raise MalformedProof(f"a proof has at most {PROOF_MAX} hashes")
    return found


def format_proof(one: LogProof) -> bytes:
    """The one spelling of the proof; raises `MalformedProof` for values that no proof can have."""
    lines = [HEADER]
    if one.extra is not None:
        lines.append(f"extra {base64_of(one.extra)}")
    lines.append(f"index {one.index}")
    lines += [base64_of(each) for each in one.hashes]
    data = "\n".join(lines).encode() + b"\n\n" + format_note(one.checkpoint)
    parse_proof(data)
    return data


def verify_proof(one: LogProof, leaf_hash: bytes) -> None:
    """Raise `InvalidProof` unless the leaf is where the proof says, in its checkpoint's tree."""
    checkpoint = parse_checkpoint(one.checkpoint.text)
    verify_inclusion(
        leaf_hash,
        index=one.index,
        size=checkpoint.size,
        proof=one.hashes,
        root=checkpoint.root,
    )


def _extra(lines: list[str]) -> bytes | None:
    """The extra data, whose line is taken out where there is one."""
    if len(lines) < 2 or not lines[1].startswith("extra "):
        return None
    return from_base64(lines.pop(1).removeprefix("extra "))


def _index(lines: list[str]) -> int:
    """The index, whose line is taken out."""
    found = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if found is None:
        raise MalformedProof("a proof has a line with the index of the leaf")
    del lines[1]
    return int(found[1])


def _hash(line: str) -> bytes:
    found = from_base64(line)
    if len(found) != HASH_BYTES:
        raise MalformedProof(f"a hash of a proof has {HASH_BYTES} bytes")
    return found
