"""A checkpoint: a log's size and root, signed, c2sp.org/tlog-checkpoint.

    <origin>
    <size in decimal>
    <base64 of the root>

    — <origin> <signature of the log>
    — <witness> <cosignature>

Exactly these three lines: an extension line is not covered by every kind of cosignature, so none is
written, and none accepted. Not here: who must have signed (`policy`).
"""

import re
from dataclasses import dataclass

from ledger.errors import Fault
from ledger.tlog.keys import SigningKey, sign
from ledger.tlog.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from ledger.tlog.note import MalformedNote, Note, base64_of, check_name, from_base64

_SIZE = re.compile("0|[1-9][0-9]{0,18}")


class MalformedCheckpoint(Fault):
    """A text that is no checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a log says of itself: its tree of `size` leaves has this root."""

    origin: str
    size: int
    root: bytes


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint that this very text spells; raises `MalformedCheckpoint`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedCheckpoint("a checkpoint has exactly three lines")
    origin, size, root = lines[:3]
    if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
        raise MalformedCheckpoint("the size of a checkpoint is a decimal number below 2^63")
    try:
        check_name(origin)
        found = Checkpoint(origin=origin, size=int(size), root=from_base64(root))
    except MalformedNote as error:
        raise MalformedCheckpoint(f"a checkpoint: {error}") from None
    if len(found.root) != HASH_BYTES or (found.size == 0) is not (found.root == EMPTY_ROOT):
        raise MalformedCheckpoint("the root of a checkpoint is not one that its size can have")
    return found


def format_checkpoint(one: Checkpoint) -> str:
    """The one spelling of the checkpoint; raises `MalformedCheckpoint` for what cannot be one."""
    text = f"{one.origin}\n{one.size}\n{base64_of(one.root)}\n"
    parse_checkpoint(text)
    return text


def signed(one: Checkpoint, key: SigningKey) -> Note:
    """The checkpoint with its log's signature, under the origin's name."""
    if key.verifier.name != one.origin:
        raise MalformedCheckpoint("a log signs under the name of its origin")
    text = format_checkpoint(one)
    return Note(text=text, signatures=(sign(text, key),))
