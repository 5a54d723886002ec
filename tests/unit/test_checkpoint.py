"""Checkpoints: three lines, one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.checkpoint import (
    Checkpoint,
    MalformedCheckpoint,
    format_checkpoint,
    parse_checkpoint,
    signed,
)
from ledger.tlog.keys import verified
from ledger.tlog.merkle import EMPTY_ROOT, root
from ledger.tlog.note import format_note, parse_note
from tests.unit.trees import ORIGIN, leaves, log_key, witness_key

TEXT = f"{ORIGIN}\n1000\nuC6GOqGKhElNZHwwoRj8KMd8Bb7qLeGIE39ZfF4BG5k=\n"
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

origins = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(
    lambda text: "+" not in text
)
checkpoints = st.builds(
    Checkpoint,
    origin=origins,
    size=st.integers(1, 2**63 - 1),
    root=st.binary(min_size=32, max_size=32),
)


@given(checkpoints)
def test_a_checkpoint_is_read_as_it_was_written(one: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(one)) == one


@given(checkpoints.map(format_checkpoint), st.data())
def test_what_is_read_has_no_other_spelling(text: str, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(text) - 1))
    text = text[:at] + draw.draw(st.text(max_size=2)) + text[at + 1 :]
    try:
        found = parse_checkpoint(text)
    except MalformedCheckpoint:
        return
    assert format_checkpoint(found) == text


def test_the_published_checkpoint_is_the_one_of_its_tree() -> None:
    one = Checkpoint(origin=ORIGIN, size=1000, root=root(leaves(1000)))
    note = signed(one, log_key())

    assert note.text == TEXT
    assert parse_note(format_note(note)) == note
    assert [each.key for each in verified(note, [log_key().verifier])] == [log_key().verifier]


def test_an_empty_log_has_the_empty_root_and_no_other_has() -> None:
    empty = Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT)
    assert format_checkpoint(empty) == f"{ORIGIN}\n0\n{EMPTY}\n"
    for size, hash_ in ((0, bytes(32)), (1, EMPTY_ROOT)):
        with pytest.raises(MalformedCheckpoint, match="not one that its size can have"):
            format_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=hash_))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "three lines"),
        (TEXT[:-1], "three lines"),
        (TEXT + "extension\n", "three lines"),
        (TEXT + "\n", "three lines"),
        (f"\n1\n{EMPTY}\n", "not empty"),
        (f"a b\n1\n{EMPTY}\n", "no space"),
        (f"{ORIGIN}\n01\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n-1\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n+1\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n١\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n{2**63}\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n{10**30}\n{EMPTY}\n", "decimal"),
        (f"{ORIGIN}\n1\n{EMPTY[:-1]}\n", "base64"),
        (f"{ORIGIN}\n1\nAAAA\n", "not one that its size can have"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedCheckpoint, match=message):
        parse_checkpoint(text)


def test_a_log_signs_in_its_own_name_only() -> None:
    one = Checkpoint(origin="another.example/log", size=0, root=EMPTY_ROOT)
    with pytest.raises(MalformedCheckpoint, match="under the name of its origin"):
        signed(one, log_key())


def test_a_witness_does_not_sign_for_the_log() -> None:
    one = Checkpoint(origin=witness_key().verifier.name, size=0, root=EMPTY_ROOT)
    with pytest.raises(AssertionError):
        signed(one, witness_key())
