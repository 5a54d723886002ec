"""A row of the read audit, and its hash: pure, so that a stranger can recompute it.

The hash is SHA-256 over the row as canonical JSON (RFC 8785), with the hash of the row before it in
its chain; `ops/docs/record.md` has the members. Not here: writing rows (`read_chains`), finding
them (`reads`), or verifying whole chains (`read_verification`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Literal
from uuid import UUID

import msgspec

from ledger.answer import encode
from ledger.seal import Entropy
from ledger.sealing import new_event_id
from projections.checks import Answered, Position, Query

Kind = Literal[
    "CHECK", "BASES", "DIFF", "TIMELINE", "POPULATION", "EXPOSURE", "READS", "REPLAY", "PACK",
    "RECEIPT", "PROOF", "LEAVES",
]  # fmt: skip
"""Which question it was; of an answer to one about one person and purpose, CHECK, BASES or DIFF."""
VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, for what stated reason and for whom, and the W3C trace that it is part of."""

    client: str
    reason: str | None = None
    on_behalf_of: str | None = None
    trace: str | None = None


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered: all that a row says but who asked.

    `digest` is SHA-256 of the answer with its whole trace, or of what was answered in its place;
    `question` is canonical JSON. `subject` is None where nobody was on the list.
    """

    kind: Kind
    log: int
    answered_at: datetime
    question: str
    digest: bytes
    subject: UUID | None = None
    purpose: str | None = None
    position: str | None = None
    catalogue: str | None = None
    rulebook: str | None = None
    effective_at: datetime | None = None
    known_at: datetime | None = None
    decision: str | None = None
    stored: bytes | None = None


class Read(msgspec.Struct, frozen=True):
    """A row before it has its place in a chain; the columns of the table, by name."""

    log: int
    id: UUID
    request: UUID
    answered_at: datetime
    client: str
    reason: str | None
    on_behalf_of: str | None
    trace: str | None
    kind: str
    subject: UUID | None
    purpose: str | None
    question: str
    position: str | None
    catalogue: str | None
    rulebook: str | None
    effective_at: datetime | None
    known_at: datetime | None
    decision: str | None
    answer_digest: bytes
    stored: bytes | None


class Row(Read, frozen=True):
    """A row as it stands in its chain."""

    chain: UUID
    n: int
    prev: bytes
    hash: bytes


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a chain: what the first row of it names as the one before."""

    log: int
    chain: UUID
    process: UUID
    started_at: datetime


def reads_of(
    asker: Asker, abouts: Sequence[About], *, entropy: Entropy, request: UUID | None = None
) -> list[Read]:
    """Rows of one request: each with an id of its own, all with that of the request's first."""
    ids = [new_event_id(_milliseconds(one.answered_at), entropy) for one in abouts]
    return [
        Read(
            log=one.log,
            id=id_,
            request=request or ids[0],
            answered_at=one.answered_at,
            client=asker.client,
            reason=asker.reason,
            on_behalf_of=asker.on_behalf_of,
            trace=asker.trace,
            kind=one.kind,
            subject=one.subject,
            purpose=one.purpose,
            question=one.question,
            position=one.position,
            catalogue=one.catalogue,
            rulebook=one.rulebook,
            effective_at=one.effective_at,
            known_at=one.known_at,
            decision=one.decision,
            answer_digest=one.digest,
            stored=one.stored,
        )
        for id_, one in zip(ids, abouts, strict=True)
    ]


def first_id(moment: datetime) -> UUID:
    """Below every id of a row that was answered in the millisecond of this moment, or later."""
    return UUID(int=_milliseconds(moment) << 80)


def of_answer(one: Answered, kind: Kind, *, stored: bytes | None = None) -> About:
    """What a row says of an answer about one person and purpose."""
    return About(
        kind=kind,
        log=one.log,
        answered_at=one.answered_at,
        subject=one.query.subject,
        purpose=one.query.purpose,
        question=_question_of(one.query),
        position=one.answer.position,
        catalogue=one.answer.catalogue,
        rulebook=one.answer.rulebook,
        effective_at=one.answer.effective_at,
        known_at=one.answer.known_at,
        decision=one.answer.decision.value,
        digest=sha256(encode(one.answer)),
        stored=stored,
    )


