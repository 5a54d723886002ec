"""The people of the demo: whom they stand for, and that they are always the same."""

import json
import re
from collections import Counter
from typing import Any

from api.demo_people import PEOPLE, STORIES, lines
from api.import_lines import read_line
from ledger.catalogue import read_catalogue
from ledger.events import ENTRY_TYPES

RECORDED_BY_THE_LEDGER = {"KeyDestroyed"}
OF_CONTROLLERS_AND_LAW = {"LawLoaded", "PolicySet", "PolicyDocumentEnded", "IdentityUnmerged"}
"""Types that no history of the demo needs."""


def values() -> list[dict[str, Any]]:
    return [json.loads(one.text or b"") for one in lines()]


def entries() -> list[dict[str, Any]]:
    return [entry for value in values() for entry in value.get("entries", [value])]


def test_there_is_a_history_for_every_scenario_of_the_law() -> None:
    told = {name.split()[0] for name in STORIES}

    assert {f"S{n:02}" for n in range(1, 53)} <= told


def test_two_hundred_people_live_through_them_each_at_least_twice() -> None:
    born = Counter(
        value["subject"]["value"]
        for value in values()
        if any(one["type"] == "DateOfBirthRecorded" for one in value.get("entries", []))
    )

    assert len(born) == PEOPLE == 200
    assert set(born.values()) == {1}
    assert len(STORIES) * 2 <= PEOPLE


def test_they_are_the_same_whenever_they_are_made() -> None:
    assert list(lines()) == list(lines())


def test_every_line_can_be_read() -> None:
    for one in lines():
        read_line(one)


def test_they_show_every_type_of_entry_that_people_and_councils_record() -> None:
    shown = {one["type"] for one in entries()}
    known = {kind.__name__ for kind in ENTRY_TYPES}

    assert known - shown == RECORDED_BY_THE_LEDGER | OF_CONTROLLERS_AND_LAW


def test_every_purpose_they_name_is_one_of_the_catalogue() -> None:
    adopted = [one["catalogue"] for one in entries() if one["type"] == "CatalogueAdopted"]
    document = read_catalogue(json.dumps(adopted[-1]).encode())
    named = {one["purpose"] for one in entries() if "purpose" in one}

    assert named <= {"*", *document.purpose_by_id}
    assert [one["version"] for one in adopted] == ["3.0", "4.0"]


def test_nobody_is_named() -> None:
    people = {
        entry[field]["value"]
        for value in values()
        for entry in (value, *value.get("entries", []))
        for field in ("subject", "given_by", "holder", "from", "to", "into")
        if isinstance(entry.get(field), dict)
    }

    assert people
    assert all(re.fullmatch(r"demo-\d{3}(-[a-z]+)?", one) for one in people)
