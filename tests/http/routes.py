"""Every call that the application has, what it needs, and a request of it.

A new route is entered here: its scope, and what its body may hold where it takes one.
"""

import json
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from joserfc.jwk import ECKey
from litestar.routes import HTTPRoute

from api.access import Scope
from api.app import create_app
from api.console.viewing import HOME
from api.issuer import Issuer
from api.runtime import Runtime
from tests.http.service import CATALOGUE, SETTINGS

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
    ("GET", "/v1/reads"): "audit",
    ("POST", "/v1/packs"): "audit",
    ("GET", "/v1/packs/{pack:uuid}"): "audit",
    ("GET", "/v1/packs/{pack:uuid}/content"): "audit",
    ("GET", "/v1/feed"): "feed",
    ("GET", "/v1/feed/stream"): "feed",
    ("GET", "/v1/feed/consumers"): "feed",
    ("PUT", "/v1/feed/consumers/{consumer:str}"): "feed",
    ("GET", "/v1/feed/consumers/{consumer:str}"): "feed",
    ("DELETE", "/v1/feed/consumers/{consumer:str}"): "feed",
    ("GET", "/v1/log/checkpoint"): None,
    ("GET", "/v1/log/checkpoints/{size:int}"): None,
    ("GET", "/v1/log/tile/{tile:path}"): None,
    ("GET", "/.well-known/ledger-log"): None,
    ("GET", "/v1/log/receipts/{entry:uuid}"): "record",
    ("GET", "/v1/log/proof/{entry:uuid}"): "audit",
    ("GET", "/v1/log/proofs/inclusion"): "audit",
    ("GET", "/v1/log/proofs/consistency"): "audit",
    ("GET", "/v1/log/leaves"): "audit",
    ("POST", "/v1/feed/consumers/{consumer:str}/secrets"): "feed",
    ("POST", "/v1/feed/consumers/{consumer:str}/acknowledgements"): "feed",
    ("GET", "/v1/feed/overdue"): "audit",
    ("POST", "/v1/entries"): "catalogue",
    ("POST", "/v1/subjects/resolve"): "record",
    ("GET", "/v1/catalogue"): "check",
    ("PUT", "/v1/catalogue"): "catalogue",
    ("POST", "/access/v1/evaluation"): "check",
    ("POST", "/access/v1/evaluations"): "check",
    ("POST", "/access/v1/search/action"): "check",
    ("GET", "/.well-known/authzen-configuration"): None,
    ("GET", "/problems/{slug:str}"): None,
    ("GET", "/livez"): None,
    ("GET", "/readyz"): None,
    ("GET", "/openapi.json"): None,
    ("GET", "/docs"): None,
    ("GET", "/docs/{name:str}"): None,
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
    "store": True,
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
EVALUATION = {
    "subject": {"type": "service", "id": "case-system", "properties": {}},
    "action": {
        "name": "share",
        "properties": {
            "processing_activity_id": "PHOTO",
            "recipient": "PRESS",
            "exception": "none",
        },
    },
    "resource": {"type": "person", "id": SOMEBODY, "properties": {"data": ["NOTES"]}},
    "context": {"time": "2026-06-01T00:00:00Z", "known_at": "2026-06-01T00:00:00Z"},
}
SEARCH = {name: value for name, value in EVALUATION.items() if name != "action"}
NOTICE = {"type": "NoticePublished", "effective_at": "2026-01-01", "notice": "notice-3"}

_WHOLE = json.loads(CATALOGUE)

BODIES: dict[Call, Any] = {
    ("POST", "/v1/checks"): QUESTION,
    ("POST", "/v1/checks/batch"): {"checks": [{"id": "1", **QUESTION}]},
    ("POST", "/access/v1/evaluation"): EVALUATION,
    ("POST", "/access/v1/evaluations"): {
        **EVALUATION,
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [EVALUATION],
    },
    ("POST", "/access/v1/search/action"): {**SEARCH, "page": {"token": "", "limit": 10}},
    ("POST", "/v1/subjects/{subject:uuid}/entries"): {"entries": [GRANT]},
    ("POST", "/v1/entries"): {"entries": [NOTICE]},
    ("POST", "/v1/subjects/resolve"): {"scheme": "nhs_number", "value": "9434765919"},
    ("PUT", "/v1/feed/consumers/{consumer:str}"): {
        "url": "https://cases.invalid/hooks/consent",
        "purposes": ["PHOTO"],
        "description": "case system",
        "acknowledges": "delivery",
        "after": "earliest",
    },
    ("POST", "/v1/feed/consumers/{consumer:str}/secrets"): {"overlap_hours": 24},
    ("POST", "/v1/feed/consumers/{consumer:str}/acknowledgements"): {"position": "0:0-0"},
    ("POST", "/v1/packs"): {
        "subject": SOMEBODY,
        "purposes": ["PHOTO"],
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-06-01T00:00:00Z",
        "moments": ["2026-06-01", "2026-06-01T00:00:00Z"],
        "operation": "SHARE",
        "data": ["NOTES"],
        "recipient": "PRESS",
        "withhold": [{"field": "note", "reason": "names others"}],
    },
    ("PUT", "/v1/catalogue"): _WHOLE | {"purposes": _WHOLE["purposes"][:2]},
}
"""A body of each call that takes one, with every field that a caller may fill."""


def routes() -> list[HTTPRoute]:
    """Every route that the application has, but for pages: `test_console_matrix` has those."""
    unconnected = cast(Runtime, SimpleNamespace(settings=SETTINGS, telemetry=None))
    app = create_app(unconnected, Issuer(ECKey.generate_key("P-256")))
    every = [route for route in app.routes if isinstance(route, HTTPRoute)]
    return [route for route in every if not route.path.startswith(HOME)]


CALLS = sorted(
    (method, route.path) for route in routes() for method in route.methods if method != "OPTIONS"
)
"""Every method of every route."""


def made(call: Call, **headers: str) -> dict[str, Any]:
    """A request of the call, with something in the place of each parameter."""
    method, path = call
    path = path.replace("{subject:uuid}", str(uuid4())).replace("{consumer:str}", "case-system")
    for name in ("pack", "entry"):
        path = path.replace(f"{{{name}:uuid}}", str(uuid4()))
    path = path.replace("{size:int}", "1").replace("{tile:path}", "0/000.p/1")
    for name in ("purpose", "slug", "name"):
        path = path.replace(f"{{{name}:str}}", "PHOTO")
    assert "{" not in path, f"{path}: say above what stands in the place of its parameter"
    body: dict[str, Any] = {} if method in ("GET", "DELETE") else {"json": {}}
    if path == "/v1/feed/stream":
        # It would never end: it is asked to go on from where nobody can stand.
        headers = {"last-event-id": "nowhere", **headers}
    return {"method": method, "url": path, "headers": {"idempotency-key": "k", **headers}, **body}
