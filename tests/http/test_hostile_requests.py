"""Requests as bytes, to every call with a body: a refusal or a closed connection, and no hang."""

import re

import pytest

from api.access import SCOPES
from api.problems import MEDIA_TYPE
from tests.http.hostile_wire import Bytes, requests
from tests.http.raw import wire
from tests.http.routes import BODIES, Call, made
from tests.http.service import Service

REQUESTS_MIN = 150
SAID = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n", re.DOTALL)


def heads(said: bytes) -> list[tuple[int, bytes]]:
    """The codes and headers of all that the service said, interim responses left out."""
    found = [(int(code), fields.lower()) for code, fields in SAID.findall(said)]
    return [one for one in found if one[0] >= 200]


def exchanged(service: Service, one: Bytes) -> bytes:
    """Everything that is said until the connection ends; who waits too long fails the test."""
    with wire(service) as connection:
        connection.send_what_is_taken(one.content)
        if not one.whole:
            # Nothing more will come: whoever waits for it learns that.
            connection.finished()
        return connection.rest()


def test_the_corpus_is_large() -> None:
    every = {one.content for one in requests("/v1/checks", "t")}

    assert len(every) >= REQUESTS_MIN


@pytest.mark.parametrize("call", BODIES, ids=" ".join)
def test_no_request_breaks_anything(service: Service, call: Call) -> None:
    token = service.issuer.token("hostile", SCOPES, seconds=3600)
    size, answered = service.size(), 0

    for one in requests(made(call)["url"], token):
        answers = heads(exchanged(service, one))
        for code, fields in answers:
            assert code < 500, (one.name, answers)
            if code >= 400:
                assert b"content-type: " + MEDIA_TYPE.encode() in fields, one.name
            assert b"set-cookie" not in fields, one.name
        answered += bool(answers)

    # Whose body turns out to be none while an answer is still to come is told nothing more.
    assert answered > REQUESTS_MIN * 3 // 4
    assert service.size() == size
    assert service.caller.http.get("/livez").json() == {"live": True}
