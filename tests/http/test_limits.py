"""How much one client may ask, and that what a person asks us to stop is never counted."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from api.access import SCOPES
from api.app import create_app
from api.runtime import Runtime
from tests.http.raw import Wire, request, wire
from tests.http.routes import BODIES, CALLS, NEEDED, made
from tests.http.service import Service, recorded, scratch, served, subject
from tests.integration.waiting import until
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
BURST, RESOLVE_BURST, PLACES = 5, 2, 3


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Limited:
    """A service with small quotas, and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.service: Service
        self._clients = 0

    def make_app(self, ledger: Runtime, tokens: Any) -> Litestar:
        settings = msgspec.structs.replace(
            ledger.settings,
            rate_limit_per_second=1,
            rate_limit_burst=BURST,
            resolve_limit_per_second=0.1,
            resolve_limit_burst=RESOLVE_BURST,
            concurrent_max=PLACES,
        )
        told = msgspec.structs.replace(ledger, settings=settings)
        return create_app(told, tokens, clock=self.clock)

    def client(self) -> Any:
        """A client that has asked nothing yet."""
        self._clients += 1
        return self.service.caller_with(*SCOPES, client=f"client-{self._clients}")


@pytest.fixture(scope="module")
def limited(postgres: str) -> Iterator[Limited]:
    made = Limited()
    with scratch(postgres) as where, served(where, make_app=made.make_app) as service:
        made.service = service
        yield made


def exhausted(limited: Limited) -> Any:
    """A client whose quota is used up."""
    client = limited.client()
    while client.check(subject()).status_code == 200:
        continue
    return client


def refused(response: httpx.Response, *, seconds: int) -> None:
    assert (response.status_code, response.json()["type"]) == (429, "/problems/rate-limited")
    assert response.headers["retry-after"] == str(seconds)


def test_answers_say_what_is_left(limited: Limited) -> None:
    client = limited.client()

    answers = [client.check(subject()) for _ in range(BURST + 1)]

    assert [one.status_code for one in answers] == [200] * BURST + [429]
    assert [one.headers["ratelimit"] for one in answers] == [
        f'"default";r={left};t={BURST - left}' for left in (4, 3, 2, 1, 0, 0)
    ]
    assert {one.headers["ratelimit-policy"] for one in answers} == {f'"default";q={BURST};w=5'}
    refused(answers[-1], seconds=1)


def test_who_waits_as_told_may_ask_again(limited: Limited) -> None:
    client = exhausted(limited)
    refusal = client.check(subject())

    limited.clock.now += int(refusal.headers["retry-after"])

    assert client.check(subject()).status_code == 200
    refused(client.check(subject()), seconds=1)


def test_one_client_takes_nothing_from_another(limited: Limited) -> None:
    exhausted(limited)

    assert limited.client().check(subject()).status_code == 200


@pytest.mark.parametrize(
    "call",
    [one for one in CALLS if NEEDED[one] is not None and one[1] not in (
        "/v1/subjects/resolve", "/v1/entries")
     and one != ("POST", "/v1/subjects/{subject:uuid}/entries")],
    ids=" ".join,
)  # fmt: skip
def test_every_question_is_counted_even_a_wrong_one(limited: Limited, call: Any) -> None:
    client = exhausted(limited)

    response = client.http.request(**made(call))

    assert response.status_code == 429, response.text
    assert "ratelimit" in response.headers


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/problems/forbidden", "/openapi.json"])
def test_what_anybody_may_ask_has_no_quota(limited: Limited, path: str) -> None:
    client = exhausted(limited)

    for _ in range(BURST + 1):
        response = client.http.get(path)
        assert response.status_code == 200
        assert "ratelimit" not in response.headers


def test_who_has_no_token_is_told_so_and_not_counted(limited: Limited) -> None:
    stranger = limited.service.stranger("x")

    assert {stranger.check(subject()).status_code for _ in range(BURST + 2)} == {401}


def test_resolving_has_a_low_quota_of_its_own(limited: Limited) -> None:
    client = limited.client()
    body = BODIES["POST", "/v1/subjects/resolve"]

    answers = [client.post("/v1/subjects/resolve", body) for _ in range(RESOLVE_BURST + 1)]

    assert [one.status_code for one in answers] == [200] * RESOLVE_BURST + [429]
    assert answers[0].headers["ratelimit-policy"] == f'"resolve";q={RESOLVE_BURST};w=20'
    refused(answers[-1], seconds=10)
    assert client.check(subject()).status_code == 200


