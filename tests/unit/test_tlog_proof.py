"""A proof in one file: one spelling, and what it shows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.merkle import PROOF_MAX, InvalidProof, inclusion_proof, root, subtree_of
from ledger.tlog.note import Note, Signature
from ledger.tlog.proof import (
    HEADER,
    LogProof,
    MalformedProof,
    format_proof,
    parse_proof,
    verify_proof,
)
from tests.unit.trees import ORIGIN, leaves, log_key


def proof(index: int = 2, size: int = 5, extra: bytes | None = None) -> LogProof:
    hashes = leaves(size)
    note = signed(Checkpoint(origin=ORIGIN, size=size, root=root(hashes)), log_key())
    found = tuple(inclusion_proof(index, size, subtree_of(hashes)))
    return LogProof(index=index, hashes=found, checkpoint=note, extra=extra)


@given(st.integers(1, 40), st.data(), st.none() | st.binary(max_size=20))
def test_a_proof_is_read_as_it_was_written_and_holds(
    size: int, draw: st.DataObject, extra: bytes | None
) -> None:
    index = draw.draw(st.integers(0, size - 1))
    one = proof(index, size, extra)

    assert parse_proof(format_proof(one)) == one
    verify_proof(one, leaves(size)[index])


@given(st.data(), st.none() | st.binary(max_size=4))
def test_what_is_read_has_no_other_spelling(draw: st.DataObject, extra: bytes | None) -> None:
    data = format_proof(proof(extra=extra))
    at = draw.draw(st.integers(0, len(data) - 1))
    data = data[:at] + draw.draw(st.binary(max_size=2)) + data[at + 1 :]
    try:
        found = parse_proof(data)
    except MalformedProof:
        return
    assert format_proof(found) == data


def test_another_leaf_is_not_where_the_proof_says() -> None:
    with pytest.raises(InvalidProof):
        verify_proof(proof(), leaves(5)[3])


GOOD = format_proof(proof(extra=b"more")).decode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty line"),
        (GOOD.replace("\n\n", "\n", 1), "begins|index|base64|lines"),
        (GOOD.replace("@v1", "@v2"), "begins with"),
        (GOOD.replace("index 2\n", ""), "index of the leaf"),
        (GOOD.replace("index 2", "index 02"), "index of the leaf"),
        (GOOD.replace("index 2", "index -2"), "index of the leaf"),
        (GOOD.replace("extra bW9yZQ==", "extra bW9yZR=="), "base64"),
        (GOOD.replace("NVPi/", "NVPi!"), "base64"),
        (GOOD.replace("NVPi/UuHnPX0yqSSFI3qD7RSgHNEsRTuoYGZ/4vueOU=", "AAAA"), "has 32 bytes"),
        (GOOD.replace("extra", "ëxtra"), "ASCII"),
        (GOOD.replace("\n5\n", "\nfive\n"), "decimal"),
        (f"{HEADER}\n\n", "index of the leaf"),
        (f"{HEADER}\nindex 0\n\n", "a text, an empty line"),
    ],
)
def test_what_is_no_proof_is_refused(text: str, message: str) -> None:
    with pytest.raises(MalformedProof, match=message):
        parse_proof(text.encode())


def test_a_proof_has_no_more_hashes_than_a_tree_can_ask_for() -> None:
    many = replace(proof(), hashes=(bytes(32),) * (PROOF_MAX + 1))
    with pytest.raises(MalformedProof, match="at most 63"):
        format_proof(many)


def test_values_that_no_proof_can_have_are_not_written() -> None:
    line = Signature(name="a", key_id=b"1234", value=b"5")
    for bad in (
        replace(proof(), index=-1),
        replace(proof(), hashes=(b"short",)),
        replace(proof(), checkpoint=Note(text="text\n", signatures=(line,))),
    ):
        with pytest.raises(MalformedProof):
            format_proof(bad)
