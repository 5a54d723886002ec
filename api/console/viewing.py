"""Who looks at a page, and for what stated reason.

A page's guard puts the viewer's client where a token's would be, so that scopes, grants, quotas and
the read audit are those of every other way in. Not here: how somebody signs in, or where sessions
are kept (`Sessions` is all that pages know of them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast
from urllib.parse import quote
from uuid import UUID

import msgspec
from litestar.handlers import BaseRouteHandler

from api import noted
from api.access import CALLER, Client, Connection, Forbidden, Scope
from api.body import AnyRequest
from ledger.errors import Unavailable
from projections.read_audit import Asker

HOME = "/console"
SESSIONS = "sessions"
"""Where the application's state holds its sessions, None where nobody can sign in."""
_VIEWER = "viewer"


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is signed in; `name` is for their own eyes, and `form_token` for their forms."""

    client: Client
    name: str
    form_token: str


class Sessions(Protocol):
    """Whoever tells who is signed in, and what they said they look for."""

    async def viewer(self, connection: Connection) -> Viewer | None:
        """Who is signed in, None where nobody is."""

    async def reason(self, viewer: Viewer, subject: UUID) -> str | None:
        """The reason stated in this session for looking at this person."""

    async def state_reason(self, viewer: Viewer, subject: UUID, reason: str) -> None:
        """The reason counts for this person until the session ends."""

    def check_form(self, connection: Connection, viewer: Viewer, sent: Mapping[str, str]) -> None:
        """Raises `Forbidden` where the form was not sent from a page of this session."""


class SignInNeeded(Exception):
    """Nobody is signed in."""


class ReasonNeeded(Exception):
    """The viewer has not said why they look at this person."""

    def __init__(self, subject: UUID) -> None:
        super().__init__("say first why you look at this person")
        self.subject = subject


class SignedIn:
    """A guard that lets only viewers with the scope pass."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        viewer = await sessions_of(connection).viewer(connection)
        if viewer is None:
            raise SignInNeeded
        state = connection.scope["state"]
        state[_VIEWER], state[CALLER] = viewer, viewer.client
        if self.scope is not None and self.scope not in viewer.client.scopes:
            raise Forbidden(f"this page needs the scope {self.scope}", scope=self.scope)


def signed_in(scope: Scope | None = None) -> SignedIn:
    """The guard of a page for viewers with this scope, or for any where it names none."""
    return SignedIn(scope)


def sessions_of(connection: Connection) -> Sessions:
    """The sessions; raises `Unavailable` where sign-in is not set up."""
    found = connection.app.state.get(SESSIONS)
    if found is None:
        raise Unavailable("sign-in is not set up: see ops/docs/console.md")
    return cast(Sessions, found)


def viewer_of(connection: Connection) -> Viewer:
    """Who looks, on a page whose guard is `signed_in`."""
    return cast(Viewer, connection.scope["state"][_VIEWER])


def viewer_if_any(connection: Connection) -> Viewer | None:
    """Who looks; None on a page for everybody."""
    return cast("Viewer | None", connection.scope["state"].get(_VIEWER))


async def asker_about(request: AnyRequest, subject: UUID) -> Asker:
    """As the read audit names the viewer; raises `ReasonNeeded` where they stated no reason."""
    viewer = viewer_of(request)
    reason = await sessions_of(request).reason(viewer, subject)
    if reason is None:
        raise ReasonNeeded(subject)
    return Asker(client=viewer.client.id, reason=reason, trace=noted.trace_id())


def asker_at_large(request: AnyRequest) -> Asker:
    """The viewer, on a page that is about no one person by name."""
    return Asker(client=viewer_of(request).client.id, trace=noted.trace_id())


def here(request: AnyRequest) -> str:
    """The page's own address within the service, with its question."""
    query = request.scope["query_string"].decode("ascii")
    return request.scope["path"] + (f"?{query}" if query else "")


def onwards(place: str | None) -> str:
    """Where a form leads that was opened on the way to `place`: a page of ours, else the start."""
    inside = place is not None and (place == HOME or place.startswith((f"{HOME}/", f"{HOME}?")))
    plain = inside and place is not None and place.isprintable() and "\\" not in place
    return place if plain and place is not None else HOME


def address(path: str, **query: str | None) -> str:
    """The address with those parts of the question that are there."""
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items() if value is not None)
    return f"{path}?{asked}" if asked else path
