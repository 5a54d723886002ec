"""Every call of the service: what the document says it needs, and who is turned away when."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.access import SCOPES
from tests.http.routes import CALLS, NEEDED, Call, made
from tests.http.service import Service

GUARDED = [call for call in CALLS if NEEDED.get(call) is not None]


def documented(service: Service) -> dict[Call, list[dict[str, list[str]]]]:
    """The operations of the document with their security requirements."""
    document = httpx.get(f"{service.url}/openapi.json").json()
    assert document.get("security") is None, "nothing is needed but what an operation says"
    (scheme,) = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    return {
        (method.upper(), path): operation.get("security", [])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def plain(call: Call) -> Call:
    """The call as the document spells it: a parameter without its kind."""
    method, path = call
    parts = (part.partition(":")[0] + "}" if ":" in part else part for part in path.split("/"))
    return method, "/".join(parts)


def test_the_document_names_the_scope_of_every_call(service: Service) -> None:
    said = documented(service)

    for call in CALLS:
        needed = NEEDED[call]
        if plain(call) in said or needed is not None:
            assert said[plain(call)] == ([] if needed is None else [{"bearer": [needed]}]), call


def test_every_operation_of_the_document_is_in_the_table(service: Service) -> None:
    assert {*documented(service)} <= {plain(call) for call in NEEDED}


def test_every_scope_opens_something_and_no_other_word_does() -> None:
    assert {*SCOPES} == {needed for needed in NEEDED.values() if needed is not None}


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_a_call_beyond_its_scope_is_told_which_one_it_needs(service: Service, call: Call) -> None:
    needed = NEEDED[call]
    others = [scope for scope in SCOPES if scope != needed]

    response = service.caller_with(*others).http.request(**made(call))

    assert response.status_code == 403
    assert response.headers["www-authenticate"] == (
        f'Bearer realm="ledger", error="insufficient_scope", scope="{needed}"'
    )


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_without_a_token_the_answer_comes_before_the_body(service: Service, call: Call) -> None:
    path = made(call)["url"]
    head = f"{call[0]} {path} HTTP/1.1\r\nhost: ledger\r\ncontent-type: application/json\r\n"
    with connected(service) as stream:
        stream.sendall(f"{head}content-length: 100000\r\n\r\n".encode())
        assert stream.recv(12) == b"HTTP/1.1 401", "although nothing was sent of it"


@contextmanager
def connected(service: Service) -> Iterator[socket.socket]:
    where = urlsplit(service.url)
    assert where.hostname and where.port
    with socket.create_connection((where.hostname, where.port), timeout=60) as stream:
        yield stream


def asked(service: Service, *headers: tuple[str, str], **more: Any) -> httpx.Response:
    return httpx.get(f"{service.url}/v1/catalogue", headers=[*headers], **more)


def test_the_scheme_has_no_case_and_may_be_followed_by_spaces(service: Service) -> None:
    token = service.issuer.token("t", ("check",), seconds=60)
    for scheme in ("Bearer ", "bearer ", "BEARER ", "Bearer   "):
        assert asked(service, ("authorization", scheme + token)).status_code == 200


def test_a_token_counts_in_one_authorization_header_alone(service: Service) -> None:
    token = service.issuer.token("t", ("check",), seconds=60)
    bearer = ("authorization", f"Bearer {token}")
    wrong = {
        "no header": asked(service),
        "twice": asked(service, bearer, bearer),
        "beside another": asked(service, bearer, ("authorization", "Basic dDp0")),
        "in a list": asked(service, ("authorization", f"Bearer {token}, Bearer {token}")),
        "in the query": asked(service, params={"access_token": token}),
        "in a cookie": asked(service, ("cookie", f"access_token={token}")),
        "by another scheme": asked(service, ("authorization", f"DPoP {token}")),
        "with a tab": asked(service, ("authorization", f"Bearer\t{token}")),
        "without a space": asked(service, ("authorization", f"Bearer{token}")),
        "as a parameter": asked(service, ("authorization", f'Bearer token="{token}"')),
        "in another header": asked(service, ("x-authorization", f"Bearer {token}")),
    }
    assert {name: one.status_code for name, one in wrong.items()} == dict.fromkeys(wrong, 401)
    for one in wrong.values():
        assert one.headers["www-authenticate"].startswith('Bearer realm="ledger"')
        assert token not in one.text and token not in str(one.headers)


def test_a_refused_token_is_told_what_is_wrong_with_it(service: Service) -> None:
    ended = service.issuer.token("t", ("check",), seconds=-1)
    said = asked(service, ("authorization", f"Bearer {ended}")).headers["www-authenticate"]

    assert said.startswith('Bearer realm="ledger", error="invalid_token", error_description="')
    assert "expired" in said
    assert "error" not in asked(service).headers["www-authenticate"]
