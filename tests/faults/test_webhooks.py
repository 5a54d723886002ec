"""A server killed between telling a consumer and keeping that it did: another tells it again."""

import queue
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from standardwebhooks import Webhook

from tests.faults.serving import Ground, ground, serving
from tests.integration.waiting import until
from tests.unit.loopback import answering, body_of

SETTINGS = {"LEDGER_WEBHOOK_LOOPBACK": "true"}
Heard = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def record(client: httpx.Client, count: int) -> list[str]:
    """The ids of so many entries about somebody."""
    facts = [
        {"type": "DateOfBirthRecorded", "effective_at": "2018-05-25", "date_of_birth": "1980-05-05"}
    ]
    answer = client.post(
        f"/v1/subjects/{uuid4()}/entries",
        json={"entries": facts * count},
        headers={"idempotency-key": str(uuid4())},
    )
    assert answer.status_code == 201, answer.text
    return [one["entry"] for one in answer.json()["entries"]]


class Consumer:
    """Takes what it is sent; while it `hangs` it hears and says nothing."""

    def __init__(self) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue()
        self.hangs = threading.Event()
        self.goes = threading.Event()

    def __call__(self, request: Any) -> None:
        self.heard.put((dict(request.headers.items()), body_of(request)))
        if self.hangs.is_set():
            self.goes.wait(timeout=60)
            return
        request.send_response(204)
        request.end_headers()

    def next(self, count: int = 1) -> list[Heard]:
        """The next that it hears."""
        return [self.heard.get(timeout=60) for _ in range(count)]


def ids(heard: list[Heard]) -> list[str]:
    return [fields["webhook-id"] for fields, _ in heard]


def all_kept(where: Ground) -> bool:
    """Whether all that the consumer was told is kept."""
    query = """
        SELECT c.delivered = format('0:%s:%s-0', h.size, left(encode(h.leaf_hash, 'hex'), 8))
        FROM log_head h, feed_consumer c
    """
    with psycopg.connect(where.postgres.conninfo("ledger")) as connection:
        return connection.execute(query).fetchone() == (True,)


def may_be_taken_up(where: Ground) -> None:
    """As it is a minute after whoever had it was heard of last."""
    with psycopg.connect(where.postgres.conninfo("ledger")) as connection:
        connection.execute("UPDATE feed_consumer SET claimed_until = clock_timestamp()")


def test_killed_before_it_kept_what_was_told_the_next_server_tells_it_again(where: Ground) -> None:
    consumer = Consumer()
    with answering(consumer) as url:
        # Left, it is killed.
        with serving(where, **SETTINGS) as server, server.client() as client:
            server.adopt()
            made = client.put("/v1/feed/consumers/crm", json={"url": f"{url}/hooks"})
            assert made.status_code == 200, made.text
            first = record(client, 2)
            told = consumer.next(2)
            assert ids(told) == first
            until(lambda: all_kept(where), "what was told is kept")
            consumer.hangs.set()
            second = record(client, 2)
            lost = consumer.next()
        consumer.hangs.clear()
        consumer.goes.set()
        may_be_taken_up(where)
        with serving(where, **SETTINGS):
            again = consumer.next(2)
            until(lambda: all_kept(where), "what was told again is kept")
    assert ids(lost) == second[:1]
    assert ids(again) == second
    assert lost[0][1] == again[0][1]
    verified = Webhook(made.json()["secret"]["secret"])
    for fields, body in (*told, *lost, *again):
        verified.verify(body, fields)
    assert consumer.heard.empty()
