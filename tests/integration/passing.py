"""Changes by time as they are written, and a consent that soon makes one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from projections.current import Tailer
from tests.integration.wired import Founded, Wired, born, consent

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EXPIRY = datetime(2026, 7, 1, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"
Change = tuple[datetime, tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]]


def tailer(wired: Wired, **options: Any) -> Tailer:
    return Tailer(wired.reader, wired.rulebook, wired.pool, **options)


def written(ledger: Founded, subject: UUID, purpose: str = "PHOTO") -> list[Change]:
    """The changes about the person and purpose, in the order of their numbers."""
    rows = ledger.sql(
        "SELECT effective_at, decision_before, live_before, decision, live FROM time_change"
        " WHERE subject = %s AND purpose = %s ORDER BY log, m",
        subject,
        purpose,
    )
    return [(at, (a, tuple(b)), (c, tuple(d))) for at, a, b, c, d in rows]


def numbers(ledger: Founded, log: int = 0) -> list[int]:
    return [m for (m,) in ledger.sql("SELECT m FROM time_change WHERE log = %s ORDER BY m", log)]


def assert_numbered(ledger: Founded, log: int = 0) -> None:
    """Without gaps from 1, up to what the head says."""
    found = numbers(ledger, log)
    assert found == list(range(1, len(found) + 1))
    head = ledger.sql("SELECT m FROM time_change_head WHERE log = %s", log)
    assert head == ([(len(found),)] if found else head)


PERMITTED = ("PERMIT", ("a",))
DENIED = ("DENY", ())
EXPIRED: list[Change] = [(EXPIRY, PERMITTED, DENIED)]


async def expiring(wired: Wired, ledger: Founded, subject: UUID, **more: Any) -> None:
    """A consent that ends at EXPIRY, followed, at NOW."""
    ledger.clock(NOW)
    await wired.adopt()
    given = consent(subject, GIVEN, expires_at="2026-07-01T00:00:00Z")
    await wired.record(subject, born(), given)
    assert await tailer(wired, **more).catch_up()
    assert numbers(ledger) == []
