"""`ledger rebuild` over two ledgers of their own: entries for each second of a core, and memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import msgspec
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from uvicorn.loops.auto import auto_loop_factory

from api.runtime import Places, prepare, running
from api.settings import Settings
from ops.bench.bed import Bed, Wrong
from ops.bench.figures import Limit
from ops.bench.fill import adopt, record_all
from ops.bench.people import people
from ops.bench.processes import ROOT, children_s, cpu_seconds, held_mib
from ops.bench.results import Section, Table, figure, row

REBUILD = ("-P", "-c", "from api.cli import main; main()", "rebuild", "--json")
LOOK_S = 0.05
ROUNDS = 2
"""It is long, and its CPU steady."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """One run: entries, seconds of CPU, and the most memory at one moment, in MiB."""

    entries: int
    app_s: float
    postgres_s: float
    peak_mib: float

    @property
    def a_core(self) -> float:
        """Entries for each second of a core, the database's among them."""
        return self.entries / (self.app_s + self.postgres_s)


def rebuild(bed: Bed) -> Section:
    """All projections made anew, small and large in turn; the service stands still."""
    with bed.still():
        made = [(many, *_ledger(bed, many)) for many in bed.plan.rebuilt]
        found: dict[int, list[Rebuilt]] = {many: [] for many in bed.plan.rebuilt}
        for _ in range(ROUNDS):
            for many, settings, entries in made:
                found[many].append(_rebuilt(bed, settings, entries))
    small, large = (found[one] for one in bed.plan.rebuilt)
    rates = [one.a_core for one in large]
    grown = [b.peak_mib / a.peak_mib for a, b in zip(small, large, strict=True)]
    at_least = Limit(relation="at least", value=20_000, unit="/s")
    flat = Limit(relation="at most", value=1.2)
    return Section(
        title="Rebuild",
        rows=(
            row(
                "rebuild",
                "rebuild of all projections, entries a core",
                "–",
                at_least,
                rates,
                per="runs",
            ),
            row(
                "rebuild-memory",
                f"its most memory, {large[0].entries:,} entries",
                f"{small[0].entries:,} entries",
                flat,
                grown,
                per="runs",
            ),
        ),
        tables=(
            Table(
                columns=("Entries", "Entries/s a core", "of the application alone", "Memory MiB"),
                lines=tuple(_described(each) for each in found.values()),
            ),
        ),
        notes=("A second of a core is one of CPU, whether the application's or PostgreSQL's.",),
    )


def _described(runs: list[Rebuilt]) -> tuple[str, ...]:
    return (
        f"{runs[0].entries:,}",
        figure(median(one.a_core for one in runs)),
        figure(median(one.entries / one.app_s for one in runs)),
        figure(median(one.peak_mib for one in runs)),
    )


def _ledger(bed: Bed, many: int) -> tuple[Settings, int]:
    """A ledger of its own with so many people, on the same server, and its entries."""
    name = f"rebuilt_{many}"
    folder = bed.folder / name
    with psycopg.connect(bed.where.database, autocommit=True) as connection:
        for each in (name, f"{name}_keys"):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(each)))
    settings = Settings(
        database_url=make_conninfo(bed.where.database, dbname=name),
        keys_url=make_conninfo(bed.where.database, dbname=f"{name}_keys"),
        data_dir=str(folder),
        origin="bench.example/rebuilt",
    )
    return settings, _filled(settings, folder, many, bed.plan.seed)


def _filled(settings: Settings, folder: Path, many: int, seed: str) -> int:
    assert settings.database_url is not None and settings.keys_url is not None, "set above"
    where = Places(
        database=settings.database_url, keys=settings.keys_url, folder=folder, embedded=False
    )
    prepare(where, settings)
    some = people(many, seed=f"{seed} rebuilt")

    async def fill() -> int:
        async with running(where, settings) as ledger:
            await adopt(ledger)
            await record_all(ledger, ((one.subject, one.entries) for one in some))
            return (await ledger.store.head(0)).size

    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        size = runner.run(fill())
    with psycopg.connect(where.database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return size


def _rebuilt(bed: Bed, settings: Settings, entries: int) -> Rebuilt:
    environ = {
        "LEDGER_DATABASE_URL_FILE": _secret(settings, "database_url"),
        "LEDGER_KEYS_URL_FILE": _secret(settings, "keys_url"),
        "LEDGER_DATA_DIR": str(settings.data_dir),
        "LEDGER_ORIGIN": settings.origin,
    }
    errors = bed.folder / "rebuild.err"
    before, children = cpu_seconds(bed.postgres), children_s()
    with errors.open("ab") as kept:
        process = subprocess.Popen(
            [sys.executable, *REBUILD],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=subprocess.DEVNULL,
            stderr=kept,
        )
        # Not the kernel's own peak: that begins with what the parent held.
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, held_mib(process.pid))
            time.sleep(LOOK_S)
    used_s = children_s() - children
    if process.returncode:
        raise Wrong(f"the rebuild failed: {errors.read_text()[-1000:]}")
    return Rebuilt(
        entries=entries,
        app_s=used_s,
        postgres_s=cpu_seconds(bed.postgres) - before,
        peak_mib=peak,
    )


def _secret(settings: Settings, name: str) -> str:
    file = Path(str(settings.data_dir)) / name
    file.write_text(str(getattr(settings, name)))
    return str(file)
