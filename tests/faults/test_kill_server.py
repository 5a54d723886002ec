"""Nothing acknowledged is lost, doubled or reordered when the service or its PostgreSQL is killed.

`ledger serve` runs as a process, on an embedded PostgreSQL. Writers send over HTTP and keep their
own ledger of what they were told. Between kills the load makes progress; at the end the log is held
against what the writers know.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.faults.serving import Ground, Server, ground, serving
from tests.faults.writers import Sent, Writer
from tests.integration.waiting import until

# Thirty restarts take a minute and a half on an idle machine, and longer on a busy one.
pytestmark = pytest.mark.timeout(900)

KILLS = {"server": 20, "postgres": 10}
WRITERS = 4
PROGRESS = (5, 40)
"""How many requests are acknowledged between one recovery and the next kill."""


class Run:
    """A service and the writers that load it, from `begin` to `finish`."""

    def __init__(self, where: Ground, server: Server, *, seed: int) -> None:
        self.where = where
        self.server = server
        self.kills: Counter[str] = Counter()
        self.unknown = 0
        self._stop = threading.Event()
        self._clients = [server.client(seconds=15) for _ in range(WRITERS)]
        self.writers = [
            Writer(client, seed=seed + n, stop=self._stop) for n, client in enumerate(self._clients)
        ]
        self._threads = [threading.Thread(target=one.run) for one in self.writers]

    def begin(self) -> None:
        for one in self._threads:
            one.start()

    def finish(self) -> None:
        """Nobody writes any more, and of no request is it unknown what became of it."""
        self.halt()
        self.unknown = sum(one.settle() for one in self.writers)

    def halt(self) -> None:
        """Nobody writes any more."""
        self._stop.set()
        for one in self._threads:
            one.join()

    def close(self) -> None:
        self.halt()
        for one in self._clients:
            one.close()

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
        """So many more requests are acknowledged."""
        wanted = self.acknowledged() + many
        until(lambda: self.acknowledged() >= wanted, f"{many} more requests are acknowledged")

    def acknowledged(self) -> int:
        return sum(one.acknowledged() for one in self.writers)

    def sent(self) -> list[Sent]:
        return [one for writer in self.writers for one in writer.sent]


@contextmanager
def load(seed: int) -> Iterator[Run]:
    """A service under load; nobody writes any more at the end."""
    with ground() as where, serving(where) as server:
        server.adopt()
        run = Run(where, server, seed=seed)
        run.begin()
        try:
            yield run
        finally:
            run.close()


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """All kills are done, and every request is known to be recorded or refused."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    victims = [name for name, many in KILLS.items() for _ in range(many)]
    chance.shuffle(victims)
    with load(seed) as made:
        for victim in victims:
            made.progress(chance.randint(*PROGRESS))
            made.kill(victim, delay=chance.uniform(0.0, 0.05))
        made.progress(PROGRESS[0])
        made.finish()
        print(f"seed {seed}", told(made))
        yield made


def told(run: Run) -> str:
    """What happened, in numbers."""
    again = [one for one in run.sent() if one.attempts > 1]
    return (
        f"kills {dict(run.kills)}, requests {dict(Counter(one.fate for one in run.sent()))}, "
        f"entries {len(entries(run))}; {len(again)} sent again, {run.unknown} of them at the end, "
        f"{sum(one.replayed for one in again)} of them recorded before; "
        f"statuses {dict(Counter(one for each in run.writers for one in each.statuses))}"
    )


Row = tuple[int, str, UUID, int, str, UUID, str]


def entries(run: Run) -> list[Row]:
    """The log as its owner reads it: n, key, stream, version, name, id, position."""
    database = run.where.variables()["LEDGER_DATABASE_URL"]
    with psycopg.connect(database) as connection:
        rows: list[Any] = connection.execute(
            "SELECT n, idempotency_key, stream, version, name, event_id,"
            " '0:' || n || ':' || left(encode(leaf_hash, 'hex'), 8) FROM entry ORDER BY n"
        ).fetchall()
    return rows


def by_key(run: Run) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in entries(run):
        found[row[1]].append(row)
    return found


def test_the_service_and_its_database_were_killed_under_load(run: Run) -> None:
    assert dict(run.kills) == KILLS
    assert run.acknowledged() >= sum(KILLS.values()) * PROGRESS[0]
    assert any(one.replayed for one in run.sent())
    assert any(one.attempts > 1 and not one.replayed for one in run.sent())


def test_every_acknowledged_entry_is_there_once_as_acknowledged(run: Run) -> None:
    stored = by_key(run)
    for one in run.sent():
        if one.fate == "acknowledged":
            told = [
                (each["type"], UUID(each["entry"]), each["position"])
                for each in one.answer["entries"]
            ]
            assert [(row[4], row[5], row[6]) for row in stored[one.key]] == told
            assert [row[4] for row in stored[one.key]] == [each["type"] for each in one.entries]
            assert {row[2] for row in stored[one.key]} == {one.person}


def test_every_request_of_unknown_outcome_was_resolved_by_its_key(run: Run) -> None:
    assert Counter(one.fate for one in run.sent())["unknown"] == 0


def test_nothing_is_there_that_was_not_acknowledged(run: Run) -> None:
    acknowledged = {one.key for one in run.sent() if one.fate == "acknowledged"}
    refused = {one.key for one in run.sent() if one.fate == "refused"}

    assert by_key(run).keys() == acknowledged | {"first"}
    assert refused


def test_the_log_has_no_gap_and_each_stream_has_its_versions(run: Run) -> None:
    rows = entries(run)
    versions: dict[UUID, list[int]] = defaultdict(list)
    for row in rows:
        versions[row[2]].append(row[3])

    assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())


def test_what_a_writer_sent_in_order_is_recorded_in_order(run: Run) -> None:
    stored = by_key(run)
    for writer in run.writers:
        people: dict[UUID, list[int]] = defaultdict(list)
        for one in writer.sent:
            people[one.person] += [row[0] for row in stored.get(one.key, [])]
        assert all(places == sorted(places) for places in people.values())


def test_every_person_is_read_back_as_written(run: Run) -> None:
    written: dict[UUID, list[str]] = defaultdict(list)
    for one in run.sent():
        if one.fate == "acknowledged":
            written[one.person] += one.kinds()
    with run.server.client() as client:
        for person, kinds in written.items():
            assert [one["kind"] for one in timeline(client, person) if "kind" in one] == kinds


def timeline(client: httpx.Client, person: UUID) -> list[dict[str, Any]]:
    """The facts about the person, as the service reads them back."""
    facts: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        query = {"limit": 200} | ({"after": after} if after else {})
        answer = client.get(f"/v1/subjects/{person}/entries", params=query)
        assert answer.status_code == 200, answer.text
        facts += [one["fact"] for one in answer.json()["entries"]]
        after = answer.json()["next"]
    return facts


def test_no_check_permitted_after_an_acknowledged_withdrawal(run: Run) -> None:
    assert [one for writer in run.writers for one in writer.broken_promises] == []
    assert sum(writer.checked for writer in run.writers) > 0


def test_a_client_was_never_told_that_something_is_wrong_inside(run: Run) -> None:
    statuses = {status for writer in run.writers for status in writer.statuses}

    assert statuses <= {200, 201, 422, 503}
