"""The client where things go wrong: what is asked again, what is not, and what is never lost."""

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
import stamina
from opentelemetry.sdk.trace import TracerProvider

from api.access import SCOPES
from api.client import (
    AsyncLedger,
    Behind,
    Broken,
    ClientError,
    Ledger,
    OutcomeUnknown,
    Overloaded,
    Question,
    RateLimited,
    Refused,
    Rejected,
    Unauthenticated,
    Unavailable,
    Unreachable,
)
from api.client_errors import PROBLEMS
from api.client_exchange import JITTER, Call, Tries
from api.problems import KINDS
from tests.http.clients import (
    FACES,
    Act,
    Face,
    Send,
    Wire,
    answers,
    lost,
    never_sent,
    pauses,
    problem,
    unheard,
)
from tests.http.service import Service, subject
from tests.integration.wired import born, consent

URL = "http://ledger.test"
BIRTH = born()


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    """Nothing waits between two tries."""
    with stamina.set_testing(True, attempts=5):
        yield


@pytest.fixture(params=FACES)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def client(kind: str, service: Service) -> Iterator[Face]:
    face = Face(kind, service.url, service.issuer.token("program", SCOPES, seconds=3600))
    yield face
    face.close()


def nowhere(kind: str, *acts: Act, always: Act | None = None, **more: Any) -> Face:
    """A client of no service: its requests take these acts."""
    return Face(kind, URL, more.pop("token", "t"), wire=Wire(*acts, always=always), **more)


@pytest.mark.parametrize("fault", [unheard, lost, never_sent, problem(503, "outcome-unknown")])
def test_a_write_whose_response_is_lost_is_recorded_once(
    client: Face, service: Service, fault: Act
) -> None:
    person, before = subject(), service.size()
    client.wire.acts.append(fault)
    done = client.record(person, BIRTH)

    assert service.size() == before + 1
    assert done.replayed is (fault is unheard)
    assert client.wire.sent("idempotency-key") == [done.key] * 2
    assert [one.position for one in client.timeline(person)] == [done.position]


def test_a_write_that_nobody_answers_is_resolved_by_its_key(client: Face, service: Service) -> None:
    person, before = subject(), service.size()
    client.wire.always = unheard
    with pytest.raises(OutcomeUnknown) as raised:
        client.record(person, BIRTH)
    client.wire.always = None
    done = client.record(person, BIRTH, key=raised.value.key)

    assert service.size() == before + 1
    assert (done.replayed, done.key) == (True, raised.value.key)
    assert {*client.wire.sent("idempotency-key")} == {done.key}


@pytest.mark.parametrize(
    "then", [never_sent, problem(429, "rate-limited"), problem(403, "forbidden")]
)
def test_a_write_stays_unknown_whatever_comes_after(kind: str, then: Act) -> None:
    client = nowhere(kind, lost, always=then)

    with pytest.raises(OutcomeUnknown) as raised:
        client.record(subject(), BIRTH, key="k")
    assert raised.value.key == "k"


def test_a_refusal_after_a_lost_request_says_that_nothing_was_recorded(kind: str) -> None:
    client = nowhere(kind, lost, problem(422, "refused", more={"reason": "SUBJECT_ERASED"}))

    with pytest.raises(Refused, match="it is so"):
        client.record(subject(), BIRTH)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (never_sent, Unreachable),
        (problem(503, "unavailable"), Unavailable),
        (problem(503, "overloaded"), Overloaded),
        (problem(429, "rate-limited"), RateLimited),
    ],
)
def test_a_write_that_was_not_taken_is_no_riddle(
    kind: str, fault: Act, error: type[ClientError]
) -> None:
    client = nowhere(kind, always=fault)

    with pytest.raises(error) as raised:
        client.record(subject(), BIRTH, key="k")
    assert (type(raised.value), raised.value.key) == (error, "k")
    assert len(client.wire.requests) == 5


def test_what_an_intermediary_says_of_a_write_is_nothing(kind: str) -> None:
    for act in (answers(504), answers(502), answers(500), answers(201, {"is": "no ledger"})):
        with pytest.raises(OutcomeUnknown):
            nowhere(kind, always=act).record(subject(), BIRTH)


