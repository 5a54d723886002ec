"""The timeline of a person over HTTP: what was recorded, page by page, up to where it was begun."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from api.access import Grant, client_of, needs
from api.asking import audited, reader_of
from api.body import AnyRequest
from api.checks import answered
from api.cursors import Cursor, list_of, opened, promise_next, require_limit, still_pinned
from api.preconditions import etag, unchanged
from api.state import runtime
from api.waiting import at_least
from ledger.errors import Malformed
from ledger.reader import Reader, position
from projections.listed import Listing
from projections.replay import TimelineEntry, timeline, timeline_showing


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of a person in the order of recording, complete to `position`.

    `next` continues after them, null at the end.
    """

    entries: list[TimelineEntry]
    complete: bool
    next: str | None
    position: str


@get("/v1/subjects/{subject:uuid}/entries", guards=[needs("history")])
async def subject_timeline(
    request: AnyRequest,
    subject: FromPath[UUID],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int] = 50,
    min_position: FromQuery[str | None] = None,
) -> Response[bytes]:
    """What was recorded about a person, with its content where that is not erased."""
    require_limit(limit)
    asker = reader_of(request)
    await at_least(request, min_position)
    begun = await _begun(request, subject, cursor)
    whole = client_of(request).grant.whole
    # A later page is no resource that a caller may hold: what it holds may be erased since. Who
    # sees only some of the entries is not told how many there are, and may not ask so either.
    held = unchanged(request, begun.until) if cursor is None else None
    if held is not None:
        return held
    reader = runtime(request).reader
    asked = {"after": begun.after, "limit": limit}
    listing = await Listing.begun(reader, "TIMELINE", asked)
    page, last = await _page(reader, subject, begun, limit, client_of(request).grant)
    following = msgspec.structs.replace(begun, after=last).written() if last < begun.until else None
    promise_next(request, following)
    response = answered(
        Timeline(
            entries=page,
            complete=following is None,
            next=following,
            position=begun.pinned,
        )
    )
    if whole:
        response.headers["etag"] = etag(begun.until)
    about = listing.page(response.content, subject=subject, last=begun.pinned)
    await audited(request, asker, [about])
    return response


async def _page(
    reader: Reader, subject: UUID, begun: Cursor, limit: int, grant: Grant
) -> tuple[list[TimelineEntry], int]:
    """The entries of the page, and the place of the last of them in the list."""
    if grant.whole:
        many = min(limit, max(0, begun.until - begun.after))
        page = await timeline(reader, subject, after=begun.after, limit=many) if many else []
        if len(page) < many:
            raise Malformed("goes on beyond the list: begin without it", field="cursor")
        return page, begun.after + many
    ahead = await timeline_showing(
        reader, subject, grant.shows, after=begun.after, until=begun.until, limit=limit + 1
    )
    page = ahead[:limit]
    return page, page[-1].n if len(ahead) > limit else begun.until


async def _begun(request: AnyRequest, subject: UUID, cursor: str | None) -> Cursor:
    """Where the page begins, and where the list ends.

    Counted in versions of the stream; where the client may see only some entries, in those of its
    log, so that neither says how many others there are.
    """
    ledger = runtime(request)
    purposes = client_of(request).grant.purposes
    name = list_of("timeline", subject, None if purposes is None else sorted(purposes))
    if cursor is not None:
        found = opened(cursor, of=name)
        await still_pinned(ledger.store, found)
        return found
    own, log = ledger.identity.stream, ledger.identity.log_of(subject)
    row = (await ledger.store.dossiers(log, [subject], own=own))[subject]
    pinned = position(log, row.size, row.leaf_hash)
    until = row.version or 0 if purposes is None else row.size
    return Cursor(of=name, pinned=pinned, after=0, until=until)
