"""When an answer could next change with nothing new recorded: never too late, seldom too soon.

That nothing changes before is `test_invariants`; here is what the next moment is.
"""

from datetime import datetime
from typing import Any

import pytest

from tests.unit.stories import NOW, Story, catalogue_with, child, instant, just_before, purpose


def next_change(story: Story, name: str, at: str, **more: Any) -> datetime | None:
    return story.ask(name, at, known="2029-01-01T00:00", **more).next_change_at


def test_an_answer_that_nothing_recorded_or_dated_can_change_names_no_moment() -> None:
    assert next_change(Story(), "SAFEGUARD", NOW) is None


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2018-05-24T00:00", "2018-05-24T23:00"),
        ("2018-05-24T23:00", "2026-02-05T00:00"),
        ("2026-02-04T23:59", "2026-02-05T00:00"),
    ],
)
def test_the_law_is_the_next_thing_to_change(at: str, moment: str) -> None:
    story = Story(born=None)

    assert next_change(story, "SAFEGUARD", at) == instant(moment)


def upcoming(name: str, at: str, /, **more: Any) -> Story:
    story = Story()
    story.record(name, at, **more)
    return story


NEXT: list[tuple[Story, str, str, str]] = [
    (upcoming("DeathRecorded", "2027-01-01T10:00"), "SAFEGUARD", NOW, "2027-01-01T10:00"),
    (
        upcoming("ErasureExecuted", "2027-01-01T10:00", recorded=NOW, purpose="*"),
        "SAFEGUARD",
        NOW,
        "2027-01-01T10:00",
    ),
    (
        upcoming("DeathRecorded", "2026-10-01T10:00", recorded="2026-12-01T10:00"),
        "SAFEGUARD",
        NOW,
        "2026-12-01T10:00",
    ),
    (
        upcoming("ConsentGranted", "2026-03-01T10:00", purpose="PHOTO", given_by="A1",
                 capacity="SELF", expires_at="2027-02-01T10:00"),
        "PHOTO",
        NOW,
        "2027-02-01T10:00",
    ),
    (
        upcoming("ConsentGranted", "2026-03-01T10:00", purpose="PHOTO", given_by="A1",
                 capacity="SELF"),
        "PHOTO",
        NOW,
        "2028-03-01T10:00",
    ),
    (
        upcoming("ObjectionDecided", "2026-03-01T10:00", objection="x", outcome="UPHELD",
                 informed_at="2027-03-01T10:00"),
        "SAFEGUARD",
        NOW,
        "2027-03-01T10:00",
    ),
    (
        upcoming("RestrictionExceptionRecorded", "2026-03-01T10:00", kind="K",
                 ends_at="2027-03-01T10:00"),
        "SAFEGUARD",
        NOW,
        "2027-03-01T10:00",
    ),
    (
        upcoming("BasisDeclared", "2026-11-22T10:00", purpose="NEWP", article6="d"),
        "NEWP",
        NOW,
        "2026-11-25T10:00",
    ),
    (
        upcoming("PolicySet", "2027-01-01T10:00", subject=None, setting="leap_birthday",
                 value="28 Feb"),
        "SAFEGUARD",
        NOW,
        "2027-01-01T10:00",
    ),
    (
        upcoming("LawLoaded", "2026-11-01T10:00", subject=None, provision="x", article="x",
                 link="x", in_force_from="2027-01-01", in_force_until="2028-01-01"),
        "SAFEGUARD",
        NOW,
        "2027-01-01T00:00",
    ),
    (
        upcoming("LawLoaded", "2026-11-01T10:00", subject=None, provision="x", article="x",
                 link="x", in_force_from="2026-11-01", in_force_until="2028-01-01"),
        "SAFEGUARD",
        NOW,
        "2028-01-01T00:00",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("story", "name", "at", "moment"), NEXT)
def test_every_dated_fact_is_the_next_thing_to_change(
    story: Story, name: str, at: str, moment: str
) -> None:
    assert next_change(story, name, at) == instant(moment)
    assert next_change(story, name, just_before(moment)) == instant(moment)
    assert next_change(story, name, moment) != instant(moment)


def test_a_fact_about_another_purpose_or_status_changes_nothing() -> None:
    story = Story()
    story.withdraw("2027-01-01T10:00", requested_effective_at="2027-01-01T10:00", recorded=NOW)
    story.record("StatusStarted", "2027-02-01T10:00", recorded=NOW, kind="CPP")

    assert next_change(story, "SAFEGUARD", NOW) is None
    assert next_change(story, "PHOTO", NOW) == instant("2027-01-01T10:00")
    assert next_change(story, "CPIS", NOW) == instant("2027-02-01T10:00")
    assert next_change(story, "NOSUCH", NOW) == instant("2027-02-01T10:00")


def test_a_status_that_a_line_depends_on_changes_its_purpose() -> None:
    story = Story()
    story.record("StatusStarted", "2027-02-01T10:00", recorded=NOW, kind="S47")

    assert next_change(story, "S47", NOW) == instant("2027-02-01T10:00")


def test_an_end_that_names_a_status_changes_what_that_status_does_whatever_kind_it_says() -> None:
    story = Story(born=None)
    start = story.record("StatusStarted", "2026-03-01T10:00", kind="S47")
    story.record("StatusEnded", "2027-02-01T10:00", recorded=NOW, kind="LAC", status=start)

    assert next_change(story, "S47", NOW) == instant("2027-02-01T10:00")
    assert story.ask("S47", "2027-02-01T10:00").decision == "DENY"


def test_where_an_objection_to_number_matching_reaches_all_uses_it_changes_them() -> None:
    for policy, moment in (({}, None), ({"nhs_objection_scope": "all uses"}, "2027-01-01T10:00")):
        chosen: dict[str, bool | int | str] = {**policy}
        story = Story(policy=chosen)
        fields = {"purpose": "PHOTO", "kind": "NHS_NUMBER", "recorded": NOW}
        asked = {"requested_effective_at": "2027-01-01T10:00"}
        story.record("ObjectionReceived", "2027-01-01T10:00", **fields, **asked)
        story.record("ErasureExecuted", "2026-12-01T10:00", purpose="GROUP", recorded=NOW)
        found = next_change(story, "SAFEGUARD", NOW)
        assert found == (instant(moment) if moment else None)


@pytest.mark.parametrize(
    ("name", "data", "moments"),
    [
        ("PHOTO", "ordinary", ["2026-06-30T23:00", "2028-06-30T23:00"]),
        ("CPIS", "ordinary", ["2028-06-30T23:00"]),
        ("SAFEGUARD", "special", ["2026-06-30T23:00", "2028-06-30T23:00"]),
        ("SAFEGUARD", "ordinary", []),
    ],
)
def test_a_birthday_changes_what_depends_on_age(name: str, data: str, moments: list[str]) -> None:
    story = Story(born="2010-07-01")
    found, at = [], "2026-03-01T10:00"
    while (moment := next_change(story, name, at, data=data)) is not None:
        at = moment.replace(tzinfo=None).isoformat()
        found.append(moment)

    assert set(map(instant, moments)) <= set(found)
    assert bool(found) is bool(moments)


def test_a_category_may_hold_special_data_and_so_depends_on_age() -> None:
    categories = [
        {"id": "names", "title": "Names", "classes": ["ordinary"]},
        {"id": "health", "title": "Health", "classes": ["special"]},
    ]
    document = catalogue_with([purpose("VISITS", "e")], categories=categories)
    story = Story(born="2010-07-01", document=document)

    found = next_change(story, "VISITS", "2027-03-01T10:00", data=("names", "health"))
    assert found == instant("2028-06-30T23:00")


def test_the_age_for_a_service_is_a_birthday_too() -> None:
    story = child("2013-06-01")
    story.by_mother("2026-03-01T10:00", purpose="PORTAL")

    assert next_change(story, "PORTAL", "2026-03-02T10:00") == instant("2026-05-31T23:00")


def test_a_status_changes_an_answer_when_it_ends_and_when_its_look_back_does() -> None:
    story = Story(born=None)
    story.record("StatusStarted", "2026-03-01T10:00", kind="CPP")
    story.record("StatusEnded", "2026-12-01T10:00", recorded=NOW, kind="CPP")

    assert next_change(story, "CPIS_RECENT", NOW) == instant("2026-12-01T10:00")
    assert next_change(story, "CPIS_RECENT", "2026-12-01T10:00") == instant("2027-12-01T10:00")
    assert next_change(story, "CPIS", "2026-12-01T10:00") is None


def test_a_line_of_the_catalogue_changes_an_answer_when_it_begins_and_ends() -> None:
    line = {"article6": "e", "effective_from": "2027-07-01", "effective_until": "2028-07-01"}
    story = Story(document=catalogue_with([{**purpose("VISITS"), "lines": [line]}]))

    assert next_change(story, "VISITS", NOW) == instant("2027-06-30T23:00")
    assert next_change(story, "VISITS", "2027-06-30T23:00") == instant("2028-06-30T23:00")


def test_a_recipient_changes_an_answer_that_names_one() -> None:
    body = {"id": "ICB", "title": "ICB", "effective_from": "2027-07-01"}
    until = {"id": "CCG", "title": "CCG", "effective_until": "2028-07-01"}
    document = catalogue_with(
        [purpose("VISITS", "e", recipients=["ICB"])], recipients=[body, until]
    )
    story = Story(document=document)
    shared = {"operation": "SHARE", "recipient": "ICB"}

    assert next_change(story, "VISITS", NOW, **shared) == instant("2027-06-30T23:00")
    assert next_change(story, "VISITS", "2028-01-01T00:00", **shared) == instant("2028-06-30T23:00")
    assert next_change(story, "VISITS", NOW) is None


def test_a_line_that_begins_in_the_last_hours_there_are_has_an_answer_still() -> None:
    line = {"purpose": "NEWP", "article6": "d", "recorded": NOW}
    story = upcoming("BasisDeclared", "9999-12-30T10:00", **line)

    found = story.ask("NEWP", "9999-12-30T11:00", known="2029-01-01T00:00")

    assert (found.decision, found.next_change_at) == ("PERMIT", None)
