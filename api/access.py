"""Who asks, and what they may do: bearer tokens of a local issuer, with coarse scopes.

The issuer is for the embedded default: its key lies beside the data, readable by the service alone.
Not here: what a route does.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

Scope = Literal["record", "check", "history", "catalogue"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
ISSUER = "ledger"
AUDIENCE = "ledger"
ALGORITHM = "ES256"
CACHE_MAX = 10_000
CACHE_SECONDS = 60

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], None]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A caller: its id, which entries carry as `recorded_by`, and its scopes."""

    id: str
    scopes: frozenset[str]


class Unauthenticated(Exception):
    """No token, or one that this service does not accept."""


class Forbidden(Exception):
    """The token does not carry the scope that the route needs."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token needs the scope {scope}")
        self.scope = scope


class Issuer:
    """Issues and verifies tokens with one ES256 key; verified ones are remembered for a minute."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._verified: dict[str, tuple[float, Client]] = {}

    @classmethod
    def at(cls, path: Path) -> Issuer:
        """The issuer whose key is in this file, made there, whole at once, if it is not."""
        if not path.exists():
            _make_key(path)
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, str | list[str]])
        return cls(ECKey.import_key(held))

    def token(self, client: str, scopes: tuple[Scope, ...], *, seconds: int) -> str:
        """A token for the client, valid from now for `seconds`."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "iat": now,
            "exp": now + seconds,
            "scope": " ".join(scopes),
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, self._key)

    def client(self, token: str) -> Client:
        """Who the token speaks for; raises `Unauthenticated`."""
        now = time.time()
        held = self._verified.get(token)
        if held is not None and now < held[0]:
            return held[1]
        client, expires = self._verify(token, now)
        if len(self._verified) >= CACHE_MAX:
            self._verified.clear()
        self._verified[token] = (min(expires, now + CACHE_SECONDS), client)
        return client

    def _verify(self, token: str, now: float) -> tuple[Client, float]:
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
        except (JoseError, ValueError) as error:
            raise Unauthenticated("the token is not one of this issuer") from error
        claims = decoded.claims
        subject, expires = claims.get("sub"), claims.get("exp")
        if claims.get("iss") != ISSUER or claims.get("aud") != AUDIENCE:
            raise Unauthenticated("the token is for another service")
        if decoded.header.get("typ") != "at+jwt" or not isinstance(subject, str) or not subject:
            raise Unauthenticated("the token is no access token")
        if not isinstance(expires, int | float) or expires <= now:
            raise Unauthenticated("the token has expired: ask for a new one")
        scopes = claims.get("scope")
        words = scopes.split() if isinstance(scopes, str) else []
        return Client(id=subject, scopes=frozenset(words)), float(expires)


def _make_key(path: Path) -> None:
    """A new key file; of two makers at once, the first one's stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    key = ECKey.generate_key("P-256").as_dict(private=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(key))
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def needs(scope: Scope) -> Guard:
    """A guard that lets only clients with the scope pass."""

    def guard(connection: Connection, _: BaseRouteHandler) -> None:
        client = client_of(connection)
        if scope not in client.scopes:
            raise Forbidden(scope)

    return guard


def client_of(connection: Connection) -> Client:
    """The client whose token the request carries."""
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("send `Authorization: Bearer <token>`")
    issuer: Issuer = connection.app.state["issuer"]
    return issuer.client(token.strip())
