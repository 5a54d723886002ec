"""Notes: one spelling only, and nothing counts before its key has verified it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    MalformedNote,
    Note,
    Signature,
    format_note,
    format_signature,
    parse_note,
    parse_signatures,
)

# The example of c2sp.org/signed-note.
PUBLISHED = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""  # noqa: E501
POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501

characters = st.characters(blacklist_categories=["Cs", "Cc"])
texts = st.text(alphabet=characters | st.just("\n"), max_size=60).map(lambda text: text + "\n")
names = st.text(alphabet=characters, min_size=1, max_size=12).filter(
    lambda name: "+" not in name and not any(one.isspace() for one in name)
)
signatures = st.builds(
    Signature,
    name=names,
    key_id=st.binary(min_size=4, max_size=4),
    value=st.binary(min_size=1, max_size=80),
)
notes = st.builds(
    Note, text=texts, signatures=st.lists(signatures, min_size=1, max_size=4).map(tuple)
)


@given(notes)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    assert parse_note(format_note(note)) == note


@given(st.binary(max_size=200) | notes.map(format_note), st.data())
def test_what_is_read_has_no_other_spelling(data: bytes, draw: st.DataObject) -> None:
    if data:
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw.draw(st.binary(max_size=2)) + data[at + 1 :]
    try:
        note = parse_note(data)
    except MalformedNote:
        return
    assert format_note(note) == data


def test_the_published_notes_are_read() -> None:
    note = parse_note(PUBLISHED.encode())
    (only,) = note.signatures
    assert (note.text, only.name) == ("This is an example message.\n", "example.com/foo")
    assert only.key_id.hex() == "530d903a"
    assert len(only.value) == 64

    poem = parse_note(POEM.encode())
    assert poem.text.endswith("\n\ned è subito sera.\n")
    assert len(poem.signatures) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty line"),
        (b"text\n", "an empty line"),
        (b"\n\xe2\x80\x94 a AAAAAAA=\n", "a text, an empty line"),
        (b"text\n\n", "ends in a newline"),
        (b"text\n\n\xe2\x80\x94 a AAAAAAA=", "ends in a newline"),
        (b"text\n\n- a AAAAAAA=\n", "a dash, a name and base64"),
        (b"text\n\n\xe2\x80\x94 a\n", "a dash, a name and base64"),
        (b"text\n\n\xe2\x80\x94  AAAAAAA=\n", "not empty"),
        (b"text\n\n\xe2\x80\x94 a+b AAAAAAA=\n", "no plus sign"),
        ("text\n\n— a\u00a0b AAAAAAA=\n".encode(), "no space"),
        (b"text\n\n\xe2\x80\x94 a AAAAAA==\n", "at least one byte"),
        (b"text\n\n\xe2\x80\x94 a AAAAAAB=\n", "not canonical"),
        (b"text\n\n\xe2\x80\x94 a AAAA AAA=\n", "base64 is expected"),
        (b"text\n\n\xe2\x80\x94 a \xc3\xa9AAAAAA\n", "base64 is expected"),
        (b"te\rxt\n\n\xe2\x80\x94 a AAAAAAA=\n", "control characters"),
        (b"te\x00xt\n\n\xe2\x80\x94 a AAAAAAA=\n", "control characters"),
        (b"te\xffxt\n\n\xe2\x80\x94 a AAAAAAA=\n", "UTF-8"),
        (b"text\n\n\xe2\x80\x94 a AAAAAAA=\n\n", "ends in a newline"),
    ],
)
def test_what_is_no_note_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedNote, match=message):
        parse_note(data)


def test_a_note_has_bounds() -> None:
    line = format_signature(Signature(name="a", key_id=b"1234", value=b"5"))
    assert len(parse_signatures(line * SIGNATURES_MAX)) == SIGNATURES_MAX
    with pytest.raises(MalformedNote, match="at most 100 signatures"):
        parse_signatures(line * (SIGNATURES_MAX + 1))
    with pytest.raises(MalformedNote, match="at most 1000000 bytes"):
        parse_note(b"x" * (NOTE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "note",
    [
        Note(text="no newline", signatures=(Signature(name="a", key_id=b"1234", value=b"5"),)),
        Note(text="text\n", signatures=()),
        Note(text="text\n", signatures=(Signature(name="a", key_id=b"12", value=b"345"),)),
        Note(text="te\rxt\n", signatures=(Signature(name="a", key_id=b"1234", value=b"5"),)),
        Note(text="\ud800\n", signatures=(Signature(name="a", key_id=b"1234", value=b"5"),)),
    ],
)
def test_values_that_no_note_can_have_are_not_written(note: Note) -> None:
    with pytest.raises(MalformedNote):
        format_note(note)
