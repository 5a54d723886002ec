"""Errors: each a problem that says what to do, with no word of what was sent, under our headers."""

import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import msgspec
import psycopg
import pytest

from api.app import create_app
from api.headers import HEADERS
from api.issuer import Issuer
from api.problems import KINDS
from api.runtime import Runtime
from ledger.errors import Behind, Conflict, Fault, OutcomeUnknown, Unavailable
from tests.http.packing import publish
from tests.http.routes import BODIES, CALLS, Call, made, routes
from tests.http.service import SETTINGS, Service, scratch, served, subject

CANARIES = ("9434765919", "Jane Quilligan, CS/2024/0042")
"""A number, and a name with a case: neither is anywhere but in what is sent."""


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        publish(running)
        yield running


def require_problem(response: httpx.Response) -> dict[str, Any]:
    """The response is a problem, complete and with our headers."""
    problem: dict[str, Any] = response.json()
    slug = problem["type"].removeprefix("/problems/")
    kind = KINDS[slug]
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["title"]) == (response.status_code, kind.title)
    assert (kind.status, bool(problem["detail"])) == (response.status_code, True)
    assert UUID(problem["instance"].removeprefix("urn:uuid:")).version == 4
    assert set(problem) - {"field", "reason", "pointer", "errors"} == {
        "type", "title", "status", "detail", "instance"
    }  # fmt: skip
    for error in problem.get("errors", []):
        assert bool(error["code"]) and bool(error["message"])
        assert len(error.keys() & {"pointer", "parameter", "header"}) <= 1
        assert error.keys() <= {"code", "message", "pointer", "parameter", "header"}
    assert response.headers["cache-control"] == "no-store"
    require_headers(response)
    return problem


def require_headers(response: httpx.Response) -> None:
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "server" not in response.headers


# Every type of problem.


@pytest.mark.parametrize("slug", KINDS)
def test_each_type_of_problem_has_a_page_that_says_what_to_do(service: Service, slug: str) -> None:
    page = httpx.get(f"{service.url}/problems/{slug}")

    assert page.status_code == 200
    assert KINDS[slug].title in page.text
    assert KINDS[slug].advice in page.text


@pytest.mark.parametrize("path", ["/problems/nope", "/nope", "/v1/nope", "/a/b/c", "/v1/checks/x"])
def test_what_is_not_there_is_a_problem(service: Service, path: str) -> None:
    problem = require_problem(httpx.get(f"{service.url}{path}"))

    assert problem["type"] == "/problems/not-found"
    assert path not in problem["detail"]


@pytest.mark.parametrize("path", sorted({path for _, path in CALLS}))
def test_another_method_is_a_problem_that_says_which_are_taken(service: Service, path: str) -> None:
    url = made(("GET", path))["url"]

    response = service.caller.http.request("PATCH", url)

    assert require_problem(response)["type"] == "/problems/method-not-allowed"
    taken: set[str] = {method for method, each in CALLS if each == path}
    taken |= {"OPTIONS"} | ({"HEAD"} if "GET" in taken else set())
    assert set(response.headers["allow"].split(", ")) == taken


