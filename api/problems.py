"""Errors as RFC 9457 problems, each type with a page that says what to do.

A deny is no error: it is an answer. No problem repeats a value that was sent.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath

from api.access import Forbidden, Unauthenticated
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
    "too-large": Kind(status=413, title="The body is too large", advice="Send less at a time."),
    "media-type": Kind(
        status=415, title="Not JSON", advice="Send `Content-Type: application/json`."
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
    "behind": Kind(
        status=503, title="The position is not reached yet", advice="Retry after a moment."
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
        advice="Nothing was decided. Tell the ledger's operator, with the time of the request.",
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


class WrongMediaType(Exception):
    """A body that does not say it is JSON."""


def problem(slug: str, detail: str | None = None, **more: object) -> Response[bytes]:
    """The problem as a response."""
    kind = KINDS[slug]
    body = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail or kind.advice,
        **more,
    }
    headers = {"cache-control": "no-store"}
    if kind.status == 401:
        headers["www-authenticate"] = "Bearer"
    if kind.status == 503:
        headers["retry-after"] = "1"
    return Response(
        msgspec.json.encode(body), status_code=kind.status, media_type=MEDIA_TYPE, headers=headers
    )


def refused(one: Refused) -> Response[bytes]:
    """The refusal of a request, naming the entry and the field."""
    slug = "identity-merged" if one.refusal.reason == "IDENTITY_MERGED" else "refused"
    return problem(
        slug,
        one.refusal.message,
        reason=one.refusal.reason,
        pointer=f"/entries/{one.entry}/{one.refusal.pointer}",
    )


def handle(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every exception as a problem; what nobody expected says nothing of what happened."""
    extra = {KeyRequired: "key-required", TooLarge: "too-large", WrongMediaType: "media-type"}
    if type(error) in extra:
        return problem(extra[type(error)])
    for kind, slug in _OF_ERROR:
        if isinstance(error, kind):
            field = getattr(error, "field", None)
            return problem(slug, str(error), **({"field": field} if field else {}))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _of_the_framework(error)
    # Where, and not what: a message may hold what was sent.
    trace = "".join(traceback.format_tb(error.__traceback__))
    diagnostics.error("unexpected %s\n%s", type(error).__name__, trace)
    return problem("internal")


def _of_the_framework(error: HTTPException) -> Response[bytes]:
    """What the framework refused; its own words may hold what was sent, so they are not used."""
    field = _field(error) if isinstance(error, ValidationException) else None
    response = problem(
        _BY_STATUS.get(error.status_code, "malformed"), **({"field": field} if field else {})
    )
    if error.status_code == 405:
        response.headers["allow"] = (error.headers or {}).get("allow", "")
    return response


def _field(error: ValidationException) -> str | None:
    """The first parameter that could not be read."""
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    named = first.get("key") if isinstance(first, dict) else None
    return named if isinstance(named, str) else None


ExceptionHandler = Callable[[Request[Any, Any, Any], Exception], Response[bytes]]


@get("/problems/{slug:str}", media_type="text/plain", include_in_schema=False)
async def problem_page(slug: FromPath[str]) -> Response[str] | Response[bytes]:
    """What a type of problem means and what to do."""
    kind = KINDS.get(slug)
    if kind is None:
        return problem("not-found")
    text = f"{kind.title} ({kind.status})\n\n{kind.advice}\n"
    return Response(text, media_type="text/plain")
