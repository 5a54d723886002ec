"""Sealing: what comes back, what erasure takes, and that no byte can be changed unnoticed."""

import hashlib
import random
from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ledger import seal as sealing
from ledger.disclosure import (
    JSON,
    Tampered,
    Unsealable,
    commitment,
    digest,
    disclosure,
    parse_disclosure,
)
from ledger.errors import Fault
from ledger.resealing import emptied
from ledger.seal import (
    CLEAR,
    NIL,
    DataKey,
    Destroyed,
    PlainGroup,
    Sealed,
    UnknownKey,
    key_ring,
    needed_keys,
    open_container,
    seal,
)
from tests.unit.test_disclosure import BASIS, PAD, PURPOSE, texts, values

ORIGIN = "ledger.demo.example/consent/7"
EVENT = UUID("019abcde-1234-7abc-8def-0123456789ab")
BASIS_KEY = DataKey(key_id=UUID(int=1, version=4), version=1, secret=b"b" * 32)
CONTENT_KEY = DataKey(key_id=UUID(int=2, version=4), version=3, secret=b"c" * 32)
SECRETS = {(key.key_id, key.version): key.secret for key in (BASIS_KEY, CONTENT_KEY)}
FIELDS: dict[str, JSON] = {"purpose": "early-help", "lines": ["a", "e"], "explicit": True}
CONTENT: dict[str, JSON] = {"note": "Said yes at the kitchen table.", "witness": None}

field_names = texts.filter(lambda name: name != "_pad")


def seeded(seed: int = 7) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def grave(key: DataKey) -> dict[tuple[UUID, int], bytes | Destroyed]:
    tombstone = Destroyed(key_id=key.key_id, version=key.version, fingerprint=bytes(32))
    return {**SECRETS, (key.key_id, key.version): tombstone}


def two_groups(seed: int = 7) -> Sealed:
    groups = [
        PlainGroup(name="basis", key=BASIS_KEY, fields=FIELDS),
        PlainGroup(name="content", key=CONTENT_KEY, fields=CONTENT),
    ]
    return seal(
        origin=ORIGIN, event_id=EVENT, type="ConsentGranted", groups=groups, entropy=seeded(seed)
    )


def one_group(key: DataKey) -> Sealed:
    groups = [PlainGroup(name="basis", key=key, fields=FIELDS)]
    return seal(origin=ORIGIN, event_id=EVENT, type="PolicySet", groups=groups, entropy=seeded())


def opened(container: bytes, known=SECRETS, origin: str = ORIGIN):
    return open_container(container, origin=origin, key=key_ring(known))


def parts(container: bytes) -> list:
    return msgspec.msgpack.decode(container)


def altered(container: bytes, change: Callable[[list], object]) -> bytes:
    whole = parts(container)
    change(whole)
    return msgspec.msgpack.encode(whole)


def test_the_published_example_seals_to_its_published_bytes(monkeypatch):
    """The three published disclosures, a zero nonce, the key of the published fingerprint."""
    monkeypatch.setattr(sealing, "_disclose", lambda *_, **__: [PURPOSE, BASIS, PAD])
    key = DataKey(
        key_id=UUID("7f000001-0000-4000-8000-000000000001"),
        version=1,
        secret=hashlib.sha256(b"demo dek").digest(),
    )
    groups = [PlainGroup(name="basis", key=key, fields={})]
    sealed = seal(
        origin=ORIGIN, event_id=EVENT, type="ConsentGranted", groups=groups, entropy=bytes
    )
    ((name, key_id, version, nonce, ct),) = parts(sealed.container)[4]
    assert (name, key_id, version, nonce) == ("basis", key.key_id.bytes, 1, bytes(12))
    assert len(ct) == 248
    assert hashlib.sha256(ct).hexdigest() == (
        "60c34169fb440353affb45eb39e58330f9674f1204ef62440ca7130aa2e60a39"
    )


@given(
    fields=st.lists(st.tuples(field_names, values), unique_by=lambda f: f[0], max_size=8),
    split=st.integers(0, 8),
    seed=st.integers(0, 2**32),
)
def test_what_was_sealed_opens_to_the_same_fields(fields, split, seed):
    basis, content = dict(fields[:split]), dict(fields[split:])
    groups = [
        PlainGroup(name="basis", key=BASIS_KEY, fields=basis),
        PlainGroup(name="content", key=CONTENT_KEY, fields=content),
    ]
    sealed = seal(origin=ORIGIN, event_id=EVENT, type="T", groups=groups, entropy=seeded(seed))
    entry = opened(sealed.container)
    assert entry.fields == {"basis": basis, "content": content}
    assert (entry.event_id, entry.type, entry.erased) == (EVENT, "T", frozenset())
    assert entry.digests == sealed.digests


