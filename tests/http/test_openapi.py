"""The OpenAPI document: the committed copy is what is served, and it says what a client needs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from litestar import get
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.app import ROUTES
from api.openapi import VERSION, document_of, spelt
from api.openapi_examples import EXAMPLES
from api.openapi_operations import OPERATIONS, TAGS
from api.problems import KINDS, MEDIA_TYPE
from ledger.events import BY_NAME
from tests.http.packing import publish
from tests.http.routes import BODIES, CALLS, made
from tests.http.service import Service

ROOT = Path(__file__).parents[2]
COPY = ROOT / "ops" / "docs" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(COPY.read_bytes())
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = ("get", "put", "post", "delete", "patch")
OPERATION_IDS = {
    "acknowledgeEvents", "adoptCatalogue", "check", "checkBatch", "compareBases", "deleteConsumer",
    "downloadPack", "evaluate", "evaluateMany", "getAuthzenConfiguration", "getCatalogue",
    "getCheckpoint", "getCheckpointOfSize", "getConsumer", "getLogs", "getPack", "getProof",
    "getReceipt", "getTile", "listBases", "listConsumers", "listEntries", "listExposures",
    "listLeaves", "listOverdueConsumers", "listReads", "listSubjectsOfPurpose", "makePack",
    "proveConsistency", "proveInclusion", "pullFeed",
    "recordCommonEntries", "recordEntries", "registerConsumer", "renewConsumerSecret",
    "resolveSubject", "searchActions", "streamFeed",
}  # fmt: skip
"""For ever: clients are generated from these. One is added here with its operation."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the copy, with its method and path."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method.upper(), path, operation


EVERY = [pytest.param(one, id=one["operationId"]) for _, _, one in operations()]


def resolved(place: str) -> Any:
    """What a reference refers to."""
    found: Any = DOCUMENT
    for step in place.removeprefix("#/").split("/"):
        found = found[step]
    return found


