"""What every exchange has: its id, its headers, HEAD and OPTIONS, whatever came of it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from litestar import Litestar, get
from litestar.response import Stream

from api.app import create_app
from api.headers import HEADERS, STRICT_TRANSPORT
from api.middleware import Envelope
from api.openapi_page import POLICY
from api.problems import KINDS
from api.runtime import Runtime
from tests.http.raw import request, wire
from tests.http.routes import BODIES, CALLS, Call, made
from tests.http.service import SETTINGS, Service, scratch, served, subject
from tests.integration.wired import born

GETS = [path for method, path in CALLS if method == "GET"]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


def responses(service: Service, **headers: str) -> dict[int, httpx.Response]:
    """One response of every status that a caller can bring about."""
    caller = service.caller.http
    large = b"[" + b" " * SETTINGS.body_bytes_max + b"]"
    json_type = {"content-type": "application/json"}
    person = subject()
    key = {"idempotency-key": str(person)}
    path = f"/v1/subjects/{person}/entries"

    def ask(method: str, url: str, more: dict[str, str] | None = None, **what: Any):
        return caller.request(method, url, headers={**headers, **(more or {})}, **what)

    return {
        200: ask("GET", "/v1/catalogue"),
        201: ask("POST", path, key, json={"entries": [born()]}),
        204: ask("OPTIONS", "/v1/checks"),
        304: ask("GET", "/v1/catalogue", {"if-none-match": "*"}),
        400: ask("POST", "/v1/checks", json={}),
        401: ask("GET", "/v1/catalogue", {"authorization": "Bearer x"}),
        403: service.caller_with("record").http.post("/v1/checks", json={}, headers=headers),
        404: ask("GET", "/nope"),
        405: ask("DELETE", "/v1/checks"),
        409: ask("POST", "/v1/checks", json=BODIES["POST", "/v1/checks"]
                 | {"known_at": None, "min_position": "0:1:00000000"}),
        412: ask("POST", path, {"idempotency-key": "x", "if-match": '"v9"'},
                 json={"entries": [born()]}),
        413: ask("POST", "/v1/checks", json_type, content=large),
        414: ask("GET", "/" + "a" * 9000),
        415: ask("POST", "/v1/checks", {"content-type": "text/plain"}, content=b"{}"),
        422: ask("POST", path, key, json={"entries": [born("1999-01-01")]}),
        428: ask("POST", "/v1/entries", json=BODIES["POST", "/v1/entries"]),
        431: ask("GET", "/livez", {"a": "b" * 40_000}),
        503: ask("POST", "/v1/checks", json=BODIES["POST", "/v1/checks"]
                 | {"known_at": None, "min_position": "0:999999"}),
    }  # fmt: skip


# Headers.


def test_every_response_has_the_headers_that_keep_browsers_safe(service: Service) -> None:
    for code, response in responses(service).items():
        assert response.status_code == code, (code, response.text)
        assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
        assert response.headers["cache-control"] == "no-store"
        assert "server" not in response.headers
        assert "strict-transport-security" not in response.headers
        for name in response.headers:
            assert len(response.headers.get_list(name)) == 1, name


@pytest.mark.parametrize("path", GETS)
def test_every_page_has_them_too(service: Service, path: str) -> None:
    response = service.caller.http.request(**made(("GET", path)) | {"method": "HEAD"})

    wanted = HEADERS | ({"content-security-policy": POLICY} if path == "/docs" else {})
    assert {name: response.headers.get(name) for name in HEADERS} == wanted
    assert len(response.headers.get_list("cache-control")) == 1


def test_only_what_is_the_same_for_everybody_may_be_kept(service: Service) -> None:
    kept = {
        path: service.caller.http.get(path).headers["cache-control"]
        for path in ("/openapi.json", "/problems/malformed", "/problems/nope", "/livez", "/readyz")
    }

    assert kept == {
        "/openapi.json": "no-cache",
        "/problems/malformed": "no-cache",
        "/problems/nope": "no-store",
        "/livez": "no-store",
        "/readyz": "no-store",
    }


def test_strict_transport_is_asked_for_only_where_tls_stands_in_front(postgres: str) -> None:
    def behind_tls(ledger: Runtime, tokens: Any) -> Litestar:
        settings = msgspec.structs.replace(ledger.settings, tls_in_front=True)
        return create_app(msgspec.structs.replace(ledger, settings=settings), tokens)

    with scratch(postgres) as where, served(where, make_app=behind_tls) as service:
        for response in responses(service).values():
            assert response.headers["strict-transport-security"] == STRICT_TRANSPORT


def test_nothing_is_deprecated(service: Service) -> None:
    for response in responses(service).values():
        assert not {"deprecation", "sunset"} & response.headers.keys()


# Problems.


def test_every_error_is_a_problem_with_a_page_and_an_instance(service: Service) -> None:
    instances = set()
    for code, response in responses(service).items():
        if code < 400:
            continue
        problem = response.json()
        assert response.headers["content-type"] == "application/problem+json", code
        assert (problem["status"], problem["title"], bool(problem["detail"])) == (
            code,
            KINDS[problem["type"].removeprefix("/problems/")].title,
            True,
        )
        page = httpx.get(response.url.join(problem["type"]))
        assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/plain")
        assert UUID(problem["instance"].removeprefix("urn:uuid:")).version == 4
        instances.add(problem["instance"])
    assert len(instances) == len([code for code in responses(service) if code >= 400])


def test_the_statuses_of_the_table_are_those_that_there_are() -> None:
    assert {kind.status for kind in KINDS.values()} == {
        400, 401, 403, 404, 405, 408, 409, 412, 413, 414, 415, 422, 428, 429, 431, 500, 503
    }  # fmt: skip


@pytest.mark.parametrize(
    ("call", "change", "place"),
    [
        (("POST", "/v1/checks"), {"subject": "x"}, {"pointer": "/subject"}),
        (("POST", "/v1/checks"), {"known_at": "x"}, {"pointer": "/known_at"}),
        (("POST", "/v1/checks/batch"), {"checks": [{"id": 1}]}, {"pointer": "/checks/0/id"}),
        (("POST", "/v1/entries"), {"entries": [{"type": 1}]}, {"pointer": "/entries/0/type"}),
        (("PUT", "/v1/catalogue"), {"purposes": [1]}, {"pointer": "/purposes/0"}),
    ],
)
def test_a_field_is_pointed_at(
    service: Service, call: Call, change: dict[str, Any], place: dict[str, str]
) -> None:
    response = service.caller.http.request(
        call[0], call[1], json=BODIES[call] | change, headers={"idempotency-key": "k"}
    )

    (error,) = response.json()["errors"]
    assert response.status_code == 400
    assert {name: error[name] for name in place} == place
    assert error["code"] and error["message"]


def test_a_refusal_points_into_what_was_sent(service: Service) -> None:
    entry = {"type": "ConsentGranted", "effective_at": "2026-01-01", "purpose": "NEVER",
             "given_by": "x", "capacity": "SELF"}  # fmt: skip
    recording = service.caller.record(subject(), born(), entry)
    document = BODIES["PUT", "/v1/catalogue"]
    lines = [{"article6": "f", "source": "none", "effective_from": "2026-01-01"}]
    purposes = [document["purposes"][0] | {"lines": lines}, *document["purposes"][1:]]
    adopting = service.caller.adopt(msgspec.json.encode(document | {"purposes": purposes}))

    assert recording.json()["errors"] == [
        {
            "pointer": "/entries/1/purpose",
            "code": "UNKNOWN_PURPOSE",
            "message": recording.json()["detail"],
        }
    ]
    assert adopting.json()["errors"][0]["pointer"] == "/purposes/0/lines/0/article6"
    assert adopting.json()["pointer"] == "/entries/0/catalogue/purposes/0/lines/0/article6"


# Request ids.


IDS = ["a", "9434765919", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "A.b_c-1", "x" * 128]
NO_IDS = ["", " ", "x" * 129, "a b", "a/b", "a,b", "é", '"a"', "a\tb"]


@pytest.mark.parametrize("given", IDS)
def test_a_request_id_is_repeated_on_every_response_and_nowhere_else(
    service: Service, given: str
) -> None:
    for code, response in responses(service, **{"x-request-id": given}).items():
        assert response.headers["x-request-id"] == given, code
        assert len(given) < 5 or given not in response.text


@pytest.mark.parametrize("given", NO_IDS)
def test_what_is_no_request_id_is_replaced(service: Service, given: str) -> None:
    with wire(service) as one:
        one.send(request("GET /nope", f"X-Request-ID: {given}"))
        answer = one.answer()

    found = answer.fields["x-request-id"]
    assert UUID(found).version == 4
    assert f"urn:uuid:{found}" in answer.body.decode()


def test_two_request_ids_are_none(service: Service) -> None:
    with wire(service) as one:
        one.send(request("GET /livez", "X-Request-ID: a", "X-Request-ID: b"))

        assert UUID(one.answer().fields["x-request-id"])


@pytest.mark.parametrize("text", ["00-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-x-y-z", "", "é"])
def test_a_trace_is_taken_or_passed_over(service: Service, text: str) -> None:
    with wire(service) as one:
        one.send(request("GET /livez", f"traceparent: {text}", "tracestate: a=b"))

        assert one.answer().code == 200


# HEAD and OPTIONS.


def without_what_differs(response: httpx.Response) -> dict[str, str]:
    changing = {"date", "x-request-id", "ratelimit", "ledger-read-id"}
    return {name: value for name, value in response.headers.items() if name not in changing}


STEADY = ["/v1/catalogue", "/livez", "/problems/malformed", "/openapi.json"]


@pytest.mark.parametrize("path", [one for one in GETS if not one.endswith("/stream")])
def test_head_is_get_without_its_content(service: Service, path: str) -> None:
    got, head = (
        service.caller.http.request(**made(("GET", path)) | {"method": method})
        for method in ("GET", "HEAD")
    )

    assert (head.status_code, head.content) == (got.status_code, b"")
    found, expected = without_what_differs(head), without_what_differs(got)
    if path not in STEADY:
        assert int(found.pop("content-length")) > 0
        del expected["content-length"]
    assert found == expected


def test_head_answers_on_a_connection_that_goes_on(service: Service) -> None:
    with wire(service) as one:
        for target, code in (("/livez", 200), ("/nope", 404), ("/v1/checks", 405)):
            one.send(request(f"HEAD {target}"))
            assert one.head().code == code
        one.send(request("GET /livez"))
        assert one.answer().body == b'{"live":true}'


def test_head_of_what_never_ends_ends(postgres: str) -> None:
    ended: list[bool] = []

    async def endless() -> Any:
        try:
            while True:
                yield b"more"
        finally:
            ended.append(True)

    @get("/endless", sync_to_thread=False)
    def handler() -> Stream:
        return Stream(endless())

    def with_a_stream(ledger: Runtime, tokens: Any) -> Litestar:
        app = create_app(ledger, tokens)
        app.register(handler)
        return app

    with scratch(postgres) as where, served(where, make_app=with_a_stream) as service:
        head = service.caller.http.head("/endless")
        assert (head.status_code, head.content) == (200, b"")
        assert service.caller.http.get("/livez").status_code == 200
    assert ended == [True]


def test_who_is_answered_and_goes_away_breaks_nothing() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        sent.append(await receive())
        sent.append(await receive())

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        return

    scope: Any = {
        "type": "http",
        "http_version": "1.0",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [],
        "state": {},
    }
    asyncio.run(Envelope(app, tls_in_front=False, body_seconds=1)(scope, receive, send))

    assert sent == [{"type": "http.disconnect"}] * 2


@pytest.mark.parametrize("path", sorted({path for _, path in CALLS}))
def test_options_says_what_the_path_takes(service: Service, path: str) -> None:
    url = made(("GET", path))["url"]

    with wire(service) as one:
        one.send(request(f"OPTIONS {url}"))
        answer = one.head()

    taken: set[str] = {method for method, each in CALLS if each == path}
    taken |= {"OPTIONS"} | ({"HEAD"} if "GET" in taken else set())
    assert answer.code == 204
    assert re.split(", ", answer.fields["allow"]) == sorted(taken)
    assert not {"content-length", "content-type", "transfer-encoding"} & answer.fields.keys()