def test_the_commitment_covers_every_disclosure_and_a_pad():
    sealed = two_groups()
    entry = opened(sealed.container)
    shown = [text for group in entry.disclosures.values() for text in group]
    assert b"".join(sorted(map(digest, shown))) == sealed.digests
    assert sealed.commitment == commitment(sealed.digests)
    names = [parse_disclosure(text)[0] for text in shown]
    assert sorted(names) == sorted([*FIELDS, *CONTENT, "_pad"])


def test_even_an_entry_without_fields_commits_to_something_that_cannot_be_guessed():
    def nothing(seed: int) -> Sealed:
        groups = [PlainGroup(name="basis", key=BASIS_KEY, fields={})]
        return seal(origin=ORIGIN, event_id=EVENT, type="T", groups=groups, entropy=seeded(seed))

    assert nothing(1).commitment != nothing(2).commitment


def test_a_container_is_laid_out_as_specified():
    version, event_id, type_, digests, groups = parts(two_groups().container)
    assert (version, event_id, type_) == (1, EVENT.bytes, "ConsentGranted")
    assert len(digests) == 32 * (len(FIELDS) + len(CONTENT) + 1)
    assert [group[:3] for group in groups] == [
        ["basis", BASIS_KEY.key_id.bytes, 1],
        ["content", CONTENT_KEY.key_id.bytes, 3],
    ]
    assert all(len(group[3]) == 12 for group in groups)


def test_a_ciphertext_is_bound_to_origin_entry_and_key():
    *_, (basis, _) = parts(two_groups().container)
    aad = f"consent-ledger/seal/v1\n{ORIGIN}\n{EVENT}\n{BASIS_KEY.key_id}:1\n".encode()
    plain = AESGCM(BASIS_KEY.secret).decrypt(basis[3], basis[4], aad)
    assert tuple(msgspec.json.decode(plain)) == opened(two_groups().container).disclosures["basis"]


def test_no_text_of_a_sealed_field_is_in_the_container():
    container = two_groups().container
    assert b"kitchen" not in container
    assert b"early-help" not in container
    assert b"witness" not in container


def test_a_destroyed_key_takes_its_group_and_no_other():
    entry = opened(two_groups().container, grave(CONTENT_KEY))
    assert entry.fields == {"basis": FIELDS}
    assert entry.erased == {"content"}
    assert opened(two_groups().container, grave(BASIS_KEY)).fields == {"content": CONTENT}


def test_an_emptied_ciphertext_reads_as_erased_even_where_the_key_is_held():
    sealed = two_groups()
    container = emptied(sealed.container, key_ids={CONTENT_KEY.key_id})
    entry = opened(container)
    assert entry.fields == {"basis": FIELDS}
    assert entry.erased == {"content"}
    assert entry.digests == sealed.digests
    assert parts(container)[4][1][3:] == [b"", b""]


def test_emptying_leaves_other_keys_alone():
    container = two_groups().container
    assert emptied(container, key_ids={UUID(int=9)}) == container


def test_an_unknown_key_is_an_error_and_no_erasure():
    with pytest.raises(UnknownKey, match=str(CONTENT_KEY.key_id)):
        opened(two_groups().container, {(BASIS_KEY.key_id, 1): BASIS_KEY.secret})


def test_the_keys_an_opening_asks_for_are_named_beforehand():
    container = two_groups().container
    assert needed_keys(container) == ((BASIS_KEY.key_id, 1), (CONTENT_KEY.key_id, 3))
    assert needed_keys(emptied(container, key_ids={BASIS_KEY.key_id})) == ((CONTENT_KEY.key_id, 3),)
    assert needed_keys(one_group(CLEAR).container) == ()


def test_entries_about_no_one_person_are_stored_in_clear_and_need_no_key():
    container = one_group(CLEAR).container
    assert opened(container, {}).fields == {"basis": FIELDS}
    assert parts(container)[4][0][1:4] == [NIL.bytes, 0, b""]


@pytest.mark.parametrize("sealed", [two_groups(), one_group(CLEAR)], ids=["encrypted", "clear"])
def test_no_byte_can_be_changed_unnoticed(sealed):
    """All but the entry's id and type in clear, which are the leaf's to confirm."""
    honest = opened(sealed.container)
    for at in range(len(sealed.container)):
        for bit in (1, 128):
            changed = bytearray(sealed.container)
            changed[at] ^= bit
            try:
                found = opened(bytes(changed))
            except (Tampered, UnknownKey):
                continue
            assert (found.event_id, found.type) != (honest.event_id, honest.type)


@given(st.binary(max_size=300))
def test_noise_is_no_container(noise):
    with pytest.raises(Tampered):
        opened(noise)


def swap_names(whole: list) -> None:
    first, second = whole[4]
    first[0], second[0] = second[0], first[0]


