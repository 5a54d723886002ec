"""Authentication of requests, before a route looks at them.

Pure ASGI: a token that was verified a moment ago costs one digest. Who has no valid token is told
so by the route's guard, before a body is read; what is public asks nobody. Not here: tokens
themselves (`tokens`), or what a client may do (`access`).
"""

from __future__ import annotations

import re

from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import CALLER, Client, Unauthenticated
from api.tokens import TOKEN_CHARACTERS_MAX, Tokens
from ledger.errors import Unavailable

_TOKEN = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
"""RFC 6750, section 2.1; a scheme has no case."""


class Authentication:
    """Puts the client of each guarded request into its state, or why there is none."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate where the route asks who calls."""
        if scope["route_handler"].resolve_guards():
            scope["state"][CALLER] = await self._caller(scope)
        await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Client | Unauthenticated | Unavailable:
        try:
            return await client_now(self._tokens, scope)
        except (Unauthenticated, Unavailable) as error:
            return error


async def client_now(tokens: Tokens, scope: Scope) -> Client:
    """Whom the request's token speaks for at this moment: one that goes on for long asks again.

    Raises `Unauthenticated`, or `Unavailable` where that cannot be told now.
    """
    return await tokens.client(_token(scope))


def _token(scope: Scope) -> str:
    """The one bearer token of the request."""
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(sent) > 1:
        raise Unauthenticated("send one Authorization header", error="invalid_request")
    found = _TOKEN.fullmatch(sent[0]) if sent else None
    if found is None:
        raise Unauthenticated("send `Authorization: Bearer <token>`", error=None)
    if len(found[1]) > TOKEN_CHARACTERS_MAX:
        raise Unauthenticated("the token is too long")
    return found[1].decode()
