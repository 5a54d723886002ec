"""A cache bounded in weight and in age, so that nothing outlives its bound in memory.

Age runs from when a value was put in, not from its last use. For one event loop: it takes no lock.
Not for what must be current: whoever asks accepts an answer as old as the bound.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class AgeingCache(Generic[K, V]):
    """The most recently used values, none older than `age_s_max` seconds of `clock`.

    Together they weigh no more than `weight_max`; a value weighs 1 unless `weigh` says otherwise.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        weight_max: int,
        age_s_max: float,
        weigh: Callable[[V], int] = lambda _: 1,
    ) -> None:
        self._clock = clock
        self._weight_max = weight_max
        self._age_s_max = age_s_max
        self._weigh = weigh
        self._weight = 0
        self._held: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: K) -> V | None:
        """The value, unless it was never put in, was pushed out, or is too old."""
        found = self._held.get(key)
        if found is None:
            return None
        put_at, value = found
        if self._clock() - put_at >= self._age_s_max:
            self.forget(key)
            return None
        self._held.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Hold the value from now on, and let go of the least recently used beyond the bound."""
        self.forget(key)
        self._held[key] = (self._clock(), value)
        self._weight += self._weigh(value)
        while self._weight > self._weight_max:
            self.forget(next(iter(self._held)))

    def forget(self, key: K) -> None:
        """Let go of what is held under this key, if anything is."""
        found = self._held.pop(key, None)
        if found is not None:
            self._weight -= self._weigh(found[1])

    def drop(self, unwanted: Callable[[V], bool]) -> None:
        """Let go of every value that is unwanted."""
        for key in [key for key, (_, value) in self._held.items() if unwanted(value)]:
            self.forget(key)
