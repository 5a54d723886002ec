"""The feed as a test reads it: whole, page by page."""

import time

from projections.current import Tailer
from projections.feed import AnyEvent, Feed
from projections.feed_cursor import Cursor
from tests.integration.wired import Wired


def feed_of(wired: Wired) -> Feed:
    """The feed with nothing remembered."""
    return Feed(wired.reader, wired.pool, clock=time.monotonic)


def tailer(wired: Wired) -> Tailer:
    """A follower that finds changes by time."""
    return Tailer(wired.reader, wired.rulebook, wired.pool)


async def everything(
    feed: Feed, after: Cursor, *, limit: int = 200, purposes: frozenset[str] | None = None
) -> list[AnyEvent]:
    """All that the feed tells from there to its end."""
    found: list[AnyEvent] = []
    while True:
        page = await feed.events(after, limit=limit, purposes=purposes)
        assert len(page.events) <= limit
        found += page.events
        if page.behind == 0:
            return found
        assert page.cursor != after
        after = page.cursor
