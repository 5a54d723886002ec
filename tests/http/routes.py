"""Every call that the application has, what it needs, and a request of it.

A new route is entered here: its scope, and what its body may hold where it takes one.
"""

import json
from typing import Any, cast
from uuid import uuid4

from joserfc.jwk import ECKey
from litestar.routes import HTTPRoute

from api.access import Issuer, Scope
from api.app import create_app
from api.runtime import Runtime
from tests.http.service import CATALOGUE

Call = tuple[str, str]

NEEDED: dict[Call, Scope | None] = {
    ("POST", "/v1/checks"): "check",
    ("POST", "/v1/checks/batch"): "check",
    ("GET", "/v1/subjects/{subject:uuid}/bases"): "history",
    ("GET", "/v1/subjects/{subject:uuid}/bases/diff"): "history",
    ("GET", "/v1/subjects/{subject:uuid}/entries"): "history",
    ("POST", "/v1/subjects/{subject:uuid}/entries"): "record",
    ("GET", "/v1/purposes/{purpose:str}/subjects"): "history",
    ("GET", "/v1/exposures"): "history",
    ("POST", "/v1/entries"): "catalogue",
    ("POST", "/v1/subjects/resolve"): "record",
    ("GET", "/v1/catalogue"): "check",
    ("PUT", "/v1/catalogue"): "catalogue",
    ("GET", "/problems/{slug:str}"): None,
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/openapi.json"): None,
    ("GET", "/"): None,
    ("GET", "/{path:str}"): None,
}
"""The scope that each call needs; None where anybody may call it. A new route is entered here."""

SOMEBODY = "7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55"
QUESTION = {
    "subject": SOMEBODY,
    "purpose": "PHOTO",
    "operation": "SHARE",
    "data": ["NOTES"],
    "recipient": "PRESS",
    "exception": "none",
    "effective_at": "2026-06-01T00:00:00Z",
    "known_at": "2026-06-01T00:00:00Z",
    "min_position": "0:1",
    "explain": "full",
}
GRANT = {
    "type": "ConsentGranted",
    "effective_at": "2026-03-02",
    "purpose": "PHOTO",
    "given_by": SOMEBODY,
    "capacity": "SELF",
    "notice": "notice-3",
    "explicit": True,
    "expires_at": "2027-03-02",
    "evidence": "form 1",
    "named_controllers": ["Council"],
    "civil_dates": {"effective_at": "2026-03-02"},
}
NOTICE = {"type": "NoticePublished", "effective_at": "2026-01-01", "notice": "notice-3"}

_WHOLE = json.loads(CATALOGUE)

BODIES: dict[Call, Any] = {
    ("POST", "/v1/checks"): QUESTION,
    ("POST", "/v1/checks/batch"): {"checks": [{"id": "1", **QUESTION}]},
    ("POST", "/v1/subjects/{subject:uuid}/entries"): {"entries": [GRANT]},
    ("POST", "/v1/entries"): {"entries": [NOTICE]},
    ("POST", "/v1/subjects/resolve"): {"scheme": "nhs_number", "value": "9434765919"},
    ("PUT", "/v1/catalogue"): _WHOLE | {"purposes": _WHOLE["purposes"][:2]},
}
"""A body of each call that takes one, with every field that a caller may fill."""


def routes() -> list[HTTPRoute]:
    """Every route that the application has."""
    app = create_app(cast(Runtime, None), Issuer(ECKey.generate_key("P-256")))
    return [route for route in app.routes if isinstance(route, HTTPRoute)]


CALLS = sorted(
    (method, route.path) for route in routes() for method in route.methods if method != "OPTIONS"
)
"""Every method of every route."""


def made(call: Call, **headers: str) -> dict[str, Any]:
    """A request of the call, with something in the place of each parameter."""
    method, path = call
    path = path.replace("{subject:uuid}", str(uuid4()))
    for name in ("purpose", "slug", "path"):
        path = path.replace(f"{{{name}:str}}", "PHOTO")
    assert "{" not in path, f"{path}: say above what stands in the place of its parameter"
    body: dict[str, Any] = {} if method == "GET" else {"json": {}}
    return {"method": method, "url": path, "headers": {"idempotency-key": "k", **headers}, **body}
