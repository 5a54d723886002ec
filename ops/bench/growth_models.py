"""The model histories of a grown ledger: recorded by the service itself, then read back.

A history is a birth, notices, statuses, and consents given and taken back, the last entry deciding.

What is read back is what the service stored: the fields of each group of each sealed container, the
records of the dossier's plain text, the rows of the present bases, and which keys there were. A
copy for somebody else has their subject and the ids of their own entries in the same places.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql

from api.runtime import Runtime
from ledger.disclosure import JSON
from ledger.errors import Fault
from ledger.seal import (
    GroupName,
    KeyOf,
    key_ring,
    needed_key,
    needed_keys,
    open_bytes,
    open_container,
    parse_container,
)
from ledger.store import Stored
from ops.bench import fill
from ops.bench.growth_people import sizes
from ops.bench.people import BEGINS, BORN, PURPOSE, SPAN, Entry, entry, granted, withdrawn
from projections.current import Tailer

MOMENTS = 24
"""At how many moments something happened to somebody at most: very many entries come together."""
SUBJECT = -1
"""Stands for the person where other numbers stand for their entries."""
NOTICED = (0.2, 0.4, 0.95)
"""Mostly notices: what the tailer makes of very many consents and withdrawals takes it long."""
_DECISIONS = "SELECT subject, decision FROM current_basis WHERE log = 0 AND purpose = %s"
_HEADER, _TRAILER = 19, 2
"""Bytes around the rows of a binary COPY."""

Pieces = tuple[bytes | int, ...]
"""Bytes, and between them who or which entry is named there."""


class ModelGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of fields: under which of the person's keys, and which fields name someone."""

    name: GroupName
    key: int
    fields: Mapping[str, JSON]
    named: tuple[tuple[str, int], ...]


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as stored, and its record in the dossier."""

    name: str
    groups: tuple[ModelGroup, ...]
    kept: Pieces


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One history; `bases` are the rows about the person as COPY takes them."""

    entries: tuple[ModelEntry, ...]
    keys: tuple[tuple[str, str | None], ...]
    bases: tuple[bytes, ...]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of one model."""

    subject: UUID
    entries: tuple[Entry, ...]


class Modelled(msgspec.Struct, frozen=True, kw_only=True):
    """The models, and where the log stands after them."""

    models: tuple[Model, ...]
    people: tuple[UUID, ...]
    decisions: tuple[str, ...]
    size: int
    catalogue_n: int


async def record(ledger: Runtime, *, seed: str) -> list[UUID]:
    """The catalogue and a person of each model, recorded, and followed by the present bases."""
    chance = random.Random(f"{seed} models")
    people = [_history(chance, size) for size in sizes()]
    await fill.adopt(ledger)
    await fill.record_all(ledger, ((one.subject, one.entries) for one in people))
    await Tailer(ledger.reader, ledger.rulebook, ledger.pool).catch_up()
    return [one.subject for one in people]


def _history(chance: random.Random, size: int) -> History:
    subject = UUID(int=chance.getrandbits(128), version=4)
    moments = min(size, MOMENTS)
    at = [BEGINS + n * moments // size * (SPAN / moments) for n in range(size)]
    middle = [entry(chance, subject, one, NOTICED) for one in at[1:-1]]
    last = granted if chance.random() < 0.7 else withdrawn
    entries = (BORN, *middle, last(subject, at[-1]))
    return History(subject=subject, entries=entries)


async def read(ledger: Runtime, people: Sequence[UUID], *, entries: int) -> Modelled:
    """The models as they are stored; their present bases for a log of so many `entries`."""
    head = await ledger.store.head(0)
    own = (await ledger.reader.own()).catalogue_place
    assert own is not None, "a catalogue was adopted"
    models = [await _model(ledger, one) for one in people]
    with psycopg.connect(ledger.places.database) as connection:
        decisions: dict[UUID, str] = dict(connection.execute(_DECISIONS, [PURPOSE]).fetchall())
        bases = [_bases(connection, one, entries) for one in people]
    return Modelled(
        models=tuple(
            msgspec.structs.replace(model, bases=rows)
            for model, rows in zip(models, bases, strict=True)
        ),
        people=tuple(people),
        decisions=tuple(decisions[one] for one in people),
        size=head.size,
        catalogue_n=own.n,
    )


async def _model(ledger: Runtime, subject: UUID) -> Model:
    stored = await ledger.store.stream(0, subject)
    row = (await ledger.store.dossiers(0, [subject], own=ledger.identity.stream))[subject]
    assert row.sealed is not None, "something is recorded"
    wanted = {name for one in stored for name in needed_keys(one.container)}
    key = key_ring(await ledger.keys.by_id({*wanted, needed_key(row.sealed)}))
    plain = open_bytes(row.sealed, subject=subject, key=key)
    if not isinstance(plain, bytes):
        raise Fault("a model is erased")
    uses = await _uses(ledger, subject)
    names = {str(one.event_id): n for n, one in enumerate(stored)} | {str(subject): SUBJECT}
    slots = {key_id: n for n, key_id in enumerate(uses)}
    origin = ledger.identity.log_origin(0)
    return Model(
        entries=tuple(
            ModelEntry(
                name=one.name,
                groups=_groups(one, key, origin, slots, names),
                kept=_pieces(record, names),
            )
            for one, record in zip(stored, _records(plain), strict=True)
        ),
        keys=tuple(uses.values()),
        bases=(),
    )


async def _uses(ledger: Runtime, subject: UUID) -> dict[UUID, tuple[str, str | None]]:
    """The keys of the person and what each is for, the basis key first."""
    async with ledger.keys_pool.connection() as connection:
        found = await connection.execute(
            "SELECT key_id, part, purpose FROM subject_key WHERE subject = %s"
            " ORDER BY part, purpose",
            [subject],
        )
        return {key_id: (part, purpose) for key_id, part, purpose in await found.fetchall()}


def _groups(
    one: Stored, key: KeyOf, origin: str, slots: Mapping[UUID, int], names: Mapping[str, int]
) -> tuple[ModelGroup, ...]:
    opened = open_container(one.container, origin=origin, key=key)
    return tuple(
        ModelGroup(
            name=group.name,
            key=slots[group.key_id],
            fields=opened.fields[group.name],
            named=_named(opened.fields[group.name], names),
        )
        for group in parse_container(one.container).groups
    )


def _named(fields: Mapping[str, JSON], names: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The fields that name the person or an entry of theirs, and which."""
    found = tuple(
        (field, names[value])
        for field, value in fields.items()
        if isinstance(value, str) and value in names
    )
    rest = {field: value for field, value in fields.items() if field not in dict(found)}
    if any(name in msgspec.json.encode(rest).decode() for name in names):
        raise Fault("a field of a model names somebody within")
    return found


