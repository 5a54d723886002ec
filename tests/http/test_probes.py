"""Probes: each check fails by its own name and for its own reason; one look serves everybody."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from litestar import Litestar

from api.app import create_app
from api.jwks import Jwks, in_file
from api.probes import OK, Probes
from api.runtime import Places, Runtime, running
from api.settings import Settings
from api.tokens import Expected
from api.trust import ExternalIssuer
from tests.http.routes import NEEDED
from tests.http.service import SETTINGS, Service, scratch, served
from tests.issuing import AUDIENCE, NAME, OutsideIssuer
from tests.unit.telemetry import samples

CHECKS = {"database", "keys", "migrations", "projection", "read_audit", "log", "serving"}


@pytest.fixture
def where(postgres: str) -> Iterator[Places]:
    with scratch(postgres) as made:
        yield made


@contextlib.contextmanager
def served_with(where: Places, **settings: Any) -> Iterator[tuple[Service, Litestar]]:
    """The service under these settings, and its application."""
    made: list[Litestar] = []

    def make_app(ledger: Runtime, tokens: Any) -> Litestar:
        own = msgspec.structs.replace(SETTINGS, **settings)
        made.append(create_app(msgspec.structs.replace(ledger, settings=own), tokens))
        return made[0]

    with served(where, make_app=make_app) as service:
        yield service, made[0]


def failing(service: Service) -> dict[str, str]:
    """The checks that say no, and what each says; the two forms of the answer agree."""
    plain, told = (httpx.get(f"{service.url}/readyz{more}") for more in ("", "?verbose"))
    checks = told.json()["checks"]
    found = {name: said for name, said in checks.items() if said != OK}
    expected = {"ready": not found, "failing": list(found)}
    assert checks.keys() >= CHECKS
    assert (plain.json(), plain.status_code) == (expected, 503 if found else 200)
    more = {"checks": checks, "warnings": told.json()["warnings"]}
    assert (told.json(), told.status_code) == (expected | more, plain.status_code)
    return found


def owner_sql(service: Service, statement: str) -> None:
    with psycopg.connect(service.where.database) as connection:
        connection.execute(statement)


def test_a_service_that_runs_is_alive_and_ready_and_says_so_to_anybody(service: Service) -> None:
    assert httpx.get(f"{service.url}/livez").json() == {"live": True}
    assert failing(service) == {}
    assert [NEEDED["GET", f"/{name}"] for name in ("livez", "readyz")] == [None, None]
    assert httpx.get(f"{service.url}/readyz?vebrose").status_code == 400


def test_a_projection_that_is_too_far_behind_is_not_ready(where: Places) -> None:
    # Nobody follows the log in this process.
    with served_with(where, projection_lag_seconds_max=0) as (service, _):
        assert failing(service) == {"projection": "more than 0 s behind the log"}


def test_a_database_behind_this_release_is_not_ready_until_it_is_migrated(where: Places) -> None:
    with served_with(where) as (service, _):
        owner_sql(service, "UPDATE schema_migration SET folder = 'x' WHERE name LIKE '0004%'")
        assert failing(service) == {
            "migrations": "the database is behind this release: run `ledger migrate`"
        }
        owner_sql(service, "UPDATE schema_migration SET folder = 'ledger' WHERE folder = 'x'")
        assert failing(service) == {}


def test_a_database_beyond_this_release_is_ready(where: Places) -> None:
    with served_with(where) as (service, _):
        owner_sql(
            service,
            "INSERT INTO schema_migration (folder, name, sha256) VALUES ('ledger', '9999_x', 'x')",
        )
        assert failing(service) == {}


def test_a_read_audit_that_cannot_be_written_is_not_ready(where: Places) -> None:
    with served_with(where) as (service, _):
        owner_sql(service, "REVOKE INSERT ON read_audit FROM ledger_app")
        assert failing(service) == {"read_audit": "the read audit cannot be written"}


def test_a_process_that_drains_is_alive_and_not_ready(where: Places) -> None:
    with served_with(where) as (service, app):
        app.state["draining"].set()
        assert failing(service) == {"serving": "no longer takes new work"}
        assert httpx.get(f"{service.url}/livez").status_code == 200


def told(where: Places, story: Callable[[Runtime], Any]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60), running(where, Settings(pool_size=2)) as ledger:
            await story(ledger)

    asyncio.run(bounded())


def test_what_cannot_be_reached_is_said_so_and_what_is_wrong_in_itself_too(where: Places, caplog):
    async def out_of_reach() -> str:
        raise ConnectionRefusedError("db.example 9434765919")

    async def wrong() -> str:
        raise ValueError("9434765919")

    async def story(ledger: Runtime) -> None:
        probes = Probes(ledger, asyncio.Event(), {"far": out_of_reach, "wrong": wrong})
        found = await probes.ready()
        assert found.checks["far"] == "cannot be reached"
        assert found.checks["wrong"] == "failed in itself"
        assert found.failing == ["far", "wrong"]

    told(where, story)
    assert "the check wrong failed in itself" in caplog.messages


def test_what_takes_too_long_is_said_so_and_holds_up_nobody(where: Places, monkeypatch) -> None:
    monkeypatch.setattr("api.probes.CHECK_SECONDS", 0.05)
    cancelled = asyncio.Event()

    async def never() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return OK

    async def story(ledger: Runtime) -> None:
        probes = Probes(ledger, asyncio.Event(), {"slow": never})
        found = await probes.ready()
        assert found.checks["slow"] == "no answer within 0 s"
        await cancelled.wait()

    told(where, story)


def test_one_look_serves_everybody_who_asks_meanwhile(where: Places) -> None:
    looks = 0

    async def counts() -> str:
        nonlocal looks
        looks += 1
        return OK

    async def story(ledger: Runtime) -> None:
        probes = Probes(ledger, asyncio.Event(), {"counted": counts})
        found = await asyncio.gather(*(probes.ready() for _ in range(50)))
        assert looks == 1
        assert {one.checks["counted"] for one in found} == {OK}
        await probes.ready()
        assert looks == 2

    told(where, story)


def test_whoever_goes_away_leaves_the_look_to_the_others(where: Places) -> None:
    async def story(ledger: Runtime) -> None:
        probes = Probes(ledger, asyncio.Event())
        first, second = (asyncio.create_task(probes.ready()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).failing == []
        assert first.cancelled()

    told(where, story)


def test_keys_of_an_issuer_that_cannot_be_had_are_not_ready_until_they_can(
    where: Places, tmp_path: Path
) -> None:
    issuer = OutsideIssuer()
    file = tmp_path / "jwks.json"
    now = 0.0
    keys = Jwks(in_file(file), grace_s=60, clock=lambda: now)

    async def story(ledger: Runtime) -> None:
        nonlocal now
        expected = Expected(
            issuer=NAME, audience=AUDIENCE, algorithms=frozenset({"ES256"}), skew=60
        )
        app = create_app(ledger, ExternalIssuer(expected, keys))
        probes: Probes = app.state["probes"]
        assert (await probes.ready()).failing == ["jwks"]
        assert isnan(age(ledger))
        issuer.publish(file)
        now += 1000
        assert (await probes.ready()).failing == []
        now += 7
        assert age(ledger) == 7
        file.unlink()
        now += 10_000
        assert (await probes.ready()).checks["jwks"] == "cannot be reached"

    told(where, story)


def age(ledger: Runtime) -> float:
    (found,) = samples(ledger.telemetry, "ledger_jwks_age_seconds").values()
    return found
