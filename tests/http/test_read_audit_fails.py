"""Where a row cannot be written there is no answer, unless the controller allows it."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import httpx
import msgspec
import psycopg
import pytest

from api.app import create_app
from api.runtime import Runtime
from api.tokens import Tokens
from projections.read_audit import Read
from projections.read_chains import ReadChains
from tests.http.service import Service, recorded, scratch, served, subject
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
LATER = "2026-06-01T00:00:00Z"


# Where rows cannot be written.


@pytest.fixture
def alone(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


def forbid(service: Service) -> None:
    """No row can be written any more."""
    with psycopg.connect(service.where.database, autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON read_audit FROM ledger_app")


def every_kind(service: Service, person: UUID) -> list[httpx.Response]:
    caller, stamps = service.caller, service.sql("SELECT max(recorded_at) FROM entry")
    now = stamps[0][0].isoformat()
    moments = dict.fromkeys(("effective_at", "known_at"), now)
    then = {f"then_{name}": now for name in moments}
    check = {"id": "1", "subject": str(person), "purpose": "PHOTO"}
    return [
        caller.check(person),
        caller.check(person, store=True),
        caller.post("/v1/checks/batch", {"checks": [check]}),
        caller.http.get(f"/v1/subjects/{person}/bases"),
        caller.http.get(f"/v1/subjects/{person}/bases/diff", params=moments | then),
        caller.http.get(f"/v1/subjects/{person}/entries"),
        caller.http.get("/v1/purposes/PHOTO/subjects"),
        caller.http.get("/v1/exposures", params={"from": GIVEN, "until": now}),
        caller.http.get("/v1/reads"),
    ]


def failures(service: Service, outcome: str) -> float:
    counter = service.ledger.telemetry.metrics.read_audit_failures
    return float(counter.labels(outcome)._value.get())


def test_without_its_row_no_answer_is_given(alone: Service) -> None:
    person = subject()
    recorded(alone.caller.record(person, born(), consent(person, GIVEN)))
    forbid(alone)
    for response in every_kind(alone, person):
        assert response.status_code == 503, (response.url, response.text)
        assert response.json()["type"] == "/problems/unavailable"
        assert "decision" not in response.text
        assert "ledger-read-id" not in response.headers
    assert failures(alone, "refused") >= 9
    assert failures(alone, "answered") == 0
    assert recorded(alone.caller.record(person, withdrawal(person, LATER)))


def test_where_the_controller_allows_it_answers_go_out_with_an_alarm(
    alone: Service, caplog: pytest.LogCaptureFixture
) -> None:
    person = subject()
    recorded(alone.caller.record(person, born(), consent(person, GIVEN)))
    policy = entry("PolicySet", "2018-05-25", setting="read_audit", value="best_effort")
    recorded(alone.caller.record_common(policy))
    forbid(alone)
    with caplog.at_level(logging.ERROR, logger="ledger"):
        for response in every_kind(alone, person):
            assert response.status_code == 200, response.text
            assert "ledger-read-id" not in response.headers
    told = [one for one in caplog.records if "read audit" in one.getMessage()]
    assert len(told) == 9
    assert str(person) not in caplog.text
    assert failures(alone, "answered") >= 9
    assert failures(alone, "refused") == 0
    policy = entry("PolicySet", "2018-05-25", setting="read_audit", value="required")
    recorded(alone.caller.record_common(policy))
    assert alone.caller.check(person).status_code == 503


class Gone:
    """Reads of a process whose database is gone between the read and its row."""

    def __init__(self, reads: ReadChains) -> None:
        self._reads = reads
        self.wanted = 0

    async def write(self, rows: Sequence[Read]) -> None:
        self.wanted += len(rows)
        await self._reads._pool.close()
        await self._reads.write(rows)


@pytest.mark.parametrize(("policy", "status"), [("required", 503), ("best_effort", 200)])
def test_a_database_that_is_gone_between_the_read_and_its_row(
    postgres: str, policy: str, status: int
) -> None:
    made: list[Gone] = []

    def make_app(ledger: Runtime, tokens: Tokens) -> Any:
        made.append(Gone(ledger.reads))
        return create_app(msgspec.structs.replace(ledger, reads=made[0]), tokens)

    with scratch(postgres) as where, served(where, make_app=make_app) as service:
        setting = entry("PolicySet", "2018-05-25", setting="read_audit", value=policy)
        recorded(service.caller.record_common(setting))
        response = service.caller.check(subject())
        assert response.status_code == status, response.text
        assert ("decision" in response.text) == (status == 200)
        assert made[0].wanted == 1
        assert service.sql("SELECT * FROM read_audit") == []
