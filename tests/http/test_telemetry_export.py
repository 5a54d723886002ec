"""Spans and metrics on the wire: what a collector is sent, and that nobody waits for one."""

import asyncio
import logging
import socket
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from api import VERSION, telemetry_otlp, telemetry_spans
from api import telemetry as api_telemetry
from api.follow import following
from api.runtime import running
from api.settings import Settings
from api.telemetry import Telemetry, telling
from ledger.errors import Malformed
from tests.http.collector import Collector, collecting, values
from tests.http.service import scratch
from tests.integration.waiting import until
from tests.unit.telemetry import Asked, ask, samples


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


async def fine() -> int:
    return 200


def settings(url: str, **more) -> Settings:
    return Settings(otlp_endpoint=url, trace_sample_ratio=1.0, **more)


def test_what_ended_is_sent_before_the_process_ends_with_the_headers_that_were_set(collector):
    telemetry = Telemetry.of(settings(f"{collector.url}/", otlp_headers="X-Key=a=b, x-other = c "))
    asyncio.run(ask(telemetry, fine, Asked()))
    telemetry.stop()

    (span,) = collector.spans()
    assert span.name == "GET /v1/subjects/{subject}/entries"
    assert values(span.attributes)["http.response.status_code"] == 200
    assert {(one["x-key"], one["x-other"]) for one in collector.headers} == {("a=b", "c")}
    assert collector.resources[0]["service.name"] == "ledger"
    assert "9434765919" not in collector.text()


def test_the_metrics_are_the_ones_that_prometheus_reads(collector):
    telemetry = Telemetry.of(settings(collector.url))
    begun = time.time_ns()
    for _ in range(3):
        asyncio.run(ask(telemetry, fine, Asked()))
    telemetry.metrics.checks.labels("DENY").inc(7)
    telemetry.metrics.lag_seconds.labels("0").set(2.5)
    telemetry.metrics.flush_requests.labels("append").observe(3)
    telemetry.stop()

    (requests,) = collector.metric("http_server_request_duration_seconds").histogram.data_points
    assert (requests.count, sum(requests.bucket_counts)) == (3, 3)
    assert values(requests.attributes)["http_route"] == "/v1/subjects/{subject}/entries"
    assert (requests.HasField("min"), requests.HasField("max")) == (False, False)
    assert begun - 10**10 < requests.start_time_unix_nano <= requests.time_unix_nano

    (sizes,) = collector.metric("ledger_flush_requests").histogram.data_points
    assert list(sizes.explicit_bounds) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert list(sizes.bucket_counts) == [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert sizes.sum == 3

    checks = collector.metric("ledger_checks").sum
    assert checks.is_monotonic
    assert [(values(p.attributes), p.as_double) for p in checks.data_points] == [
        ({"decision": "DENY"}, 7.0)
    ]
    (lag,) = collector.metric("ledger_projection_lag_seconds").gauge.data_points
    assert (values(lag.attributes), lag.as_double) == ({"log": "0"}, 2.5)


def test_the_metrics_are_sent_again_and_again_each_time_after_a_look(collector, monkeypatch):
    monkeypatch.setattr(api_telemetry, "TELL_SECONDS", 0.01)
    telemetry = Telemetry.of(settings(collector.url))
    looks: list[int] = []

    async def look() -> None:
        looks.append(len(collector.metrics))
        telemetry.metrics.lag_entries.labels("0").set(len(looks))

    async def story() -> None:
        async with telling(telemetry, look):
            await asyncio.to_thread(until, lambda: len(collector.metrics) >= 3, "sent three times")

    asyncio.run(story())
    telemetry.stop()
    assert looks[:3] == [0, 1, 2]
    (lag,) = collector.metric("ledger_projection_lag_entries").gauge.data_points
    assert lag.as_double == len(looks)


def test_without_a_collector_nothing_is_sent_and_nothing_is_waited_for():
    telemetry = Telemetry.of(Settings())

    async def story() -> None:
        async with telling(telemetry, fine):
            await ask(telemetry, fine, Asked())

    asyncio.run(story())
    telemetry.stop()
    assert (telemetry.spans, telemetry.sender) == (None, None)


def test_a_collector_that_never_answers_holds_nobody_up_for_long(monkeypatch):
    monkeypatch.setattr(api_telemetry, "STOP_SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        telemetry = Telemetry.of(settings(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        asyncio.run(ask(telemetry, fine, Asked()))
        telemetry.stop()


def test_a_collector_that_is_away_is_a_diagnostic_without_what_was_to_be_sent(caplog, monkeypatch):
    for module in (telemetry_spans, telemetry_otlp):
        monkeypatch.setattr(module, "SEND_SECONDS", 0.2)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    telemetry = Telemetry.of(settings(url))
    with caplog.at_level(logging.WARNING):
        asyncio.run(ask(telemetry, fine, Asked()))
        telemetry.stop()
    assert {one.name.rpartition(".")[0] for one in caplog.records} >= {
        "opentelemetry.exporter.otlp.proto.http"
    }
    assert "9434765919" not in caplog.text
    assert "/v1/subjects" not in caplog.text


def test_headers_that_are_none_are_refused():
    with pytest.raises(Malformed, match="name=value"):
        Telemetry.of(settings("http://127.0.0.1:4318", otlp_headers="secret"))


def test_the_release_that_is_told_is_the_projects(collector):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    telemetry = Telemetry.of(settings(collector.url))
    asyncio.run(ask(telemetry, fine, Asked()))
    telemetry.stop()

    assert collector.resources[0]["service.version"] == project["version"] == VERSION


def test_a_follower_that_stops_is_counted_and_told_without_what_stopped_it(postgres, caplog):
    with scratch(postgres) as where:
        with psycopg.connect(where.database) as connection:
            connection.execute("ALTER TABLE follower RENAME TO nowhere")

        async def story() -> None:
            async with (
                asyncio.timeout(60),
                running(where, Settings(pool_size=2)) as ledger,
                following(ledger),
            ):
                while not samples(ledger.telemetry, "ledger_follower_failures_total"):
                    await asyncio.sleep(0.01)
                counted = samples(ledger.telemetry, "ledger_follower_failures_total")
                assert counted[("current_basis",)] == 1

        asyncio.run(story())
    assert "a follower stopped, and will try again: UndefinedTable" in caplog.messages
