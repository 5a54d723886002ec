"""Rate limits: a bucket for each client, filled by an injected clock, bounded in memory."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from api import limits
from api.limits import Buckets, Quota, buckets_of
from api.settings import Settings


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def buckets(per_second: float, burst: int) -> tuple[Buckets, Clock]:
    clock = Clock()
    return Buckets(Quota(name="default", per_second=per_second, burst=burst), clock=clock), clock


def test_a_rested_client_may_ask_a_burst_and_then_at_the_rate() -> None:
    made, clock = buckets(2, 5)

    first = [made.take("a") for _ in range(6)]
    clock.now += 0.5
    again = [made.take("a").allowed for _ in range(2)]

    assert [one.allowed for one in first] == [True] * 5 + [False]
    assert [one.remaining for one in first] == [4, 3, 2, 1, 0, 0]
    assert (first[-1].next_in, first[-1].full_in) == (1, 3)
    assert again == [True, False]


def test_one_client_takes_nothing_from_another() -> None:
    made, _ = buckets(1, 1)

    assert [made.take(one).allowed for one in "aabb"] == [True, False, True, False]


def test_a_long_rest_gives_no_more_than_the_burst() -> None:
    made, clock = buckets(10, 3)
    made.take("a")
    clock.now += 1e9

    assert [made.take("a").allowed for _ in range(4)] == [True, True, True, False]


def test_the_wait_is_long_enough_and_not_longer_than_a_second_too_long() -> None:
    made, clock = buckets(0.1, 1)
    made.take("a")

    refused = made.take("a")
    clock.now += refused.next_in

    assert (refused.allowed, refused.next_in) == (False, 10)
    assert made.take("a").allowed


def test_only_so_many_clients_are_remembered_and_the_idlest_is_forgotten() -> None:
    made, _ = buckets(1, 1)
    for n in range(limits.CLIENTS_MAX + 1):
        made.take(str(n))

    assert len(made._held) == limits.CLIENTS_MAX
    assert made.take(str(limits.CLIENTS_MAX)).allowed is False
    assert made.take("0").allowed


@given(
    st.sampled_from([0.5, 1.0, 3.0, 100.0]),
    st.integers(1, 20),
    st.lists(st.integers(0, 16), max_size=200),
    st.randoms(use_true_random=False),
)
def test_no_window_lets_more_through_than_burst_and_rate(
    per_second: float, burst: int, steps: list[int], random: Random
) -> None:
    made, clock = buckets(per_second, burst)
    passed = []
    for step in steps:
        clock.now += step / 8
        taken = made.take("a")
        assert 0 <= taken.remaining <= burst
        if taken.allowed:
            passed.append(clock.now)
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            span = passed[end] - passed[start]
            assert end - start + 1 <= burst + span * per_second + 1e-6


def test_the_quota_is_told_as_the_draft_spells_it() -> None:
    assert Quota(name="resolve", per_second=10, burst=100).policy() == '"resolve";q=100;w=10'
    assert Quota(name="x", per_second=3, burst=10).policy() == '"x";q=10;w=4'


def test_a_rate_of_nothing_sets_no_limit() -> None:
    settings = Settings(rate_limit_per_second=0, resolve_limit_per_second=1)

    assert sorted(buckets_of(settings, clock=Clock())) == ["resolve"]
