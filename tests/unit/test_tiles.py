"""Tiles: their paths, when they are full, and the same roots from them as from all leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.tlog.merkle import (
    consistency_proof,
    inclusion_proof,
    root,
    verify_consistency,
    verify_inclusion,
)
from ledger.tlog.tiles import (
    LEVEL_MAX,
    WIDTH,
    Hashes,
    Tile,
    completed,
    folded,
    format_tile,
    parse_tile,
    subtree_of,
)
from tests.unit.trees import leaves

MANY = 66_500
LEAVES = leaves(MANY)


class Stored:
    """What a database would hold: leaf hashes, and the roots of full tiles as they became full."""

    def __init__(self) -> None:
        self.size = 0
        self.levels: dict[int, list[bytes]] = {0: []}
        self.read = 0

    def grow(self, size: int) -> None:
        self.levels[0] += LEAVES[self.size : size]
        for tile in completed(self.size, size):
            row = self.levels[tile.level][tile.index * WIDTH : (tile.index + 1) * WIDTH]
            above = self.levels.setdefault(tile.level + 1, [])
            assert (len(row), len(above)) == (WIDTH, tile.index)
            above.append(folded(row))
        self.size = size

    def hashes(self) -> Hashes:
        def some(level: int, start: int, end: int) -> list[bytes]:
            found = self.levels[level][start:end]
            assert len(found) == end - start, "only what is stored may be asked for"
            self.read += len(found)
            return found

        return some


@settings(max_examples=25)
@given(st.lists(st.integers(1, MANY), min_size=1, max_size=4).map(sorted), st.data())
def test_tiles_make_the_same_roots_and_proofs_as_all_the_leaves(
    sizes: list[int], draw: st.DataObject
) -> None:
    stored = Stored()
    for size in sizes:
        stored.grow(size)
    subtree = subtree_of(stored.hashes())
    size, old = sizes[-1], sizes[0]
    index = draw.draw(st.integers(0, size - 1))

    assert subtree(0, size) == root(LEAVES[:size])
    verify_inclusion(
        LEAVES[index],
        index=index,
        size=size,
        proof=inclusion_proof(index, size, subtree),
        root=subtree(0, size),
    )
    verify_consistency(
        old=old,
        new=size,
        old_root=root(LEAVES[:old]),
        new_root=subtree(0, size),
        proof=consistency_proof(old, size, subtree),
    )


def test_a_proof_reads_a_few_tiles_and_not_the_leaves() -> None:
    stored = Stored()
    stored.grow(MANY)
    inclusion_proof(12_345, MANY, subtree_of(stored.hashes()))

    assert stored.read <= 4 * WIDTH


def test_tiles_become_full_once_and_the_lowest_first() -> None:
    assert list(completed(0, 255)) == []
    assert list(completed(255, 256)) == [Tile(level=0, index=0)]
    assert list(completed(256, 511)) == []
    steps = [*completed(0, 300), *completed(300, 65_535), *completed(65_535, 65_536)]
    assert len(steps) == len(set(steps)) == 257
    assert steps[-2:] == [Tile(level=0, index=255), Tile(level=1, index=0)]


def test_a_tree_larger_than_any_has_no_tiles_beyond_the_highest_level() -> None:
    last = 2**63 - 1
    assert {tile.level for tile in completed(last - WIDTH, last)} <= set(range(LEVEL_MAX))


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("0/000", Tile(level=0, index=0)),
        ("0/000.p/1", Tile(level=0, index=0, width=1)),
        ("3/999", Tile(level=3, index=999)),
        ("0/x001/000", Tile(level=0, index=1000)),
        ("0/x001/x234/067", Tile(level=0, index=1234067)),
        ("0/x001/x234/067.p/8", Tile(level=0, index=1234067, width=8)),
    ],
)
def test_the_published_paths(path: str, tile: Tile) -> None:
    assert (parse_tile(path), format_tile(tile)) == (tile, path)


@given(
    st.builds(
        Tile,
        level=st.integers(0, LEVEL_MAX),
        index=st.integers(0, 10**15),
        width=st.integers(1, WIDTH),
    )
)
def test_a_path_is_read_as_it_was_written(tile: Tile) -> None:
    assert parse_tile(format_tile(tile)) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0/0",
        "0/0000",
        "0/x000/001",
        "00/000",
        "8/000",
        "-1/000",
        "0/001/000",
        "0/x001",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/257",
        "0/000.p/01",
        "0/000/",
        "/0/000",
        "0/٠٠٠",
        "0/" + "x999/" * 9 + "999",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(Malformed, match="tile"):
        parse_tile(path)
