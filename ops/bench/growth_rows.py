"""What is measured on ledgers that differ in size alone.

Lone checks, in process: the dossier read, opened and answered, and its row in the read audit
committed, one after another, on two ledgers of one server by turns. The first page of a list of
people: which pages of which indexes it reads. What a process holds after few checks and after very
many. Not here: how the ledgers are made (`growth`).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from uvicorn.loops.auto import auto_loop_factory

from api.runtime import Places, Runtime, running
from api.settings import Settings
from ledger.store import open_pool
from ops.bench.growth import Grown
from ops.bench.people import PURPOSE
from ops.bench.processes import held_mib
from projections.checks import Query
from projections.everyone import FIRST, Pin, pin
from projections.kept_rows import IN_ORDER
from projections.population import Population, Wanted
from projections.read_audit import Asker, of_answer, reads_of
from projections.sql import statement

ASKER = Asker(client="bench")
WARM = 300
TOGETHER = 64
"""Questions asked at once where only memory is looked at."""
_MS = 1000.0


_PAGES = """
SELECT
    (SELECT sum(x.idx_blks_read + x.idx_blks_hit) FROM pg_statio_user_indexes x) AS index,
    sum(t.heap_blks_read + t.heap_blks_hit) AS tables,
    (SELECT sum(s.seq_scan) FROM pg_stat_user_tables s
     WHERE s.relname IN ('current_basis', 'dossier', 'entry', 'time_change', 'tombstone')) AS scans
FROM pg_statio_user_tables t
"""


class Wrong(Exception):
    """An answer was not the one expected: what was measured is no result."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of lone checks on one ledger: milliseconds, and µs of CPU for each."""

    p50: float
    p99: float
    app_us: float
    postgres_us: float


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """Turns on the smaller and on the larger ledger, and what the larger takes of the smaller."""

    small: list[Sample]
    large: list[Sample]

    def ratios(self, field: str) -> list[float]:
        """Of each pair of turns."""
        pairs = zip(self.small, self.large, strict=True)
        return [getattr(large, field) / getattr(small, field) for small, large in pairs]

    def ratio(self, field: str) -> float:
        """The middle one."""
        return statistics.median(self.ratios(field))


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger that was grown, and where it is."""

    where: Places
    settings: Settings
    grown: Grown


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page of a list read for each of its rows, and how often a whole table."""

    rows: int
    index_pages: float
    table_pages: float
    sequential: int
    milliseconds: float
    plan: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Megabytes (2^20) that a process holds after few checks and after many."""

    few: float
    many: float
    people: int


def checks(
    small: Side, large: Side, *, rounds: int, each: int, hot: int | None = None, seed: str = "ask"
) -> Paired:
    """So many rounds of lone checks by turns; of `hot` people of each where that is given.

    Without it everybody may be asked about, and hardly anybody twice in the larger one.
    """
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(_checks((small, large), rounds, each, hot, seed))


async def _checks(
    sides: tuple[Side, Side], rounds: int, each: int, hot: int | None, seed: str
) -> Paired:
    found: tuple[list[Sample], list[Sample]] = ([], [])
    async with (
        running(sides[0].where, sides[0].settings) as small,
        running(sides[1].where, sides[1].settings) as large,
    ):
        askers = [
            _Asker(one, ledger, random.Random(seed), hot)
            for one, ledger in zip(sides, (small, large), strict=True)
        ]
        for one in askers:
            await one.turn(WARM)
        for n in range(rounds):
            # There and back again: what drifts reaches both alike.
            for place in (0, 1) if n % 2 == 0 else (1, 0):
                found[place].append(await askers[place].turn(each))
    return Paired(small=found[0], large=found[1])


class _Asker:
    """Asks one ledger, about people by chance."""

    def __init__(self, side: Side, ledger: Runtime, chance: random.Random, hot: int | None) -> None:
        self._grown = side.grown
        self._ledger = ledger
        self._chance = chance
        self._backends = _Backends(side.where)
        people = range(side.grown.people)
        self._among: Sequence[int] = people if hot is None else chance.sample(people, hot)

    async def turn(self, many: int) -> Sample:
        """So many lone checks."""
        asked = [self._chance.choice(self._among) for _ in range(many)]
        # Who they are is worked out before.
        people = [(self._grown.member(one).subject, self._grown.decision(one)) for one in asked]
        before, used = self._backends.cpu(), time.process_time()
        took = []
        for subject, decision in people:
            began = time.perf_counter()
            await ask(self._ledger, [subject], [decision])
            took.append((time.perf_counter() - began) * _MS)
        app = time.process_time() - used
        postgres = self._backends.cpu() - before
        took.sort()
        return Sample(
            p50=statistics.median(took),
            p99=took[int(len(took) * 0.99)],
            app_us=app / many * 1e6,
            postgres_us=postgres / many * 1e6,
        )


async def ask(ledger: Runtime, subjects: Sequence[UUID], decisions: Sequence[str]) -> None:
    """They are answered as expected, and the read audit says so."""
    queries = [Query(subject=one, purpose=PURPOSE) for one in subjects]
    found = await ledger.checks.batch(queries)
    abouts = [of_answer(one, "CHECK") for one in found]
    await ledger.reads.write(reads_of(ASKER, abouts, entropy=os.urandom))
    told = [one.answer.decision for one in found]
    if told != list(decisions):
        raise Wrong(f"answered {told}, expected {decisions}")


class _Backends:
    """The server's processes that serve one ledger's databases."""

    def __init__(self, where: Places) -> None:
        self._where = where

    def cpu(self) -> float:
        """Seconds that they have used, those that have ended left out."""
        with psycopg.connect(self._where.database, autocommit=True) as connection:
            pids = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND datname = ANY (%s)",
                [[_name(self._where.database), _name(self._where.keys)]],
            ).fetchall()
        return sum(_nanoseconds(pid) for (pid,) in pids) / 1e9


def _name(conninfo: str) -> str:
    return str(conninfo_to_dict(conninfo)["dbname"])


def _nanoseconds(pid: int) -> int:
    """What the scheduler counts of one process: finer than its ticks."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def page(side: Side, *, decision: str | None, limit: int = 1000) -> Pages:
    """What the first page of the list reads, on a server that has read it before."""
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(_page(side, decision, limit))


