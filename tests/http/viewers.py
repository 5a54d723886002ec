"""Viewers of the console for a test, signed in by nothing but a cookie that names them.

    with scratch(postgres) as where, viewed(where) as (service, viewers):
        reader = viewers.reader(service.url, reason="Complaint 7")
        reader.get(f"/console/people/{person}")

Not here: signing in itself (`signing_in`).
"""

import contextlib
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar

from api.access import SCOPES, Client, Connection, Forbidden, Grant
from api.app import create_app
from api.console.viewing import SESSIONS, Viewer
from api.issuer import Issuer
from api.runtime import Places, Runtime
from tests.http.service import ANSWER_SECONDS, Service, served

COOKIE = "viewer"
EVERYTHING = Grant(purposes=None, entry_types=None)


class Viewers:
    """Everybody who may look, and for which reason they said they look at whom."""

    def __init__(self) -> None:
        self._known: dict[str, Viewer] = {}
        self._reasons: dict[tuple[str, UUID], str] = {}
        self._usual: dict[str, str] = {}

    def add(
        self,
        name: str = "ana",
        *,
        scopes: tuple[str, ...] = SCOPES,
        grant: Grant = EVERYTHING,
        reason: str | None = "Complaint 7",
    ) -> str:
        """A viewer with these rights, by what their cookie says; `reason` is for everybody."""
        client = Client(id=f"person:{name}", scopes=frozenset(scopes), grant=grant)
        self._known[name] = Viewer(client=client, name=name.title(), form_token=f"form-of-{name}")
        if reason is not None:
            self._usual[name] = reason
        return name

    def reader(self, url: str, **about: Any) -> httpx.Client:
        """A browser of such a viewer, which follows no redirect by itself."""
        cookie = {"cookie": f"{COOKIE}={self.add(**about)}"}
        return httpx.Client(base_url=url, headers=cookie, timeout=ANSWER_SECONDS)

    async def viewer(self, connection: Connection) -> Viewer | None:
        """Who is named by the cookie."""
        found = SimpleCookie(connection.headers.get("cookie", "")).get(COOKIE)
        return None if found is None else self._known.get(found.value)

    async def reason(self, viewer: Viewer, subject: UUID) -> str | None:
        """As it was stated."""
        name = viewer.client.id.removeprefix("person:")
        return self._reasons.get((name, subject)) or self._usual.get(name)

    async def state_reason(self, viewer: Viewer, subject: UUID, reason: str) -> None:
        """From now on."""
        self._reasons[viewer.client.id.removeprefix("person:"), subject] = reason

    def check_form(self, connection: Connection, viewer: Viewer, sent: Mapping[str, str]) -> None:
        """The viewer's own forms alone."""
        if sent.get("form_token") != viewer.form_token:
            raise Forbidden("the form is not of this session")


@contextlib.contextmanager
def viewed(where: Places, **about: Any) -> Iterator[tuple[Service, Viewers]]:
    """The service over the ledger, with its viewers."""
    viewers = Viewers()

    def make_app(ledger: Runtime, issuer: Issuer) -> Litestar:
        app = create_app(ledger, issuer)
        app.state[SESSIONS] = viewers
        return app

    with served(where, make_app=make_app, **about) as service:
        yield service, viewers
