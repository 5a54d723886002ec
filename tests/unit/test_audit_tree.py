"""Roots and tiles made a range at a time are those of the whole tree."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.merkle import EMPTY_ROOT, root
from ledger.tlog.tiles import WIDTH
from projections.audit_findings import Findings
from projections.audit_tree import Frontier, Hash, Subtrees, check_tiles
from tests.unit.trees import leaves

DEPTH = 2


def roots(hashes: list[Hash], sizes: set[int], depth: int = DEPTH) -> dict[int, Hash]:
    """The root at each of the sizes, made range by range."""
    found: dict[int, Hash] = {}
    frontier, width = Frontier(depth), 1 << depth
    for start in range(0, max(1, len(hashes)), width):
        stop = min(len(hashes), start + width)
        tree = Subtrees(start, hashes[start:stop])
        for size in sizes:
            if start < size <= stop or size == start == 0:
                found[size] = frontier.root(tree.peaks(size))
        if stop - start == width:
            assert len(tree.row(depth)) == 1
            for height, index, made in frontier.add(tree.row(depth)[0]):
                below = hashes[index << height : (index + 1) << height]
                known = [one for one in below if one is not None]
                assert made == (root(known) if len(known) == len(below) else None)
    return found


@given(st.integers(0, 70), st.integers(0, 4))
def test_the_root_at_any_size_is_that_of_so_many_leaves(many: int, depth: int) -> None:
    hashes = leaves(many)
    sizes = set(range(many + 1))

    assert roots([*hashes], sizes, depth) == {size: root(hashes[:size]) for size in sizes}
    assert roots([], {0}) == {0: EMPTY_ROOT}


@given(st.integers(1, 70), st.data())
def test_above_a_leaf_that_is_missing_nothing_is_known(many: int, data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, many - 1))
    hashes: list[Hash] = [*leaves(many)]
    hashes[gone] = None
    sizes = set(range(many + 1))
    expected = {size: root(leaves(size)) if size <= gone else None for size in sizes}

    assert roots(hashes, sizes) == expected


def test_tiles_that_are_wrong_are_found_and_neighbours_are_one_finding() -> None:
    made: dict[int, Hash] = {at: b"%d" % at for at in range(10)}
    stored = {at: b"%d" % at for at in range(10)}
    stored[2] = stored[3] = stored[9] = b"other"
    del stored[4]
    found = Findings(0)
    check_tiles(found, 1, made, stored)

    assert [(one.n, one.last) for one in found.listed] == [
        (2 * WIDTH + 1, 5 * WIDTH),
        (9 * WIDTH + 1, 10 * WIDTH),
    ]
    assert "tiles 2 to 4 of level 1" in found.listed[0].detail
    assert "1 are missing" in found.listed[0].detail


def test_of_a_tile_that_nothing_is_known_of_nothing_is_said() -> None:
    found = Findings(0)
    check_tiles(found, 2, {0: None, 1: b"1"}, {0: b"other", 1: b"1"})
    assert found.listed == []

    check_tiles(found, 2, {3: b"3"}, {})
    assert [(one.n, one.last) for one in found.listed] == [(3 * WIDTH**2 + 1, 4 * WIDTH**2)]


def test_which_of_the_findings_come_first_and_how_many_are_kept() -> None:
    found, random = Findings(0, listed_max=3), Random(4)
    places = [(9, 9), (1, 256), (5, 12), (10, 12), (30, 30), (7, 9)]
    random.shuffle(places)
    for n, last in places:
        found.add("ROOT", n, "", last=last)

    assert [(one.n, one.last) for one in found.listed] == [(9, 9), (7, 9), (10, 12)]
    assert found.counts == {"ROOT": 6}

    other = Findings(0)
    other.add("LEAF_HASH", 2, "its leaf")
    found.take(other.listed, other.counts)
    assert str(found.listed[0]) == "LEAF_HASH 0:2 its leaf"
    assert str(found.listed[1]) == "ROOT 0:9 "
    assert found.counts.total() == 7
