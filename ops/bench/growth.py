"""A ledger of a given size, as the service would have written it: made fast, on every core.

A few hundred model histories are recorded by the service itself, and everybody else is a copy of
one of them with a subject, keys, salts, ids, places and a hash chain of their own (`growth_copy`
says what of that is prepared). The tree of the log is not there yet: the service makes it.
Not here: what is measured on it (`growth_rows`), and the command (`growth_run`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row
from uvicorn.loops.auto import auto_loop_factory

from api.runtime import Places, prepare, running
from api.settings import Settings
from ops.bench import growth_copy, growth_models
from ops.bench.growth_bare import bare, filling
from ops.bench.growth_copy import Done, Task
from ops.bench.growth_models import Modelled
from ops.bench.growth_people import CHUNK, Chunk, Member, chunks
from projections.current import follower_name

LARGE = 200_000
"""From so many entries on, indexes are made after the rows."""
LEDGER_TABLES = ("entry", "dossier", "idempotency", "current_basis")
KEY_TABLES = ("subject_key",)
Progress = Callable[[int, int], None]
"""Told how many entries of how many are made."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A log as it stands."""

    origin: str
    recorded_at: datetime


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """What was made: who can be asked about, how long each stage took, and the bytes on disk."""

    seed: str
    entries: int
    people: int
    modelled: tuple[UUID, ...]
    decisions: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    seconds: dict[str, float]
    bytes: dict[str, int]

    def member(self, nth: int) -> Member:
        """The nth person: the models first, then the copies."""
        if nth < len(self.modelled):
            return Member(self.modelled[nth], nth)
        chunk, place = divmod(nth - len(self.modelled), CHUNK)
        return _members(self.seed, self.chunks[chunk])[place]

    def decision(self, nth: int) -> str:
        """What must be answered about the nth person for `ops.bench.people.PURPOSE`."""
        return self.decisions[self.member(nth).model]


@lru_cache(maxsize=64)
def _members(seed: str, chunk: Chunk) -> list[Member]:
    return chunk.members(seed)


@contextmanager
def beside(where: Places, settings: Settings, name: str) -> Iterator[Places]:
    """An empty ledger of this name on the same server, under the same keys' key; dropped after."""
    names = (name, f"{name}_keys")
    with psycopg.connect(where.database, autocommit=True) as connection, ExitStack() as stack:
        for one in names:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(one)))
            stack.callback(_dropped, where.database, one)
        database, keys = (make_conninfo(where.database, dbname=one) for one in names)
        made = Places(database=database, keys=keys, folder=where.folder, embedded=where.embedded)
        prepare(made, settings)
        yield made


def make(
    where: Places,
    settings: Settings,
    *,
    entries: int,
    seed: str,
    progress: Progress | None = None,
) -> Grown:
    """The empty, prepared ledger with so many entries, its own stream's among them."""
    clock = _Clock()
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        modelled, follower = runner.run(_modelled(where, settings, seed, entries))
    every = tuple(chunks(seed, first_n=modelled.size + 1, entries=entries - modelled.size))
    clock.stage("models")
    with ExitStack() as stack:
        if entries >= LARGE:
            stack.enter_context(filling(where.database))
            stack.enter_context(bare(where.database, LEDGER_TABLES))
            stack.enter_context(bare(where.keys, KEY_TABLES))
        people = _copied(where, settings, seed, modelled, every, progress)
        clock.stage("copies")
    clock.stage("indexes")
    _settled(where, entries, follower)
    clock.stage("statistics")
    return Grown(
        seed=seed,
        entries=entries,
        people=len(modelled.people) + people,
        modelled=modelled.people,
        decisions=modelled.decisions,
        chunks=every,
        seconds=clock.seconds,
        bytes={"ledger": _bytes(where.database), "keys": _bytes(where.keys)},
    )


class _Clock:
    """How long each stage took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def stage(self, name: str) -> None:
        """This stage ends now."""
        now = time.monotonic()
        self.seconds[name], self._began = now - self._began, now


async def _modelled(
    where: Places, settings: Settings, seed: str, entries: int
) -> tuple[Modelled, str]:
    """The models, and under which name the present bases follow the log."""
    async with running(where, settings) as ledger:
        people = await growth_models.record(ledger, seed=seed)
        modelled = await growth_models.read(ledger, people, entries=entries)
        return modelled, follower_name(ledger.rulebook)


def _copied(
    where: Places,
    settings: Settings,
    seed: str,
    modelled: Modelled,
    every: Sequence[Chunk],
    progress: Progress | None,
) -> int:
    """How many people the chunks have, which are in both databases now; the log ends with them."""
    head = _head(where)
    task = Task(
        database=where.database,
        keys=where.keys,
        kek_file=settings.kek_file or str(where.folder / "kek"),
        origin=head.origin,
        seed=seed,
        models=modelled.models,
        base=head.recorded_at - timedelta(microseconds=modelled.size),
    )
    people = entries = 0
    last: Done | None = None
    with ProcessPoolExecutor(
        max_workers=os.cpu_count(),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=growth_copy.begin,
        initargs=(task,),
    ) as pool:
        for last in pool.map(growth_copy.make, every):
            people, entries = people + last.people, entries + last.entries
            if progress is not None:
                progress(modelled.size + entries, modelled.size + sum(one.entries for one in every))
    if last is not None:
        _move_head(where, last)
    return people


def _head(where: Places) -> Head:
    with (
        psycopg.connect(where.database) as connection,
        connection.cursor(row_factory=class_row(Head)) as cursor,
    ):
        found = cursor.execute("SELECT origin, recorded_at FROM log_head WHERE log = 0").fetchone()
    assert found is not None, "the ledger is founded"
    return found


def _move_head(where: Places, last: Done) -> None:
    with psycopg.connect(where.database) as connection:
        # The last request may have several entries: all have the stamp of its first.
        connection.execute(
            "UPDATE log_head SET size = %(n)s, leaf_hash = %(leaf_hash)s,"
            " recorded_at = (SELECT recorded_at FROM entry WHERE log = 0 AND n = %(n)s)"
            " WHERE log = 0",
            {"n": last.n, "leaf_hash": last.leaf_hash},
        )


def _settled(where: Places, entries: int, follower: str) -> None:
    """The present bases have followed; the server knows the tables, and has nothing to write."""
    with psycopg.connect(where.database, autocommit=True) as connection:
        connection.execute(
            "UPDATE follower SET n = %s WHERE log = 0 AND name = %s", [entries, follower]
        )
    for database in (where.database, where.keys):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


def _bytes(database: str) -> int:
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert found is not None, "one row"
    return int(found[0])


def _dropped(conninfo: str, name: str) -> None:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
