"""The feed streamed: what a client is sent, and how it is told to come again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from api.access import Client, Unauthenticated
from api.app import create_app
from api.issuer import Issuer
from api.runtime import Places, Runtime
from api.settings import Settings
from tests.http.bound import bound
from tests.http.service import Service, recorded, scratch, served, subject
from tests.http.streaming import Streamed, stalled, streamed
from tests.integration.waiting import until
from tests.integration.wired import born, consent


class Trust:
    """The issuer's tokens, for as long as it is not told otherwise."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.ended = False

    async def client(self, token: str) -> Client:
        if self.ended:
            raise Unauthenticated("the token has expired: ask for a new one")
        return await self._issuer.client(token)


def serving(where: Places, **settings: Any) -> AbstractContextManager[Service]:
    """A service with these settings, over a ledger that may have a catalogue."""

    def make_app(ledger: Runtime, issuer: Issuer) -> Litestar:
        made = msgspec.structs.replace(ledger.settings, **settings)
        return create_app(msgspec.structs.replace(ledger, settings=made), Trust(issuer))

    return served(where, make_app=make_app)


@pytest.fixture(scope="module")
def where(postgres: str) -> Iterator[Places]:
    with scratch(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def service(where: Places) -> Iterator[Service]:
    with serving(where, feed_checkpoint_seconds=1, feed_consumers_max=3) as running:
        yield running


def record(service: Service, many: int = 1) -> str:
    """The cursor after so many new entries."""
    done = recorded(service.caller.record(subject(), *[born()] * many))
    return f"{done['position']}-0"


def consumers(service: Service) -> float:
    registry = service.ledger.telemetry.metrics.registry
    return registry.get_sample_value("ledger_feed_consumers") or 0.0


def test_what_was_recorded_comes_first_and_what_is_new_as_it_comes(service: Service) -> None:
    record(service, 3)
    with streamed(service.caller_with("feed"), after="earliest") as stream:
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.headers["cache-control"] == "no-store"
        assert stream.next() == {"retry": "2000"}
        first = [stream.event() for _ in range(service.size())]
        point = stream.checkpoint()
        assert point["data"]["behind"] == 0
        assert point["id"] == point["data"]["cursor"] == first[-1]["id"]
        later = record(service)
        assert stream.event()["id"] == later

    pulled = service.caller.http.get("/v1/feed").json()["events"]
    assert [one["data"] for one in first] == pulled[:-1]


def test_a_client_that_comes_again_goes_on_where_it_was(service: Service) -> None:
    caller = service.caller_with("feed")
    with streamed(caller, after="head") as stream:
        stream.checkpoint()
        seen = [record(service, 2), record(service)]
        assert stream.event()["data"]["data"]["type"] == "DateOfBirthRecorded"
        last = stream.event()["id"]
        assert last == seen[0]
    missed = record(service, 4)
    with streamed(caller, last=last, after="earliest") as stream:
        found = [stream.event()["id"] for _ in range(5)]
        assert (found[0], found[-1]) == (seen[1], missed)
        assert stream.checkpoint()["data"]["behind"] == 0


def test_a_checkpoint_comes_again_and_again_while_nothing_happens(service: Service) -> None:
    with streamed(service.caller_with("feed"), after="head") as stream:
        points = [stream.checkpoint()["data"] for _ in range(3)]

    assert {one["cursor"] for one in points} == {points[0]["cursor"]}
    assert [one["time"] for one in points] == sorted({one["time"] for one in points})
    assert {one["behind"] for one in points} == {0}


def test_a_client_bound_to_purposes_moves_on_past_what_it_is_not_told(service: Service) -> None:
    person = subject()
    with streamed(bound(service, "PHOTO"), after="head") as stream:
        stream.checkpoint()
        given = consent(person, "2026-03-02T10:00:00Z")
        done = recorded(service.caller.record(person, born(), given, born()))["entries"]
        assert stream.event()["data"]["data"]["entry"] == done[1]["entry"]
        end = f"{done[2]['position']}-0"
        assert stream.until(lambda one: one["id"] == end)["event"] == "checkpoint"


@pytest.mark.parametrize(
    ("last", "status", "slug"),
    [
        ("0:1:00000000-0", 409, "log-forked"),
        ("0:999999-0", 503, "behind"),
        ("nowhere", 400, "malformed"),
    ],
)
def test_what_is_no_place_in_this_feed_is_refused_before_a_stream_begins(
    service: Service, last: str, status: int, slug: str
) -> None:
    for headers, params in (({"last-event-id": last}, {}), ({}, {"after": last})):
        response = service.caller.http.get("/v1/feed/stream", headers=headers, params=params)
        assert (response.status_code, response.json()["type"]) == (status, f"/problems/{slug}")
        assert response.headers["content-type"] == "application/problem+json"


def test_there_is_room_for_so_many_and_the_next_is_told_to_come_again(service: Service) -> None:
    until(lambda: consumers(service) == 0, "everybody has left")
    callers = [service.caller_with("feed") for _ in range(3)]
    with (
        streamed(callers[0]) as one,
        streamed(callers[1]) as two,
        streamed(callers[2]) as three,
    ):
        for stream in (one, two, three):
            stream.checkpoint()
        for path in ("/v1/feed/stream", "/v1/feed"):
            response = service.caller.http.get(path)
            assert (response.status_code, response.json()["type"]) == (503, "/problems/overloaded")
            assert "retry-after" in response.headers
    until(lambda: consumers(service) == 0, "everybody has left")
    assert service.caller.http.get("/v1/feed").status_code == 200


def ending(stream: Streamed) -> dict[str, Any]:
    """The last frame of a stream that ends."""
    *_, last = stream.rest()
    assert 2000 <= int(last["retry"]) < 4000
    assert last["id"] == last["data"]["cursor"]
    return last


def ended(service: Service, change: Callable[[], None]) -> tuple[str, dict[str, Any]]:
    """What a client had been sent last, and how its stream ended upon the change."""
    with streamed(service.caller_with("feed"), after="head") as stream:
        stream.checkpoint()
        last = record(service)
        assert stream.event()["id"] == last
        change()
        return last, ending(stream)


def test_a_stream_ends_with_the_token_that_it_was_asked_with(postgres: str) -> None:
    trusts: list[Trust] = []

    def make_app(ledger: Runtime, issuer: Issuer) -> Litestar:
        trusts.append(Trust(issuer))
        made = msgspec.structs.replace(ledger.settings, feed_checkpoint_seconds=1)
        return create_app(msgspec.structs.replace(ledger, settings=made), trusts[0])

    with scratch(postgres) as where, served(where, make_app=make_app) as service:
        last, end = ended(service, lambda: setattr(trusts[0], "ended", True))

    assert (end["event"], end["data"]) == ("goodbye", {"cursor": last, "reason": "token"})


def test_a_log_that_turns_out_to_be_another_ends_every_stream(postgres: str) -> None:
    with scratch(postgres) as where, serving(where) as service:

        def rewound() -> None:
            service.sql("UPDATE entry SET leaf_hash = sha256('x') WHERE n = 2 RETURNING n")

        last, end = ended(service, rewound)
        assert (end["event"], end["data"]) == ("goodbye", {"cursor": last, "reason": "log-forked"})
        response = service.caller.http.get("/v1/feed/stream", headers={"last-event-id": last})
        assert (response.status_code, response.json()["type"]) == (409, "/problems/log-forked")


def test_who_listens_is_told_when_the_process_ends_and_goes_on_at_the_next(postgres: str) -> None:
    with scratch(postgres) as where:
        with served(where) as service:
            caller = service.caller_with("feed")
            service._callers.remove(caller)
            request = caller.http.stream("GET", "/v1/feed/stream", params={"after": "head"})
            response = request.__enter__()
            stream = Streamed(response)
            stream.checkpoint()
            last = record(service)
        end = ending(stream)
        request.__exit__(None, None, None)
        caller.http.close()
        assert (end["event"], end["data"]["reason"]) == ("goodbye", "draining")
        with served(where, catalogue=None) as service:
            missed = record(service)
            with streamed(service.caller_with("feed"), last=end["id"]) as stream:
                found = [stream.event()["id"] for _ in range(1 if end["id"] == last else 2)]
            assert found[-1] == missed


def test_a_client_that_never_reads_is_let_go(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.feed_stream.STALLED_SECONDS", 0.05)
    with scratch(postgres) as where, serving(where) as service:
        url = httpx.URL(service.url)
        assert url.port is not None
        token = service.issuer.token("slow", ("feed",), seconds=600)
        with stalled(url.host, url.port, token):
            until(lambda: consumers(service) == 1, "the client listens")

            def let_go() -> bool:
                record(service, 100)
                return consumers(service) == 0

            until(let_go, "the client is let go")
        assert service.caller.http.get("/v1/feed").status_code == 200


def test_settings_of_the_feed_have_bounds() -> None:
    usual = Settings()
    assert (usual.feed_checkpoint_seconds, usual.feed_buffer) == (15, 10_000)
    with pytest.raises(msgspec.ValidationError, match="feed_checkpoint_seconds"):
        msgspec.convert({"feed_checkpoint_seconds": 16}, Settings)
