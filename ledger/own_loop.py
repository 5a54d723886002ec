"""An event loop in a thread of its own, for callers that are not asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from threading import Lock, Thread
from typing import TypeVar, cast

from ledger.errors import Unavailable

T = TypeVar("T")


class OwnLoop:
    """Runs what callers of any thread hand it, until it is closed by one of them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="ledger-recorder", daemon=True)
        self._stack = AsyncExitStack()
        self._taking = Lock()
        self._closing = False
        self._taken: set[Future[object]] = set()
        self._thread.start()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """What the coroutine returns. A caller who is interrupted does not stop it.

        Raises `Unavailable` once the loop is being closed, and has then begun nothing.
        """
        with self._taking:
            if self._closing:
                coroutine.close()
                raise Unavailable("this event loop is closed")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
            self._taken.add(cast("Future[object]", future))
        future.add_done_callback(self._taken.discard)
        return future.result()

    def enter(self, resource: AbstractAsyncContextManager[T]) -> T:
        """The resource, entered in the loop, and left when the loop is closed."""
        return self.run(self._stack.enter_async_context(resource))

    def close(self) -> None:
        """Who was there has an answer, every resource is left, last first, and the thread ended."""
        with self._taking:
            self._closing = True
        wait(tuple(self._taken))
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
