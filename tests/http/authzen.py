"""AuthZEN for the tests: requests as enforcement points make them, and a service they can ask.

with scratch(postgres) as where, face(where, ...) as service:
    assert decision(ask(service, person, "process", "PHOTO"))
"""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import msgspec
from litestar import Litestar

from api.app import create_app
from api.authzen_words import Words
from api.runtime import Places, Runtime
from tests.http.service import Caller, Service, answer_of, served

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SEARCH = "/access/v1/search/action"
CONFIGURATION = "/.well-known/authzen-configuration"
PUBLIC_URL = "https://ledger.test"

Json = dict[str, Any]
CALLER = {"type": "service", "id": "case-system"}


@contextlib.contextmanager
def face(
    where: Places, *, catalogue: bytes, words: Words | None = None, public_url: str | None = None
) -> Iterator[Service]:
    """The service as a deployment with these settings has it."""

    def make_app(ledger: Runtime, tokens: Any) -> Litestar:
        settings = msgspec.structs.replace(ledger.settings, public_url=public_url)
        told = msgspec.structs.replace(
            ledger, settings=settings, authzen_words=words or ledger.authzen_words
        )
        return create_app(told, tokens)

    with served(where, catalogue=catalogue, make_app=make_app) as made:
        yield made


def entity(kind: str, name: str, **properties: object) -> Json:
    """A subject or a resource."""
    return {"type": kind, "id": name} | ({"properties": properties} if properties else {})


def person(subject: UUID, **properties: object) -> Json:
    """A person of the ledger, as a resource."""
    return entity("person", str(subject), **properties)


def act(name: str, purpose: str | None = None, **properties: object) -> Json:
    """An action, for a purpose where one is named."""
    named = {"processing_activity_id": purpose} if purpose is not None else {}
    every = {**named, **properties}
    return {"name": name} | ({"properties": every} if every else {})


def evaluation(
    resource: Json, action: Json, *, subject: Json | None = None, **context: object
) -> Json:
    """A question."""
    whole = {"subject": subject or CALLER, "action": action, "resource": resource}
    return whole | ({"context": context} if context else {})


def ask(caller: Caller, resource: Json, action: Json, **more: Any) -> Json:
    """The decision, with its context."""
    return answer_of(caller.post(EVALUATION, evaluation(resource, action, **more)))


def ask_all(caller: Caller, *parts: object, **above: object) -> list[Json]:
    """The decisions, in order."""
    body = {"subject": CALLER, **above, "evaluations": list(parts)}
    found: list[Json] = answer_of(caller.post(EVALUATIONS, body))["evaluations"]
    return found


def unread(found: Json) -> Json:
    """The decision without what the read audit calls the request, which is another each time."""
    return found | {"context": {k: v for k, v in found["context"].items() if k != "read"}}


def search(caller: Caller, resource: Json, **more: object) -> httpx.Response:
    """What may be done."""
    return caller.post(SEARCH, {"subject": CALLER, "resource": resource, **more})


def acts(response: httpx.Response) -> list[Json]:
    """The results of a search."""
    results: list[Json] = answer_of(response)["results"]
    return results
