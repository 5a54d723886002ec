"""The AuthZEN face: true only where all that was asked may be done, and the ledger's own answer."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.authzen import (
    EVALUATION,
    Json,
    act,
    ask,
    entity,
    evaluation,
    face,
    person,
    unread,
)
from tests.http.service import Service, answer_of, malformed, recorded, scratch, subject
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN, LATER = "2026-03-02T10:00:00Z", "2026-06-01T00:00:00Z"
PROCESS = act("process", "PHOTO")


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, face(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture
def somebody(service: Service) -> UUID:
    """Somebody who consented to PHOTO at GIVEN."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, GIVEN)))
    return made


def decision(service: Service, resource: Json, action: Json, **more: Any) -> bool:
    found: bool = ask(service.caller, resource, action, **more)["decision"]
    return found


# The decision.


def test_the_ledgers_answer_is_the_decision_and_its_reasons(
    service: Service, somebody: UUID
) -> None:
    answer = answer_of(service.caller.check(somebody, effective_at=LATER))

    found = ask(service.caller, person(somebody), PROCESS, time=LATER)

    same = ("decision", "conditions", "denied_categories", "flags", "next_change_at")
    assert found["decision"] is True
    context = found["context"]
    assert context["basis"] == answer["live"] == ["a"]
    for name in (*same, "effective_at", "known_at", "position", "catalogue", "rulebook"):
        assert (
            context.get(name, type(answer[name])() if answer[name] == [] else None) == answer[name]
        )
    assert context["reason_user"] == {"en": "The ledger permits this."}
    assert context["reason_admin"]["en"].startswith("PERMIT on article 6(1)(a): ")


def test_a_denial_is_an_answer_and_says_which_rule_denied(service: Service, somebody: UUID) -> None:
    service.caller.record(somebody, withdrawal(somebody, "2026-04-01T00:00:00Z"))

    found = ask(service.caller, person(somebody), PROCESS, time=LATER)

    assert found["decision"] is False
    assert found["context"]["decision"] == "DENY"
    assert "CONSENT_WITHDRAWN by consent.withdrawn (" in found["context"]["reason_admin"]["en"]
    assert "withdrawn" not in found["context"]["reason_user"]["en"]


def test_what_is_limited_may_be_stored_and_nothing_else(service: Service, somebody: UUID) -> None:
    limits = entry("RestrictionApplied", "2026-04-01", purpose="PHOTO", ground="a")
    recorded(service.caller.record(somebody, limits))

    process, store = (
        ask(service.caller, person(somebody), act(name, "PHOTO"), time=LATER)
        for name in ("process", "store")
    )

    assert (process["decision"], process["context"]["decision"]) == (False, "PERMIT_LIMITED")
    assert (store["decision"], store["context"]["decision"]) == (True, "PERMIT")
    assert "STORE_ONLY" in store["context"]["flags"]


def test_a_recorded_exception_that_is_named_lifts_the_limit(
    service: Service, somebody: UUID
) -> None:
    limits = entry("RestrictionApplied", "2026-04-01", purpose="PHOTO", ground="a")
    exception = entry("RestrictionExceptionRecorded", "2026-04-02", purpose="PHOTO") | {
        "kind": "LEGAL_CLAIMS"
    }
    recorded(service.caller.record(somebody, limits, exception))
    action = act("process", "PHOTO", exception="LEGAL_CLAIMS")

    assert decision(service, person(somebody), action, time=LATER)
    assert not decision(service, person(somebody), PROCESS, time=LATER)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("ordinary", True),
        ("special", False),
        (["NOTES"], True),
        (["NOTES", "HEALTH"], False),
        (["HEALTH"], False),
        (["NOTES", "NEVER_DECLARED"], False),
    ],
    ids=repr,
)
def test_a_permission_for_part_of_the_data_is_none(
    service: Service, somebody: UUID, data: object, expected: bool
) -> None:
    found = ask(service.caller, person(somebody, data=data), PROCESS)

    assert found["decision"] is expected
    if data == ["NOTES", "HEALTH"]:
        assert found["context"]["decision"] == "PERMIT"
        assert found["context"]["denied_categories"] == ["HEALTH"]
        assert "each category" in found["context"]["reason_user"]["en"]


def test_sharing_is_with_a_named_recipient(service: Service, somebody: UUID) -> None:
    def sharing(subject: Json | None = None, **named: str) -> Json:
        return ask(
            service.caller, person(somebody), act("share", "PHOTO", **named), subject=subject
        )

    press = entity("recipient", "PRESS")

    assert sharing(recipient="PRESS")["decision"] is True
    assert sharing(press)["decision"] is True
    assert sharing(press, recipient="PRESS")["decision"] is True
    assert sharing(recipient="NOBODY")["decision"] is False
    assert sharing(entity("recipient", "NOBODY"))["decision"] is False
    assert sharing(press, recipient="NOBODY")["decision"] is False
    to_nobody = sharing()
    assert (to_nobody["decision"], to_nobody["context"]["decision"]) == (False, "PERMIT")
    assert to_nobody["context"]["flags"] == ["RECIPIENT_NOT_NAMED"]
    assert "with whom" in to_nobody["context"]["reason_user"]["en"]


