"""Every answer about a person leaves its row in the read audit, and the response names it."""

import json
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from tests.http.audited import count, digest, left
from tests.http.service import Service, answer_of, malformed, recorded, scratch, served, subject
from tests.integration.wired import born, consent, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
LATER = "2026-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture
def person(service: Service) -> UUID:
    """Somebody who consented to PHOTO."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, GIVEN)))
    return made


# One row a question.


def test_a_check_leaves_a_row_with_the_digest_of_its_whole_answer(
    service: Service, person: UUID
) -> None:
    response = service.caller.check(person, explain="full", recipient="PRESS", data=["NOTES"])
    answer = answer_of(response)
    (row,) = left(service, response)
    assert row["answer_digest"] == digest(response)
    assert (row["kind"], row["client"], row["subject"]) == ("CHECK", "test", person)
    for name in ("position", "catalogue", "rulebook", "decision"):
        assert row[name] == answer[name]
    asked = json.loads(row["question"])
    assert asked == {
        "at_position": None,
        "data": ["NOTES"],
        "effective_at": None,
        "exception": None,
        "known_at": None,
        "min_position": None,
        "operation": "USE",
        "recipient": "PRESS",
    }
    assert row["stored"] is None


def test_the_digest_is_of_the_whole_answer_however_little_of_it_was_shown(
    service: Service, person: UUID
) -> None:
    moments = {"effective_at": LATER, "known_at": LATER}
    (full,) = left(service, service.caller.check(person, explain="full", **moments))
    (none,) = left(service, service.caller.check(person, explain="none", **moments))
    assert full["answer_digest"] == none["answer_digest"]


def test_a_batch_leaves_a_row_a_question_in_order(service: Service, person: UUID) -> None:
    people = [subject(), person, subject()]
    asked = [
        {"id": str(n), "subject": str(one), "purpose": "PHOTO", "explain": "full"}
        for n, one in enumerate(people)
    ]
    response = service.caller.post("/v1/checks/batch", {"checks": asked})
    rows = left(service, response)
    assert [(row["kind"], row["subject"]) for row in rows] == [("CHECK", one) for one in people]
    told = [one["answer"]["decision"] for one in answer_of(response)["answers"]]
    assert [row["decision"] for row in rows] == told == ["DENY", "PERMIT", "DENY"]


def test_bases_leave_a_row_a_purpose(service: Service, person: UUID) -> None:
    response = service.caller.http.get(f"/v1/subjects/{person}/bases")
    told = {one["purpose"]: one["answer"]["decision"] for one in answer_of(response)["bases"]}
    rows = left(service, response)
    assert {row["purpose"]: row["decision"] for row in rows} == told
    assert {(row["kind"], row["subject"]) for row in rows} == {("BASES", person)}


def test_a_comparison_leaves_a_row_for_each_of_its_answers(service: Service, person: UUID) -> None:
    recorded(service.caller.record(person, withdrawal(person, LATER)))
    now = answer_of(service.caller.check(person))["known_at"]
    moments = {
        "effective_at": "2026-05-01T00:00:00Z",
        "known_at": now,
        "then_effective_at": "2026-07-01T00:00:00Z",
        "then_known_at": now,
    }
    response = service.caller.http.get(f"/v1/subjects/{person}/bases/diff", params=moments)
    rows = left(service, response)
    told = [
        (one["purpose"], one[which]["decision"])
        for one in answer_of(response)["purposes"]
        for which in ("before", "after")
    ]
    assert [(row["purpose"], row["decision"]) for row in rows] == told
    assert ("PHOTO", "PERMIT") in told
    assert ("PHOTO", "DENY") in told
    assert {(row["kind"], row["subject"]) for row in rows} == {("DIFF", person)}


def test_a_timeline_leaves_a_row_a_page(service: Service, person: UUID) -> None:
    response = service.caller.http.get(f"/v1/subjects/{person}/entries", params={"limit": 1})
    (row,) = left(service, response)
    assert (row["kind"], row["subject"], row["purpose"]) == ("TIMELINE", person, None)
    assert (row["answer_digest"], row["position"]) == (
        digest(response),
        answer_of(response)["position"],
    )
    cursor = answer_of(response)["next"]
    page = {"limit": 1, "cursor": cursor}
    following = service.caller.http.get(f"/v1/subjects/{person}/entries", params=page)
    (row,) = left(service, following)
    assert json.loads(row["question"]) == {"after": 1, "limit": 1}
    unknown = service.caller.http.get(f"/v1/subjects/{subject()}/entries")
    assert len(left(service, unknown)) == 1


def test_a_list_of_people_leaves_a_row_a_listed_person(service: Service, person: UUID) -> None:
    response = service.caller.http.get("/v1/purposes/PHOTO/subjects", params={"limit": 200})
    told = [(UUID(one["subject"]), one["decision"]) for one in answer_of(response)["people"]]
    rows = left(service, response)
    assert [(row["subject"], row["decision"]) for row in rows] == told
    assert (person, "PERMIT") in told
    assert {(row["kind"], row["purpose"]) for row in rows} == {("POPULATION", "PHOTO")}


def test_a_list_with_nobody_on_it_leaves_one_row_about_nobody(service: Service) -> None:
    query = {"decision": "OUT_OF_SCOPE"}
    response = service.caller.http.get("/v1/purposes/NEVER_DECLARED/subjects", params=query)
    assert answer_of(response)["people"] == []
    (row,) = left(service, response)
    assert (row["kind"], row["subject"], row["purpose"]) == ("POPULATION", None, "NEVER_DECLARED")


@pytest.mark.parametrize("path", ["evaluation", "search"])
def test_the_authzen_face_leaves_rows_too(service: Service, person: UUID, path: str) -> None:
    asked = {
        "subject": {"type": "service", "id": "case-system"},
        "resource": {"type": "person", "id": str(person)},
    }
    action = {"name": "process", "properties": {"processing_activity_id": "PHOTO"}}
    response = (
        service.caller.post("/access/v1/evaluation", asked | {"action": action})
        if path == "evaluation"
        else service.caller.post("/access/v1/search/action", asked)
    )
    rows = left(service, response)
    assert {row["subject"] for row in rows} == {person}
    assert {row["kind"] for row in rows} == {"CHECK" if path == "evaluation" else "BASES"}
    assert len({row["id"] for row in rows}) == len(rows) >= 1


def test_what_is_not_answered_leaves_no_row(service: Service, person: UUID) -> None:
    before = count(service)
    responses = [
        service.caller.check(person, known_at="2999-01-01T00:00:00Z"),
        service.caller.check(person, at_position="0:999999"),
        service.caller.check(person, effective_at="yesterday"),
        service.caller_with("record").check(person),
        httpx.post(f"{service.url}/v1/checks", json={}),
        service.caller.http.get("/v1/catalogue"),
        service.caller.record(person, withdrawal(person, LATER)),
    ]
    assert [one.status_code for one in responses] == [400, 503, 400, 403, 401, 200, 201]
    assert not any("ledger-read-id" in one.headers for one in responses)
    assert count(service) == before


# Who asks, and why.


def test_a_caller_says_why_and_for_whom(service: Service, person: UUID) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {
        b"ledger-reason": "Complaint DP-2026-014 – Zoë".encode(),
        b"ledger-on-behalf-of": b"Team 4",
        b"traceparent": f"00-{trace}-00f067aa0ba902b7-01".encode(),
    }
    question = {"subject": str(person), "purpose": "PHOTO"}
    caller = service.caller_with("check", client="case-system")
    response = caller.http.post("/v1/checks", json=question, headers=headers)
    (row,) = left(service, response)
    told = (row["client"], row["reason"], row["on_behalf_of"], row["trace"])
    assert told == ("case-system", "Complaint DP-2026-014 – Zoë", "Team 4", trace)


@pytest.mark.parametrize("name", ["Ledger-Reason", "Ledger-On-Behalf-Of"])
@pytest.mark.parametrize(
    "value", [b"", b"x" * 201, b"\xff", b"a\tb", "a\u200bb".encode()], ids=repr
)
def test_a_reason_that_is_no_short_text_is_refused(
    service: Service, name: str, value: bytes
) -> None:
    before = count(service)
    question = {"subject": str(subject()), "purpose": "PHOTO"}
    response = service.caller.http.post("/v1/checks", json=question, headers={name.encode(): value})
    malformed(response, field=name)
    assert count(service) == before


def test_a_reason_that_is_given_twice_is_refused(service: Service) -> None:
    question = {"subject": str(subject()), "purpose": "PHOTO"}
    twice = [("ledger-reason", "a"), ("ledger-reason", "b")]
    malformed(
        service.caller.http.post("/v1/checks", json=question, headers=twice), field="Ledger-Reason"
    )


@pytest.mark.parametrize("purpose", ["x" * 201, "PHO\0TO"], ids=["long", "NUL"])
def test_a_purpose_that_no_row_can_name_is_refused(service: Service, purpose: str) -> None:
    malformed(service.caller.check(subject(), purpose=purpose), field="purpose")


def test_a_purpose_in_a_query_is_held_to_the_same(service: Service) -> None:
    purpose = "x" * 201
    malformed(service.caller.http.get(f"/v1/purposes/{purpose}/subjects"), field="purpose")
    period = {"from": GIVEN, "until": LATER, "purpose": purpose}
    malformed(service.caller.http.get("/v1/exposures", params=period), field="purpose")
