"""What was found wrong with the stack before it was built on, each found out again if it returns.

1 numbers become dates of 1970 · 2 identifiers in addresses · 3 bodies that are no JSON, or nested
without end · 4 half a problem · 5 headers that some responses lack.
"""

import ast
import asyncio
import importlib
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

import api
from api.headers import HEADERS
from api.middleware import Envelope
from ledger.civil import parse_instant
from ledger.errors import Malformed
from tests.http.routes import BODIES, CALLS, Call, made, routes
from tests.http.service import Service, answer_of, recorded, scratch, served, subject
from tests.integration.wired import born, consent

API = Path(api.__file__).parent
FACES = [("POST", "/v1/checks"), ("POST", "/v1/checks/batch")]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


# 1. A number, or a time that says nothing of where, silently becomes another moment.


NO_INSTANTS = [20240314, "20240314", 0.5, "0.5", "2024-03-14T00:00:00", "2024-03-14 00:00:00Z",
               "2024-03-14T00:00Z", "2024-03-14T24:00:00Z", "2024-03-14T00:00:60Z", 1710374400,
               "1710374400", "2024-W11-4T00:00:00Z", "2024-03-14T00:00:00+0000", True, [],
               {}]  # fmt: skip
SPELLINGS = ["2026-03-14T10:00:00Z", "2026-03-14t10:00:00z", "2026-03-14T10:00:00+00:00",
             "2026-03-14T10:00:00.000000-00:00", "2026-03-14T11:00:00+01:00"]  # fmt: skip


def with_time(call: Call, field: str, value: object) -> dict[str, Any]:
    """The body of the call with this value as a time, and nothing else that could be wrong."""
    question = {"subject": str(subject()), "purpose": "PHOTO", field: value}
    return question if call[1] == "/v1/checks" else {"checks": [{"id": "1", **question}]}


@pytest.mark.parametrize("value", NO_INSTANTS, ids=repr)
@pytest.mark.parametrize("call", FACES, ids=" ".join)
@pytest.mark.parametrize("field", ["effective_at", "known_at"])
def test_finding_1_what_is_no_instant_is_no_moment_of_1970(
    service: Service, call: Call, field: str, value: object
) -> None:
    response = service.caller.post(call[1], with_time(call, field, value))

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].endswith(f"/{field}")


@pytest.mark.parametrize("value", [one for one in NO_INSTANTS if isinstance(one, str)])
def test_finding_1_nor_is_it_in_an_address(service: Service, value: str) -> None:
    paths = [
        f"/v1/subjects/{subject()}/bases?known_at=",
        "/v1/exposures?until=2026-01-01T00:00:00Z&from=",
    ]

    for path in paths:
        response = service.caller.http.get(path + value.replace("+", "%2B").replace(" ", "%20"))
        assert response.status_code == 400
        assert response.json()["errors"][0]["parameter"] in ("known_at", "from")


@pytest.mark.parametrize("value", NO_INSTANTS, ids=repr)
def test_finding_1_nor_is_it_in_an_entry(service: Service, value: object) -> None:
    person, before = subject(), service.size()

    response = service.caller.record(person, consent(person, value))  # type: ignore[arg-type]

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/entries/0/effective_at"
    assert service.size() == before


def test_finding_1_one_instant_has_one_answer_however_it_is_spelt(service: Service) -> None:
    person = subject()
    recorded(service.caller.record(person, born(), consent(person, "2026-03-14T10:00:00Z")))

    answers = [answer_of(service.caller.check(person, effective_at=one)) for one in SPELLINGS]

    assert {one["effective_at"] for one in answers} == {"2026-03-14T10:00:00Z"}
    assert {one["decision"] for one in answers} == {"PERMIT"}
    assert len({parse_instant(one) for one in SPELLINGS}) == 1


@pytest.mark.parametrize("value", [one for one in NO_INSTANTS if isinstance(one, str)])
def test_finding_1_the_one_reader_of_instants_refuses_it(value: str) -> None:
    with pytest.raises(Malformed):
        parse_instant(value)


def test_finding_1_no_request_holds_a_date_that_the_framework_would_read() -> None:
    """Every struct that a body is read into, and every parameter, as they are when they run."""
    named = _names_read()
    every = [one for module in _modules() for one in vars(module).values()]
    read = {
        one
        for one in every
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__name__ in named
    }
    assert {"CheckBody", "BatchBody", "EntriesBody", "ResolveBody"} <= {
        one.__name__ for one in read
    }
    for struct in _with_members(read):
        for name, hint in get_type_hints(struct, include_extras=True).items():
            assert not _times_in(hint), f"{struct.__name__}.{name}"
    for route in routes():
        for handler, _ in route.route_handler_map.values():
            for name, one in handler.parsed_fn_signature.parameters.items():
                assert not _times_in(one.annotation), f"{route.path} {name}"


def _modules() -> list[Any]:
    return [importlib.import_module(f"api.{path.stem}") for path in sorted(API.glob("[a-z]*.py"))]


def _names_read() -> set[str]:
    """The classes that are named where a body is read: `read(request, CheckBody, …)`."""
    found = set()
    for path in API.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("read", "body_of"):
                found |= {one.id for one in node.args if isinstance(one, ast.Name)}
    return found


