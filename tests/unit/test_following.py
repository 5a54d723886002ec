"""A follower of a log goes forward on one history, whatever it is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.following import (
    Forked,
    Growth,
    OutOfStep,
    Refused,
    RolledBack,
    followed,
    nothing_seen,
)
from ledger.tlog.merkle import consistency_proof, root, subtree_of
from tests.unit.trees import ORIGIN, leaves

LEAVES = leaves(60)


def tree(size: int, fork: int | None = None) -> Checkpoint:
    """The tree of so many leaves; of another history from leaf `fork` on."""
    return Checkpoint(origin=ORIGIN, size=size, root=root(history(size, fork)))


def history(size: int, fork: int | None = None) -> list[bytes]:
    return [bytes(32) if at == fork else one for at, one in enumerate(LEAVES[:size])]


def growth(old: int, new: int, fork: int | None = None) -> Growth:
    hashes = history(new, fork)
    proof = tuple(consistency_proof(old, new, subtree_of(hashes))) if 0 < old < new else ()
    return Growth(old=old, new=tree(new, fork), proof=proof)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6).map(sorted))
def test_a_log_that_only_grows_is_followed(sizes: list[int]) -> None:
    seen = nothing_seen(ORIGIN)
    for size in sizes:
        seen = followed(seen, growth(seen.size, size))
        assert seen == tree(size)


@given(st.integers(1, 59), st.data())
def test_another_history_is_not(size: int, draw: st.DataObject) -> None:
    new = draw.draw(st.integers(size, 60))
    fork = draw.draw(st.integers(0, size - 1))
    with pytest.raises(Forked):
        followed(tree(size), growth(size, new, fork=fork))


@given(st.integers(1, 60), st.data())
def test_less_than_was_seen_is_not(size: int, draw: st.DataObject) -> None:
    fewer = draw.draw(st.integers(0, size - 1))
    with pytest.raises(RolledBack, match=f"{fewer} leaves, where one of {size}"):
        followed(tree(size), growth(0, fewer))


def test_a_proof_from_elsewhere_is_asked_for_again() -> None:
    with pytest.raises(OutOfStep, match="seen last has 30 leaves"):
        followed(tree(30), growth(20, 40))
    with pytest.raises(OutOfStep):
        followed(nothing_seen(ORIGIN), growth(20, 40))


def test_another_log_is_not_followed() -> None:
    with pytest.raises(Refused, match="another log"):
        followed(nothing_seen("another.example/log"), growth(0, 5))


def test_nothing_needs_no_proof_and_takes_none() -> None:
    with pytest.raises(Forked, match="with nothing"):
        followed(nothing_seen(ORIGIN), Growth(old=0, new=tree(5), proof=(bytes(32),)))
    wrong = Checkpoint(origin=ORIGIN, size=0, root=bytes(32))
    with pytest.raises(Forked, match="with nothing"):
        followed(nothing_seen(ORIGIN), Growth(old=0, new=wrong))


def test_the_same_tree_again_is_the_same_tree() -> None:
    assert followed(tree(30), Growth(old=30, new=tree(30))) == tree(30)
