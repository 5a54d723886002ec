"""Sealed rows: bytes for one subject under one key of theirs."""

import random
from uuid import UUID

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from ledger.disclosure import Tampered, Unsealable
from ledger.seal import (
    CLEAR,
    NIL,
    DataKey,
    Destroyed,
    UnknownKey,
    key_ring,
    needed_key,
    open_bytes,
    seal_bytes,
)

SUBJECT = UUID("4c1d1f5e-6a0b-4d8e-9b7a-1f2e3d4c5b6a")
KEY = DataKey(key_id=UUID(int=1, version=4), version=1, secret=b"b" * 32)
KNOWN = key_ring({(KEY.key_id, 1): KEY.secret})
TOMBSTONE = Destroyed(key_id=KEY.key_id, version=1, fingerprint=bytes(32))


def row_of(plain: bytes = b"dossier") -> bytes:
    return seal_bytes(plain, subject=SUBJECT, key=KEY, entropy=random.Random(7).randbytes)


@given(st.binary(max_size=400))
def test_a_row_opens_to_the_same_bytes(plain):
    assert open_bytes(row_of(plain), subject=SUBJECT, key=KNOWN) == plain


def test_a_row_is_laid_out_and_bound_as_specified():
    version, key_id, key_version, nonce, ct = msgspec.msgpack.decode(row_of())
    assert (version, key_id, key_version) == (1, KEY.key_id.bytes, 1)
    assert needed_key(row_of()) == (KEY.key_id, 1)
    aad = f"consent-ledger/dossier/v1\n{SUBJECT}\n{KEY.key_id}:1\n".encode()
    assert AESGCM(KEY.secret).decrypt(nonce, ct, aad) == b"dossier"


def test_a_row_of_another_subject_does_not_open():
    with pytest.raises(Tampered, match="does not open"):
        open_bytes(row_of(), subject=UUID(int=3), key=KNOWN)


@pytest.mark.parametrize(("what", "other"), [("answer", "dossier"), ("dossier", "answer")])
def test_a_row_of_another_kind_does_not_open(what, other):
    sealed = seal_bytes(
        b"x", subject=SUBJECT, key=KEY, entropy=random.Random(7).randbytes, what=what
    )
    assert open_bytes(sealed, subject=SUBJECT, key=KNOWN, what=what) == b"x"
    with pytest.raises(Tampered, match="does not open"):
        open_bytes(sealed, subject=SUBJECT, key=KNOWN, what=other)


def test_a_row_under_a_destroyed_key_is_a_tombstone():
    found = open_bytes(row_of(), subject=SUBJECT, key=key_ring({(KEY.key_id, 1): TOMBSTONE}))
    assert found == TOMBSTONE


def test_a_row_under_an_unknown_key_is_an_error():
    with pytest.raises(UnknownKey):
        open_bytes(row_of(), subject=SUBJECT, key=key_ring({}))


def test_a_row_is_never_in_clear():
    with pytest.raises(Unsealable, match="key of theirs"):
        seal_bytes(b"x", subject=SUBJECT, key=CLEAR, entropy=random.Random(7).randbytes)
    forged_row = msgspec.msgpack.encode([1, NIL.bytes, 0, b"", b"dossier"])
    with pytest.raises(UnknownKey):
        open_bytes(forged_row, subject=SUBJECT, key=KNOWN)


def test_no_bit_of_a_row_can_be_changed():
    for at in range(8 * len(row_of())):
        changed = bytearray(row_of())
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((Tampered, UnknownKey)):
            open_bytes(bytes(changed), subject=SUBJECT, key=KNOWN)


@given(st.binary(max_size=100))
def test_noise_is_no_row(noise):
    with pytest.raises(Tampered, match="cannot be read"):
        needed_key(noise)