def _records(plain: bytes) -> Iterable[bytes]:
    """The records of a dossier, each with its length before it."""
    at = 0
    while at < len(plain):
        end = at + 4 + int.from_bytes(plain[at : at + 4], "big")
        yield plain[at:end]
        at = end


def _pieces(text: bytes, names: Mapping[str, int]) -> Pieces:
    """The text cut where it names somebody: all names are equally long."""
    every = re.compile(b"(" + b"|".join(name.encode() for name in names) + b")")
    cut = every.split(text)
    return tuple(part if n % 2 == 0 else names[part.decode()] for n, part in enumerate(cut))


def _bases(connection: psycopg.Connection, subject: UUID, n: int) -> tuple[bytes, ...]:
    """The rows about the person, cut where they name them, computed at the n-th entry."""
    query = sql.SQL(
        "COPY (SELECT log, subject, purpose, decision, live, flags, since, next_change_at,"
        " {n}::bigint, catalogue_n FROM current_basis WHERE log = 0 AND subject = {subject}"
        " ORDER BY purpose) TO STDOUT (FORMAT binary)"
    ).format(n=sql.Literal(n), subject=sql.Literal(subject))
    with connection.cursor().copy(query) as copy:
        rows = b"".join(bytes(some) for some in copy)
    return tuple(rows[_HEADER:-_TRAILER].split(subject.bytes))
