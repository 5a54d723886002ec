"""An event loop in a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class OwnLoop:
    """Runs what callers of any thread hand it, until it is closed by one of them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="ledger-recorder", daemon=True)
        self._stack = AsyncExitStack()
        self._thread.start()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """What the coroutine returns. A caller who is interrupted does not stop it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """The resource, entered in the loop, and left when the loop is closed."""
        return self.run(self._stack.enter_async_context(resource))

    def close(self) -> None:
        """Every resource is left, last first, and the thread has ended."""
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
