"""Bodies: I-JSON in UTF-8, not packed, bounded, and nothing in them that the call does not take."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.http.routes import BODIES, CALLS, Call, made
from tests.http.service import SETTINGS, Service, scratch, served

GUARDED = [call for call in BODIES if not call[1].startswith("/access/")]
"""AuthZEN asks for 400 where the media type is wrong, and for unknown fields to be passed over."""


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


def send(
    service: Service, call: Call, content: bytes | Iterator[bytes], *fields: tuple[bytes, bytes]
) -> httpx.Response:
    """The content as JSON, unless the fields say otherwise."""
    named = {name for name, _ in fields}
    usual = [(b"content-type", b"application/json"), (b"idempotency-key", b"k")]
    headers = [*fields, *(one for one in usual if one[0] not in named)]
    url = made(call)["url"]
    return service.caller.http.request(call[0], url, content=content, headers=headers)


def slug(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    kind: str = response.json()["type"]
    return kind.removeprefix("/problems/")


# What the body says it is.


TYPES = [b"text/plain", b"application/xml", b"application/json; charset=iso-8859-1", b"text/json",
         b'application/json; charset="utf-16"', b"application/x-www-form-urlencoded", b"", b"json",
         b"application/merge-patch+json", b"multipart/form-data; boundary=x", b"*/*",
         b"application/json; charset=utf-8; charset=utf-7", b"application/jsonx"]  # fmt: skip


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_only_json_is_json(service: Service, call: Call) -> None:
    body = json.dumps(BODIES[call]).encode()
    for media_type in TYPES:
        response = send(service, call, body, (b"content-type", media_type))
        assert (response.status_code, slug(response)) == (415, "media-type"), media_type
        assert response.headers["accept"] == "application/json"
    twice = (b"content-type", b"application/json")
    assert send(service, call, body, twice, twice).status_code == 415


@pytest.mark.parametrize(
    "media_type",
    [b"application/json", b"APPLICATION/JSON", b'application/json;charset="UTF-8"',
     b"application/json ; profile=x", b"application/json; charset=utf-8"],
)  # fmt: skip
def test_json_may_name_its_one_character_set(service: Service, media_type: bytes) -> None:
    call = ("POST", "/v1/checks")

    response = send(service, call, json.dumps(BODIES[call]).encode(), (b"content-type", media_type))

    assert response.status_code == 200, response.text


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
@pytest.mark.parametrize("coding", [b"gzip", b"identity, gzip", b"br", b"deflate", b"x", b""])
def test_a_packed_body_is_not_unpacked(service: Service, call: Call, coding: bytes) -> None:
    packed = gzip.compress(json.dumps(BODIES[call]).encode())

    response = send(service, call, packed, (b"content-encoding", coding))

    assert (response.status_code, slug(response)) == (415, "media-type")
    assert response.headers["accept-encoding"] == "identity"


def test_a_body_that_is_not_packed_may_say_so(service: Service) -> None:
    call = ("POST", "/v1/checks")
    body = json.dumps(BODIES[call]).encode()

    assert send(service, call, body, (b"content-encoding", b"Identity")).status_code == 200


# What it is.


def texts(body: Any) -> dict[str, bytes]:
    """The body as what readers disagree about, by the code of the error."""
    plain = json.dumps(body)
    inner = plain[1:-1]
    return {
        "not-json": plain.encode()[:-1],
        "byte-order": b"\xef\xbb\xbf" + plain.encode(),
        "not-utf-8": plain.encode("utf-16"),
        "name-twice": f'{{{inner}, "x": 1, "\\u0078": 2}}'.encode(),
        "number-too-large": f'{{{inner}, "x": 9007199254740992}}'.encode(),
        "not-a-number": f'{{{inner}, "x": NaN}}'.encode(),
        "lone-surrogate": f'{{{inner}, "x": "\\ud800"}}'.encode(),
        "too-deep": f'{{{inner}, "x": {"[" * 32}{"]" * 32}}}'.encode(),
    }


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_what_readers_disagree_about_is_refused_on_every_call(service: Service, call: Call) -> None:
    for code, text in texts(BODIES[call]).items():
        response = send(service, call, text)
        assert (response.status_code, slug(response)) == (400, "malformed"), code
        (error,) = response.json()["errors"]
        assert (error["pointer"], error["code"]) == ("", code)
        assert response.json()["field"] == "body"


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
@pytest.mark.parametrize(
    "text",
    [b"[" * 200_000, b'{"a":' * 40_000, b"1" * 200_000, b'"' * 200_000],
    ids=["arrays", "objects", "digits", "quotes"],
)
def test_a_body_that_costs_more_than_it_means_is_refused(
    service: Service, call: Call, text: bytes
) -> None:
    response = send(service, call, text)

    assert (response.status_code, slug(response)) == (400, "malformed")


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_a_body_is_bounded_however_it_is_sent(service: Service, call: Call) -> None:
    most = SETTINGS.catalogue_bytes_max if call[1] == "/v1/catalogue" else SETTINGS.body_bytes_max
    declared = send(service, call, b" " * (most + 1))
    in_pieces = send(service, call, (b" " * 4096 for _ in range(most // 4096 + 2)))

    for response in (declared, in_pieces):
        assert (response.status_code, slug(response)) == (413, "too-large")


# Nothing that the call does not take.


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_an_unknown_field_is_refused(service: Service, call: Call) -> None:
    body = BODIES[call] | {"unknown_field": 1}

    response = send(service, call, json.dumps(body).encode())

    assert (response.status_code, slug(response)) == (400, "malformed")


def test_an_unknown_field_deeper_down_is_refused(service: Service) -> None:
    batch = {"checks": [BODIES["POST", "/v1/checks/batch"]["checks"][0] | {"purpos": "x"}]}

    response = send(service, ("POST", "/v1/checks/batch"), json.dumps(batch).encode())

    (error,) = response.json()["errors"]
    assert (response.status_code, error["pointer"]) == (400, "/checks/0")


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_an_unknown_parameter_is_refused(service: Service, call: Call) -> None:
    request = made(call)
    request["url"] += "?unknown=1"

    response = service.caller.http.request(**request)

    if response.status_code != 404:
        (error,) = response.json()["errors"]
        assert (response.status_code, error["code"]) == (400, "unknown-parameter")
    else:
        assert slug(response) == "not-found"


@pytest.mark.parametrize("call", [one for one in CALLS if one[0] == "GET"], ids=" ".join)
def test_a_body_where_none_has_a_meaning_is_refused(service: Service, call: Call) -> None:
    for content in (b"{}", iter([b"{}"])):
        response = service.caller.http.request("GET", made(call)["url"], content=content)
        assert response.status_code in (400, 404), response.text
        if response.status_code == 400 and "parameter" not in response.json()["errors"][0]:
            (error,) = response.json()["errors"]
            assert (error["pointer"], error["code"]) == ("", "unexpected-body")


def test_a_body_of_no_length_is_none(service: Service) -> None:
    response = service.caller.http.get("/v1/catalogue", headers={"content-length": "0"})

    assert response.status_code == 200
