"""The keys of notes: how they are named, spelt, and what each kind signs.

    <name>+<hex of key ID>+<base64 of type ‖ public key>        a verifier key, or vkey

    0x01  Ed25519 over the text of the note                     c2sp.org/signed-note
    0x04  Ed25519 over a time and the text: a cosignature       c2sp.org/tlog-cosignature
    0x06  ML-DSA-44 over a time and the tree: recognised, and never said to be checked

Not here: which keys are trusted for what (`policy`).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import Fault
from ledger.tlog.curve import is_sound
from ledger.tlog.note import (
    KEY_ID_BYTES,
    MalformedNote,
    Note,
    Signature,
    base64_of,
    check_name,
    from_base64,
)

SIGNATURE_BYTES = 64
TIME_BYTES = 8
TIME_MAX = 2**63 - 1
ML_DSA_44_BYTES = 1312


class KeyType(IntEnum):
    """The first byte of an encoded key."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    ML_DSA_44 = 0x06


class MalformedKey(Fault):
    """A text that is no verifier key of a kind known here."""


class Unverified(Fault):
    """A note that no key asked for has signed, or that a known key did not sign as it says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifierKey:
    """A public key with the name and ID under which it signs."""

    name: str
    type: KeyType
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ type ‖ public key)."""
        spelt = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return hashlib.sha256(spelt).digest()[:KEY_ID_BYTES]

    def made(self, one: Signature) -> bool:
        """Whether the signature says that it is of this key; true or not."""
        return (one.name, one.key_id) == (self.name, self.key_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """That a key signed a note; `time` is a cosignature's own, in seconds since 1970."""

    key: VerifierKey
    time: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKey:
    """A private key; its secret is kept out of every printed form."""

    verifier: VerifierKey
    secret: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.verifier.name})"


def parse_vkey(text: str) -> VerifierKey:
    """The key that this very text spells; raises `MalformedKey`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedKey("a verifier key is a name, an ID and a key, joined by plus signs")
    try:
        check_name(parts[0])
        encoded = from_base64(parts[2])
    except MalformedNote as error:
        raise MalformedKey(f"a verifier key: {error}") from None
    key = verifier_key(parts[0], encoded[:1], encoded[1:])
    if parts[1] != key.key_id.hex():
        raise MalformedKey("the ID of a verifier key is not that of its name and key")
    return key


def verifier_key(name: str, type_: bytes, public: bytes) -> VerifierKey:
    """The key, which must be sound: one that every implementation reads alike."""
    if type_ not in {bytes([one]) for one in KeyType}:
        raise MalformedKey("a verifier key of a kind that is not known here")
    kind = KeyType(type_[0])
    sound = len(public) == ML_DSA_44_BYTES if kind is KeyType.ML_DSA_44 else is_sound(public)
    if not sound:
        raise MalformedKey("a verifier key that is no sound public key")
    return VerifierKey(name=name, type=kind, public=public)


def format_vkey(key: VerifierKey) -> str:
    """The one spelling of the key."""
    return f"{key.name}+{key.key_id.hex()}+{base64_of(bytes([key.type]) + key.public)}"


def signing_key(name: str, seed: bytes, type_: KeyType = KeyType.ED25519) -> SigningKey:
    """The key made from 32 secret bytes, RFC 8032 section 5.1.5."""
    check_name(name)
    secret = Ed25519PrivateKey.from_private_bytes(seed)
    public = secret.public_key().public_bytes_raw()
    return SigningKey(verifier=VerifierKey(name=name, type=type_, public=public), secret=secret)


def sign(text: str, key: SigningKey) -> Signature:
    """The signature line of the key over the text."""
    assert key.verifier.type is KeyType.ED25519, "a cosignature has a time: `cosign`"
    value = key.secret.sign(text.encode())
    return Signature(name=key.verifier.name, key_id=key.verifier.key_id, value=value)


def cosign(text: str, key: SigningKey, *, time: int) -> Signature:
    """The cosignature line of the key over the text, at this time in seconds since 1970."""
    assert key.verifier.type is KeyType.COSIGNATURE, "a signature without a time: `sign`"
    value = time.to_bytes(TIME_BYTES, "big") + key.secret.sign(_cosigned(text, time))
    return Signature(name=key.verifier.name, key_id=key.verifier.key_id, value=value)


def verified(note: Note, keys: Iterable[VerifierKey]) -> list[Verified]:
    """Which of the keys signed the note, each once; raises `Unverified` where one did not.

    A signature that names a known key and does not verify spoils the whole note. Signatures of
    unknown keys are passed over. A key of ML-DSA-44 verifies nothing here: it is not in the list.
    """
    found = []
    for key in keys:
        lines = [one for one in note.signatures if key.made(one)]
        if key.type is KeyType.ML_DSA_44 or not lines:
            continue
        times = [_time_of(note.text, key, one) for one in lines]
        found.append(Verified(key=key, time=times[0]))
    return found


def _time_of(text: str, key: VerifierKey, one: Signature) -> int | None:
    """The time of a cosignature that verifies, None for a plain signature that does."""
    if key.type is KeyType.ED25519:
        _check(key, one.value, text.encode())
        return None
    time = int.from_bytes(one.value[:TIME_BYTES], "big")
    if len(one.value) != TIME_BYTES + SIGNATURE_BYTES or time > TIME_MAX:
        raise Unverified(f"a cosignature of {key.name} cannot be read")
    _check(key, one.value[TIME_BYTES:], _cosigned(text, time))
    return time


def _check(key: VerifierKey, value: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(value, message)
    except InvalidSignature:
        raise Unverified(f"a signature of {key.name} does not verify") from None


def _cosigned(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()
