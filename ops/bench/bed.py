"""Where it is measured: PostgreSQL, the service as it is served, its data, and what loads it.

Everything is made anew in a folder that is deleted afterwards. The service is a process of its own
with all that it does beside (signer, tree, present bases), and so is each application that it is
held against; all use one PostgreSQL. The service stands still while another is measured, so that
it takes nothing from it.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo
from uvicorn.loops.auto import auto_loop_factory

from api.access import SCOPES
from api.demo import free_port
from api.embedded import Embedded
from api.runtime import Places, places, prepare
from api.settings import Settings
from api.trust import local_issuer
from ops.bench.collector import collector
from ops.bench.fill import Filled, fill
from ops.bench.load import Cell, Expected, Told
from ops.bench.plan import Plan
from ops.bench.processes import NotStarted, Program, cpu_seconds, paused, tree, until
from ops.bench.reference import MAKE
from ops.bench.reference_obvious import COLLECTOR, KEY_FILE, LINES, SAMPLED

BARE = "bench_bare"
SERVE = ("-P", "-c", "from api.cli import main; main()", "serve")
OURS = "ledger"
CLIENTS_MAX = 320
SETTLE_S = 300.0
STOP_AGAIN_S = 0.01
IN_THE_WAY = """
SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE state LIKE 'idle in transaction%' AND relation = 'log_head'::regclass
  AND mode <> 'AccessShareLock'
"""
QUIET_S, QUIET_PART = 1.0, 0.08


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one cell came to: a second's worth, latencies in ms, and CPU in µs for each answer."""

    rate: float
    p50: float
    p99: float
    app_us: float
    postgres_us: float
    answers: int
    load_us: float = 0
    latencies: list[float] = []


class Wrong(Exception):
    """An answer was not the one expected: what was measured is no result."""


