"""No answer that a client received is missing from the read audit, however the service was killed.

`ledger serve` runs as a process, on an embedded PostgreSQL. Askers send checks over HTTP and keep
the id and the digest of each answer that reached them whole. At the end the read audit is held
against what they hold, and every chain is verified.
"""

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg
import pytest

from projections.read_verification import Broken, Chain
from tests.faults.serving import Ground, Server, ground, serving
from tests.integration.auditing import verified_at
from tests.integration.waiting import until

# Some two dozen restarts take a minute on an idle machine, and longer on a busy one.
pytestmark = pytest.mark.timeout(900)

KILLS = {"server": 20, "postgres": 4}
ASKERS = 6
PROGRESS = (20, 120)
"""How many answers are received between one recovery and the next kill."""
PURPOSES = ("PHOTO", "SAFEGUARD", "NEVER_DECLARED")


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it reached the client."""

    read: UUID
    digest: bytes
    subject: UUID
    purpose: str
    decision: str


class Asker:
    """One client, asking one thing after another until told to stop."""

    def __init__(self, client: httpx.Client, *, seed: int, stop: threading.Event) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self._stop = stop
        self.received: list[Received] = []
        self.statuses: Counter[int] = Counter()
        self.lost = 0

    def run(self) -> None:
        """Ask, alone and in batches; every answer that came whole is kept."""
        while not self._stop.is_set():
            try:
                self._ask()
            except httpx.TransportError:
                # It may have been answered, and no client has the answer.
                self.lost += 1
                self._stop.wait(self._chance.uniform(0.0, 0.05))

    def _ask(self) -> None:
        asked = {
            "subject": str(UUID(bytes=self._chance.randbytes(16), version=4)),
            "purpose": self._chance.choice(PURPOSES),
            "explain": "full",
        }
        response = self._client.post("/v1/checks", json=asked)
        self.statuses[response.status_code] += 1
        if response.status_code == 200:
            self.received.append(
                Received(
                    read=UUID(response.headers["ledger-read-id"]),
                    digest=hashlib.sha256(response.content).digest(),
                    subject=UUID(asked["subject"]),
                    purpose=asked["purpose"],
                    decision=response.json()["decision"],
                )
            )


class Run:
    """A service and those who ask it, from `begin` to `finish`."""

    def __init__(self, where: Ground, server: Server, *, seed: int) -> None:
        self.where = where
        self.server = server
        self.kills: Counter[str] = Counter()
        self._stop = threading.Event()
        self._clients = [server.client(seconds=15) for _ in range(ASKERS)]
        self.askers = [
            Asker(client, seed=seed + n, stop=self._stop) for n, client in enumerate(self._clients)
        ]
        self._threads = [threading.Thread(target=one.run) for one in self.askers]

    def begin(self) -> None:
        for one in self._threads:
            one.start()

    def finish(self) -> None:
        """Nobody asks any more."""
        self._stop.set()
        for one in self._threads:
            one.join()
        for client in self._clients:
            client.close()

    def kill(self, what: str, *, delay: float) -> None:
        """The victim is gone at some instant of the load, and is back."""
        time.sleep(delay)
        if what == "server":
            self.server.kill()
            self.server.start()
        else:
            self.where.kill_postgres()
        self.kills[what] += 1

    def progress(self, many: int) -> None:
        """So many more answers are received."""
        wanted = len(self.received()) + many
        until(lambda: len(self.received()) >= wanted, f"{many} more answers are received")

    def received(self) -> list[Received]:
        return [one for asker in self.askers for one in list(asker.received)]

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the main database, read by its owner."""
        with psycopg.connect(self.database()) as connection:
            return connection.execute(query).fetchall()

    def database(self) -> str:
        return self.where.variables()["LEDGER_DATABASE_URL"]


@contextmanager
def asking(seed: int) -> Iterator[Run]:
    """A service that is being asked; nobody asks any more at the end."""
    with ground() as where, serving(where) as server:
        server.adopt()
        run = Run(where, server, seed=seed)
        run.begin()
        try:
            yield run
        finally:
            run.finish()


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """All kills are done, and nobody asks any more."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    victims = [name for name, many in KILLS.items() for _ in range(many)]
    chance.shuffle(victims)
    with asking(seed) as made:
        for victim in victims:
            made.progress(chance.randint(*PROGRESS))
            made.kill(victim, delay=chance.uniform(0.0, 0.05))
        made.progress(PROGRESS[0])
        made.finish()
        statuses = sum((one.statuses for one in made.askers), Counter[int]())
        lost = sum(one.lost for one in made.askers)
        print(
            f"seed {seed}, kills {dict(made.kills)}, {len(made.received())} answers received,"
            f" {lost} requests without a response, statuses {dict(statuses)}"
        )
        yield made


def test_the_service_and_its_database_were_killed_while_answering(run: Run) -> None:
    assert dict(run.kills) == KILLS
    assert sum(one.lost for one in run.askers) > 0
    assert len(run.received()) >= sum(KILLS.values()) * PROGRESS[0]


def test_every_answer_that_was_received_has_its_row_and_its_digest(run: Run) -> None:
    rows = run.sql("SELECT id, answer_digest, subject, purpose, decision FROM read_audit")
    stored = {row[0]: row[1:] for row in rows}
    missing = [one for one in run.received() if one.read not in stored]
    assert missing == []
    other = [
        one
        for one in run.received()
        if stored[one.read] != (one.digest, one.subject, one.purpose, one.decision)
    ]
    assert other == []


def test_no_answer_was_received_under_the_id_of_another(run: Run) -> None:
    ids = [one.read for one in run.received()]
    assert len(set(ids)) == len(ids)


def test_every_chain_is_whole_and_each_start_of_the_service_has_its_own(run: Run) -> None:
    found = verified_at(run.database(), range(1))
    assert [one for one in found if isinstance(one, Broken)] == []
    chains = [one for one in found if isinstance(one, Chain)]
    ((rows,),) = run.sql("SELECT count(*) FROM read_audit")
    assert sum(one.rows for one in chains) == rows
    ((processes,),) = run.sql("SELECT count(DISTINCT process) FROM read_audit_chain")
    assert processes == KILLS["server"] + 1


def test_a_client_was_never_told_that_something_is_wrong_inside(run: Run) -> None:
    statuses = {status for one in run.askers for status in one.statuses}
    assert statuses <= {200, 503}


def test_the_service_still_answers_and_shows_what_was_asked(run: Run) -> None:
    person = uuid4()
    with run.server.client() as client:
        answer = client.post("/v1/checks", json={"subject": str(person), "purpose": "PHOTO"})
        assert answer.status_code == 200, answer.text
        shown = client.get("/v1/reads", params={"subject": str(person)}).json()["reads"]
    assert [one["id"] for one in shown] == [answer.headers["ledger-read-id"]]
