"""The log as anybody may see it, without a token: checkpoints, and the hashes of its tree.

Laid out as c2sp.org/tlog-tiles says, with `/v1/log` as the prefix, but without entry bundles: a
leaf names a person's stream. Hashes say nothing to whoever does not hold what was hashed. Not here:
leaves, and what is proved of an entry (`log_proofs`).
"""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from api.body import AnyRequest
from api.checks import answered
from api.problems import problem
from api.receipts import MMD_S
from api.runtime import Runtime
from api.state import runtime
from api.witness_policy import read_policy
from ledger.civil import format_instant
from ledger.errors import Malformed
from ledger.tlog.keys import format_vkey
from ledger.tlog.merkle import SIZE_MAX
from ledger.tlog.note import format_note
from ledger.tlog.tiles import parse_tile
from projections.published import Use

TEXT = "text/plain"
BYTES = "application/octet-stream"
FRESH = {"cache-control": "no-cache"}
FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}
NOTHING_YET = "no checkpoint of this log was signed yet: ask again after a moment"


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key with which the log has signed, as c2sp.org/signed-note spells it."""

    use: Use
    vkey: str
    first_seen_at: str


class ShownLog(msgspec.Struct, frozen=True, kw_only=True):
    """One log: the name under which it signs, how many entries are covered, and its keys."""

    log: int
    origin: str
    size: int
    keys: list[ShownKey]


class AboutLogs(msgspec.Struct, frozen=True, kw_only=True):
    """What a verifier needs to begin; whom to trust, it must learn from elsewhere.

    `witnesses` are the verifier keys of those that are asked to cosign.
    """

    origin: str
    logs: list[ShownLog]
    mmd_seconds: int
    checkpoint: str
    tiles: str
    witnesses: list[str]


@get("/v1/log/checkpoint", media_type=TEXT)
async def newest(request: AnyRequest, log: FromQuery[int] = 0) -> Response[bytes]:
    """The newest checkpoint, with the cosignatures that witnesses have set under it."""
    note = await runtime(request).published.note(checked_log(runtime(request), log))
    if note is None:
        return problem("not-found", NOTHING_YET)
    return Response(format_note(note), media_type=TEXT, headers=FRESH)


@get("/v1/log/checkpoints/{size:int}", media_type=TEXT)
async def of_size(
    request: AnyRequest, size: FromPath[int], log: FromQuery[int] = 0
) -> Response[bytes]:
    """The checkpoint of this size, as long as it is kept; cosignatures may still be added."""
    checked_log(runtime(request), log)
    note = None
    if 0 <= size <= SIZE_MAX:
        note = await runtime(request).published.note(log, size)
    if note is None:
        return problem("not-found", "no checkpoint of this size is kept")
    return Response(format_note(note), media_type=TEXT, headers=FRESH)


@get("/v1/log/tile/{tile:path}", media_type=BYTES)
async def tile(
    request: AnyRequest, tile: FromPath[PurePosixPath], log: FromQuery[int] = 0
) -> Response[bytes]:
    """A tile of hashes at `<level>/<index>[.p/<width>]`, as far as a checkpoint covers it."""
    checked_log(runtime(request), log)
    wanted = parse_tile(str(tile).removeprefix("/"))
    hashes = await runtime(request).published.tile(log, wanted)
    if hashes is None:
        return problem("not-found", "no checkpoint covers all of this tile")
    return Response(hashes, media_type=BYTES, headers=FOR_EVER)


@get("/.well-known/ledger-log")
async def about(request: AnyRequest) -> Response[bytes]:
    """Which logs there are, under which names and keys they sign, and where they are shown."""
    ledger = runtime(request)
    policy = read_policy(ledger.settings.witness_policy_file)
    witnesses = [] if policy is None else [one.key for one in policy.witnesses.values()]
    response = answered(
        AboutLogs(
            origin=ledger.identity.origin,
            logs=[await _shown(ledger, log) for log in range(ledger.identity.logs)],
            mmd_seconds=MMD_S,
            checkpoint="/v1/log/checkpoint",
            tiles="/v1/log/tile/",
            witnesses=[format_vkey(key) for key in witnesses],
        )
    )
    response.headers.update(FRESH)
    return response


def checked_log(ledger: Runtime, log: int) -> int:
    """The number of one of the ledger's logs."""
    if log not in range(ledger.identity.logs):
        raise Malformed("names a log that this ledger does not have", field="log")
    return log


async def _shown(ledger: Runtime, log: int) -> ShownLog:
    return ShownLog(
        log=log,
        origin=ledger.identity.log_origin(log),
        size=await ledger.published.size(log),
        keys=[
            ShownKey(use=one.use, vkey=one.vkey, first_seen_at=format_instant(one.first_seen_at))
            for one in await ledger.published.keys(log)
        ],
    )
