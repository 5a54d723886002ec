"""Signing in and out: the page before, the way to the provider and back, and the page after.

Nothing but the sealed cookies decides who somebody is; what a provider sends back with the browser
is believed only for the sign-in that this browser began. Not here: the flow (`oidc`), or sessions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, cast
from urllib.parse import quote

import msgspec
from litestar import Litestar, Response, get, post
from litestar.params import QueryParameter

from api.body import AnyRequest, Misasked, check_bodiless
from api.console import forms
from api.console.local_provider import LocalProvider
from api.console.oidc import RelyingParty
from api.console.oidc_failures import SignInFailed
from api.console.session import CookieSessions, SignedInViewer
from api.console.session_cookies import cookies_of, gone
from api.console.shell import page, see_other
from api.console.sign_in_flow import Flows, name_of
from api.console.viewing import HOME, SESSIONS, address, onwards, signed_in, viewer_of
from ledger.errors import Unavailable

SIGN_IN = "sign_in"
"""Where the application's state holds it."""
PATH = f"{HOME}/sign-in"
CALLBACK = f"{PATH}/callback"
PARAMETERS_MAX = 20
_PRINTED = "/?&=%:+,;@!$'()*~#"
_NOT_SET_UP = "sign-in is not set up: see ops/docs/access.md"
diagnostics = logging.getLogger("ledger")

Next = Annotated[str | None, QueryParameter(name="next")]


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """How people sign in to the console at `origin`; `local` is the provider beside it, if any."""

    origin: str
    sessions: CookieSessions
    flows: Flows
    party: RelyingParty
    local: LocalProvider | None = None

    def install(self, app: Litestar) -> None:
        """From now on pages of the application know who looks."""
        app.state[SESSIONS] = self.sessions
        app.state[SIGN_IN] = self


def sign_in_of(request: AnyRequest) -> SignIn:
    """How people sign in here; raises `Unavailable` where they cannot."""
    found = request.app.state.get(SIGN_IN)
    if found is None:
        raise Unavailable(_NOT_SET_UP)
    return cast(SignIn, found)


def read_parameters(request: AnyRequest) -> dict[str, str]:
    """What came in the address: a provider may add to it, but says nothing twice (RFC 6749, 3.1).

    Raises `Malformed`.
    """
    pairs = list(request.query_params.multi_items())
    found = {name: value for name, value in pairs if isinstance(value, str)}
    if len(pairs) > PARAMETERS_MAX or len(found) != len(pairs):
        raise Misasked("a parameter stands twice, or there are too many", code="parameter-twice")
    return found


async def any_parameters(request: AnyRequest) -> None:
    """What is asked of every call, for one whose parameters others choose."""
    check_bodiless(request)


@get("/sign-in")
async def offer(request: AnyRequest, wanted: Next = None) -> Response[bytes]:
    """The page that leads to the provider."""
    here = sign_in_of(request)
    if here.local is not None and not here.local.is_named(request):
        # Cookies are of one name of this machine, and the way back has it.
        return see_other(here.origin + address(PATH, next=_place(wanted)))
    start = address(f"{PATH}/start", next=onwards(wanted))
    shown = {"start": start, "local": here.local is not None}
    return page(request, "sign_in.html", shown, title="Sign in")


@get("/sign-in/start")
async def start(request: AnyRequest, wanted: Next = None) -> Response[bytes]:
    """The browser is sent to the provider, and keeps what the way back must show."""
    here = sign_in_of(request)
    try:
        leads_to, flow = await here.party.begun(_place(wanted))
    except SignInFailed as error:
        return _failed(request, error)
    response = see_other(leads_to)
    for one in here.flows.kept(flow, cookies_of(request)):
        response.set_cookie(one)
    return response


@get("/sign-in/callback", before_request=any_parameters)
async def callback(request: AnyRequest) -> Response[bytes]:
    """The browser is back: the person has a session, or is told why not."""
    here, came = sign_in_of(request), read_parameters(request)
    try:
        response = await _finished(request, here, came)
    except SignInFailed as error:
        response = _failed(request, error)
    # Whatever came of it, that sign-in is over.
    response.set_cookie(gone(name_of(came.get("state", ""))))
    return response


@get("/signed-out")
async def signed_out(request: AnyRequest) -> Response[bytes]:
    """The page after."""
    return page(request, "signed_out.html", {"sign_in": PATH}, title="You are signed out")


@post("/sign-out", guards=[signed_in()], status_code=303)
async def sign_out(request: AnyRequest) -> Response[bytes]:
    """The session ends, wherever a copy of its cookie is."""
    await forms.sent(request)
    viewer = cast(SignedInViewer, viewer_of(request))
    cookie = await sign_in_of(request).sessions.end(viewer)
    response = see_other(f"{HOME}/signed-out")
    response.set_cookie(cookie)
    return response


ROUTES = [offer, start, callback, signed_out, sign_out]


async def _finished(request: AnyRequest, here: SignIn, came: Mapping[str, str]) -> Response[bytes]:
    flow = here.flows.of(came.get("state", ""), cookies_of(request))
    person = await here.party.finished(flow, came)
    before = await here.sessions.viewer(request)
    if before is not None:
        await here.sessions.end(before)
    diagnostics.info("signed in", extra={"role": person.role})
    response = see_other(_place(flow.wanted))
    response.set_cookie(here.sessions.begun(person))
    return response


def _place(wanted: str | None) -> str:
    """A page of ours to go on to, never one of these, in letters that a header may have."""
    place = onwards(wanted)
    return HOME if place.startswith(PATH) else quote(place, safe=_PRINTED)


def _failed(request: AnyRequest, error: SignInFailed) -> Response[bytes]:
    told = error.told
    diagnostics.warning("sign-in failed", extra={"kind": error.kind, "why": error.why})
    shown = {"advice": told.advice, "sign_in": PATH}
    response = page(request, "sign_in_failed.html", shown, title=told.title, status_code=told.code)
    if told.code == 503:
        response.headers["retry-after"] = "5"
    return response
