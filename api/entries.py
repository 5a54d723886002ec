"""Recording and the timeline over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from api.access import client_of, needs
from api.body import AnyRequest, read
from api.checks import answered
from api.problems import KeyRequired, refused
from api.state import runtime
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.events import Fact
from ledger.reader import position
from ledger.record import ENTRIES_MAX, Command, Receipted, Refused
from ledger.store import Recorded
from ledger.wire import read_fact
from projections.replay import timeline

TIMELINE_MAX = 200
KEY_LENGTH_MAX = 200


class EntriesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries to record together, or none of them."""

    entries: Annotated[list[dict[str, object]], msgspec.Meta(min_length=1, max_length=ENTRIES_MAX)]


class RecordedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as recorded: its id, its type and its place."""

    entry: UUID
    type: str
    position: str
    recorded_at: str


class RecordedBody(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded; `position` is that of the last entry."""

    position: str
    version: int
    entries: list[RecordedEntry]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of a person in the order of recording; `next` continues, null at the end."""

    entries: list[object]
    complete: bool
    next: str | None


@post("/v1/subjects/{subject:uuid}/entries", guards=[needs("record")], status_code=201)
async def record_about(request: AnyRequest, subject: FromPath[UUID]) -> Response[bytes]:
    """Record what happened to one person, late and dated right, safely retried."""
    return await _record(request, subject)


@post("/v1/entries", guards=[needs("catalogue")], status_code=201)
async def record_common(request: AnyRequest) -> Response[bytes]:
    """Record entries about no one person: notices, bases for all, policy, law."""
    return await _record(request, None)


@get("/v1/subjects/{subject:uuid}/entries", guards=[needs("history")])
async def subject_timeline(
    request: AnyRequest,
    subject: FromPath[UUID],
    after: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
) -> Response[bytes]:
    """What was recorded about a person, with its content where that is not erased."""
    if not 1 <= limit <= TIMELINE_MAX:
        raise Malformed(f"must be between 1 and {TIMELINE_MAX}", field="limit")
    start = _version(after, field="after") if after else 0
    found = await timeline(runtime(request).reader, subject, after=start, limit=limit + 1)
    page, more = found[:limit], len(found) > limit
    return answered(
        Timeline(
            entries=list(page),
            complete=not more,
            next=f"v{page[-1].version}" if more else None,
        )
    )


async def _record(request: AnyRequest, subject: UUID | None) -> Response[bytes]:
    ledger = runtime(request)
    body = await read(request, EntriesBody, bytes_max=ledger.settings.body_bytes_max)
    command = Command(
        subject=subject,
        facts=tuple(_fact(one, n) for n, one in enumerate(body.entries)),
        client=client_of(request).id,
        key=idempotency_key(request),
        expected_version=expected_version(request),
    )
    result = await ledger.recorder.record(command)
    return refused(result) if isinstance(result, Refused) else recorded(result)


def _fact(value: dict[str, object], place: int) -> Fact:
    return read_fact(value, field=f"entries[{place}]")


def idempotency_key(request: AnyRequest) -> str:
    """The key that makes a repeated request the same one."""
    key = request.headers.get("idempotency-key", "").strip()
    if not key:
        raise KeyRequired
    if len(key) > KEY_LENGTH_MAX or not key.isprintable():
        message = f"must be at most {KEY_LENGTH_MAX} printable characters"
        raise Malformed(message, field="Idempotency-Key")
    return key


def expected_version(request: AnyRequest) -> int | None:
    """The version of the stream that the caller saw, where it says so in `If-Match`."""
    match = request.headers.get("if-match")
    return None if match is None else _version(match.strip('"'), field="If-Match")


def _version(text: str, *, field: str) -> int:
    digits = text.removeprefix("v")
    if not text.startswith("v") or not digits.isdecimal() or len(digits) > 18:
        raise Malformed('must be a version as answered, such as "v3"', field=field)
    return int(digits)


def recorded(result: Receipted) -> Response[bytes]:
    """201 with the entries as recorded; a repeated request says that it is one."""
    last = result.entries[-1]
    response = answered(
        RecordedBody(
            position=position(result.log, last.n, last.leaf_hash),
            version=last.version,
            entries=[_entry(result.log, one) for one in result.entries],
        ),
        status_code=201,
    )
    response.headers["etag"] = f'"v{last.version}"'
    if result.replayed:
        response.headers["idempotency-replayed"] = "true"
    return response


def _entry(log: int, one: Recorded) -> RecordedEntry:
    return RecordedEntry(
        entry=one.event_id,
        type=one.name,
        position=position(log, one.n, one.leaf_hash),
        recorded_at=format_instant(one.recorded_at),
    )
