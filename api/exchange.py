"""One exchange: the id of its request, and headers that its response shall have.

Problems and diagnostics name a request by an id of ours. A caller's own `X-Request-ID` is repeated
to the caller and goes nowhere else, since it may be anything. Not here: who asks (`access`), or the
trace that the request belongs to (`noted`).
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from uuid import uuid4

import msgspec
from litestar.types import Scope

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Exchange(msgspec.Struct, kw_only=True):
    """A request and its response."""

    request_id: str
    echoed_id: str
    headers: dict[str, str]

    @property
    def instance(self) -> str:
        """The URI of this occurrence (RFC 9457, section 3.1.5)."""
        return f"urn:uuid:{self.request_id}"


_CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def begun(scope: Scope) -> Exchange:
    """The exchange of this request, which everything called from here on finds."""
    request_id = str(uuid4())
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    echoed = given[0] if len(given) == 1 and _GIVEN_ID.fullmatch(given[0]) else None
    exchange = Exchange(
        request_id=request_id,
        echoed_id=echoed.decode("ascii") if echoed else request_id,
        headers={},
    )
    scope["state"]["request_id"] = request_id
    _CURRENT.set(exchange)
    return exchange


def current() -> Exchange | None:
    """The exchange that this is part of, None outside any."""
    return _CURRENT.get()


def promise(name: str, value: str) -> None:
    """The response, whatever it turns out to be, has this header."""
    exchange = _CURRENT.get()
    if exchange is not None:
        exchange.headers[name] = value