ACTS = [
    entry("ConsentWithdrawn", GIVEN, purpose="PHOTO", given_by="x", capacity="SELF"),
    entry("ConsentRefused", GIVEN, purpose="PHOTO", given_by="x"),
    {**entry("ObjectionReceived", GIVEN, purpose="PHOTO"), "kind": "ART21_1"},
    entry("RestrictionApplied", GIVEN, purpose="PHOTO", ground="a"),
    entry("EqualityOptOutReceived", GIVEN, purpose="PHOTO", written=True, period_ends_at=GIVEN),
    entry("ErasureRequested", GIVEN, purpose="PHOTO"),
    entry("ComplaintReceived", GIVEN, purpose="PHOTO"),
    entry("DeathRecorded", GIVEN),
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act["type"])
def test_what_restricts_is_recorded_whatever_the_quota_says(
    limited: Limited, act: dict[str, Any]
) -> None:
    client = exhausted(limited)

    for _ in range(BURST + 1):
        response = client.record(subject(), act)
        recorded(response)
        assert "ratelimit" not in response.headers


def test_what_restricts_takes_nothing_from_the_quota(limited: Limited) -> None:
    client, person = limited.client(), subject()
    for _ in range(BURST + 1):
        recorded(client.record(person, withdrawal(person, GIVEN)))

    assert client.check(person).headers["ratelimit"] == f'"default";r={BURST - 1};t=1'


def test_one_withdrawal_among_other_entries_carries_them_all(limited: Limited) -> None:
    client, person = exhausted(limited), subject()

    recorded(client.record(person, born(), consent(person, GIVEN), withdrawal(person, GIVEN)))


@pytest.mark.parametrize("entries", [[born()], [], [{"type": "ConsentWithdrawn"}], [{"type": "?"}]])
def test_other_recordings_are_counted_and_so_is_what_cannot_be_read(
    limited: Limited, entries: list[dict[str, Any]]
) -> None:
    client = exhausted(limited)

    refused(client.record(subject(), *entries), seconds=1)


# What is in hand at once.


QUESTION = msgspec.json.encode({"subject": str(subject()), "purpose": "PHOTO"})


def held(service: Service, wires: ExitStack, client: str) -> Wire:
    """A question that is in hand: the service has asked for its body, which does not come."""
    one = wires.enter_context(wire(service))
    token = service.issuer.token(client, SCOPES, seconds=600)
    length = f"Content-Length: {len(QUESTION)}"
    one.send(
        request(
            "POST /v1/checks",
            "Content-Type: application/json",
            "Expect: 100-continue",
            length,
            token=token,
        )
    )
    assert one.interim() == b"HTTP/1.1 100 Continue\r\n"
    return one


def test_too_many_at_once_are_turned_away_and_withdrawals_are_not(limited: Limited) -> None:
    client, person = limited.client(), subject()
    with ExitStack() as wires:
        pile = [held(limited.service, wires, f"held-{n}") for n in range(PLACES)]

        turned_away = client.check(person)
        withdrawn = client.record(person, withdrawal(person, GIVEN))
        probes = [client.http.get(path).status_code for path in ("/livez", "/readyz")]
        pile[0].send(QUESTION)
        answered = pile[0].answer()
        again = client.check(person)

    assert (turned_away.status_code, turned_away.json()["type"]) == (503, "/problems/overloaded")
    assert turned_away.headers["retry-after"] == "1"
    recorded(withdrawn)
    assert (probes, answered.code, again.status_code) == ([200, 200], 200, 200)


def test_places_are_free_again_whatever_became_of_the_requests(limited: Limited) -> None:
    for _ in range(PLACES + 1):
        assert limited.client().post("/v1/checks", {}).status_code == 400
        assert limited.client().http.get("/nope").status_code == 404
    with ExitStack() as wires:
        for n in range(PLACES):
            held(limited.service, wires, f"gone-{n}")
    until(lambda: limited.client().check(subject()).status_code == 200, "there is a place again")
