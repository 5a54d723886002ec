"""Whether checkpoints are what they say, signed by whom they say, and of the one history there is.

A checkpoint that is signed by the log vouches for every entry below its size: where its root is
another than the entries make, and no later one agrees with them either, entries were changed after
it was signed. Not here: the roots that the entries make (`audit_tree`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ledger.errors import Fault, Malformed
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.keys import Unverified, verified
from ledger.tlog.note import Note, Signature, parse_note, parse_signatures
from ledger.tlog.policy import Policy, Untrusted, accept, known
from projections.audit_findings import Findings
from projections.audit_tree import Hash

EPOCH_S = 946_684_800
"""2000, where the database's stamps begin, in seconds since 1970."""
_MICROSECONDS = 1_000_000


class CheckpointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored checkpoint."""

    size: int
    root: bytes
    note: str


class CosignatureRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stored cosignature; `stamp` is microseconds since 2000, in 8 bytes."""

    size: int
    name: str
    key_id: bytes
    stamp: bytes
    line: str


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint says of the tree, and who is known to stand by it.

    `held` says that it was kept outside of the database; `witnessed` that the policy's quorum has
    cosigned it. Without a policy nothing is `signed`.
    """

    size: int
    root: bytes
    held: bool = False
    signed: bool = False
    witnessed: bool = False


class Lines(msgspec.Struct, kw_only=True):
    """How many cosignatures verify, and how many are of keys that are not known here."""

    verified: int = 0
    not_checked: int = 0


class CheckpointChecks:
    """The stored checkpoints of one log, with their cosignatures."""

    def __init__(self, origin: str, policy: Policy | None, findings: Findings) -> None:
        self._origin = origin
        self._policy = policy
        self._witnesses = [*policy.witnesses.values()] if policy else []
        self._found = findings
        self.lines = Lines()

    def claims(
        self, rows: Iterable[CheckpointRow], cosignatures: Mapping[int, Sequence[CosignatureRow]]
    ) -> list[Claim]:
        """What the sound ones say."""
        found = [self._claim(row, cosignatures.get(row.size, ())) for row in rows]
        return [one for one in found if one is not None]

    def _claim(self, row: CheckpointRow, lines: Sequence[CosignatureRow]) -> Claim | None:
        note = self._read(row)
        if note is None:
            return None
        signatures = [one for line in lines if (one := self._checked(note, line))]
        if self._policy is None:
            return Claim(size=row.size, root=row.root)
        try:
            known(note, self._policy)
        except Fault as error:
            self._found.add("CHECKPOINT_SIGNATURE", row.size, f"its checkpoint: {error}")
            return None
        whole = Note(text=note.text, signatures=(*note.signatures, *signatures))
        return Claim(
            size=row.size, root=row.root, signed=True, witnessed=_witnessed(whole, self._policy)
        )

    def _read(self, row: CheckpointRow) -> Note | None:
        try:
            note = parse_note(row.note.encode())
            read = parse_checkpoint(note.text)
        except Fault as error:
            self._found.add("CHECKPOINT", row.size, f"its checkpoint cannot be read: {error}")
            return None
        if read != Checkpoint(origin=self._origin, size=row.size, root=row.root):
            self._found.add("CHECKPOINT", row.size, "its checkpoint says otherwise than its row")
            return None
        return note

    def _checked(self, note: Note, row: CosignatureRow) -> Signature | None:
        """The signature, where it is of a witness that is known and of a kind verified here."""
        try:
            one = _signature(row)
            keys = [each.key for each in self._witnesses if each.key.made(one)]
            found = verified(Note(text=note.text, signatures=(one,)), keys)
            if found and found[0].time != _seconds(row.stamp):
                raise Unverified("its row has another time")
        except Fault as error:
            self._found.add("COSIGNATURE", row.size, f"a cosignature of its checkpoint: {error}")
            return None
        self.lines.verified += len(found)
        self.lines.not_checked += not found
        return one if found else None


class History:
    """Claims held against the roots that the entries make, in the order of their sizes."""

    def __init__(self, findings: Findings) -> None:
        self._found = findings
        self._unlike: list[Claim] = []
        self._agreed = 0
        self.checked = self.signed = self.witnessed = self.held = 0

    def take(self, claim: Claim, root: Hash) -> None:
        """The next claim; nothing can be said of it where the root is not known."""
        if root is None:
            return
        if root != claim.root and claim.size > self._agreed:
            self._unlike.append(claim)
        elif root != claim.root:
            self._forked(claim)
        else:
            # The entries below are as they were when this was signed, whatever others say.
            for one in self._unlike:
                self._forked(one)
            self._unlike.clear()
            self._agree(claim)

    def end(self) -> None:
        """After the last claim: what no later one agrees with is what was changed."""
        if not self._unlike:
            return
        first = self._unlike[0]
        if first.signed:
            why = f"are not those that the checkpoint of {first.size} was signed for"
        else:
            why = f"are not those of the checkpoint of {first.size}, whose signature is not checked"
        others = len(self._unlike) - 1
        detail = (
            f"the entries {why}; nor are {others} later ones" if others else f"the entries {why}"
        )
        self._found.add("ROOT", self._agreed + 1, detail, last=first.size)

    def _forked(self, claim: Claim) -> None:
        which = "a checkpoint held elsewhere" if claim.held else "its checkpoint"
        self._found.add("CHECKPOINT_FORK", claim.size, f"{which} is of another history")

    def _agree(self, claim: Claim) -> None:
        self._agreed = claim.size
        self.checked += not claim.held
        self.signed = claim.size if claim.signed else self.signed
        self.witnessed = claim.size if claim.witnessed else self.witnessed
        self.held = claim.size if claim.held else self.held


def held_claim(note: Note, policy: Policy | None) -> tuple[str, Claim]:
    """The origin and the claim of a checkpoint that was kept elsewhere.

    Raises `Malformed` where it is none, or is not one of the policy's logs.
    """
    try:
        read = parse_checkpoint(note.text)
        if policy is not None:
            known(note, policy)
    except Fault as error:
        raise Malformed(str(error), field="checkpoint") from error
    return read.origin, Claim(
        size=read.size,
        root=read.root,
        held=True,
        signed=policy is not None,
        witnessed=policy is not None and _witnessed(note, policy),
    )


def _signature(row: CosignatureRow) -> Signature:
    """The one signature of the line, which must be that of the row's key."""
    lines = parse_signatures(row.line.rstrip("\n") + "\n")
    if [(one.name, one.key_id) for one in lines] != [(row.name, row.key_id)]:
        raise Unverified("its row names another key")
    return lines[0]


def _witnessed(note: Note, policy: Policy) -> bool:
    if policy.quorum == "none":
        return False
    try:
        accept(note, policy)
    except Untrusted:
        return False
    return True


def _seconds(stamp: bytes) -> float:
    return EPOCH_S + int.from_bytes(stamp, "big", signed=True) / _MICROSECONDS
