"""What those who run the service are told of consumers: who is behind, and who is given up."""

import asyncio
import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest

from api.runtime import running
from api.telemetry_metrics import Metrics
from api.webhooks import OverdueWatch, Told
from ledger.kek import FileKek
from projections.consumer_secrets import Named
from projections.deliveries import Undelivered
from tests.http.service import SETTINGS, Service, recorded, scratch, served
from tests.integration.wired import withdrawal

GIVEN = "2026-03-02T10:00:00Z"
DELIVERIES = "ledger_webhook_deliveries_total"


@pytest.fixture
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running_:
        yield running_


def figures(service: Service) -> tuple[float | None, ...]:
    """Consumers with something overdue, and disabled ones, as another process has them."""

    async def looked() -> tuple[float | None, ...]:
        async with running(service.where, SETTINGS) as ledger:
            await OverdueWatch(ledger).look()
            registry = ledger.telemetry.metrics.registry
        names = ("ledger_feed_overdue_withdrawals", "ledger_webhooks_disabled")
        return tuple(registry.get_sample_value(name) for name in names)

    return asyncio.run(looked())


def register(service: Service, name: str, after: str) -> None:
    body = {"url": "https://hooks.council.example", "after": after}
    assert service.caller.http.put(f"/v1/feed/consumers/{name}", json=body).status_code == 200


def test_consumers_that_have_not_acted_and_disabled_ones_are_counted(service: Service) -> None:
    assert figures(service) == (0, 0)
    person = uuid4()
    for name in ("crm", "hr"):
        register(service, name, "earliest")
    recorded(service.caller.record(person, withdrawal(person, GIVEN), withdrawal(person, GIVEN)))
    register(service, "later", "head")
    assert figures(service) == (0, 0)
    service.sql("UPDATE entry SET recorded_at = recorded_at - interval '25 hours' RETURNING n")
    assert figures(service) == (2, 0)
    service.sql(
        "UPDATE feed_consumer SET disabled_at = now(), disabled_for = 'gone'"
        " WHERE name = 'hr' RETURNING name"
    )
    assert figures(service) == (2, 1)


def test_secrets_follow_the_key_that_wraps_them(service: Service) -> None:
    register(service, "crm", "head")
    kek = FileKek(service.where.folder / "kek")
    old = kek.kek_id
    new = kek.rotate()
    figures(service)
    assert service.sql("SELECT kek_id FROM feed_secret") == [(new,)]
    kek.destroy_epoch(old)
    keys = service.caller.http.get("/v1/feed/consumers/crm").json()["keys"]
    assert len(keys) == 1


def test_deliveries_are_counted_and_a_consumer_given_up_is_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics()
    told = Told(metrics)
    told.delivered()
    told.undelivered(Undelivered("answers 500"))
    told.undelivered(Undelivered("answers 410", gone=True))
    counted = {
        outcome: metrics.registry.get_sample_value(DELIVERIES, {"outcome": outcome})
        for outcome in ("delivered", "failed", "gone")
    }
    assert counted == dict.fromkeys(counted, 1)
    with caplog.at_level(logging.ERROR, "ledger"):
        told.disabled(Named("council", "crm"), "failing")
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith("consumer crm of client council is told nothing any more (failing)")
