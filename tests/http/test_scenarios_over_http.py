"""The 107 questions of the scenarios, asked of the running service over HTTP.

One scratch ledger a scenario, loaded through a door that only tests have: the entries are taken as
they are, at the recorded times of the file. A production ledger has neither: its clock is a
function that only the owner could replace, and every entry passes admission.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import psycopg
import pytest
import uvicorn
from psycopg import sql
from psycopg.conninfo import make_conninfo

import migrations
from api.access import SCOPES
from api.app import create_app
from api.issuer import Issuer
from api.runtime import Places, Runtime, running
from api.settings import Settings
from ledger import record
from ledger.answer import Answer
from ledger.catalogue import CatalogueDocument, read_catalogue
from ledger.events import CatalogueAdopted, Fact
from ledger.founding import found_ledger
from ledger.record import Command, Receipted
from ledger.scenario import BEGINNING, Given, Scenario, differences, read_given, read_scenario
from ledger.wire import fact_to_builtins, read_fact

SCENARIOS = Path(__file__).parent.parent / "scenarios"
NAMES = sorted(path.stem for path in SCENARIOS.glob("S*.json"))
REFERENCES = ("entry", "replacement", "consent", "objection", "authority", "status", "restriction",
              "policy_document")  # fmt: skip
PEOPLE = ("given_by", "holder", "from", "to", "into")
TEST_CLOCK = """
CREATE TABLE test_clock (log smallint PRIMARY KEY, now timestamptz);
INSERT INTO test_clock VALUES (0, NULL);
GRANT SELECT, UPDATE ON test_clock TO ledger_app;
CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT coalesce((SELECT now FROM test_clock), clock_timestamp())';
"""


@pytest.fixture(scope="module")
def template(postgres: str) -> Iterator[str]:
    """A migrated and founded ledger with the test clock, to copy for each scenario."""
    name = f"ledger_template_{os.getpid()}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        conninfo = make_conninfo(postgres, dbname=name)
        migrations.migrate(conninfo, "ledger")
        migrations.migrate(conninfo, "keys")
        found_ledger(conninfo, origin="scenario.test/ledger", logs=1, entropy=os.urandom)
        with psycopg.connect(conninfo, autocommit=True) as owner:
            owner.execute(TEST_CLOCK)
        yield name
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def scratch(postgres: str, template: str) -> Iterator[str]:
    name = f"scenario_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        yield make_conninfo(postgres, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.asynccontextmanager
async def served(ledger: Runtime, issuer: Issuer) -> AsyncIterator[str]:
    """The service on a free port of loopback."""
    config = uvicorn.Config(
        create_app(ledger, issuer), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Door:
    """Loads a scenario: its people become random subjects, its ids the ids of entries."""

    def __init__(self, ledger: Runtime, scenario: Scenario) -> None:
        self._ledger = ledger
        names = {one["subject"] for one in scenario.given} | {ask.subject for ask in scenario.asks}
        self.people: dict[str, UUID] = {str(name): uuid4() for name in names if name is not None}
        self._entries: dict[str, str] = {}

    async def adopt(self, document: CatalogueDocument, conninfo: str) -> None:
        self._set_clock(conninfo, BEGINNING)
        await self._record(None, CatalogueAdopted(effective_at=BEGINNING, catalogue=document))

    async def load(self, scenario: Scenario, conninfo: str) -> None:
        given = [read_given(one) for one in scenario.given]
        for one in sorted(given, key=lambda each: each.recorded_at):
            self._set_clock(conninfo, one.recorded_at)
            await self._load(one)
        self._set_clock(conninfo, None)

    async def _load(self, one: Given) -> None:
        values = fact_to_builtins(one.fact)
        known = {**self._entries, **{name: str(one) for name, one in self.people.items()}}
        for field in (*REFERENCES, *PEOPLE):
            named = values.get(field)
            if isinstance(named, str):
                values[field] = known.get(named, named)
        subject = self.people[one.subject] if one.subject else None
        self._entries[one.id] = await self._record(subject, read_fact(values))

    async def _record(self, subject: UUID | None, fact: Fact) -> str:
        command = Command(subject=subject, facts=(fact,), client="door", key=uuid4().hex)
        result = await self._ledger.recorder.record(command)
        assert isinstance(result, Receipted)
        return str(result.entries[0].event_id)

    def _set_clock(self, conninfo: str, moment: datetime | None) -> None:
        with psycopg.connect(conninfo, autocommit=True) as owner:
            owner.execute("UPDATE test_clock SET now = %s", [moment])


async def asked(scratch: str, folder: Path, scenario: Scenario) -> list[tuple[int, list[str]]]:
    """What differs, for each question, between the file and the service."""
    where = Places(database=scratch, keys=scratch, folder=folder, embedded=False)
    issuer = Issuer.at(folder / "token-key.json")
    token = issuer.token("scenario", SCOPES, seconds=600)
    async with running(where, Settings(pool_size=2)) as ledger:
        door = Door(ledger, scenario)
        await door.adopt(read_catalogue((SCENARIOS / "catalogue.json").read_bytes()), scratch)
        await door.load(scenario, scratch)
        async with (
            served(ledger, issuer) as url,
            httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}) as http,
        ):
            return [(n, await _differs(http, door, scenario, n)) for n in range(len(scenario.asks))]


async def _differs(http: httpx.AsyncClient, door: Door, scenario: Scenario, n: int) -> list[str]:
    ask = scenario.asks[n]
    body = {
        "subject": str(door.people[ask.subject]),
        "purpose": ask.purpose,
        "operation": ask.operation,
        "data": ask.data,
        "exception": ask.exception,
        "effective_at": ask.effective_at,
        "known_at": ask.known_at,
    }
    response = await http.post("/v1/checks", json=body)
    assert response.status_code == 200, response.text
    answer = msgspec.json.decode(response.content, type=Answer)
    again = await http.post("/v1/checks", json=body)
    assert again.content == response.content
    return list(differences(ask.expect, answer))


@pytest.mark.parametrize("name", NAMES)
def test_the_service_answers_as_the_scenario_expects(
    name: str, scratch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "admit", lambda fact, **_: fact)
    scenario = read_scenario((SCENARIOS / f"{name}.json").read_bytes())
    found = asyncio.run(asked(scratch, tmp_path, scenario))
    assert [(n, differs) for n, differs in found if differs] == []
    assert len(found) == len(scenario.asks)


def test_no_scenario_is_left_out() -> None:
    asks = [
        ask
        for name in NAMES
        for ask in read_scenario((SCENARIOS / f"{name}.json").read_bytes()).asks
    ]
    assert (len(NAMES), len(asks)) == (52, 107)
