"""A chunk of people as rows: sealed under keys of theirs, numbered, stamped, linked and copied.

What the service does for an entry is done here by the same functions: its container is sealed
(`ledger.seal`), its leaf spelt and hashed (`ledger.tlog.leaf`), its keys wrapped (`KeyRows`). What
is prepared and not decided here is what happened (`growth_models`), and the numbers and the stamps,
which the database would give: everything is as if a request a stamp had come, one microsecond an
entry after the other. Rows go in by COPY, the keys before what they seal.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct
from typing import LiteralString
from uuid import UUID

import msgspec
import psycopg

from ledger.arrays import bigints
from ledger.kek import FileKek
from ledger.key_rows import KeyRows, Row
from ledger.seal import DataKey, PlainGroup, Sealed, seal, seal_bytes
from ledger.sealing import new_event_id
from ledger.tlog.leaf import Leaf, format_leaf, leaf_hash
from ops.bench.fill import CLIENT
from ops.bench.growth_models import SUBJECT, Model, ModelEntry, Pieces
from ops.bench.growth_people import Chunk, Member

ENTRY: LiteralString = (
    "entry (log, n, stream, version, name, event_id, container, digests, leaf, leaf_hash,"
    " recorded_at, client, idempotency_key)"
)
DOSSIER: LiteralString = "dossier (log, subject, version, head, n, recorded_at, sealed)"
REQUEST: LiteralString = "idempotency (log, client, key, fingerprint, first_n, last_n)"
BASIS: LiteralString = (
    "current_basis (log, subject, purpose, decision, live, flags, since, next_change_at, n,"
    " catalogue_n)"
)
KEY: LiteralString = (
    "subject_key (key_id, key_version, subject, part, purpose, kek_id, wrapped, fingerprint)"
)
REQUESTS_AT_LEAST = 4
"""Entries of one request at most, but for people with very many."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UNIX_MS = 946_684_800_000
_INSTANT = timedelta(microseconds=1)
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_LENGTH = Struct("!i").pack
_MANY = Struct("!h").pack
_INT2 = Struct("!ih").pack
_INT4 = Struct("!ii").pack
_INT8 = Struct("!iq").pack
_NULL = _LENGTH(-1)
_LOG = _INT2(2, 0)
_TIMES = Struct("!iiIii").pack


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a process needs to know once: where, under which key, whose histories, since when."""

    database: str
    keys: str
    kek_file: str
    origin: str
    seed: str
    models: tuple[Model, ...]
    base: datetime
    """The stamp of the entry n is so many microseconds later."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry of a chunk."""

    n: int
    leaf_hash: bytes
    people: int
    entries: int


class _Person:
    """Somebody while their entries are made."""

    def __init__(self, member: Member, model: Model, keys: Sequence[DataKey]) -> None:
        self.subject = member.subject
        self.model = model
        self.keys = keys
        self.prev = b""
        self.events: list[UUID] = []
        self.n: list[int] = []
        self.stamps: list[int] = []

    def names(self, ref: int) -> str:
        return str(self.subject if ref == SUBJECT else self.events[ref])

    def text(self, pieces: Pieces) -> bytes:
        return b"".join(
            one if isinstance(one, bytes) else self.names(one).encode() for one in pieces
        )


