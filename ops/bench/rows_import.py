"""Imports: how fast against COPY, and whether a withdrawal waits for one."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from uuid import UUID

import msgspec
import psycopg

from ops.bench.bed import OURS, Bed, Measured, Wrong, interleaved
from ops.bench.figures import Limit, ratios
from ops.bench.load import Expected
from ops.bench.people import RECENT, Entry, people, withdrawn
from ops.bench.processes import ROOT, children_s, cpu_seconds
from ops.bench.results import Section, Table, figure, row
from ops.bench.rows_checks import COLUMNS, described

IMPORT = ("-P", "-c", "from api.cli import main; main()", "import", "--json", "--source")
RATE_MAX, RATE_PART = 100.0, 0.25
"""Withdrawals a second, and no more than this part of what the service can take."""
CONNECTIONS = 16
LONG = 3
"""So many times as long as others are the cells with the import."""
COPY_S = 0.5
TABLE = """
CREATE TABLE IF NOT EXISTS bare_line (
    subject uuid NOT NULL, type text NOT NULL, effective_at timestamptz NOT NULL,
    line jsonb NOT NULL
)
"""


def imports(bed: Bed) -> Section:
    """`ledger import` of a file, and COPY of the same rows."""
    bed.port(OURS)
    many = bed.plan.import_lines
    made = itertools.count(1)

    def ours() -> Measured:
        name = f"import-{next(made)}"
        file = bed.folder / f"{name}.ndjson"
        some = lines(many, seed=f"{bed.plan.seed} {name}")
        file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in some))
        return _imported(bed, name, str(file), many)

    rows = _rows(lines(many, seed=f"{bed.plan.seed} copied"))
    found = interleaved(
        bed.plan.rounds, {"import": ours, "copy": partial(_copied, bed, rows, many)}
    )
    rates = [[one.rate for one in found[name]] for name in ("import", "copy")]
    limit = Limit(relation="at least", value=0.01, aim=0.02)
    table = Table(
        columns=("Side", "Rows/s", "Application CPU µs", "PostgreSQL CPU µs"),
        lines=tuple(
            (name, *(figure(median(getattr(one, field) for one in cells)) for field in _SHOWN))
            for name, cells in found.items()
        ),
    )
    work = f"import of {many:,} NDJSON lines"
    return Section(
        title="Import",
        rows=(
            row("import", work, "COPY of the same rows into a bare table", limit, ratios(*rates)),
        ),
        tables=(table,),
        notes=(
            "The whole command is measured, its start included, with the service beside it. Every"
            " line is recorded. COPY stands for as many runs as take half a second.",
        ),
    )


_SHOWN = ("rate", "app_us", "postgres_us")


def withdrawal(bed: Bed) -> Section:
    """The p99 of withdrawals, with and without an import that runs beside them."""
    requests = bed.keep("withdrawals", [_withdrawal(bed, one) for one in bed.filled.writers])
    seconds = bed.plan.seconds
    capacity = bed.cell(OURS, requests, in_flight=CONNECTIONS, seconds=seconds).rate
    rate = min(RATE_MAX, RATE_PART * capacity)
    cell = partial(bed.cell, OURS, requests, in_flight=CONNECTIONS, rate=rate)
    bed.settle()
    with _feeding(bed) as feed:

        def beside() -> Measured:
            with feed.flowing():
                return cell(seconds=LONG * seconds)

        found = interleaved(
            bed.plan.rounds, {"without": partial(cell, seconds=seconds), "with": beside}
        )
    p99 = [[one.p99 for one in found[name]] for name in ("with", "without")]
    names = {"with": "withdrawals during the import", "without": "without"}
    many = f"{bed.plan.beside_lines:,}"
    return Section(
        title="Withdrawals during an import",
        rows=(
            row(
                "withdrawal",
                f"withdrawal during a {many}-line import, p99",
                "without the import",
                Limit(relation="at most", value=3),
                ratios(*p99),
            ),
        ),
        tables=(
            Table(
                columns=COLUMNS,
                lines=tuple(
                    described(f"{names[name]}, {rate:.0f} a second", CONNECTIONS, cells)
                    for name, cells in found.items()
                ),
            ),
        ),
        notes=(
            f"Open loop over HTTP. The import is one run over {many} lines, held back while it is"
            f" measured without: {feed.sent:,} lines went in while it was measured with it.",
        ),
    )


def lines(many: int, *, seed: str) -> list[Entry]:
    """So many historic facts, in the order in which they happened."""
    found: list[Entry] = []
    # Somebody's first entry stays their first: all of those are of one day.
    for one in people(many, seed=seed):
        found += [{"subject": str(one.subject), **entry} for entry in one.entries]
        if len(found) >= many:
            break
    return sorted(found[:many], key=lambda one: str(one["effective_at"]))


class _Feed:
    """Hands lines to an import, or holds them back."""

    def __init__(self, process: subprocess.Popen[bytes], texts: Iterator[bytes]) -> None:
        self.sent = 0
        self._process = process
        self._texts = texts
        self._flows = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Lines flow meanwhile, from a moment before to the end, and then what is in hand ends."""
        self._flows.set()
        time.sleep(_HEAD_START_S)
        try:
            yield
        finally:
            self._flows.clear()
            time.sleep(_HEAD_START_S)

    def end(self) -> None:
        """No more lines come."""
        self._ended.set()
        self._flows.set()
        self._thread.join()

    def _feed(self) -> None:
        assert self._process.stdin is not None, "a pipe"
        with self._process.stdin as pipe:
            for text in self._texts:
                self._flows.wait()
                if self._ended.is_set():
                    return
                pipe.write(text)
                self.sent += 1