def test_a_recipient_receives_and_does_nothing_else(service: Service, somebody: UUID) -> None:
    press = entity("recipient", "PRESS")

    for name in ("process", "collect", "store"):
        assert not decision(service, person(somebody), act(name, "PHOTO"), subject=press)


def test_a_denial_without_a_flag_names_the_rule_that_ended_it(service: Service) -> None:
    found = ask(service.caller, person(subject()), PROCESS)

    assert found["context"]["reason_admin"]["en"].startswith("DENY: decision.compose (")


@pytest.mark.parametrize("kind", ["service", "person", "user"])
def test_who_asks_changes_no_answer(service: Service, somebody: UUID, kind: str) -> None:
    assert decision(service, person(somebody), PROCESS, subject=entity(kind, "K. Worker"))


# What the ledger does not know.


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"action": act("read", "PHOTO")}, "process, collect, share, store"),
        ({"action": act("Process", "PHOTO")}, "process, collect, share, store"),
        ({"action": act("process")}, "processing_activity_id"),
        ({"resource": entity("document", "1")}, "person"),
        ({"resource": entity("person", "9434765919")}, "person"),
        ({"subject": entity("spaceship", "x")}, "service, person, user, recipient"),
    ],
    ids=json.dumps,
)
def test_what_is_unknown_is_denied_with_the_reason_and_is_no_error(
    service: Service, somebody: UUID, part: Json, named: str
) -> None:
    body = evaluation(person(somebody), PROCESS) | part

    found = answer_of(service.caller.post(EVALUATION, body))

    assert found["decision"] is False
    assert set(found["context"]) == {"reason_user", "reason_admin"}
    assert named in found["context"]["reason_admin"]["en"]
    assert "9434765919" not in json.dumps(found)


def test_nobody_learns_whether_a_person_is_known(service: Service) -> None:
    known = subject()
    recorded(service.caller.record(known, born()))
    purposes = [one["id"] for one in json.loads(with_categories())["purposes"]]

    for purpose in (*purposes, "NEVER_DECLARED"):
        asked = [
            ask(service.caller, person(one), act("process", purpose), time=LATER)
            for one in (known, subject())
        ]
        if asked[0]["context"]["decision"] == asked[1]["context"]["decision"]:
            assert unread(asked[0]) == unread(asked[1])
    assert decision(service, person(subject()), act("process", "ASSESS"))
    assert not decision(service, person(subject()), PROCESS)


# The two clocks.


def test_time_is_when_it_takes_effect_and_known_at_what_was_known(
    service: Service, somebody: UUID
) -> None:
    before = ask(service.caller, person(somebody), PROCESS, time=LATER)["context"]["known_at"]
    service.caller.record(somebody, withdrawal(somebody, "2026-04-01T00:00:00Z"))

    def at(**moments: str) -> bool:
        return decision(service, person(somebody), PROCESS, **moments)

    assert at(time="2026-03-31T00:00:00Z")
    assert not at(time="2026-03-01T00:00:00Z")
    assert not at(time=LATER)
    assert at(time=LATER, known_at=before)
    assert not at()


def test_the_same_question_later_has_the_same_answer(service: Service, somebody: UUID) -> None:
    first = ask(service.caller, person(somebody), PROCESS)
    moments = {"time": first["context"]["effective_at"], "known_at": first["context"]["known_at"]}
    service.caller.record(somebody, withdrawal(somebody, GIVEN))

    again = ask(service.caller, person(somebody), PROCESS, **moments)

    assert unread(again) == unread(first)


@pytest.mark.parametrize(
    ("time", "same"),
    [
        ("2026-06-01T13:30Z", "2026-06-01T13:30:00Z"),
        ("2026-06-01T13:30-07:00", "2026-06-01T20:30:00Z"),
    ],
)
def test_a_time_may_be_to_the_minute_as_the_standard_writes_it(
    service: Service, somebody: UUID, time: str, same: str
) -> None:
    found = ask(service.caller, person(somebody), PROCESS, time=time)

    assert found["context"]["effective_at"] == same


def test_a_day_is_answered_by_its_least_permissive_moment(service: Service, somebody: UUID) -> None:
    service.caller.record(somebody, withdrawal(somebody, "2026-07-15T12:00:00Z"))

    assert decision(service, person(somebody), PROCESS, time="2026-07-14")
    assert not decision(service, person(somebody), PROCESS, time="2026-07-15")


@pytest.mark.parametrize("field", ["time", "known_at"])
@pytest.mark.parametrize("value", ["", "now", "2026-06-01T13:30", "20260601", "2999-01-01T00:00"])
def test_what_is_no_instant_is_refused(
    service: Service, somebody: UUID, field: str, value: str
) -> None:
    body = evaluation(person(somebody), PROCESS) | {"context": {field: value}}

    malformed(service.caller.post(EVALUATION, body), field=f"context.{field}")


def test_what_is_known_later_than_now_is_refused(service: Service, somebody: UUID) -> None:
    body = evaluation(person(somebody), PROCESS, known_at="2999-01-01T00:00:00Z")

    malformed(service.caller.post(EVALUATION, body), field="context.known_at")
