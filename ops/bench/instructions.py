"""Holds the instructions of an answer, a check and an append against a stored baseline, ±3 %.

    ops/bench/instructions            # 0 held, 1 not
    ops/bench/instructions --record   # what is counted now is the baseline

Callgrind counts what the processor is told to do, so that neither load nor clock moves a figure:
two runs differ by some thousandths. Three things are counted: `answer` about people of 20 entries,
one `POST /v1/checks` and one `POST /v1/subjects/{subject}/entries` of a consent, the last two
through the whole application in process (token, metrics, admission, sealing, read audit, receipt),
over a PostgreSQL of its own, of which the driver's work counts and the server's does not.

What starts and warms up is not counted: callgrind is told when to begin, through valgrind's own
monitor.

A count is that of one build of Python and of its libraries, and the baseline is kept for each
(`instructions_baseline`). It is no ratio to some yardstick counted in the same run, which would
need no such key: between two builds of 3.11, with and without profile-guided optimisation, such a
ratio moved by 4 to 9 %, three times of what is to be noticed, because what is in C beside the
interpreter does not move with it. Where there is no baseline for what runs, nothing is held, and
that is a failure where the group `valgrind` is required: record one there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from api.runtime import Places, places, prepare, running
from api.settings import Settings
from ops.bench.fill import adopt, record_all
from ops.bench.instructions_baseline import (
    FILE,
    LIBRARIES_AT,
    Counts,
    build,
    compared,
    counted,
    keep,
    known,
)
from ops.bench.instructions_work import WORKS, Told
from ops.bench.people import Person, person
from tests.groups import GROUPS, path_of, required_groups

ROOT = Path(__file__).parents[2]
SEED = "instructions"
SIZE = 20
"""Entries of each person who is asked about."""
MANY = 20
"""So many of each work are counted, after as many to warm up; every append is about another."""
MONITOR_S = 60


class Worker:
    """The process under callgrind."""

    def __init__(self, folder: Path, told: Told, python: str, errors: IO[str]) -> None:
        self._counts = folder / "counts"
        self._vgdb = f"--vgdb-prefix={folder / 'vgdb'}"
        path = os.pathsep.join((str(ROOT), str(LIBRARIES_AT)))
        self._dumps = 0
        self.process = subprocess.Popen(
            [
                "valgrind", "--tool=callgrind", "--instr-atstart=no", self._vgdb,
                f"--callgrind-out-file={self._counts}",
                python, "-m", "ops.bench.instructions_work",
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        self.ask(msgspec.json.encode(told).decode())

    def ask(self, line: str) -> None:
        """Returns when it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            raise RuntimeError(f"the counted process ended at: {line[:60]}")

    def monitor(self, *words: str) -> None:
        """Tell callgrind; the process is running, so that nothing has to be traced into it."""
        subprocess.run(
            ["vgdb", self._vgdb, f"--pid={self.process.pid}", "--max-invoke-ms=0", *words],
            check=True, capture_output=True, timeout=MONITOR_S,
        )  # fmt: skip

    def count(self, work: str, many: int) -> int:
        """Instructions of so many."""
        self.monitor("zero")
        self.ask(f"{work} {many}")
        self.monitor("dump")
        self._dumps += 1
        return counted(Path(f"{self._counts}.{self._dumps}").read_text())


def counts(python: str) -> Counts:
    """Instructions of one of each work."""
    with tempfile.TemporaryDirectory(prefix="ledger-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another account.
        settings = Settings(
            data_dir=name,
            origin="bench.example/ledger",
            rate_limit_per_second=0,
            resolve_limit_per_second=0,
            pool_size=2,
        )
        with places(settings) as where:
            prepare(where, settings)
            asked, written = _filled(where, settings)
            told = Told.of(settings, where, asked=asked, written=written)
            with _worker(folder, told, python) as worker:
                return _counts(worker)


def _counts(worker: Worker) -> Counts:
    for work in WORKS:
        worker.ask(f"{work} {MANY}")
    worker.ask("freeze 0")
    worker.monitor("instrumentation", "on")
    waiting = worker.count(WORKS[0], 0)
    return {work: (worker.count(work, MANY) - waiting) // MANY for work in WORKS}


def _filled(where: Places, settings: Settings) -> tuple[list[Person], list[Person]]:
    """People to ask about and people to write about, recorded."""
    chance = random.Random(SEED)
    asked = [person(chance, size=SIZE) for _ in range(MANY)]
    written = [person(chance, size=SIZE) for _ in range(2 * MANY)]

    async def fill() -> None:
        async with running(where, settings) as ledger:
            await adopt(ledger)
            await record_all(ledger, ((one.subject, one.entries) for one in (*asked, *written)))

    asyncio.run(fill())
    return asked, written


@contextmanager
def _worker(folder: Path, told: Told, python: str) -> Iterator[Worker]:
    with (folder / "errors").open("w+") as errors:
        try:
            worker = Worker(folder, told, python, errors)
            try:
                yield worker
            finally:
                worker.process.kill()
                worker.process.communicate()
        except (RuntimeError, BrokenPipeError, subprocess.SubprocessError):
            errors.seek(0)
            print(errors.read(), file=sys.stderr)
            raise


def main() -> int:
    """0 where every count is within the tolerance, or valgrind is absent and not required."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help=f"write them to {FILE.name}")
    parser.add_argument(
        "--python",
        default=sys.executable,
        help="another build of this minor version, which then uses the libraries of this one",
    )
    asked = parser.parse_args()
    required = "valgrind" in required_groups()
    if path_of("valgrind") is None:
        print(f"group valgrind: not counted; needs {GROUPS['valgrind'].advice}")
        return int(required)
    of = build(asked.python)
    found = counts(asked.python)
    if asked.record:
        keep(of, found)
        return _say(f"recorded for {of}:", *(f"{name}: {n:,}" for name, n in found.items()))
    baseline = known(of)
    if baseline is None:
        how = "record one: ops/bench/instructions --record"
        _say(f"no baseline for {of}; {how}", *(f"{name}: {n:,}" for name, n in found.items()))
        return int(required)
    lines, held = compared(found, baseline)
    _say(f"instructions, {of}:", *lines)
    return int(not held)


def _say(*lines: str) -> int:
    print("\n  ".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
