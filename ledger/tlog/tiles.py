"""Tiles: the hashes of a tree 256 by 256, as they are stored and served, c2sp.org/tlog-tiles.

The tile (level, index) holds the roots of the subtrees of 256^level leaves from the leaf
index * 256^(level + 1) on; at level 0 they are the leaf hashes. Only full tiles are stored, and of
those only their roots: each is a hash of the tile one level up. Not here: where they lie.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ledger.errors import Malformed
from ledger.tlog.merkle import Subtree, complete_subtrees, joined, node_hash

WIDTH = 256
BITS = 8
LEVEL_MAX = 63 // BITS
PATH_MAX = 28
"""How long the path of an index below 2^63 / 256 is."""

Hashes: TypeAlias = Callable[[int, int, int], Sequence[bytes]]
"""The hashes [start, end) of a level: roots of full tiles, or at level 0 the leaf hashes."""

_PATH = re.compile(r"(0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """A tile's place; `width` is less than 256 for the last one of a growing level."""

    level: int
    index: int
    width: int = WIDTH


def parse_tile(path: str) -> Tile:
    """The tile at `<level>/<index in groups of three digits>[.p/<width>]`."""
    found = _PATH.fullmatch(path)
    if found is None or int(found[1]) > LEVEL_MAX or len(found[2]) > PATH_MAX:
        raise Malformed("must be <level>/<index>, as c2sp.org/tlog-tiles spells it", field="tile")
    index = int(found[2].replace("x", "").replace("/", ""))
    tile = Tile(level=int(found[1]), index=index, width=int(found[3]) if found[3] else WIDTH)
    if format_tile(tile) != path or tile.width > WIDTH:
        raise Malformed("must be spelt canonically: c2sp.org/tlog-tiles", field="tile")
    return tile


def format_tile(tile: Tile) -> str:
    """The path of the tile."""
    digits = f"{tile.index:03}"
    digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    spelt = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    return f"{tile.level}/{spelt}" + ("" if tile.width == WIDTH else f".p/{tile.width}")


def completed(old: int, new: int) -> Iterator[Tile]:
    """The tiles that become full when a tree grows from `old` leaves to `new`, the lowest first."""
    for level in range(LEVEL_MAX):
        before, after = old >> BITS * (level + 1), new >> BITS * (level + 1)
        yield from (Tile(level=level, index=index) for index in range(before, after))


def subtree_of(hashes: Hashes) -> Subtree:
    """The roots of ranges of leaves, from stored hashes of full tiles."""

    def subtree(start: int, end: int) -> bytes:
        return joined([_complete(hashes, *one) for one in complete_subtrees(start, end)])

    return subtree


def _complete(hashes: Hashes, depth: int, index: int) -> bytes:
    """The root of the complete subtree over the leaves [index * 2^depth, (index + 1) * 2^depth).

    It is made from the highest level of stored hashes that lies below it.
    """
    level, above = divmod(depth, BITS)
    return folded(hashes(level, index << above, (index + 1) << above))


def folded(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
