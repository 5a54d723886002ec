"""The service says that it is not ready while its database is gone or frozen, and lives on."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest

from tests.faults.serving import Ground, Server, ground, serving
from tests.integration.waiting import until

OF_THE_DATABASE = {"database", "keys", "projection", "read_audit"}


@pytest.fixture
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def checks(server: Server) -> dict[str, str]:
    """What fails, and what each check says of it."""
    answer = httpx.get(f"{server.url}/readyz?verbose", timeout=30)
    found: dict[str, str] = {k: v for k, v in answer.json()["checks"].items() if v != "ok"}
    assert answer.status_code == (503 if found else 200)
    assert answer.json()["failing"] == list(found)
    return found


def up(server: Server) -> float:
    """What the metrics say of the database."""
    text = httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=30).text
    (value,) = [
        line.split()[1] for line in text.splitlines() if line.startswith("ledger_database_up ")
    ]
    return float(value)


def lives(server: Server) -> bool:
    return httpx.get(f"{server.url}/livez", timeout=30).status_code == 200


@contextmanager
def frozen(where: Ground) -> Iterator[None]:
    """Every connection of the service to its databases has somebody at its other end, asleep."""
    with psycopg.connect(where.postgres.conninfo(), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    pids: list[int] = [pid for (pid,) in rows]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_without_a_database_it_is_not_ready_and_with_one_it_is_again(where: Ground) -> None:
    with serving(where) as server:
        until(lambda: checks(server) == {}, "it is ready")
        assert up(server) == 1
        where.postgres.stop()
        until(lambda: checks(server).keys() >= OF_THE_DATABASE, "it is not ready")
        assert (lives(server), up(server)) == (True, 0)
        where.postgres.start()
        until(lambda: checks(server) == {}, "it is ready again")
        assert up(server) == 1


def test_a_database_that_does_not_answer_is_said_so_and_waited_for_no_longer(
    where: Ground,
) -> None:
    with serving(where) as server:
        until(lambda: checks(server) == {}, "it is ready")
        with frozen(where):
            said = checks(server)
            assert said["database"] == "no answer within 1 s"
            assert lives(server)
        until(lambda: checks(server) == {}, "it is ready again")
