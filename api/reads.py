"""The read audit over HTTP: who looked at whom, when, and for what stated reason.

Looking into it is recorded as well. Not here: exposures, which name who was told what (`lists`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from api.access import needs, whole_grant
from api.asking import WORDS_MAX, audited, reader_of
from api.body import AnyRequest, instant
from api.checks import answered
from api.cursors import promise_next, require_limit
from api.state import runtime
from ledger.errors import Malformed
from projections.listed import Listing
from projections.read_audit import Row, members_of, written_instant
from projections.reads import Reads, Sought

PAGE = 50

From = Annotated[str | None, QueryParameter(name="from")]


class ReadShown(msgspec.Struct, frozen=True, kw_only=True):
    """A row with all that its hash is over; `log`, `chain` and `n` are its place.

    `question` is the rest of the question; where the answer is kept, `stored_digest` is of that.
    """

    id: UUID
    request: UUID
    answered_at: str
    client: str
    reason: str | None
    on_behalf_of: str | None
    trace: str | None
    kind: str
    subject: UUID | None
    purpose: str | None
    question: msgspec.Raw
    decision: str | None
    effective_at: str | None
    known_at: str | None
    position: str | None
    catalogue: str | None
    rulebook: str | None
    answer_digest: str
    stored_digest: str | None
    log: int
    chain: UUID
    n: int
    prev: str
    hash: str


class ReadsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in the order of time, log by log; `next` continues, null at the end.

    Nothing answered at `until` or later is on the list.
    """

    reads: list[ReadShown]
    complete: bool
    next: str | None
    until: str


@get("/v1/reads", guards=[needs("audit")])
async def reads(
    request: AnyRequest,
    since: From = None,
    until: FromQuery[str | None] = None,
    subject: FromQuery[UUID | None] = None,
    client: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int] = PAGE,
) -> Response[bytes]:
    """Who was told what about whom, when, and for what stated reason."""
    whole_grant(request)
    require_limit(limit)
    ledger, asker = runtime(request), reader_of(request)
    sought = Sought(
        subject=subject,
        client=_client(client),
        since=instant(since, field="from"),
        until=instant(until, field="until"),
    )
    asked = {"client": client, "from": since, "limit": limit, "until": until}
    listing = await Listing.begun(ledger.reader, "READS", asked | {"first_page": cursor is None})
    page = await Reads(ledger.reader, ledger.pool).found(sought, limit=limit, cursor=cursor)
    promise_next(request, page.cursor)
    response = answered(
        ReadsShown(
            reads=[_shown(one) for one in page.rows],
            complete=page.cursor is None,
            next=page.cursor,
            until=written_instant(page.until),
        )
    )
    await audited(request, asker, [listing.page(response.content, subject=subject)])
    return response


def _client(text: str | None) -> str | None:
    if text is not None and (not text or len(text) > WORDS_MAX or "\0" in text):
        raise Malformed(f"must be from 1 to {WORDS_MAX} characters", field="client")
    return text


def _shown(one: Row) -> ReadShown:
    members = msgspec.to_builtins(members_of(one))
    question = msgspec.Raw(one.question.encode())
    return msgspec.convert(members | {"question": question, "hash": one.hash.hex()}, ReadShown)
