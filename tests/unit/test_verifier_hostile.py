"""Whatever a pack is made of, each claim ends as one of three: the verifier itself never does."""

import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.main import STEPS, Claim, verified
from projections.packs.verifier.notes import Key
from projections.packs.verifier.reading import DEPTH_MAX, Failed, read_json
from tests.packs_attacks import CODES, RECEIPT_VKEY, Case, files, honest
from tests.packs_bag import bagged, zipped

JSON_FILES = [name for name in files() if name.endswith((".json", ".jsonl"))]
HONEST = honest().pack
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=6)
    | st.sampled_from(
        ["", "2026-02-30T00:00:00Z", "0:1:00000000", "AAAA", "\ud800", "L2", "9" * 20]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def judged(case: Case) -> list[Claim]:
    """Every claim, in order, each with a known code where it fails."""
    claims = verified(
        Evidence(
            pack=case.pack,
            policy=case.policy,
            receipts=case.receipts,
            receipt_key=Key(RECEIPT_VKEY, "E_RECEIPT"),
            recompute=case.recompute,
        )
    )
    assert [one.claim for one in claims] == list(STEPS)
    assert {one.code for one in claims} - {None} <= CODES
    assert all(one.line().isascii() for one in claims)
    return claims


def result(case: Case, claim: str) -> str:
    return next(one.line() for one in judged(case) if one.claim == claim)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside."""
    found = [path]
    inner: Any = ()
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inner:
        found += places(each, (*path, name))
    return found


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The value with another at the path."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


@given(st.data(), st.sampled_from(JSON_FILES), values)
def test_any_value_in_any_place_of_any_file(data: Any, name: str, other: Any) -> None:
    inside = files()
    lines = inside[name].splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    value = json.loads(lines[at])
    path = data.draw(st.sampled_from(places(value)[:2000]))
    lines[at] = json.dumps(replaced(value, path, other)).encode()

    judged(Case(pack=zipped(bagged({**inside, name: b"\n".join([*lines, b""])}))))


@given(st.sampled_from(sorted(files())), st.binary(max_size=60))
@example("consistency.json", b"[]\n")
def test_any_bytes_in_any_file(name: str, data: bytes) -> None:
    judged(Case(pack=zipped(bagged({**files(), name: data}))))


@given(st.sampled_from(sorted(files())), st.integers(0, 2000), st.binary(max_size=3))
def test_any_few_bytes_changed_in_any_file(name: str, at: int, data: bytes) -> None:
    inside = files()
    at %= len(inside[name])
    inside[name] = inside[name][:at] + data + inside[name][at + 1 :]

    judged(Case(pack=zipped(bagged(inside))))


@given(st.lists(st.tuples(st.integers(0, len(HONEST) - 1), st.binary(max_size=4)), max_size=3))
def test_any_bytes_changed_in_the_zip_file(changes: list[tuple[int, bytes]]) -> None:
    data = HONEST
    for at, piece in changes:
        data = data[:at] + piece + data[at + len(piece) :]

    judged(Case(pack=data))


@given(st.integers(1, 2500), st.binary(min_size=1, max_size=4))
def test_any_bytes_changed_in_its_list_of_files(back: int, piece: bytes) -> None:
    at = len(HONEST) - back

    judged(Case(pack=HONEST[:at] + piece + HONEST[at + len(piece) :]))


@given(st.integers(0, len(HONEST)), st.integers(0, len(HONEST)))
def test_any_part_of_the_zip_file(start: int, end: int) -> None:
    judged(Case(pack=HONEST[start:end]))


@given(st.binary(max_size=80))
def test_any_bytes_as_a_receipt(data: bytes) -> None:
    case = Case(pack=HONEST, receipts=[data])

    assert result(case, "receipts").startswith("receipts: FAIL E_RECEIPT")


@given(values)
def test_any_value_as_a_receipt(value: Any) -> None:
    case = Case(pack=HONEST, receipts=[json.dumps({"promise": value, "leaf": value}).encode()])

    assert result(case, "receipts").startswith("receipts: FAIL E_RECEIPT")


@given(st.binary(max_size=80))
def test_any_bytes_as_a_policy(data: bytes) -> None:
    judged(Case(pack=HONEST, policy=data))


@given(st.binary(max_size=40))
@example(b"\x30\x80\x30\x80")
@example(b"\x30\xff" + b"\xff" * 200)
def test_any_bytes_as_a_time_stamp(data: bytes) -> None:
    case = Case(pack=zipped(bagged({**files(), "anchors/13.1.tsr": data})))

    assert result(case, "anchors").startswith("anchors: FAIL E_ANCHOR")


@pytest.mark.parametrize("shape", ['{"a":', "["])
@pytest.mark.parametrize("depth", [DEPTH_MAX, 1_000, sys.getrecursionlimit() * 100])
def test_json_nested_too_deep_is_refused(shape: str, depth: int) -> None:
    text = shape * depth + "1" + ("}" if shape[0] == "{" else "]") * depth

    with pytest.raises(Failed, match="E_PACK"):
        read_json(text.encode(), "E_PACK", "x")


def test_json_nested_as_deep_as_may_be_is_read() -> None:
    depth = DEPTH_MAX - 1
    text = "[" * depth + "1" + "]" * depth

    assert json.dumps(read_json(text.encode(), "E_PACK", "x")) == text


@pytest.mark.parametrize("number", ["1" * 5_000_000, "-" + "1" * 5_000_000, "1e9", "-0.0", "1E400"])
def test_numbers_that_readers_hold_differently_are_refused(number: str) -> None:
    with pytest.raises(Failed, match="E_PACK"):
        read_json(number.encode(), "E_PACK", "x")
