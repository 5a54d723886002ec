"""What a form sends: a few short fields, from a page of the viewer's own session."""

from __future__ import annotations

from urllib.parse import parse_qsl

from api.body import AnyRequest, Misasked
from api.console.viewing import sessions_of, viewer_of
from api.problems import TooLarge, WrongMediaType
from ledger.errors import Malformed

BYTES_MAX = 16_384
FIELDS_MAX = 100
SESSION_FIELD = "form_token"
"""The hidden field of every form."""
_TYPE = "application/x-www-form-urlencoded"


async def sent(request: AnyRequest) -> dict[str, str]:
    """The fields, once it is known that a page of this session sent them.

    Raises `Forbidden` where it did not, and `Malformed` for what is no form.
    """
    found = await fields(request)
    sessions_of(request).check_form(request, viewer_of(request), found)
    return {name: value for name, value in found.items() if name != SESSION_FIELD}


async def fields(request: AnyRequest) -> dict[str, str]:
    """The fields of a form that anybody may have sent; raises `Malformed` for what is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise WrongMediaType
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BYTES_MAX:
            raise TooLarge
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise Malformed("cannot be read", field="body") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Misasked("a field stands twice", code="field-twice", field="body")
    return found