@pytest.mark.parametrize(
    ("raised", "slug"),
    [
        (Unavailable("the database cannot be reached"), "unavailable"),
        (OutcomeUnknown("retry"), "outcome-unknown"),
        (Behind("not yet"), "behind"),
        (Conflict("too fast"), "conflict"),
        (Fault(f"an altered entry of {CANARIES[1]}"), "internal"),
        (RuntimeError(CANARIES[1]), "internal"),
        (psycopg.DataError(CANARIES[1]), "internal"),
        (KeyError(CANARIES[1]), "internal"),
        (RecursionError(CANARIES[1]), "internal"),
        (MemoryError(CANARIES[1]), "internal"),
        (TimeoutError(CANARIES[1]), "internal"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else one,
)
def test_what_goes_wrong_inside_is_a_problem_and_never_an_answer(
    broken: "Broken", raised: Exception, slug: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken.error = raised
    bare = broken.service.caller

    with caplog.at_level(logging.DEBUG, logger="ledger"):
        responses = [
            bare.check(subject()),
            bare.post("/v1/checks/batch", BODIES["POST", "/v1/checks/batch"]),
            bare.http.get(f"/v1/subjects/{subject()}/bases"),
        ]

    for response in responses:
        assert require_problem(response)["type"] == f"/problems/{slug}"
        assert "decision" not in response.json()
        assert CANARIES[1] not in response.text
    assert CANARIES[1] not in caplog.text
    assert (type(raised).__name__ in caplog.text) == (slug == "internal")


class Broken:
    """An application whose every answer fails with an error."""

    def __init__(self) -> None:
        self.error: Exception = AssertionError("say which error")
        self.service: Service

    async def check(self, _: object) -> None:
        raise self.error

    batch = bases = check


@pytest.fixture(scope="module")
def broken(postgres: str) -> Iterator[Broken]:
    made = Broken()

    def make_app(ledger: Runtime, issuer: Issuer) -> Any:
        return create_app(msgspec.structs.replace(ledger, checks=made), issuer)

    with scratch(postgres) as where, served(where, make_app=make_app) as running:
        made.service = running
        yield made


# No word of what was sent.


def every_leaf(body: Any, canary: object) -> Iterator[Any]:
    """The body with one value after another replaced, whole objects and lists too."""
    yield canary
    for key, value in body.items() if isinstance(body, dict) else enumerate(body):
        replaced = every_leaf(value, canary) if isinstance(value, dict | list) else [canary]
        for one in replaced:
            if isinstance(body, dict):
                yield body | {key: one}
            else:
                yield [*body[:key], one, *body[key + 1 :]]
    if isinstance(body, dict):
        yield body | {"unknown": canary}


def parameters(call: Call) -> list[str]:
    """The query parameters of the call, by the names that callers use."""
    route = next(one for one in routes() if one.path == call[1])
    handler = next(one for method, (one, _) in route.route_handler_map.items() if method == call[0])
    found = handler.parsed_fn_signature.parameters
    return [getattr(one.kwarg_definition, "name", None) or name for name, one in found.items()]


def requests_with(call: Call, canary: str) -> Iterator[dict[str, Any]]:
    """The canary in every place of a request, one at a time."""
    base = made(call)
    headers = base["headers"]
    yield base | {"url": call[1].replace("{", "").split("subject:uuid")[0] + quote(canary, safe="")}
    yield base | {"url": base["url"] + "/" + quote(canary, safe="")}
    for name in [*parameters(call), "unknown"]:
        yield base | {"params": {name: canary}}
    yield base | {"params": {canary: "x"}}
    for name in ("authorization", "if-match", "content-type", "accept", "x-request-id"):
        yield base | {"headers": headers | {name: canary}}
    yield base | {"headers": headers | {"authorization": f"Bearer {canary}"}}
    yield base | {"headers": headers | {"idempotency-key": canary * 30}}
    if call in BODIES:
        for body in every_leaf(BODIES[call], canary):
            yield base | {"json": body}
        yield from texts_with(base, canary)


def texts_with(base: dict[str, Any], canary: str) -> Iterator[dict[str, Any]]:
    """Bodies that are no JSON, or not what they seem."""
    bare = {name: value for name, value in base.items() if name != "json"}
    headers = base["headers"] | {"content-type": "application/json"}
    large = json.dumps([canary] * (SETTINGS.catalogue_bytes_max // len(canary))).encode()
    for text in (
        canary.encode(),
        f'{{"{canary}'.encode(),
        f'{{"a": "{canary}", "a": "{canary}"}}'.encode(),
        json.dumps(canary).encode("utf-16"),
        b'{"a": "\xff' + canary.encode() + b'"}',
        b"[" * 5000 + json.dumps(canary).encode() + b"]" * 5000,
        large,
    ):
        yield bare | {"content": text, "headers": headers}


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_no_error_repeats_what_was_sent(
    service: Service, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    errors = 0
    with caplog.at_level(logging.DEBUG):
        for canary in CANARIES:
            for one in requests_with(call, canary):
                response = service.caller.http.request(**one)
                assert response.status_code < 500, one
                if response.status_code >= 400:
                    require_problem(response)
                    errors += 1
                    # Its own id is repeated to the caller alone.
                    fields = {**response.headers, "x-request-id": ""}
                    sent = response.text + repr(fields)
                    assert canary not in sent, (one, response.text)
    ours = [one for one in caplog.records if one.name.split(".")[0] not in ("httpx", "httpcore")]
    told = "\n".join(one.getMessage() for one in ours)
    assert not any(canary in told for canary in CANARIES)
    assert errors >= (10 * len(CANARIES) if call in BODIES else len(CANARIES))


def test_every_call_with_a_body_says_what_it_may_hold() -> None:
    assert sorted(BODIES) == [call for call in CALLS if call[0] not in ("GET", "DELETE")]


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_a_body_with_a_name_twice_is_refused(service: Service, call: Call) -> None:
    text = json.dumps(BODIES[call])
    name = text.split('"')[1]
    twice = text[:-1] + f', "{name}": null}}'

    response = service.caller.http.request(
        call[0],
        made(call)["url"],
        content=twice,
        headers={"content-type": "application/json", "idempotency-key": "k"},
    )

    assert require_problem(response)["field"] == "body"
    assert "twice" in response.json()["detail"]
