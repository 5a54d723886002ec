"""A log as recorded passes; whatever is changed in a row is found there, and nowhere before it."""

from collections.abc import Callable, Iterable
from random import Random
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.leaf import SEQ_MAX, leaf_hash
from projections.audit_entries import Checked, EntryChecks, EntryRow
from projections.audit_findings import AuditFinding, Code, Findings
from tests.unit.leaves import IDENTITY, changed, entry_row, sound_log

INFINITY = (2**63 - 1).to_bytes(8, "big")
BEFORE_CHRIST = (-(2**62)).to_bytes(8, "big", signed=True)


def examined(
    rows: Iterable[EntryRow], *, stop: int, start: int = 0, logs: int = 1
) -> tuple[list[AuditFinding], Checked]:
    found = Findings(0)
    identity = msgspec.structs.replace(IDENTITY, logs=logs)
    checks = EntryChecks(identity, start, found)
    checks.take(rows)
    return found.listed, checks.end(stop)


def codes(found: list[AuditFinding]) -> list[tuple[Code, int, int]]:
    return [(one.code, one.n, one.last) for one in found]


@given(st.randoms(use_true_random=False), st.integers(0, 60))
def test_a_log_as_recorded_passes(random: Random, many: int) -> None:
    rows = sound_log(random, many)
    found, checked = examined(rows, stop=many)

    assert found == []
    assert checked.hashes == [row[7] for row in rows]
    assert checked.emptied == []
    assert {(n, version) for n, version, _ in checked.firsts.values()} == {
        (row[0], 1) for row in rows if row[2] == 1
    }
    last = {row[1]: (row[0], row[2], row[7]) for row in rows}
    assert checked.lasts == last


def test_what_comes_after_a_range_is_handed_on() -> None:
    rows = sound_log(Random(3), 40)
    found, checked = examined(rows[20:], start=20, stop=40)

    assert found == []
    firsts = {row[1]: row for row in reversed(rows[20:])}
    assert {n for n, _, _ in checked.firsts.values()} == {row[0] for row in firsts.values()}
    stamps = [int.from_bytes(row[8], "big") for row in rows]
    assert checked.stamps == (stamps[20], stamps[39])


@given(st.randoms(use_true_random=False), st.data())
def test_a_change_in_a_row_is_found_there(random: Random, data: st.DataObject) -> None:
    rows = sound_log(random, 30)
    at = data.draw(st.integers(0, 29))
    n, stream, version, name, event, digests, leaf, hash_, stamp = rows[at]
    bit = data.draw(st.integers(0, len(leaf) * 8 - 1))
    moved = int.from_bytes(stamp, "big") + data.draw(st.sampled_from((1, -1, 10**15)))
    changes: tuple[dict[str, object], ...] = (
        {"stream": rows[at - 1][1] if rows[at - 1][1] != stream else event},
        {"version": version + data.draw(st.sampled_from((1, -1, 2**53)))},
        {"name": name + "x"},
        {"event": event[:-1] + ("0" if event[-1] != "0" else "1")},
        {"digests": digests + b"\0" * 32},
        {"leaf": flipped(leaf, bit)},
        {"hash": flipped(hash_, bit % 256)},
        {"stamp": moved.to_bytes(8, "big", signed=True)},
    )
    other = data.draw(st.sampled_from(changes))
    rows[at] = changed(rows[at], **other)
    found, _ = examined(rows, stop=30)

    assert found, other
    assert found[0].n == n, (other, found)
    assert all(one.last >= n for one in found)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


