"""The Merkle tree, RFC 9162 section 2.1: what a proof shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 and the leaf), section 2.1.1."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 and both), section 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(leaf: bytes, index: int, tree: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the proof leads from the leaf hash at `index` to the root, section 2.1.3.2."""
    size, root = tree
    if not 0 <= index < size:
        return False
    at, last = index, size - 1
    for one in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            leaf = node(one, leaf)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            leaf = node(leaf, one)
        at, last = at >> 1, last >> 1
    return last == 0 and leaf == root


def begins(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the old tree begins the larger new one, section 2.1.4.2."""
    if old[0] == 0:
        return not proof
    path = ([old[1]] if old[0] & (old[0] - 1) == 0 else []) + list(proof)
    if not proof:
        return False
    at, last = old[0] - 1, new[0] - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    of_old = of_new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            of_old, of_new = node(one, of_old), node(one, of_new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            of_new = node(of_new, one)
        at, last = at >> 1, last >> 1
    return last == 0 and (of_old, of_new) == (old[1], new[1])
