"""Sealing: the fields of an entry as salted disclosures, committed to and then encrypted.

A field becomes a disclosure in the form of RFC 9901 section 4.2.1; the leaf commits to the digests
of all of them. The disclosures themselves lie encrypted in groups, one key a group: destroying a
key makes its group unreadable and leaves every commitment, and so every proof, valid. The
commitment is to the plaintext: sealing again under another key does not touch the log.

Not here: where keys come from (`keys`), which field belongs to which group, the leaf
(`tlog.leaf`). Everything is pure; randomness is an argument.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.disclosure import (
    DIGEST_BYTES,
    JSON,
    SALT_BYTES,
    Tampered,
    Unsealable,
    base64url,
    commitment,
    digest,
    disclosure,
    parse_disclosure,
)
from ledger.errors import Fault

Entropy: TypeAlias = Callable[[int], bytes]
GroupName: TypeAlias = Literal["basis", "content"]
KeyName: TypeAlias = tuple[UUID, int]
RowName: TypeAlias = Literal["dossier", "answer"]

NIL = UUID(int=0)
PAD = "_pad"
NONCE_BYTES = 12
KEY_BYTES = 32


class UnknownKey(Fault):
    """A key is neither held nor known to be destroyed: never to be read as an erasure."""


class DataKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that encrypts; its secret is kept out of every printed form."""

    key_id: UUID
    version: int
    secret: bytes

    def __repr__(self) -> str:
        return f"DataKey({self.key_id}:{self.version})"


CLEAR = DataKey(key_id=NIL, version=0, secret=b"")
"""Stands for no encryption: entries about no one person."""


class Destroyed(msgspec.Struct, frozen=True, kw_only=True):
    """The tombstone of a key: that it existed, and how to recognise it in a backup."""

    key_id: UUID
    version: int
    fingerprint: bytes


KeyOf: TypeAlias = Callable[[UUID, int], bytes | Destroyed]


class PlainGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that live and die together, and the key that decides it."""

    name: GroupName
    key: DataKey
    fields: Mapping[str, JSON]


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What the store keeps of an entry's fields, and what its leaf says of them."""

    container: bytes
    digests: bytes
    commitment: bytes


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as far as it can still be read.

    `event_id` and `type` are the container's own claim until compared with the leaf, and the
    commitment of `digests` is the leaf's to confirm. A group is in `fields` or in `erased`.
    """

    event_id: UUID
    type: str
    digests: bytes
    fields: Mapping[str, Mapping[str, JSON]]
    disclosures: Mapping[str, tuple[str, ...]]
    erased: frozenset[str]


class Group(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A group as stored; `ct` is empty where it was emptied."""

    name: GroupName
    key_id: UUID
    key_version: int
    nonce: bytes
    ct: bytes


