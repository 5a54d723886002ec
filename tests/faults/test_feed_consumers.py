"""Consumers of the feed through restarts of the service under writes: each is told exactly the log.

`ledger serve` runs as a process of its own. One consumer reads nothing for a while and is cut; five
leave and come again all the time; the service is asked to end, and later killed, while writers
write on. What its memory does meanwhile is looked at as well.
"""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.faults.consumers import Consumer, Crowd, frames_of
from tests.faults.serving import Ground, Server, ground, serving
from tests.http.streaming import stalled
from tests.integration.waiting import until

pytestmark = pytest.mark.timeout(900)

HEALTHY, FLAPPING = 20, 5
FLAPS = 150
"""Events after which a flapping consumer leaves, about."""
BUFFER = 1_000
SOCKET_BYTES = int(Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[-1])
PILE = (SOCKET_BYTES + 2**19) // 400 + BUFFER
"""Entries that a consumer which reads nothing leaves unread: more than sockets and buffer hold."""
TOGETHER = 200
SETTINGS = {
    "LEDGER_FEED_BUFFER": str(BUFFER),
    "LEDGER_FEED_CHECKPOINT_SECONDS": "1",
    "LEDGER_DRAIN_SECONDS": "0",
}
GROWTH_MAX = 64 * 1024 * 1024
WRITERS = 2


class Writer:
    """Writes about one new person after another until told to stop, and again what failed."""

    def __init__(self, client: httpx.Client, *, seed: int, many: int) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self._many = many
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.entries = 0
        self.statuses: set[int] = set()

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._write()

    def _write(self) -> None:
        person = UUID(bytes=self._chance.randbytes(16), version=4)
        key = self._chance.randbytes(8).hex()
        mark = {"type": "StatusStarted", "effective_at": "2026-05-01", "kind": "MARK"}
        body = {"entries": [mark] * self._chance.randint(1, self._many)}
        while not self._stop.is_set():
            try:
                response = self._client.post(
                    f"/v1/subjects/{person}/entries", json=body, headers={"idempotency-key": key}
                )
            except httpx.TransportError:
                self._stop.wait(0.05)
                continue
            self.statuses.add(response.status_code)
            if response.status_code == 201:
                self.entries += len(body["entries"])
                return


@contextmanager
def writing(server: Server, *, seed: int, many: int) -> Iterator[list[Writer]]:
    """Writers at work for as long as the block lasts."""
    writers = [Writer(server.client(seconds=15), seed=seed + n, many=many) for n in range(WRITERS)]
    with writers[0], writers[1]:
        yield writers


def metric(server: Server, name: str) -> float:
    """What the process says of itself; 0 for what it has not counted yet."""
    text = httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=30).text
    found = [line.split()[1] for line in text.splitlines() if line.split(" ")[0] == name]
    return float(found[0]) if found else 0.0


def memory(server: Server) -> float:
    return metric(server, "process_resident_memory_bytes")


def log(where: Ground) -> list[tuple[int, str]]:
    """Every entry, by n and id."""
    with psycopg.connect(where.variables()["LEDGER_DATABASE_URL"]) as connection:
        rows: list[Any] = connection.execute("SELECT n, event_id FROM entry ORDER BY n").fetchall()
    return [(n, str(event_id)) for n, event_id in rows]


def size(where: Ground) -> int:
    with psycopg.connect(where.variables()["LEDGER_DATABASE_URL"]) as connection:
        row = connection.execute("SELECT size FROM log_head WHERE log = 0").fetchone()
    assert row is not None
    return int(row[0])


def caught_up(crowd: Crowd, n: int) -> bool:
    return all(one.place() >= n for one in crowd.consumers)


def cut(where: Ground, server: Server, crowd: Crowd, *, seed: int) -> Consumer:
    """A consumer that reads nothing while a pile is written, and what it then finds."""
    url = httpx.URL(server.url)
    assert url.port is not None
    with stalled(url.host, url.port, where.token()) as connection:
        until(lambda: metric(server, "ledger_feed_consumers") > HEALTHY, "it is one of them")
        before = size(where)
        with writing(server, seed=seed, many=TOGETHER):
            wait_for(lambda: size(where) >= before + PILE, "a pile is written")
        wait_for(lambda: caught_up(crowd, before + PILE), "the others are told of it")
        response = b""
        while not response.endswith(b"\r\n0\r\n\r\n"):
            part = connection.recv(1 << 20)
            assert part, "it was cut without a word"
            response += part
    one = Consumer(server.url, where.token())
    for frame in frames_of(response):
        one.hear(frame)
    return one


