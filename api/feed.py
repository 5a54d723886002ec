"""The feed over HTTP: pulled page by page, with a wait for what is new, or streamed.

Either is told what the token's grant covers, and moves on past the rest. Not here: what the feed
holds (`projections/feed`), or how its events are written (`feed_events`).
"""

from __future__ import annotations

import logging
import time
from typing import Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromQuery
from litestar.response import Stream as StreamResponse

from api.access import Client, Forbidden, client_of, needs
from api.authentication import client_now
from api.body import AnyRequest
from api.checks import NO_STORE, answered
from api.cursors import LIMIT_MAX, require_limit
from api.exchange import promise
from api.feed_events import Checkpoint, encoding
from api.feed_live import Live, Look, Overflowed, Place
from api.feed_stream import Paced, Purposes, Reason, Stream, checkpoint
from api.limits import UNBOUNDED
from api.runtime import Runtime
from api.state import runtime
from api.waiting import preferred_wait
from ledger.errors import LogForked, Malformed
from ledger.reader import latest
from projections.checks import purposes_of
from projections.feed import EARLIEST, Feed, Page
from projections.feed_cursor import Cursor

SCOPE: Final = "feed"
WAIT_SECONDS_MAX = 20
diagnostics = logging.getLogger("ledger")


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """Events in order; `next` is where to go on, `complete` whether nothing more was there."""

    events: list[msgspec.Raw]
    next: str
    complete: bool
    checkpoint: Checkpoint


@get("/v1/feed", guards=[needs(SCOPE)], opt={UNBOUNDED: True})
async def pull(
    request: AnyRequest,
    after: FromQuery[str] = EARLIEST,
    limit: FromQuery[int] = LIMIT_MAX,
    purpose: FromQuery[str | None] = None,
) -> Response[bytes]:
    """What happened after a cursor; with `Prefer: wait`, as soon as something has."""
    require_limit(limit)
    purposes = _purposes(client_of(request), purpose)
    await require_declared(request, purpose)
    live = live_of(request)
    with live.consumer():
        at = await live.feed.cursor(after, field="after")
        async with live.reading:
            page = await live.feed.events(at, limit=limit, purposes=purposes)
        seconds = preferred_wait(request, most=WAIT_SECONDS_MAX)
        if seconds is not None:
            promise("preference-applied", f"wait={seconds}")
        if seconds and page.behind == 0 and not page.events:
            found = await _waited(live, page, limit, purposes, seconds)
        else:
            found = _page(live, page)
    query = urlencode({**dict(request.query_params.multi_items()), "after": found.next})
    promise("link", f'<{request.url.path}?{query}>; rel="next"')
    return answered(found)


@get(
    "/v1/feed/stream",
    guards=[needs(SCOPE)],
    opt={UNBOUNDED: True},
    middleware=[Paced()],
    media_type="text/event-stream",
)
async def stream(
    request: AnyRequest,
    after: FromQuery[str] = EARLIEST,
    purpose: FromQuery[str | None] = None,
) -> StreamResponse:
    """What happened after a cursor and what happens from now on, as server-sent events."""
    _purposes(client_of(request), purpose)
    await require_declared(request, purpose)
    live = live_of(request)
    live.require_room()
    last = request.headers.get("last-event-id")
    at = await live.feed.cursor(last or after, field="last-event-id" if last else "after")

    async def asked() -> Purposes:
        client = await client_now(request.app.state["tokens"], request.scope)
        if SCOPE not in client.scopes:
            raise Forbidden(f"the token needs the scope {SCOPE}", scope=SCOPE)
        return _purposes(client, purpose)

    ledger = runtime(request)
    endings = ledger.telemetry.metrics.feed_endings

    def ended(reason: Reason) -> None:
        endings.labels(reason).inc()

    every = float(ledger.settings.feed_checkpoint_seconds)
    return StreamResponse(
        Stream(live, at, asked, every=every).frames(ended),
        media_type="text/event-stream",
        headers={**NO_STORE, "x-accel-buffering": "no"},
    )


def live_of(request: AnyRequest) -> Live:
    """What this process tells of the feed, made when it is first asked for."""
    state = request.app.state
    if "feed" not in state:
        state["feed"] = _live(request, runtime(request))
    live: Live = state["feed"]
    return live


def _live(request: AnyRequest, ledger: Runtime) -> Live:
    metrics = ledger.telemetry.metrics

    def failed(error: Exception) -> None:
        metrics.follower_failures.labels("feed").inc()
        diagnostics.error("the feed cannot be read now: %s", type(error).__name__)

    live = Live(
        Feed(ledger.reader, ledger.pool, clock=time.monotonic),
        encoding(ledger.identity),
        draining=request.app.state["draining"],
        clock=time.monotonic,
        failed=failed,
        buffered=ledger.settings.feed_buffer,
        consumers_max=ledger.settings.feed_consumers_max,
    )
    metrics.feed_consumers.set_function(lambda: live.consumers)
    metrics.feed_behind.set_function(lambda: live.behind)
    return live


async def _waited(live: Live, page: Page, limit: int, purposes: Purposes, seconds: int) -> Pulled:
    """What is new within so long, taken from what is kept for everybody."""
    ends = live.clock() + seconds
    look = Look(time=page.time, at=live.clock(), behind=0)
    place = live.place(page.cursor, purposes, ended=look)
    if place is None:
        return _page(live, page)
    while (left := ends - live.clock()) > 0 and not live.draining:
        if place.buffer.lost:
            raise LogForked("the log is not the one that was told of: begin again")
        found = _taken(place, limit)
        if found.events or not found.complete:
            return found
        await live.news(left)
    return _taken(place, limit)


def _taken(place: Place, limit: int) -> Pulled:
    """What the consumer finds among the kept events; not all that there is, where some are gone."""
    try:
        events = [msgspec.Raw(one.body) for _, one in place.take(most=limit)]
        behind = place.left + place.buffer.look.behind
    except Overflowed:
        events, behind = [], max(1, place.left)
    return _pulled(events, place.at, checkpoint(place.at, place.buffer.look.time, behind))


def _page(live: Live, page: Page) -> Pulled:
    events = [msgspec.Raw(live.encode(one)) for one in page.events]
    return _pulled(events, page.cursor, checkpoint(page.cursor, page.time, page.behind))


def _pulled(events: list[msgspec.Raw], at: Cursor, end: Checkpoint) -> Pulled:
    return Pulled(events=events, next=at.spelt(), complete=end.behind == 0, checkpoint=end)


def _purposes(client: Client, purpose: str | None) -> Purposes:
    """The purposes that the client is told of: those asked for, which its grant must cover."""
    if purpose is None:
        return client.grant.purposes
    if not client.grant.covers(purpose):
        raise Forbidden("the token's grant does not cover this purpose", field="purpose")
    return frozenset({purpose})


async def require_declared(
    request: AnyRequest, purpose: str | None, *, field: str = "purpose"
) -> None:
    """A purpose that no catalogue declares is a mistake: its feed would be empty for ever."""
    if purpose is None:
        return
    own = await runtime(request).reader.own()
    if purpose not in purposes_of(own.dossier, latest(own.head, own.catalogue_place)):
        raise Malformed("is no purpose of any catalogue", field=field)