class Container(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """An entry's fields as stored."""

    v: Literal[1]
    event_id: UUID
    type: str
    digests: bytes
    groups: list[Group]


class _Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    v: Literal[1]
    key_id: UUID
    key_version: int
    nonce: bytes
    ct: bytes


_msgpack = msgspec.msgpack.Encoder(uuid_format="bytes")
_container = msgspec.msgpack.Decoder(Container)
_row = msgspec.msgpack.Decoder(_Row)
_json = msgspec.json.Encoder()
_texts = msgspec.json.Decoder(list[str])


# Entries.


def seal(
    *, origin: str, event_id: UUID, type: str, groups: Sequence[PlainGroup], entropy: Entropy
) -> Sealed:
    """The groups committed to together and encrypted each under its own key.

    The first group also takes a `_pad` of random content: no leaf hash can be guessed, not even
    that of an entry without fields.
    """
    _refuse_ambiguous(groups)
    texts = [_disclose(group, pad=n == 0, entropy=entropy) for n, group in enumerate(groups)]
    digests = b"".join(sorted(digest(text) for group in texts for text in group))
    rows = [
        encrypted_group(group, texts=list_, about=(origin, event_id), entropy=entropy)
        for group, list_ in zip(groups, texts, strict=True)
    ]
    container = Container(v=1, event_id=event_id, type=type, digests=digests, groups=rows)
    return Sealed(
        container=_msgpack.encode(container), digests=digests, commitment=commitment(digests)
    )


def open_container(container: bytes, *, origin: str, key: KeyOf) -> Opened:
    """The entry as sealed, less the groups whose key is destroyed or whose ciphertext was emptied.

    `key` answers for a key id and version, and raises `UnknownKey` where it knows neither the key
    nor its destruction. Raises `Tampered` for everything that `seal` cannot have written.
    """
    parsed = parse_container(container)
    texts: dict[str, tuple[str, ...]] = {}
    for group in parsed.groups:
        plain = _decrypted(group, about=(origin, parsed.event_id), key=key)
        if plain is not None:
            texts[group.name] = plain
    erased = frozenset(group.name for group in parsed.groups) - texts.keys()
    _check_digests(parsed, texts, complete=not erased)
    return Opened(
        event_id=parsed.event_id,
        type=parsed.type,
        digests=parsed.digests,
        fields=_fields(parsed, texts),
        disclosures=texts,
        erased=erased,
    )


def needed_keys(container: bytes) -> tuple[KeyName, ...]:
    """The keys that opening the container will ask for."""
    groups = parse_container(container).groups
    return tuple((g.key_id, g.key_version) for g in groups if g.ct and g.key_id != NIL)


def format_container(container: Container) -> bytes:
    """The one spelling of the container."""
    return _msgpack.encode(container)


def key_ring(found: Mapping[KeyName, bytes | Destroyed]) -> KeyOf:
    """A `key` argument over keys loaded beforehand: what was not found is unknown, not erased."""

    def key(key_id: UUID, version: int) -> bytes | Destroyed:
        try:
            return found[key_id, version]
        except KeyError:
            raise UnknownKey(f"key {key_id}:{version} is neither held nor destroyed") from None

    return key


# Whole rows: what answers need of one subject, derived and always encrypted.


def seal_bytes(
    plain: bytes, *, subject: UUID, key: DataKey, entropy: Entropy, what: RowName = "dossier"
) -> bytes:
    """The bytes encrypted for one subject's row; one of another kind does not open as this one."""
    if key.key_id == NIL:
        raise Unsealable("a subject's row needs a key of theirs")
    nonce = entropy(NONCE_BYTES)
    aad = _row_aad(what, subject, (key.key_id, key.version))
    ct = _cipher(key.secret).encrypt(nonce, plain, aad)
    return _msgpack.encode(
        _Row(v=1, key_id=key.key_id, key_version=key.version, nonce=nonce, ct=ct)
    )


def open_bytes(
    sealed: bytes, *, subject: UUID, key: KeyOf, what: RowName = "dossier"
) -> bytes | Destroyed:
    """The bytes sealed for this subject, or the tombstone of their key."""
    row = _parse_row(sealed)
    secret = key(row.key_id, row.key_version)
    if isinstance(secret, Destroyed):
        return secret
    aad = _row_aad(what, subject, (row.key_id, row.key_version))
    try:
        return _cipher(secret).decrypt(row.nonce, row.ct, aad)
    except (InvalidTag, ValueError):
        raise Tampered("a sealed row does not open under its own key") from None


def needed_key(sealed: bytes) -> KeyName:
    """The key that opening the row will ask for."""
    row = _parse_row(sealed)
    return row.key_id, row.key_version


# Parts of sealing.


def _refuse_ambiguous(groups: Sequence[PlainGroup]) -> None:
    names = [group.name for group in groups]
    if not names or len(set(names)) < len(names):
        raise Unsealable("an entry has one group or more, each name once")
    fields = [name for group in groups for name in group.fields]
    if PAD in fields:
        raise Unsealable(f"the field name {PAD} is reserved")
    if len(set(fields)) < len(fields):
        raise Unsealable("a field is in two groups")


def _disclose(group: PlainGroup, *, pad: bool, entropy: Entropy) -> list[str]:
    fields: dict[str, JSON] = dict(group.fields)
    if pad:
        # Encryption does not bind a group's name, so the pad does: renamed groups are found out.
        fields[PAD] = f"{group.name}.{base64url(entropy(6))}"
    salts = entropy(SALT_BYTES * len(fields))
    return [
        disclosure(salt=salts[at * SALT_BYTES : (at + 1) * SALT_BYTES], name=name, value=value)
        for at, (name, value) in enumerate(fields.items())
    ]


def encrypted_group(
    group: PlainGroup, *, texts: Sequence[str], about: tuple[str, UUID], entropy: Entropy
) -> Group:
    """The group's texts under its key."""
    key = group.key
    nonce, ct = b"", _json.encode(texts)
    if key.key_id != NIL:
        nonce = entropy(NONCE_BYTES)
        ct = _cipher(key.secret).encrypt(nonce, ct, _entry_aad(about, (key.key_id, key.version)))
    return Group(name=group.name, key_id=key.key_id, key_version=key.version, nonce=nonce, ct=ct)


def _cipher(secret: bytes) -> AESGCM:
    if len(secret) != KEY_BYTES:
        raise Fault("a data key has 256 bits")
    return AESGCM(secret)


def _entry_aad(about: tuple[str, UUID], key: KeyName) -> bytes:
    origin, event_id = about
    return f"consent-ledger/seal/v1\n{origin}\n{event_id}\n{key[0]}:{key[1]}\n".encode()


def _row_aad(what: RowName, subject: UUID, key: KeyName) -> bytes:
    return f"consent-ledger/{what}/v1\n{subject}\n{key[0]}:{key[1]}\n".encode()


# Parts of opening.


def parse_container(container: bytes) -> Container:
    """The container, which must be spelt as `seal` spells it, so that no byte of it is free."""
    try:
        parsed = _container.decode(container)
    except (msgspec.MsgspecError, ValueError):
        raise Tampered("a container cannot be read") from None
    names = [group.name for group in parsed.groups]
    if _msgpack.encode(parsed) != container or not names or len(set(names)) < len(names):
        raise Tampered(f"the container of entry {parsed.event_id} is not as sealed")
    return parsed


def _parse_row(sealed: bytes) -> _Row:
    try:
        return _row.decode(sealed)
    except (msgspec.MsgspecError, ValueError):
        raise Tampered("a sealed row cannot be read") from None


def _decrypted(group: Group, *, about: tuple[str, UUID], key: KeyOf) -> tuple[str, ...] | None:
    """The disclosures of the group, or None where they are erased."""
    _refuse_unauthenticated(group, about[1])
    if not group.ct:
        return None
    if group.key_id == NIL:
        return _disclosures(group.ct, about[1])
    secret = key(group.key_id, group.key_version)
    if isinstance(secret, Destroyed):
        return None
    aad = _entry_aad(about, (group.key_id, group.key_version))
    try:
        return _disclosures(_cipher(secret).decrypt(group.nonce, group.ct, aad), about[1])
    except (InvalidTag, ValueError):
        raise Tampered(f"entry {about[1]}: group {group.name} does not open") from None


def _refuse_unauthenticated(group: Group, event_id: UUID) -> None:
    """Raise where a group without ciphertext has bytes that nothing would vouch for."""
    clear = group.key_id == NIL
    if (clear and group.key_version != CLEAR.version) or (group.nonce and (clear or not group.ct)):
        raise Tampered(f"entry {event_id}: group {group.name} is not as sealed")


def _disclosures(plain: bytes, event_id: UUID) -> tuple[str, ...]:
    try:
        texts = tuple(_texts.decode(plain))
    except (msgspec.MsgspecError, ValueError):
        raise Tampered(f"entry {event_id}: a group is no list of disclosures") from None
    if _json.encode(texts) != plain or not all(text.isascii() for text in texts):
        raise Tampered(f"entry {event_id}: a group is not as sealed")
    return texts


def _check_digests(
    parsed: Container, texts: Mapping[str, tuple[str, ...]], *, complete: bool
) -> None:
    """Every disclosure is committed to once, and nothing is missing where nothing was erased."""
    joined = parsed.digests
    listed = [joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES)]
    held = [digest(text) for group in texts.values() for text in group]
    ascending = all(a < b for a, b in pairwise(listed))
    if len(joined) % DIGEST_BYTES or not ascending:
        raise Tampered(f"entry {parsed.event_id}: the digests are not in ascending order")
    once = len(set(held)) == len(held)
    if not once or not set(held) <= set(listed) or (complete and len(held) < len(listed)):
        raise Tampered(f"entry {parsed.event_id}: the disclosures do not match the digests")


def _fields(
    parsed: Container, texts: Mapping[str, tuple[str, ...]]
) -> dict[str, Mapping[str, JSON]]:
    """The fields by group, after the pad has vouched for the names of the groups."""
    pairs = {name: [parse_disclosure(text) for text in group] for name, group in texts.items()}
    names = [name for group in pairs.values() for name, _ in group]
    if len(set(names)) < len(names):
        raise Tampered(f"entry {parsed.event_id}: a field is disclosed twice")
    if not all(_named_as_sealed(parsed, name, dict(group)) for name, group in pairs.items()):
        raise Tampered(f"entry {parsed.event_id}: the groups are not named as sealed")
    return {
        name: {field: value for field, value in group if field != PAD}
        for name, group in pairs.items()
    }


def _named_as_sealed(parsed: Container, name: str, fields: Mapping[str, JSON]) -> bool:
    """The pad is in the first group, and names it."""
    if name != parsed.groups[0].name:
        return PAD not in fields
    pad = fields.get(PAD)
    return isinstance(pad, str) and pad.startswith(f"{name}.")
