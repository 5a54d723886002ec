"""Evidence packs over HTTP: one is made, and can be had again for a day.

A pack holds a whole stream, so that nothing can be left out of it unseen: it is for grants over
every purpose. Not here: what is in one (`projections/packs`), or what is kept of it (`packing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from api.access import needs, whole_grant
from api.asking import audited, reader_of
from api.body import AnyRequest, instant, read
from api.checks import answered
from api.packing import KEPT, Made, enclosed, had_again, made_before, made_now, sources
from api.problems import Overloaded, problem
from api.runtime import Runtime
from api.state import runtime
from ledger.errors import Unavailable
from ledger.terms import DataClass, Operation
from projections.packs import pdf
from projections.packs.build import Pack, build
from projections.packs.order import Order, Withhold, checked, moment_of
from projections.read_audit import About, written_instant

ZIP = "application/zip"
ENTRIES_MAX = 5_000
"""Entries of a pack that is made while somebody waits; the command makes larger ones."""
MAKING = "packs"
"""Where the application's state holds the lock of whoever makes a pack."""


class Withheld(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field to leave out, of one entry or, without one, of all; the reason stands in the pack."""

    field: str
    reason: str
    entry: UUID | None = None


class PackBody(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"from_": "from"},
):
    """Whom and which purposes a pack is about; purposes null are all.

    `moments` are those at which the purposes are asked about, on what was known then and now; none
    are those of the complaints. [from, until) bounds the answers that were given.
    """

    subject: UUID | None = None
    purposes: tuple[str, ...] | None = None
    from_: str | None = None
    until: str | None = None
    moments: tuple[str, ...] = ()
    operation: Operation = "USE"
    data: DataClass | tuple[str, ...] = "ordinary"
    recipient: str | None = None
    withhold: tuple[Withheld, ...] = ()


class PackShown(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was made, complete to `position`; until `until` it can be had again.

    `sha256` is of its bytes as they were then: what is erased since is in none that is had later.
    """

    pack: UUID
    content: str
    subject: UUID | None
    purposes: tuple[str, ...] | None
    position: str
    made_at: str
    until: str
    sha256: str


@post("/v1/packs", guards=[needs("audit")], status_code=201)
async def make_pack(request: AnyRequest) -> Response[bytes]:
    """Make an evidence pack that a stranger can verify."""
    whole_grant(request)
    ledger, asker = runtime(request), reader_of(request)
    body = await read(request, PackBody, bytes_max=ledger.settings.body_bytes_max)
    order = checked(_order(body, await _now(ledger)))
    async with _making(request):
        pack = await _built(ledger, order)
    about = made_now(pack)
    ids = await audited(request, asker, [about])
    if not ids:
        raise Unavailable("that a pack was made cannot be recorded, and so it is not given")
    made = Made(id=ids[0], order=pack.order, position=pack.position, digest=about.digest)
    response = answered(_shown(made), status_code=201)
    response.headers["location"] = f"/v1/packs/{made.id}"
    return response


@get("/v1/packs/{pack:uuid}", guards=[needs("audit")])
async def pack_made(request: AnyRequest, pack: FromPath[UUID]) -> Response[bytes]:
    """A pack that was made within the last day."""
    whole_grant(request)
    ledger, asker = runtime(request), reader_of(request)
    now = await _now(ledger)
    made = await made_before(ledger, pack, now)
    if made is None:
        return _gone()
    response = answered(_shown(made))
    await audited(request, asker, [had_again(made, response.content, now)])
    return response


@get("/v1/packs/{pack:uuid}/content", guards=[needs("audit")])
async def pack_content(request: AnyRequest, pack: FromPath[UUID]) -> Response[bytes]:
    """The pack itself, made again: without what was erased since."""
    whole_grant(request)
    ledger, asker = runtime(request), reader_of(request)
    now = await _now(ledger)
    made = await made_before(ledger, pack, now)
    if made is None:
        return _gone()
    async with _making(request):
        built = await _built(ledger, made.order)
    await audited(request, asker, [_again(made, built, now)])
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{built.name}"',
    }
    return Response(built.data, media_type=ZIP, headers=headers)


def _again(made: Made, built: Pack, now: datetime) -> About:
    return had_again(made, built.data, now)


def _order(body: PackBody, now: datetime) -> Order:
    return Order(
        made_at=now,
        subject=body.subject,
        purposes=body.purposes,
        start=instant(body.from_, field="from"),
        end=instant(body.until, field="until"),
        at=tuple(moment_of(one, field="moments") for one in body.moments),
        operation=body.operation,
        data=body.data,
        recipient=body.recipient,
        withhold=tuple(Withhold(one.field, one.reason, one.entry) for one in body.withhold),
    )


async def _now(ledger: Runtime) -> datetime:
    return (await ledger.reader.own()).head.now


async def _built(ledger: Runtime, order: Order) -> Pack:
    return await build(
        sources(ledger),
        order,
        enclosed(ledger),
        entries_max=ENTRIES_MAX,
        with_pdf=pdf.can_be_made(),
    )


@asynccontextmanager
async def _making(request: AnyRequest) -> AsyncIterator[None]:
    """One pack at a time: others are told to come back, and hold no request meanwhile."""
    lock: asyncio.Lock = request.app.state[MAKING]
    if lock.locked():
        raise Overloaded("another pack is being made: retry after a moment")
    async with lock:
        yield


def _shown(made: Made) -> PackShown:
    order = made.order
    return PackShown(
        pack=made.id,
        content=f"/v1/packs/{made.id}/content",
        subject=order.subject,
        purposes=order.purposes,
        position=made.position,
        made_at=written_instant(order.made_at),
        until=written_instant(order.made_at + KEPT),
        sha256=made.digest.hex(),
    )


def _gone() -> Response[bytes]:
    return problem("not-found", "no pack was made under this id within the last day: make one")