@pytest.mark.parametrize("fault", [unheard, lost, never_sent, problem(503, "behind"), answers(502)])
def test_a_question_is_asked_again(client: Face, fault: Act) -> None:
    client.wire.acts.extend([fault] * 4)

    assert client.check(subject(), "CARE_RECORD").permitted
    assert len(client.wire.requests) == 5


def test_a_question_that_nobody_answers_is_an_error(kind: str) -> None:
    client = nowhere(kind, always=problem(503, "behind", x_request_id="r-1"))

    with pytest.raises(Behind, match="it is so \\(request r-1\\)") as raised:
        client.check(subject(), "PHOTO")
    assert (raised.value.request_id, raised.value.http_status) == ("r-1", 503)
    with pytest.raises(Unreachable) as unreached:
        nowhere(kind, always=never_sent).check(subject(), "PHOTO")
    assert "ledger.test" not in str(unreached.value)


@pytest.mark.parametrize(
    "slug", sorted(one for one, about in KINDS.items() if about.status not in (429, 503))
)
def test_what_would_be_answered_the_same_is_not_asked_again(slug: str) -> None:
    client = nowhere("blocking", always=problem(KINDS[slug].status, slug))

    with pytest.raises(PROBLEMS[slug]):
        client.check(subject(), "PHOTO")
    assert len(client.wire.requests) == 1


def test_every_problem_of_the_service_has_its_error() -> None:
    assert PROBLEMS.keys() == KINDS.keys()


def test_a_problem_newer_than_the_client_is_known_by_its_status(kind: str) -> None:
    for code, error in ((418, Rejected), (429, RateLimited), (503, Unavailable), (507, Broken)):
        with pytest.raises(error) as raised:
            nowhere(kind, always=problem(code, "of-tomorrow")).check(subject(), "PHOTO")
        assert type(raised.value) is error


def failure(**headers: str) -> ClientError:
    """What the client makes of a 503 with these headers."""
    client = nowhere("blocking", always=problem(503, "unavailable", **headers), attempts=1)
    with stamina.set_testing(True, attempts=1), pytest.raises(Unavailable) as raised:
        client.check(subject(), "PHOTO")
    return raised.value


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0"}, 0.0),
        (
            {
                "retry_after": "Wed, 25 Nov 2026 10:00:07 GMT",
                "date": "Wed, 25 Nov 2026 10:00:00 GMT",
            },
            7.0,
        ),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "Wed, 25 Nov 2026 10:00:07 GMT"}, None),
        ({}, None),
    ],
)
def test_the_service_says_when_to_come_again(
    headers: dict[str, str], seconds: float | None
) -> None:
    error = failure(**headers)
    wait = Tries(Call(method="GET", path="/"), patience=30.0).wait(error)

    assert error.retry_after == seconds
    if seconds is None:
        assert wait is True
    else:
        assert wait is not True
        assert seconds <= wait <= seconds * (1 + JITTER)


def test_what_says_when_is_what_is_waited_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = pauses(monkeypatch)
    stamina.set_testing(False)
    client = nowhere(kind, always=problem(429, "rate-limited", retry_after="4"), attempts=3)
    with pytest.raises(RateLimited):
        client.check(subject(), "PHOTO")

    assert len(slept) == 2
    assert all(4.0 <= one <= 4.0 * (1 + JITTER) for one in slept)


def test_who_is_told_to_come_much_later_is_told_so_at_once(kind: str) -> None:
    client = nowhere(kind, always=problem(429, "rate-limited", retry_after="60"), patience=30.0)

    with pytest.raises(RateLimited) as raised:
        client.check(subject(), "PHOTO")
    assert (raised.value.retry_after, len(client.wire.requests)) == (60.0, 1)


def test_another_call_is_asked_again_only_where_that_is_safe(kind: str) -> None:
    for method, key, count in (("GET", None, 5), ("POST", "k", 5), ("POST", None, 1)):
        client = nowhere(kind, always=never_sent)
        with pytest.raises(Unreachable):
            client.call(method, "/v1/of/tomorrow", key=key)
        assert len(client.wire.requests) == count


