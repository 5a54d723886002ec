"""The tree over the stored leaf hashes, made again from the leaves up, a range of them at a time.

A range is a complete subtree, or the last one begun: 2^depth leaves, and depth a multiple of the
height of a tile. Where a leaf hash is missing, everything above it is unknown. Not here: what
signed a root (`audit_checkpoints`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from ledger.tlog.merkle import EMPTY_ROOT, complete_subtrees, joined, node_hash
from ledger.tlog.tiles import BITS
from projections.audit_findings import Findings

Hash: TypeAlias = bytes | None
"""A hash of the tree, None where it is not known."""


class Subtrees:
    """The complete subtrees over the leaves of one range."""

    def __init__(self, start: int, hashes: Sequence[Hash]) -> None:
        self._start = start
        self._rows = [hashes]
        while len(self._rows[-1]) > 1:
            row = self._rows[-1]
            self._rows.append([_above(*two) for two in zip(row[::2], row[1::2], strict=False)])

    def row(self, height: int) -> Sequence[Hash]:
        """The roots of the subtrees of 2^height leaves, from the left."""
        return self._rows[height] if height < len(self._rows) else ()

    def peaks(self, size: int) -> list[Hash]:
        """The fewest subtrees that [start, size) is made of, from the left."""
        return [self._rows[height][at] for height, at in complete_subtrees(0, size - self._start)]


class Frontier:
    """The fewest complete subtrees of all ranges so far."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._ranges = 0
        self._peaks: list[Hash] = []

    def root(self, peaks: Sequence[Hash]) -> Hash:
        """The root over the ranges so far and these subtrees of the next one."""
        known = [one for one in (*self._peaks, *peaks) if one is not None]
        if len(known) < len(self._peaks) + len(peaks):
            return None
        return joined(known) if known else EMPTY_ROOT

    def add(self, root: Hash) -> Iterator[tuple[int, int, Hash]]:
        """Take a whole range; the subtrees that it completes: height, index and root of each."""
        index, height = self._ranges, self._depth
        self._ranges += 1
        yield height, index, root
        while index & 1:
            root = _above(self._peaks.pop(), root)
            index, height = index >> 1, height + 1
            yield height, index, root
        self._peaks.append(root)


def check_tiles(
    found: Findings, level: int, made: Mapping[int, Hash], stored: Mapping[int, bytes]
) -> None:
    """Hold the stored roots of full tiles of a level, by index, against those made of the leaves.

    Neighbours that are wrong are one finding.
    """
    wrong = [at for at, root in made.items() if root is not None and stored.get(at) != root]
    for first, last in _runs(wrong):
        missing = sum(at not in stored for at in range(first, last + 1))
        found.add(
            "TILE",
            (first << level * BITS) + 1,
            f"the tiles {first} to {last} of level {level} are not what their leaves make"
            f" ({missing} are missing)",
            last=(last + 1) << level * BITS,
        )


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The first and the last of each run of neighbours among ascending numbers."""
    ends = [a for a, b in pairwise(numbers) if b != a + 1] + list(numbers[-1:])
    starts = list(numbers[:1]) + [b for a, b in pairwise(numbers) if b != a + 1]
    yield from zip(starts, ends, strict=True)


def _above(left: Hash, right: Hash) -> Hash:
    return None if left is None or right is None else node_hash(left, right)
