"""The HTTP service: routes, errors, and the ledger that they share.

Not here: what a route does; each noun has a file.
"""

from __future__ import annotations

import msgspec
from litestar import Litestar, Response, Router, get
from litestar.datastructures import MutableScopeHeaders, State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import Message, Scope

from api import catalogue, checks, entries, lists, problems, subjects
from api.access import Issuer
from api.body import AnyRequest, check_parameters
from api.runtime import Runtime
from api.state import runtime

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@get("/livez", include_in_schema=False)
async def livez() -> Response[bytes]:
    """The process answers."""
    return Response(b'{"live":true}', media_type="application/json")


@get("/readyz", include_in_schema=False)
async def readyz(request: AnyRequest) -> Response[bytes]:
    """The ledger can be read: the database answers and holds a ledger."""
    head = await runtime(request).store.head(0)
    body = msgspec.json.encode({"ready": True, "checks": {"database": "ok"}, "size": head.size})
    return Response(body, media_type="application/json")


async def _secure(message: Message, _: Scope) -> None:
    """Headers that every response has, errors included."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)


async def _not_a_page(response: Response[bytes]) -> Response[bytes]:
    """The framework answers a path it does not know with a page: here that is a problem too."""
    return problems.problem("not-found") if response.status_code == 404 else response


def create_app(ledger: Runtime, issuer: Issuer) -> Litestar:
    """The application over a running ledger."""
    return Litestar(
        route_handlers=[
            checks.check,
            checks.check_batch,
            checks.bases,
            lists.diff,
            lists.population,
            lists.exposures,
            entries.record_about,
            entries.record_common,
            entries.subject_timeline,
            subjects.resolve,
            catalogue.adopt,
            catalogue.current,
            problems.problem_page,
            livez,
            readyz,
        ],
        exception_handlers={HTTPException: problems.handle, Exception: problems.handle},
        before_request=check_parameters,
        before_send=[_secure],
        state=State({"runtime": ledger, "issuer": issuer}),
        openapi_config=OpenAPIConfig(
            title="Ledger of consent and legal basis",
            version="0.1.0",
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
            openapi_router=Router(
                "/", route_handlers=[], include_in_schema=False, after_request=_not_a_page
            ),
        ),
        logging_config=None,
        request_max_body_size=None,
    )
