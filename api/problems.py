"""Errors as RFC 9457 problems, each type with a page that says what to do.

A deny is no error: it is an answer. No problem repeats a value that was sent.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath

from api.access import Forbidden, Unauthenticated
from api.diagnostics import frames
from api.exchange import current
from api.noted import note_problem, note_refusal
from api.places import located
from ledger import errors
from ledger.record import Refused

MEDIA_TYPE = "application/problem+json"
diagnostics = logging.getLogger("ledger")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A type of problem: its status, its title, and what a caller should do."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(
        status=400, title="The request cannot be read", advice="Correct the field named."
    ),
    "unauthenticated": Kind(status=401, title="No valid token", advice="Get one: `ledger token`."),
    "forbidden": Kind(
        status=403, title="The token may not do this", advice="Ask for the scope named."
    ),
    "not-found": Kind(status=404, title="Nothing here", advice="See /openapi.json."),
    "method-not-allowed": Kind(
        status=405, title="Not by this method", advice="See the Allow header."
    ),
    "key-reused": Kind(
        status=422,
        title="The idempotency key stands for another request",
        advice="Use a new key for a new request.",
    ),
    "log-forked": Kind(
        status=409,
        title="The position names an entry that this log does not have",
        advice="Stop, keep what you hold, and tell the ledger's operator: it may be rewound.",
    ),
    "conflict": Kind(
        status=409, title="Somebody else wrote first", advice="Retry with the same key."
    ),
    "version-conflict": Kind(
        status=412, title="The stream has another version", advice="Read it again."
    ),
    "too-slow": Kind(
        status=408, title="The body did not come in time", advice="Send it again, without a pause."
    ),
    "too-large": Kind(status=413, title="The body is too large", advice="Send less at a time."),
    "uri-too-long": Kind(
        status=414, title="The address is too long", advice="Send less in it; see /openapi.json."
    ),
    "media-type": Kind(
        status=415,
        title="Not JSON",
        advice="Send `Content-Type: application/json`, in UTF-8 and not compressed.",
    ),
    "headers-too-large": Kind(
        status=431, title="The headers are too large", advice="Send fewer or shorter ones."
    ),
    "refused": Kind(
        status=422,
        title="The entry may not be recorded",
        advice="The reason and pointer say what; nothing of the request was recorded.",
    ),
    "identity-merged": Kind(
        status=409,
        title="This identity was merged into another",
        advice="Record on the surviving subject.",
    ),
    "key-required": Kind(
        status=428,
        title="An Idempotency-Key is required",
        advice="Send one, and the same one when you retry.",
    ),
    "rate-limited": Kind(
        status=429,
        title="This client asks too much",
        advice="Retry when Retry-After says; what a person asks to stop is never held back.",
    ),
    "behind": Kind(
        status=503,
        title="The position is not reached yet",
        advice="Retry after a moment, or send `Prefer: wait=5`.",
    ),
    "log-rolled-back": Kind(
        status=503,
        title="The log is not the one that was signed",
        advice="Keep what you have to record, and tell the ledger's operator at once.",
    ),
    "overloaded": Kind(
        status=503,
        title="Too many requests are in hand",
        advice="Retry after a moment, with the same Idempotency-Key if it was a write.",
    ),
    "outcome-unknown": Kind(
        status=503,
        title="The write may or may not be recorded",
        advice="Retry with the same Idempotency-Key.",
    ),
    "unavailable": Kind(
        status=503, title="The ledger cannot answer now", advice="Retry after a moment."
    ),
    "internal": Kind(
        status=500,
        title="Something is wrong here",
        advice="Nothing was decided. Tell the ledger's operator, with the instance named here.",
    ),
}
_BY_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not-found",
              405: "method-not-allowed", 413: "too-large", 415: "media-type"}  # fmt: skip
_OF_ERROR: tuple[tuple[type[Exception], str], ...] = (
    (Unauthenticated, "unauthenticated"),
    (Forbidden, "forbidden"),
    (errors.Malformed, "malformed"),
    (errors.KeyReused, "key-reused"),
    (errors.LogForked, "log-forked"),
    (errors.VersionConflict, "version-conflict"),
    (errors.Conflict, "conflict"),
    (errors.Behind, "behind"),
    (errors.OutcomeUnknown, "outcome-unknown"),
    (errors.Unavailable, "unavailable"),
)


class KeyRequired(Exception):
    """A write without an Idempotency-Key."""


class TooLarge(Exception):
    """A body beyond the limit."""


class TooSlow(Exception):
    """A body that did not come in time."""


class WrongMediaType(Exception):
    """A body that does not say it is JSON, or is packed."""


class Overloaded(Exception):
    """As many requests as may be are in hand already."""


class LogRolledBack(Exception):
    """Nothing is recorded: a log does not begin with what was signed of it."""


class RateLimited(Exception):
    """The client's quota is used up for so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"the quota of this client is used up: retry in {seconds} s")
        self.seconds = seconds


