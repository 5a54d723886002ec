"""Disclosures: the published values, what JSON they carry, and what is refused."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.disclosure import (
    INT_MAX,
    JSON,
    Tampered,
    Unsealable,
    base64url,
    commitment,
    digest,
    disclosure,
    parse_disclosure,
)

# Three disclosures as Python's json.dumps spaces them, with their digests in ascending order.
PURPOSE = "WyJLOG1RQlpSelJJNXV2VVFxb1d2Nm9BIiwgInB1cnBvc2UiLCAiZWFybHktaGVscC5zaGFyZS5zY2hvb2wiXQ"
BASIS = "WyIzSkRQQjk2UWZNeGtZMnp0MnpqbFVnIiwgImJhc2lzIiwgInVrLWdkcHIuYXJ0Ni4xLmUiXQ"
PAD = "WyIyOFJYbXVLenF5a3lFX1FydUZKd2JnIiwgIl9wYWQiLCAiQUFBQUFBQUEiXQ"
DIGESTS = [
    "SxAuhsduTC1X/JRijLX6XizPcMWVh7zX9V+F7FDf/oE=",
    "uhydfxBiJ9lbgXT1vknbeEd/hDwN444hEanYS+JXn1k=",
    "7rSKx3Sz5GX4aI5iCD4WUNdqbroArmmeylxxJW8U8jE=",
]
COMMITMENT = "cnkrDXG+TtXZoNzEKiJJxRoY34zCz4Wv5v/MI2EakXc="

SALT = bytes(range(16))

texts = st.text(st.characters(exclude_categories=["Cs"]))
values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_MAX, INT_MAX) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_digests_and_commitment_are_the_published_ones():
    digests = sorted(map(digest, [PURPOSE, BASIS, PAD]))
    assert [base64.b64encode(each).decode() for each in digests] == DIGESTS
    assert base64.b64encode(commitment(b"".join(digests))).decode() == COMMITMENT


def test_the_published_salts_are_in_the_published_disclosures():
    for number, text in enumerate([PURPOSE, BASIS, PAD]):
        salt = json.loads(base64.urlsafe_b64decode(text + "=="))[0]
        assert salt == base64url(hashlib.sha256(f"salt{number}".encode()).digest()[:16])


def test_the_example_of_rfc_9901_has_its_digest():
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert parse_disclosure(text) == ("family_name", "Möbius")
    assert base64url(digest(text)) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_any_json_spacing_can_be_read():
    assert parse_disclosure(PURPOSE) == ("purpose", "early-help.share.school")
    assert parse_disclosure(BASIS) == ("basis", "uk-gdpr.art6.1.e")


@given(salt=st.binary(min_size=16, max_size=16), name=texts, value=values)
def test_a_disclosure_reads_back_as_it_was_written(salt, name, value):
    assert parse_disclosure(disclosure(salt=salt, name=name, value=value)) == (name, value)


@given(name=texts, value=values)
def test_a_disclosure_is_json_of_salt_name_and_value(name, value):
    text = disclosure(salt=SALT, name=name, value=value)
    assert json.loads(base64.urlsafe_b64decode(text + "==")) == [base64url(SALT), name, value]


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), INT_MAX + 1, -INT_MAX - 1, b"x", ("a",), {1: "x"}, [{"a": [0.0]}]],
    ids=repr,
)
def test_what_json_cannot_carry_exactly_is_refused_by_the_name_of_its_field(value):
    with pytest.raises(Unsealable, match="field 'dose'") as caught:
        disclosure(salt=SALT, name="dose", value=value)
    assert repr(value) not in str(caught.value)


def test_half_a_character_is_refused():
    with pytest.raises(Unsealable, match="field 'note'"):
        disclosure(salt=SALT, name="note", value="\ud800")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "é",
        base64url(b"not json"),
        base64url(b'["%s","name"]' % (b"A" * 22)),
        base64url(b'["%s","name",1,2]' % (b"A" * 22)),
        base64url(b'["%s",7,1]' % (b"A" * 22)),
        base64url(b'["%s","name",1]' % (b"A" * 21)),
        base64url(b'{"salt":1}'),
        base64url(b'["\xff","name",1]'),
    ],
)
def test_what_is_no_disclosure_is_found_out(text):
    with pytest.raises(Tampered):
        parse_disclosure(text)