BAD: dict[str, tuple[Callable[[EntryRow], dict[str, object]], set[Code]]] = {
    "a moment without end": (lambda _: {"stamp": INFINITY}, {"LEAF_DIFFERS"}),
    "a moment before year 1": (lambda _: {"stamp": BEFORE_CHRIST}, {"LEAF_DIFFERS", "TIME_ORDER"}),
    "no moment": (lambda _: {"stamp": b""}, {"LEAF_DIFFERS", "TIME_ORDER"}),
    "no event": (lambda _: {"event": ""}, {"LEAF_DIFFERS"}),
    "no name": (lambda _: {"name": ""}, {"LEAF_DIFFERS"}),
    "no hash": (lambda _: {"hash": b""}, {"LEAF_HASH"}),
    "no digests": (lambda _: {"digests": b""}, {"LEAF_DIFFERS"}),
    "a version beyond any": (lambda _: {"version": SEQ_MAX + 1}, {"LEAF_DIFFERS", "STREAM_GAP"}),
    "a version of none": (lambda _: {"version": -1}, {"LEAF_DIFFERS", "STREAM_GAP"}),
    "a leaf of text": (lambda _: {"leaf": "é".encode() * 9}, {"LEAF_HASH", "LEAF_MALFORMED"}),
    "a leaf too long": (
        lambda row: {"leaf": row[6] + b" " * 4096},
        {"LEAF_HASH", "LEAF_MALFORMED"},
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_no_row_can_have_is_found_and_stops_nothing(what: str) -> None:
    rows = sound_log(Random(7), 9, streams=1)
    change, expected = BAD[what]
    rows[8] = changed(rows[8], **change(rows[8]))
    found, checked = examined(rows, stop=9)

    assert {one.code for one in found} == expected
    assert {one.n for one in found} == {9}
    assert len(checked.hashes) == 9


def test_a_leaf_that_no_append_writes_is_none_though_everything_agrees_with_it() -> None:
    """The row, the leaf and its hash were all made by somebody who may write what they like."""
    rows = sound_log(Random(1), 1)
    n, stream, version, name, event, digests, leaf, _, stamp = rows[0]
    bad = leaf.replace(name.encode(), b"9 lives")
    row = (n, stream, version, "9 lives", event, digests, bad, leaf_hash(bad), stamp)
    assert codes(examined([row], stop=1)[0]) == [("LEAF_MALFORMED", 1, 1)]


def test_missing_entries_are_named_and_what_is_known_of_the_tree_says_so() -> None:
    rows = sound_log(Random(5), 10, streams=10)
    left = [row for row in rows if row[0] not in (1, 4, 5, 10)]
    found, checked = examined(left, stop=10)

    missing = [(one.n, one.last) for one in found if one.code == "ENTRY_MISSING"]
    assert missing == [(1, 1), (4, 5), (10, 10)]
    hashes = [row[7] if row[0] not in (1, 4, 5, 10) else None for row in rows]
    assert checked.hashes == hashes


def test_an_entry_that_stands_twice_is_found_and_counts_once() -> None:
    rows = sound_log(Random(5), 5, streams=1)
    found, checked = examined([*rows[:3], rows[2], *rows[3:]], stop=5)

    assert codes(found) == [("ENTRY_TWICE", 3, 3)]
    assert checked.hashes == [row[7] for row in rows]


def test_an_emptied_leaf_is_left_to_whoever_knows_of_erasures() -> None:
    rows = sound_log(Random(5), 5, streams=1)
    rows[2] = changed(rows[2], leaf=b"")
    found, checked = examined(rows, stop=5)

    assert (found, checked.emptied) == ([], [3])


def test_an_entry_forged_whole_contradicts_the_next_one_of_its_stream() -> None:
    rows = sound_log(Random(5), 5, streams=1)
    n, stream, version, *_, stamp = rows[2]
    at = int.from_bytes(stamp, "big")
    rows[2] = entry_row(Random(8), n, stream=UUID(stream), version=version, prev=rows[1][7], at=at)
    found, _ = examined(rows, stop=5)

    assert codes(found) == [("CHAIN", 3, 4)]


def test_a_stream_belongs_to_one_log() -> None:
    rows = sound_log(Random(5), 40, streams=20)
    identity = msgspec.structs.replace(IDENTITY, logs=4)
    strangers = {row[1] for row in rows if identity.log_of(UUID(row[1])) != 0}
    found, _ = examined(rows, stop=40, logs=4)

    assert {one.code for one in found} == {"WRONG_LOG"}
    assert len(found) == len(strangers) > 5
