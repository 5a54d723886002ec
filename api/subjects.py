"""From an identifier to a subject: the only place where an identifier enters, in a body."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, post

from api.access import needs
from api.body import AnyRequest, read
from api.checks import answered
from api.limits import QUOTA, RESOLVE
from api.state import runtime


class ResolveBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identifier and its scheme, such as `nhs_number`."""

    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """The subject, opaque and random; the same for a known and for a new person."""

    subject: UUID


@post("/v1/subjects/resolve", guards=[needs("record")], status_code=200, opt={QUOTA: RESOLVE})
async def resolve(request: AnyRequest) -> Response[bytes]:
    """The subject that the identifier stands for, made up at the first time of asking."""
    ledger = runtime(request)
    body = await read(request, ResolveBody, bytes_max=ledger.settings.body_bytes_max)
    subject = await ledger.keys.resolve(scheme=body.scheme, value=body.value)
    return answered(Resolved(subject=subject))
