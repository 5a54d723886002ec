"""All of the ledger that a pack is made of, read and verified; nothing is made of it here."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Fault, Malformed
from ledger.history import Dossier
from ledger.reader import Reader
from ledger.rules.rulebook import RuleBook
from ledger.store import Place
from ledger.tlog.policy import Policy
from projections.everyone import Progress
from projections.packs.answers import Answering, Asked
from projections.packs.entries import Shown, check_unsaid, check_withheld, shown
from projections.packs.given import given
from projections.packs.order import ENTRIES_MAX, Order
from projections.packs.proofs import LogProofs, head_size, log_proofs
from projections.read_audit import Row
from projections.replay import entries, replay
from projections.verification import Verified

STEPS = 5


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger that a pack is made from, and whose witnesses count where several sizes would do.

    `progress` is told how many of the steps are done.
    """

    reader: Reader
    pool: AsyncConnectionPool
    rulebook: RuleBook
    policy: Policy | None = None
    progress: Progress | None = None


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the pack; the order is pinned, the entries are in the order of the tree."""

    order: Order
    origin: str
    own: UUID
    last: Place
    entries: tuple[Shown, ...]
    proofs: LogProofs
    answers: tuple[Asked, ...]
    given: tuple[Row, ...]
    rulebook: str


class _Stream(msgspec.Struct, frozen=True, kw_only=True):
    dossier: Dossier
    entries: list[Verified]


async def gathered(sources: Sources, order: Order, *, entries_max: int = ENTRIES_MAX) -> Gathered:
    """The order carried out as far as reading goes; raises `Malformed` for one that cannot be.

    Raises `Fault` where the ledger is not as it was recorded.
    """
    reader, pool = sources.reader, sources.pool
    log = _log_of(reader, order)
    size = order.size or await head_size(reader, pool, log, sources.policy)
    order = msgspec.structs.replace(order, size=size)
    last = await reader.store.place_of(log, size)
    if last is None:
        raise Fault(f"log {log} is shorter than its checkpoint of {size} leaves")
    own = await _stream(reader, None, size, entries_max)
    person = await _stream(reader, order.subject, size, entries_max) if order.subject else None
    every = _shown(own, person, order, entries_max)
    _told(sources, 1)
    proofs = await _proofs(sources, order, every)
    _told(sources, 2)
    answers = [] if person is None else await _answers(sources, order, last, own, person)
    _told(sources, 3)
    rows = await given(reader, pool, order, every)
    check_unsaid(every, {"an answer": [msgspec.to_builtins(one.answer) for one in answers]})
    _told(sources, 4)
    return Gathered(
        order=order,
        origin=reader.identity.log_origin(log),
        own=reader.identity.stream,
        last=last,
        entries=tuple(every),
        proofs=proofs,
        answers=tuple(answers),
        given=tuple(rows),
        rulebook=sources.rulebook.id,
    )


def _log_of(reader: Reader, order: Order) -> int:
    """The log that the ledger's own stream is in: a pack is of one log."""
    log = 0 if order.subject is None else reader.identity.log_of(order.subject)
    if log != 0:
        message = "is of another log than the catalogue: a pack holds entries of one log"
        raise Malformed(message, field="subject")
    return log


async def _stream(reader: Reader, subject: UUID | None, size: int, entries_max: int) -> _Stream:
    """The entries of the stream below the size of the tree; their dossier may go beyond it."""
    found: list[Verified] = []
    async for one in entries(reader, subject):
        if one.row.n > size:
            break
        found.append(one)
        _check_many(len(found), entries_max)
    return _Stream(dossier=await replay(reader, subject), entries=found)


def _shown(own: _Stream, person: _Stream | None, order: Order, entries_max: int) -> list[Shown]:
    every = [shown(one, "ledger", order, own.dossier) for one in own.entries]
    if person is not None:
        every += [shown(one, "subject", order, person.dossier) for one in person.entries]
    every.sort(key=lambda one: one.index)
    _check_many(len(every), entries_max)
    if not every:
        raise Malformed("nothing is recorded that a pack could be about", field="subject")
    check_withheld(every, order)
    return every


def _check_many(many: int, entries_max: int) -> None:
    if many > entries_max:
        message = f"has more than {entries_max} entries, which no pack holds"
        raise Malformed(message, field="subject")


async def _proofs(sources: Sources, order: Order, every: Sequence[Shown]) -> LogProofs:
    assert order.size is not None, "the order is pinned"
    leaves = {one.index: one.row.leaf_hash for one in every}
    return await log_proofs(sources.pool, 0, leaves, size=order.size, by=order.made_at)


async def _answers(
    sources: Sources, order: Order, last: Place, own: _Stream, person: _Stream
) -> list[Asked]:
    answering = Answering(
        sources.reader,
        sources.rulebook,
        order,
        last=last,
        own={one.row.n: _place(one) for one in own.entries},
        person=person.dossier,
        common=own.dossier,
    )
    return await answering.answers()


def _place(one: Verified) -> Place:
    row = one.row
    return Place(n=row.n, recorded_at=row.recorded_at, leaf_hash=row.leaf_hash)


def _told(sources: Sources, done: int) -> None:
    if sources.progress is not None:
        sources.progress(done, STEPS)
