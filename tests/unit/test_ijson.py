"""I-JSON: what every reader reads alike is read, and what readers disagree about is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ijson import DEPTH_MAX, INTEGER_MAX, NotInterchangeable, canonical, value_of

FINE = [
    b"null",
    b'""',
    b"[]",
    b' {"a": [1, -2.5e3, true, "\\ud83d\\ude00"]} ',
    b"9007199254740991",
    b"-9007199254740991",
    '{"é": "\U0001f600"}'.encode(),
    b'"\\\\ud800"',
    b'"' + b"[" * 100_000 + b'"',
    b'"\\"' + b"[" * 100 + b'"',
    b"[[]," * 10 + b"1" + b"]" * 10,
    b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
    b'{"a":' * DEPTH_MAX + b"1" + b"}" * DEPTH_MAX,
    b"[" + b",".join([b"[[]]"] * 1000) + b"]",
]


@pytest.mark.parametrize("text", FINE, ids=range(len(FINE)))
def test_what_every_reader_reads_alike_is_read(text: bytes) -> None:
    assert value_of(text) == json.loads(text)


REFUSED = [
    (b"", "not-json"),
    (b"{", "not-json"),
    (b"{} {}", "not-json"),
    (b"{'a': 1}", "not-json"),
    (b'{"a":"\x01","a":"b"}', "not-json"),
    (b'{"a": 1,}', "not-json"),
    (b"[1]\x00", "not-json"),
    (b"\xef\xbb\xbf{}", "byte-order"),
    (json.dumps({"a": "é"}).encode("utf-16"), "not-utf-8"),
    (json.dumps({"a": 1}).encode("utf-16-le"), "not-json"),
    (json.dumps({"a": 1}).encode("utf-32-be"), "not-json"),
    ('{"a": "é"}'.encode("latin-1"), "not-utf-8"),
    (b'"\xed\xa0\x80"', "not-utf-8"),
    (b'"\xc0\xaf"', "not-utf-8"),
    (b'{"a": 1, "a": 1}', "name-twice"),
    (b'{"a": 1, "\\u0061": 1}', "name-twice"),
    (b'[{"x": {"a": 1, "b": 2, "a": null}}]', "name-twice"),
    (b"9007199254740992", "number-too-large"),
    (b"-9007199254740992", "number-too-large"),
    (b"[1" + b"0" * 100_000 + b"]", "number-too-large"),
    (b"1e999", "number-too-large"),
    (b"-1e999", "number-too-large"),
    (b"NaN", "not-a-number"),
    (b"[Infinity]", "not-a-number"),
    (b'{"a": -Infinity}', "not-a-number"),
    (b'"\\ud800"', "lone-surrogate"),
    (b'{"\\udfff": 1}', "lone-surrogate"),
    (b'["\\ude00\\ud83d"]', "lone-surrogate"),
    (b"[" * 200_000, "too-deep"),
    (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "too-deep"),
    (b'{"a":' * 200_000, "too-deep"),
    (b'"' + b'\\"' * 200_000, "not-json"),
    (b"[" * 20 + b'"' + b'\\"[' * 200_000, "not-json"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_readers_disagree_about_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(NotInterchangeable) as found:
        value_of(text)

    assert (found.value.code, found.value.field) == (code, "body")


LEAVES = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text()
VALUES = st.recursive(
    LEAVES | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_every_value_that_i_json_can_hold_is_read(
    value: object, ascii_only: bool, indent: int | str | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

    assert value_of(text) == value


@given(
    st.binary(max_size=200) | st.text(alphabet='[]{}",:\\u0d8 1e-', max_size=200).map(str.encode)
)
def test_whatever_is_sent_is_read_as_others_read_it_or_refused(text: bytes) -> None:
    try:
        value = value_of(text)
    except NotInterchangeable:
        return
    assert value == json.loads(text)


@given(VALUES)
def test_one_value_has_one_spelling(value: object) -> None:
    spaced = json.dumps(value, indent=3, ensure_ascii=False).encode()

    assert canonical(value_of(spaced)) == canonical(value_of(json.dumps(value).encode()))
    assert value_of(canonical(value)) == value


def test_the_order_of_names_is_no_difference() -> None:
    assert canonical({"b": 1, "a": [2]}) == canonical({"a": [2], "b": 1}) == b'{"a":[2],"b":1}'
