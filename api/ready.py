"""Answers that leave as they are: JSON made by the route, and nothing between it and the wire.

What the framework adds to a response (cookies, media types, encoders, its own copy of the route
for each guard) a check has no use for, and it costs as much as answering does.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import Connection
from api.body import AnyRequest


class Ready:
    """A whole response of JSON that nobody may store."""

    def __init__(self, body: object, *, status: int = 200) -> None:
        self.body = msgspec.json.encode(body)
        self.status = status

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(self.body)),
                    (b"cache-control", b"no-store"),
                ],
            }
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Answering(HTTPRouteHandler):
    """A route that answers with `Ready`, and whose guards are given the route itself."""

    async def authorize_connection(self, connection: Connection) -> None:
        """Ask each guard; none of ours changes what it is given."""
        for guard in self.resolve_guards():
            await guard(connection, self)  # type: ignore[misc]

    async def to_response(self, app: Litestar, data: Any, request: AnyRequest) -> ASGIApp:
        """What the route made, or what a hook before it did."""
        if isinstance(data, Ready):
            return data
        assert isinstance(data, Response), "a route that answers makes a response"
        return await super().to_response(app, data, request)
