"""`ledger replay --answer`: an answer that was given, given again from the entries and compared."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec

from api.cli_asking import left
from api.cli_service import configured
from api.cli_words import on_ledger
from api.output import line, say
from api.runtime import Runtime
from api.shown import at_length
from ledger.answer import Answer, encode
from ledger.errors import Malformed
from projections.read_audit import About, Row, question, sha256
from projections.reads import Reads
from projections.replayed import Replayed, replayed


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The row that was named, and what the entries give now."""

    row: Row
    replayed: Replayed


def replay_answer(config: Path | None, named: str, *, as_json: bool) -> bool:
    """Whether the entries give the same bytes; what differs is printed."""
    read = _read_id(named)

    async def act(ledger: Runtime) -> Compared:
        row = await Reads(ledger.reader, ledger.pool).by_id(read)
        if row is None:
            raise Malformed("names no row of the read audit", field="--answer")
        now = (await ledger.reader.own()).head.now
        found = await replayed(ledger.reader, ledger.rulebook, row)
        await left(ledger, "ledger replay", [_about(row, found, now)])
        return Compared(row=row, replayed=found)

    found = on_ledger(configured(config), act)
    if as_json:
        line(found.replayed)
    else:
        for text in _spelt(found):
            say(text)
    return found.replayed.same


def _read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        message = "must be the id of a read, as `Ledger-Read-Id` gave it"
        raise Malformed(message, field="--answer") from error


def _about(row: Row, found: Replayed, now: datetime) -> About:
    one = found.answer
    return About(
        kind="REPLAY",
        log=row.log,
        answered_at=now,
        subject=row.subject,
        purpose=row.purpose,
        question=question(read=str(row.id)),
        position=one.position,
        catalogue=one.catalogue,
        rulebook=one.rulebook,
        effective_at=one.effective_at,
        known_at=one.known_at,
        decision=one.decision.value,
        digest=sha256(encode(one)),
    )


def _spelt(found: Compared) -> Iterator[str]:
    row, one = found.row, found.replayed
    if one.same:
        yield f"{row.id}: the entries give the same bytes"
        return
    yield f"{row.id}: the entries do not give the same bytes"
    if one.erased:
        yield "  the person is erased since: every answer is DENY"
    if one.answer.rulebook != row.rulebook:
        yield f"  it was given with rule book {row.rulebook}; this release has another"
    if one.stored is None:
        yield "  what was answered is not stored, or cannot be read: this is answered now"
        yield from (f"  {text}" for text in at_length(one.answer))
        return
    for name in one.differing:
        yield f"  {name}: {_part(one.stored, name)} -> {_part(one.answer, name)}"


def _part(one: Answer, name: str) -> str:
    return msgspec.json.encode(getattr(one, name)).decode()
