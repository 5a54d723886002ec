"""Who asks, and what they may do: the client behind a request, its scopes and its grant.

A route says which scope it needs; what a grant covers is asked where a purpose is named. Not here:
how a token is verified (`tokens`, `authentication`), or how a grant comes about (`grants`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, get_args

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from ledger.events import Fact, name_of
from ledger.terms import EVERY_PURPOSE

Scope = Literal["record", "check", "history", "catalogue", "audit", "feed"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
CALLER = "caller"
"""Where the request's state holds its client, or why it has none."""
REALM = 'Bearer realm="ledger"'

Connection = ASGIConnection[Any, Any, Any, Any]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The purposes, and the types of entry to record, that a client's work covers; None is all.

    A grant that names nothing covers nothing.
    """

    purposes: frozenset[str] | None = frozenset()
    entry_types: frozenset[str] | None = frozenset()

    @property
    def whole(self) -> bool:
        """Every purpose: then also what is said of no purpose, and of a person as such."""
        return self.purposes is None

    def covers(self, purpose: str) -> bool:
        """Whether the client may ask about this purpose, and record for it."""
        return self.purposes is None or purpose in self.purposes

    def shows(self, fact: Fact) -> bool:
        """Whether the client may see the fact: it names a purpose of the grant, or every purpose.

        A fact that names none is the person's, and shown to a grant over all purposes.
        """
        if self.purposes is None:
            return True
        named = getattr(fact, "purpose", None)
        return named in self.purposes or (named == EVERY_PURPOSE and bool(self.purposes))

    def records(self, fact: Fact) -> bool:
        """Whether the client may record the fact: its type, for every purpose that it acts on."""
        if self.entry_types is not None and name_of(fact) not in self.entry_types:
            return False
        return self.purposes is None or getattr(fact, "purpose", None) in self.purposes


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """A caller: its id, which entries carry as `recorded_by`, its scopes and its grant."""

    id: str
    scopes: frozenset[str]
    grant: Grant = Grant()


class Unauthenticated(Exception):
    """No token, or one that this service does not accept; `error` is RFC 6750's, None for none."""

    def __init__(self, message: str, *, error: str | None = "invalid_token") -> None:
        super().__init__(message)
        self.error = error

    @property
    def challenge(self) -> str:
        """What `WWW-Authenticate` says: RFC 6750, section 3."""
        if self.error is None:
            return REALM
        return f'{REALM}, error="{self.error}", error_description="{self}"'


class Forbidden(Exception):
    """The token does not carry the scope that the route needs, or its grant is too narrow."""

    def __init__(self, message: str, *, scope: str | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.scope = scope
        self.field = field

    @property
    def challenge(self) -> str:
        """What `WWW-Authenticate` says: RFC 6750, section 3.1."""
        named = "" if self.scope is None else f', scope="{self.scope}"'
        return f'{REALM}, error="insufficient_scope"{named}'


class Needs:
    """A guard that lets only clients with the scope pass."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        if self.scope not in client_of(connection).scopes:
            raise Forbidden(f"the token needs the scope {self.scope}", scope=self.scope)


def needs(scope: Scope) -> Needs:
    """The guard of a route for clients with this scope."""
    return Needs(scope)


def client_of(connection: Connection) -> Client:
    """The client whose token the request carries."""
    caller = connection.scope["state"].get(CALLER)
    if isinstance(caller, Client):
        return caller
    if isinstance(caller, Exception):
        raise caller
    raise Unauthenticated("send `Authorization: Bearer <token>`", error=None)


def covering(connection: Connection, purposes: Iterable[str]) -> Grant:
    """The client's grant, which covers each of these purposes; asked before anything is read."""
    grant = client_of(connection).grant
    if not all(grant.covers(purpose) for purpose in purposes):
        raise Forbidden("the token's grant does not cover a purpose that is asked about")
    return grant


def whole_grant(connection: Connection, *, field: str | None = None) -> None:
    """Passes only clients whose grant is over every purpose."""
    if not client_of(connection).grant.whole:
        raise Forbidden("the token's grant must be over every purpose for this", field=field)


def recording(connection: Connection, facts: Iterable[Fact]) -> None:
    """Passes only clients whose grant is to record each of these facts."""
    grant = client_of(connection).grant
    for place, fact in enumerate(facts):
        if not grant.records(fact):
            message = "the token's grant does not cover entries of this type for this purpose"
            raise Forbidden(message, field=f"entries[{place}]")
