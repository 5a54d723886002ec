"""Published certification cases of AuthZEN, under their own ids: Basic Core and Discovery."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from api.authzen_words import read_words
from tests.http.authzen import (
    CONFIGURATION,
    EVALUATION,
    EVALUATIONS,
    PUBLIC_URL,
    SEARCH,
    Json,
    face,
)
from tests.http.certified import (
    ALICE,
    BOB,
    CLAIMED,
    FIRST,
    NOT_CLAIMED,
    OF_ACTION_SEARCH,
    PERMITTED,
    READ,
    TIME,
    TRANSPORT,
    WRITE,
    bad_request,
    certified,
    evaluate,
    json_of,
    require_decision,
)
from tests.http.service import CATALOGUE, Service, scratch


@pytest.fixture(scope="module")
def service(postgres: str, module_place: Path) -> Iterator[Service]:
    with certified(postgres, module_place) as made:
        yield made


# Basic Core.


def test_c_2_2_1_fixture_request_permit(service: Service) -> None:
    assert evaluate(service, PERMITTED)["decision"] is True


def test_c_2_2_2_fixture_request_deny(service: Service) -> None:
    body = {"subject": BOB, "action": WRITE, "resource": FIRST}

    assert evaluate(service, body)["decision"] is False


@pytest.mark.parametrize(
    ("subject", "action", "expected"),
    [(ALICE, READ, True), (ALICE, WRITE, True), (BOB, READ, True), (BOB, WRITE, False)],
)
def test_c_1_4_the_four_decision_rules_of_core(
    service: Service, subject: Json, action: Json, expected: bool
) -> None:
    body = {"subject": subject, "action": action, "resource": FIRST}

    assert evaluate(service, body)["decision"] is expected


def test_c_2_2_3_request_with_optional_context(service: Service) -> None:
    body = PERMITTED | {"context": {"time": TIME, "ip": "192.168.1.1"}}

    assert evaluate(service, body)["decision"] is True


def test_c_2_2_8_request_with_additional_properties(service: Service) -> None:
    body = {
        "subject": ALICE | {"properties": {"department": "Sales", "role": "manager"}},
        "action": READ | {"properties": {"method": "GET"}},
        "resource": FIRST | {"properties": {"status": "active", "owner": "bob"}},
    }

    assert evaluate(service, body)["decision"] is True


def test_c_2_2_9_request_with_unknown_fields(service: Service) -> None:
    body = PERMITTED | {"foo": "bar", "futureField": {"nested": True}}

    assert evaluate(service, body)["decision"] is True


def test_c_2_3_1_the_decision_is_a_boolean(service: Service) -> None:
    require_decision(evaluate(service, PERMITTED))


def test_c_2_3_2_the_context_is_an_object(service: Service) -> None:
    assert isinstance(evaluate(service, PERMITTED)["context"], dict)


@pytest.mark.parametrize("missing", ["subject", "action", "resource"])
def test_c_2_4_1_missing_required_fields(service: Service, missing: str) -> None:
    body = {name: value for name, value in PERMITTED.items() if name != missing}

    bad_request(service.caller.post(EVALUATION, body))


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("subject", {"id": "alice"}),
        ("subject", {"type": "user"}),
        ("action", {}),
        ("resource", {"id": "record-1"}),
        ("resource", {"type": "record"}),
    ],
)
def test_c_2_4_2_missing_required_sub_fields(service: Service, name: str, left: Json) -> None:
    bad_request(service.caller.post(EVALUATION, PERMITTED | {name: left}))


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", None])
def test_c_2_4_3_invalid_content_type(service: Service, path: str, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}

    bad_request(
        service.caller.http.post(path, content=json.dumps(PERMITTED).encode(), headers=headers)
    )


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
@pytest.mark.parametrize("text", ["{", '{"subject": ', "alice", "{'subject': 1}"])
def test_c_2_4_4_malformed_json(service: Service, path: str, text: str) -> None:
    headers = {"content-type": "application/json"}

    bad_request(service.caller.http.post(path, content=text.encode(), headers=headers))


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
def test_c_2_4_5_empty_request_body(service: Service, path: str) -> None:
    headers = {"content-type": "application/json"}

    bad_request(service.caller.http.post(path, content=b"", headers=headers))


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "alice"},
        {"action": {"name": 123}},
        {"action": "read"},
        {"resource": ["record", "record-1"]},
        {"resource": {"type": "record", "id": 1}},
        {"subject": {"type": "user", "id": "alice", "properties": "none"}},
        {"subject": None},
        {"context": "now"},
        {"context": {"time": 20250627}},
    ],
    ids=json.dumps,
)
def test_c_2_4_6_invalid_field_types(service: Service, wrong: Json) -> None:
    bad_request(service.caller.post(EVALUATION, PERMITTED | wrong))


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH])
@pytest.mark.parametrize("body", [PERMITTED, {}], ids=["answered", "refused"])
def test_c_2_5_1_the_request_id_is_echoed(service: Service, path: str, body: Json) -> None:
    named = {"x-request-id": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"}

    response = service.caller.http.post(path, json=body, headers=named)

    assert response.status_code == (200 if body else 400)
    assert response.headers["x-request-id"] == named["x-request-id"]


def test_c_2_5_2_no_request_id_is_no_failure(service: Service) -> None:
    assert "x-request-id" not in service.caller.http.headers
    assert evaluate(service, PERMITTED)["decision"] is True


def test_c_2_6_the_same_request_has_the_same_decision(service: Service) -> None:
    denied = {"subject": BOB, "action": WRITE, "resource": FIRST}

    assert {evaluate(service, PERMITTED)["decision"] for _ in range(5)} == {True}
    assert {evaluate(service, denied)["decision"] for _ in range(5)} == {False}


# Transport, without TLS, which is a proxy's.


def test_c_5_transport_requirements(service: Service) -> None:
    headers = {"content-type": "application/json; charset=utf-8", "x-request-id": "one"}
    body = PERMITTED | {"unknown": [1]}

    response = service.caller.http.post(EVALUATION, json=body, headers=headers)

    assert json_of(response)["decision"] is True
    assert response.headers["x-request-id"] == "one"
    bad_request(service.caller.post(EVALUATION, {}))


# Discovery.


def test_c_6_1_the_metadata_endpoint_needs_no_token(service: Service) -> None:
    assert httpx.get(service.url + CONFIGURATION).status_code == 200


def test_c_6_2_metadata_response_format(service: Service) -> None:
    assert isinstance(json_of(httpx.get(service.url + CONFIGURATION)), dict)


def test_c_6_3_required_metadata_fields(service: Service) -> None:
    found = json_of(httpx.get(service.url + CONFIGURATION))

    assert found["policy_decision_point"] == PUBLIC_URL
    assert found["access_evaluation_endpoint"] == PUBLIC_URL + EVALUATION


def test_c_6_4_optional_metadata_fields(service: Service) -> None:
    found = json_of(httpx.get(service.url + CONFIGURATION))

    offered = {
        "policy_decision_point": "",
        "access_evaluation_endpoint": EVALUATION,
        "access_evaluations_endpoint": EVALUATIONS,
        "search_action_endpoint": SEARCH,
    }
    assert found == {name: PUBLIC_URL + path for name, path in offered.items()}


def test_c_6_5_metadata_validation(service: Service) -> None:
    found = json_of(httpx.get(service.url + CONFIGURATION))

    for name, value in found.items():
        assert re.fullmatch(r"https://[^?#]+", value), name
        path = value.removeprefix(PUBLIC_URL)
        if path:
            assert service.caller.post(path, {}).status_code == 400, "it is there, and says so"


@pytest.mark.parametrize("path", ["/access/v1/search/subject", "/access/v1/search/resource"])
def test_c_6_5_what_the_metadata_does_not_name_is_not_there(service: Service, path: str) -> None:
    assert path not in httpx.get(service.url + CONFIGURATION).text
    assert service.caller.post(path, PERMITTED).status_code == 404


def test_c_6_6_without_a_public_address_nothing_is_published(
    service: Service, postgres: str
) -> None:
    with scratch(postgres) as where, face(where, catalogue=CATALOGUE) as private:
        assert httpx.get(private.url + CONFIGURATION).status_code == 404
        assert private.caller.post(EVALUATION, {}).status_code == 400


# What is claimed.


def ids() -> set[str]:
    """The published ids that a test bears."""
    files = Path(__file__).parent.glob("test_authzen_certification*.py")
    text = "".join(one.read_text() for one in files)
    return {one.replace("_", "-") for one in re.findall(r"^def test_(c(?:_\d+)+)_", text, re.M)}


def test_every_case_that_is_claimed_has_a_test() -> None:
    claimed = [one for each in CLAIMED.values() for one in each]

    assert ids() == {"c-1-4", *claimed, *TRANSPORT, *OF_ACTION_SEARCH}
    assert not ids() & set(NOT_CLAIMED)


def test_the_documentation_names_every_case() -> None:
    text = (Path(__file__).parents[2] / "ops" / "docs" / "authzen.md").read_text()
    claimed = [one for each in CLAIMED.values() for one in each]

    every = [*claimed, *TRANSPORT, *OF_ACTION_SEARCH, *NOT_CLAIMED]
    assert [one for one in every if f"`{one}`" not in text] == []


def test_the_words_of_the_fixture_are_all_that_it_adds() -> None:
    assert msgspec.structs.asdict(read_words(None)) == {
        "actions": {},
        "types": {},
        "purposes": {},
        "people": {},
    }