async def _page(side: Side, decision: str | None, limit: int) -> Pages:
    wanted = msgspec.convert({"purpose": PURPOSE, "decision": decision}, Wanted)
    async with (
        running(side.where, side.settings) as ledger,
        open_pool(side.where.database, size_max=1) as pool,
    ):
        lists = Population(ledger.reader, ledger.rulebook, pool)
        found = await lists.subjects_of(wanted, limit=limit)
        if len(found.people) != limit:
            raise Wrong(f"the page has {len(found.people)} people")
        before = await _read(pool)
        began = time.perf_counter()
        await lists.subjects_of(wanted, limit=limit)
        took = time.perf_counter() - began
        after = await _read(pool)
        plan = await _plan(pool, await pin(ledger.reader, 0), found.effective_at, decision, limit)
    read = {name: after[name] - before[name] for name in after}
    return Pages(
        rows=limit,
        index_pages=read["index"] / limit,
        table_pages=read["tables"] / limit,
        sequential=read["scans"],
        milliseconds=took * _MS,
        plan=plan,
    )


async def _read(pool: AsyncConnectionPool) -> dict[str, int]:
    """How many pages were read so far, and how often a whole table; what waits is flushed first."""
    async with pool.connection() as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_PAGES)
            found = await cursor.fetchone()
    assert found is not None, "sums"
    return {name: int(value) for name, value in found.items()}


async def _plan(
    pool: AsyncConnectionPool, at: Pin, effective_at: datetime, decision: str | None, limit: int
) -> str:
    """The plan of the statement that reads the rows, with what it read."""
    values = {
        "log": 0,
        "purpose": PURPOSE,
        "decision": decision,
        "live": None,
        "catalogue_n": at.catalogue_n,
        "effective_at": effective_at,
        "unsettled": [],
        "after": FIRST,
        "limit": limit + 1,
    }
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(IN_ORDER)
        explained = b"EXPLAIN (ANALYZE, BUFFERS) " + statement("standing_page")
        found = await connection.execute(explained, values)
        return "\n".join(str(row[0]) for row in await found.fetchall())


def memory(side: Side, *, few: int, many: int, people: int, seed: str = "ask") -> Held:
    """What a process of its own holds after so few checks of these people, and after so many."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_in_this_process, side, few, many, people, seed).result()


def _in_this_process(side: Side, few: int, many: int, people: int, seed: str) -> Held:
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        return runner.run(_held(side, few, many, people, seed))


async def _held(side: Side, few: int, many: int, people: int, seed: str) -> Held:
    chance = random.Random(seed)
    # Known beforehand, so that only checks are in the difference.
    known = [
        (member.subject.bytes, side.grown.decisions[member.model])
        for member in map(side.grown.member, range(min(people, side.grown.people)))
    ]
    held = []
    async with running(side.where, side.settings) as ledger:
        done = 0
        for until in (few, many):
            while done < until:
                asked = chance.choices(known, k=min(TOGETHER, until - done))
                await ask(
                    ledger, [UUID(bytes=one) for one, _ in asked], [told for _, told in asked]
                )
                done += len(asked)
            held.append(held_mib(os.getpid()))
    return Held(few=held[0], many=held[1], people=len(known))
