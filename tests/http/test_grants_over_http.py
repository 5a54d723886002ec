"""What a grant covers may be asked and recorded, and nothing else."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.http.bound import (
    GRANTED,
    LATER,
    MOMENT,
    OTHER,
    asking,
    bound,
    forbidden,
    known_now,
    known_otherwise,
)
from tests.http.routes import Call
from tests.http.service import CATALOGUE, Caller, Service, recorded, subject
from tests.integration.wired import consent, entry, withdrawal


@pytest.fixture(scope="module")
def narrow(service: Service) -> Caller:
    """A client that may do everything, for photographs."""
    return bound(service, GRANTED)


@pytest.fixture(scope="module")
def hidden(service: Service) -> UUID:
    """Somebody of whom other purposes know alone."""
    person = subject()
    known_otherwise(service, person)
    return person


@pytest.mark.parametrize("purpose", [OTHER, "NO_SUCH", "*", ""])
@pytest.mark.parametrize(
    "call",
    [("POST", "/v1/checks"), ("POST", "/v1/checks/batch"), ("POST", "/access/v1/evaluation")],
    ids=" ".join,
)
def test_a_purpose_outside_the_grant_may_not_be_asked_about(
    service: Service, narrow: Caller, call: Call, purpose: str
) -> None:
    for method, url, more in asking(call, subject(), purpose, known_now(service)):
        forbidden(narrow.http.request(method, url, **more))


def test_one_purpose_outside_the_grant_refuses_a_batch_and_leaves_no_trace(
    service: Service, narrow: Caller
) -> None:
    reads = service.sql("SELECT count(*) FROM read_audit")
    checks = [
        {"id": str(n), "subject": str(subject()), "purpose": purpose}
        for n, purpose in enumerate([GRANTED, OTHER])
    ]
    forbidden(narrow.post("/v1/checks/batch", {"checks": checks}))

    assert service.sql("SELECT count(*) FROM read_audit") == reads


def test_what_the_grant_covers_is_answered_as_to_anybody(service: Service, narrow: Caller) -> None:
    person = subject()
    recorded(service.caller.record(person, consent(person, "2026-02-01", GRANTED)))
    asked = {"effective_at": MOMENT, "explain": "full"}

    mine, anybodys = (one.check(person, GRANTED, **asked) for one in (narrow, service.caller))
    assert mine.content == anybodys.content
    every = narrow.http.get(f"/v1/subjects/{person}/bases").json()["bases"]
    assert [one["purpose"] for one in every] == [GRANTED]
    known = known_now(service)
    params = {"effective_at": MOMENT, "known_at": known}
    params |= {"then_effective_at": LATER, "then_known_at": known}
    compared = narrow.http.get(f"/v1/subjects/{person}/bases/diff", params=params).json()
    assert [one["purpose"] for one in compared["purposes"]] == [GRANTED]


# Recording.


@pytest.mark.parametrize(
    ("fact", "allowed"),
    [
        (lambda person: consent(person, "2026-02-01", GRANTED), True),
        (lambda person: withdrawal(person, "2026-02-01", GRANTED), False),
        (lambda person: withdrawal(person, "2026-02-01", "*"), False),
        (lambda person: consent(person, "2026-02-01", OTHER), False),
        (lambda person: consent(person, "2026-02-01", "NO_SUCH"), False),
        (lambda _: entry("DeathRecorded", "2026-02-01"), False),
        (lambda person: entry("EntryAnnulled", "2026-02-01", entry=str(person)), False),
    ],
    ids=range(7),
)
def test_a_recorder_records_its_types_for_its_purposes_alone(
    service: Service, hidden: UUID, fact: Callable[[UUID], dict[str, Any]], allowed: bool
) -> None:
    recorder = bound(service, GRANTED, types=("ConsentGranted", "DeathRecorded", "EntryAnnulled"))
    size = service.size()
    if not allowed:
        for person in (subject(), hidden):
            for facts in ([fact(person)], [consent(person, "2026-02-01", GRANTED), fact(person)]):
                response = recorder.record(person, *facts)
                forbidden(response)
                assert response.json()["field"] == f"entries[{len(facts) - 1}]"
        assert service.size() == size, "nothing of any request was recorded"
        return
    body = recorded(recorder.record(person := subject(), fact(person)))
    assert body["version"] is None


def test_a_repeated_recording_does_not_tell_the_version_either(narrow: Caller) -> None:
    person = subject()
    once, again = (
        narrow.record(person, consent(person, "2026-02-01", GRANTED), key="again") for _ in range(2)
    )

    assert again.headers["idempotency-replayed"] == "true"
    assert once.content == again.content
    assert "etag" not in again.headers and again.json()["version"] is None


# What is about no one person.


def test_the_catalogue_shows_the_purposes_of_the_grant(service: Service, narrow: Caller) -> None:
    mine, whole = (one.http.get("/v1/catalogue") for one in (narrow, service.caller))

    assert [one["id"] for one in mine.json()["purposes"]] == [GRANTED]
    assert len(whole.json()["purposes"]) > 1
    assert "etag" in whole.headers and "etag" not in mine.headers


def test_a_catalogue_is_adopted_by_a_grant_over_every_purpose_alone(
    service: Service, narrow: Caller
) -> None:
    forbidden(narrow.adopt(CATALOGUE))
    forbidden(bound(service, "*", types=("ConsentGranted",)).adopt(CATALOGUE))
    assert bound(service, "*", types=("CatalogueAdopted",)).adopt(CATALOGUE).status_code == 201


def test_common_entries_are_recorded_for_the_purposes_of_the_grant(narrow: Caller) -> None:
    declared = {"purpose": GRANTED, "article6": "e", "source": "section 17"}

    forbidden(narrow.record_common(entry("NoticePublished", "2026-01-01", notice="n")))
    forbidden(
        narrow.record_common(entry("BasisDeclared", "2026-01-01", **declared | {"purpose": OTHER}))
    )
    recorded(narrow.record_common(entry("BasisDeclared", "2030-01-01", **declared)))


def test_the_read_audit_is_for_grants_over_every_purpose(narrow: Caller) -> None:
    forbidden(narrow.http.get("/v1/reads"))
