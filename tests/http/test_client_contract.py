"""The client has a call for every call of the service that is for programs, with all it takes."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from api import checks, entries, feed, feed_events, lists, reads, timeline
from api import client_results as results
from api.access import SCOPES
from api.client import AsyncLedger, ClientError, Ledger, Moment, Question
from api.client_questions import About
from api.receipts import Receipt
from ledger.answer import Answer, Gap, Reliance
from ledger.due import Due
from ledger.rules.case import Step
from projections.compare import Cause, Compared
from projections.population import Listed
from projections.reads import Told
from projections.replay import TimelineEntry
from tests.http.clients import Face, Wire, problem
from tests.http.routes import BODIES, CALLS, QUESTION, Call, routes
from tests.http.service import Service, scratch, served

SOMEBODY = UUID("7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55")
WHEN = "2026-06-01T00:00:00Z"
GUIDE = (Path(__file__).parents[2] / "ops" / "docs" / "client.md").read_text("utf-8")

CALLED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "check": ((SOMEBODY, "PHOTO"), {}),
    "check_many": (([Question(SOMEBODY, "PHOTO")],), {}),
    "bases": ((SOMEBODY,), {"effective_at": WHEN, "known_at": WHEN, "min_position": "0:1"}),
    "diff": ((SOMEBODY, Moment(WHEN, WHEN), Moment(WHEN, WHEN)), {}),
    "resolve": (("case_number", "C-1"), {}),
    "record": ((SOMEBODY, {}), {}),
    "record_common": (({},), {}),
    "catalogue": ((), {}),
    "adopt": (({},), {"effective_at": WHEN}),
    "timeline": ((SOMEBODY,), {"min_position": "0:1"}),
    "population": (
        ("PHOTO",),
        {
            "decision": "DENY",
            "live": "a",
            "effective_at": WHEN,
            "known_at": WHEN,
            "min_position": "0:1",
        },
    ),
    "exposures": ((WHEN, WHEN), {"purpose": "PHOTO", "min_position": "0:1"}),
    "reads": ((), {"subject": SOMEBODY, "client": "c", "since": WHEN, "until": WHEN}),
    "feed": (("head",), {"purpose": "PHOTO"}),
}
"""Arguments of each call, every one that becomes a parameter among them."""

LEFT_OUT: dict[Call, str] = {
    ("GET", "/v1/feed/stream"): "for browsers: `feed` tells the same, and waits for it",
    ("POST", "/access/v1/evaluation"): "for enforcement points, which have clients of the standard",
    ("POST", "/access/v1/evaluations"): "the same",
    ("POST", "/access/v1/search/action"): "the same",
    ("GET", "/.well-known/authzen-configuration"): "the same",
    ("GET", "/v1/feed/consumers"): "for who runs a consumer, once: by hand or by its set-up",
    ("PUT", "/v1/feed/consumers/{consumer:str}"): "the same",
    ("GET", "/v1/feed/consumers/{consumer:str}"): "the same",
    ("DELETE", "/v1/feed/consumers/{consumer:str}"): "the same",
    ("POST", "/v1/feed/consumers/{consumer:str}/secrets"): "the same",
    ("POST", "/v1/feed/consumers/{consumer:str}/acknowledgements"): "`call`: one request",
    ("GET", "/v1/feed/overdue"): "for auditors",
    ("GET", "/v1/log/checkpoint"): "for witnesses and verifiers, which speak c2sp.org",
    ("GET", "/v1/log/checkpoints/{size:int}"): "the same",
    ("GET", "/v1/log/tile/{tile:path}"): "the same",
    ("GET", "/.well-known/ledger-log"): "the same",
    ("GET", "/v1/log/receipts/{entry:uuid}"): "what was recorded comes with its receipt",
    ("GET", "/v1/log/proof/{entry:uuid}"): "for auditors",
    ("GET", "/v1/log/proofs/inclusion"): "for auditors",
    ("GET", "/v1/log/proofs/consistency"): "for auditors",
    ("GET", "/v1/log/leaves"): "for auditors",
    ("POST", "/v1/packs"): "for who answers a complaint: `ledger pack`",
    ("GET", "/v1/packs/{pack:uuid}"): "the same",
    ("GET", "/v1/packs/{pack:uuid}/content"): "the same",
    ("GET", "/problems/{slug:str}"): "for people",
    ("GET", "/livez"): "for who runs the service",
    ("GET", "/readyz"): "for who runs the service",
    ("GET", "/openapi.json"): "for who makes a client",
    ("GET", "/docs"): "for people",
    ("GET", "/docs/{name:str}"): "for people",
}
"""What the client has no call for, and why; `call` reaches it all the same."""
PAGED = {"cursor", "limit"}
"""Parameters that the client fills in by itself."""
HELD = {"min_position"}
"""A parameter that the client fills in from what it wrote."""

READ: list[tuple[type, type, set[str]]] = [
    (results.Answer, Answer, set()),
    (results.Reliance, Reliance, set()),
    (results.Interval, Gap, set()),
    (results.Step, Step, set()),
    (results.Due, Due, set()),
    (results.BatchAnswer, checks.BatchAnswer, set()),
    (results.Basis, checks.Basis, set()),
    (results.Compared, Compared, set()),
    (results.Cause, Cause, set()),
    (results.Recorded, entries.RecordedBody, {"key", "replayed"}),
    (results.RecordedEntry, entries.RecordedEntry, set()),
    (results.Receipt, Receipt, set()),
    (results.TimelinePage, timeline.Timeline, set()),
    (results.TimelineEntry, TimelineEntry, set()),
    (results.PopulationPage, lists.People, set()),
    (results.Listed, Listed, set()),
    (results.Exposures, lists.AllExposed, set()),
    (results.Exposed, lists.Exposed, set()),
    (results.Gap, lists.ToldGap, set()),
    (results.ToldPermitted, Told, set()),
    (results.ReadsPage, reads.ReadsShown, set()),
    (results.Read, reads.ReadShown, set()),
    (results.FeedPage, feed.Pulled, set()),
    (results.Event, feed_events.CloudEvent, {"specversion", "datacontenttype"}),
    (results.EventData, feed_events.EntryData, {"effective_at"}),
    (results.EventData, feed_events.ChangeData, {"type", "entry"}),
    (results.Checkpoint, feed_events.Checkpoint, set()),
]
"""Results of the client, what the service sends, and the fields that one of them alone has."""


def sent(name: str) -> tuple[Call, set[str]]:
    """The route that the client's call goes to, and the parameters that it sends."""
    args, words = CALLED[name]
    client = Face("blocking", "http://ledger.test", "t", wire=Wire(always=problem(404, "x")))
    with suppress(ClientError):
        getattr(client, name)(*args, **words)
    (request,) = client.wire.requests
    path = request.url.path.replace(str(SOMEBODY), "{subject:uuid}")
    path = path.replace("/purposes/PHOTO/", "/purposes/{purpose:str}/")
    return (request.method, path), {*request.url.params}


