"""The port beside the service: metrics as Prometheus reads them, and the probes, for anybody."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.probes import Probes
from api.runtime import Places, Runtime, running
from api.settings import Settings
from api.telemetry_port import beside, listening
from ledger.errors import Malformed
from tests.http.service import scratch

Story = Callable[[Runtime, httpx.AsyncClient, asyncio.Event], Awaitable[None]]


@pytest.fixture(scope="module")
def where(postgres: str) -> Iterator[Places]:
    with scratch(postgres) as made:
        yield made


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def told(where: Places, story: Story) -> None:
    settings = Settings(pool_size=2, metrics_port=free_port())

    async def bounded() -> None:
        draining = asyncio.Event()
        async with (
            asyncio.timeout(60),
            running(where, settings) as ledger,
            beside(settings, ledger.telemetry, Probes(ledger, draining)),
            httpx.AsyncClient(
                base_url=f"http://{settings.metrics_host}:{settings.metrics_port}", timeout=30
            ) as client,
        ):
            await story(ledger, client, draining)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{settings.metrics_port}/livez")

    asyncio.run(bounded())


def test_what_prometheus_reads_is_what_was_measured(where: Places) -> None:
    async def story(ledger: Runtime, client: httpx.AsyncClient, _: asyncio.Event) -> None:
        ledger.telemetry.metrics.checks.labels("DENY").inc(3)
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        values = {
            (one.name, tuple(one.labels.values())): one.value
            for family in text_string_to_metric_families(answer.text)
            for one in family.samples
        }
        assert values["ledger_checks_total", ("DENY",)] == 3
        # Looked at because somebody asked.
        assert values["ledger_database_up", ()] == 1
        assert values["ledger_projection_lag_entries", ("0",)] == 0
        pools = {labels for kind, labels in values if kind == "ledger_pool_size"}
        assert pools == {("keys",), ("ledger",), ("reads",)}

    told(where, story)


def test_openmetrics_is_spoken_to_who_asks_for_it(where: Places) -> None:
    async def story(_: Runtime, client: httpx.AsyncClient, __: asyncio.Event) -> None:
        kind = "application/openmetrics-text; version=1.0.0"
        answer = await client.get("/metrics", headers={"accept": kind})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert answer.text.endswith("# EOF\n")

    told(where, story)


def test_the_probes_are_there_too(where: Places) -> None:
    async def story(_: Runtime, client: httpx.AsyncClient, draining: asyncio.Event) -> None:
        assert (await client.get("/livez")).json() == {"live": True}
        assert (await client.get("/readyz")).json() == {"ready": True, "failing": []}
        draining.set()
        answer = await client.get("/readyz?verbose")
        assert answer.status_code == 503
        assert answer.json()["checks"]["serving"] == "no longer takes new work"

    told(where, story)


def test_nothing_else_is_there_and_nothing_can_be_changed(where: Places) -> None:
    async def story(_: Runtime, client: httpx.AsyncClient, __: asyncio.Event) -> None:
        for path in ("/", "/v1/checks", "/metrics/", "/openapi.json"):
            assert (await client.get(path)).status_code == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert (await client.request(method, "/metrics")).status_code == 405
        answer = await client.head("/livez")
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers

    told(where, story)


def test_a_port_of_0_is_none(where: Places) -> None:
    async def story() -> None:
        settings = Settings(pool_size=2, metrics_port=0)
        async with running(where, settings) as ledger:
            before = asyncio.all_tasks()
            async with beside(settings, ledger.telemetry, Probes(ledger, asyncio.Event())):
                assert asyncio.all_tasks() == before

    asyncio.run(story())


def test_an_address_that_cannot_be_had_names_its_setting() -> None:
    (held,) = listening("127.0.0.1", 0, setting="port")
    with held:
        taken = held.getsockname()[1]
        with pytest.raises(Malformed, match="^metrics_port: nothing can listen there"):
            listening("127.0.0.1", taken, setting="metrics_port")
    with pytest.raises(Malformed, match="^port: "):
        listening("no.such.host.invalid", 0, setting="port")
