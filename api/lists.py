"""Lists over HTTP: what changed between two moments, who is permitted, what hindsight denies."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from api.access import client_of, covering, needs
from api.asking import audited, check_purpose, reader_of
from api.body import AnyRequest, instant
from api.checks import answered
from api.cursors import LIMIT_MAX, promise_next, require_limit
from api.state import runtime
from api.waiting import at_least
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.reader import Loaded
from ledger.terms import Article6, Decision
from projections.checks import Checks, purposes_of
from projections.compare import Compared, Moment, Record, compare
from projections.exposure import Exposure, Exposures, Gap, Period
from projections.listed import Listing
from projections.population import Listed, Page, Population, Wanted
from projections.reads import Reads, Told

From = Annotated[str | None, QueryParameter(name="from")]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two moments, and every purpose's answer at both, with the causes of each change."""

    purposes: list[Compared]


class ToldGap(Gap, frozen=True, kw_only=True):
    """A gap, with everybody who was told about a moment of it that something is permitted."""

    told: tuple[Told, ...]


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """One person's gaps, in order of purpose and time."""

    subject: UUID
    gaps: tuple[ToldGap, ...]


class AllExposed(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone with a gap in the period; complete to these positions."""

    people: list[Exposed]
    complete: bool
    positions: list[str]


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands so for a purpose, complete to `positions` and `catalogue`, in order.

    `next` continues after them, null at the end.
    """

    people: tuple[Listed, ...]
    complete: bool
    next: str | None
    effective_at: str
    known_at: str
    positions: tuple[str, ...]
    catalogue: str


@get("/v1/subjects/{subject:uuid}/bases/diff", guards=[needs("history")])
async def diff(
    request: AnyRequest,
    subject: FromPath[UUID],
    effective_at: FromQuery[str],
    known_at: FromQuery[str],
    then_effective_at: FromQuery[str],
    then_known_at: FromQuery[str],
    min_position: FromQuery[str | None] = None,
) -> Response[bytes]:
    """What changed for a person from one pair of moments to another, each change with its cause."""
    ledger, asker = runtime(request), reader_of(request)
    await at_least(request, min_position)
    log = ledger.identity.log_of(subject)
    read = await ledger.reader.subjects(log, [subject], rows=ledger.reads.dossiers)
    loaded = read[subject]
    now = loaded.head.now
    asked = (
        _moment(effective_at, known_at, prefix="", now=now),
        _moment(then_effective_at, then_known_at, prefix="then_", now=now),
    )
    before, after = [await _pinned(ledger.checks, log, one, loaded) for one in asked]
    known = purposes_of(loaded.catalogue, max(before.known_at, after.known_at))
    grant = client_of(request).grant
    purposes = [one for one in known if grant.covers(one)]
    record = Record(person=loaded.dossier, catalogue=loaded.catalogue, rulebook=ledger.rulebook)
    found = compare(record, before=before, after=after, purposes=purposes)
    listing = Listing(kind="DIFF", identity=ledger.identity, answered_at=loaded.head.now, asked={})
    await audited(request, asker, listing.compared(found, subject, loaded))
    return answered(Difference(purposes=found))


@get("/v1/purposes/{purpose:str}/subjects", guards=[needs("history")])
async def population(
    request: AnyRequest,
    purpose: FromPath[str],
    decision: FromQuery[str | None] = None,
    live: FromQuery[str | None] = None,
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int] = LIMIT_MAX,
    min_position: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Who is permitted, limited or denied for this purpose; complete, or an error."""
    require_limit(limit)
    ledger, asker = runtime(request), reader_of(request)
    wanted = Wanted(
        purpose=check_purpose(purpose),
        named=not covering(request, [purpose]).whole,
        decision=_decision(decision),
        live=_live(live),
        effective_at=instant(effective_at, field="effective_at"),
        known_at=instant(known_at, field="known_at"),
    )
    asked = {"decision": decision, "live": live, "limit": limit, "first_page": cursor is None}
    await at_least(request, min_position)
    listing = await Listing.begun(ledger.reader, "POPULATION", asked, purpose=purpose)
    lists = Population(ledger.reader, ledger.rulebook, ledger.pool)
    page = await lists.subjects_of(wanted, limit=limit, cursor=cursor)
    await audited(request, asker, listing.people(page))
    promise_next(request, page.cursor)
    return answered(_people(page))


@get("/v1/exposures", guards=[needs("history")])
async def exposures(
    request: AnyRequest,
    since: From,
    until: FromQuery[str],
    purpose: FromQuery[str | None] = None,
    min_position: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Where the answer believed at the time permitted more than hindsight does."""
    ledger, asker = runtime(request), reader_of(request)
    grant = covering(request, [] if purpose is None else [check_purpose(purpose)])
    granted = None if grant.purposes is None else sorted(grant.purposes)
    purposes = granted if purpose is None else [purpose]
    period = Period(start=_required(since, field="from"), end=_required(until, field="until"))
    await at_least(request, min_position)
    asked = {"from": since, "until": until}
    listing = await Listing.begun(ledger.reader, "EXPOSURE", asked, purpose=purpose)
    found = await Exposures.now(ledger.reader, ledger.rulebook, ledger.pool)
    people = [one async for one in found.over(period, purposes=purposes, named=not grant.whole)]
    positions = [one.position for one in found.pins]
    reads = Reads(ledger.reader, ledger.pool)
    exposed = [await _exposed(reads, one) for one in people]
    await audited(request, asker, listing.exposed(people, positions))
    return answered(AllExposed(people=exposed, complete=True, positions=positions))


def _people(page: Page) -> People:
    return People(
        people=page.people,
        complete=page.cursor is None,
        next=page.cursor,
        effective_at=format_instant(page.effective_at),
        known_at=format_instant(page.known_at),
        positions=page.positions,
        catalogue=page.catalogue,
    )


async def _exposed(reads: Reads, one: Exposure) -> Exposed:
    told = await reads.told(one.subject, one.gaps)
    gaps = [
        ToldGap(**msgspec.structs.asdict(gap), told=callers)
        for gap, callers in zip(one.gaps, told, strict=True)
    ]
    return Exposed(subject=one.subject, gaps=tuple(gaps))


def _moment(effective_at: str, known_at: str, *, prefix: str, now: datetime) -> Moment:
    known = _required(known_at, field=f"{prefix}known_at")
    if known > now:
        raise Malformed("must not be later than the ledger's clock", field=f"{prefix}known_at")
    effective = _required(effective_at, field=f"{prefix}effective_at")
    return Moment(effective_at=effective, known_at=known)


async def _pinned(checks: Checks, log: int, asked: Moment, loaded: Loaded) -> Moment:
    """The same moment, known by the last entries recorded by then, which its answers name."""
    pin = await checks.as_known(log, asked.known_at, loaded)
    return Moment(
        effective_at=asked.effective_at,
        known_at=pin.known_at,
        position=pin.position,
        catalogue=pin.catalogue_position,
    )


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
