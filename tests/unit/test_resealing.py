"""A container changed after it was sealed: under another key, or emptied; its digests stay."""

import random
from uuid import UUID

import pytest

from ledger.resealing import emptied, emptied_groups, group_keys, resealed, without
from ledger.seal import CLEAR, DataKey, Destroyed, PlainGroup, key_ring, open_container, seal

ORIGIN = "test.example/ledger/0"
EVENT = UUID("01a2104c-77ea-7b7f-bdea-3d538ef23a52")
SOURCE = random.Random(7)
BASIS, CONTENT, NEW = (
    DataKey(key_id=UUID(int=n), version=1, secret=SOURCE.randbytes(32)) for n in (1, 2, 3)
)
HELD = {(key.key_id, key.version): key.secret for key in (BASIS, CONTENT, NEW)}
RING = key_ring(HELD)


@pytest.fixture
def container() -> bytes:
    return sealed(BASIS, CONTENT)


def sealed(basis: DataKey, content: DataKey) -> bytes:
    groups = [
        PlainGroup(name="basis", key=basis, fields={"purpose": "PHOTO"}),
        PlainGroup(name="content", key=content, fields={"note": "by telephone"}),
    ]
    return seal(
        origin=ORIGIN,
        event_id=EVENT,
        type="ConsentGranted",
        groups=groups,
        entropy=SOURCE.randbytes,
    ).container


def test_a_group_sealed_again_opens_under_the_new_key_alone_and_says_the_same(container):
    again = resealed(
        container, "content", origin=ORIGIN, key=RING, new=NEW, entropy=SOURCE.randbytes
    )

    assert group_keys(again) == {"basis": BASIS.key_id, "content": NEW.key_id}
    before, after = (open_container(one, origin=ORIGIN, key=RING) for one in (container, again))
    assert before == after
    gone = Destroyed(key_id=CONTENT.key_id, version=1, fingerprint=b"")
    without_old = key_ring(HELD | {(CONTENT.key_id, 1): gone})
    assert open_container(again, origin=ORIGIN, key=without_old) == before
    without_new = key_ring(HELD | {(NEW.key_id, 1): gone})
    assert open_container(again, origin=ORIGIN, key=without_new).erased == {"content"}


def test_what_cannot_be_read_is_not_sealed_again(container):
    gone = Destroyed(key_id=CONTENT.key_id, version=1, fingerprint=b"")
    ring = key_ring(HELD | {(CONTENT.key_id, 1): gone})
    for one in (container, without(container, "content")):
        again = resealed(one, "content", origin=ORIGIN, key=ring, new=NEW, entropy=SOURCE.randbytes)
        assert again == one


@pytest.mark.parametrize(
    ("key_ids", "groups"),
    [
        (set(), set()),
        ({BASIS.key_id}, {"basis"}),
        ({CONTENT.key_id, NEW.key_id}, {"content"}),
        ({BASIS.key_id, CONTENT.key_id}, {"basis", "content"}),
    ],
)
def test_groups_are_emptied_by_their_keys(container, key_ids, groups):
    done = emptied(container, key_ids=key_ids)

    assert emptied_groups(done) == groups
    assert emptied(done, key_ids=key_ids) == done
    assert open_container(done, origin=ORIGIN, key=RING).erased == groups
    assert group_keys(done) == group_keys(container)


def test_a_group_is_emptied_by_its_name_and_one_in_clear_is_not(container):
    assert emptied_groups(without(container, "content")) == {"content"}
    clear = sealed(CLEAR, CLEAR)
    assert without(clear, "content") == clear == emptied(clear, key_ids={CLEAR.key_id})