def references(value: Any) -> Iterator[str]:
    """Every reference in the value, the mappings of discriminators too."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        mapping = value.get("discriminator", {})
        yield from mapping.get("mapping", {}).values() if isinstance(mapping, dict) else ()
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """A validator of the schema, which may refer to components; formats count."""
    return jsonschema.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]},
        format_checker=jsonschema.FormatChecker(["date", "uuid"]),
    )


def test_the_copy_is_what_the_code_makes() -> None:
    assert spelt(document_of(ROUTES)).decode() == COPY.read_text(), "write it anew: ops/openapi"


def test_the_copy_is_what_is_served(service: Service) -> None:
    response = httpx.get(f"{service.url}/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


def test_the_document_is_valid() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert not list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors())


def test_the_version_is_that_of_the_package() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text()


def test_a_route_without_a_row_is_not_served() -> None:
    @get("/v1/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(LookupError, match="GET /v1/forgotten has no row"):
        document_of([forgotten])


def test_a_row_without_a_route_is_gone() -> None:
    assert {(method, path) for method, path, _ in operations()} == OPERATIONS.keys()


def test_ids_stay() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]

    assert sorted(ids) == sorted(OPERATION_IDS), "an id is never changed or taken away"


@pytest.mark.parametrize("operation", EVERY)
def test_an_operation_says_what_it_is(operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z][A-Za-z]+", operation["operationId"])
    assert operation["summary"][0].isupper() and not operation["summary"].endswith(".")
    assert len(operation["description"]) > 20 and operation["description"].endswith(".")
    assert len(operation["tags"]) == 1 and operation["tags"][0] in TAGS
    assert isinstance(operation["security"], list), "nobody's in particular is said, not left out"
    for one in operation["parameters"]:
        parameter = resolved(one["$ref"]) if "$ref" in one else one
        assert parameter["description"].endswith(".")


@pytest.mark.parametrize("operation", EVERY)
def test_every_error_is_a_problem_of_known_types(operation: dict[str, Any]) -> None:
    errors = {int(code): one for code, one in operation["responses"].items() if int(code) >= 400}

    assert {400, 500, 503} <= errors.keys()
    assert bool(operation["security"]) == ({401, 403, 429} <= errors.keys())
    for status, one in errors.items():
        response = resolved(one["$ref"])
        assert [*response["content"]] == [MEDIA_TYPE]
        _, closed = response["content"][MEDIA_TYPE]["schema"]["allOf"]
        for kind in closed["properties"]["type"]["enum"]:
            assert KINDS[kind.removeprefix("/problems/")].status == status


def test_the_frameworks_own_errors_are_nowhere() -> None:
    assert "ValidationException" not in COPY.read_text()
    assert "extra" not in SCHEMAS["Problem"]["properties"]


def test_nothing_is_unused_and_nothing_is_missing() -> None:
    used = set(references(DOCUMENT))
    there = {
        f"#/components/{kind}/{name}"
        for kind, named in DOCUMENT["components"].items()
        for name in named
        if kind != "securitySchemes"
    }

    assert used == there
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]+", name) for name in SCHEMAS)


def test_every_entry_that_may_be_sent_is_offered_by_its_name() -> None:
    by_subject = SCHEMAS["NewEntry"]["discriminator"]["mapping"]
    in_common = SCHEMAS["NewCommonEntry"]["discriminator"]["mapping"]

    assert by_subject.keys() | in_common.keys() == BY_NAME.keys() - {"KeyDestroyed"}
    assert SCHEMAS["Entry"]["discriminator"]["mapping"].keys() == BY_NAME.keys()
    for kind, place in (by_subject | in_common).items():
        held = resolved(place)["properties"]
        assert held["type"]["enum"] == [kind]
        assert not {"moved", "counterpart"} & held.keys(), "the ledger fills these"


def test_moments_are_text_of_a_known_format() -> None:
    """A number must never become a date: whatever is named like a time is a formatted string."""
    times = re.compile(r"(_at|_from|_until)$|^(time|start|end|until|since|from|at)$")
    for name, schema in SCHEMAS.items():
        for field, one in schema.get("properties", {}).items():
            if times.search(field) and field not in PLACES.get(name, ()):
                for each in leaves(one):
                    text = each.get("type") == "string" and "format" in each
                    assert text or each == {"type": "null"}, (name, field)


PLACES = {
    "Contact": ("reached_at",),
    "EntryReattributed": ("from",),
    "IdentityMerged": ("from",),
    "IdentityUnmerged": ("from",),
    "NewEntryReattributed": ("from",),
    "NewIdentityMerged": ("from",),
    "NewIdentityUnmerged": ("from",),
    "RetentionTerm": ("counted_from",),
}
"""Fields named like a time that hold a place, a person or an event."""


def leaves(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The alternatives of a schema, down to those that have none."""
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from leaves(one)
    else:
        yield schema


@pytest.mark.parametrize(
    ("name", "example"),
    [pytest.param(name, each, id=name) for name in EXAMPLES for each in EXAMPLES[name].values()],
)
def test_an_example_is_what_its_schema_says(name: str, example: dict[str, Any]) -> None:
    validator({"$ref": f"#/components/schemas/{name}"}).validate(example)


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_the_schema_of_a_body_takes_what_the_service_takes(call: tuple[str, str]) -> None:
    path = re.sub(r":\w+}", "}", call[1])
    body = DOCUMENT["paths"][path][call[0].lower()]["requestBody"]

    assert body["required"]
    validator(body["content"]["application/json"]["schema"]).validate(BODIES[call])


@pytest.mark.parametrize("operation", [one for one in EVERY if "requestBody" in one.values[0]])  # type: ignore[operator]
def test_the_service_takes_its_own_examples(service: Service, operation: dict[str, Any]) -> None:
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    (call,) = [
        (method, path)
        for method, path, one in operations()
        if one["operationId"] == operation["operationId"]
    ]
    (typed,) = [one for one in CALLS if (one[0], re.sub(r":\w+}", "}", one[1])) == call]
    # What is done with a consumer needs one.
    there = {"url": "https://cases.example/hooks"}
    service.caller.http.put("/v1/feed/consumers/case-system", json=there)
    # And a pack needs a checkpoint.
    publish(service)
    for label, example in EXAMPLES[name.rpartition("/")[2]].items():
        request = made(typed, **{"idempotency-key": label}) | {"json": example}
        response = service.caller.http.request(**request)
        assert response.is_success, (label, response.text)
        answer = operation["responses"][str(response.status_code)]["content"]
        validator(answer["application/json"]["schema"]).validate(response.json())
