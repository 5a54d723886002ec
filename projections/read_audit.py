"""A row of the read audit, and its hash: pure, so that a stranger can recompute it.

The hash is SHA-256 over the row as canonical JSON (RFC 8785), with the hash of the row before it in
its chain; `ops/docs/record.md` has the members. Not here: writing rows (`read_chains`), finding
them (`reads`), or verifying whole chains (`read_verification`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
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


class Read(msgspec.Struct, frozen=True, kw_only=True):
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


class Row(Read, frozen=True, kw_only=True):
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
    row = Row(
        **{name: getattr(one, name) for name in Read.__struct_fields__},
        chain=chain,
        n=n,
        prev=prev,
        hash=b"",
    )
    return msgspec.structs.replace(row, hash=row_hash(row))


def row_hash(row: Row) -> bytes:
    """What the row's hash must be."""
    return sha256(canonical(row))


def canonical(row: Row) -> bytes:
    """The row without its hash as canonical JSON (RFC 8785)."""
    return _json.encode({"v": VERSION, **dict(members_of(row))})


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
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='microseconds')}Z"


def sha256(text: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(text).digest()


_json = msgspec.json.Encoder(order="sorted")


def members_of(row: Row) -> Iterator[tuple[str, object]]:
    """What the hash is over, as JSON has it."""
    for name in Row.__struct_fields__:
        value = getattr(row, name)
        if name == "stored":
            # By its digest: an answer that can no longer be read may be removed, and is no gap.
            yield "stored_digest", None if value is None else sha256(value).hex()
        elif name != "hash":
            yield name, _written(value)


def _written(value: object) -> object:
    if isinstance(value, datetime):
        return written_instant(value)
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID) else value


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
