"""The Merkle tree over leaf hashes, RFC 9162 section 2.1: roots, proofs, and their verification.

Everything stored about a tree is reached through one question, the root of the leaves [start, end);
proofs are lists of its answers. Verification needs no tree. Not here: how leaves are hashed
(`leaf`), where hashes lie (`tiles`), who signs a root (`checkpoint`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ledger.errors import Fault

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
SIZE_MAX = 2**63 - 1
PROOF_MAX = 63
"""How many hashes a proof in a tree of less than 2^63 leaves can have."""

Subtree: TypeAlias = Callable[[int, int], bytes]
"""The root of the leaves [start, end), 0 <= start < end: RFC 9162's MTH(D[start:end])."""


class InvalidProof(Fault):
    """A proof that does not show what it is said to show."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaves."""
    level = list(leaf_hashes)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) & ~1 :]
    return level[0] if level else EMPTY_ROOT


def subtree_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    """The roots of ranges of these leaves."""
    return lambda start, end: root(leaf_hashes[start:end])


def complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The fewest complete subtrees (level, index) that make up [start, end), from the left.

    The subtree (level, index) is over the leaves [index * 2^level, (index + 1) * 2^level).
    """
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def joined(roots: Sequence[bytes]) -> bytes:
    """The root of a range from the roots of its complete subtrees, as `complete_subtrees` lists."""
    found = roots[-1]
    for left in reversed(roots[:-1]):
        found = node_hash(left, found)
    return found


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The siblings from the leaf to the root, RFC 9162 section 2.1.3.1."""
    if not 0 <= index < size:
        raise InvalidProof(f"there is no leaf {index} in a tree of {size}")
    start, end = 0, size
    proof = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """What shows that the tree of `old` leaves begins that of `new`, RFC 9162 section 2.1.4.1."""
    if not 0 < old <= new:
        raise InvalidProof(f"a tree of {old} leaves begins none of {new} that could be shown")
    start, end = 0, new
    proof = []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    # The tree of `old` leaves is itself known to whoever asks, where it is one complete subtree.
    return ([subtree(start, end)] if start else []) + proof[::-1]


def verify_inclusion(
    leaf_hash: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise `InvalidProof` unless this leaf is the one at `index`, RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size <= SIZE_MAX:
        raise InvalidProof(f"there is no leaf {index} in a tree of {size}")
    _check_lengths([leaf_hash, root, *proof])
    position, last = index, size - 1
    found = leaf_hash
    for sibling in proof:
        if last == 0:
            raise InvalidProof("the inclusion proof is too long")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise InvalidProof("the inclusion proof is too short")
    if found != root:
        raise InvalidProof("the inclusion proof leads to another root")


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `InvalidProof` unless the old tree begins the new one, RFC 9162 section 2.1.4.2.

    Nothing can be shown of an empty tree: every tree begins with it.
    """
    if not 0 < old <= new <= SIZE_MAX:
        raise InvalidProof(f"a tree of {old} leaves begins none of {new} that could be shown")
    _check_lengths([old_root, new_root, *proof])
    if old == new:
        if proof or old_root != new_root:
            raise InvalidProof("two trees of one size are not the same")
        return
    if not proof:
        raise InvalidProof("the consistency proof is empty")
    _verify_growth(old, new, (old_root, new_root), proof)


def _verify_growth(old: int, new: int, roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> None:
    path = [roots[0], *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    of_old = of_new = path[0]
    for one in path[1:]:
        if last == 0:
            raise InvalidProof("the consistency proof is too long")
        if position & 1 or position == last:
            of_old, of_new = node_hash(one, of_old), node_hash(one, of_new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            of_new = node_hash(of_new, one)
        position, last = position >> 1, last >> 1
    if last:
        raise InvalidProof("the consistency proof is too short")
    if of_old != roots[0]:
        raise InvalidProof("the consistency proof leads to another old root")
    if of_new != roots[1]:
        raise InvalidProof("the consistency proof leads to another new root")


def _check_lengths(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise InvalidProof(f"a hash of the tree has {HASH_BYTES} bytes")
    if len(hashes) > PROOF_MAX + 2:
        raise InvalidProof(f"a proof has at most {PROOF_MAX} hashes")


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
