"""Recording over HTTP: whole or not at all, once however often it is sent."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath

from api.access import client_of, needs, recording
from api.body import AnyRequest, read
from api.checks import answered
from api.limits import QUOTA, RECORDING, charge_recording
from api.preconditions import etag, expected_version
from api.problems import KeyRequired, refused
from api.receipts import Receipt, Receipts
from api.state import runtime
from api.waiting import until_covered
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.events import Fact
from ledger.reader import position
from ledger.record import ENTRIES_MAX, Command, Receipted, Refused
from ledger.store import Recorded
from ledger.tlog.proof import LogProof
from ledger.wire import read_fact

KEY_LENGTH_MAX = 200


class EntriesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries to record together, or none of them."""

    entries: Annotated[list[dict[str, object]], msgspec.Meta(min_length=1, max_length=ENTRIES_MAX)]


class RecordedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as recorded: its id, its type and its place, with what the log promises of it."""

    entry: UUID
    type: str
    position: str
    recorded_at: str
    receipt: Receipt


class RecordedBody(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded; `position` and `receipt` are those of the last entry.

    `version` is the stream's, null for a client whose grant is not over every purpose.
    """

    position: str
    version: int | None
    entries: list[RecordedEntry]
    receipt: Receipt


@post(
    "/v1/subjects/{subject:uuid}/entries",
    guards=[needs("record")],
    status_code=201,
    opt={QUOTA: RECORDING},
)
async def record_about(request: AnyRequest, subject: FromPath[UUID]) -> Response[bytes]:
    """Record what happened to one person, late and dated right, safely retried."""
    return await _record(request, subject)


@post("/v1/entries", guards=[needs("catalogue")], status_code=201, opt={QUOTA: RECORDING})
async def record_common(request: AnyRequest) -> Response[bytes]:
    """Record entries about no one person: notices, bases for all, policy, law."""
    return await _record(request, None)


async def _record(request: AnyRequest, subject: UUID | None) -> Response[bytes]:
    ledger = runtime(request)
    ledger.watch.check()
    facts: tuple[Fact, ...] = ()
    try:
        facts = await _facts(request)
    finally:
        # Only what was read can be known to be restrictive.
        charge_recording(request, facts)
    recording(request, facts)
    command = Command(
        subject=subject,
        facts=facts,
        client=client_of(request).id,
        key=idempotency_key(request),
        expected_version=await expected_version(request, subject),
    )
    result = await ledger.recorder.record(command)
    if isinstance(result, Refused):
        return refused(result)
    proof = await until_covered(request, result.log, result.entries[-1].n)
    whole = client_of(request).grant.whole
    return recorded(result, ledger.receipts, proof=proof, whole=whole)


async def _facts(request: AnyRequest) -> tuple[Fact, ...]:
    most = runtime(request).settings.body_bytes_max
    body = await read(request, EntriesBody, bytes_max=most)
    return tuple(read_fact(one, field=f"entries[{n}]") for n, one in enumerate(body.entries))


def idempotency_key(request: AnyRequest) -> str:
    """The key that makes a repeated request the same one."""
    keys = [one.strip() for one in request.headers.getall("idempotency-key", [])]
    if not any(keys):
        raise KeyRequired
    if len(keys) > 1:
        raise Malformed("stands twice: which one is meant?", field="Idempotency-Key")
    key = keys[0]
    if len(key) > KEY_LENGTH_MAX or not key.isprintable():
        message = f"must be at most {KEY_LENGTH_MAX} printable characters"
        raise Malformed(message, field="Idempotency-Key")
    return key


def recorded(
    result: Receipted, receipts: Receipts, *, proof: LogProof | None = None, whole: bool = True
) -> Response[bytes]:
    """201 with the entries as recorded; a repeated request says that it is one.

    `whole` is whether the client may know how many entries the stream has, `proof` that the last
    entry is in the log.
    """
    last = result.entries[-1]
    entries = [
        _entry(result.log, one, receipts.receipt(result.log, one, whole=whole))
        for one in result.entries[:-1]
    ]
    receipt = receipts.receipt(result.log, last, proof=proof, whole=whole)
    response = answered(
        RecordedBody(
            position=position(result.log, last.n, last.leaf_hash),
            version=last.version if whole else None,
            entries=[*entries, _entry(result.log, last, receipt)],
            receipt=receipt,
        ),
        status_code=201,
    )
    if whole:
        response.headers["etag"] = etag(last.version)
    if result.replayed:
        response.headers["idempotency-replayed"] = "true"
    return response


def _entry(log: int, one: Recorded, receipt: Receipt) -> RecordedEntry:
    return RecordedEntry(
        entry=one.event_id,
        type=one.name,
        position=position(log, one.n, one.leaf_hash),
        recorded_at=format_instant(one.recorded_at),
        receipt=receipt,
    )
