"""Lists over HTTP: what changed between two moments, who is permitted, what hindsight denies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from api.access import needs
from api.body import AnyRequest, instant
from api.checks import answered
from api.state import runtime
from ledger.errors import Malformed
from ledger.terms import Article6, Decision
from projections.checks import purposes_of
from projections.compare import Compared, Moment, Record, compare
from projections.exposure import Exposure, Exposures, Period
from projections.population import Population, Wanted

PAGE = 200

From = Annotated[str | None, QueryParameter(name="from")]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two moments, and every purpose's answer at both, with the causes of each change."""

    purposes: list[Compared]


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone with a gap in the period; complete to these positions."""

    people: list[Exposure]
    complete: bool
    positions: list[str]


@get("/v1/subjects/{subject:uuid}/bases/diff", guards=[needs("history")])
async def diff(
    request: AnyRequest,
    subject: FromPath[UUID],
    effective_at: FromQuery[str],
    known_at: FromQuery[str],
    then_effective_at: FromQuery[str],
    then_known_at: FromQuery[str],
) -> Response[bytes]:
    """What changed for a person from one pair of moments to another, each change with its cause."""
    ledger = runtime(request)
    log = ledger.identity.log_of(subject)
    loaded = (await ledger.reader.subjects(log, [subject]))[subject]
    before = _moment(effective_at, known_at, prefix="", now=loaded.head.now)
    after = _moment(then_effective_at, then_known_at, prefix="then_", now=loaded.head.now)
    purposes = purposes_of(loaded.catalogue, max(before.known_at, after.known_at))
    record = Record(person=loaded.dossier, catalogue=loaded.catalogue, rulebook=ledger.rulebook)
    return answered(
        Difference(purposes=compare(record, before=before, after=after, purposes=purposes))
    )


@get("/v1/purposes/{purpose:str}/subjects", guards=[needs("history")])
async def population(
    request: AnyRequest,
    purpose: FromPath[str],
    decision: FromQuery[str | None] = None,
    live: FromQuery[str | None] = None,
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int] = PAGE,
) -> Response[bytes]:
    """Who is permitted, limited or denied for this purpose; complete, or an error."""
    ledger = runtime(request)
    wanted = Wanted(
        purpose=purpose,
        decision=_decision(decision),
        live=_live(live),
        effective_at=instant(effective_at, field="effective_at"),
        known_at=instant(known_at, field="known_at"),
    )
    lists = Population(ledger.reader, ledger.rulebook, ledger.pool)
    return answered(await lists.subjects_of(wanted, limit=limit, cursor=cursor))


@get("/v1/exposures", guards=[needs("history")])
async def exposures(
    request: AnyRequest, since: From, until: FromQuery[str], purpose: FromQuery[str | None] = None
) -> Response[bytes]:
    """Where the answer believed at the time permitted more than hindsight does."""
    ledger = runtime(request)
    period = Period(start=_required(since, field="from"), end=_required(until, field="until"))
    found = await Exposures.now(ledger.reader, ledger.rulebook, ledger.pool)
    purposes = None if purpose is None else [purpose]
    people = [one async for one in found.over(period, purposes=purposes)]
    positions = [one.position for one in found.pins]
    return answered(Exposed(people=people, complete=True, positions=positions))


def _moment(effective_at: str, known_at: str, *, prefix: str, now: datetime) -> Moment:
    known = _required(known_at, field=f"{prefix}known_at")
    if known > now:
        raise Malformed("must not be later than the ledger's clock", field=f"{prefix}known_at")
    effective = _required(effective_at, field=f"{prefix}effective_at")
    return Moment(effective_at=effective, known_at=known)


def _required(text: str | None, *, field: str) -> datetime:
    moment = instant(text, field=field)
    if moment is None:
        raise Malformed("is required", field=field)
    return moment


def _decision(text: str | None) -> Decision | None:
    try:
        return None if text is None else Decision(text)
    except ValueError:
        raise Malformed(f"must be one of {', '.join(Decision)}", field="decision") from None


def _live(text: str | None) -> Article6 | None:
    for letter in get_args(Article6):
        if text == letter:
            return cast(Article6, letter)
    if text is not None:
        raise Malformed(f"must be one of {', '.join(get_args(Article6))}", field="live")
    return None
