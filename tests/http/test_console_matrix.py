"""Every page of the console asks who looks, except those that anybody may open."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from joserfc.jwk import ECKey
from litestar.routes import HTTPRoute

from api.app import create_app
from api.console.viewing import HOME, SignedIn, SignInNeeded
from api.issuer import Issuer
from api.runtime import Runtime
from tests.http.service import SETTINGS

Call = tuple[str, str]

NEEDED: dict[Call, str | None] = {
    ("GET", "/console"): "history",
    ("POST", "/console/people/find"): "history",
    ("GET", "/console/people/{subject:uuid}"): "history",
    ("GET", "/console/people/{subject:uuid}/{table:str}"): "history",
    ("GET", "/console/people/{subject:uuid}/entries/{entry:uuid}"): "history",
    ("GET", "/console/people/{subject:uuid}/reason"): "history",
    ("POST", "/console/people/{subject:uuid}/reason"): "history",
    ("GET", "/console/people/{subject:uuid}/travel"): "history",
    ("GET", "/console/people/{subject:uuid}/why"): "history",
    ("GET", "/console/people/{subject:uuid}/why/{table:str}"): "history",
    ("POST", "/console/sign-out"): None,
}
"""The scope that each page needs of its viewer, None where any will do. A new one is entered."""
OPEN = {
    ("GET", "/console/accessibility"),
    ("GET", "/console/assets/{name:str}"),
    ("GET", "/console/demo-provider/authorize"),
    ("POST", "/console/demo-provider/authorize"),
    ("GET", "/console/demo-provider/.well-known/openid-configuration"),
    ("GET", "/console/demo-provider/jwks"),
    ("POST", "/console/demo-provider/token"),
    ("GET", "/console/glossary"),
    ("GET", "/console/how-do-we-know"),
    ("GET", "/console/sign-in"),
    ("GET", "/console/sign-in/callback"),
    ("GET", "/console/sign-in/start"),
    ("GET", "/console/signed-out"),
    ("GET", "/console/{rest:path}"),
}
"""What shows nobody's data, and is for everybody."""


def guards() -> dict[Call, list[Any]]:
    """The guards of every page that the application has."""
    unconnected = cast(Runtime, SimpleNamespace(settings=SETTINGS, telemetry=None))
    app = create_app(unconnected, Issuer(ECKey.generate_key("P-256")))
    return {
        (method, route.path): list(handler.resolve_guards())
        for route in app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(HOME)
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    }


GUARDS = guards()


def test_every_page_is_entered_here() -> None:
    assert GUARDS.keys() == NEEDED.keys() | OPEN


@pytest.mark.parametrize("call", sorted(GUARDS))
def test_a_page_asks_who_looks_and_for_its_scope(call: Call) -> None:
    scopes = [one.scope for one in GUARDS[call] if isinstance(one, SignedIn)]

    assert scopes == ([] if call in OPEN else [NEEDED[call]])


def test_a_guard_passes_nobody_unknown() -> None:
    class Empty:
        async def viewer(self, _: object) -> None:
            return None

    connection: Any = SimpleNamespace(app=SimpleNamespace(state={"sessions": Empty()}))
    with pytest.raises(SignInNeeded):
        asyncio.run(SignedIn("history")(connection, cast(Any, None)))
