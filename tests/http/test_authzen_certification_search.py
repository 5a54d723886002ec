"""Published certification cases of AuthZEN, under their own ids: those of action search.

Where the scenario asks another search, which is not offered here, the case is asked of this one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.authzen import SEARCH, Json
from tests.http.certified import (
    ALICE,
    BOB,
    FIRST,
    SECOND,
    TIME,
    bad_request,
    certified,
    json_of,
)
from tests.http.service import Service


@pytest.fixture(scope="module")
def service(postgres: str, module_place: Path) -> Iterator[Service]:
    with certified(postgres, module_place) as made:
        yield made


def results(service: Service, body: object) -> list[Json]:
    """The results, after the checks that hold for every response."""
    found = json_of(service.caller.post(SEARCH, body))
    assert isinstance(found["results"], list)
    assert all(isinstance(one["name"], str) for one in found["results"])
    require_page(found["page"])
    return found["results"]


def require_page(page: Json) -> None:
    assert isinstance(page["next_token"], str)
    assert all(isinstance(page.get(name, 0), int) for name in ("count", "total"))


def test_c_4_4_1_action_search(service: Service) -> None:
    found = results(service, {"subject": ALICE, "resource": FIRST})

    assert [one["name"] for one in found if "properties" not in one] == ["read", "write"]


def test_c_4_4_1_action_search_for_another_subject(service: Service) -> None:
    found = results(service, {"subject": BOB, "resource": FIRST})

    assert [one["name"] for one in found if "properties" not in one] == ["read"]


def test_c_4_4_2_action_search_with_context(service: Service) -> None:
    body = {"subject": ALICE, "resource": FIRST}
    context = {"time": TIME, "ip": "192.168.1.1"}

    assert results(service, body | {"context": context}) == results(service, body)


def test_c_4_5_1_request_with_page_limit(service: Service) -> None:
    found = results(service, {"subject": ALICE, "resource": FIRST, "page": {"limit": 1}})

    assert len(found) == 1


def test_c_4_5_2_request_with_page_token(service: Service) -> None:
    body: Json = {"subject": ALICE, "resource": FIRST}
    every = results(service, body)
    paged: list[Json] = []
    page: Json = {"limit": 1}
    while True:
        found = json_of(service.caller.post(SEARCH, body | {"page": page}))
        require_page(found["page"])
        paged += found["results"]
        if not found["page"]["next_token"]:
            break
        page = {"token": found["page"]["next_token"]}

    assert paged == every
    assert len(every) > 1


def test_c_4_5_3_pagination_response_format(service: Service) -> None:
    body = {"subject": ALICE, "resource": FIRST, "page": {"limit": 1}}

    page = json_of(service.caller.post(SEARCH, body))["page"]

    assert page["next_token"] != ""
    assert (page["count"], page["total"] > 1) == (1, True)


def test_c_4_5_4_all_results_where_no_page_is_asked_for(service: Service) -> None:
    found = json_of(service.caller.post(SEARCH, {"subject": ALICE, "resource": FIRST}))

    assert found["page"]["next_token"] == ""
    assert len(found["results"]) == found["page"]["total"]


def test_c_4_6_1_unknown_entity_identifier(service: Service) -> None:
    nobody = {"type": "user", "id": "nonexistent-user"}

    assert results(service, {"subject": nobody, "resource": FIRST}) == []
    assert results(service, {"subject": ALICE, "resource": SECOND}) == []


def test_c_4_6_2_unknown_entity_type(service: Service) -> None:
    unknown = {"type": "spaceship", "id": "alice"}

    assert results(service, {"subject": unknown, "resource": FIRST}) == []
    assert results(service, {"subject": ALICE, "resource": unknown}) == []


@pytest.mark.parametrize("left", [{"subject": ALICE}, {"resource": FIRST}, {}], ids=json.dumps)
def test_c_4_7_1_missing_required_fields(service: Service, left: Json) -> None:
    bad_request(service.caller.post(SEARCH, left))


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": {"type": "user"}},
        {"subject": {"id": "alice"}},
        {"resource": {"type": "record"}},
        {"resource": {"id": "record-1"}},
    ],
    ids=json.dumps,
)
def test_c_4_7_2_missing_required_sub_fields(service: Service, wrong: Json) -> None:
    bad_request(service.caller.post(SEARCH, {"subject": ALICE, "resource": FIRST} | wrong))
