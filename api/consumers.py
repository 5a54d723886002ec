"""Consumers of the feed over HTTP: registered by their client, who says how far it has acted.

A consumer is its client's: nobody else sees it here. Not here: the feed itself (`feed`), deliveries
(`webhooks`), or who has not acted in time, of all clients (`overdue`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, delete, get, post, put
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from api.access import Forbidden, client_of, needs
from api.body import AnyRequest, read
from api.checks import answered
from api.feed import SCOPE, live_of, require_declared
from api.problems import problem
from api.state import runtime
from api.webhook_addresses import read_address
from api.webhook_signing import spelt_public, spelt_secret
from api.webhooks import consumers_of, overdue_of, overdue_seconds, reach_of
from ledger.civil import format_instant
from ledger.errors import Malformed
from projections.checks import parse_position
from projections.consumer_secrets import Named, Secret
from projections.consumers import Acknowledges, Consumer, TooMany, Wanted
from projections.feed import EARLIEST, HEAD
from projections.feed_cursor import Cursor, Mark, earliest, parse_cursor
from projections.overdue import Late

_NAME = re.compile(r"[a-z][a-z-]{0,47}[0-9]{0,2}")
"""No identifier of a person is spelt so: a name stands in addresses."""
OVERLAP_HOURS = 24

Purpose = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class ConsumerBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consumer: with a `url` it is sent events there, without one it pulls.

    Without `purposes` it is for those of the token's grant. `acknowledges` says whether what was
    delivered counts as acted on. `after` is where it stands when it is registered first: a cursor,
    `earliest`, or `head`, which is what it is without.
    """

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)] | None = None
    purposes: Annotated[list[Purpose], msgspec.Meta(min_length=1, max_length=1000)] | None = None
    description: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    acknowledges: Acknowledges = "explicit"
    after: str | None = None


class SecretRotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many hours the secrets before the new one stay valid; 0 ends them at once."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=168)] = OVERLAP_HOURS


class Acknowledgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything up to here has been acted on: a cursor of the feed, or an event's `position`."""

    position: Annotated[str, msgspec.Meta(min_length=1, max_length=65_536)]


class ConsumerKey(msgspec.Struct, frozen=True, kw_only=True):
    """What deliveries are verified with; `ends_at` is null for the newest."""

    public_key: str
    ends_at: str | None