class Maker:
    """Makes chunks of people, in one process."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._keys = KeyRows(FileKek(Path(task.kek_file)), os.urandom)
        self._base = (task.base - _EPOCH) // _INSTANT
        self._database = psycopg.connect(task.database)
        self._key_database = psycopg.connect(task.keys)
        for one in (self._database, self._key_database):
            one.execute("SET synchronous_commit = off")
            one.commit()

    def make(self, chunk: Chunk) -> Done:
        """The people of the chunk are in both databases."""
        key_rows: list[bytes] = []
        people = [self._person(one, key_rows) for one in chunk.members(self._task.seed)]
        _copied(self._key_database, {KEY: key_rows})
        chance = random.Random(f"{self._task.seed} {chunk.chunk} requests")
        entries: list[bytes] = []
        requests: list[bytes] = []
        n = chunk.first_n
        for person, many in _requests(people, chance):
            made, request = self._request(person, many, n)
            entries += made
            requests.append(request)
            last, n = person, n + many
        dossiers = [self._dossier(one) for one in people]
        bases = [one.subject.bytes.join(one.model.bases) for one in people]
        rows = {ENTRY: entries, DOSSIER: dossiers, REQUEST: requests, BASIS: bases}
        _copied(self._database, rows)
        return Done(n=n - 1, leaf_hash=last.prev, people=len(people), entries=n - chunk.first_n)

    def _person(self, member: Member, rows: list[bytes]) -> _Person:
        model = self._task.models[member.model]
        keys = []
        for part, purpose in model.keys:
            row = msgspec.convert({**self._keys.new_key(), "key_version": 1}, Row)
            key = self._keys.opened(row)
            assert isinstance(key, DataKey) and row.wrapped is not None, "it was just made"
            keys.append(key)
            rows.append(
                _row(
                    _bytes(row.key_id.bytes),
                    _INT4(4, row.key_version),
                    _bytes(member.subject.bytes),
                    _bytes(part.encode()),
                    _NULL if purpose is None else _bytes(purpose.encode()),
                    _bytes(row.kek_id.encode()),
                    _bytes(row.wrapped),
                    _bytes(row.fingerprint),
                )
            )
        return _Person(member, model, keys)

    def _request(self, person: _Person, many: int, n: int) -> tuple[list[bytes], bytes]:
        """The next entries of the person, with one stamp, and what remembers the request."""
        stamp = self._base + n
        first = len(person.events)
        ms = _UNIX_MS + stamp // 1000
        person.events += [new_event_id(ms, os.urandom) for _ in range(many)]
        key = person.events[first].hex.encode()
        rows = []
        for place in range(first, first + many):
            rows.append(self._entry(person, place, n + place - first, stamp, key))
        names = b"".join(one.bytes for one in person.events[first:])
        request = _row(
            _LOG,
            _bytes(CLIENT.encode()),
            _bytes(key),
            _bytes(hashlib.sha256(person.subject.bytes + names).digest()),
            _INT8(8, n),
            _INT8(8, n + many - 1),
        )
        return rows, request

    def _entry(self, person: _Person, place: int, n: int, stamp: int, key: bytes) -> bytes:
        one, event = person.model.entries[place], person.events[place]
        sealed = self._sealed(person, one, event)
        leaf = format_leaf(
            Leaf(
                commitment=sealed.commitment,
                event_id=event,
                log=self._task.origin,
                prev=person.prev,
                recorded_at=_EPOCH + stamp * _INSTANT,
                seq=place + 1,
                stream=person.subject,
                type=one.name,
            )
        )
        person.prev = leaf_hash(leaf)
        person.n.append(n)
        person.stamps.append(stamp)
        return _row(
            _LOG,
            _INT8(8, n),
            _bytes(person.subject.bytes),
            _INT8(8, place + 1),
            _bytes(one.name.encode()),
            _bytes(event.bytes),
            _bytes(sealed.container),
            _bytes(sealed.digests),
            _bytes(leaf),
            _bytes(person.prev),
            _INT8(8, stamp),
            _bytes(CLIENT.encode()),
            _bytes(key),
        )

    def _sealed(self, person: _Person, one: ModelEntry, event: UUID) -> Sealed:
        return seal(
            origin=self._task.origin,
            event_id=event,
            type=one.name,
            groups=[
                PlainGroup(
                    name=group.name,
                    key=person.keys[group.key],
                    fields={
                        **group.fields,
                        **{field: person.names(ref) for field, ref in group.named},
                    },
                )
                for group in one.groups
            ],
            entropy=os.urandom,
        )

    def _dossier(self, person: _Person) -> bytes:
        plain = b"".join(person.text(one.kept) for one in person.model.entries)
        sealed = seal_bytes(plain, subject=person.subject, key=person.keys[0], entropy=os.urandom)
        return _row(
            _LOG,
            _bytes(person.subject.bytes),
            _INT8(8, len(person.n)),
            _bytes(person.prev),
            _bytes(bigints(person.n).sent),
            _bytes(_times(person.stamps)),
            _bytes(sealed),
        )


def _requests(people: Sequence[_Person], chance: random.Random) -> Iterator[tuple[_Person, int]]:
    """Whose request comes next and how many entries it has; everybody's are spread over all."""
    waiting: list[tuple[_Person, int]] = []
    for person in people:
        left = len(person.model.entries)
        most = max(REQUESTS_AT_LEAST, left // 20)
        while left:
            many = min(left, chance.randint(1, most))
            waiting.append((person, many))
            left -= many
    chance.shuffle(waiting)
    yield from waiting


def _copied(connection: psycopg.Connection, tables: dict[LiteralString, list[bytes]]) -> None:
    with connection.transaction():
        for table, rows in tables.items():
            copy_in = f"COPY {table} FROM STDIN (FORMAT binary)".encode()
            with connection.cursor().copy(copy_in) as copy:
                copy.write(b"".join((_COPY_HEADER, *rows, _COPY_TRAILER)))


def _row(*columns: bytes) -> bytes:
    return b"".join((_MANY(len(columns)), *columns))


def _bytes(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


def _times(stamps: Iterable[int]) -> bytes:
    """timestamptz[]"""
    elements = [_INT8(8, one) for one in stamps]
    return _TIMES(1, 0, 1184, len(elements), 1) + b"".join(elements)


_maker: list[Maker] = []


def begin(task: Task) -> None:
    """This process makes chunks from now on."""
    _maker.append(Maker(task))


def make(chunk: Chunk) -> Done:
    """The chunk is made by this process."""
    return _maker[0].make(chunk)
