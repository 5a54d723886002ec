"""The feed pulled: page by page, with a wait for what is new, and what a client may see of it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest

from tests.http.bound import bound, forbidden
from tests.http.service import Caller, Service, recorded, scratch, served, subject
from tests.integration.waiting import until
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN = "2026-03-02T10:00:00Z"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


def pulled(caller: Caller, *, wait: int | None = None, **params: Any) -> dict[str, Any]:
    """The page."""
    response = pull(caller, wait=wait, **params)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def pull(caller: Caller, *, wait: int | None = None, **params: Any) -> httpx.Response:
    headers = {} if wait is None else {"prefer": f"wait={wait}"}
    return caller.http.get("/v1/feed", params=params, headers=headers)


def head(service: Service) -> str:
    return str(pulled(service.caller, after="head")["next"])


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def waiting(service: Service) -> float:
    """How many wait for news."""
    registry = service.ledger.telemetry.metrics.registry
    return registry.get_sample_value("ledger_feed_consumers") or 0.0


def test_an_event_says_that_it_happened_and_nothing_of_what(service: Service) -> None:
    person, before = subject(), head(service)
    given = consent(person, GIVEN, note="Jane Quilligan said yes") | {"channel": "by telephone"}
    done = recorded(service.caller.record(person, born(), given))["entries"]

    response = pull(service.caller, after=before)

    body = response.json()
    assert [one["data"] for one in body["events"]] == [
        {"type": "DateOfBirthRecorded", "entry": done[0]["entry"]},
        {"type": "ConsentGranted", "entry": done[1]["entry"], "purpose": "PHOTO"},
    ]
    assert [one["position"] for one in body["events"]] == [one["position"] for one in done]
    assert [one["time"] for one in body["events"]] == [one["recorded_at"] for one in done]
    assert {one["subject"] for one in body["events"]} == {str(person)}
    assert {one["source"] for one in body["events"]} == {service.ledger.identity.origin}
    assert body["complete"] is True
    assert body["checkpoint"]["positions"] == [done[1]["position"]]
    assert (body["checkpoint"]["behind"], body["checkpoint"]["cursor"]) == (0, body["next"])
    for secret in ("Quilligan", "telephone", "1980", GIVEN):
        assert secret not in response.text


def test_pages_follow_one_another_to_the_end(service: Service) -> None:
    for _ in range(3):
        recorded(service.caller.record(subject(), born(), born(), born()))
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": "2"}
    complete = False
    while not complete:
        response = service.caller.http.get("/v1/feed", params=params)
        page = response.json()
        found += page["events"]
        complete = page["complete"]
        link = response.headers["link"]
        assert link.endswith('; rel="next"')
        params = {
            name: value
            for name, (value,) in parse_qs(urlsplit(link[1:].split(">")[0]).query).items()
        }
        assert params == {"limit": "2", "after": page["next"]}

    assert [int(one["position"].split(":")[1]) for one in found] == [*range(1, service.size() + 1)]
    again = pulled(service.caller, after="earliest")
    assert again["events"] == found


def test_a_page_without_events_is_told_at_once_unless_the_caller_would_wait(
    service: Service,
) -> None:
    response = pull(service.caller, after=head(service))

    assert (response.json()["events"], response.json()["complete"]) == ([], True)
    assert "preference-applied" not in response.headers


def test_who_waits_is_told_as_soon_as_something_happens(service: Service) -> None:
    before, person = head(service), subject()
    with ThreadPoolExecutor(3) as threads:
        asked = [
            threads.submit(pull, caller, after=before, wait=3600)
            for caller in (service.caller_with("feed"), service.caller_with("feed"))
        ]
        until(lambda: waiting(service) == 2, "two clients wait")
        done = recorded(service.caller.record(person, born()))["entries"][0]
        answers = [one.result(60) for one in asked]

    for response in answers:
        assert response.headers["preference-applied"] == "wait=20"
        (event,) = response.json()["events"]
        assert event["data"]["entry"] == done["entry"]
        assert response.json()["next"] == f"{done['position']}-0"
    assert answers[0].json()["events"] == answers[1].json()["events"]
    until(lambda: waiting(service) == 0, "nobody waits")


def test_who_has_waited_in_vain_is_told_so(service: Service) -> None:
    before = pulled(service.caller, after="head")

    response = pull(service.caller, after=before["next"], wait=1)

    page = response.json()
    assert response.headers["preference-applied"] == "wait=1"
    assert (page["events"], page["complete"], page["next"]) == ([], True, before["next"])
    assert page["checkpoint"]["time"] > before["checkpoint"]["time"]


def test_who_waits_for_one_purpose_is_not_woken_by_others_but_moves_on(service: Service) -> None:
    before, person = head(service), subject()
    with ThreadPoolExecutor(1) as threads:
        asked: Future[dict[str, Any]] = threads.submit(
            pulled, service.caller_with("feed"), after=before, wait=20, purpose="PHOTO"
        )
        until(lambda: waiting(service) == 1, "somebody waits")
        recorded(service.caller.record(person, born()))
        recorded(service.caller.record(person, consent(person, GIVEN, "GROUP")))
        done = recorded(service.caller.record(person, consent(person, GIVEN)))
        page = asked.result(60)

    assert [one["data"]["purpose"] for one in page["events"]] == ["PHOTO"]
    assert page["next"] == f"{done['position']}-0"


def test_who_waits_is_told_when_the_process_ends(postgres: str) -> None:
    with scratch(postgres) as where, ThreadPoolExecutor(1) as threads:
        with served(where) as service:
            caller = service.caller_with("feed")
            service._callers.remove(caller)
            asked = threads.submit(pulled, caller, after=head(service), wait=20)
            until(lambda: waiting(service) == 1, "somebody waits")
        page = asked.result(60)
        caller.http.close()

    assert (page["events"], page["complete"]) == ([], True)


# What a client may see.


def told(page: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [
        (one["data"]["type"], one["data"].get("purpose"), one.get("subject"))
        for one in page["events"]
    ]


def story(service: Service, person: UUID) -> None:
    """Facts for one purpose and for another, for every one and for none, and about nobody."""
    done = recorded(
        service.caller.record(
            person, born(), consent(person, GIVEN), consent(person, GIVEN, "GROUP")
        )
    )
    _, photo, group = (one["entry"] for one in done["entries"])
    for named in (photo, group):
        void = entry("ConsentInvalidated", "2026-04-01", consent=named)
        recorded(service.caller.record(person, void))
    recorded(service.caller.record(person, withdrawal(person, "2026-05-01", "*")))
    recorded(service.caller.record_common(entry("PolicyDocumentAdopted", "2026-05-01")))


def test_a_client_bound_to_purposes_is_told_of_those_alone(service: Service) -> None:
    before, person = head(service), subject()
    story(service, person)
    narrow = bound(service, "PHOTO")

    page = pulled(narrow, after=before)

    assert told(page) == [
        ("ConsentGranted", "PHOTO", str(person)),
        ("ConsentInvalidated", "PHOTO", str(person)),
        ("ConsentWithdrawn", "*", str(person)),
        ("PolicyDocumentAdopted", None, None),
    ]
    assert page["next"] == head(service)
    assert told(pulled(bound(service), after=before)) == []


def test_a_purpose_that_is_asked_for_must_be_one_and_be_covered(service: Service) -> None:
    before, person = head(service), subject()
    story(service, person)

    assert [one[1] for one in told(pulled(service.caller, after=before, purpose="GROUP"))] == [
        "GROUP",
        "GROUP",
        "*",
        None,
    ]
    assert told(pulled(bound(service, "PHOTO", "GROUP"), after=before, purpose="PHOTO")) == told(
        pulled(bound(service, "PHOTO"), after=before)
    )
    forbidden(pull(bound(service, "PHOTO"), after=before, purpose="GROUP"))
    forbidden(pull(bound(service, "PHOTO"), after=before, purpose="NO_SUCH"))
    for unknown in ("NO_SUCH", "*", "photo"):
        response = pull(service.caller, purpose=unknown)
        assert (*problem(response), unknown in response.text) == (400, "malformed", False)


# What is no place in this feed.


@pytest.mark.parametrize("after", ["", "latest", "0:1", "1:0-0", "0:0-0,1:0-0", "0:1:zzzzzzzz-0"])
def test_what_is_no_cursor_is_refused(service: Service, after: str) -> None:
    response = pull(service.caller, after=after)

    assert problem(response) == (400, "malformed")
    assert response.json()["errors"][0]["parameter"] == "after"


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_limit(service: Service, limit: int) -> None:
    assert problem(pull(service.caller, limit=limit)) == (400, "malformed")


def test_a_cursor_of_another_log_is_told_apart_from_one_that_is_ahead(service: Service) -> None:
    n = service.size()

    assert problem(pull(service.caller, after=f"0:{n}:00000000-0")) == (409, "log-forked")
    ahead = pull(service.caller, after=f"0:{n + 1}-0")
    assert problem(ahead) == (503, "behind")
    assert "retry-after" in ahead.headers
    assert problem(pull(service.caller, after=f"0:{n}-1")) == (503, "behind")
    assert pulled(service.caller, after=f"0:{n}-0")["events"] == []
