"""Consumers over HTTP: each its client's own, within its grant, and what it says is held to."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from standardwebhooks import Webhook

from tests.http.bound import bound, forbidden
from tests.http.service import (
    Caller,
    Service,
    malformed,
    recorded,
    scratch,
    served,
    subject,
)
from tests.integration.wired import born, consent, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
HOOK = "https://hooks.council.example/consent"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


def put(caller: Caller, name: str, **body: Any) -> httpx.Response:
    return caller.http.put(f"/v1/feed/consumers/{name}", json=body)


def registered(caller: Caller, name: str, **body: Any) -> dict[str, Any]:
    response = put(caller, name, **body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def shown(caller: Caller, name: str) -> dict[str, Any]:
    response = caller.http.get(f"/v1/feed/consumers/{name}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def acknowledge(caller: Caller, name: str, position: Any) -> httpx.Response:
    return caller.http.post(
        f"/v1/feed/consumers/{name}/acknowledgements", json={"position": position}
    )


def withdrawn(service: Service, purpose: str = "PHOTO") -> tuple[UUID, dict[str, Any]]:
    """Somebody who has withdrawn, and the entry."""
    person = subject()
    recorded(service.caller.record(person, born(), consent(person, GIVEN, purpose)))
    entries = recorded(service.caller.record(person, withdrawal(person, GIVEN, purpose)))
    return person, entries["entries"][0]


def test_what_is_registered_is_shown_and_gone_when_deleted(service: Service) -> None:
    caller = service.caller_with("feed", client="first")
    made = registered(caller, "crm", url=HOOK, description="ring 100", purposes=["PHOTO"])[
        "consumer"
    ]
    head = caller.http.get("/v1/feed?after=head").json()["next"]
    assert made == shown(caller, "crm")
    assert {name: made[name] for name in ("name", "url", "purposes", "description")} == {
        "name": "crm",
        "url": HOOK,
        "purposes": ["PHOTO"],
        "description": "ring 100",
    }
    assert (made["delivered"], made["acknowledged"], made["acknowledges"]) == (
        head,
        head,
        "explicit",
    )
    assert (made["failing"], made["disabled"], made["overdue"]) == (None, None, None)

    registered(caller, "diary2")
    every = caller.http.get("/v1/feed/consumers").json()["consumers"]
    assert [one["name"] for one in every] == ["crm", "diary2"]
    assert every[0] == made
    assert (every[1]["url"], every[1]["delivered"], every[1]["keys"]) == (None, None, [])
    for code in (204, 404):
        response = caller.http.delete("/v1/feed/consumers/crm")
        assert response.status_code == code
    assert response.json()["type"] == "/problems/not-found"
    assert caller.http.get("/v1/feed/consumers/crm").status_code == 404


def test_a_consumer_is_its_clients_own(service: Service) -> None:
    mine, theirs = (service.caller_with("feed", client=name) for name in ("mine", "theirs"))
    registered(mine, "crm", url=HOOK)
    registered(theirs, "crm", url=HOOK, description="another")
    assert shown(mine, "crm")["description"] is None
    registered(mine, "own", url=HOOK)
    assert theirs.http.get("/v1/feed/consumers/own").status_code == 404
    assert theirs.http.delete("/v1/feed/consumers/own").status_code == 404
    assert acknowledge(theirs, "own", "0:0-0").status_code == 404
    secrets = theirs.http.post("/v1/feed/consumers/own/secrets", json={})
    assert secrets.status_code == 404
    assert [one["name"] for one in theirs.http.get("/v1/feed/consumers").json()["consumers"]] == [
        "crm"
    ]


def test_a_secret_is_shown_once(service: Service) -> None:
    caller = service.caller_with("feed", client="secrets")
    made = registered(caller, "crm", url=HOOK)
    secret = made["secret"]["secret"]
    assert secret.startswith("whsec_")
    Webhook(secret)
    assert made["consumer"]["keys"] == [
        {"public_key": made["secret"]["public_key"], "ends_at": None}
    ]
    again = put(caller, "crm", url=f"{HOOK}/two")
    for response in (again, caller.http.get("/v1/feed/consumers")):
        assert secret not in response.text
    assert again.json()["secret"] is None

    renewed = caller.http.post("/v1/feed/consumers/crm/secrets", json={"overlap_hours": 1})
    assert renewed.status_code == 201
    assert renewed.headers["cache-control"] == "no-store"
    keys = shown(caller, "crm")["keys"]
    assert [one["public_key"] for one in keys] == [
        renewed.json()["public_key"],
        made["secret"]["public_key"],
    ]
    assert keys[0]["ends_at"] is None and keys[1]["ends_at"] is not None
    caller.http.post("/v1/feed/consumers/crm/secrets", json={"overlap_hours": 0})
    assert len(shown(caller, "crm")["keys"]) == 1


def test_one_that_pulls_gets_a_secret_when_it_is_sent_events(service: Service) -> None:
    caller = service.caller_with("feed", client="pulls")
    assert registered(caller, "crm")["secret"] is None
    assert caller.http.post("/v1/feed/consumers/crm/secrets", json={}).status_code == 404
    assert registered(caller, "crm", url=HOOK)["secret"] is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://hooks.council.example"}, "url"),
        ({"url": "https://127.0.0.1/x"}, "url"),
        ({"url": "https://hooks.council.example:8443/"}, "url"),
        ({"url": "https://hooks.council.example/?token=x"}, "url"),
        ({"url": ""}, "body.url"),
        ({"acknowledges": "delivery"}, "acknowledges"),
        ({"acknowledges": "never", "url": HOOK}, "body.acknowledges"),
        ({"purposes": []}, "body.purposes"),
        ({"purposes": ["NO_SUCH"]}, "purposes"),
        ({"purposes": ["*"]}, "purposes"),
        ({"description": "a\x00b"}, "description"),
        ({"description": "a\nb"}, "description"),
        ({"after": "nowhere"}, "after"),
        ({"secret": "mine"}, "body"),
    ],
)
def test_what_cannot_be_registered(service: Service, body: dict[str, Any], field: str) -> None:
    malformed(put(service.caller, "refused", **body), field=field)
    assert service.caller.http.get("/v1/feed/consumers/refused").status_code == 404


@pytest.mark.parametrize("name", ["CRM", "crm1234", "9434765919", "a" * 51, "crm_x", "-crm", "é"])
def test_a_name_has_no_room_for_an_identifier(service: Service, name: str) -> None:
    for response in (put(service.caller, name), acknowledge(service.caller, name, "0:0-0")):
        malformed(response, field="consumer")
        assert name not in response.text.replace("/v1/feed", "")


def test_a_start_that_the_log_does_not_have_is_told_as_ever(service: Service) -> None:
    assert put(service.caller, "late", after="0:1:00000000-0").status_code == 409
    assert put(service.caller, "late", after=f"0:{10**9}-0").status_code == 503
    assert registered(service.caller, "late", after="earliest")["consumer"]["acknowledged"] == (
        "0:0-0"
    )


# Grants.


def test_a_client_registers_nothing_beyond_its_grant(service: Service) -> None:
    narrow = bound(service, "PHOTO", "STUDY")
    assert registered(narrow, "diary", url=HOOK)["consumer"]["purposes"] == ["PHOTO", "STUDY"]
    one = registered(narrow, "diary", url=HOOK, purposes=["PHOTO"])["consumer"]
    assert one["purposes"] == ["PHOTO"]
    for purposes in (["GROUP"], ["PHOTO", "GROUP"], ["NO_SUCH"], ["*"]):
        response = put(narrow, "diary", url=HOOK, purposes=purposes)
        forbidden(response)
        assert response.json()["field"] == "purposes"
    assert shown(narrow, "diary")["purposes"] == ["PHOTO"]


def test_one_for_some_purposes_is_not_counted_what_it_is_not_told(service: Service) -> None:
    narrow = bound(service, "PHOTO")
    registered(narrow, "narrow", after="earliest")
    before = shown(narrow, "narrow")["overdue"]
    withdrawn(service, "GROUP")
    service.sql("UPDATE entry SET recorded_at = recorded_at - interval '2 days' RETURNING n")
    assert shown(narrow, "narrow")["overdue"] == before


# Acknowledgements.


def test_a_cursor_or_the_position_of_an_event_says_what_was_acted_on(service: Service) -> None:
    caller = service.caller_with("feed", client="acts")
    registered(caller, "crm", after="earliest")
    _, entry = withdrawn(service)
    response = acknowledge(caller, "crm", entry["position"])
    assert response.status_code == 200, response.text
    assert response.json()["acknowledged"] == f"{entry['position']}-0"
    head = caller.http.get("/v1/feed?after=head").json()["next"]
    assert acknowledge(caller, "crm", head).json()["acknowledged"] == head
    back = acknowledge(caller, "crm", entry["position"])
    assert (back.status_code, back.json()["acknowledged"]) == (200, head)
    assert shown(caller, "crm")["acknowledged_at"] == back.json()["acknowledged_at"]


@pytest.mark.parametrize(
    "position", ["", "earliest", "head", "nowhere", "0:1", "0:1-0", "1:1:00000000", "0:1:xyz-0", 7]
)
def test_what_says_nothing_that_was_acted_on(service: Service, position: Any) -> None:
    registered(service.caller, "acts")
    response = acknowledge(service.caller, "acts", position)
    assert response.status_code == 400, response.text
    assert response.json()["field"] in ("position", "body.position")


def test_an_acknowledgement_of_another_log_is_told_so(service: Service) -> None:
    registered(service.caller, "acts")
    forked = acknowledge(service.caller, "acts", "0:1:00000000-0")
    assert (forked.status_code, forked.json()["type"]) == (409, "/problems/log-forked")
    beyond = acknowledge(service.caller, "acts", f"0:{10**9}:00000000")
    assert (beyond.status_code, beyond.json()["type"]) == (503, "/problems/behind")
    assert shown(service.caller, "acts")["acknowledged_at"] is None


# Overdue.


@pytest.fixture
def old(postgres: str) -> Iterator[tuple[Service, dict[str, Any]]]:
    """A ledger whose last entry is a withdrawal, recorded 25 hours ago."""
    with scratch(postgres) as where, served(where) as service:
        _, entry = withdrawn(service)
        service.sql("UPDATE entry SET recorded_at = recorded_at - interval '25 hours' RETURNING n")
        yield service, entry


def report(caller: Caller, **params: Any) -> dict[str, Any]:
    response = caller.http.get("/v1/feed/overdue", params=params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_who_has_not_acted_in_time_is_reported_until_they_have(
    old: tuple[Service, dict[str, Any]],
) -> None:
    service, entry = old
    auditor = service.caller_with("audit")
    registered(service.caller, "crm", url=HOOK, after="earliest", description="ring 100")
    registered(service.caller, "new")
    first = report(auditor)
    assert first["older_than"] == 24
    (one,) = first["consumers"]
    assert (one["client"], one["consumer"], one["description"]) == ("test", "crm", "ring 100")
    assert (one["delivers"], one["disabled"], one["acknowledged"]) == (True, None, "0:0-0")
    assert one["overdue"]["count"] == 1 and one["overdue"]["complete"] is True
    assert one["overdue"]["position"] == entry["position"]
    assert one["overdue"] == shown(service.caller, "crm")["overdue"]
    assert report(auditor, older_than=25)["consumers"] == [one]
    assert report(auditor, older_than=26) == {"older_than": 26, "consumers": []}

    acknowledge(service.caller, "crm", entry["position"])
    assert report(auditor)["consumers"] == []
    assert shown(service.caller, "crm")["overdue"] is None


@pytest.mark.parametrize("older_than", [-1, 8761])
def test_a_limit_that_is_none(service: Service, older_than: int) -> None:
    response = service.caller.http.get("/v1/feed/overdue", params={"older_than": older_than})
    malformed(response, field="older_than")


def test_the_report_is_for_grants_over_every_purpose(service: Service) -> None:
    forbidden(bound(service, "PHOTO").http.get("/v1/feed/overdue"))


def test_the_report_names_nobody(old: tuple[Service, dict[str, Any]]) -> None:
    service, _ = old
    person, _ = withdrawn(service)
    registered(service.caller, "crm", after="earliest")
    text = service.caller.http.get("/v1/feed/overdue?older_than=0").text
    assert '"count":2' in text
    assert str(person) not in text and "ConsentWithdrawn" not in text and "PHOTO" not in text
