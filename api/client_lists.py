"""The calls that go on: lists read page by page to their end or an error, and the feed.

Not here: single answers, and what is written (`client_calls`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar
from uuid import UUID

from api.client_core import Core, Flow, Page
from api.client_errors import Incomplete
from api.client_positions import NO_FLOOR, Floor
from api.client_questions import When, in_path, query_of, subject_of
from api.client_results import (
    Decision,
    Exposures,
    FeedPage,
    Listed,
    PopulationPage,
    Read,
    ReadsPage,
    TimelineEntry,
    TimelinePage,
)

LIMIT_MAX = 200
"""Items of one page: the service gives no more."""
FEED_SECONDS = 20
"""How long the service waits for news."""
PAUSE_SECONDS = 0.2
"""Between pages of the feed that hold nothing: a process that ends does not wait for news."""

T = TypeVar("T")


class _Part(Protocol):
    """A page as the service sends it."""

    @property
    def complete(self) -> bool: ...
    @property
    def next(self) -> str | None: ...


S = TypeVar("S", bound=_Part)


@dataclass(frozen=True, slots=True)
class _Listing(Generic[S, T]):
    """A list: its first request, how a page reads, what its items are, and what all pages share."""

    path: str
    query: Mapping[str, str]
    shape: type[S]
    items: Callable[[S], Sequence[T]]
    shared: Callable[[S], object]
    seen: Callable[[S, Floor], None]


def timeline(
    core: Core, subject: UUID | str, *, min_position: str | None = None
) -> Flow[Page[TimelineEntry]]:
    """Every entry about a person in the order of recording, up to when the list was begun."""
    about = subject_of(subject)
    query = query_of(limit=LIMIT_MAX, min_position=core.least(about, min_position))

    def seen(page: TimelinePage, floor: Floor) -> None:
        core.positions.saw(page.position, subject=about, floor=floor)

    return _page(
        core,
        _Listing(
            path=f"/v1/subjects/{about}/entries",
            query=query,
            shape=TimelinePage,
            items=lambda page: page.entries,
            shared=lambda page: page.position,
            seen=seen,
        ),
    )


def population(
    core: Core,
    purpose: str,
    *,
    decision: Decision | None = None,
    live: Literal["a", "b", "c", "d", "e", "ea", "f"] | None = None,
    effective_at: When | None = None,
    known_at: When | None = None,
    min_position: str | None = None,
) -> Flow[Page[Listed]]:
    """Everyone with this decision, or this live line, for a purpose: all of them, or an error."""
    query = query_of(
        decision=decision,
        live=live,
        effective_at=effective_at,
        known_at=known_at,
        limit=LIMIT_MAX,
        min_position=core.least(None, min_position),
    )

    def seen(page: PopulationPage, floor: Floor) -> None:
        core.positions.saw_all(page.positions, floor=NO_FLOOR if known_at is not None else floor)

    return _page(
        core,
        _Listing(
            path=f"/v1/purposes/{in_path(purpose)}/subjects",
            query=query,
            shape=PopulationPage,
            items=lambda page: page.people,
            shared=lambda page: (page.positions, page.catalogue, page.effective_at),
            seen=seen,
        ),
    )


def reads(
    core: Core,
    *,
    subject: UUID | str | None = None,
    client: str | None = None,
    since: When | None = None,
    until: When | None = None,
) -> Flow[Page[Read]]:
    """Who was told what about whom in [since, until), when, and for what stated reason."""
    query = query_of(
        subject=None if subject is None else subject_of(subject),
        client=client,
        from_=since,
        until=until,
        limit=LIMIT_MAX,
    )
    return _page(
        core,
        _Listing(
            path="/v1/reads",
            query=query,
            shape=ReadsPage,
            items=lambda page: page.reads,
            shared=lambda page: page.until,
            seen=_unseen,
        ),
    )


def _unseen(page: ReadsPage, floor: Floor) -> None:
    """The read audit has no positions: its lists are pinned by their time."""


def _page(core: Core, one: _Listing[S, T], begun: S | None = None) -> Flow[Page[T]]:
    floor = core.positions.floor()
    query = dict(one.query)
    if begun is not None and begun.next is not None:
        query = {**query, "cursor": begun.next}
        query.pop("min_position", None)
    reply = yield core.get(one.path, query)
    page = reply.read(one.shape)
    one.seen(page, floor if begun is None else NO_FLOOR)
    if page.complete != (page.next is None):
        raise Incomplete("the list ends, and is not complete", request_id=reply.request_id)
    if begun is not None and one.shared(page) != one.shared(begun):
        message = "the list changed while it was read: begin again"
        raise Incomplete(message, request_id=reply.request_id)
    following = None if page.complete else _page(core, one, page)
    return Page(one.items(page), following)


def exposures(
    core: Core,
    since: When,
    until: When,
    *,
    purpose: str | None = None,
    min_position: str | None = None,
) -> Flow[Exposures]:
    """Where in [since, until) more was believed permitted than hindsight permits, and who asked."""
    query = query_of(
        from_=since, until=until, purpose=purpose, min_position=core.least(None, min_position)
    )
    floor = core.positions.floor()
    reply = yield core.get("/v1/exposures", query)
    found = reply.read(Exposures)
    if not found.complete:
        raise Incomplete("the list is not complete", request_id=reply.request_id)
    core.positions.saw_all(found.positions, floor=floor)
    return found


def feed(
    core: Core, after: str = "earliest", *, purpose: str | None = None, follow: bool = True
) -> Flow[Page[FeedPage]]:
    """Pages of what was recorded, and of what time changed, after a cursor.

    Keep `next` of a page with what was made of its events: there a later feed goes on. It never
    ends, unless `follow` is False: then with the page that is `complete`. Checks that are made
    after a page take its events into account.
    """
    return _feed(core, after, purpose, follow=follow, pause=0)


def _feed(
    core: Core, after: str, purpose: str | None, *, follow: bool, pause: float
) -> Flow[Page[FeedPage]]:
    query = query_of(after=after, limit=LIMIT_MAX, purpose=purpose)
    reply = yield core.get("/v1/feed", query, wait=FEED_SECONDS if follow else 0, pause=pause)
    page = reply.read(FeedPage)
    core.positions.saw_all(page.checkpoint.positions)
    for one in page.events:
        core.positions.must_see(one.position, subject=one.subject)
    if page.complete and not follow:
        return Page((page,), None)
    pause = PAUSE_SECONDS if page.complete and not page.events else 0
    return Page((page,), _feed(core, page.next, purpose, follow=follow, pause=pause))