def _question_of(query: Query) -> str:
    """What was asked, less what columns say: a moment is given as asked, null where it was not."""
    return question(
        at_position=_spelt(query.at_position),
        data=query.data,
        effective_at=_moment(query.effective_at),
        exception=query.exception,
        known_at=_moment(query.known_at),
        min_position=_spelt(query.min_position),
        operation=query.operation,
        recipient=query.recipient,
    )


def question(**asked: object) -> str:
    """The question as canonical JSON; its values are text, integers, true, false, null, lists."""
    return _json.encode(asked).decode()


def linked(one: Read, *, chain: UUID, n: int, prev: bytes) -> Row:
    """The read as the n-th row of the chain, after the one with this hash."""
    hash_ = sha256(msgspec.json.encode(_members(one, chain=chain, n=n, prev=prev)))
    return Row(*(*_values_of(one), chain, n, prev, hash_))


def row_hash(row: Row) -> bytes:
    """What the row's hash must be."""
    return sha256(canonical(row))


def canonical(row: Row) -> bytes:
    """The row without its hash as canonical JSON (RFC 8785)."""
    return msgspec.json.encode(members_of(row))


def opening_hash(one: Opening) -> bytes:
    """What stands for the row before the first one of a chain."""
    return sha256(
        _json.encode(
            {
                "chain": str(one.chain),
                "log": one.log,
                "process": str(one.process),
                "started_at": written_instant(one.started_at),
                "v": VERSION,
            }
        )
    )


def written_instant(moment: datetime) -> str:
    """The moment in UTC with six decimals, always."""
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def sha256(text: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(text).digest()


_json = msgspec.json.Encoder(order="sorted")


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """What the hash is over, in the order of RFC 8785; an id as text, as JSON has it."""

    answer_digest: str
    answered_at: str
    catalogue: str | None
    chain: UUID
    client: str
    decision: str | None
    effective_at: str | None
    id: UUID
    kind: str
    known_at: str | None
    log: int
    n: int
    on_behalf_of: str | None
    position: str | None
    prev: str
    purpose: str | None
    question: str
    reason: str | None
    request: UUID
    rulebook: str | None
    stored_digest: str | None
    subject: UUID | None
    trace: str | None
    v: int = VERSION


_values_of = attrgetter(*Read.__struct_fields__)


def members_of(row: Row) -> Members:
    """What the hash is over."""
    return _members(row, chain=row.chain, n=row.n, prev=row.prev)


def _members(one: Read, *, chain: UUID, n: int, prev: bytes) -> Members:
    return Members(
        answer_digest=one.answer_digest.hex(),
        answered_at=written_instant(one.answered_at),
        catalogue=one.catalogue,
        chain=chain,
        client=one.client,
        decision=one.decision,
        effective_at=_moment(one.effective_at),
        id=one.id,
        kind=one.kind,
        known_at=_moment(one.known_at),
        log=one.log,
        n=n,
        on_behalf_of=one.on_behalf_of,
        position=one.position,
        prev=prev.hex(),
        purpose=one.purpose,
        question=one.question,
        reason=one.reason,
        request=one.request,
        rulebook=one.rulebook,
        # By its digest: an answer that can no longer be read may be removed, and is no gap.
        stored_digest=None if one.stored is None else sha256(one.stored).hex(),
        subject=one.subject,
        trace=one.trace,
    )


def _moment(asked: datetime | date | None) -> str | None:
    if isinstance(asked, datetime):
        return written_instant(asked)
    return None if asked is None else asked.isoformat()


def _spelt(place: Position | None) -> str | None:
    if place is None:
        return None
    hash_ = f":{place.leaf_hash}" if place.leaf_hash else ""
    return f"{place.log}:{place.n}{hash_}"


def _milliseconds(moment: datetime) -> int:
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
