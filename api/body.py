"""Request bodies: JSON of a bounded size, read strictly into what the route expects.

Instants stay strings here and are read by `ledger.civil`: a number must never become a date.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg

from api.headers import given
from api.ijson import value_of
from api.problems import TooLarge, WrongMediaType
from ledger.civil import parse_day, parse_instant
from ledger.errors import Malformed
from ledger.wire import unreadable

T = TypeVar("T")

AnyRequest = Request[Any, Any, Any]
_WITH_BODY = {"PATCH", "POST", "PUT"}


class Misasked(Malformed):
    """A request whose parts do not fit the call; `code` says how."""

    def __init__(self, message: str, *, code: str, field: str = "query") -> None:
        super().__init__(message, field=field)
        self.code = code


async def read(request: AnyRequest, kind: type[T], *, bytes_max: int) -> T:
    """The body as `kind`, or the error naming the first field that cannot be read."""
    text, _ = await read_value(request, bytes_max=bytes_max)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise unreadable(error, field="body") from error


async def read_value(request: AnyRequest, *, bytes_max: int) -> tuple[bytes, object]:
    """The body, which must be I-JSON and say so, up to its limit, and the value it stands for."""
    _require_json(request)
    declared = given(request.scope, b"content-length")
    if any(one.isdigit() and int(one) > bytes_max for one in declared):
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise TooLarge
    return bytes(body), value_of(body)


def _require_json(request: AnyRequest) -> None:
    """Raise `WrongMediaType` for another type, another character set, or a packed body."""
    packed = given(request.scope, b"content-encoding")
    types = given(request.scope, b"content-type")
    if len(types) != 1 or any(not _is_plain(one) for one in packed):
        raise WrongMediaType
    if types[0] == "application/json":
        return
    media_type, *parameters = (one.strip().lower() for one in types[0].split(";"))
    named = {one.partition("=")[2].strip('"') for one in parameters if one.startswith("charset")}
    if media_type != "application/json" or named - {"utf-8"}:
        raise WrongMediaType


def _is_plain(coding: str) -> bool:
    return {one.strip().lower() for one in coding.split(",")} == {"identity"}


def instant(text: str | None, *, field: str) -> datetime | None:
    """The instant, RFC 3339 with an offset; None where the field was left out."""
    return None if text is None else parse_instant(text, field=field)


def instant_or_day(text: str | None, *, field: str) -> datetime | date | None:
    """An instant, or a civil day written `YYYY-MM-DD`."""
    if text is not None and len(text) == len("YYYY-MM-DD"):
        day = parse_day(text, field=field)
        if day == date.max:
            raise Malformed("is the last day there is: ask about an earlier one", field=field)
        return day
    return instant(text, field=field)


async def check_parameters(request: AnyRequest) -> None:
    """A mistyped parameter must not become a silent default: the answer would be to another one."""
    taken = _parameters(request.route_handler)
    if not taken and not request.scope["query_string"]:
        return
    named = list(request.query_params.multi_items())
    if len({name for name, _ in named}) != len(named):
        raise Misasked("a parameter stands twice", code="parameter-twice")
    if not taken.keys() >= {name for name, _ in named}:
        takes = ", ".join(sorted(taken)) or "none"
        message = f"this call takes no such parameter; it takes: {takes}"
        raise Misasked(message, code="unknown-parameter")
    for name, required in taken.items():
        if required and name not in request.query_params:
            raise Misasked("is required", code="required", field=name)


def check_bodiless(request: AnyRequest) -> None:
    """A body where none has a meaning is refused, not passed over (RFC 9110, section 9.3.1)."""
    if request.method in _WITH_BODY:
        return
    sized = any(one.strip("0") for one in given(request.scope, b"content-length"))
    if sized or given(request.scope, b"transfer-encoding"):
        raise Misasked("this call takes no body", code="unexpected-body", field="body")


@cache
def _parameters(handler: BaseRouteHandler) -> dict[str, bool]:
    """The query parameters of the call, and whether each must be given."""
    found: dict[str, bool] = {}
    for name, one in handler.parsed_fn_signature.parameters.items():
        about = one.kwarg_definition
        if isinstance(about, ParameterKwarg) and about.param_type is ParamType.QUERY:
            found[about.name or name] = one.is_required
    return found
