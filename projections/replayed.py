"""An answer that was given, given again from the entries themselves, and held against the first.

The row of the read audit names the answer's identity: the moment, and the last entries known in the
person's log and in the ledger's own stream. Everything is read and verified entry by entry
(`replay`). Not here: finding the row (`reads`).
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from ledger.answer import Answer, answer, answer_day, encode
from ledger.civil import parse_day
from ledger.errors import Fault, Malformed
from ledger.history import Dossier
from ledger.reader import Reader
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook
from ledger.seal import Destroyed, key_ring, needed_key, open_bytes
from ledger.store import Place
from ledger.terms import DataClass, Operation
from projections.checks import parse_position
from projections.everyone import until
from projections.read_audit import Row, sha256
from projections.replay import replay

ANSWERS = ("CHECK", "BASES")
"""Kinds of rows that each tell of one answer with an identity."""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer as the entries give it, and the stored one where that was kept and can be read.

    `same` says that both have the same bytes, by the digest in the row. `erased` says that the
    person's keys are destroyed: then every answer is another than before.
    """

    read: UUID
    same: bool
    answer: Answer
    stored: Answer | None
    erased: bool
    differing: tuple[str, ...]


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    operation: Operation
    data: DataClass | tuple[str, ...]
    recipient: str | None
    exception: str | None
    effective_at: str | None


async def replayed(reader: Reader, rulebook: RuleBook, row: Row) -> Replayed:
    """The answer that this row tells of, compared with what the entries give now.

    Raises `Malformed` for a row of another kind, and `Fault` where an entry, or the stored answer,
    is not as it was.
    """
    if row.kind not in ANSWERS or row.subject is None:
        raise Malformed(f"is a {row.kind}, which cannot be answered again", field="answer")
    person, common = await replay(reader, row.subject), await replay(reader, None)
    again = await _again(reader, rulebook, row, person, common)
    stored = await _stored(reader, row, row.subject)
    differing = () if stored is None else _differing(stored, again)
    return Replayed(
        read=row.id,
        same=sha256(encode(again)) == row.answer_digest,
        answer=again,
        stored=stored,
        erased=person.destroyed,
        differing=differing,
    )


async def _again(
    reader: Reader, rulebook: RuleBook, row: Row, person: Dossier, common: Dossier
) -> Answer:
    asked = msgspec.json.decode(row.question, type=_Asked)
    place, own = await _place(reader, row.position), await _place(reader, row.catalogue)
    assert row.effective_at is not None and row.known_at is not None and row.purpose is not None
    question = Question(
        purpose=row.purpose,
        effective_at=row.effective_at,
        known_at=row.known_at,
        operation=asked.operation,
        data=asked.data,
        recipient=asked.recipient,
        exception=asked.exception,
        position=row.position or "",
        catalogue=row.catalogue or "",
    )
    person = until(person, place.n if place else 0)
    common = until(common, own.n if own else 0)
    if asked.effective_at is not None and len(asked.effective_at) == len("YYYY-MM-DD"):
        return answer_day(question, parse_day(asked.effective_at), person, common, rulebook)
    return answer(question, person, common, rulebook)


async def _place(reader: Reader, spelt: str | None) -> Place | None:
    """The entry that the answer names, which must still be the one there."""
    at = parse_position(spelt or "", field="position")
    if at.n == 0:
        return None
    place = await reader.store.place_of(at.log, at.n)
    if place is None or place.leaf_hash.hex()[:8] != at.leaf_hash:
        raise Fault(f"the answer rests on entry {spelt}, and the log holds another there, or none")
    return place


async def _stored(reader: Reader, row: Row, subject: UUID) -> Answer | None:
    if row.stored is None:
        return None
    key = key_ring(await reader.keys.by_id([needed_key(row.stored)]))
    plain = open_bytes(row.stored, subject=subject, key=key, what="answer")
    if isinstance(plain, Destroyed):
        return None
    if sha256(plain) != row.answer_digest:
        raise Fault("the stored answer is not the one that was given")
    return msgspec.json.decode(plain, type=Answer)


def _differing(one: Answer, other: Answer) -> tuple[str, ...]:
    names = Answer.__struct_fields__
    return tuple(name for name in names if getattr(one, name) != getattr(other, name))
