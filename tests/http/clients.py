"""Both clients for a test, as one: blocking, and asyncio behind the same calls.

    client = Face("asyncio", service.url, token, wire=Wire())
    client.check(person, "PHOTO")

`Wire` is where things go wrong: what is to become of the next requests is put in `wire.acts`.
"""

import asyncio
import inspect
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from api.client import AsyncLedger, Ledger

FACES = ("blocking", "asyncio")
Send = Callable[[], httpx2.Response]
Act = Callable[[httpx2.Request, Send], httpx2.Response]


class Wire(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """The way to a service: requests are kept, and each takes the next of `acts`, or just goes."""

    def __init__(self, *acts: Act, always: Act | None = None) -> None:
        self.acts = deque(acts)
        self.always = always
        self.requests: list[httpx2.Request] = []
        self._through = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """What becomes of a request."""
        self.requests.append(request)

        def send() -> httpx2.Response:
            sent = self._through.handle_request(request)
            body = sent.read()
            return httpx2.Response(sent.status_code, headers=sent.headers, content=body)

        act = self.acts.popleft() if self.acts else self.always
        return send() if act is None else act(request, send)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The same in an event loop, which nothing else waits for."""
        await request.aread()
        return self.handle_request(request)

    def close(self) -> None:
        """No connection is left open."""
        self._through.close()

    def sent(self, name: str) -> list[str | None]:
        """This header of each request."""
        return [one.headers.get(name) for one in self.requests]


class Face:
    """A client of either kind, whose calls return what they come to and whose lists are lists."""

    def __init__(
        self, kind: str, url: str, token: Any, *, wire: Wire | None = None, **more: Any
    ) -> None:
        self.wire = wire or Wire()
        self.ledger: Any
        if kind == "blocking":
            self.ledger = Ledger(url, token, http=httpx2.Client(transport=self.wire), **more)
        else:
            http = httpx2.AsyncClient(transport=self.wire)
            self.ledger = AsyncLedger(url, token, http=http, **more)

    def stating(self, **words: str) -> "Face":
        """The same one, stating this."""
        same = Face.__new__(Face)
        same.wire = self.wire
        same.ledger = self.ledger.stating(**words)
        return same

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **words: Any) -> Any:
            found = getattr(self.ledger, name)(*args, **words)
            if inspect.isgenerator(found):
                return list(found)
            if inspect.isasyncgen(found):
                return asyncio.run(_all(found))
            return asyncio.run(found) if inspect.iscoroutine(found) else found

        return call

    def first(self, name: str, count: int, **words: Any) -> list[Any]:
        """So many items of a list that may not end."""
        found = getattr(self.ledger, name)(**words)
        if inspect.isgenerator(found):
            return [next(found) for _ in range(count)]
        return asyncio.run(_first(found, count))

    def close(self) -> None:
        """No connection is left open."""
        self.wire.close()


async def _all(items: AsyncIterator[Any]) -> list[Any]:
    return [one async for one in items]


async def _first(items: AsyncIterator[Any], count: int) -> list[Any]:
    return [await anext(items) for _ in range(count)]


def answers(http_status: int, body: Any = None, **headers: str) -> Act:
    """The request goes nowhere, and this is its response; `_` in a header's name is a dash."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def act(request: httpx2.Request, send: Send) -> httpx2.Response:
        return httpx2.Response(http_status, json=body, headers=named)

    return act


def problem(http_status: int, slug: str, *, more: Any = None, **headers: str) -> Act:
    """The request goes nowhere, and the service has this problem with it."""
    body = {"type": f"/problems/{slug}", "title": "It cannot be", "detail": "it is so"}
    headers = {"content_type": "application/problem+json", **headers}
    return answers(http_status, {**body, **(more or {})}, **headers)


def never_sent(request: httpx2.Request, send: Send) -> httpx2.Response:
    """Nobody takes the connection."""
    raise httpx2.ConnectError("connection refused", request=request)


def unheard(request: httpx2.Request, send: Send) -> httpx2.Response:
    """The service does what it is asked, and its response is lost."""
    send()
    raise httpx2.ReadTimeout("timed out", request=request)


def lost(request: httpx2.Request, send: Send) -> httpx2.Response:
    """The request is lost on its way, which looks the same to who sent it."""
    raise httpx2.ReadError("connection reset", request=request)


def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long this thread would have slept each time from now on; others sleep as ever."""
    found: list[float] = []
    blocking, waiting, here = time.sleep, asyncio.sleep, threading.get_ident()

    def sleep(seconds: float) -> None:
        if threading.get_ident() != here:
            blocking(seconds)
        else:
            found.append(seconds)

    async def wait(seconds: float, result: Any = None) -> Any:
        if threading.get_ident() != here:
            return await waiting(seconds, result)
        found.append(seconds)
        return result

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("asyncio.sleep", wait)
    return found
