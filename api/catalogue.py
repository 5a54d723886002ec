"""The catalogue over HTTP: read, validated, adopted as one entry."""

from __future__ import annotations

from litestar import Response, get, put
from litestar.params import FromQuery

from api.access import client_of, needs
from api.body import AnyRequest, instant, read_bytes
from api.checks import answered
from api.entries import expected_version, idempotency_key, recorded
from api.problems import problem, refused
from api.state import runtime
from ledger.catalogue import read_catalogue
from ledger.events import CatalogueAdopted
from ledger.record import Command, Refused


@put("/v1/catalogue", guards=[needs("catalogue")], status_code=201)
async def adopt(request: AnyRequest, effective_at: FromQuery[str | None] = None) -> Response[bytes]:
    """Adopt a whole catalogue document, in force from `effective_at` or from now."""
    ledger = runtime(request)
    text = await read_bytes(request, bytes_max=ledger.settings.catalogue_bytes_max)
    document = read_catalogue(text)
    moment = instant(effective_at, field="effective_at")
    command = Command(
        subject=None,
        facts=(
            CatalogueAdopted(
                effective_at=moment or (await ledger.store.head(0)).now, catalogue=document
            ),
        ),
        client=client_of(request).id,
        key=idempotency_key(request),
        expected_version=expected_version(request),
        body=b"catalogue " + (effective_at or "").encode() + b"\n" + text,
    )
    result = await ledger.recorder.record(command)
    return refused(result) if isinstance(result, Refused) else recorded(result)


@get("/v1/catalogue", guards=[needs("check")])
async def current(request: AnyRequest) -> Response[bytes]:
    """The catalogue adopted last."""
    own = await runtime(request).reader.own()
    adopted = [one.fact for one in own.dossier.items if isinstance(one.fact, CatalogueAdopted)]
    if not adopted:
        return problem("not-found", "no catalogue was adopted yet: PUT one")
    response = answered(adopted[-1].catalogue)
    response.headers["etag"] = f'"v{own.version}"'
    return response
