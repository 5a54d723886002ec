"""Cursors of the feed: spelt and read back alike, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from projections.feed_cursor import Cursor, Mark, earliest, parse_cursor

NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)
HASHES = st.none() | st.text("0123456789abcdef", min_size=8, max_size=8)
MARKS = st.builds(Mark, n=NUMBERS.filter(bool), leaf_hash=HASHES, m=NUMBERS)


@given(st.lists(MARKS, min_size=1, max_size=5))
def test_what_is_spelt_is_read_back(marks):
    cursor = Cursor(marks=tuple(marks))
    assert parse_cursor(cursor.spelt(), logs=len(marks), field="after") == cursor


def test_a_cursor_names_its_positions():
    cursor = Cursor(marks=(Mark(n=123, leaf_hash="9f2c41d7", m=4), Mark()))
    assert cursor.spelt() == "0:123:9f2c41d7-4,1:0-0"
    assert cursor.positions() == ["0:123:9f2c41d7", "1:0"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0:1",
        "0:1-",
        "0:1:9F2C41D7-0",
        "0:1:9f2c-0",
        "1:1-0",
        "0:1-0,1:1-0",
        "0:-1-0",
        " 0:1-0",
        "0:1-0\n",
        "0:1-0,",
        "0:１-0",
        "0:1-" + "9" * 19,
        "head",
        "0:1-0" * 50_000,
        "0:0:9f2c41d7-0",
    ],
)
def test_what_is_none_is_refused_and_not_repeated(text):
    with pytest.raises(Malformed) as refused:
        parse_cursor(text, logs=1, field="after")
    assert refused.value.field == "after"
    assert not text or text not in refused.value.message.replace("`head`", "")


@given(st.lists(MARKS, min_size=2, max_size=2), st.lists(MARKS, min_size=2, max_size=2))
def test_a_cursor_has_another_where_no_part_of_it_is_behind(one, two):
    a, b = Cursor(marks=tuple(one)), Cursor(marks=tuple(two))
    joined = Cursor(
        marks=tuple(Mark(n=max(x.n, y.n), m=max(x.m, y.m)) for x, y in zip(one, two, strict=True))
    )
    assert joined.has(a)
    assert joined.has(b)
    assert a.has(earliest(2))
    assert (a.has(b) and b.has(a)) == ([(x.n, x.m) for x in one] == [(x.n, x.m) for x in two])


def test_moving_in_one_log_leaves_the_others():
    moved = earliest(3).moved(1, Mark(n=7, leaf_hash="00000000", m=2))
    assert moved.spelt() == "0:0-0,1:7:00000000-2,2:0-0"


@given(st.lists(st.tuples(MARKS, MARKS), min_size=1, max_size=4))
def test_two_places_joined_have_what_either_has_and_no_more(pairs):
    one, other = (Cursor(marks=tuple(side)) for side in zip(*pairs, strict=True))
    both = one.joined(other)
    assert both.has(one) and both.has(other)
    for mark, pair in zip(both.marks, pairs, strict=True):
        assert mark.n in {each.n for each in pair} and mark.m in {each.m for each in pair}
        assert mark.leaf_hash in {each.leaf_hash for each in pair if each.n == mark.n}
    assert other.joined(one).has(both) and both.joined(one) == both


def test_of_two_spellings_of_a_place_the_one_with_the_hash_is_kept():
    short, whole = (Cursor(marks=(Mark(n=3, leaf_hash=one),)) for one in (None, "9f2c41d7"))
    assert short.joined(whole) == whole.joined(short) == whole