class ConsumerFailing(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts that came to nothing, what came of the last, and when the next is made."""

    attempts: int
    since: str
    reason: str
    next_attempt_at: str


class ConsumerDisabled(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is delivered any more, since when and why; registering it again begins anew."""

    since: str
    reason: Literal["gone", "failing"]


class OverdueEntries(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries should have been acted on by now, and the first of them.

    Where not `complete`, there may be more.
    """

    count: int
    complete: bool
    oldest_recorded_at: str | None
    position: str | None


class ConsumerShown(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer as it stands; null `purposes` are all, and null `overdue` is none.

    `delivered` and `acknowledged` are cursors of the feed.
    """

    name: str
    url: str | None
    purposes: list[str] | None
    description: str | None
    acknowledges: Acknowledges
    registered_at: str
    delivered: str | None
    acknowledged: str
    acknowledged_at: str | None
    keys: list[ConsumerKey]
    failing: ConsumerFailing | None
    disabled: ConsumerDisabled | None
    overdue: OverdueEntries | None


class ConsumerSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What deliveries are signed with, and verified: `secret` is shown this once."""

    secret: str
    public_key: str


class ConsumerRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """The consumer, and its first secret where this call has made it."""

    consumer: ConsumerShown
    secret: ConsumerSecret | None


class ConsumersShown(msgspec.Struct, frozen=True, kw_only=True):
    """The client's consumers, by name."""

    consumers: list[ConsumerShown]


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where the consumer has acted, by all that it has said: a cursor of the feed."""

    acknowledged: str
    acknowledged_at: str | None


@put("/v1/feed/consumers/{consumer:str}", guards=[needs(SCOPE)], status_code=200)
async def register(request: AnyRequest, consumer: FromPath[str]) -> Response[bytes]:
    """Register a consumer, or change what was registered; one that was disabled is tried again."""
    named, ledger = _named(request, consumer), runtime(request)
    body = await read(request, ConsumerBody, bytes_max=ledger.settings.body_bytes_max)
    wanted = await _wanted(request, body)
    try:
        made, secret = await consumers_of(ledger).register(named, wanted)
    except TooMany as error:
        raise Forbidden(str(error)) from error
    shown = await _shown(request, made)
    told = None if secret is None else _told(secret)
    return answered(ConsumerRegistered(consumer=shown, secret=told))


@get("/v1/feed/consumers", guards=[needs(SCOPE)])
async def consumers(request: AnyRequest) -> Response[bytes]:
    """Every consumer of this client, and how each stands."""
    every = await consumers_of(runtime(request)).every(client_of(request).id)
    return answered(ConsumersShown(consumers=[await _shown(request, one) for one in every]))


@get("/v1/feed/consumers/{consumer:str}", guards=[needs(SCOPE)])
async def one_consumer(request: AnyRequest, consumer: FromPath[str]) -> Response[bytes]:
    """How a consumer stands."""
    found = await consumers_of(runtime(request)).find(_named(request, consumer))
    return problem("not-found") if found is None else answered(await _shown(request, found))


@delete("/v1/feed/consumers/{consumer:str}", guards=[needs(SCOPE)], status_code=204)
async def remove(request: AnyRequest, consumer: FromPath[str]) -> None:
    """Nothing is delivered to the consumer any more, and nobody waits for what it acknowledges."""
    if not await consumers_of(runtime(request)).remove(_named(request, consumer)):
        raise NotFoundException


@post("/v1/feed/consumers/{consumer:str}/secrets", guards=[needs(SCOPE)])
async def renew(request: AnyRequest, consumer: FromPath[str]) -> Response[bytes]:
    """A new secret, shown once; those before it stay valid for a while beside it."""
    named, ledger = _named(request, consumer), runtime(request)
    body = await read(request, SecretRotation, bytes_max=ledger.settings.body_bytes_max)
    made = await consumers_of(ledger).new_secret(named, hours=body.overlap_hours)
    if made is None:
        return problem("not-found", "there is no such consumer, or it is sent nothing")
    return answered(_told(made), status_code=201)


@post("/v1/feed/consumers/{consumer:str}/acknowledgements", guards=[needs(SCOPE)], status_code=200)
async def acknowledge(request: AnyRequest, consumer: FromPath[str]) -> Response[bytes]:
    """Everything up to a place has been acted on; what was acknowledged before stays so."""
    named, ledger = _named(request, consumer), runtime(request)
    body = await read(request, Acknowledgement, bytes_max=ledger.settings.body_bytes_max)
    upto = _place(body.position, logs=ledger.identity.logs)
    await live_of(request).feed.cursor(upto.spelt(), field="position")
    found = await consumers_of(ledger).acknowledge(named, upto)
    if found is None:
        return problem("not-found")
    acted = found.acted(ledger.identity.logs).spelt()
    return answered(Acknowledged(acknowledged=acted, acknowledged_at=_at(found.acknowledged_at)))


def _named(request: AnyRequest, name: str) -> Named:
    if _NAME.fullmatch(name) is None:
        message = "must be a to z and hyphens, at most 48, and two digits at the end at most"
        raise Malformed(message, field="consumer")
    return Named(client_of(request).id, name)


async def _wanted(request: AnyRequest, body: ConsumerBody) -> Wanted:
    """What the client may have of what it wants."""
    if body.url is None and body.acknowledges == "delivery":
        raise Malformed("is for consumers with a url: one that pulls says so", field="acknowledges")
    if body.url is not None:
        read_address(body.url, reach_of(runtime(request).settings))
    if body.description is not None and not body.description.isprintable():
        raise Malformed("must be printable, on one line", field="description")
    grant = client_of(request).grant
    purposes = grant.purposes if body.purposes is None else frozenset(body.purposes)
    if not all(grant.covers(one) for one in body.purposes or ()):
        raise Forbidden("the token's grant does not cover one of these purposes", field="purposes")
    for one in body.purposes or ():
        await require_declared(request, one, field="purposes")
    start = await live_of(request).feed.cursor(body.after or HEAD, field="after")
    return Wanted(
        url=body.url,
        purposes=purposes,
        description=body.description,
        acknowledges=body.acknowledges,
        start=start,
    )


def _place(text: str, *, logs: int) -> Cursor:
    """The place that a cursor or a position names, with the hash of every entry that it names."""
    if text in (EARLIEST, HEAD):
        raise Malformed("must say what was acted on: a cursor or a position", field="position")
    place = _of_cursor(text, logs) if "-" in text else _of_position(text, logs)
    if any(mark.n and mark.leaf_hash is None for mark in place.marks):
        raise Malformed("must have its hash, as it was given", field="position")
    return place


def _of_cursor(text: str, logs: int) -> Cursor:
    return parse_cursor(text, logs=logs, field="position")


def _of_position(text: str, logs: int) -> Cursor:
    at = parse_position(text, field="position")
    if at.log >= logs:
        raise Malformed("names no log of this ledger", field="position")
    return earliest(logs).moved(at.log, Mark(n=at.n, leaf_hash=at.leaf_hash))


async def _shown(request: AnyRequest, one: Consumer) -> ConsumerShown:
    ledger = runtime(request)
    late = await overdue_of(ledger).at(one, seconds=overdue_seconds(ledger.settings))
    keys = await consumers_of(ledger).keys(one.named) if one.url else []
    return ConsumerShown(
        name=one.name,
        url=one.url,
        purposes=one.purposes,
        description=one.description,
        acknowledges=one.acknowledges,
        registered_at=format_instant(one.registered_at),
        delivered=one.delivered if one.url else None,
        acknowledged=one.acted(ledger.identity.logs).spelt(),
        acknowledged_at=_at(one.acknowledged_at),
        keys=[
            ConsumerKey(public_key=spelt_public(key.public), ends_at=_at(key.ends_at))
            for key in keys
        ],
        failing=_failing(one),
        disabled=disabled_of(one),
        overdue=overdue_entries(late) if late else None,
    )


def _failing(one: Consumer) -> ConsumerFailing | None:
    if one.failing_since is None:
        return None
    return ConsumerFailing(
        attempts=one.failures,
        since=format_instant(one.failing_since),
        reason=one.failure or "",
        next_attempt_at=format_instant(one.due_at),
    )


def disabled_of(one: Consumer) -> ConsumerDisabled | None:
    """Since when nothing is delivered, and why."""
    if one.disabled_at is None or one.disabled_for is None:
        return None
    return ConsumerDisabled(since=format_instant(one.disabled_at), reason=one.disabled_for)


def overdue_entries(late: Late) -> OverdueEntries:
    """What is overdue, as it is told."""
    return OverdueEntries(
        count=late.count,
        complete=late.complete,
        oldest_recorded_at=_at(late.oldest_recorded_at),
        position=late.position,
    )


def _told(secret: Secret) -> ConsumerSecret:
    return ConsumerSecret(secret=spelt_secret(secret), public_key=spelt_public(secret.public))


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else format_instant(moment)
