"""Recording over HTTP: whole or not at all, once however often it is sent, and nothing lost."""

import threading
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from tests.http.service import Service, recorded, refusal, scratch, served, subject
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN, LATER = "2026-03-02T10:00:00Z", "2026-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


# What a recorded request is answered with.


def test_a_request_is_answered_with_the_place_of_each_entry(service: Service) -> None:
    person, before = subject(), service.size()

    response = service.caller.record(person, born(), consent(person, GIVEN))

    body = recorded(response)
    stored = service.sql(
        "SELECT event_id, name, '0:' || n || ':' || left(encode(leaf_hash, 'hex'), 8), version,"
        " client FROM entry WHERE stream = %s ORDER BY n",
        person,
    )
    assert [(UUID(one["entry"]), one["type"], one["position"]) for one in body["entries"]] == [
        row[:3] for row in stored
    ]
    assert [row[1] for row in stored] == ["DateOfBirthRecorded", "ConsentGranted"]
    assert [row[3:] for row in stored] == [(1, "test"), (2, "test")]
    assert body["position"] == body["entries"][-1]["position"] == stored[-1][2]
    assert body["position"].startswith(f"0:{before + 2}:")
    assert len({one["recorded_at"] for one in body["entries"]}) == 1
    assert (body["version"], response.headers["etag"]) == (2, '"v2"')
    assert response.headers["cache-control"] == "no-store"
    assert "idempotency-replayed" not in response.headers


def test_a_later_request_has_a_later_stamp(service: Service) -> None:
    person = subject()

    stamps = [
        recorded(service.caller.record(person, born()))["entries"][0]["recorded_at"]
        for _ in range(5)
    ]

    assert stamps == sorted(set(stamps))


def test_entries_about_no_one_person_stand_in_the_ledgers_own_stream(service: Service) -> None:
    notice = entry("NoticePublished", "2026-01-01", notice="photo-notice-2")

    body = recorded(service.caller.record_common(notice))

    own = service.ledger.identity.stream
    assert service.sql("SELECT max(n) FROM entry WHERE stream = %s", own)[0][0] == int(
        body["position"].split(":")[1]
    )


def test_each_kind_of_entry_has_one_way_in(service: Service) -> None:
    personal = service.caller.record_common(born())
    common = service.caller.record(
        subject(), entry("PolicySet", "2026-01-01T00:00:00Z", setting="x", value=1)
    )

    assert refusal(personal) == ("WRONG_STREAM", "/entries/0/type")
    assert refusal(common) == ("WRONG_STREAM", "/entries/0/type")


# The same request again.


def test_a_repeated_request_is_answered_as_the_first_time(service: Service) -> None:
    person = subject()
    first = service.caller.record(person, born(), key="once")
    service.caller.record(person, consent(person, GIVEN))
    before = service.size()

    again = service.caller.record(person, born(), key="once")

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["etag"] == first.headers["etag"] == '"v1"'
    assert again.headers["idempotency-replayed"] == "true"
    assert service.size() == before


def test_a_repeated_request_may_spell_its_moments_otherwise(service: Service) -> None:
    person = subject()
    first = service.caller.record(person, withdrawal(person, "2026-06-01T00:00:00Z"), key="spelt")

    again = service.caller.record(
        person, withdrawal(person, "2026-06-01T01:00:00+01:00"), key="spelt"
    )

    assert again.content == first.content


def test_a_key_stands_for_one_request(service: Service) -> None:
    person = subject()
    recorded(service.caller.record(person, born(), key="mine"))

    other_body = service.caller.record(person, born("1981-05-05"), key="mine")
    other_person = service.caller.record(subject(), born(), key="mine")
    other_client = service.caller_with("record", client="another").record(
        person, born("1981-05-05"), key="mine"
    )

    assert (other_body.status_code, other_person.status_code) == (422, 422)
    assert other_body.json()["type"] == "/problems/key-reused"
    recorded(other_client)


def test_a_refused_request_leaves_its_key_free(service: Service) -> None:
    person = subject()
    refusal(service.caller.record(person, consent(person, GIVEN, purpose="NEVER"), key="later"))

    recorded(service.caller.record(person, consent(person, GIVEN), key="later"))


def test_a_write_needs_a_key(service: Service) -> None:
    before = service.size()

    responses = [
        service.caller.http.post(path, json={"entries": [born()]}, headers=headers)
        for path in (f"/v1/subjects/{subject()}/entries", "/v1/entries")
        for headers in ({}, {"idempotency-key": ""})
    ]

    assert [one.status_code for one in responses] == [428] * 4
    assert {one.json()["type"] for one in responses} == {"/problems/key-required"}
    assert service.size() == before