class Bed:
    """The processes of one run, and how a cell is measured on them."""

    def __init__(self, plan: Plan, folder: Path, stack: ExitStack) -> None:
        self.plan = plan
        self.folder = folder
        self.load_before = " ".join(f"{one:.2f}" for one in os.getloadavg())
        self._stack = stack
        self._ports: dict[str, int] = {}
        self.programs: dict[str, Program] = {}
        self._collector = stack.enter_context(collector())
        self.settings = Settings(
            data_dir=str(folder),
            origin="bench.example/ledger",
            port=free_port("127.0.0.1", 18080, exact=False),
            metrics_port=free_port("127.0.0.1", 19464, exact=False),
            rate_limit_per_second=0,
            resolve_limit_per_second=0,
            trace_sample_ratio=SAMPLED,
            otlp_endpoint=self._collector,
            drain_seconds=0,
        )
        self._server = stack.enter_context(Embedded(_configured(folder / "postgres")))
        self.where: Places = stack.enter_context(places(self.settings))
        prepare(self.where, self.settings)
        self.token = local_issuer(self.settings).token("bench", SCOPES, seconds=86_400)
        self.filled: Filled = self._filled()
        self._make_bare()
        self.load = self._program("load", "-m", "ops.bench.load", talks=True)

    @property
    def postgres(self) -> int:
        """The server's process."""
        assert self._server.pid is not None, "started before"
        return self._server.pid

    @property
    def bare(self) -> str:
        """The database of what the service is held against."""
        return make_conninfo(self.where.database, dbname=BARE)

    @property
    def version(self) -> str:
        """PostgreSQL's own."""
        return self._server.version

    @property
    def options(self) -> str:
        """What of the service and of PostgreSQL is not as it comes."""
        ours = ("rate_limit_per_second", "resolve_limit_per_second", "trace_sample_ratio")
        told = [f"{name} {getattr(self.settings, name):g}" for name in ours]
        return ", ".join([*told, "a collector takes the spans", f"max_connections {CLIENTS_MAX}"])

    def port(self, name: str) -> int:
        """Where the application of this name serves; it is started where it does not yet."""
        if name not in self._ports:
            self._ports[name] = self._start(name)
        return self._ports[name]

    def restart(self) -> None:
        """The service is another process than before."""
        if OURS in self._ports:
            self.programs[OURS].stop()
            del self._ports[OURS]
        self.port(OURS)

    def environ(self) -> dict[str, str]:
        """The settings as a process of the service takes them."""
        given = {
            name: str(value)
            for name, value in msgspec.structs.asdict(self.settings).items()
            if value != getattr(Settings(), name)
        }
        return {f"LEDGER_{name.upper()}": value for name, value in given.items()}

    def whole_environ(self) -> dict[str, str]:
        """What a command of the service is started with."""
        return {**os.environ, **self.environ()}

    def cell(
        self,
        name: str,
        requests: str,
        *,
        in_flight: int,
        seconds: float | None = None,
        rate: float | None = None,
    ) -> Measured:
        """One cell of so many seconds on the application of this name."""
        cell = Cell(
            port=self.port(name),
            requests=requests,
            in_flight=in_flight,
            seconds=seconds or self.plan.seconds,
            seed=self.plan.seed,
            rate=rate,
        )
        with nullcontext() if name == OURS else self.still():
            before = self._used(name)
            told = msgspec.json.decode(self.load.ask(msgspec.json.encode(cell)), type=Told)
            used = [b - a for a, b in zip(before, self._used(name), strict=True)]
        if told.error is not None:
            raise Wrong(f"{name}: {told.error}\n{self.programs[name].said()}")
        app, postgres, load = (one / told.answers * 1e6 for one in used)
        return Measured(
            rate=told.answers / told.seconds,
            p50=told.p50,
            p99=told.p99,
            app_us=app,
            postgres_us=postgres,
            load_us=load,
            answers=told.answers,
            latencies=told.latencies,
        )

    @contextmanager
    def still(self) -> Iterator[None]:
        """The service and all that it started do nothing meanwhile, and hold up no append."""
        if OURS not in self.programs:
            yield
            return
        while True:
            with paused(tree(self.programs[OURS].pid)):
                if not self._holds_locks():
                    yield
                    return
            time.sleep(STOP_AGAIN_S)

    def _holds_locks(self) -> bool:
        """Whether somebody stands still whom appends would have to wait for."""
        with psycopg.connect(self.where.database) as connection:
            found = connection.execute(IN_THE_WAY).fetchone()
        return bool(found and found[0])

    def keep(self, name: str, requests: Sequence[Expected]) -> str:
        """Requests written where the load generator finds them."""
        file = self.folder / f"{name}.requests"
        file.write_bytes(msgspec.msgpack.encode(requests))
        return str(file)

    def program(self, name: str, *args: str, talks: bool = False) -> Program:
        """A process of our own code, under the service's settings, until the run ends."""
        return self._program(name, *args, talks=talks)

    def request(self, path: str, body: object, *, key: bool = False) -> bytes:
        """The bytes of a POST with the caller's token."""
        content = msgspec.json.encode(body)
        lines = [
            f"POST {path} HTTP/1.1",
            "host: ledger.example",
            f"authorization: Bearer {self.token}",
            "content-type: application/json",
            *(["idempotency-key: {key}"] if key else []),
            f"content-length: {len(content)}",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + content

    def _filled(self) -> Filled:
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            return runner.run(fill(self.where, self.settings, self.plan))

    def _used(self, name: str) -> tuple[float, float, float]:
        program = self.programs[name]
        program.check()
        return cpu_seconds(program.pid), cpu_seconds(self.postgres), cpu_seconds(self.load.pid)

    def _start(self, name: str) -> int:
        if name == OURS:
            port, ready = self.settings.port, "/readyz"
            self._program(name, *SERVE)
        else:
            port, ready = free_port("127.0.0.1", 18100, exact=False), "/"
            self._program(name, "-m", "ops.bench.reference", name, str(port), self.bare)
        if not until(self._answers(name, port, ready)):
            raise NotStarted(f"{name} does not serve:\n{self.programs[name].said()}")
        if name == OURS:
            self.settle()
        return port

    def settle(self) -> None:
        """What follows the record has caught up with it: nothing earlier is still being done."""
        if not until(self._quiet(), seconds=SETTLE_S):
            raise NotStarted("what follows the record does not catch up with it")

    def _quiet(self) -> Iterator[bool]:
        """Whether the service, asked nothing, does next to nothing for a second."""
        while True:
            before, begun = self._used(OURS)[0], time.monotonic()
            time.sleep(QUIET_S)
            used = self._used(OURS)[0] - before
            yield used < QUIET_PART * (time.monotonic() - begun)

    def _answers(self, name: str, port: int, path: str) -> Iterator[bool]:
        """Whether it serves: the service once it is ready, the others once they answer."""
        while True:
            self.programs[name].check()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", path)
                code = connection.getresponse().status
                yield code == 200 or path == "/"
            except OSError:
                yield False
            finally:
                connection.close()

    def _program(self, name: str, *args: str, talks: bool = False) -> Program:
        environ = self.environ() | {
            COLLECTOR: self._collector,
            KEY_FILE: str(self.folder / "token-key.json"),
            LINES: str(self.folder / "obvious.lines"),
        }
        made = Program(*args, errors=self.folder / f"{name}.err", environ=environ, talks=talks)
        self._stack.callback(made.stop)
        self.programs[name] = made
        return made

    def _make_bare(self) -> None:
        """A row a person, for those that answer from one row."""
        with psycopg.connect(self.where.database, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {BARE}".encode())
        with psycopg.connect(self.bare) as connection:
            connection.execute(MAKE)
            with connection.cursor().copy(
                "COPY bare (subject, purpose, decision, live, since) FROM STDIN"
            ) as copy:
                for one in self.filled.people:
                    for row in one.bare_rows():
                        copy.write_row(row)
        for database in (self.bare, self.where.database, self.where.keys):
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")


def _configured(root: Path) -> Path:
    """PostgreSQL as the service brings it along, but for how many clients it takes."""
    root.mkdir(mode=0o755)
    # What an operator sets; pgbench comes with a connection a client.
    (root / "ledger.local.conf").write_text(f"max_connections = {CLIENTS_MAX}\n")
    return root


@contextmanager
def bed(plan: Plan, data: Path | None = None) -> Iterator[Bed]:
    """A bed, in a folder under `data` or where temporary files are."""
    for name in [one for one in os.environ if one.startswith("LEDGER_")]:
        if name not in ("LEDGER_PG_BINDIR", "LEDGER_PG_USER", "LEDGER_PYTHON"):
            del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="ledger-bench-", dir=data) as name:
        Path(name).chmod(0o755)
        with ExitStack() as stack:
            yield Bed(plan, Path(name), stack)


def interleaved(
    rounds: int, sides: Mapping[str, Callable[[], Measured]]
) -> dict[str, list[Measured]]:
    """Each side once a round, there and back again: what drifts reaches all of them alike."""
    found: dict[str, list[Measured]] = {name: [] for name in sides}
    for n in range(rounds):
        for name in sides if n % 2 == 0 else reversed(list(sides)):
            found[name].append(sides[name]())
    return found
