"""Measures every row with its limit, on one bed, and writes down what it came to.

ops/bench/run [--quick] [--row NAME]... [--out DIR]
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from ops.bench.bed import Bed, Wrong, bed
from ops.bench.plan import FULL, QUICK, Plan
from ops.bench.plot import picture
from ops.bench.processes import ROOT, NotStarted
from ops.bench.results import Section, document, line
from ops.bench.rows_answer import answers, overhead
from ops.bench.rows_appends import append, append_http
from ops.bench.rows_checks import batch, checks, lone
from ops.bench.rows_growth import growth
from ops.bench.rows_import import imports, withdrawal
from ops.bench.rows_memory import memory
from ops.bench.rows_rebuild import rebuild

HERE = Path(__file__).parent
ROWS: dict[str, Callable[[Bed], Section]] = {
    "checks": checks,
    "lone": lone,
    "batch": batch,
    "answer": answers,
    "overhead": overhead,
    # Nobody has been written about so far: after this they are, and more and more.
    "memory": memory,
    "withdrawal": withdrawal,
    "append-http": append_http,
    "import": imports,
    "append": append,
    "rebuild": rebuild,
    "growth": growth,
}
"""In the order in which they are measured."""
PACKAGES = ("litestar", "uvicorn", "uvloop", "httptools", "psycopg", "msgspec", "cryptography")
TABLE, PICTURE = "RESULTS.md", "results.svg"


def main() -> int:
    """0 where all of it was measured, whatever it came to; 1 where an answer was wrong."""
    asked = _arguments()
    # Whatever was started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = _plan(asked)
    whole = not (asked.quick or asked.row or asked.million)
    try:
        text, drawn = _run(plan, asked.row or ROWS, asked.data, whole=whole)
    except (NotStarted, Wrong) as error:
        print(f"ops/bench/run: {error}", file=sys.stderr)
        return 1
    out = asked.out or (HERE if whole else None)
    if out is None:
        print(text)
        return 0
    out.mkdir(parents=True, exist_ok=True)
    (out / TABLE).write_text(text, encoding="utf-8")
    (out / PICTURE).write_text(drawn, encoding="utf-8")
    _say(f"written: {out / TABLE} and {out / PICTURE}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller data")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="only these; repeatable")
    parser.add_argument("--million", action="store_true", help="a million checks for memory")
    parser.add_argument("--seed", help="other people than usual")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where the scratch folder is made")
    parser.add_argument(
        "--out", type=Path, metavar="DIR",
        help=f"where {TABLE} and {PICTURE} go; beside this program after a whole run, and else"
        " the table is printed",
    )  # fmt: skip
    return parser.parse_args()


def _plan(asked: argparse.Namespace) -> Plan:
    plan = QUICK if asked.quick else FULL
    if asked.million:
        plan = msgspec.structs.replace(plan, **MILLION)
    return msgspec.structs.replace(plan, seed=asked.seed) if asked.seed else plan


MILLION = {"writers": 100_000, "memory_checks": (10_000, 1_000_000)}


def _run(plan: Plan, names: Iterable[str], data: Path | None, *, whole: bool) -> tuple[str, str]:
    """The table and the picture."""
    begun = time.monotonic()
    with bed(plan, data) as made:
        _say(f"ready after {time.monotonic() - begun:.0f} s: {made.filled.entries:,} entries")
        sections = [_measured(name, made) for name in ROWS if name in set(names)]
        about = _about(made, time.monotonic() - begun)
    heading = "Results" if whole else f"Results of a {plan.name} run, not of all that is measured"
    rows = [one for section in sections for one in section.rows]
    return document(heading, about, sections), picture(f"{heading}, against the limits", rows)


def _measured(name: str, made: Bed) -> Section:
    begun = time.monotonic()
    section = ROWS[name](made)
    _say(f"{name}: {time.monotonic() - begun:.0f} s")
    for one in section.rows:
        key, _, _, wanted, middle, _, ends, _, verdict = line(one)
        _say(f"  {key}  {wanted}  {middle}  {ends}  {verdict}")
    return section


def _about(made: Bed, seconds: float) -> list[tuple[str, str]]:
    """What ran where."""
    plan = made.plan
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    loads = " ".join(f"{one:.2f}" for one in os.getloadavg())
    filled = made.filled
    return [
        ("When", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, in {seconds:.0f} s"),
        ("Of", _commit()),
        ("Machine", f"{os.cpu_count()} cores, {platform.platform()}"),
        ("Load", f"{made.load_before} at the start, {loads} at the end"),
        ("Versions", f"Python {platform.python_version()}, PostgreSQL {made.version}, {packages}"),
        ("Plan", f"{plan.name}: {plan.rounds} rounds there and back, cells of {plan.seconds:g} s"),
        ("Options", made.options),
        ("Seed", plan.seed),
        ("Asked about", f"{len(filled.people):,} people"),
        ("Written about", f"{len(filled.writers):,} people"),
        ("Entries", f"{filled.entries:,} at the start"),
    ]


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "no checkout"
    return found.stdout.strip()


def _say(text: str) -> None:
    print(f"ops/bench/run: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
