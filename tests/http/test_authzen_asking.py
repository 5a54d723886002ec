"""Who asks by AuthZEN, and for whom: what a grant covers, and what the read audit then has."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.authzen import (
    EVALUATION,
    EVALUATIONS,
    SEARCH,
    Json,
    act,
    acts,
    ask,
    ask_all,
    entity,
    evaluation,
    face,
    person,
    search,
)
from tests.http.service import (
    Caller,
    Service,
    answer_of,
    malformed,
    recorded,
    scratch,
    subject,
)
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent

PHOTO, ASSESS = act("process", "PHOTO"), act("process", "ASSESS")


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, face(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture
def somebody(service: Service) -> UUID:
    """Somebody who consented to PHOTO."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, "2026-03-02")))
    return made


@pytest.fixture
def narrow(service: Service) -> Caller:
    """A caller who may ask about PHOTO alone."""
    token = service.issuer.token("narrow", ("check",), seconds=600, purposes=["PHOTO"])
    return service.stranger(token)


# Grants.


@pytest.mark.parametrize("known", [True, False])
def test_a_purpose_beyond_the_grant_may_not_be_asked_about(
    service: Service, narrow: Caller, somebody: UUID, known: bool
) -> None:
    whom = person(somebody if known else subject())

    refused = narrow.post(EVALUATION, evaluation(whom, ASSESS))
    found = ask_all(narrow, {"action": PHOTO}, {"action": ASSESS}, resource=whom)

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert [one["decision"] for one in found] == [known, False]
    assert found[1]["context"]["error"]["status"] == 403
    assert set(found[1]["context"]) == {"reason_user", "reason_admin", "error"}


def test_a_purpose_beyond_the_grant_ends_a_batch_as_a_denial(
    narrow: Caller, somebody: UUID
) -> None:
    parts = [{"action": PHOTO}, {"action": ASSESS}, {"action": PHOTO}]
    options = {"evaluations_semantic": "deny_on_first_deny"}

    found = ask_all(narrow, *parts, resource=person(somebody), options=options)

    assert [one["decision"] for one in found] == [True, False]
    assert found[1]["context"]["error"]["status"] == 403


def test_a_search_finds_what_the_grant_covers(
    service: Service, narrow: Caller, somebody: UUID
) -> None:
    every = acts(search(service.caller, person(somebody)))

    found = acts(search(narrow, person(somebody)))

    photo = [one for one in every if one["properties"]["processing_activity_id"] == "PHOTO"]
    assert found == photo != every


# The read audit.

Row = tuple[Any, ...]


def rows(service: Service, person: UUID, *columns: str) -> list[Row]:
    """What the read audit has of the person, in the order in which it was written."""
    named = ", ".join(columns)
    return service.sql(f"SELECT {named} FROM read_audit WHERE subject = %s ORDER BY n", person)


def test_an_evaluation_is_read_on_behalf_of_its_subject(service: Service, somebody: UUID) -> None:
    found = ask(service.caller, person(somebody), PHOTO, subject=entity("user", "k.worker@bolton"))

    columns = ("client", "on_behalf_of", "kind", "purpose", "decision", "request::text")
    read = found["context"]["read"]
    assert rows(service, somebody, *columns) == [
        ("test", "user:k.worker@bolton", "CHECK", "PHOTO", "PERMIT", read)
    ]


def test_each_of_many_is_read_on_behalf_of_its_own_subject(
    service: Service, somebody: UUID
) -> None:
    one, two = entity("user", "one"), entity("service", "two")

    found = ask_all(
        service.caller,
        {},
        {"subject": two},
        {"action": act("fly")},
        {"subject": two, "action": ASSESS},
        {"resource": {}},
        subject=one,
        action=PHOTO,
        resource=person(somebody),
    )

    told = rows(service, somebody, "on_behalf_of", "purpose", "request::text")
    assert sorted(row[:2] for row in told) == [
        ("service:two", "ASSESS"),
        ("service:two", "PHOTO"),
        ("user:one", "PHOTO"),
    ]
    reads = [each["context"].get("read") for each in found]
    assert reads[2] is reads[4] is None
    assert {row[2] for row in told} == set(reads) - {None}
    assert (
        len({each["context"]["position"] for each in found if "position" in each["context"]}) == 1
    )


def test_what_is_not_told_is_not_in_the_read_audit(service: Service, somebody: UUID) -> None:
    parts = [{"action": act("process", one)} for one in ("PHOTO", "NEVER_DECLARED", "ASSESS")]
    options = {"evaluations_semantic": "deny_on_first_deny"}

    found = ask_all(service.caller, *parts, resource=person(somebody), options=options)

    told = rows(service, somebody, "purpose", "decision")
    assert told == [("PHOTO", "PERMIT"), ("NEVER_DECLARED", "DENY")]
    assert len(found) == 2


def test_a_search_is_read_on_behalf_of_its_subject(service: Service, somebody: UUID) -> None:
    search(service.caller, person(somebody), subject=entity("recipient", "PRESS"))

    told = rows(service, somebody, "on_behalf_of", "kind", "question::jsonb ->> 'operation'")
    assert set(told) == {("recipient:PRESS", "BASES", "SHARE")}


def test_the_stated_reason_is_the_headers(service: Service, somebody: UUID) -> None:
    headers = {"ledger-reason": "review", "ledger-on-behalf-of": "nobody"}

    service.caller.http.post(EVALUATION, json=evaluation(person(somebody), PHOTO), headers=headers)

    assert rows(service, somebody, "reason", "on_behalf_of") == [("review", "service:case-system")]


@pytest.mark.parametrize(
    "caller",
    [entity("user", "x" * 200), entity("user", "a\nb"), entity("user", "\x00")],
    ids=["long", "lines", "nul"],
)
def test_a_subject_that_cannot_be_recorded_cannot_ask(
    service: Service, somebody: UUID, caller: Json
) -> None:
    body = evaluation(person(somebody), PHOTO, subject=caller)

    malformed(service.caller.post(EVALUATION, body), field="subject")
    batch = answer_of(service.caller.post(EVALUATIONS, {"evaluations": [body]}))["evaluations"]
    assert batch[0]["context"]["error"]["message"].startswith("evaluations[0].subject: ")
    found = service.caller.post(SEARCH, {"subject": caller, "resource": person(somebody)})
    malformed(found, field="subject")
    assert rows(service, somebody, "n") == []


def test_a_purpose_that_can_be_none_is_refused_where_it_stands(
    service: Service, somebody: UUID
) -> None:
    body = evaluation(person(somebody), act("process", "PHO\x00TO"))

    field = "action.properties.processing_activity_id"
    malformed(service.caller.post(EVALUATION, body), field=field)
    found = ask_all(service.caller, body, evaluation(person(somebody), PHOTO))
    assert [one["decision"] for one in found] == [False, True]
