"""Cursors: where a list goes on, opaque to callers, pinned to the position at which it was begun.

A cursor is no secret and no permission: who sends one is asked for their token as for any page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from api.body import AnyRequest
from api.exchange import promise
from ledger.errors import LogForked, Malformed
from ledger.reader import position
from ledger.store import Store
from projections.checks import Position, parse_position

LIMIT_MAX = 200
"""The most that one page holds."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The list that it belongs to, its pin, and the place (`after`) and end (`until`) within it."""

    of: str
    pinned: str
    after: Count
    until: Count

    def written(self) -> str:
        """The cursor as callers hold it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


def list_of(*asked: object) -> str:
    """The name of the list that these words ask for."""
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:16]


def opened(text: str, *, of: str) -> Cursor:
    """The cursor; raises `Malformed` for what is none, or one of another list."""
    try:
        read = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.json.decode(read, type=Cursor)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        message = "cannot be read: begin without it"
        raise Malformed(message, field="cursor") from error
    if cursor.of != of:
        raise Malformed("belongs to another list: begin without it", field="cursor")
    return cursor


async def still_pinned(store: Store, cursor: Cursor) -> Position:
    """Where the list was begun; raises `LogForked` where the log no longer holds that entry."""
    at = parse_position(cursor.pinned, field="cursor")
    if at.n == 0:
        return at
    place = await store.place_of(at.log, at.n)
    if place is None or position(at.log, place.n, place.leaf_hash) != cursor.pinned:
        raise LogForked("the list was begun on a log that this is not: begin again")
    return at


def require_limit(limit: int) -> None:
    """Raise `Malformed` for a page of no or of too many."""
    if not 1 <= limit <= LIMIT_MAX:
        raise Malformed(f"must be between 1 and {LIMIT_MAX}", field="limit")


def promise_next(request: AnyRequest, cursor: str | None) -> None:
    """The response links to its next page (RFC 8288), where there is one."""
    if cursor is not None:
        asked = {**dict(request.query_params.multi_items()), "cursor": cursor}
        promise("link", f'<?{urlencode(asked)}>; rel="next"')
