"""Errors as the OpenAPI document declares them: for each operation a closed list of types.

What a type means and its status are `problems.KINDS`. Not here: which operation may give which
(`openapi_operations`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from api.problems import KINDS, MEDIA_TYPE

UNIVERSAL: Final = (
    "malformed", "uri-too-long", "headers-too-large", "internal", "overloaded", "unavailable",
)  # fmt: skip
"""What may come of any request."""
GUARDED: Final = ("unauthenticated", "forbidden", "rate-limited")
BODY: Final = ("too-slow", "too-large", "media-type")
WRITE: Final = (
    "conflict", "identity-merged", "version-conflict", "refused", "key-reused", "key-required",
    "outcome-unknown", "log-rolled-back",
)  # fmt: skip
PINNED: Final = ("log-forked", "behind")
"""Of a request that names a position, or goes on from one."""
_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    415: ("Accept", "Accept-Encoding"),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


class ProblemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong at one place: in the body (RFC 6901), in a parameter, or in a header."""

    code: str
    message: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457; `type` is a page of this service that says what to do.

    `instance` names the request in the service's own diagnostics, `reason` why an entry was
    refused, `pointer` where in the body it stands. No value that was sent is repeated.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str | None = None
    field: str | None = None
    errors: list[ProblemError] | None = None
    reason: str | None = None
    pointer: str | None = None


def by_status(slugs: Iterable[str]) -> dict[int, tuple[str, ...]]:
    """The types that each status may stand for, in order."""
    found: dict[int, list[str]] = {}
    for slug in sorted(slugs):
        found.setdefault(KINDS[slug].status, []).append(slug)
    return {status: tuple(theirs) for status, theirs in sorted(found.items())}


def name_of(slugs: Iterable[str]) -> str:
    """The component of a response that is one of these problems."""
    return "-or-".join(slugs)


def response(status: int, slugs: tuple[str, ...]) -> dict[str, Any]:
    """The response that is one of these problems, and no other."""
    closed = {
        "type": {"enum": [f"/problems/{slug}" for slug in slugs]},
        "status": {"const": status},
    }
    problem = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": closed}]}
    return {
        "description": "; or: ".join(KINDS[slug].title for slug in slugs) + ".",
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"}
            for name in ("X-Request-ID", *_HEADERS.get(status, ()))
        },
        "content": {MEDIA_TYPE: {"schema": problem}},
    }
