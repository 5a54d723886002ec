"""The OpenAPI 3.1 document: what each operation really takes, answers, and may refuse.

Made from the routes as they are served and from the table of operations; nothing of the framework's
own idea of errors is in it. `ops/openapi` writes the copy that clients are made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.routes.base import BaseRoute
from litestar.types import ControllerRouterHandler

from api import openapi_problems as problems
from api.access import Needs
from api.body import AnyRequest
from api.openapi_examples import EXAMPLES
from api.openapi_operations import OPERATIONS, TAGS, Operation
from api.openapi_parameters import named, parameters, sent_headers, told_headers
from api.openapi_schemas import STREAMED, components, prose, ref
from api.version import VERSION as VERSION

Json = dict[str, Any]

SCHEME: Final = "bearer"
PATH: Final = "/openapi.json"
DOCUMENT: Final = "openapi"
"""Where the application's state holds the document as it is sent."""
_DESCRIPTION: Final = (
    "May we process this person's data for this purpose, on which basis, and why: at any moment, on"
    " what was known at any moment. A deny is an answer, and no error. Times are RFC 3339 strings"
    " with an offset; no identifier of a real person belongs in an address."
)
_SECURITY: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": (
        "An access token (RFC 9068) with the scope that the operation names. What it may be asked"
        " about is in its authorization_details (RFC 9396) of type `ledger`."
    ),
}


def document(routes: Iterable[BaseRoute]) -> Json:
    """The document about these routes; raises `LookupError` for one that it has no row for."""
    paths: dict[str, Json] = {}
    responses: dict[str, Json] = {}
    for route in routes:
        for method, handler in _described(route):
            row = OPERATIONS.get((method, route.path_format))
            if row is None:
                raise LookupError(f"{method} {route.path_format} has no row in openapi_operations")
            found = _problems(row, handler)
            for status, slugs in found.items():
                responses[problems.name_of(slugs)] = problems.response(status, slugs)
            operation = _operation(row, handler, [*found.items()])
            paths.setdefault(route.path_format, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ledger of consent and legal basis",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was found."}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "paths": {path: dict(sorted(methods.items())) for path, methods in sorted(paths.items())},
        "components": {
            "schemas": components(),
            "responses": dict(sorted(responses.items())),
            "parameters": sent_headers(),
            "headers": told_headers(),
            "securitySchemes": {SCHEME: _SECURITY},
        },
    }


def document_of(handlers: Sequence[ControllerRouterHandler]) -> Json:
    """The document about an application of these handlers."""
    return document(Litestar(route_handlers=handlers, openapi_config=None).routes)


def encoded(routes: Iterable[BaseRoute]) -> bytes:
    """The document as the service sends it."""
    return msgspec.json.encode(document(routes))


def spelt(found: Json) -> bytes:
    """The document as the copy has it: readable, and the same for the same document."""
    return (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode()


@get(PATH, include_in_schema=False)
async def openapi(request: AnyRequest) -> Response[bytes]:
    """The document of this service."""
    return Response(request.app.state[DOCUMENT], media_type="application/json")


def _described(route: BaseRoute) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """The operations of the route that are part of the document."""
    for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
        if handler.resolve_include_in_schema():
            yield from ((str(method), handler) for method in sorted(handler.http_methods))


def _scopes(handler: HTTPRouteHandler) -> list[str]:
    """A scope is written once, in the handler's guard."""
    return [one.scope for one in handler.resolve_guards() if isinstance(one, Needs)]


def _problems(row: Operation, handler: HTTPRouteHandler) -> dict[int, tuple[str, ...]]:
    """What may go wrong, by status."""
    slugs = {*problems.UNIVERSAL, *row.problems}
    if _scopes(handler):
        slugs |= {*problems.GUARDED}
    if "{" in next(iter(handler.paths)):
        slugs.add("not-found")
    if row.sends is not None:
        slugs |= {*problems.BODY}
    return problems.by_status(slugs if row.strict_media_type else slugs - {"media-type"})


def _operation(
    row: Operation, handler: HTTPRouteHandler, found: Iterable[tuple[int, tuple[str, ...]]]
) -> Json:
    scopes = _scopes(handler)
    quota = ("RateLimit", "RateLimit-Policy") if scopes else ()
    told = handler.status_code != 204
    answers = {str(handler.status_code): _answer(row, (*row.gives, *quota), told=told)}
    if row.conditional:
        answers["304"] = {"description": "Unchanged.", "headers": _headers(("ETag", *quota))}
    for status, slugs in found:
        answers[str(status)] = {"$ref": f"#/components/responses/{problems.name_of(slugs)}"}
    taken = [{"$ref": f"#/components/parameters/{named(one)}"} for one in row.takes]
    return {
        "operationId": row.id,
        "tags": [row.tag],
        "summary": row.summary,
        "description": prose(handler.fn.__doc__ or ""),
        "security": [{SCHEME: scopes}] if scopes else [],
        "parameters": [*parameters(handler, days=row.days), *taken],
        **({} if row.sends is None else {"requestBody": _body(row.sends)}),
        "responses": answers,
    }


def _body(name: str) -> Json:
    examples = {label: {"value": one} for label, one in EXAMPLES[name].items()}
    content = {"schema": ref(name), "examples": examples}
    return {"required": True, "content": {"application/json": content}}


def _answer(row: Operation, headers: Iterable[str], *, told: bool) -> Json:
    content = {"schema": ref(row.tells)} if row.tells else _unread(row.media_type)
    return {
        "description": "As asked.",
        "headers": _headers(headers),
        **({"content": {row.media_type: content}} if told else {}),
        **({"links": _links(row)} if row.leads_to else {}),
    }


def _unread(media_type: str) -> Json:
    """Of a stream its events; nothing of a file that no schema can be about."""
    return {"x-events": STREAMED} if media_type == "text/event-stream" else {}


def _links(row: Operation) -> Json:
    """Where the answer leads, by the name of the operation there."""
    found: Json = {}
    for operation, parameter, expression in row.leads_to:
        link = found.setdefault(operation, {"operationId": operation, "parameters": {}})
        link["parameters"][parameter] = expression
    return found


def _headers(names: Iterable[str]) -> Json:
    every = ("X-Request-ID", *names)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in every}