def swap_groups_and_names(whole: list) -> None:
    swap_names(whole)
    whole[4].reverse()


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole.append(0),
        lambda whole: whole[4].clear(),
        lambda whole: whole[4].append(whole[4][0]),
        lambda whole: whole[4].reverse(),
        lambda whole: whole[4].pop(),
        lambda whole: whole.__setitem__(0, 2),
        lambda whole: whole.__setitem__(1, str(EVENT)),
        lambda whole: whole.__setitem__(3, whole[3][:-1]),
        lambda whole: whole.__setitem__(3, whole[3][32:]),
        lambda whole: whole.__setitem__(3, whole[3] + b"\xff" * 32),
        lambda whole: whole.__setitem__(3, whole[3][32:] + whole[3][:32]),
        lambda whole: whole.__setitem__(3, whole[3][:32] + whole[3]),
        swap_names,
        swap_groups_and_names,
    ],
)
def test_a_container_that_seal_cannot_have_written_is_found_out(change):
    with pytest.raises(Tampered):
        opened(altered(two_groups().container, change))


def test_a_group_moved_to_another_entry_or_origin_does_not_open():
    with pytest.raises(Tampered, match="does not open"):
        opened(two_groups().container, origin="ledger.other.example")
    moved = altered(two_groups().container, lambda whole: whole.__setitem__(1, UUID(int=7).bytes))
    with pytest.raises(Tampered, match="does not open"):
        opened(moved)


def test_an_erased_first_group_does_not_free_the_names_of_the_others():
    swapped = altered(two_groups().container, swap_names)
    with pytest.raises(Tampered, match="named"):
        opened(swapped, grave(CONTENT_KEY))
    with pytest.raises(Tampered, match="named"):
        opened(altered(two_groups().container, swap_groups_and_names), grave(BASIS_KEY))


@pytest.mark.parametrize(
    ("member", "value"), [(2, 1), (3, b"nonce"), (4, b"[]"), (4, b"x"), (4, b'["\xc3\xa9"]')]
)
def test_a_group_in_clear_has_no_free_bytes(member, value):
    container = altered(
        one_group(CLEAR).container, lambda whole: whole[4][0].__setitem__(member, value)
    )
    with pytest.raises(Tampered):
        opened(container)


def test_a_group_in_clear_is_spelt_one_way():
    respaced = altered(
        one_group(CLEAR).container,
        lambda whole: whole[4][0].__setitem__(4, whole[4][0][4].replace(b",", b", ")),
    )
    with pytest.raises(Tampered, match="not as sealed"):
        opened(respaced)


def test_an_emptied_group_keeps_no_nonce():
    container = altered(two_groups().container, lambda whole: whole[4][1].__setitem__(4, b""))
    with pytest.raises(Tampered, match="not as sealed"):
        opened(container)


def forged(texts_by_group: dict[str, list[str]]) -> bytes:
    """A container in clear whose digests match whatever is disclosed."""
    held = sorted({digest(text) for group in texts_by_group.values() for text in group})
    groups = [
        [name, NIL.bytes, 0, b"", msgspec.json.encode(group)]
        for name, group in texts_by_group.items()
    ]
    return msgspec.msgpack.encode([1, EVENT.bytes, "T", b"".join(held), groups])


def test_a_field_disclosed_twice_is_found_out_in_one_group_and_across_two():
    clear = list(opened(one_group(CLEAR).container, {}).disclosures["basis"])
    again = disclosure(salt=bytes(16), name="purpose", value="other")
    with pytest.raises(Tampered, match="twice"):
        opened(forged({"basis": [*clear, again]}))
    with pytest.raises(Tampered, match="twice"):
        opened(forged({"basis": clear, "content": [again]}))


def test_a_disclosure_repeated_is_found_out():
    clear = list(opened(one_group(CLEAR).container, {}).disclosures["basis"])
    with pytest.raises(Tampered, match="match the digests"):
        opened(forged({"basis": [*clear, clear[0]]}))


def test_a_first_group_without_its_pad_is_found_out():
    with pytest.raises(Tampered, match="named"):
        opened(forged({"basis": [PURPOSE]}))
    with pytest.raises(Tampered, match="named"):
        opened(forged({"basis": [PURPOSE, disclosure(salt=bytes(16), name="_pad", value=7)]}))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([], "one group or more"),
        ([("basis", {}), ("basis", {})], "each name once"),
        ([("basis", {"a": 1}), ("content", {"a": 2})], "in two groups"),
        ([("content", {"_pad": "x"})], "reserved"),
    ],
)
def test_groups_that_would_be_ambiguous_are_refused(groups, message):
    plain = [PlainGroup(name=name, key=BASIS_KEY, fields=fields) for name, fields in groups]
    with pytest.raises(Unsealable, match=message):
        seal(origin=ORIGIN, event_id=EVENT, type="T", groups=plain, entropy=seeded())


def test_a_key_of_the_wrong_size_is_refused():
    with pytest.raises(Fault, match="256 bits"):
        one_group(DataKey(key_id=UUID(int=5), version=1, secret=b"k" * 16))


def test_a_key_never_prints_its_secret():
    assert "bbbb" not in repr([BASIS_KEY])
    assert "bbbb" not in str({"key": BASIS_KEY})