def parameters(call: Call) -> set[str]:
    """The query parameters that a route takes."""
    method, path = call
    (handler,) = [
        route.route_handler_map[method][0]  # type: ignore[index]
        for route in routes()
        if route.path == path and method in route.methods
    ]
    every = handler.parsed_fn_signature.parameters
    return {
        getattr(one.kwarg_definition, "name", None) or name
        for name, one in every.items()
        if name != "request" and f"{{{name}:" not in path
    }


def test_both_clients_have_the_same_calls() -> None:
    blocking, asynchronous = (
        {name for name in vars(one) if not name.startswith("_")} for one in (Ledger, AsyncLedger)
    )

    assert blocking == asynchronous == CALLED.keys() | {"call", "close"}
    for name in CALLED:
        assert getattr(Ledger, name).__doc__ == getattr(AsyncLedger, name).__doc__ != None  # noqa: E711


def test_every_call_of_the_service_is_the_client_s_or_left_out_with_a_reason() -> None:
    called = {sent(name)[0] for name in CALLED}

    assert called.isdisjoint(LEFT_OUT)
    assert called | LEFT_OUT.keys() == {*CALLS}
    assert all(LEFT_OUT.values())


def test_every_operation_of_the_document_is_among_them(service: Service) -> None:
    document = httpx.get(f"{service.url}/openapi.json").json()
    known = {(method, re.sub(r":\w+}", "}", path)) for method, path in CALLS}

    assert {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    } <= known


@pytest.mark.parametrize("name", sorted(CALLED))
def test_a_call_can_say_whatever_the_service_takes(name: str) -> None:
    call, given = sent(name)

    assert parameters(call) - PAGED - HELD == given - PAGED - HELD


def test_a_question_can_say_whatever_the_service_takes() -> None:
    words = {"subject", "purpose", *About.__annotations__}

    assert words == {*QUESTION, "at_position"}
    assert words | {"id"} == {*BODIES["POST", "/v1/checks/batch"]["checks"][0], "at_position"}


@pytest.mark.parametrize(("ours", "theirs", "apart"), READ)
def test_what_the_service_says_is_in_the_results(ours: type, theirs: type, apart: set[str]) -> None:
    said = {one.encode_name for one in msgspec.structs.fields(theirs)}

    assert {one.name for one in dataclasses.fields(ours)} ^ said == apart


@pytest.fixture
def own(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


def test_the_guide_s_programs_do_what_it_says(own: Service) -> None:
    names = {"url": own.url, "token": own.issuer.token("guide", SCOPES, seconds=600)}
    pairs = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", GUIDE, re.DOTALL)
    assert len(pairs) == GUIDE.count("```python") == 2

    for program, printed in pairs:
        with redirect_stdout(StringIO()) as out:
            exec(compile(program, "client.md", "exec"), names)  # noqa: S102
        assert out.getvalue() == printed


def test_the_guide_names_every_call() -> None:
    assert [name for name in CALLED if f"`{name}(" not in GUIDE] == []
