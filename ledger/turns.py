"""One holder at a time for each key, in the order of asking; per event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Turns(Generic[K]):
    """Who holds which key, and who waits for it. A key that nobody holds takes no room."""

    def __init__(self) -> None:
        self._waiting: dict[K, deque[asyncio.Future[None]]] = {}

    async def take(self, key: K) -> None:
        """Returns when it is the caller's turn, which lasts until `give`."""
        queue = self._waiting.get(key)
        if queue is None:
            self._waiting[key] = deque()
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                # The turn had come just before: somebody else has it instead.
                self.give(key)
            raise

    def give(self, key: K) -> None:
        """The turn of whoever waited longest."""
        queue = self._waiting[key]
        while queue:
            following = queue.popleft()
            if not following.done():
                following.set_result(None)
                return
        del self._waiting[key]
