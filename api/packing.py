"""Packs as this service makes them: from what, with what beside it, and what is kept of one.

Nothing of a pack is stored but the row of the read audit that every pack leaves: it holds the
order, and the same order makes the pack again. What is erased since is not in it then. Not here:
HTTP (`packs`) or commands (`cli_pack`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import msgspec

from api.receipts import MMD_S
from api.runtime import Runtime
from api.version import VERSION
from api.witness_policy import read_policy
from ledger.errors import Malformed
from projections.everyone import Progress
from projections.packs.build import Pack
from projections.packs.files import Enclosed, Receipts
from projections.packs.gathering import Sources
from projections.packs.order import Order, read_order, spelt
from projections.read_audit import About, Row, question, sha256
from projections.reads import Reads

KIND = "PACK"
KEPT = timedelta(hours=24)
"""For how long a pack that was made can be had again by its id."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that was made: the id of its row, when, its checkpoint's last entry, its SHA-256."""

    id: UUID
    order: Order
    position: str
    digest: bytes


def sources(ledger: Runtime, progress: Progress | None = None) -> Sources:
    """What packs of this ledger are made from."""
    return Sources(
        reader=ledger.reader,
        pool=ledger.pool,
        rulebook=ledger.rulebook,
        policy=read_policy(ledger.settings.witness_policy_file),
        progress=progress,
    )


def enclosed(ledger: Runtime, texts: Mapping[str, str] | None = None) -> Enclosed:
    """What goes along; the policy is the one of the settings, for reading only."""
    settings = ledger.settings
    return Enclosed(
        rulebook=files("ledger.rules").joinpath("uk_gdpr.toml").read_bytes(),
        software=f"ledger {VERSION}",
        policy=_file(settings.witness_policy_file, field="witness_policy_file"),
        chain=_file(settings.tsa_chain_file, field="tsa_chain_file"),
        receipts=Receipts(key=ledger.receipts.key(0), seconds=MMD_S),
        texts=texts or {},
    )


def made_now(pack: Pack) -> About:
    """What the read audit keeps of a pack that was made."""
    return _about(pack.order, spelt(pack.order), pack.data, pack.order.made_at, pack.position)


def had_again(made: Made, told: bytes, now: datetime) -> About:
    """What it keeps of a look at a pack that was made before."""
    return _about(made.order, question(pack=str(made.id)), told, now, made.position)


def _about(order: Order, asked: str, told: bytes, now: datetime, position: str) -> About:
    purposes = order.purposes or ()
    return About(
        kind="PACK",
        log=0,
        answered_at=now,
        subject=order.subject,
        purpose=purposes[0] if len(purposes) == 1 else None,
        question=asked,
        position=position,
        digest=sha256(told),
    )


async def made_before(ledger: Runtime, id_: UUID, now: datetime) -> Made | None:
    """The pack that was made under this id, None for no pack, or one of too long ago."""
    row = await Reads(ledger.reader, ledger.pool).by_id(id_)
    order = None if row is None else _order_of(row)
    if row is None or order is None or now - order.made_at > KEPT:
        return None
    assert row.position is not None, "every pack is of a checkpoint"
    return Made(id=row.id, order=order, position=row.position, digest=row.answer_digest)


def _order_of(row: Row) -> Order | None:
    return read_order(row.question, row.subject) if row.kind == KIND else None


def _file(path: str | None, *, field: str) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=field) from error
