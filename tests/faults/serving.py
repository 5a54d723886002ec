"""`ledger serve` as a process of its own, on an embedded PostgreSQL that the test owns.

Several can share one `Ground`: its databases, its key files, and so its tokens. A test kills what
it started, the service or PostgreSQL, by its process id. Not here: what is sent meanwhile.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psycopg
from psycopg import sql

from api.embedded import Embedded
from tests.issuing import OutsideIssuer

REPOSITORY = Path(__file__).parents[2]
CATALOGUE = (REPOSITORY / "tests" / "scenarios" / "catalogue.json").read_bytes()
SERVE = [sys.executable, "-c", "from api.cli import main; main()", "serve"]
NAMES = ("ledger", "ledger_keys")


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What servers of one ledger share."""

    postgres: Embedded
    folder: Path
    issuer: OutsideIssuer

    def token(self) -> str:
        """A token for everything, of the issuer whose keys every server of the ground reads."""
        return self.issuer.token("faults")

    def variables(self) -> dict[str, str]:
        """The settings of a server, but its port."""
        database, keys = (self.postgres.conninfo(name) for name in NAMES)
        return {
            "LEDGER_DATABASE_URL": database,
            "LEDGER_KEYS_URL": keys,
            "LEDGER_DATA_DIR": str(self.folder),
            **self.issuer.settings(self.folder / "jwks.json"),
        }

    def kill_postgres(self) -> None:
        """PostgreSQL is gone without a chance to clean up, and is back after its recovery.

        Its supervisor would wait longer after each crash: a new one does not know of the others.
        """
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.postgres.stop()
        self.postgres.start()
        assert self.postgres.pid != pid


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """A server with two empty databases, and a folder for key files; all gone at the end."""
    # Not where TMPDIR says: the account that PostgreSQL runs as must reach it.
    root = Path(tempfile.mkdtemp(prefix="ledger-", dir="/tmp"))
    root.chmod(0o755)
    try:
        with Embedded(root / "postgres", report=lambda _: None) as server:
            with psycopg.connect(server.conninfo(), autocommit=True) as connection:
                for name in NAMES:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            (root / "own").mkdir()
            issuer = OutsideIssuer()
            issuer.publish(root / "own" / "jwks.json")
            yield Ground(postgres=server, folder=root / "own", issuer=issuer)
    finally:
        shutil.rmtree(root, ignore_errors=True)


class Server:
    """One service on one port, which it keeps from start to start."""

    def __init__(self, where: Ground, **variables: str) -> None:
        self._where = where
        self._variables = variables
        self._port = _free_port()
        self.metrics_port = _free_port()
        self._process: subprocess.Popen[str] | None = None
        self._diagnostics = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """It serves."""
        settings = self._where.variables() | {
            "LEDGER_PORT": str(self._port),
            "LEDGER_METRICS_PORT": str(self.metrics_port),
        }
        self._process = subprocess.Popen(
            SERVE,
            cwd=REPOSITORY,
            env=os.environ | settings | self._variables,
            stdout=subprocess.PIPE,
            stderr=self._diagnostics,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said.startswith("Serving on"), self.told()

    def kill(self) -> None:
        """It is gone without a chance to clean up."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def signal(self, sent: signal.Signals) -> None:
        """It is asked to end."""
        assert self._process is not None
        self._process.send_signal(sent)

    def ended(self) -> int:
        """It has ended by itself: its exit code."""
        assert self._process is not None
        self._process.communicate(timeout=60)
        code: int = self._process.returncode
        return code

    def told(self) -> str:
        """The last of what it had to say of itself, over all its lives."""
        return self.all_told()[-4000:]

    def all_told(self) -> str:
        """Everything that it had to say of itself, over all its lives."""
        # Read in place: the process writes where the file's own position is.
        number = self._diagnostics.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode()

    def close(self) -> None:
        """It is gone for good."""
        self.kill()
        self._diagnostics.close()

    def client(self, *, seconds: float = 30.0) -> httpx.Client:
        """A client of this server, whoever runs on its port."""
        headers = {"authorization": f"Bearer {self._where.token()}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=seconds)

    def adopt(self) -> None:
        """The scenarios' catalogue is in force since 2018."""
        with self.client() as client:
            answer = client.put(
                "/v1/catalogue?effective_at=2018-05-25T00:00:00Z",
                content=CATALOGUE,
                headers={"content-type": "application/json", "idempotency-key": "first"},
            )
        assert answer.status_code == 201, answer.text


@contextlib.contextmanager
def serving(where: Ground, **variables: str) -> Iterator[Server]:
    """A server that serves; it is gone at the end."""
    server = Server(where, **variables)
    try:
        server.start()
        yield server
    finally:
        server.close()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
