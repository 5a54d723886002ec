"""Leaves: the published one, one spelling for each, and every other spelling refused."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.leaf import (
    LEAF_BYTES_MAX,
    SEQ_MAX,
    Leaf,
    MalformedLeaf,
    format_leaf,
    leaf_hash,
    parse_leaf,
)

PUBLISHED = (
    b'{"commitment":"cnkrDXG+TtXZoNzEKiJJxRoY34zCz4Wv5v/MI2EakXc=",'
    b'"event_id":"019abcde-1234-7abc-8def-0123456789ab",'
    b'"log":"ledger.demo.example/consent/7","prev":"",'
    b'"recorded_at":"2026-11-23T14:33:12.123456Z","seq":1,'
    b'"stream":"4c1d1f5e-6a0b-4d8e-9b7a-1f2e3d4c5b6a","type":"consent.granted","v":1}'
)
LEAF = Leaf(
    commitment=base64.b64decode("cnkrDXG+TtXZoNzEKiJJxRoY34zCz4Wv5v/MI2EakXc="),
    event_id=UUID("019abcde-1234-7abc-8def-0123456789ab"),
    log="ledger.demo.example/consent/7",
    prev=b"",
    recorded_at=datetime(2026, 11, 23, 14, 33, 12, 123456, tzinfo=UTC),
    seq=1,
    stream=UUID("4c1d1f5e-6a0b-4d8e-9b7a-1f2e3d4c5b6a"),
    type="consent.granted",
)

hashes = st.binary(min_size=32, max_size=32)
offsets = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))


def uuids(version: int) -> st.SearchStrategy[UUID]:
    made = st.integers(0, 2**128 - 1)
    return made.map(lambda n: UUID(int=n & ~(0xF << 76) & ~(3 << 62) | version << 76 | 2 << 62))


@st.composite
def leaves(draw) -> Leaf:
    seq = draw(st.just(1) | st.integers(2, SEQ_MAX))
    moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001
    return Leaf(
        commitment=draw(hashes),
        event_id=draw(uuids(7)),
        log=draw(st.from_regex(r"[!#-*,-\[\]-~]{1,80}", fullmatch=True)),
        prev=b"" if seq == 1 else draw(hashes),
        recorded_at=draw(moments),
        seq=seq,
        stream=draw(uuids(4)),
        type=draw(st.from_regex(r"[A-Za-z][A-Za-z0-9._]{0,63}", fullmatch=True)),
    )


def test_the_published_leaf_has_its_published_hash():
    assert format_leaf(LEAF) == PUBLISHED
    assert len(PUBLISHED) == 290
    assert base64.b64encode(leaf_hash(PUBLISHED)) == b"7mrIFT5JH6HDXuk/7WfWpo1/mzqjy+7MUIBXy2yq+Kw="


@given(leaves())
def test_a_leaf_reads_back_as_it_was_written(leaf):
    entry = format_leaf(leaf)
    assert parse_leaf(entry) == leaf
    assert format_leaf(parse_leaf(entry)) == entry


@given(leaves())
def test_a_leaf_is_written_as_rfc_8785_says(leaf):
    members = {
        "commitment": base64.b64encode(leaf.commitment).decode(),
        "event_id": str(leaf.event_id),
        "log": leaf.log,
        "prev": base64.b64encode(leaf.prev).decode(),
        "recorded_at": leaf.recorded_at.astimezone(UTC).strftime("%m-%dT%H:%M:%S.%fZ"),
        "seq": leaf.seq,
        "stream": str(leaf.stream),
        "type": leaf.type,
        "v": 1,
    }
    members["recorded_at"] = f"{leaf.recorded_at.astimezone(UTC).year:04}-{members['recorded_at']}"
    assert format_leaf(leaf) == rfc8785.dumps(members)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("commitment", b"x" * 31),
        ("commitment", b"x" * 33),
        ("event_id", LEAF.stream),
        ("log", ""),
        ("log", "a b"),
        ("log", "a+b"),
        ("log", 'a"b'),
        ("log", "a\\b"),
        ("log", "é"),
        ("log", "\ud800"),
        ("prev", b"x" * 32),
        ("prev", b"x"),
        ("recorded_at", datetime(2026, 11, 23)),  # noqa: DTZ001
        ("recorded_at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        ("seq", 0),
        ("seq", -1),
        ("seq", 2),
        ("seq", SEQ_MAX + 1),
        ("stream", LEAF.event_id),
        ("type", ""),
        ("type", "1a"),
        ("type", "a-b"),
        ("type", "a" * 65),
        ("v", 2),
    ],
)
def test_a_value_that_no_leaf_can_have_is_not_written(member, value):
    with pytest.raises(MalformedLeaf):
        format_leaf(replace(LEAF, **{member: value}))


@pytest.mark.parametrize("member", re.findall(rb'"(\w+)":', PUBLISHED))
def test_the_member_that_is_missing_is_named(member):
    without = re.sub(rb',?"%s":("[^"]*"|\d+)' % member, b"", PUBLISHED).replace(b"{,", b"{")
    with pytest.raises(MalformedLeaf, match=f"member {member.decode()} "):
        parse_leaf(without)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"{", b" {"),
        (b"}", b"}\n"),
        (b"}", b"} "),
        (b',"v"', b', "v"'),
        (b',"v":1', b',"v":1,"w":1'),
        (b',"v":1', b',"v":1,"v":1'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":2'),
        (b'"seq":1', b'"seq":01'),
        (b'"seq":1', b'"seq":1e0'),
        (b'"seq":1', b'"seq":0'),
        (b'"seq":1', b'"seq":"1"'),
        (b"kXc=", b"kXd="),
        (b"kXc=", b"kXc"),
        (b"kXc=", b"kX-="),
        (b"019abcde", b"019ABCDE"),
        (b"-7abc-", b"-4abc-"),
        (b"-4d8e-", b"-7d8e-"),
        (b"123456Z", b"123Z"),
        (b"123456Z", b"123456+00:00"),
        (b"2026-11-23", b"2026-13-23"),
        (b"2026-11-23", b"2026-02-30"),
        (b"2026-11-23", b"0000-11-23"),
        (b"T14:", b"T24:"),
        (b":12.", b":60."),
        (b"ledger.demo", b"l\\u0065dger.demo"),
        (b"ledger.demo", b"l\xc3\xa9dger.demo"),
        (b"consent.granted", b"consent\\/granted"),
        (b'"prev":""', b'"prev":null'),
    ],
)
def test_another_spelling_is_no_leaf(old, new):
    assert old in PUBLISHED
    with pytest.raises(MalformedLeaf):
        parse_leaf(PUBLISHED.replace(old, new, 1))


@given(at=st.integers(0, len(PUBLISHED) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_makes_another_leaf_or_none(at, byte):
    changed = PUBLISHED[:at] + bytes([byte]) + PUBLISHED[at + 1 :]
    try:
        leaf = parse_leaf(changed)
    except MalformedLeaf:
        return
    assert format_leaf(leaf) == changed
    assert (leaf == LEAF) is (changed == PUBLISHED)


def test_only_the_first_entry_of_a_stream_has_nothing_before_it():
    later = replace(LEAF, seq=2, prev=leaf_hash(PUBLISHED))
    assert parse_leaf(format_leaf(later)) == later
    with pytest.raises(MalformedLeaf, match="prev must be empty for seq 1"):
        parse_leaf(PUBLISHED.replace(b'"seq":1', b'"seq":2'))


def test_a_leaf_has_room_for_4096_bytes_and_no_more():
    room = LEAF_BYTES_MAX - len(PUBLISHED) + len(LEAF.log)
    assert len(format_leaf(replace(LEAF, log="a" * room))) == LEAF_BYTES_MAX
    with pytest.raises(MalformedLeaf, match="at most 4096 bytes, this one 4097"):
        format_leaf(replace(LEAF, log="a" * (room + 1)))


@given(st.binary(max_size=400))
def test_noise_is_no_leaf(noise):
    with pytest.raises(MalformedLeaf):
        parse_leaf(noise)
