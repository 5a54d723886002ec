"""Who has not acted on a withdrawal in time, over HTTP, for those who watch over it.

Not here: what one client's consumers have not acted on, which they are told themselves
(`consumers`).
"""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.params import FromQuery

from api.access import needs, whole_grant
from api.body import AnyRequest
from api.checks import answered
from api.consumers import ConsumerDisabled, OverdueEntries, disabled_of, overdue_entries
from api.state import runtime
from api.webhooks import overdue_of
from ledger.civil import format_instant
from ledger.errors import Malformed
from projections.consumers import Consumer
from projections.overdue import Late

HOURS_MAX = 8760


class ConsumerOverdue(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer that has not acted in time; `acknowledged` is up to where it has."""

    client: str
    consumer: str
    description: str | None
    delivers: bool
    disabled: ConsumerDisabled | None
    acknowledged: str
    acknowledged_at: str | None
    overdue: OverdueEntries


class OverdueReport(msgspec.Struct, frozen=True, kw_only=True):
    """Every consumer that has not acted on something recorded longer ago than so many hours."""

    older_than: int
    consumers: list[ConsumerOverdue]


@get("/v1/feed/overdue", guards=[needs("audit")])
async def overdue(request: AnyRequest, older_than: FromQuery[int | None] = None) -> Response[bytes]:
    """Consumers that have not acknowledged a withdrawal, an objection or the like in time."""
    whole_grant(request)
    ledger = runtime(request)
    hours = ledger.settings.withdrawal_overdue_hours if older_than is None else older_than
    if not 0 <= hours <= HOURS_MAX:
        raise Malformed(f"must be between 0 and {HOURS_MAX} hours", field="older_than")
    found = await overdue_of(ledger).report(seconds=hours * 3600)
    logs = ledger.identity.logs
    shown = [_shown(one, late, logs) for one, late in found]
    return answered(OverdueReport(older_than=hours, consumers=shown))


def _shown(one: Consumer, late: Late, logs: int) -> ConsumerOverdue:
    at = one.acknowledged_at
    return ConsumerOverdue(
        client=one.client,
        consumer=one.name,
        description=one.description,
        delivers=one.url is not None,
        disabled=disabled_of(one),
        acknowledged=one.acted(logs).spelt(),
        acknowledged_at=None if at is None else format_instant(at),
        overdue=overdue_entries(late),
    )
