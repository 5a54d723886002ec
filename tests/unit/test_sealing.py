"""Entries sealed and opened again: nothing lost, content apart, and what cannot be read a fault."""

import random
from datetime import UTC, datetime
from typing import cast
from uuid import RFC_4122, UUID

import msgspec
import pytest

from ledger.disclosure import JSON
from ledger.errors import Fault
from ledger.events import (
    BY_NAME,
    ConsentGranted,
    DeathRecorded,
    Fact,
    ObjectionReceived,
    PolicySet,
)
from ledger.resealing import emptied
from ledger.seal import (
    CLEAR,
    DataKey,
    Destroyed,
    KeyOf,
    Opened,
    PlainGroup,
    Sealed,
    key_ring,
    open_container,
    seal,
)
from ledger.sealing import (
    Sealable,
    content_purpose,
    new_event_id,
    opened_fact,
    recorded_by,
    seal_entry,
    whole_fact,
)
from ledger.wire import basis_of, content_of
from tests.unit.facts import KINDS, bare, full, made

ORIGIN = "ledger.demo.example/consent/0"
EVENT = UUID("019abcde-1234-7abc-8def-0123456789ab")
BASIS_KEY = DataKey(key_id=UUID(int=1, version=4), version=1, secret=b"b" * 32)
CONTENT_KEY = DataKey(key_id=UUID(int=2, version=4), version=1, secret=b"c" * 32)
SEED = 20261123


def keys(*destroyed: DataKey) -> KeyOf:
    held: dict[tuple[UUID, int], bytes | Destroyed] = {}
    for key in (BASIS_KEY, CONTENT_KEY):
        tombstone = Destroyed(key_id=key.key_id, version=key.version, fingerprint=bytes(32))
        held[key.key_id, key.version] = tombstone if key in destroyed else key.secret
    return key_ring(held)


def sealed(fact: Fact, *, basis: DataKey = BASIS_KEY, content: DataKey = CONTENT_KEY) -> Sealed:
    one = Sealable(
        event_id=EVENT, fact=fact, recorded_by="client-7", basis_key=basis, content_key=content
    )
    return seal_entry(one, origin=ORIGIN, entropy=random.Random(SEED).randbytes)


def opened(fact: Fact, *destroyed: DataKey) -> Opened:
    return open_container(sealed(fact).container, origin=ORIGIN, key=keys(*destroyed))


def hand_made(name: str, fields: dict[str, JSON]) -> Opened:
    """An entry that `seal_entry` would not write: of another release, or of none."""
    group = PlainGroup(name="basis", key=BASIS_KEY, fields=fields)
    entropy = random.Random(SEED).randbytes
    text = seal(origin=ORIGIN, event_id=EVENT, type=name, groups=[group], entropy=entropy)
    return open_container(text.container, origin=ORIGIN, key=keys())


# Every type.


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_sealed_opens_as_the_same_fact(kind: type[Fact]) -> None:
    dice = random.Random(SEED)
    some: list[Fact] = [made(kind, lambda _: dice.random() < 0.5) for _ in range(5)]
    for fact in [full(kind), bare(kind), *some]:
        found = opened(fact)

        assert opened_fact(found) == basis_of(fact)
        assert whole_fact(found) == fact
        assert (found.type, found.event_id) == (kind.__name__, EVENT)
        assert recorded_by(found) == "client-7"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_erased_content_leaves_the_basis_and_the_commitment(kind: type[Fact]) -> None:
    fact = full(kind)
    whole = sealed(fact)
    for container in (
        whole.container,
        emptied(whole.container, key_ids={CONTENT_KEY.key_id}),
    ):
        found = open_container(container, origin=ORIGIN, key=keys(CONTENT_KEY))

        assert opened_fact(found) == whole_fact(found) == basis_of(fact)
        assert found.erased == {"content"}
        assert found.digests == whole.digests


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_of_an_erased_person_is_a_fact(kind: type[Fact]) -> None:
    found = opened(full(kind), BASIS_KEY, CONTENT_KEY)

    assert (opened_fact(found), whole_fact(found), recorded_by(found)) == (None, None, None)


def test_content_without_its_basis_is_no_fact() -> None:
    found = opened(full(ConsentGranted), BASIS_KEY)

    assert "content" in found.fields
    assert whole_fact(found) is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_only_content_is_sealed_under_the_key_of_the_content(kind: type[Fact]) -> None:
    found = opened(full(kind))

    assert set(found.fields["content"]) == kind.content
    assert kind.content.isdisjoint(found.fields["basis"])


def test_a_fact_without_content_has_no_group_of_it() -> None:
    assert set(opened(bare(ConsentGranted)).fields) == {"basis"}