_OF_OURS: dict[type[Exception], str] = {
    KeyRequired: "key-required",
    TooLarge: "too-large",
    TooSlow: "too-slow",
    WrongMediaType: "media-type",
    Overloaded: "overloaded",
    LogRolledBack: "log-rolled-back",
    RateLimited: "rate-limited",
}
_HEADERS_OF = {
    "media-type": {"accept": "application/json", "accept-encoding": "identity"},
    "too-slow": {"connection": "close"},
    "unauthenticated": {"www-authenticate": "Bearer"},
}


def problem(slug: str, detail: str | None = None, **more: object) -> Response[bytes]:
    """The problem as a response."""
    kind, exchange = KINDS[slug], current()
    note_problem(slug)
    body = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail or kind.advice,
        **({"instance": exchange.instance} if exchange else {}),
        **more,
    }
    headers = {"cache-control": "no-store", **_HEADERS_OF.get(slug, {})}
    if kind.status == 503:
        headers["retry-after"] = "1"
    return Response(
        msgspec.json.encode(body), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers
    )


def refused(one: Refused, *, within: str = "") -> Response[bytes]:
    """The refusal of a request, naming the entry and the field; the body is what is `within`."""
    slug = "identity-merged" if one.refusal.reason == "IDENTITY_MERGED" else "refused"
    note_refusal(one.refusal.reason)
    pointer = f"/entries/{one.entry}/{one.refusal.pointer}"
    error = {
        "pointer": pointer.removeprefix(within),
        "code": one.refusal.reason,
        "message": one.refusal.message,
    }
    return problem(
        slug,
        one.refusal.message,
        reason=one.refusal.reason,
        pointer=pointer,
        errors=[error],
    )


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every exception as a problem; what nobody expected says nothing of what happened."""
    if type(error) in _OF_OURS:
        return _of_ours(error)
    for kind, slug in _OF_ERROR:
        if isinstance(error, kind):
            response = problem(slug, str(error), **_named(error, slug, _elsewhere(request)))
            if isinstance(error, Unauthenticated | Forbidden):
                response.headers["www-authenticate"] = error.challenge
            return response
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _of_the_framework(request, error)
    return unexpected(error)


def unexpected(error: BaseException) -> Response[bytes]:
    """What nobody expected, told to the operator: where it was, and not what."""
    # Its words may hold what was sent.
    where = list(frames(error.__traceback__))
    diagnostics.error("unexpected %s", type(error).__name__, extra={"at": where})
    return problem("internal")


def _of_ours(error: Exception) -> Response[bytes]:
    response = problem(_OF_OURS[type(error)], str(error) or None)
    if isinstance(error, RateLimited):
        response.headers["retry-after"] = str(error.seconds)
    return response


def malformed(error: errors.Malformed) -> Response[bytes]:
    """The problem of a request that no route has seen."""
    return problem("malformed", str(error), **_named(error, "malformed", frozenset()))


def _named(error: Exception, slug: str, elsewhere: frozenset[str]) -> dict[str, object]:
    """The field that the error names, where it names one, and where that is in the request."""
    field = getattr(error, "field", None)
    if field is None:
        return {}
    found = {
        **located(field, elsewhere=elsewhere),
        "code": getattr(error, "code", slug),
        "message": getattr(error, "message", str(error)),
    }
    return {"field": field, "errors": [found]}


def _of_the_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refused; its own words may hold what was sent, so they are not used."""
    fields = _fields(error) if isinstance(error, ValidationException) else []
    elsewhere = _elsewhere(request)
    errors = [
        {**located(one, elsewhere=elsewhere), "code": "malformed", "message": "cannot be read"}
        for one in fields
    ]
    named: dict[str, object] = {"field": fields[0], "errors": errors} if fields else {}
    response = problem(_BY_STATUS.get(error.status_code, "malformed"), None, **named)
    if error.status_code == 405:
        response.headers["allow"] = (error.headers or {}).get("allow", "")
    return response


def _fields(error: ValidationException) -> list[str]:
    """The parameters that could not be read."""
    every = error.extra if isinstance(error.extra, list) else []
    named = [one.get("key") for one in every if isinstance(one, dict)]
    return [one for one in named if isinstance(one, str)]


def _elsewhere(request: Request[Any, Any, Any]) -> frozenset[str]:
    """Names of the request's parameters: what has one of them is not in the body."""
    handler = request.scope.get("route_handler")
    if handler is None:
        return frozenset()
    parameters = handler.parsed_fn_signature.parameters
    aliases = (getattr(one.kwarg_definition, "name", None) for one in parameters.values())
    return frozenset(parameters) | {one for one in aliases if one}


@get("/problems/{slug:str}", media_type="text/plain", include_in_schema=False)
async def problem_page(slug: FromPath[str]) -> Response[str] | Response[bytes]:
    """What a type of problem means and what to do."""
    kind = KINDS.get(slug)
    if kind is None:
        return problem("not-found")
    text = f"{kind.title} ({kind.status})\n\n{kind.advice}\n"
    return Response(text, media_type="text/plain")
