"""A cache bounded in entries and in age, so that nothing outlives its bound in memory.

Age runs from when a value was put in, not from its last use. For one event loop: it takes no lock.
Not for what must be current: whoever asks accepts an answer as old as the bound.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class AgeingCache(Generic[K, V]):
    """The most recently used values, none older than `age_s_max` seconds of `clock`."""

    def __init__(self, *, clock: Callable[[], float], entries_max: int, age_s_max: float) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._age_s_max = age_s_max
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
            del self._held[key]
            return None
        self._held.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Hold the value from now on, and let go of the least recently used beyond the bound."""
        self._held[key] = (self._clock(), value)
        self._held.move_to_end(key)
        while len(self._held) > self._entries_max:
            self._held.popitem(last=False)

    def drop(self, unwanted: Callable[[V], bool]) -> None:
        """Let go of every value that is unwanted."""
        for key in [key for key, (_, value) in self._held.items() if unwanted(value)]:
            del self._held[key]