@pytest.mark.parametrize("key", ["k" * 201, "a\tb"])
def test_a_key_is_short_and_printable(service: Service, key: str) -> None:
    response = service.caller.record(subject(), born(), key=key)

    assert (response.status_code, response.json()["field"]) == (400, "Idempotency-Key")


def test_two_keys_are_none(service: Service) -> None:
    response = service.caller.http.post(
        f"/v1/subjects/{subject()}/entries",
        json={"entries": [born()]},
        headers=[("idempotency-key", "a"), ("idempotency-key", "b")],
    )

    assert (response.status_code, response.json()["field"]) == (400, "Idempotency-Key")


def test_the_same_request_sent_many_times_at_once_is_recorded_once(service: Service) -> None:
    person, before = subject(), service.size()
    barrier = threading.Barrier(8)
    found: list[httpx.Response] = []

    def send() -> None:
        caller = service.caller_with("record")
        barrier.wait()
        found.append(caller.record(person, born(), key="eight"))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert {(one.status_code, one.content) for one in found} == {(201, found[0].content)}
    assert len(found) == 8
    told = sorted(one.headers.get("idempotency-replayed", "") for one in found)
    assert told == ["", *["true"] * 7]
    assert service.size() == before + 1


# The version seen.


def test_a_write_on_the_version_seen_is_recorded_and_on_another_is_not(service: Service) -> None:
    person = subject()
    seen = service.caller.record(person, born()).headers["etag"]

    fresh = service.caller.record(person, consent(person, GIVEN), if_match=seen)
    stale = service.caller.record(person, withdrawal(person, LATER), if_match=seen)
    unseen = service.caller.record(subject(), born(), if_match='"v1"')

    assert fresh.headers["etag"] == '"v2"'
    assert (stale.status_code, unseen.status_code) == (412, 412)
    assert stale.json()["type"] == "/problems/version-conflict"
    assert service.caller.check(person).json()["decision"] == "PERMIT"


def test_a_repeated_request_is_answered_whatever_version_it_had_seen(service: Service) -> None:
    person = subject()
    recorded(service.caller.record(person, born()))
    first = service.caller.record(person, consent(person, GIVEN), key="seen", if_match='"v1"')

    again = service.caller.record(person, consent(person, GIVEN), key="seen", if_match='"v1"')

    assert (again.status_code, again.content) == (201, first.content)


# Whole or not at all.


def test_a_refusal_of_one_entry_records_none(service: Service) -> None:
    person, before = subject(), service.size()

    response = service.caller.record(
        person, born(), consent(person, GIVEN), consent(person, GIVEN, purpose="NEVER")
    )

    assert refusal(response) == ("UNKNOWN_PURPOSE", "/entries/2/purpose")
    assert service.size() == before
    assert service.caller.check(person).json()["decision"] == "DENY"


def test_an_entry_that_cannot_be_read_records_none(service: Service) -> None:
    person, before = subject(), service.size()

    response = service.caller.record(person, born(), born(), born("not a day"))

    assert (response.status_code, response.json()["field"]) == (400, "entries[2].date_of_birth")
    assert service.size() == before


def test_an_entry_may_rest_on_one_before_it_in_the_request(service: Service) -> None:
    person = subject()
    authority = {
        "type": "AuthorityStarted",
        "effective_at": "2020-01-01",
        "holder": "mother",
        "kind": "PR",
    }

    recorded(
        service.caller.record(
            person,
            born("2020-01-01"),
            authority,
            consent(person, GIVEN, given_by="mother", capacity="PR"),
        )
    )

    assert service.caller.check(person).json()["decision"] == "PERMIT"


@pytest.mark.parametrize(
    "body", [{}, {"entries": []}, {"entries": None}, {"entries": [], "more": 1}, [], "entries"]
)
def test_a_request_holds_entries_and_nothing_else(service: Service, body: object) -> None:
    response = service.caller.http.post(
        f"/v1/subjects/{subject()}/entries", json=body, headers={"idempotency-key": "k"}
    )

    assert response.status_code == 400
    assert response.json()["field"].startswith("body")


def test_a_request_holds_at_most_a_thousand_entries(service: Service) -> None:
    person, before = subject(), service.size()

    response = service.caller.record(person, *(born() for _ in range(1001)))

    assert (response.status_code, response.json()["field"]) == (400, "body.entries")
    assert service.size() == before
