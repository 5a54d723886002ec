"""The outermost layer: what every exchange has, also those that no route is found for.

A request gets its id, HEAD is asked as GET (RFC 9110, section 9.3.2), what is no address or has no
end of headers is refused, and every response leaves with the headers that all have. Not here: what
a route does, or how much a client may ask (`limits`).
"""

from __future__ import annotations

import asyncio
import re
from typing import cast
from urllib.parse import unquote_to_bytes

from litestar import Response
from litestar.enums import ScopeType
from litestar.exceptions import LitestarException
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
)

from api import problems
from api.exchange import Exchange, begun
from api.headers import Usual, raw
from ledger.errors import Malformed

HEADERS_BYTES_MAX = 32_768
HEADERS_MAX = 100
ADDRESS_BYTES_MAX = 8_192
_NO_OCTET = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00")


class Broken(Exception):
    """The response broke off after it had begun: the connection must end, and nothing is told."""


class Envelope:
    """The application with what every exchange has."""

    def __init__(self, app: ASGIApp, *, tls_in_front: bool, body_seconds: float) -> None:
        self._app = app
        self._usual = Usual(tls_in_front=tls_in_front)
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; never raises but to end a connection."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope, begun(scope), self._usual)
        refusal = refused(scope)
        if refusal is not None:
            await answer.give(refusal)
            return
        asked = cast(Scope, {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope)
        body = _Body(receive, answer, seconds=self._body_seconds)
        try:
            await self._app(asked, body, answer)
        except asyncio.CancelledError:
            # This process is ending, and waits no longer for what is in hand.
            if not answer.begun:
                await answer.give(_broken_off(scope))
            raise
        except Exception as error:
            response = problems.unexpected(_reason(error))
            if not answer.begun:
                await answer.give(response)
            elif not answer.ended:
                raise Broken from None


def _broken_off(scope: HTTPScope) -> Response[bytes]:
    writes = any(name == b"idempotency-key" for name, _ in scope["headers"])
    return problems.problem("outcome-unknown" if writes else "unavailable")


def _reason(error: Exception) -> BaseException:
    """The framework wraps what went wrong after a response had begun."""
    wrapped = isinstance(error, LitestarException) and error.__cause__ is not None
    return error.__cause__ or error if wrapped else error


def refused(scope: HTTPScope) -> Response[bytes] | None:
    """The problem of a request whose address or headers are not to be read at all."""
    path, query = scope.get("raw_path") or b"", scope["query_string"]
    held = list(scope["headers"])
    size = sum(len(name) + len(value) for name, value in held)
    if len(held) > HEADERS_MAX or size > HEADERS_BYTES_MAX:
        return problems.problem("headers-too-large")
    if len(path) + len(query) > ADDRESS_BYTES_MAX:
        return problems.problem("uri-too-long")
    if [name for name, _ in held].count(b"host") != 1 and scope["http_version"] == "1.1":
        return problems.malformed(Malformed("must stand once", field="Host"))
    for name, text in (("path", path), ("query", query)):
        if not _is_text(text):
            message = "is not UTF-8 text, percent-encoded"
            return problems.malformed(Malformed(message, field=name))
    return None


def _is_text(encoded: bytes) -> bool:
    """RFC 3986, section 2.1; and no NUL, which no name has and no database takes."""
    if _NO_OCTET.search(encoded):
        return False
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        return False
    return True


class _Body:
    """What the caller sends, within its time, and whole."""

    def __init__(self, receive: Receive, answer: _Answer, *, seconds: float) -> None:
        self._receive = receive
        self._answer = answer
        self._ends = asyncio.get_running_loop().time() + seconds
        self._whole = False

    async def __call__(self) -> HTTPReceiveMessage:
        """The next part; raises `TooSlow`, and `Malformed` where the caller breaks off."""
        if self._whole:
            return cast(HTTPReceiveMessage, await self._receive())
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            raise problems.TooSlow from None
        if message["type"] == "http.disconnect" and not self._answer.begun:
            raise Malformed("ended before it was whole", field="body")
        self._whole = message["type"] == "http.disconnect" or not message.get("more_body", False)
        return cast(HTTPReceiveMessage, message)


class _Answer:
    """The response on its way out."""

    def __init__(self, send: Send, scope: HTTPScope, exchange: Exchange, usual: Usual) -> None:
        self.begun = False
        self.ended = False
        self._send = send
        self._path = scope["path"]
        self._head = scope["method"] == "HEAD"
        self._exchange = exchange
        self._usual = usual

    async def __call__(self, message: Message) -> None:
        """Pass a message on, the headers made whole; HEAD has no content, and ends at once."""
        if self.ended:
            # Who goes on is to notice that nobody listens, and not to keep others from their turn.
            await asyncio.sleep(0)
            return
        if message["type"] == "http.response.start":
            self.begun = True
            self._complete(message)
            await self._send(message)
            if self._head:
                self.ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        await self._send(message)

    async def give(self, response: Response[bytes]) -> None:
        """A whole response."""
        content = response.content
        about = {"content-type": str(response.media_type), "content-length": str(len(content))}
        await self(
            {
                "type": "http.response.start",
                "status": response.status_code or 500,
                "headers": raw({**response.headers, **about}),
            }
        )
        await self({"type": "http.response.body", "body": content, "more_body": False})

    def _complete(self, message: HTTPResponseStartEvent) -> None:
        more = {"x-request-id": self._exchange.echoed_id, **self._exchange.headers}
        message["headers"] = self._usual.complete(
            list(message["headers"]), raw(more), path=self._path, status=message["status"]
        )
