"""What the controller must do by when, as far as the question's purpose is concerned."""

from datetime import date
from typing import Any

import pytest

from ledger.due import Due
from tests.unit.stories import Story, just_before

RECEIVED = "2026-07-06T10:00"
LATER = "2026-07-20T10:00"


def due(story: Story, name: str = "SAFEGUARD", at: str = LATER, **more: Any) -> tuple[Due, ...]:
    return story.ask(name, at, known="2027-01-01T10:00", **more).due


def whats(found: tuple[Due, ...]) -> list[tuple[str, str]]:
    return [(one.what, one.entry) for one in found]


def received(name: str, /, at: str = RECEIVED, **more: str) -> Story:
    story = Story()
    story.record(name, at, **more)
    return story


@pytest.mark.parametrize(
    ("name", "fields", "wanted"),
    [
        (
            "ObjectionReceived",
            {"purpose": "SAFEGUARD", "kind": "ART21_1"},
            ("objection response", date(2026, 8, 6), "UK GDPR Art 12A"),
        ),
        (
            "ErasureRequested",
            {"purpose": "SAFEGUARD"},
            ("erasure response", date(2026, 8, 6), "UK GDPR Art 12A"),
        ),
        (
            "ComplaintReceived",
            {"purpose": "SAFEGUARD"},
            ("complaint acknowledgement", date(2026, 8, 5), "DPA 2018 s.164A(3)"),
        ),
    ],
)
def test_a_clock_runs_from_the_day_something_was_received(
    name: str, fields: dict[str, str], wanted: tuple[str, date, str]
) -> None:
    story = received(name, **fields)
    what, day, basis = wanted

    assert due(story) == (Due(what=what, at=day, entry="e2", basis_of_clock=basis),)
    assert due(story, at=RECEIVED) == due(story)
    assert due(story, at=just_before(RECEIVED)) == ()
    assert due(story, "CARE_RECORD") == ()
    every = received(name, **{**fields, "purpose": "*"})
    assert whats(due(every, "CARE_RECORD")) == [(what, "e2")]


def test_duties_are_in_the_order_of_their_last_days() -> None:
    story = received("ObjectionReceived", purpose="SAFEGUARD", kind="ART21_1")
    story.record("ErasureRequested", "2026-07-03T10:00", purpose="SAFEGUARD")
    story.record("ComplaintReceived", RECEIVED)
    story.record("ErasureRequested", "2026-07-06T11:00", purpose="SAFEGUARD")

    assert [entry for _, entry in whats(due(story))] == ["e3", "e4", "e2", "e5"]


def test_an_objection_is_answered_when_the_person_is_told() -> None:
    story = received("ObjectionReceived", purpose="SAFEGUARD", kind="ART21_1")
    decided = {"objection": "e2", "outcome": "REJECTED", "informed_at": "2026-07-10T10:00"}
    story.record("ObjectionDecided", "2026-07-08T10:00", **decided)

    assert whats(due(story, at="2026-07-10T09:59")) == [("objection response", "e2")]
    assert due(story, at="2026-07-10T10:00") == ()


@pytest.mark.parametrize("name", ["ErasureRefused", "ErasureExecuted"])
@pytest.mark.parametrize(
    ("asked", "answered", "at", "open_"),
    [
        ("CARE_RECORD", "CARE_RECORD", "2026-07-08T10:00", False),
        ("CARE_RECORD", "*", "2026-07-08T10:00", False),
        ("*", "*", "2026-07-08T10:00", False),
        ("*", "CARE_RECORD", "2026-07-08T10:00", True),
        ("CARE_RECORD", "SAFEGUARD", "2026-07-08T10:00", True),
        ("CARE_RECORD", "CARE_RECORD", "2026-07-06T09:59", True),
    ],
)
def test_a_request_for_erasure_is_answered_by_a_later_answer_for_its_purpose(
    name: str, asked: str, answered: str, at: str, open_: bool
) -> None:
    story = received("ErasureRequested", purpose=asked)
    story.record(name, at, purpose=answered)

    assert bool(due(story, "CARE_RECORD")) is open_


@pytest.mark.parametrize("name", ["ComplaintAcknowledged", "ComplaintClosed"])
def test_a_complaint_is_acknowledged_by_an_entry_that_names_it(name: str) -> None:
    story = received("ComplaintReceived")
    story.record("ComplaintReceived", "2026-07-07T10:00")
    story.record(name, "2026-07-08T10:00", complaint="e2")
    complaint = "complaint acknowledgement"

    assert whats(due(story, at="2026-07-08T09:59")) == [(complaint, "e2"), (complaint, "e3")]
    assert whats(due(story, at="2026-07-08T10:00")) == [(complaint, "e3")]


@pytest.mark.parametrize(
    ("name", "fields", "at"),
    [
        ("ObjectionReceived", {"purpose": "SAFEGUARD", "kind": "ART21_1"}, "2018-05-24T10:00"),
        ("ComplaintReceived", {}, "2026-06-18T10:00"),
    ],
)
def test_where_the_law_knew_no_duty_yet_none_is_due(
    name: str, fields: dict[str, str], at: str
) -> None:
    assert due(received(name, at, **fields)) == ()


def test_a_year_whose_bank_holidays_are_not_known_yet_gives_no_day_and_still_an_answer() -> None:
    story = received("ErasureRequested", "2199-07-06T10:00", purpose="SAFEGUARD")
    story.record("ComplaintReceived", "2199-07-06T10:00")
    found = story.ask("SAFEGUARD", "2199-07-07T10:00", known="2199-07-07T10:00")

    assert (found.decision, found.due) == ("PERMIT", ())


@pytest.mark.parametrize(
    "fields",
    [
        {"recorded": RECEIVED},
        {"recorded": LATER, "received_at": RECEIVED, "requested_effective_at": "2027-01-01"},
    ],
)
def test_a_clock_runs_from_the_receipt_whatever_later_moment_is_asked_for_or_claimed(
    fields: dict[str, str],
) -> None:
    objection = {"purpose": "SAFEGUARD", "kind": "ART21_1"}
    story = received("ObjectionReceived", at="2027-01-01T10:00", **objection, **fields)

    (only,) = due(story, at="2027-01-01T10:00")
    assert only.at == date(2026, 8, 6)


def test_a_duty_without_a_day_hides_no_other() -> None:
    story = Story()
    story.record("ComplaintReceived", "2199-01-01T10:00")
    story.record("ComplaintReceived", "2199-02-01T10:00", recorded=RECEIVED)
    found = story.ask("SAFEGUARD", "2199-03-01T10:00", known="2199-03-01T10:00").due

    assert [(one.entry, one.at) for one in found] == [("e3", date(2026, 8, 5))]


def test_what_is_due_is_said_beside_a_denial_too() -> None:
    story = received("ComplaintReceived", purpose="NOSUCH")

    assert whats(due(story, "NOSUCH")) == [("complaint acknowledgement", "e2")]


def test_nothing_is_due_to_a_person_of_whom_nothing_can_be_read() -> None:
    story = received("ComplaintReceived")

    assert due(story, destroyed=True) == ()
