"""What is proved of entries over HTTP: receipts for recorders, leaves and proofs for auditors.

A leaf names a stream, a type and a moment: whoever is shown one leaves a row in the read audit.
Not here: what anybody may see (`log_public`).
"""

from __future__ import annotations

import time
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from api.access import client_of, needs, whole_grant
from api.asking import audited, reader_of
from api.body import AnyRequest
from api.checks import answered
from api.cursors import LIMIT_MAX, require_limit
from api.log_public import TEXT, checked_log
from api.problems import problem
from api.runtime import Runtime
from api.state import runtime
from api.waiting import until_covered
from ledger.errors import Malformed
from ledger.reader import position
from ledger.store import Stored
from ledger.tlog.merkle import SIZE_MAX
from ledger.tlog.note import base64_of
from ledger.tlog.proof import format_proof
from projections.feed_purposes import Purposes, told_to
from projections.listed import Listing

UNKNOWN = "no entry has this id, or the token's grant does not cover it"
UNCOVERED = "no checkpoint covers this entry yet: ask again after a moment"


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """That the leaf is in the tree of this size, RFC 9162 section 2.1.3."""

    log: str
    index: int
    size: int
    leaf_hash: str
    root: str
    proof: list[str]


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """That the tree of `old` leaves begins the one of `size`, RFC 9162 section 2.1.4."""

    log: str
    old: int
    size: int
    old_root: str
    root: str
    proof: list[str]


class ShownLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf as it was hashed; null where its bytes were erased."""

    index: int
    leaf: str | None
    leaf_hash: str


class Leaves(msgspec.Struct, frozen=True, kw_only=True):
    """Leaves in order, as far as the checkpoint of `size` covers them; `next` is where to go on."""

    log: str
    size: int
    leaves: list[ShownLeaf]
    complete: bool
    next: int | None


@get("/v1/log/receipts/{entry:uuid}", guards=[needs("record")])
async def receipt_of(request: AnyRequest, entry: FromPath[UUID]) -> Response[bytes]:
    """The receipt of an entry, with the proof once a checkpoint covers it."""
    ledger, asker = runtime(request), reader_of(request)
    found = await ledger.published.entry(entry)
    grant = client_of(request).grant
    if found is None or not await _shows(ledger, *found, grant.purposes):
        return problem("not-found", UNKNOWN)
    log, row = found
    proof = await until_covered(request, log, row.n)
    proof = proof or await ledger.published.proof(log, row.n - 1)
    response = answered(ledger.receipts.receipt(log, row, proof=proof, whole=grant.whole))
    listing = await Listing.begun(ledger.reader, "RECEIPT", {"entry": str(entry)})
    about = listing.page(
        response.content, subject=_person(ledger, row), last=position(log, row.n, row.leaf_hash)
    )
    await audited(request, asker, [about])
    return response


@get("/v1/log/proof/{entry:uuid}", guards=[needs("audit")], media_type=TEXT)
async def proof_of(request: AnyRequest, entry: FromPath[UUID]) -> Response[bytes]:
    """That an entry is in the log, as a c2sp.org/tlog-proof file; its extra data is the leaf."""
    whole_grant(request)
    ledger, asker = runtime(request), reader_of(request)
    found = await ledger.published.entry(entry)
    if found is None:
        return problem("not-found", UNKNOWN)
    log, row = found
    proof = await ledger.published.proof(log, row.n - 1, extra=row.leaf or None)
    if proof is None:
        return problem("not-found", UNCOVERED)
    response = Response(format_proof(proof), media_type=TEXT, headers={"cache-control": "no-store"})
    listing = await Listing.begun(ledger.reader, "PROOF", {"entry": str(entry)})
    about = listing.page(
        response.content, subject=_person(ledger, row), last=position(log, row.n, row.leaf_hash)
    )
    await audited(request, asker, [about])
    return response


@get("/v1/log/proofs/inclusion", guards=[needs("audit")])
async def inclusion(
    request: AnyRequest, index: FromQuery[int], size: FromQuery[int], log: FromQuery[int] = 0
) -> Response[bytes]:
    """That the leaf at an index is in the tree of a size."""
    ledger = runtime(request)
    await _check_size(ledger, log, size)
    if not 0 <= index < size:
        raise Malformed("must be from 0 and below the size", field="index")
    (leaf,) = await ledger.published.leaves(log, index, limit=1)
    return answered(
        Inclusion(
            log=ledger.identity.log_origin(log),
            index=index,
            size=size,
            leaf_hash=base64_of(leaf.leaf_hash),
            root=base64_of(await ledger.published.root(log, size)),
            proof=_spelt(await ledger.published.inclusion(log, index, size)),
        )
    )


@get("/v1/log/proofs/consistency", guards=[needs("audit")])
async def consistency(
    request: AnyRequest, old: FromQuery[int], size: FromQuery[int], log: FromQuery[int] = 0
) -> Response[bytes]:
    """That the tree of a size begins with an older one; of the empty one nothing is proved."""
    ledger = runtime(request)
    await _check_size(ledger, log, size)
    if not 0 <= old <= size:
        raise Malformed("must be from 0 and at most the size", field="old")
    return answered(
        Consistency(
            log=ledger.identity.log_origin(log),
            old=old,
            size=size,
            old_root=base64_of(await ledger.published.root(log, old)),
            root=base64_of(await ledger.published.root(log, size)),
            proof=_spelt(await ledger.published.consistency(log, old, size)),
        )
    )


@get("/v1/log/leaves", guards=[needs("audit")])
async def leaves(
    request: AnyRequest,
    first: FromQuery[int] = 0,
    limit: FromQuery[int] = LIMIT_MAX,
    log: FromQuery[int] = 0,
) -> Response[bytes]:
    """Leaves from an index on, as far as a checkpoint covers them."""
    whole_grant(request)
    require_limit(limit)
    ledger, asker = runtime(request), reader_of(request)
    checked_log(ledger, log)
    if not 0 <= first <= SIZE_MAX:
        raise Malformed("must be an index, from 0", field="first")
    asked = {"first": first, "limit": limit, "log": log}
    listing = await Listing.begun(ledger.reader, "LEAVES", asked)
    size = await ledger.published.size(log)
    found = await ledger.published.leaves(log, first, limit=min(limit, max(0, size - first)))
    last = first + len(found)
    response = answered(
        Leaves(
            log=ledger.identity.log_origin(log),
            size=size,
            leaves=[_shown(one.n, one.leaf, one.leaf_hash) for one in found],
            complete=last >= size,
            next=None if last >= size else last,
        )
    )
    await audited(request, asker, [listing.page(response.content, subject=None)])
    return response


async def _check_size(ledger: Runtime, log: int, size: int) -> None:
    checked_log(ledger, log)
    covered = await ledger.published.size(log)
    if not 0 <= size <= covered:
        raise Malformed(f"must be from 0 to {covered}, which a checkpoint covers", field="size")


async def _shows(ledger: Runtime, log: int, row: Stored, granted: frozenset[str] | None) -> bool:
    """Whether a client may know of the entry that it is there."""
    if granted is None:
        return True
    looked_up = Purposes(ledger.reader, ledger.pool, clock=time.monotonic)
    about = (await looked_up.of(log, [row]))[row.n]
    return told_to(granted, about=about, subject=_person(ledger, row))


def _person(ledger: Runtime, row: Stored) -> UUID | None:
    return None if row.stream == ledger.identity.stream else row.stream


def _shown(n: int, leaf: bytes, leaf_hash: bytes) -> ShownLeaf:
    return ShownLeaf(
        index=n - 1, leaf=base64_of(leaf) if leaf else None, leaf_hash=base64_of(leaf_hash)
    )


def _spelt(hashes: list[bytes]) -> list[str]:
    return [base64_of(one) for one in hashes]