def test_entries_about_no_one_person_are_stored_in_clear() -> None:
    fact = full(PolicySet, approved_by="the officer")
    text = sealed(fact, basis=CLEAR, content=CLEAR).container

    assert b"client-7" in _readable(text)
    assert whole_fact(open_container(text, origin=ORIGIN, key=key_ring({}))) == fact


def _readable(container: bytes) -> bytes:
    found = open_container(container, origin=ORIGIN, key=key_ring({}))
    return msgspec.json.encode(found.fields)


def test_no_sealed_field_can_be_read_without_its_key() -> None:
    container = sealed(full(ConsentGranted, notice="canary", note="canary")).container

    assert b"canary" not in container
    assert b"client-7" not in container


# What cannot be read.


def readable() -> dict[str, JSON]:
    return {"effective_at": "2026-10-01T09:00:00Z", "schema": 1, "recorded_by": "client-7"}


def test_what_is_made_by_hand_like_ours_is_read_like_ours() -> None:
    fact = DeathRecorded(effective_at=datetime(2026, 10, 1, 9, tzinfo=UTC))

    assert opened_fact(hand_made("DeathRecorded", readable())) == fact


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("DeathForetold", {}),
        ("deathrecorded", {}),
        ("Fact", {}),
        ("DeathRecorded", {"schema": 2}),
        ("DeathRecorded", {"schema": 0}),
        ("DeathRecorded", {"schema": "1"}),
        ("DeathRecorded", {"schema": None}),
    ],
)
def test_a_type_or_schema_of_another_release_is_a_fault(
    name: str, changes: dict[str, JSON]
) -> None:
    fields = {**readable(), **changes}
    for read in (opened_fact, whole_fact):
        with pytest.raises(Fault, match="cannot read"):
            read(hand_made(name, fields))


def test_a_missing_schema_is_a_fault() -> None:
    fields = {name: value for name, value in readable().items() if name != "schema"}

    with pytest.raises(Fault, match="cannot read"):
        opened_fact(hand_made("DeathRecorded", fields))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("DeathRecorded", {"effective_at": None}),
        ("DeathRecorded", {"effective_at": "Jane Roe"}),
        ("DeathRecorded", {"witness": "Jane Roe"}),
        ("ObjectionReceived", {"purpose": "PHOTO", "kind": "Jane Roe"}),
        ("StatusStarted", {}),
    ],
)
def test_fields_that_are_no_fact_of_the_type_are_a_fault_that_repeats_none(
    name: str, changes: dict[str, JSON]
) -> None:
    with pytest.raises(Fault, match=f"an entry of type {name} holds") as fault:
        opened_fact(hand_made(name, {**readable(), **changes}))
    assert "Jane" not in str(fault.value)
    assert fault.value.__cause__ is None


def test_every_type_reads_the_schema_that_it_writes() -> None:
    for name, kind in BY_NAME.items():
        assert opened(bare(kind)).fields["basis"]["schema"] == kind.schema, name


# Which key takes the content along.


@pytest.mark.parametrize(
    ("fact", "purpose"),
    [
        (bare(ConsentGranted, purpose="PHOTO"), "PHOTO"),
        (bare(ObjectionReceived, purpose="*"), None),
        (bare(DeathRecorded), None),
        (bare(BY_NAME["ComplaintReceived"]), None),
        (bare(BY_NAME["ComplaintReceived"], purpose="GROUP"), "GROUP"),
    ],
)
def test_content_is_erased_with_the_one_purpose_that_it_names(
    fact: Fact, purpose: str | None
) -> None:
    assert content_purpose(fact) == purpose


def test_the_digest_of_evidence_is_basis_and_its_reference_content() -> None:
    fact = full(ConsentGranted)

    assert "evidence" in content_of(fact)
    assert cast(ConsentGranted, basis_of(fact)).evidence is None
    assert cast(ConsentGranted, basis_of(fact)).evidence_digest == fact.evidence_digest


# Event ids.


def test_an_event_id_is_a_uuid_of_version_7() -> None:
    dice = random.Random(SEED)
    for _ in range(200):
        ms = dice.randrange(2**48)
        event = new_event_id(ms, dice.randbytes)

        assert (event.version, event.variant) == (7, RFC_4122)
        assert event.int >> 80 == ms


def test_event_ids_sort_by_time_also_as_text_and_whatever_the_dice() -> None:
    for entropy in (bytes, lambda count: b"\xff" * count, random.Random(SEED).randbytes):
        moments = [0, 1, 1_700_000_000_000, 1_700_000_000_001, 2**48 - 1]
        ids = [new_event_id(ms, entropy) for ms in moments]

        assert sorted(ids) == ids
        assert sorted(map(str, ids)) == [str(one) for one in ids]


def test_the_rest_of_an_event_id_is_the_dice() -> None:
    ones, zeros = new_event_id(0, lambda count: b"\xff" * count), new_event_id(0, bytes)

    assert (ones.int ^ zeros.int).bit_count() == 74
