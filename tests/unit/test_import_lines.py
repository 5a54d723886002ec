"""Lines of an import as they are read, and the ids that a file gives its entries."""

import io
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.import_ids import Ids
from api.import_lines import LINE_BYTES_MAX, Identifier, Line, Raw, raw_lines, read_line
from ledger.errors import Malformed

SUBJECT = "6400d441-bee7-4776-90ab-05096e43af3f"
DEATH = {"type": "DeathRecorded", "effective_at": "2026-11-01T10:00:00Z"}


def read(value: object) -> Line:
    return read_line(Raw(7, json.dumps(value).encode()))


def refused(value: object) -> Malformed:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(Malformed) as error:
        read_line(Raw(7, text))
    return error.value


def test_an_entry_may_stand_alone_or_in_a_list() -> None:
    alone = read({"subject": SUBJECT, **DEATH})
    listed = read({"subject": SUBJECT, "entries": [DEATH]})

    assert alone == listed
    assert (alone.n, alone.subject, alone.entries, alone.ids) == (
        7,
        UUID(SUBJECT),
        (DEATH,),
        (None,),
    )


def test_a_person_may_be_named_by_an_identifier_wherever_a_person_is_named() -> None:
    mother = {"scheme": "case", "value": "m"}
    line = read(
        {
            "subject": {"scheme": "case", "value": "1"},
            "type": "AuthorityStarted",
            "holder": mother,
            "note": mother,
        }
    )

    assert line.subject == Identifier("case", "1")
    assert line.entries[0]["holder"] == Identifier("case", "m")
    assert line.entries[0]["note"] == mother
    assert list(line.identifiers()) == [Identifier("case", "1"), Identifier("case", "m")]


def test_the_id_and_the_recorded_moment_are_no_fields_of_the_entry() -> None:
    line = read({"subject": SUBJECT, "id": "e1", "recorded_at": "2026-11-02", **DEATH})

    assert line.ids == ("e1",)
    assert line.entries == (DEATH,)


def test_what_an_entry_refers_to_is_found_in_every_field_that_names_one() -> None:
    line = read(
        {
            "subject": SUBJECT,
            "entries": [
                {"type": "EntrySuperseded", "entry": "e1", "replacement": "e2"},
                {"type": "StatusEnded", "status": "e3", "kind": "CPP"},
                {"type": "ErasureRefused", "request": "e4"},
            ],
        }
    )

    assert sorted(line.references()) == ["e1", "e2", "e3", "e4"]


@pytest.mark.parametrize(
    ("value", "alone"),
    [
        ({"subject": SUBJECT, **DEATH}, False),
        ({"subject": None, "type": "PolicySet"}, True),
        ({"type": "PolicySet"}, True),
        ({"subject": SUBJECT, "entries": [DEATH, {"type": "IdentityMerged"}]}, True),
    ],
)
def test_what_concerns_more_than_one_person_is_recorded_alone(value: object, alone: bool) -> None:
    assert read(value).alone is alone


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b"{", "line"),
        (b"\xff", "line"),
        (b"[" * 100_000, "line"),
        ([], "line"),
        ({"subject": 7, **DEATH}, "subject"),
        ({"subject": "Jane Doe", **DEATH}, "subject"),
        ({"subject": {"scheme": "case"}, **DEATH}, "subject"),
        ({"subject": {"scheme": "case", "value": "Jane Doe", "more": 1}, **DEATH}, "subject"),
        ({"subject": SUBJECT, "entries": []}, "entries"),
        ({"subject": SUBJECT, "entries": {}}, "entries"),
        ({"subject": SUBJECT, "entries": [DEATH], "note": "Jane Doe"}, "line"),
        ({"subject": SUBJECT, "entries": [DEATH, 1]}, "entries[1]"),
        ({"subject": SUBJECT, "id": 7, **DEATH}, "entry.id"),
        ({"subject": SUBJECT, "id": "", **DEATH}, "entry.id"),
        ({"subject": SUBJECT, "entries": [DEATH, {"id": "x" * 201}]}, "entries[1].id"),
        ({"subject": SUBJECT, "given_by": {"scheme": "case", "value": 7}}, "entry.given_by"),
    ],
)
def test_a_line_that_cannot_be_read_names_its_field_and_never_a_value(
    value: Any, field: str
) -> None:
    error = refused(value)

    assert (error.field or "").startswith(field)
    assert "Jane" not in str(error)


def test_lines_are_numbered_as_an_editor_does_and_blank_ones_passed_over() -> None:
    lines = list(raw_lines(io.BytesIO(b'{"a": 1}\n\n  \n{"b": 2}')))

    assert lines == [Raw(1, b'{"a": 1}\n'), Raw(4, b'{"b": 2}')]


def test_a_line_beyond_the_limit_is_never_held_and_the_next_one_is_read() -> None:
    text = b'{"a": "' + b"x" * (3 * LINE_BYTES_MAX) + b'"}\n{"b": 2}\n'
    long, following = raw_lines(io.BytesIO(text))

    assert (long, following) == (Raw(1, None), Raw(2, b'{"b": 2}\n'))
    with pytest.raises(Malformed, match="longer than"):
        read_line(long)


def test_a_line_of_the_limit_exactly_is_read() -> None:
    text = b"[" + b" " * (LINE_BYTES_MAX - 2) + b"]"

    assert [one.text for one in raw_lines(io.BytesIO(text))] == [text]


def test_an_id_is_given_once_and_led_to_its_entry_when_that_is_recorded() -> None:
    entry = str(uuid4())
    with Ids() as ids:
        assert not ids.known("e1")
        assert ids.claim("e1")
        assert not ids.claim("e1")
        assert (ids.known("e1"), ids.entry("e1")) == (True, None)
        ids.recorded("e1", entry)
        assert ids.entry("e1") == entry
        assert (ids.known("e2"), ids.entry("e2")) == (False, None)


def test_more_ids_than_memory_should_hold_are_all_found_again() -> None:
    with Ids() as ids:
        for n in range(60_000):
            ids.claim(f"an entry with quite a long id {n}")
            ids.recorded(f"an entry with quite a long id {n}", str(n))
        assert ids.entry("an entry with quite a long id 0") == "0"
        assert ids.entry("an entry with quite a long id 59999") == "59999"