def restarted(where: Ground, server: Server, healthy: list[Consumer], *, seed: int) -> list[float]:
    """The service is asked to end, and then killed, under writes: its memory after each start."""
    memories = []
    with writing(server, seed=seed, many=5) as writers:
        for restart in (signal.SIGTERM, signal.SIGKILL):
            more(where, 200)
            before = [one.connections for one in healthy]
            server.signal(restart)
            server.ended()
            server.start()
            wait_for(lambda b=before: all_came_again(healthy, b), "all have come again")
            memories.append(memory(server))
        more(where, 200)
    assert {status for each in writers for status in each.statuses} <= {201, 503}
    return memories


def more(where: Ground, many: int) -> None:
    """So many more entries are written."""
    written = size(where)
    wait_for(lambda: size(where) >= written + many, "more is written")


def all_came_again(consumers: list[Consumer], before: list[int]) -> bool:
    return all(one.connections > n for one, n in zip(consumers, before, strict=True))


def wait_for(condition: Any, what: str) -> None:
    """As `until`, for what takes several times as long."""
    for _ in range(9):
        with suppress(AssertionError):
            until(condition, what)
            return
    until(condition, what)


def test_each_consumer_is_told_exactly_the_log_in_order_whatever_happens_to_the_service() -> None:
    print("seed", seed := random.randrange(2**32))
    with ground() as where, serving(where, **SETTINGS) as server:
        server.adopt()
        token = where.token()
        healthy = [Consumer(server.url, token) for _ in range(HEALTHY)]
        flapping = [Consumer(server.url, token, flaps=FLAPS, seed=n) for n in range(FLAPPING)]
        with Crowd([*healthy, *flapping]) as crowd:
            wait_for(lambda: caught_up(crowd, 1), "all are told of the catalogue")
            grown = [memory(server)]
            slow = cut(where, server, crowd, seed=seed)
            grown.append(memory(server))
            assert_cut(slow, size(where))
            crowd.add(slow)
            grown += restarted(where, server, healthy, seed=seed + WRITERS)
            end = size(where)
            wait_for(lambda: caught_up(crowd, end), "everybody is told of everything")
            grown.append(memory(server))
        entries = log(where)
    print(f"{len(entries)} entries, memory {[int(one) >> 20 for one in grown]} MB")
    for one in (slow, healthy[0], *flapping):
        print(one.connections, "connections;", dict(one.endings))
    assert crowd.errors == []
    assert_whole(crowd.consumers, entries)
    assert_at_ease(healthy, flapping)
    assert grown[1] - grown[0] <= GROWTH_MAX
    assert grown[4] - grown[3] <= GROWTH_MAX


def assert_whole(consumers: list[Consumer], entries: list[tuple[int, str]]) -> None:
    """Each was told every entry once, in order."""
    for one in consumers:
        assert one.told == entries, (len(one.told), dict(one.endings))


def assert_at_ease(healthy: list[Consumer], flapping: list[Consumer]) -> None:
    """Nobody who read was cut, and all were told when the service ended of its own accord."""
    for one in healthy:
        assert one.endings["goodbye: draining"] == 1
        assert one.checkpoints > 0
    for one in (*healthy, *flapping):
        assert "overflow: overflow" not in one.endings
    assert all(one.connections > 20 for one in flapping)


def assert_cut(slow: Consumer, end: int) -> None:
    """It was told the beginning in order, then that it was cut, and where to go on."""
    print("cut after", slow.place(), "of", end)
    assert dict(slow.endings) == {"overflow: overflow": 1}
    assert [n for n, _ in slow.told] == list(range(1, len(slow.told) + 1))
    assert slow.place() == len(slow.told)
    assert 0 < slow.place() < end - BUFFER
