"""What a party that follows a log will believe of it next: never less, never something else.

A signer and a witness both keep the largest tree they have put their name to, and go on from it
only by a consistency proof: the first rule of c2sp.org/tlog-witness. Not here: keys, and where what
was seen is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import Fault
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.merkle import EMPTY_ROOT, InvalidProof, verify_consistency


class Refused(Fault):
    """A tree that does not go on from the one seen last."""


class RolledBack(Refused):
    """A tree smaller than the one seen last: the log has lost what it had."""


class OutOfStep(Refused):
    """A proof from another size than that of the tree seen last: ask again from there."""


class Forked(Refused):
    """A tree that does not begin with the one seen last: two histories of one log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A tree, with the proof that it begins with that of `old` leaves."""

    old: int
    new: Checkpoint
    proof: tuple[bytes, ...] = ()


def nothing_seen(origin: str) -> Checkpoint:
    """What is known of a log before anything is."""
    return Checkpoint(origin=origin, size=0, root=EMPTY_ROOT)


def followed(seen: Checkpoint, growth: Growth) -> Checkpoint:
    """The tree to go on from, or the `Refused` that says why not."""
    new = growth.new
    if new.origin != seen.origin:
        raise Refused("this is another log than the one that is followed")
    if new.size < seen.size:
        raise RolledBack(f"a tree of {new.size} leaves, where one of {seen.size} was seen")
    if growth.old != seen.size:
        raise OutOfStep(f"the tree seen last has {seen.size} leaves, not {growth.old}")
    _check_growth(seen, new, growth.proof)
    return new


def _check_growth(seen: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    if seen.size == 0:
        # Every tree begins with the empty one: there is nothing to prove.
        if proof or (new.size == 0 and new.root != seen.root):
            raise Forked("a tree that was proved to begin with nothing")
        return
    try:
        verify_consistency(
            old=seen.size, new=new.size, old_root=seen.root, new_root=new.root, proof=proof
        )
    except InvalidProof as error:
        raise Forked(f"a tree that does not begin with the one seen last: {error}") from None
