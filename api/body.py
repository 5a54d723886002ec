"""Request bodies: JSON of a bounded size, read strictly into what the route expects.

Instants stay strings here and are read by `ledger.civil`: a number must never become a date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.enums import ParamType
from litestar.params import ParameterKwarg

from api.problems import TooLarge, WrongMediaType
from ledger.civil import parse_day, parse_instant
from ledger.errors import Malformed
from ledger.wire import unreadable

T = TypeVar("T")

AnyRequest = Request[Any, Any, Any]


async def read(request: AnyRequest, kind: type[T], *, bytes_max: int) -> T:
    """The body as `kind`, or the error naming the first field that cannot be read."""
    text = await read_bytes(request, bytes_max=bytes_max)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise unreadable(error, field="body") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed("is not JSON, or is nested too deeply", field="body") from error


async def read_bytes(request: AnyRequest, *, bytes_max: int) -> bytes:
    """The body, which must say that it is JSON, up to its limit."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongMediaType
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > bytes_max:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise TooLarge
    _refuse_repeats(body)
    return bytes(body)


def _refuse_repeats(text: bytearray) -> None:
    """A name twice in one object means one thing here and another elsewhere: RFC 7493 2.3."""
    try:
        json.loads(text, object_pairs_hook=_named_once, parse_int=float)
    except (ValueError, RecursionError):
        return  # The strict reader says what is wrong with it.


def _named_once(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed("an object names a field twice: which one is meant?", field="body")


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
    taken = dict(_parameters(request))
    given = list(request.query_params.multi_items())
    if len({name for name, _ in given}) != len(given):
        raise Malformed("a parameter stands twice", field="query")
    if not taken.keys() >= {name for name, _ in given}:
        takes = ", ".join(sorted(taken)) or "none"
        raise Malformed(f"this call takes no such parameter; it takes: {takes}", field="query")
    for name, required in taken.items():
        if required and name not in request.query_params:
            raise Malformed("is required", field=name)


def _parameters(request: AnyRequest) -> Iterator[tuple[str, bool]]:
    """The query parameters of the call, and whether each must be given."""
    for name, one in request.route_handler.parsed_fn_signature.parameters.items():
        about = one.kwarg_definition
        if isinstance(about, ParameterKwarg) and about.param_type is ParamType.QUERY:
            yield about.name or name, one.is_required