_HEAD_START_S = 0.5


@contextmanager
def _feeding(bed: Bed) -> Iterator[_Feed]:
    """An import that waits for its lines; every line that it took is recorded at the end."""
    texts = [
        msgspec.json.encode(one) + b"\n"
        for one in lines(bed.plan.beside_lines, seed=f"{bed.plan.seed} beside")
    ]
    with (bed.folder / "import.err").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, *IMPORT, "beside", "-"],
            cwd=ROOT,
            env=bed.whole_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        feed = _Feed(process, iter(texts))
        try:
            yield feed
        finally:
            feed.end()
            told = process.stdout.read() if process.stdout else b""
            process.wait()
    _check_import(told, feed.sent)


def _imported(bed: Bed, name: str, file: str, many: int) -> Measured:
    before, children, begun = cpu_seconds(bed.postgres), children_s(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *IMPORT, name, file],
        cwd=ROOT,
        env=bed.whole_environ(),
        capture_output=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    used, app = cpu_seconds(bed.postgres) - before, children_s() - children
    _check_import(done.stdout + done.stderr[-500:] * bool(done.returncode), many)
    return Measured(
        rate=many / seconds,
        p50=0,
        p99=0,
        app_us=app / many * 1e6,
        postgres_us=used / many * 1e6,
        answers=many,
    )


def _check_import(told: bytes, many: int) -> None:
    """Raise unless every line was recorded."""
    last = told.strip().rpartition(b"\n")[2]
    try:
        recorded = msgspec.json.decode(last, type=dict[str, int | None])["recorded"]
    except (msgspec.MsgspecError, KeyError):
        raise Wrong(f"the import did not end well: {told[-500:]!r}") from None
    if recorded != many:
        raise Wrong(f"the import recorded {recorded} of {many} lines: {told[:500]!r}")


def _rows(some: list[Entry]) -> bytes:
    """The lines as COPY takes them."""
    fields = (
        (one["subject"], one["type"], one["effective_at"], msgspec.json.encode(one).decode())
        for one in some
    )
    return "".join(
        "\t".join(map(str, each)).replace("\\", "\\\\") + "\n" for each in fields
    ).encode()


def _copied(bed: Bed, rows: bytes, many: int) -> Measured:
    with bed.still(), psycopg.connect(bed.bare, autocommit=True) as connection:
        connection.execute(TABLE)
        before, begun, runs = cpu_seconds(bed.postgres), time.perf_counter(), 0
        while time.perf_counter() - begun < COPY_S:
            with connection.cursor().copy("COPY bare_line FROM STDIN") as copy:
                copy.write(rows)
            runs += 1
        seconds = time.perf_counter() - begun
        used = cpu_seconds(bed.postgres) - before
        connection.execute("TRUNCATE bare_line")
    done = runs * many
    return Measured(
        rate=done / seconds, p50=0, p99=0, app_us=0, postgres_us=used / done * 1e6, answers=done
    )


def _withdrawal(bed: Bed, subject: UUID) -> Expected:
    entry = withdrawn(subject, RECENT)
    return Expected(
        request=bed.request(f"/v1/subjects/{subject}/entries", {"entries": [entry]}, key=True),
        code=201,
        holds={'"type":"ConsentWithdrawn"': 1},
    )
