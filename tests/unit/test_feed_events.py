"""An event as it is told: the attributes that CloudEvents asks for, and nothing that is said."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from api.feed_events import Checkpoint, Ending, checkpoint_frame, encoding, ending_frame, frame
from ledger.store import Identity
from projections.feed import BasisChanged, EntryRecorded
from projections.feed_cursor import Cursor, Mark

IDENTITY = Identity(origin="council.example/social care", logs=1, stream=UUID(int=9))
CURSOR = Cursor(marks=(Mark(n=7, leaf_hash="0a0b0c0d", m=3),))
ENTRY = EntryRecorded(
    log=0,
    cursor=CURSOR,
    time=datetime(2026, 3, 2, 10, tzinfo=UTC),
    position="0:7:0a0b0c0d",
    subject=UUID("7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55"),
    purposes=frozenset({"PHOTO"}),
    n=7,
    entry=UUID("01a210d1-62c4-7223-a574-044ab5417817"),
    type="ConsentWithdrawn",
)
CHANGE = BasisChanged(
    log=0,
    cursor=CURSOR,
    time=datetime(2026, 7, 1, 0, 0, 1, tzinfo=UTC),
    position="0:7:0a0b0c0d",
    subject=UUID("7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55"),
    purposes=frozenset({"PHOTO"}),
    m=3,
    effective_at=datetime(2026, 7, 1, tzinfo=UTC),
)
encode = encoding(IDENTITY)


def test_an_entry():
    assert json.loads(encode(ENTRY)) == {
        "specversion": "1.0",
        "id": "01a210d1-62c4-7223-a574-044ab5417817",
        "source": "council.example/social%20care",
        "type": "consent-ledger.entry.recorded.v1",
        "subject": "7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55",
        "time": "2026-03-02T10:00:00Z",
        "datacontenttype": "application/json",
        "position": "0:7:0a0b0c0d",
        "data": {
            "type": "ConsentWithdrawn",
            "entry": "01a210d1-62c4-7223-a574-044ab5417817",
            "purpose": "PHOTO",
        },
    }


def test_a_change_by_time():
    told = json.loads(encode(CHANGE))
    assert (told["id"], told["type"]) == ("0-3", "consent-ledger.basis.changed.v1")
    assert told["time"] == "2026-07-01T00:00:01Z"
    assert told["data"] == {"purpose": "PHOTO", "effective_at": "2026-07-01T00:00:00Z"}


def test_what_cannot_be_said_is_left_out():
    nobody = msgspec.structs.replace(ENTRY, subject=None, purposes=frozenset())
    assert "subject" not in json.loads(encode(nobody))
    assert json.loads(encode(nobody))["data"].keys() == {"type", "entry"}
    several = msgspec.structs.replace(ENTRY, purposes=frozenset({"PHOTO", "GROUP"}))
    assert json.loads(encode(several))["data"].keys() == {"type", "entry"}
    forgotten = msgspec.structs.replace(CHANGE, purposes=frozenset(), effective_at=None)
    assert json.loads(encode(forgotten))["data"] == {}


def test_frames_are_those_of_an_event_stream():
    assert frame(CURSOR, b"{}") == b"id: 0:7:0a0b0c0d-3\ndata: {}\n\n"
    point = Checkpoint(cursor="0:7:0a0b0c0d-3", positions=["0:7:0a0b0c0d"], time="t", behind=0)
    assert checkpoint_frame(point) == (
        b"id: 0:7:0a0b0c0d-3\nevent: checkpoint\n"
        b'data: {"cursor":"0:7:0a0b0c0d-3","positions":["0:7:0a0b0c0d"],"time":"t","behind":0}\n\n'
    )
    ending = Ending(cursor="0:7:0a0b0c0d-3", reason="overflow")
    assert ending_frame("overflow", ending, retry_ms=2500) == (
        b"id: 0:7:0a0b0c0d-3\nretry: 2500\nevent: overflow\n"
        b'data: {"cursor":"0:7:0a0b0c0d-3","reason":"overflow"}\n\n'
    )


def test_who_may_see_what():
    bound, other, nothing = frozenset({"PHOTO"}), frozenset({"GROUP"}), frozenset[str]()
    everything = msgspec.structs.replace(ENTRY, purposes=frozenset({"*"}))
    none = msgspec.structs.replace(ENTRY, purposes=nothing)
    common = msgspec.structs.replace(none, subject=None)
    about = {"one": ENTRY, "every": everything, "none": none, "nobody": common}

    def seen(purposes: frozenset[str] | None) -> set[str]:
        return {name for name, event in about.items() if event.seen_by(purposes)}

    assert seen(None) == {"one", "every", "none", "nobody"}
    assert seen(bound) == {"one", "every", "nobody"}
    assert seen(other) == {"every", "nobody"}
    assert seen(nothing) == set()
