"""The service asked to end: it drains, finishes what is in hand, and at a second signal stops.

`ledger serve` runs as a process. An append is held up by a lock that the test has on the log.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from tests.faults.serving import Ground, Server, ground, serving
from tests.http.collector import collecting
from tests.integration.waiting import until

LONG = "600"
"""A drain that outlasts every bound of a test."""


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def birth() -> dict[str, Any]:
    return {"entries": [{"type": "BirthRecorded", "effective_at": "2020-01-01"}]}


def recorded(client: httpx.Client, person: UUID, key: str) -> httpx.Response:
    headers = {"idempotency-key": key}
    return client.post(f"/v1/subjects/{person}/entries", json=birth(), headers=headers)


def readiness(url: str) -> tuple[int, list[str]]:
    answer = httpx.get(f"{url}/readyz", timeout=30)
    return answer.status_code, answer.json()["failing"]


def listens(url: str) -> bool:
    # Whoever comes just as it stops is let go of without an answer.
    with contextlib.suppress(httpx.ConnectError, httpx.RemoteProtocolError):
        httpx.get(f"{url}/livez", timeout=30)
        return True
    return False


@contextlib.contextmanager
def held_up(where: Ground) -> Iterator[threading.Event]:
    """No append ends until the event is set; at the end it is."""
    free = threading.Event()
    locked: Future[None] = Future()

    def hold() -> None:
        with psycopg.connect(where.variables()["LEDGER_DATABASE_URL"]) as connection:
            connection.execute("SELECT 1 FROM log_head FOR UPDATE")
            locked.set_result(None)
            free.wait(120)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        locked.result(timeout=60)
        yield free
    finally:
        free.set()
        thread.join()


def waits_for_the_lock(where: Ground) -> bool:
    with psycopg.connect(where.variables()["LEDGER_DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).fetchone()
    return found is not None and found[0] > 0


def entries_of(where: Ground, key: str) -> int:
    with psycopg.connect(where.variables()["LEDGER_DATABASE_URL"]) as connection:
        found = connection.execute(
            "SELECT count(*) FROM entry WHERE idempotency_key = %s", [key]
        ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_after_the_first_signal_it_is_not_ready_and_serves_whoever_comes_until_the_second(
    where: Ground, sent: signal.Signals
) -> None:
    with serving(where, LEDGER_DRAIN_SECONDS=LONG) as server:
        beside = f"http://127.0.0.1:{server.metrics_port}"
        until(lambda: readiness(server.url) == (200, []), "it is ready")
        server.signal(sent)
        until(lambda: readiness(server.url) == (503, ["serving"]), "it is not ready")

        assert readiness(beside) == (503, ["serving"])
        assert httpx.get(f"{server.url}/livez").json() == {"live": True}
        with server.client() as client:
            answer = recorded(client, uuid4(), f"late {sent}")
        assert answer.status_code == 201, answer.text

        server.signal(sent)
        assert server.ended() == 0
        assert not listens(server.url)
        assert entries_of(where, f"late {sent}") == 1


def test_what_is_in_hand_when_it_stops_accepting_is_finished(where: Ground) -> None:
    with serving(where, LEDGER_DRAIN_SECONDS="0") as server, ThreadPoolExecutor() as pool:
        with held_up(where) as free, server.client() as client:
            sent = pool.submit(recorded, client, uuid4(), "in hand")
            until(lambda: waits_for_the_lock(where), "the append is in flight")
            server.signal(signal.SIGTERM)
            until(lambda: not listens(server.url), "nobody is let in any more")
            assert not sent.done()
            free.set()
            assert sent.result(timeout=60).status_code == 201
        assert server.ended() == 0
        assert entries_of(where, "in hand") == 1


def test_a_second_signal_leaves_what_is_in_hand_and_its_key_says_what_became_of_it(
    where: Ground,
) -> None:
    person = uuid4()
    with serving(where, LEDGER_DRAIN_SECONDS="0") as server, ThreadPoolExecutor() as pool:
        with held_up(where), server.client() as client:
            sent = pool.submit(recorded, client, person, "left")
            until(lambda: waits_for_the_lock(where), "the append is in flight")
            server.signal(signal.SIGTERM)
            until(lambda: not listens(server.url), "nobody is let in any more")
            server.signal(signal.SIGTERM)
            # The lock is still held: what is in flight did not end of itself.
            assert server.ended() == 0
            told = sent.result(timeout=60)
            assert (told.status_code, told.json()["type"]) == (503, "/problems/outcome-unknown")
        server.start()
        with server.client() as client:
            assert recorded(client, person, "left").status_code == 201
        assert entries_of(where, "left") == 1


def test_spans_and_metrics_are_sent_before_it_ends(where: Ground) -> None:
    with collecting() as collector:
        more = {"LEDGER_OTLP_ENDPOINT": collector.url, "LEDGER_TRACE_SAMPLE_RATIO": "1"}
        with serving(where, LEDGER_DRAIN_SECONDS="0", **more) as server:
            with server.client() as client:
                person = uuid4()
                assert recorded(client, person, "traced").status_code == 201
                assert client.get(f"/v1/subjects/{person}/entries").status_code == 200
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
        names = {span.name for span in collector.spans()}
        assert names >= {
            "POST /v1/subjects/{subject}/entries",
            "ledger append",
            "ledger read",
        }
        assert collector.metric("ledger_flush_requests").histogram.data_points[0].count > 0


def test_a_port_that_is_taken_is_one_line_that_names_the_setting(where: Ground) -> None:
    with serving(where) as server:
        for name in ("PORT", "METRICS_PORT"):
            taken = server.url.rpartition(":")[2]
            other = Server(where, **{f"LEDGER_{name}": taken})
            with contextlib.closing(other), pytest.raises(AssertionError) as raised:
                other.start()
            said = str(raised.value)
            assert f"error: {name.lower()}: nothing can listen there" in said
            assert "Traceback" not in said
