"""Conditional requests (RFC 9110, section 13): a stream's version is its entity tag, `"v42"`.

A condition is part of the request that was made first: one that is repeated under its key is
answered as it was then, whatever version the stream has by now.
"""

from __future__ import annotations

import re
from uuid import UUID

from litestar import Response

from api.access import whole_grant
from api.body import AnyRequest
from api.state import runtime
from ledger.errors import Malformed, VersionConflict

NEVER = -1
"""The version of no stream: nothing that expects it is recorded, unless it was before."""
# One member of a list, whose members may be empty (RFC 9110, section 5.6.1).
_TAG = re.compile(
    r'(?:[ \t]*,)*[ \t]*(?P<weak>W/)?(?P<tag>"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?=,|$)'
)
_VERSION = re.compile(r'"v(0|[1-9][0-9]{0,17})"')
_WANTED = 'must be entity tags as answered, such as "v3", or *'


def etag(version: int) -> str:
    """The entity tag of a stream at this version."""
    return f'"v{version}"'


async def expected_version(request: AnyRequest, subject: UUID | None) -> int | None:
    """The version at which alone the stream may be added to, None where any will do.

    `If-None-Match: *` asks for a stream that has no entry yet. Raises `Forbidden` for a grant that
    is not over every purpose, since a version counts what such a client may not know of.
    """
    _may_know_versions(request)
    unseen = _field(request, "if-none-match")
    if unseen is not None and unseen != "*":
        raise Malformed("must be * where something is recorded", field="If-None-Match")
    match = _field(request, "if-match")
    if match is None:
        return None if unseen is None else 0
    if unseen is not None:
        raise Malformed("give this or If-Match, not both", field="If-None-Match")
    return await _matched(request, match, subject)


async def _matched(request: AnyRequest, match: str, subject: UUID | None) -> int | None:
    tags = _tags(match, field="If-Match")
    versions = [_version(tag) for tag, weak in tags or () if not weak]
    if tags is not None and len(versions) <= 1:
        return versions[0] if versions else NEVER
    present = await version_of(request, subject)
    if tags is None:
        return None if present else NEVER
    return present if present in versions else versions[0]


async def version_of(request: AnyRequest, subject: UUID | None) -> int:
    """How many entries the stream has; None is the ledger's own."""
    ledger = runtime(request)
    own = ledger.identity.stream
    stream = subject or own
    rows = await ledger.store.dossiers(ledger.identity.log_of(stream), [stream], own=own)
    return rows[stream].version or 0


def unchanged(request: AnyRequest, version: int) -> Response[bytes] | None:
    """304 where the caller already holds this version.

    Raises `VersionConflict` where `If-Match` asks for another one, and `Forbidden` as above.
    """
    _may_know_versions(request)
    match = _field(request, "if-match")
    if match is not None and not _holds(match, version, field="If-Match", weakly=False):
        raise VersionConflict("there is another version: read it without If-Match")
    held = _field(request, "if-none-match")
    if held is not None and _holds(held, version, field="If-None-Match", weakly=True):
        return Response(b"", status_code=304, headers={"etag": etag(version)})
    return None


def _may_know_versions(request: AnyRequest) -> None:
    for name in ("If-Match", "If-None-Match"):
        if name.lower() in request.headers:
            whole_grant(request, field=name)


def _holds(text: str, version: int, *, field: str, weakly: bool) -> bool:
    tags = _tags(text, field=field)
    if tags is None:
        return version > 0
    return any(tag == etag(version) and (weakly or not weak) for tag, weak in tags)


def _version(tag: str) -> int:
    found = _VERSION.fullmatch(tag)
    return int(found[1]) if found else NEVER


def _field(request: AnyRequest, name: str) -> str | None:
    """The field's value, its lines joined (RFC 9110, section 5.3)."""
    lines = request.headers.getall(name, [])
    return ", ".join(lines).strip() if lines else None


def _tags(text: str, *, field: str) -> list[tuple[str, bool]] | None:
    """Each entity tag, and whether it is a weak one; None for `*`."""
    if text == "*":
        return None
    found: list[tuple[str, bool]] = []
    place = 0
    while text[place:].strip(" \t,"):
        one = _TAG.match(text, place)
        if one is None:
            raise Malformed(_WANTED, field=field)
        found.append((one["tag"], one["weak"] is not None))
        place = one.end()
    if not found:
        raise Malformed(_WANTED, field=field)
    return found
