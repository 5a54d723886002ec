"""Bodies that mean harm, to every operation that takes one: refused clearly, nothing recorded."""

import json
import re
import resource
import sys
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api.problems import KINDS, MEDIA_TYPE
from tests.http.hostile import FAMILIES, Hostile, bodies
from tests.http.routes import BODIES, Call, made
from tests.http.service import Service
from tests.http.test_openapi import DOCUMENT

BODIES_MIN = 250
PEAK_BYTES_MAX = 256 * 2**20
"""How much more the process, this test in it, may need than before: a body is at most 300 KB."""
REFUSAL_BYTES_MAX = 64 * 2**10


def sent(service: Service, call: Call, one: Hostile) -> httpx.Response:
    """The body to the call, under a key of its own."""
    return service.caller.http.request(
        call[0],
        made(call)["url"],
        content=one.content,
        headers=[*one.fields, (b"idempotency-key", uuid4().hex.encode())],
    )


def declared(call: Call) -> dict[str, Any]:
    """What the document says of the answers of the call."""
    path = re.sub(r":\w+}", "}", call[1])
    found: dict[str, Any] = DOCUMENT["paths"][path][call[0].lower()]["responses"]
    return found


def require_refusal(response: httpx.Response, one: Hostile) -> None:
    """A problem that repeats nothing of a body that is longer than words are."""
    assert response.headers["content-type"] == MEDIA_TYPE, one.name
    assert len(response.content) < REFUSAL_BYTES_MAX, one.name
    problem = response.json()
    assert KINDS[problem["type"].removeprefix("/problems/")].status == response.status_code


def peak() -> int:
    """The most memory that this process has needed, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_the_corpus_is_large_and_nothing_stands_in_it_twice() -> None:
    for body in BODIES.values():
        every = [*bodies(body)]
        assert len({(one.content, one.fields) for one in every}) >= BODIES_MIN
        assert all([*family(body)] for family in FAMILIES)


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_no_body_breaks_anything(service: Service, call: Call) -> None:
    known, size, before = declared(call), service.size(), peak()
    recorded = 0

    for one in bodies(BODIES[call]):
        response = sent(service, call, one)
        assert response.status_code < 500, (one.name, response.text)
        assert str(response.status_code) in known, (one.name, response.text)
        if response.status_code >= 400:
            require_refusal(response, one)
        elif response.status_code == 201:
            recorded += len(response.json().get("entries", ()))

    assert service.size() == size + recorded, "what was refused is not recorded"
    assert peak() - before < PEAK_BYTES_MAX
    assert service.caller.http.get("/livez").json() == {"live": True}
    good = sent(service, call, Hostile("good", json.dumps(BODIES[call]).encode()))
    assert good.status_code < 500
