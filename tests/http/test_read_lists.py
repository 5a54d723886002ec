"""Auditors see who looked at whom, and who was told of what hindsight denies."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api.cursors import LIMIT_MAX
from tests.http.audited import digest, left, named
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


# Looking into the read audit.


def reads(service: Service, **query: Any) -> httpx.Response:
    return service.caller.http.get("/v1/reads", params=query)


def test_an_auditor_sees_who_looked_at_a_person_and_is_recorded_too(
    service: Service, person: UUID
) -> None:
    first = service.caller_with("check", client="case-system").check(person)
    before = reads(service, subject=person)
    (shown,) = answer_of(before)["reads"]
    assert (shown["id"], shown["client"], shown["kind"]) == (named(first), "case-system", "CHECK")
    assert (shown["purpose"], shown["decision"]) == ("PHOTO", "PERMIT")
    assert (answer_of(before)["complete"], answer_of(before)["next"]) == (True, None)
    (row,) = left(service, before)
    assert (row["kind"], row["subject"], row["answer_digest"]) == ("READS", person, digest(before))
    after = answer_of(reads(service, subject=person))["reads"]
    assert [one["kind"] for one in after] == ["CHECK", "READS"]


def test_a_row_as_shown_is_all_that_its_hash_is_over(service: Service, person: UUID) -> None:
    service.caller.check(person, store=True)
    (shown,) = answer_of(reads(service, subject=person))["reads"]
    hash_ = shown.pop("hash")
    shown["question"] = json.dumps(shown["question"], sort_keys=True, separators=(",", ":"))
    text = json.dumps(
        shown | {"v": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    assert hashlib.sha256(text).hexdigest() == hash_
    ((stored,),) = service.sql("SELECT stored FROM read_audit WHERE id = %s", shown["id"])
    assert hashlib.sha256(stored).hexdigest() == shown["stored_digest"]


def test_reads_are_paged_and_filtered_by_client_and_time(service: Service) -> None:
    client = f"client-{uuid4()}"
    asking = service.caller_with("check", client=client)
    expected = [named(asking.check(subject())) for _ in range(5)]
    found: list[str] = []
    page = reads(service, client=client, limit=2)
    while True:
        body = answer_of(page)
        found += [one["id"] for one in body["reads"]]
        assert body["complete"] == (body["next"] is None)
        if body["complete"]:
            break
        asking.check(subject())
        assert f"cursor={body['next']}" in page.headers["link"]
        page = reads(service, client=client, limit=2, cursor=body["next"])
    assert sorted(found) == sorted(expected)
    assert found == sorted(found)
    every = answer_of(reads(service, client=client, limit=LIMIT_MAX))["reads"]
    moments = sorted(one["answered_at"] for one in every)
    part = {"from": moments[1], "until": moments[3]}
    shown = answer_of(reads(service, client=client, **part))["reads"]
    assert [one["answered_at"] for one in shown] == moments[1:3]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2026-01-01"}, "from"),
        ({"until": "x"}, "until"),
        ({"subject": "x"}, "subject"),
        ({"client": ""}, "client"),
        ({"client": "x" * 201}, "client"),
        ({"limit": 0}, "limit"),
        ({"limit": LIMIT_MAX + 1}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_question_about_reads_that_cannot_be_read_is_refused(
    service: Service, query: dict[str, Any], field: str
) -> None:
    malformed(reads(service, **query), field=field)


# Exposures.


def test_an_exposure_names_who_was_told_before_the_late_entry_came(service: Service) -> None:
    person = subject()
    given = recorded(service.caller.record(person, born(), consent(person, GIVEN)))
    asking = service.caller_with("check", client="case-system")
    question = {"subject": str(person), "purpose": "PHOTO"}
    headers = {"ledger-reason": "school play"}
    told = asking.http.post("/v1/checks", json=question, headers=headers)
    assert answer_of(told)["decision"] == "PERMIT"
    since = given["entries"][0]["recorded_at"]
    late = recorded(service.caller.record(person, withdrawal(person, since)))
    assert answer_of(asking.check(person))["decision"] == "DENY"
    now = answer_of(asking.check(person))["effective_at"]

    query = {"from": since, "until": now, "purpose": "PHOTO"}
    response = service.caller.http.get("/v1/exposures", params=query)

    exposed = {one["subject"]: one["gaps"] for one in answer_of(response)["people"]}
    (gap,) = exposed[str(person)]
    (caller,) = gap.pop("told")
    assert (gap["believed"], gap["hindsight"]) == ("PERMIT", "DENY")
    assert gap["shown_at"] == gap["end"] == late["entries"][0]["recorded_at"]
    assert caller == {
        "read": named(told),
        "client": "case-system",
        "reason": "school play",
        "on_behalf_of": None,
        "answered_at": answer_of(told)["effective_at"],
        "decision": "PERMIT",
        "effective_at": answer_of(told)["effective_at"],
    }
    rows = left(service, response)
    assert {(row["kind"], row["purpose"]) for row in rows} == {("EXPOSURE", "PHOTO")}
    assert {str(row["subject"]) for row in rows} == set(exposed)


def test_a_period_without_exposures_leaves_one_row_about_nobody(service: Service) -> None:
    query = {"from": "2001-01-01T00:00:00Z", "until": "2001-01-02T00:00:00Z"}
    response = service.caller.http.get("/v1/exposures", params=query)
    assert answer_of(response)["people"] == []
    (row,) = left(service, response)
    assert (row["kind"], row["subject"], row["purpose"]) == ("EXPOSURE", None, None)


# Stored answers.


def test_a_stored_answer_is_sealed_and_told_apart_by_its_place(
    service: Service, person: UUID
) -> None:
    checks = [
        {"id": "1", "subject": str(person), "purpose": "PHOTO", "store": True},
        {"id": "2", "subject": str(person), "purpose": "GROUP"},
    ]
    single = left(service, service.caller.check(person, store=True))
    rows = left(service, service.caller.post("/v1/checks/batch", {"checks": checks}))
    assert [row["stored"] is not None for row in single + rows] == [True, True, False]
    assert b"PERMIT" not in single[0]["stored"]
