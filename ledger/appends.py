"""Requests as the append takes them, and what became of each.

What arrives together is sent as arrays, one element a request, a stream or an entry (see the
function `append` of the migrations). Not here: sending it (`store`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec

from ledger.arrays import bigints, byteas, integers, texts, uuids

WEIGHT_BYTES = 8192
"""How many bytes delay others as much as one entry does."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A stream that a request adds to: the version it was read at, and its dossier's new bytes.

    A stream that nobody asks questions about has no dossier: its sealed bytes are empty.
    """

    subject: UUID
    version: int
    sealed: bytes


class NewEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to append; the database numbers, stamps and links it."""

    stream: UUID
    version: int
    name: str
    event_id: UUID
    container: bytes
    digests: bytes
    commitment: bytes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is appended whole or not at all: the entries of each move, in the order of the moves.

    The key makes it safe to send again: it stands for this one request, for ever. One that is
    `urgent` goes before the others that wait.
    """

    client: str
    key: str
    fingerprint: bytes
    moves: tuple[Move, ...]
    entries: tuple[NewEntry, ...]
    urgent: bool = False

    @property
    def weight(self) -> int:
        """How much the request delays others: by its entries, and by its bytes."""
        bytes_ = sum(len(one.container) for one in self.entries)
        bytes_ += sum(len(one.sealed) for one in self.moves)
        return max(1, len(self.entries)) + bytes_ // WEIGHT_BYTES


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as the log has it."""

    n: int
    stream: UUID
    version: int
    name: str
    event_id: UUID
    recorded_at: datetime
    leaf: bytes
    leaf_hash: bytes


OutcomeName = Literal["accepted", "replayed", "key_reused", "version_conflict"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request; the entries of one accepted, now or before."""

    name: OutcomeName
    entries: tuple[Recorded, ...] = ()


class Told(NamedTuple):
    """A row of what the append says: of which request, counted from 1, and one of its entries."""

    request: int
    outcome: OutcomeName
    entry: Recorded | None


def told(
    request: int,
    outcome: OutcomeName,
    n: int | None,
    stream: UUID,
    version: int,
    name: str,
    event_id: UUID,
    recorded_at: datetime,
    leaf: bytes,
    leaf_hash: bytes,
) -> Told:
    """The row as the database sends it; without an `n` the rest of an entry is missing too."""
    if n is None:
        return Told(request, outcome, None)
    entry = Recorded(
        n=n,
        stream=stream,
        version=version,
        name=name,
        event_id=event_id,
        recorded_at=recorded_at,
        leaf=leaf,
        leaf_hash=leaf_hash,
    )
    return Told(request, outcome, entry)


def values_of(log: int, requests: Sequence[Request]) -> dict[str, object]:
    """The requests as the statement takes them."""
    moves = [(i, move) for i, one in enumerate(requests, start=1) for move in one.moves]
    entries = [(i, entry) for i, one in enumerate(requests, start=1) for entry in one.entries]
    return {
        "log": log,
        "r_client": texts(one.client for one in requests),
        "r_key": texts(one.key for one in requests),
        "r_fingerprint": byteas(one.fingerprint for one in requests),
        "d_request": integers(i for i, _ in moves),
        "d_subject": uuids(move.subject for _, move in moves),
        "d_version": bigints(move.version for _, move in moves),
        "d_sealed": byteas(move.sealed for _, move in moves),
        "e_request": integers(i for i, _ in entries),
        "e_stream": uuids(entry.stream for _, entry in entries),
        "e_version": bigints(entry.version for _, entry in entries),
        "e_name": texts(entry.name for _, entry in entries),
        "e_event": uuids(entry.event_id for _, entry in entries),
        "e_container": byteas(entry.container for _, entry in entries),
        "e_digests": byteas(entry.digests for _, entry in entries),
        "e_commitment": byteas(entry.commitment for _, entry in entries),
    }


def outcomes_of(many: int, rows: Iterable[Told]) -> list[Outcome]:
    """The outcome of each of so many requests; one without a row added nothing."""
    names: list[OutcomeName] = ["accepted"] * many
    entries: list[list[Recorded]] = [[] for _ in range(many)]
    for row in rows:
        names[row.request - 1] = row.outcome
        if row.entry is not None:
            entries[row.request - 1].append(row.entry)
    return [
        Outcome(name=name, entries=tuple(found)) for name, found in zip(names, entries, strict=True)
    ]