def test_a_token_is_fetched_again_once(kind: str) -> None:
    fetched: list[str] = []

    def fetch() -> str:
        fetched.append(f"token-{len(fetched)}")
        return fetched[-1]

    client = nowhere(kind, always=problem(401, "unauthenticated"), token=fetch)
    with pytest.raises(Unauthenticated):
        client.resolve("case_number", "C-1")
    assert client.wire.sent("authorization") == ["Bearer token-0", "Bearer token-1"]
    client.wire.always = answers(200, {"subject": str(UUID(int=7))})
    assert client.resolve("case_number", "C-1") == UUID(int=7)
    assert client.wire.sent("authorization")[-1] == "Bearer token-1"
    assert len(fetched) == 2


def test_a_token_that_is_given_is_not_tried_twice(kind: str) -> None:
    client = nowhere(kind, always=problem(401, "unauthenticated"))

    with pytest.raises(Unauthenticated):
        client.check(subject(), "PHOTO")
    assert len(client.wire.requests) == 1


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é"])
def test_a_token_that_is_none_is_not_sent_nor_repeated(kind: str, token: str) -> None:
    client = nowhere(kind, token=token)

    with pytest.raises(ClientError, match="^token: ") as raised:
        client.check(subject(), "PHOTO")
    assert client.wire.requests == []
    assert not token or token not in str(raised.value)


def test_a_redirect_is_not_followed_since_it_would_carry_the_token_elsewhere(kind: str) -> None:
    client = nowhere(kind, always=answers(307, location="http://elsewhere.test/"))

    with pytest.raises(Broken, match="answered 307"):
        client.check(subject(), "PHOTO")
    assert len(client.wire.requests) == 1


@pytest.mark.parametrize(
    "body", [None, [], {"decision": "PERMIT"}, {"decision": "MAYBE"}, "PERMIT"]
)
def test_what_is_no_answer_is_never_taken_for_one(kind: str, body: Any) -> None:
    with pytest.raises(Broken, match="is this a ledger"):
        nowhere(kind, always=answers(200, body)).check(subject(), "PHOTO")


def test_answers_to_other_questions_are_not_taken(client: Face) -> None:
    def swapped(request: httpx2.Request, send: Send) -> httpx2.Response:
        body = send().json()
        return httpx2.Response(200, json={"answers": body["answers"][::-1]})

    client.wire.acts.append(swapped)
    with pytest.raises(Broken, match="other questions"):
        client.check_many([Question(subject(), "PHOTO"), Question(subject(), "PORTAL")])


def test_requests_belong_to_the_span_that_asks(kind: str) -> None:
    client = nowhere(kind, always=problem(404, "not-found"))
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("a"), pytest.raises(ClientError):
        client.catalogue()
    with pytest.raises(ClientError):
        client.catalogue()

    inside, outside = client.wire.sent("traceparent")
    assert inside is not None
    assert inside.startswith("00-")
    assert outside is None


def test_traces_are_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace.propagation.tracecontext", None)
    found = importlib.util.find_spec("api.client_sending")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)

    assert module._traced() == {}


def test_each_client_over_connections_of_its_own(service: Service) -> None:
    token = service.issuer.token("program", SCOPES, seconds=3600)
    person = subject()
    with Ledger(service.url, token) as ledger:
        ledger.record(person, BIRTH, consent(person, "2026-03-02"))
        assert ledger.stating(reason="audit 4").check(person, "PHOTO").permitted

    async def fetch() -> str:
        return token

    async def story() -> list[bool]:
        async with AsyncLedger(service.url, fetch) as ledger:
            found = await asyncio.gather(*[ledger.check(person, "PHOTO") for _ in range(20)])
            (page,) = [one async for one in ledger.feed("head", follow=False)]
            assert page.complete
            return [one.permitted for one in found]

    assert asyncio.run(story()) == [True] * 20


def test_nothing_that_was_sent_is_in_an_error(client: Face) -> None:
    secrets = ("Jane Quilligan", "9434765919", "form 99")
    person = subject()
    calls = (
        lambda: client.resolve("nhs_number", secrets[1] + "0"),
        lambda: client.record(person, {"type": secrets[0], "effective_at": secrets[1]}),
        lambda: client.record(person, BIRTH, {**BIRTH, "date_of_birth": secrets[2]}),
        lambda: client.check(person, secrets[0] * 30),
        lambda: client.call("POST", "/v1/checks", body=json.dumps(secrets[0]).encode()),
    )
    for call in calls:
        with pytest.raises(Rejected) as raised:
            call()
        told = f"{raised.value!r} {raised.value.told}"
        assert not [one for one in secrets if one in told]
