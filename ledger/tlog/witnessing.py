"""What a log and a witness of it say to one another, c2sp.org/tlog-witness.

    old <size of the tree that the witness cosigned last>
    <base64 of a hash of the consistency proof from there>...

    <the checkpoint, signed by its log>

The witness answers with its cosignature, or with the size that the proof must start from, or
refuses. A refusal is a `Declined` where the next attempt may succeed, and `RolledBack` or `Forked`
where the witness has seen what this log no longer shows. Not here: HTTP, when to ask, and where
cosignatures are kept.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ledger.errors import Fault
from ledger.tlog.checkpoint import Checkpoint, MalformedCheckpoint, parse_checkpoint
from ledger.tlog.following import Forked, Refused, RolledBack
from ledger.tlog.keys import Unverified, Verified, VerifierKey, verified
from ledger.tlog.merkle import HASH_BYTES, PROOF_MAX, SIZE_MAX
from ledger.tlog.note import (
    MalformedNote,
    Note,
    Signature,
    base64_of,
    format_note,
    from_base64,
    parse_note,
    parse_signatures,
)

SIZE_TYPE = "text/x.tlog.size"
REPLY_BYTES_MAX = 65_536
SKEW_S = 300
"""How far the clock of a witness may be from ours: packs allow as much (ops/docs/pack.md)."""
_NUMBER = "0|[1-9][0-9]{0,18}"
_OLD = re.compile(f"old ({_NUMBER})")
_SIZE = re.compile(f"({_NUMBER})\n")

Reason: TypeAlias = Literal["unreachable", "refused", "unreadable", "clock"]
_ADVICE = {
    403: "does not accept the key of this log: have it given the log's verifier key",
    404: "does not know this log: have it given the origin and the log's verifier key",
}


class MalformedSubmission(Fault):
    """Bytes or values that are no request to a witness, or a size that is none."""


class Declined(Refused):
    """A witness that gave no cosignature now."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A checkpoint, with the proof that its tree begins with that of `old` leaves."""

    old: int
    proof: tuple[bytes, ...]
    note: Note

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return parse_checkpoint(self.note.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What came back over HTTP, with the media type without its parameters."""

    code: int
    media_type: str
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Cosigned:
    """A cosignature that verifies; `time` is its own, in seconds since 1970."""

    line: Signature
    time: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StartFrom:
    """The witness wants the proof to start from the tree of this size."""

    size: int


def parse_submission(data: bytes) -> Submission:
    """The request that these very bytes spell; raises `MalformedSubmission`."""
    head, separator, note = data.partition(b"\n\n")
    lines = head.decode("ascii", "replace").split("\n")
    old = _OLD.fullmatch(lines[0])
    if not separator or old is None:
        raise MalformedSubmission("a request is an old size, a proof, an empty line, a checkpoint")
    try:
        found = Submission(
            old=int(old[1]), proof=tuple(map(from_base64, lines[1:])), note=parse_note(note)
        )
        size = found.checkpoint.size
    except (MalformedNote, MalformedCheckpoint) as error:
        raise MalformedSubmission(f"a request to a witness: {error}") from None
    if len(found.proof) > PROOF_MAX or any(len(one) != HASH_BYTES for one in found.proof):
        raise MalformedSubmission(f"a proof has at most {PROOF_MAX} hashes of {HASH_BYTES} bytes")
    if found.old > size or (found.old in (0, size) and found.proof):
        raise MalformedSubmission("there is no proof from that old size to the checkpoint's")
    return found


def format_submission(one: Submission) -> bytes:
    """The one spelling of the request; raises `MalformedSubmission` for values of none."""
    lines = [f"old {one.old}", *map(base64_of, one.proof)]
    data = "\n".join(lines).encode() + b"\n\n" + format_note(one.note)
    parse_submission(data)
    return data


def parse_size(data: bytes) -> int:
    """The size that these very bytes spell; raises `MalformedSubmission`."""
    found = _SIZE.fullmatch(data.decode("ascii", "replace"))
    if found is None or int(found[1]) > SIZE_MAX:
        raise MalformedSubmission("a size is a decimal number below 2^63 and a newline")
    return int(found[1])


def format_size(size: int) -> bytes:
    """The one spelling of the size."""
    data = f"{size}\n".encode()
    parse_size(data)
    return data


def read_reply(
    reply: Reply, *, asked: Submission, key: VerifierKey, now: int
) -> Cosigned | StartFrom:
    """What the witness with this key answered, `now` being seconds since 1970 by our clock.

    Raises `Forked` where it has seen another tree, and `Declined` where it gave nothing.
    """
    if reply.code == 200:
        return _cosigned(reply.body, asked.note, key, now)
    if reply.code == 409 and reply.media_type == SIZE_TYPE:
        return _start(reply.body, asked)
    if reply.code == 422:
        raise Forked(
            f"{key.name} has seen a tree of this log that the one here does not go on from"
        )
    advice = _ADVICE.get(reply.code, f"answers with {reply.code}")
    raise Declined(f"{key.name} {advice}", reason="refused")


def next_start(said: StartFrom, *, asked: Submission, key: VerifierKey, head: int) -> int:
    """The old size to ask again from; `head` is how many entries the log has by now.

    Raises `RolledBack` where the witness has seen more than that.
    """
    if said.size > head:
        raise RolledBack(
            f"{key.name} says it has seen a tree of {said.size} leaves; the log has {head}"
        )
    if said.size > asked.checkpoint.size:
        raise Declined(f"{key.name} has seen more than was signed here last", reason="refused")
    return said.size


def vouched(data: bytes, *, log: VerifierKey, witness: VerifierKey) -> Checkpoint:
    """The checkpoint that a witness serves as the one it cosigned last for this log.

    Both keys must have signed it: neither the witness alone nor whoever serves it can make up a log
    that has lost something. Raises `Declined`.
    """
    try:
        note = parse_note(data)
        found = parse_checkpoint(note.text)
        signed = {one.key for one in verified(note, [log, witness])}
    except (MalformedNote, MalformedCheckpoint, Unverified) as error:
        message = f"what {witness.name} serves as a checkpoint is none: {error}"
        raise Declined(message, reason="unreadable") from None
    if signed != {log, witness} or found.origin != log.name:
        message = f"what {witness.name} serves is not signed by this log and by itself"
        raise Declined(message, reason="unreadable")
    return found


def checkpoint_path(origin: str) -> str:
    """Where a witness serves the checkpoint that it cosigned last, below its prefix."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def _start(body: bytes, asked: Submission) -> StartFrom:
    try:
        size = parse_size(body)
    except MalformedSubmission as error:
        raise Declined(f"the witness answers 409: {error}", reason="unreadable") from None
    if size == asked.old == asked.checkpoint.size:
        # So said version 1.0 of the protocol: of the very size it has seen, it has another root.
        raise Forked(f"the witness has seen another tree of {size} leaves of this log")
    if size == asked.old:
        message = "the witness asks for the proof that it was sent"
        raise Declined(message, reason="unreadable")
    return StartFrom(size=size)


def _cosigned(body: bytes, note: Note, key: VerifierKey, now: int) -> Cosigned:
    try:
        lines = parse_signatures(body.decode("utf-8"))
        own = tuple(one for one in lines if key.made(one))[:1]
        found = verified(Note(text=note.text, signatures=own), [key])
    except (MalformedNote, Unverified, UnicodeDecodeError) as error:
        message = f"{key.name} answers with what is no cosignature: {error}"
        raise Declined(message, reason="unreadable") from None
    if not found:
        raise Declined(f"{key.name} answers without a cosignature of its key", reason="unreadable")
    return Cosigned(line=own[0], time=_near(found[0], key, now))


def _near(found: Verified, key: VerifierKey, now: int) -> int:
    """The time of the cosignature; one far from now would be held against every later pack."""
    assert found.time is not None, "the key of a witness signs a time"
    if abs(found.time - now) > SKEW_S:
        message = f"the clock of {key.name} is {abs(found.time - now)} s from ours"
        raise Declined(message, reason="clock")
    return found.time
