"""The client for asyncio. Its calls are those of the blocking one, driven in the same way."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx2
import stamina

from api import client_calls as calls
from api import client_lists as lists
from api.client_core import Core, Flow, Page
from api.client_errors import ClientError, Unauthenticated
from api.client_exchange import Call, Reply, Tries, answered, unreached
from api.client_sending import (
    ATTEMPTS,
    PATIENCE_SECONDS,
    TIMEOUT_SECONDS,
    Sending,
    checked_token,
)

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(
    flow: Callable[Concatenate[Core, P], Flow[T]],
) -> Callable[Concatenate[AsyncLedger, P], Coroutine[Any, Any, T]]:
    @wraps(flow)
    async def method(self: AsyncLedger, /, *args: P.args, **words: P.kwargs) -> T:
        return await self._run(flow(self._core, *args, **words))

    return method


def _iterated_async(
    flow: Callable[Concatenate[Core, P], Flow[Page[T]]],
) -> Callable[Concatenate[AsyncLedger, P], AsyncIterator[T]]:
    @wraps(flow)
    async def method(self: AsyncLedger, /, *args: P.args, **words: P.kwargs) -> AsyncIterator[T]:
        following: Flow[Page[T]] | None = flow(self._core, *args, **words)
        while following is not None:
            page = await self._run(following)
            for one in page.items:
                yield one
            following = page.following

    return method


class AsyncLedger(Sending):
    """A client for asyncio, with the calls of `Ledger`: awaited, and lists with `async for`.

    `token` may also be fetched by an async function. Share it between tasks of one event loop.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str | Awaitable[str]],
        *,
        http: httpx2.AsyncClient | None = None,
        timeout: float = TIMEOUT_SECONDS,
        attempts: int = ATTEMPTS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        super().__init__(
            url, ours=http is None, timeout=timeout, attempts=attempts, patience=patience
        )
        self._http = httpx2.AsyncClient() if http is None else http
        self._tokens = _AsyncTokens(token)

    check = _awaited(calls.check)
    check_many = _awaited(calls.check_many)
    bases = _awaited(calls.bases)
    diff = _awaited(calls.diff)
    resolve = _awaited(calls.resolve)
    record = _awaited(calls.record)
    record_common = _awaited(calls.record_common)
    catalogue = _awaited(calls.catalogue)
    adopt = _awaited(calls.adopt)
    timeline = _iterated_async(lists.timeline)
    population = _iterated_async(lists.population)
    exposures = _awaited(lists.exposures)
    reads = _iterated_async(lists.reads)
    feed = _iterated_async(lists.feed)
    call = _awaited(calls.call)

    async def close(self) -> None:
        """No connection is left open."""
        if self._ours:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        try:
            call = next(flow)
            while True:
                try:
                    reply = await self._exchange(call)
                except ClientError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(reply)
        except StopIteration as done:
            found: T = done.value
            return found

    async def _exchange(self, call: Call) -> Reply:
        if call.pause:
            await asyncio.sleep(call.pause)
        tries = Tries(call, patience=self._patience)
        retrying = stamina.AsyncRetryingCaller(attempts=self._attempts, timeout=self._patience)
        try:
            return await retrying(tries.wait, self._once, call)
        except ClientError as error:
            tries.end(error)

    async def _once(self, call: Call) -> Reply:
        token = await self._tokens.held()
        try:
            return await self._sent(call, token)
        except Unauthenticated:
            if not self._tokens.fetched:
                raise
            return await self._sent(call, await self._tokens.held(instead_of=token))

    async def _sent(self, call: Call, token: str) -> Reply:
        try:
            request = self._built(self._http, call, token)
            return answered(await self._http.send(request, auth=None, follow_redirects=False))
        except httpx2.RequestError as error:
            raise unreached(error) from error


class _AsyncTokens:
    """The same for an event loop."""

    def __init__(self, token: str | Callable[[], str | Awaitable[str]]) -> None:
        self._source = token
        self._held: str | None = None
        self._lock = asyncio.Lock()
        self.fetched = not isinstance(token, str)

    async def held(self, *, instead_of: str | None = None) -> str:
        """The token; `instead_of` one that is good no more, another."""
        async with self._lock:
            if self._held in (None, instead_of):
                source = self._source
                found = source if isinstance(source, str) else source()
                self._held = checked_token(await found if inspect.isawaitable(found) else found)
            return self._held
