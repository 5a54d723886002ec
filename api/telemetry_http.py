"""Every request observed: a span, a duration, and what was noted, by the template of its route.

Plain ASGI around the whole application, so that no route and no error goes by unseen. No path, no
query, no address and no header value leaves here: what names a request is its method and its route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from time import perf_counter
from typing import NamedTuple

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.noted import Noted, current
from api.telemetry import Telemetry

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"
UNMATCHED = "unmatched"
"""The route of a request that no route takes."""
UNANSWERED = "none"
"""The status of a request whose caller went away first."""
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_TYPE = re.compile(r":\w+}")


class Parent(NamedTuple):
    """The caller's span, as its `traceparent` names it (W3C Trace Context, 3.2)."""

    trace_id: str
    span_id: str
    sampled: bool


class Routed:
    """The application within everything that may copy the scope: says which route was found."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The inner application's answer."""
        try:
            await self._inner(scope, receive, send)
        finally:
            noted, template = current.get(), scope.get("path_template")
            if noted is not None and isinstance(template, str):
                noted.route = _plain(template)


class Observed:
    """The application, observed."""

    def __init__(self, inner: ASGIApp, telemetry: Telemetry) -> None:
        self._inner = inner
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The inner application's answer."""
        if scope["type"] != ScopeType.HTTP:
            await self._inner(scope, receive, send)
            return
        one = _One(scope, self._telemetry)
        reset = current.set(one.noted)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                one.code = message["status"]
            await send(message)

        try:
            await self._inner(scope, receive, sending)
        except BaseException as error:
            one.noted.problem = type(error).__name__
            raise
        finally:
            current.reset(reset)
            one.end(scope)


class _One:
    """One request, from its beginning to its end."""

    def __init__(self, scope: HTTPScope, telemetry: Telemetry) -> None:
        self.code = 0
        self._started = perf_counter()
        self._telemetry = telemetry
        method = scope["method"]
        self._method = method if method in METHODS else OTHER
        parent = parent_of(scope["headers"])
        self.noted = Noted(trace_id=parent.trace_id if parent else None)
        telemetry.metrics.active.inc()
        self._span = telemetry.spans.request(self._method, parent) if telemetry.spans else None
        if self._span is not None:
            self.noted.trace_id = self._span.trace_id

    def end(self, scope: Scope) -> None:
        route = self.noted.route or UNMATCHED
        code = str(self.code) if self.code else UNANSWERED
        metrics, noted = self._telemetry.metrics, self.noted
        metrics.active.dec()
        seconds = perf_counter() - self._started
        metrics.requests.labels(self._method, route, code).observe(seconds)
        for decision, many in noted.decisions.items():
            metrics.checks.labels(decision).inc(many)
        if noted.refusal is not None:
            metrics.refusals.labels(noted.refusal).inc()
        if noted.problem is not None:
            metrics.problems.labels(noted.problem).inc()
        if self._span is not None:
            self._span.end(f"{self._method} {route}", self._attributes(scope, route))

    def _attributes(self, scope: Scope, route: str) -> dict[str, str | int]:
        noted = self.noted
        found: dict[str, str | int] = {
            "http.request.method": self._method,
            "http.route": route,
            "url.scheme": "https" if scope["scheme"] == "https" else "http",
        }
        if self.code:
            found["http.response.status_code"] = self.code
        if noted.problem is not None:
            found["error.type"] = noted.problem
        if noted.refusal is not None:
            found["ledger.refusal"] = noted.refusal
        if noted.decisions:
            found["ledger.answers"] = noted.decisions.total()
        if len(noted.decisions) == 1:
            found["ledger.decision"] = next(iter(noted.decisions))
        return found


def parent_of(headers: Iterable[tuple[bytes, bytes]]) -> Parent | None:
    """The caller's span; None where it names none, or not as the standard says.

    `tracestate` is not taken: it is free text.
    """
    values = [value for name, value in headers if name == b"traceparent"]
    found = _TRACEPARENT.fullmatch(values[0].decode("latin-1")) if len(values) == 1 else None
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    if found[0].startswith("00") and len(found[0]) != 55:
        return None
    return Parent(found[1], found[2], bool(int(found[3], 16) & 1))


@cache
def _plain(template: str) -> str:
    """The template without the types of its parameters."""
    return _TYPE.sub("}", template) or "/"
