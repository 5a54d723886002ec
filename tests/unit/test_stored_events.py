"""Events of the library as entries to append: names, versions, and what they commit to."""

import hashlib
import random
from datetime import UTC, datetime
from uuid import UUID, uuid5

import msgspec
import pytest
from eventsourcing.persistence import IntegrityError, ProgrammingError, StoredEvent
from hypothesis import given
from hypothesis import strategies as some

from ledger.disclosure import Tampered, commitment
from ledger.events import DateOfBirthRecorded
from ledger.seal import CLEAR, DataKey
from ledger.sealing import Sealable, new_event_id, seal_entry
from ledger.store import Outcome, Recorded, Stored
from ledger.stored_events import (
    Originators,
    name_of_topic,
    numbers_of,
    request_of,
    stream_of,
    topic_of_name,
)
from ledger.tlog.leaf import HASH_BYTES

ORIGIN = "test.example/ledger/0"
HERE = Originators(origin=ORIGIN, first_version=1)
ONE = UUID("c1c8ff04-1c3c-4c3a-8f2e-0d4b4f6f1a11")
TWO = UUID("9b2d5b0e-6f0a-4a56-9d3b-7a2f6b1c2d22")
MOMENT = datetime(2026, 3, 2, tzinfo=UTC)


def event(stream: UUID = ONE, version: int = 1, topic: str = "Thing.Happened") -> StoredEvent:
    return StoredEvent(stream, version, topic, b"state %d" % version)


def request(*events: StoredEvent, **dossiers: bytes):
    named = {UUID(name): sealed for name, sealed in dossiers.items()}
    return request_of(events, HERE, client="app", key="k", dossiers=named)


KEY = DataKey(key_id=TWO, version=1, secret=bytes(32))


def sealed_event(key: DataKey = KEY, topic: str = "DateOfBirthRecorded") -> StoredEvent:
    entropy = random.Random(1).randbytes
    fact = DateOfBirthRecorded(effective_at=MOMENT, date_of_birth=MOMENT.date())
    event_id = new_event_id(7, entropy)
    one = Sealable(event_id=event_id, fact=fact, recorded_by="app", basis_key=key)
    return StoredEvent(ONE, 1, topic, seal_entry(one, origin=ORIGIN, entropy=entropy).container)


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("ConsentGranted", "ConsentGranted"),
        ("thing.happened2", "thing.happened2"),
        ("shop.orders:Order.Placed", "shop.orders_3aOrder.Placed"),
        ("non-interleaving_event", "non_2dinterleaving_5fevent"),
        ("prüfung", "pr_c3_bcfung"),
    ],
)
def test_a_topic_is_the_stored_name_where_it_can_be_one(topic, name):
    assert name_of_topic(topic) == name
    assert topic_of_name(name) == topic


@given(some.text(max_size=20).map("x{}".format))
def test_no_two_topics_share_a_name(topic):
    try:
        assert topic_of_name(name_of_topic(topic)) == topic
    except ProgrammingError:
        assert len(topic.encode()) > 21


@pytest.mark.parametrize("topic", ["", "9lives", "_private", "x" * 65, "ü"])
def test_a_topic_that_no_leaf_can_name_is_refused(topic):
    with pytest.raises(ProgrammingError, match="give the event class a TOPIC"):
        name_of_topic(topic)


@pytest.mark.parametrize("originator", [str(ONE), uuid5(ONE, "named")])
def test_an_originator_that_no_leaf_can_name_is_refused(originator):
    with pytest.raises(ProgrammingError, match="UUIDv4"):
        stream_of(originator)


def test_state_that_the_ledger_did_not_seal_is_committed_to_by_its_hash():
    made = request(event()).entries[0]
    assert made.container == b"state 1"
    assert made.digests == hashlib.sha256(b"state 1").digest()
    assert made.commitment == commitment(made.digests)
    assert made.event_id.version == 7


@pytest.mark.parametrize("key", [KEY, CLEAR], ids=["sealed", "clear"])
def test_an_entry_says_itself_what_it_commits_to_and_needs_no_key_for_that(key):
    given_ = sealed_event(key)
    made = request(given_, **{str(ONE): b"dossier"})
    entropy = random.Random(1).randbytes
    assert made.entries[0].event_id == new_event_id(7, entropy)
    assert made.entries[0].container == given_.state
    assert len(made.entries[0].digests) > HASH_BYTES
    assert made.entries[0].commitment == commitment(made.entries[0].digests)
    assert made.moves[0].sealed == b"dossier"


def test_a_sealed_entry_without_the_dossier_that_answers_are_given_from_is_refused():
    with pytest.raises(ProgrammingError, match="recorded by LedgerApplication.save"):
        request(sealed_event())


def test_a_container_of_another_type_is_refused():
    with pytest.raises(ProgrammingError, match="another type"):
        request(sealed_event(topic="ConsentGranted"), **{str(ONE): b"dossier"})


def test_bytes_that_claim_to_be_a_sealed_entry_and_are_none_are_refused():
    with pytest.raises(Tampered):
        request(event(topic="ConsentGranted"), **{str(ONE): b"dossier"})


def test_events_of_several_originators_are_one_request_stream_by_stream():
    made = request(event(ONE, 4), event(TWO, 1), event(ONE, 5), event(TWO, 2))
    assert [(one.stream, one.version) for one in made.entries] == [
        (ONE, 4),
        (ONE, 5),
        (TWO, 1),
        (TWO, 2),
    ]
    assert [(one.subject, one.version, one.sealed) for one in made.moves] == [
        (ONE, 3, b""),
        (TWO, 0, b""),
    ]


def test_each_event_gets_its_own_number_in_the_order_in_which_it_was_given():
    events = [event(ONE, 4), event(TWO, 1), event(ONE, 5)]
    entries = tuple(
        Recorded(
            n=n,
            stream=one.stream,
            version=one.version,
            name=one.name,
            event_id=one.event_id,
            recorded_at=MOMENT,
            leaf=b"",
            leaf_hash=b"",
        )
        for n, one in enumerate(request(*events).entries, start=7)
    )
    assert numbers_of(events, HERE, Outcome(name="accepted", entries=entries)) == [7, 9, 8]


@pytest.mark.parametrize("versions", [(1, 1), (2, 1), (1, 3)])
def test_versions_that_do_not_follow_one_another_are_a_conflict(versions):
    with pytest.raises(IntegrityError):
        request(*(event(ONE, version) for version in versions))


def test_a_version_below_the_first_is_refused():
    with pytest.raises(ProgrammingError, match="below its first"):
        request(event(ONE, 0))


def test_the_same_events_have_the_same_fingerprint_and_others_have_another():
    prints = [request(event(ONE, 1)), request(event(ONE, 1)), request(event(ONE, 2))]
    prints += [request(event(TWO, 1)), request(event(ONE, 1, "Other"))]
    assert len({one.fingerprint for one in prints}) == 4
    assert prints[0].fingerprint == prints[1].fingerprint


@pytest.mark.parametrize("first", [0, 1, 5])
def test_an_entry_comes_back_as_the_event_that_it_was(first):
    originators = Originators(origin=ORIGIN, first_version=first)
    given_ = event(ONE, first + 2, "shop:Placed")
    made = originators.entry(given_)
    assert made.version == 3
    fields = {name: getattr(made, name) for name in made.__struct_fields__ if name != "commitment"}
    row = Stored(n=9, leaf=b"", leaf_hash=b"", recorded_at=MOMENT, client="app", **fields)
    assert originators.event(row) == given_
    assert msgspec.to_builtins(originators.notification(row))["id"] == 9
