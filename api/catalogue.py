"""The catalogue over HTTP: read, validated, adopted as one entry."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import Response, get, put
from litestar.params import FromQuery

from api.access import client_of, needs, recording
from api.body import AnyRequest, instant, read_value
from api.checks import answered
from api.entries import idempotency_key, recorded
from api.ijson import canonical
from api.preconditions import etag, expected_version, unchanged
from api.problems import problem, refused
from api.state import runtime
from api.waiting import until_covered
from ledger.catalogue import read_catalogue
from ledger.civil import format_instant
from ledger.events import CatalogueAdopted
from ledger.record import Command, Refused


@put("/v1/catalogue", guards=[needs("catalogue")], status_code=201)
async def adopt(request: AnyRequest, effective_at: FromQuery[str | None] = None) -> Response[bytes]:
    """Adopt a whole catalogue document, in force from `effective_at` or from now."""
    ledger = runtime(request)
    ledger.watch.check()
    text, value = await read_value(request, bytes_max=ledger.settings.catalogue_bytes_max)
    document = read_catalogue(text)
    moment = instant(effective_at, field="effective_at")
    fact = CatalogueAdopted(
        effective_at=moment or (await ledger.store.head(0)).now, catalogue=document
    )
    recording(request, [fact])
    command = Command(
        subject=None,
        facts=(fact,),
        client=client_of(request).id,
        key=idempotency_key(request),
        expected_version=await expected_version(request, None),
        body=b"catalogue " + _spelt(moment) + b"\n" + canonical(value),
    )
    result = await ledger.recorder.record(command)
    if isinstance(result, Refused):
        return refused(result, within="/entries/0/catalogue")
    proof = await until_covered(request, result.log, result.entries[-1].n)
    return recorded(result, ledger.receipts, proof=proof)


def _spelt(moment: datetime | None) -> bytes:
    return b"" if moment is None else format_instant(moment).encode()


@get("/v1/catalogue", guards=[needs("check")])
async def current(request: AnyRequest) -> Response[bytes]:
    """The catalogue adopted last, with the purposes of the client's grant."""
    own = await runtime(request).reader.own()
    held = unchanged(request, own.version)
    if held is not None:
        return held
    adopted = [one.fact for one in own.dossier.items if isinstance(one.fact, CatalogueAdopted)]
    if not adopted:
        return problem("not-found", "no catalogue was adopted yet: PUT one")
    grant, document = client_of(request).grant, adopted[-1].catalogue
    if not grant.whole:
        granted = tuple(one for one in document.purposes if grant.covers(one.id))
        return answered(msgspec.structs.replace(document, purposes=granted))
    response = answered(document)
    response.headers["etag"] = etag(own.version)
    return response
