"""The service on a ledger that has grown, held against the same on a small one.

    .venv/bin/python -m ops.bench.growth_run --entries 10000000 --data FOLDER

Makes both ledgers on one PostgreSQL of its own in a folder under FOLDER, measures, prints, and
deletes everything. Ten million entries take some 30 GB meanwhile. Not part of `ops/bench/run`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from api.runtime import Places, places, prepare
from api.settings import Settings
from ops.bench.growth import Grown, beside, make
from ops.bench.growth_rows import Side, checks, memory, page

SMALL = 10_000
ROUNDS, EACH, HOT = 7, 1500, 400
FEW, MANY, PEOPLE = 10_000, 1_000_000, 100_000


def main() -> None:
    """What was measured, on standard output."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--entries", type=int, default=1_000_000)
    asked.add_argument("--data", type=Path, default=None)
    asked.add_argument("--seed", default="bench")
    asked.add_argument("--checks", type=int, default=MANY, help="checks before memory is looked at")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="ledger-growth-", dir=given.data) as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data_dir=folder, origin="bench.example/ledger")
        with places(settings) as where, beside(where, settings, "small") as other:
            prepare(where, settings)
            small = Side(where=other, settings=settings, grown=_made(other, settings, SMALL, given))
            grown = _made(where, settings, given.entries, given)
            _measure(small, Side(where=where, settings=settings, grown=grown), given.checks)


def _made(where: Places, settings: Settings, entries: int, given: argparse.Namespace) -> Grown:
    grown = make(where, settings, entries=entries, seed=given.seed, progress=_progress)
    stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in grown.seconds.items())
    megabytes = sum(grown.bytes.values()) // 10**6
    print(f"\n{entries} entries of {grown.people} people: {stages}; {megabytes} MB")
    return grown


def _progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} entries", end="", file=sys.stderr, flush=True)


def _measure(small: Side, large: Side, many: int) -> None:
    for name, hot in (("anybody", None), ("the same few", HOT)):
        found = checks(small, large, rounds=ROUNDS, each=EACH, hot=hot)
        for field in ("p50", "app_us", "postgres_us"):
            ratios = sorted(found.ratios(field))
            print(
                f"lone check of {name}, {field}: {found.ratio(field):.2f} times,"
                f" {ratios[0]:.2f} to {ratios[-1]:.2f}"
            )
    for decision in (None, "PERMIT"):
        read = page(large, decision=decision)
        print(
            f"first page, {decision or 'any decision'}: {read.index_pages:.2f} pages of indexes and"
            f" {read.table_pages:.2f} of tables a row, {read.sequential} sequential scans,"
            f" {read.milliseconds:.0f} ms\n{read.plan}"
        )
    held = memory(large, few=FEW, many=many, people=PEOPLE)
    print(
        f"memory after {many} checks over {held.people} people: {held.many / held.few:.2f} times"
        f" that after {FEW}: {held.many:.0f} MiB, {held.few:.0f} MiB"
    )


if __name__ == "__main__":
    main()