def _with_members(structs: set[type]) -> set[type]:
    found, left = set(), set(structs)
    while left:
        struct = left.pop()
        found.add(struct)
        for hint in get_type_hints(struct, include_extras=True).values():
            left |= {
                one
                for one in _parts(hint)
                if isinstance(one, type) and issubclass(one, msgspec.Struct) and one not in found
            }
    return found


def _times_in(hint: object) -> bool:
    return any(isinstance(one, type) and issubclass(one, date) for one in _parts(hint))


def _parts(hint: object) -> Iterator[object]:
    yield hint
    for one in get_args(hint):
        yield from _parts(one)


def test_finding_1_the_rule_about_dates_can_fail() -> None:
    class Bad(msgspec.Struct):
        at: list[datetime | None]

    assert any(_times_in(one) for one in get_type_hints(Bad).values())


# 2. No identifier of a person in an address.


def test_finding_2_only_an_opaque_subject_stands_in_an_address() -> None:
    parameters = {name for _, path in CALLS for name in re.findall(r"{(\w+):\w+}", path)}

    ours = {"purpose", "slug", "name", "consumer", "size", "tile"}
    assert parameters <= {"subject", "pack", "entry", *ours}
    for path in {path for _, path in CALLS}:
        for opaque in ("subject", "pack", "entry"):
            assert f"{{{opaque}" not in path or f"{{{opaque}:uuid}}" in path


@pytest.mark.parametrize("named", ["9434765919", "Jane%20Quilligan", "{7d3f0c0e}", "00000000"])
def test_finding_2_an_identifier_in_the_place_of_a_subject_is_not_found_and_not_repeated(
    service: Service, named: str
) -> None:
    for path in ("bases", "entries", "bases/diff"):
        response = service.caller.http.get(f"/v1/subjects/{named}/{path}")
        assert response.status_code in (400, 404)
        assert named not in response.text


# 3. What is no JSON is taken for it, and deep nesting ends in 500.


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_finding_3_text_is_not_json(service: Service, call: Call) -> None:
    content = json.dumps(BODIES[call])
    for media_type in ("text/plain", "application/xml", ""):
        response = service.caller.http.request(
            call[0],
            made(call)["url"],
            content=content,
            headers={"content-type": media_type, "idempotency-key": "k"},
        )
        # AuthZEN asks for 400.
        assert response.status_code == (400 if call[1].startswith("/access/") else 415)


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 50_000, "[" * 200_000 + "]" * 50_000],
    ids=["arrays", "objects", "closed again"],
)
def test_finding_3_deep_nesting_is_no_error_of_ours(
    service: Service, call: Call, text: str
) -> None:
    response = service.caller.http.request(
        **made(call, **{"content-type": "application/json"}) | {"content": text, "json": None}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "too-deep"


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_finding_3_a_name_twice_means_nothing(service: Service, call: Call) -> None:
    twice = json.dumps(BODIES[call])[:-1] + ', "x": 1, "x": 1}'

    response = service.caller.http.request(
        **made(call, **{"content-type": "application/json"}) | {"content": twice, "json": None}
    )

    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "name-twice"


# 4. Problems that are half a problem.


def test_finding_4_no_problem_holds_the_address_and_each_has_all_members(service: Service) -> None:
    wrong = [
        ("GET", "/v1/nope?case=CS-2024-0042"),
        ("GET", f"/v1/subjects/{subject()}/bases?case=CS-2024-0042"),
        ("DELETE", "/v1/checks?case=CS-2024-0042"),
        ("GET", f"/v1/subjects/{subject()}/entries?limit=CS-2024-0042"),
    ]
    for method, url in wrong:
        response = service.caller.http.request(method, url)
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "instance"} <= problem.keys()
        assert problem["type"].startswith("/problems/") and "CS-2024" not in response.text
        assert httpx.get(response.url.join(problem["type"])).status_code == 200


# 5. Headers that 404 and 405 lack.


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nope", 404),
        ("DELETE", "/v1/checks", 405),
        ("OPTIONS", "/v1/checks", 204),
        ("HEAD", "/livez", 200),
        ("HEAD", "/nope", 404),
        ("OPTIONS", "/v1/nope", 404),
        ("GET", "/v1/catalogue", 401),
    ],
)
def test_finding_5_every_response_has_the_headers(
    service: Service, method: str, path: str, code: int
) -> None:
    response = httpx.request(method, service.url + path)

    assert response.status_code == code
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS


def test_finding_5_also_where_something_breaks_outside_of_every_route() -> None:
    """The last resort is a problem too, and says nothing of what broke."""
    sent = _broken(RuntimeError("9434765919"))

    start, body = sent
    fields = {name.decode(): value.decode() for name, value in start["headers"]}
    assert (start["status"], fields["content-type"]) == (500, "application/problem+json")
    assert {name: fields.get(name) for name in HEADERS} == HEADERS
    assert json.loads(body["body"])["type"] == "/problems/internal"
    assert b"9434765919" not in body["body"]


def _broken(error: Exception) -> list[Any]:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: Any = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"x")],
        "state": {},
    }
    asyncio.run(Envelope(app, tls_in_front=False, body_seconds=1)(scope, receive, send))
    return sent


def test_every_route_is_one_that_these_tests_know() -> None:
    assert {route.path for route in routes()} == {path for _, path in CALLS}
    assert all(isinstance(route, HTTPRoute) for route in routes())
