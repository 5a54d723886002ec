"""Checks over HTTP: what a question's answer is, and what makes it the same answer for ever."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger.civil import format_instant, parse_instant
from tests.http.service import (
    CATALOGUE,
    Service,
    answer_of,
    malformed,
    recorded,
    scratch,
    served,
    subject,
)
from tests.integration.wired import born, consent, withdrawal

GIVEN, LATER = "2026-03-02T10:00:00Z", "2026-06-01T00:00:00Z"


def with_categories() -> bytes:
    """The scenarios' catalogue, in which PHOTO has categories of data and a recipient."""
    document = json.loads(CATALOGUE)
    document["categories"] = [
        {"id": "NOTES", "title": "Notes", "classes": ["ordinary"]},
        {"id": "HEALTH", "title": "Health", "classes": ["special"]},
    ]
    document["recipients"] = [
        {"id": "PRESS", "title": "Press", "role": "controller", "effective_from": "2018-05-25"}
    ]
    photo = next(one for one in document["purposes"] if one["id"] == "PHOTO")
    photo |= {"categories": ["NOTES", "HEALTH"], "recipients": ["PRESS"]}
    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture
def person(service: Service) -> UUID:
    """Somebody who consented to PHOTO at GIVEN."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, GIVEN)))
    return made


def clock(service: Service) -> datetime:
    moment: datetime = service.sql("SELECT clock_timestamp()")[0][0]
    return moment


# The identity of an answer: (E, position, catalogue).


def test_an_answer_keeps_its_bytes_whatever_is_recorded_later(
    service: Service, person: UUID
) -> None:
    first = service.caller.check(person, effective_at=LATER)
    answer = answer_of(first)
    service.caller.record(person, withdrawal(person, "2026-04-01T00:00:00Z"))
    service.caller.record(subject(), born())
    service.caller.adopt(with_categories(), effective_at="2019-01-01T00:00:00Z")

    known = service.caller.check(person, effective_at=LATER, known_at=answer["known_at"])
    placed = service.caller.check(person, effective_at=LATER, at_position=answer["position"])
    newest = answer_of(service.caller.check(person, effective_at=LATER))

    assert answer["decision"] == "PERMIT"
    assert first.content == known.content == placed.content
    assert (newest["decision"], newest["late_gaps"] != []) == ("DENY", True)


def test_a_question_with_a_moment_of_its_own_is_answered_alike_before_and_after_the_next_entry(
    service: Service, person: UUID
) -> None:
    between = format_instant(clock(service))
    before = service.caller.check(person, effective_at=LATER, known_at=between)
    service.caller.record(person, withdrawal(person, "2026-04-01T00:00:00Z"))

    after = service.caller.check(person, effective_at=LATER, known_at=between)

    assert answer_of(before)["decision"] == "PERMIT"
    assert after.content == before.content


def test_a_moment_beyond_the_last_entry_is_answered_at_the_later_stamp(
    service: Service, person: UUID
) -> None:
    last = service.sql("SELECT recorded_at FROM log_head WHERE log = 0")[0][0]

    answer = answer_of(service.caller.check(person, known_at=format_instant(clock(service))))

    assert parse_instant(answer["known_at"]) == last


def test_a_moment_before_the_first_entry_knows_nothing(service: Service, person: UUID) -> None:
    answers = [
        answer_of(service.caller.check(person, effective_at=LATER, known_at=moment))
        for moment in ("1999-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
    ]

    assert answers[0] == answers[1]
    assert (answers[0]["position"], answers[0]["catalogue"]) == ("0:0", "0:0")
    assert (answers[0]["decision"], answers[0]["flags"]) == ("DENY", ["UNKNOWN_PURPOSE"])


def test_a_moment_later_than_the_ledgers_clock_is_refused(service: Service, person: UUID) -> None:
    ahead = format_instant(clock(service) + timedelta(hours=1))

    response = service.caller.check(person, known_at=ahead)

    malformed(response, field="known_at")
    assert ahead not in response.text


def test_the_default_moment_is_the_ledgers_clock_and_not_before_the_last_entry(
    service: Service, person: UUID
) -> None:
    before = clock(service)
    answer = answer_of(service.caller.check(person))
    after = clock(service)

    assert before <= parse_instant(answer["effective_at"]) <= after
    assert parse_instant(answer["known_at"]) <= parse_instant(answer["effective_at"])


def test_what_is_asked_through_any_route_has_one_answer(service: Service, person: UUID) -> None:
    moments = {"effective_at": LATER, "known_at": format_instant(clock(service))}
    service.caller.record(person, withdrawal(person, "2026-04-01T00:00:00Z"))
    question = {"subject": str(person), "purpose": "PHOTO", **moments}

    single = answer_of(service.caller.check(person, **moments))
    batch = answer_of(
        service.caller.post("/v1/checks/batch", {"checks": [{"id": "1", **question}]})
    )
    bases = answer_of(service.caller.http.get(f"/v1/subjects/{person}/bases", params=moments))

    assert batch["answers"] == [{"id": "1", "answer": single}]
    assert {"purpose": "PHOTO", "answer": single} in bases["bases"]


# Positions.


def test_a_position_may_be_given_with_and_without_its_hash(service: Service, person: UUID) -> None:
    position = answer_of(service.caller.check(person))["position"]
    bare = position.rpartition(":")[0]
    service.caller.record(person, withdrawal(person, "2026-04-01T00:00:00Z"))

    answers = [
        service.caller.check(person, effective_at=LATER, at_position=one)
        for one in (position, bare)
    ]

    assert answers[0].content == answers[1].content
    assert answer_of(answers[0])["position"] == position


@pytest.mark.parametrize("field", ["at_position", "min_position"])
def test_a_position_that_this_log_does_not_have_is_refused(
    service: Service, person: UUID, field: str
) -> None:
    position = answer_of(service.caller.check(person))["position"]
    log, n, leaf_hash = position.split(":")
    forged = f"{int(leaf_hash, 16) ^ 1:08x}"

    forked = service.caller.check(person, **{field: f"{log}:{n}:{forged}"})
    elsewhere = service.caller.check(person, **{field: f"3:{n}"})
    beyond = service.caller.check(person, **{field: f"{log}:{int(n) + 1000}"})

    assert forked.status_code == 409
    assert forked.json()["type"] == "/problems/log-forked"
    malformed(elsewhere, field=field)
    assert beyond.status_code == 503
    assert beyond.json()["type"] == "/problems/behind"
    assert beyond.headers["retry-after"] == "1"


@pytest.mark.parametrize("field", ["at_position", "min_position"])
@pytest.mark.parametrize("text", ["", "0", "0:", "0:-1", "0:1:9F2C41D7", "0:1:9f2c41d", "a:b", 7])
def test_what_is_no_position_is_refused(service: Service, field: str, text: object) -> None:
    question: dict[str, Any] = {field: text}

    response = service.caller.check(subject(), **question)

    assert response.status_code == 400
    assert response.json()["field"].rpartition(".")[2] == field


def test_the_position_before_every_entry_is_a_position(service: Service, person: UUID) -> None:
    nothing = answer_of(service.caller.check(person, known_at="2020-01-01T00:00:00Z"))["position"]

    newest = answer_of(service.caller.check(person, min_position=nothing))
    empty = answer_of(service.caller.check(person, at_position=nothing))

    assert newest["decision"] == "PERMIT"
    assert (empty["position"], empty["decision"]) == (nothing, "DENY")


def test_a_position_reached_is_answered_from_the_newest(service: Service, person: UUID) -> None:
    written = service.caller.record(person, withdrawal(person, LATER)).json()["position"]
    service.caller.record(subject(), born())

    answer = answer_of(service.caller.check(person, min_position=written))

    assert int(answer["position"].split(":")[1]) > int(written.split(":")[1])
    assert answer["decision"] == "DENY"


def test_a_question_has_one_state_of_knowledge(service: Service, person: UUID) -> None:
    both = service.caller.check(person, known_at="2026-01-01T00:00:00Z", at_position="0:1")

    malformed(both, field="at_position")


# What is asked about.


@pytest.mark.parametrize(
    ("data", "decision", "denied"),
    [
        (["NOTES"], "PERMIT", []),
        (["NOTES", "HEALTH"], "PERMIT", ["HEALTH"]),
        (["HEALTH"], "DENY", ["HEALTH"]),
        (["NOTES", "NEVER_DECLARED"], "PERMIT", ["NEVER_DECLARED"]),
        ("special", "DENY", []),
    ],
)
def test_each_category_of_data_has_its_own_answer(
    service: Service, person: UUID, data: object, decision: str, denied: list[str]
) -> None:
    answer = answer_of(service.caller.check(person, data=data))

    assert (answer["decision"], answer["denied_categories"]) == (decision, denied)


@pytest.mark.parametrize(
    ("recipient", "decision", "flags"),
    [
        ({"recipient": "PRESS"}, "PERMIT", []),
        ({"recipient": "NOBODY"}, "DENY", ["RECIPIENT_NOT_DECLARED"]),
        ({}, "PERMIT", ["RECIPIENT_NOT_NAMED"]),
    ],
)
def test_sharing_needs_a_declared_recipient(
    service: Service, person: UUID, recipient: dict[str, str], decision: str, flags: list[str]
) -> None:
    answer = answer_of(service.caller.check(person, operation="SHARE", **recipient))

    assert (answer["decision"], answer["flags"]) == (decision, flags)


def test_a_deny_is_an_answer_and_no_error(service: Service) -> None:
    unknown = answer_of(service.caller.check(subject(), "NEVER_DECLARED"))
    unheard_of = answer_of(service.caller.check(subject()))
    public_task = answer_of(service.caller.check(subject(), "ASSESS"))

    assert (unknown["decision"], unknown["flags"]) == ("DENY", ["UNKNOWN_PURPOSE"])
    assert unheard_of["decision"] == "DENY"
    assert (public_task["decision"], public_task["live"]) == ("PERMIT", ["e"])


def test_the_trace_is_as_long_as_asked_for(service: Service, person: UUID) -> None:
    none, summary, full = (
        answer_of(service.caller.check(person, effective_at=LATER, explain=how)).pop("because")
        for how in ("none", "summary", "full")
    )

    assert none == []
    assert summary == [step for step in full if step["matched"]]
    assert 0 < len(summary) < len(full)


def test_every_purpose_of_the_catalogue_has_its_basis(service: Service, person: UUID) -> None:
    declared = {one["id"] for one in json.loads(CATALOGUE)["purposes"]}

    response = service.caller.http.get(f"/v1/subjects/{person}/bases")

    named = [one["purpose"] for one in answer_of(response)["bases"]]
    assert named == sorted(declared)
    assert len({one["answer"]["position"] for one in response.json()["bases"]}) == 1
