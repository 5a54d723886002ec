"""`min_position`: an error at once, unless the caller would rather wait, and then no longer."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.app import create_app
from api.runtime import Runtime
from api.waiting import Growth
from tests.http.service import Service, recorded, scratch, served, subject
from tests.integration.waiting import until
from tests.integration.wired import born

WINDOW = "2026-01-01T00:00:00Z"
Ask = Callable[[Service, str, dict[str, str]], httpx.Response]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


def check(service: Service, position: str, headers: dict[str, str]) -> httpx.Response:
    body = {"subject": str(subject()), "purpose": "PHOTO", "min_position": position}
    return service.caller.http.post("/v1/checks", json=body, headers=headers)


def batch(service: Service, position: str, headers: dict[str, str]) -> httpx.Response:
    asked = {"subject": str(subject()), "purpose": "PHOTO"}
    checks = [{"id": "a", **asked}, {"id": "b", **asked, "min_position": position}]
    return service.caller.http.post("/v1/checks/batch", json={"checks": checks}, headers=headers)


def listed(path: str, **query: str) -> Ask:
    def ask(service: Service, position: str, headers: dict[str, str]) -> httpx.Response:
        url = path.format(subject())
        params = {**query, "min_position": position}
        return service.caller.http.get(url, params=params, headers=headers)

    return ask


ASKS: dict[str, Ask] = {
    "check": check,
    "batch": batch,
    "bases": listed("/v1/subjects/{}/bases"),
    "diff": listed(
        "/v1/subjects/{}/bases/diff",
        effective_at=WINDOW,
        known_at=WINDOW,
        then_effective_at=WINDOW,
        then_known_at=WINDOW,
    ),
    "timeline": listed("/v1/subjects/{}/entries"),
    "population": listed("/v1/purposes/PHOTO/subjects"),
    "exposures": listed(
        "/v1/exposures", **{"from": WINDOW, "until": WINDOW[:3] + "7" + WINDOW[4:]}
    ),
}
every = pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())


def behind(response: httpx.Response) -> None:
    assert (response.status_code, response.json()["type"]) == (503, "/problems/behind")
    assert response.headers["retry-after"] == "1"


def ahead(service: Service) -> str:
    """The position of the next entry."""
    return f"0:{service.size() + 1}"


@every
def test_who_does_not_wait_is_told_at_once(service: Service, ask: Ask) -> None:
    response = ask(service, ahead(service), {})

    behind(response)
    assert "preference-applied" not in response.headers


@every
def test_what_is_reached_is_answered_without_a_wait(service: Service, ask: Ask) -> None:
    position = recorded(service.caller.record(subject(), born()))["position"]

    response = ask(service, position, {})

    assert response.status_code == 200, response.text


@every
def test_who_waits_is_answered_when_the_entry_is_there(
    service: Service, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, looked = ahead(service), threading.Event()
    head = service.ledger.store.head

    async def seen(log: int) -> Any:
        found = await head(log)
        looked.set()
        return found

    monkeypatch.setattr(service.ledger.store, "head", seen)
    answers: list[httpx.Response] = []
    waiting = threading.Thread(
        target=lambda: answers.append(ask(service, position, {"prefer": "wait=5"}))
    )
    waiting.start()
    assert looked.wait(30)
    assert answers == []
    recorded(service.caller.record(subject(), born()))
    waiting.join(30)

    assert answers[0].status_code == 200, answers[0].text
    assert answers[0].headers["preference-applied"] == "wait=5"


@every
def test_a_wait_of_nothing_is_no_wait(service: Service, ask: Ask) -> None:
    response = ask(service, ahead(service), {"prefer": "wait=0"})

    behind(response)
    assert response.headers["preference-applied"] == "wait=0"


@every
def test_a_position_on_another_log_is_refused_without_a_wait(service: Service, ask: Ask) -> None:
    forked = ask(service, "0:1:00000000", {"prefer": "wait=5"})
    nowhere = ask(service, "1:1", {"prefer": "wait=5"})
    malformed = ask(service, "0", {"prefer": "wait=5"})

    assert (forked.status_code, forked.json()["type"]) == (409, "/problems/log-forked")
    assert (nowhere.status_code, malformed.status_code) == (400, 400)
    for one in (nowhere, malformed):
        assert one.json()["field"].endswith("min_position")


PREFERENCES = {
    "wait=3": "wait=3",
    "wait=600": "wait=5",
    "wait=99999999999999": None,
    "WAIT = 2": "wait=2",
    'wait="1"': "wait=1",
    "respond-async, wait=4": "wait=4",
    "wait=1; x=2, wait=4": "wait=1",
    "handling=lenient; wait=4": None,
    "wait": None,
    "wait=": None,
    "wait=-1": None,
    "wait=1.5": None,
    "wait=x": None,
    "await=3": None,
    "": None,
}


@pytest.mark.parametrize(("given", "applied"), PREFERENCES.items())
def test_a_preference_is_taken_up_to_five_seconds_or_passed_over(
    service: Service, given: str, applied: str | None
) -> None:
    response = check(service, f"0:{service.size()}", {"prefer": given})

    assert response.status_code == 200
    assert response.headers.get("preference-applied") == applied


def test_without_a_position_there_is_nothing_to_wait_for(service: Service) -> None:
    body = {"subject": str(subject()), "purpose": "PHOTO"}

    response = service.caller.http.post("/v1/checks", json=body, headers={"prefer": "wait=5"})

    assert response.status_code == 200
    assert "preference-applied" not in response.headers


def test_whoever_waits_holds_no_connection(postgres: str) -> None:
    made: list[Litestar] = []

    def make_app(ledger: Runtime, tokens: Any) -> Litestar:
        made.append(create_app(ledger, tokens))
        return made[0]

    with scratch(postgres) as where, served(where, make_app=make_app) as service:
        growth: Growth = made[0].state["growth"]
        position, many = ahead(service), 5 * service.ledger.settings.pool_size
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(check(service, position, {"prefer": "wait=5"}))
            )
            for _ in range(many)
        ]
        for each in threads:
            each.start()
        until(lambda: len(growth._waiting.get(0, [])) == many, "everybody waits")
        assert service.caller.http.get("/v1/catalogue").status_code == 200
        recorded(service.caller.record(subject(), born()))
        for each in threads:
            each.join(30)

    assert [one.status_code for one in answers] == [200] * many
