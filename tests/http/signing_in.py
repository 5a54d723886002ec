"""A browser as far as signing in is concerned, and a page that says who looks.

It keeps cookies as RFC 6265bis says of the prefix `__Host-`, sends them wherever it goes, and goes
nowhere by itself. Not here: a real one (`tests/browser`), or the provider (`tests/signing_in`).
"""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpx
from litestar import Litestar, Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath

from api.body import AnyRequest
from api.console import forms, problem_pages
from api.console.shell import html
from api.console.viewing import asker_about, sessions_of, signed_in, viewer_of

PREFIX = "__Host-ledger-"


@get("/who", guards=[signed_in()])
async def who(request: AnyRequest) -> dict[str, Any]:
    """Who looks."""
    client = viewer_of(request).client
    return {
        "id": client.id,
        "scopes": sorted(client.scopes),
        "whole": client.grant.whole,
        "form_token": viewer_of(request).form_token,
    }


@get("/why/{subject:uuid}", guards=[signed_in("audit")])
async def why(request: AnyRequest, subject: FromPath[UUID]) -> dict[str, Any]:
    """As the read audit would name them."""
    asker = await asker_about(request, subject)
    return {"client": asker.client, "reason": asker.reason}


@post("/why/{subject:uuid}", guards=[signed_in("audit")])
async def state(request: AnyRequest, subject: FromPath[UUID]) -> None:
    """A form that states a reason."""
    sent = await forms.sent(request)
    await sessions_of(request).state_reason(viewer_of(request), subject, sent["reason"])


@get("/form", guards=[signed_in()])
async def form(request: AnyRequest) -> Response[bytes]:
    """A page with the form that signs out."""
    token = viewer_of(request).form_token
    return html(
        '<!doctype html><title>Form</title><form method="post" action="/console/sign-out">'
        f'<input type="hidden" name="form_token" value="{token}"><button>Sign out</button></form>'
    )


def add_seam(app: Litestar) -> None:
    """Pages that show what every page of the console is told."""
    seam = Router(
        "/console/seam",
        route_handlers=[who, why, state, form],
        exception_handlers={HTTPException: problem_pages.handle, Exception: problem_pages.handle},
    )
    app.register(seam)


class Browser:
    """Asks the service under `origin`, whatever the address it listens at."""

    def __init__(self, url: str, origin: str | None = None) -> None:
        self.origin = origin or url
        self.cookies: dict[str, str] = {}
        self._http = httpx.Client(base_url=url, timeout=60, follow_redirects=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Somebody follows a link."""
        return self._keep(self._http.get(self._path(path), headers=self._headers(headers)))

    def post(self, path: str, form: dict[str, str], **headers: str) -> httpx.Response:
        """Somebody sends a form of a page of this origin, unless headers say otherwise."""
        usual = {"origin": self.origin, "sec_fetch_site": "same-origin"}
        sent = {name: one for name, one in {**usual, **headers}.items() if one}
        found = self._http.post(self._path(path), data=form, headers=self._headers(sent))
        return self._keep(found)

    def close(self) -> None:
        """Its connections are closed."""
        self._http.close()

    def begin(self, wanted: str = "/console") -> str:
        """The address at the provider that a sign-in leads to."""
        response = self._http.get(
            "/console/sign-in/start", params={"next": wanted}, headers=self._headers({})
        )
        assert response.status_code == 303, response.text
        self._keep(response)
        return response.headers["location"]

    def who(self) -> dict[str, Any] | None:
        """Who is signed in."""
        response = self.get("/console/seam/who")
        if response.status_code == 303:
            assert response.headers["location"].startswith("/console/sign-in?next=")
            return None
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def _path(self, path: str) -> str:
        """An address of this origin, as its path and question."""
        parts = urlsplit(urljoin(self.origin, path))
        assert f"{parts.scheme}://{parts.netloc}" == self.origin, "somebody else's address"
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        cookies = "; ".join(f"{name}={one}" for name, one in self.cookies.items())
        usual = {"host": urlsplit(self.origin).netloc, **({"cookie": cookies} if cookies else {})}
        return usual | {name.replace("_", "-"): one for name, one in more.items()}

    def _keep(self, response: httpx.Response) -> httpx.Response:
        for header in response.headers.get_list("set-cookie"):
            name, value, attributes = read_cookie(header)
            assert name.startswith(PREFIX)
            assert attributes.items() >= {
                ("secure", ""), ("httponly", ""), ("path", "/"), ("samesite", "lax")
            }  # fmt: skip
            assert "domain" not in attributes
            if attributes.get("max-age") == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return response


def read_cookie(header: str) -> tuple[str, str, dict[str, str]]:
    """Name, value and attributes of a `Set-Cookie`."""
    pair, *attributes = re.split(r"; ?", header)
    name, _, value = pair.partition("=")
    split = [one.partition("=") for one in attributes]
    return name, value, {one.lower(): value.lower() for one, _, value in split}
