"""The cache: bounded in weight and in age, whatever is asked of it."""

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.cache import AgeingCache


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock, weight_max: int = 3) -> AgeingCache[str, int]:
    return AgeingCache(clock=clock, weight_max=weight_max, age_s_max=60.0)


@pytest.mark.parametrize(("age", "found"), [(59.9, 1), (60.0, None), (1e9, None)])
def test_a_value_is_held_for_less_than_its_age(age, found):
    clock = Clock()
    cache = make(clock)
    cache.put("a", 1)
    clock.now = age
    assert cache.get("a") == found
    assert len(cache) == (0 if found is None else 1)


def test_use_does_not_keep_a_value_young_but_putting_it_again_does():
    clock = Clock()
    cache = make(clock)
    cache.put("a", 1)
    cache.put("b", 2)
    clock.now = 59.0
    assert cache.get("a") == 1
    cache.put("b", 3)
    clock.now = 61.0
    assert cache.get("a") is None
    assert cache.get("b") == 3


def test_what_is_unwanted_is_let_go():
    cache = make(Clock())
    for name, value in (("a", 1), ("b", 2), ("c", 1)):
        cache.put(name, value)
    cache.drop(lambda value: value == 1)
    assert [cache.get(name) for name in "abc"] == [None, 2, None]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=60))
def test_the_least_recently_used_value_goes_first(steps):
    """Compared with a plain ordered dictionary that is cut by hand."""
    cache, plain = make(Clock()), OrderedDict()
    for n, (name, write) in enumerate(steps):
        if write:
            cache.put(name, n)
            plain[name] = n
        assert cache.get(name) == plain.get(name)
        if name in plain:
            plain.move_to_end(name)
        while len(plain) > 3:
            plain.popitem(last=False)
        assert len(cache) == len(plain)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 9), st.booleans()),
        max_size=60,
    )
)
def test_no_more_is_held_than_the_weight_allows(steps):
    """A value that weighs more than all that may be held is not held."""
    cache = AgeingCache[str, int](
        clock=Clock(), weight_max=12, age_s_max=60.0, weigh=lambda value: value
    )
    plain: OrderedDict[str, int] = OrderedDict()
    for name, value, wide in steps:
        if value is None:
            cache.forget(name)
            plain.pop(name, None)
        else:
            plain.pop(name, None)
            plain[name] = value + 4 * wide
            cache.put(name, plain[name])
        while sum(plain.values()) > 12:
            plain.popitem(last=False)
        assert len(cache) == len(plain)
    assert {name: cache.get(name) for name in "abcdef"} == {
        name: plain.get(name) for name in "abcdef"
    }
