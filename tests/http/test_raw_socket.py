"""What no client library sends: a clear refusal or a closed connection, no 5xx, and never a hang.

What is no HTTP at all is answered before there is an application: also as a problem, and the
connection is closed.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest
from litestar import Litestar

from api.access import SCOPES
from api.app import create_app
from api.headers import HEADERS
from api.runtime import Places, Runtime
from tests.http.raw import Answered, request, wire
from tests.http.service import Service, scratch, served, subject

JSON = "Content-Type: application/json"
QUESTION = json.dumps({"subject": str(subject()), "purpose": "PHOTO"}).encode()


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    return service.issuer.token("raw", SCOPES, seconds=3600)


def alive(service: Service) -> None:
    """The service still answers."""
    assert service.caller.http.get("/livez").status_code == 200


def problem(answer: Answered) -> str:
    """The type of the problem that the response is, which has our headers."""
    assert answer.fields["content-type"] == "application/problem+json", answer
    assert {name: answer.fields.get(name) for name in HEADERS} == HEADERS
    assert "server" not in answer.fields
    slug: str = json.loads(answer.body)["type"]
    return slug.removeprefix("/problems/")


# What is no HTTP.


NO_HTTP = {
    "nothing of it": b"\x00\x01\x02\x03\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100510100004d0303") + b"\x00" * 70,
    "no version": b"GET /livez\r\n\r\n",
    "another protocol": b"GET /livez SPDY/3\r\n\r\n",
    "version 9.9": b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
    "an unknown method": b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in lower case": b"get /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that is no path": b"GET livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the path": b"GET /li vez HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": b"GET /livez HTTP/1.1\r\nHost\r\n\r\n",
    "a space before the colon": b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
    "a NUL in a header": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
    "a bare CR in a header": b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "a length that is no number": b"POST /v1/checks HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "a length below nothing": b"POST /v1/checks HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length beyond all": b"POST /v1/checks HTTP/1.1\r\nContent-Length: "
    + b"9" * 40
    + b"\r\n\r\n",
    "two lengths": b"POST /v1/checks HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST /v1/checks HTTP/1.1\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n",
    "chunks and a length": b"POST /v1/checks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Length: 4\r\n\r\n0\r\n\r\n",
    "chunks that are not the last coding": b"POST /v1/checks HTTP/1.1\r\n"
    b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n",
}


@pytest.mark.parametrize("text", NO_HTTP.values(), ids=NO_HTTP.keys())
def test_what_is_no_http_is_refused_and_the_connection_closed(
    service: Service, text: bytes
) -> None:
    with wire(service) as one:
        one.send(text)
        answer = one.answer()

        assert (answer.code, answer.fields.get("connection")) == (400, "close"), answer
        assert problem(answer) == "malformed"
        assert one.ended()
    alive(service)


# What is HTTP, and no client sends.


def ask(service: Service, text: bytes) -> Answered:
    """The answer on a connection of its own."""
    with wire(service) as one:
        one.send(text)
        return one.answer()


@pytest.mark.parametrize(
    ("target", "code", "kind"),
    [
        ("/v1/%", 400, "malformed"),
        ("/v1/%zz", 400, "malformed"),
        ("/v1/purposes/%00/subjects", 400, "malformed"),
        ("/v1/purposes/%ff/subjects", 400, "malformed"),
        ("/v1/purposes/%ed%a0%80/subjects", 400, "malformed"),
        ("/v1/exposures?from=%c3", 400, "malformed"),
        ("/v1/exposures?%", 400, "malformed"),
        ("/" + "a" * 9000, 414, "uri-too-long"),
        ("/livez?" + "a" * 9000, 414, "uri-too-long"),
        ("/v1/purposes/PHOTO/subjects/../../catalogue", 404, "not-found"),
        ("//v1//catalogue", 401, "unauthenticated"),
        ("/v1/catalogue/", 401, "unauthenticated"),
        ("/v1/catalogue;x=1", 404, "not-found"),
        ("/V1/catalogue", 404, "not-found"),
        ("http://x/v1/catalogue", 401, "unauthenticated"),
        ("*", 404, "not-found"),
    ],
)
def test_an_address_is_read_as_it_is_or_refused(
    service: Service, target: str, code: int, kind: str
) -> None:
    answer = ask(service, request(f"GET {target}"))

    assert (answer.code, problem(answer)) == (code, kind)
    assert target not in answer.body.decode() or len(target) == 1


@pytest.mark.parametrize("method", ["TRACE", "PATCH", "PROPFIND", "DELETE", "HEAD", "PURGE"])
def test_a_method_that_the_call_does_not_take_is_a_problem(service: Service, method: str) -> None:
    with wire(service) as one:
        one.send(request(f"{method} /v1/checks"))
        if method == "HEAD":
            assert one.head().code == 405
        else:
            answer = one.answer()
            assert (answer.code, problem(answer)) == (405, "method-not-allowed")
            assert answer.fields["allow"] == "OPTIONS, POST"


@pytest.mark.parametrize(
    "fields",
    [
        [f"A{n}: b" for n in range(100)],
        ["A: " + "b" * 40_000],
        ["A" * 40_000 + ": b"],
        ["Cookie: " + "a=b; " * 7_000],
    ],
    ids=["many", "a long value", "a long name", "cookies"],
)
def test_headers_are_bounded(service: Service, fields: list[str]) -> None:
    answer = ask(service, request("GET /livez", *fields))

    assert (answer.code, problem(answer)) == (431, "headers-too-large")


def test_headers_that_do_not_end_are_given_up_on(service: Service) -> None:
    for text in (b"A: " + b"b" * 2**20, b"A: b\r\n" * 2**17, b"\r\n" * 2**19):
        with wire(service) as one:
            begun = b"" if text.startswith(b"\r") else b"GET /livez HTTP/1.1\r\n"
            one.send_what_is_taken(begun + text)
            assert one.ended_after(400)
    alive(service)


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\nA: b"])
def test_a_request_that_does_not_begin_in_time_is_given_up_on(
    service: Service, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.protocol.HEAD_SECONDS", 0)
    with wire(service) as one:
        one.send_what_is_taken(begun)
        assert one.ended()
    monkeypatch.undo()
    alive(service)


def test_the_next_request_on_a_connection_has_its_own_time(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wire(service) as one:
        one.send(request("GET /livez"))
        assert one.answer().code == 200
        monkeypatch.setattr("api.protocol.HEAD_SECONDS", 0)
        one.send(request("GET /livez"))
        assert one.answer().code == 200
        one.send_what_is_taken(b"GET /livez HTTP/1.1\r\nHo")
        assert one.ended()


def test_trailers_are_no_headers_and_do_not_go_on_for_ever(service: Service, token: str) -> None:
    chunks = b"%x\r\n%s\r\n0\r\n" % (len(QUESTION), QUESTION)
    head = request("POST /v1/checks", JSON, "Transfer-Encoding: chunked")
    trailer = f"Authorization: Bearer {token}\r\n\r\n".encode()

    assert ask(service, head + chunks + trailer).code == 401
    known = request("POST /v1/checks", JSON, "Transfer-Encoding: chunked", token=token)
    assert ask(service, known + chunks + b"Content-Type: text/plain\r\n\r\n").code == 200
    with wire(service) as one:
        one.send_what_is_taken(known + chunks + b"A: b\r\n" * 2**17)
        assert one.ended_after(200)
    alive(service)


def test_two_hosts_or_none_are_refused(service: Service) -> None:
    for text in (
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x/y\r\n\r\n",
    ):
        assert problem(ask(service, text)) == "malformed"
    assert ask(service, b"GET /livez HTTP/1.0\r\n\r\n").code == 200


def test_headers_may_come_in_pieces(service: Service, token: str) -> None:
    text = request(
        "POST /v1/checks", JSON, f"Content-Length: {len(QUESTION)}", body=QUESTION, token=token
    )
    with wire(service) as one:
        one.send(*(text[n : n + 1] for n in range(len(text))))

        assert one.answer().code == 200


def test_requests_that_come_at_once_are_answered_in_their_order(
    service: Service, token: str
) -> None:
    check = request(
        "POST /v1/checks", JSON, f"Content-Length: {len(QUESTION)}", body=QUESTION, token=token
    )
    with wire(service) as one:
        one.send(check + request("GET /nope") + check + request("GET /livez"))

        assert [one.answer().code for _ in range(4)] == [200, 404, 200, 200]


def test_no_protocol_is_changed(service: Service, token: str) -> None:
    upgrades = [
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
        ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    ]  # fmt: skip
    for fields in upgrades:
        assert ask(service, request("GET /livez", *fields)).code == 200
        length = f"Content-Length: {len(QUESTION)}"
        check = request("POST /v1/checks", JSON, length, *fields, body=QUESTION, token=token)
        assert ask(service, check).code == 200


# Bodies that do not come.


def test_a_body_is_asked_for_only_where_it_would_be_read(service: Service, token: str) -> None:
    expecting = "Expect: 100-continue"
    length = f"Content-Length: {len(QUESTION)}"
    with wire(service) as one:
        one.send(request("POST /v1/checks", JSON, length, expecting, token=token))
        assert one.interim() == b"HTTP/1.1 100 Continue\r\n"
        one.send(QUESTION)
        assert one.answer().code == 200
    for code, fields in (
        (413, [JSON, "Content-Length: 99999999", expecting]),
        (415, ["Content-Type: text/plain", length, expecting]),
    ):
        with wire(service) as one:
            one.send(request("POST /v1/checks", *fields, token=token))
            assert one.answer().code == code
    with wire(service) as one:
        one.send(request("POST /v1/checks", JSON, length, expecting))
        assert one.answer().code == 401


def test_who_goes_away_in_the_middle_of_a_body_is_nobodys_error(
    service: Service, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = service.size()
    path = f"/v1/subjects/{subject()}/entries"
    for fields in (["Content-Length: 1000"], ["Transfer-Encoding: chunked"]):
        for ending in ("shut", "reset"):
            with wire(service) as one:
                key = "Idempotency-Key: k"
                head = request(f"POST {path}", JSON, key, "Expect: 100-continue", *fields,
                               token=token)  # fmt: skip
                one.send(head)
                assert one.interim() == b"HTTP/1.1 100 Continue\r\n"
                one.send(b'5\r\n{"ent' if "chunked" in fields[0] else b'{"ent')
                one.reset() if ending == "reset" else one.close()
    alive(service)
    assert service.size() == before
    assert "unexpected" not in caplog.text


def test_a_body_that_does_not_come_in_time_is_given_up_on(postgres: str) -> None:
    with scratch(postgres) as where, patience_of_none(where) as service:
        token = service.issuer.token("raw", SCOPES, seconds=3600)
        with wire(service) as one:
            one.send(request("POST /v1/checks", JSON, "Content-Length: 1000", token=token))
            answer = one.answer()

            assert (answer.code, problem(answer)) == (408, "too-slow")
            assert answer.fields["connection"] == "close"
            assert one.ended()
        alive(service)


def patience_of_none(where: Places) -> AbstractContextManager[Service]:
    """A service that waits for no body, and has no catalogue."""
    return served(where, catalogue=None, make_app=impatient)


def impatient(ledger: Runtime, tokens: Any) -> Litestar:
    """The application, which waits for no body that has not come with its headers."""
    settings = msgspec.structs.replace(ledger.settings, body_seconds=0)
    return create_app(msgspec.structs.replace(ledger, settings=settings), tokens)


def test_nothing_is_said_in_the_place_of_an_answer_that_is_still_to_come(
    service: Service, token: str
) -> None:
    head = request("POST /v1/checks", JSON, "Content-Length: 1000", "Expect: 100-continue",
                   token=token)  # fmt: skip
    with wire(service) as one:
        one.send(head)
        assert one.interim() == b"HTTP/1.1 100 Continue\r\n"
        one.send(b" " * 1000 + b"\x00 is no request\r\n\r\n")

        answered = one.rest()

    assert answered == b"" or answered.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"no HTTP" not in answered
