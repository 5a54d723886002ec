"""Ed25519 in plain Python says what OpenSSL says, of every key that it takes at all."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import curve
from projections.packs.verifier.ed25519 import is_signed, is_sound
from tests.unit.signatures import KEYS, RFC_8032, SIGNED
from tests.unit.test_curve import SMALL_ORDER

seeds = st.binary(min_size=32, max_size=32)


def accepted_by_openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_the_published_signatures_are_right() -> None:
    for each in RFC_8032:
        key, message, signature = (bytes.fromhex(part) for part in each)
        assert is_sound(key)
        assert is_signed(key, message, signature)
        assert not is_signed(key, message + b".", signature)


def test_it_says_what_openssl_says_of_signatures_that_are_a_little_wrong() -> None:
    cases = [each for each in SIGNED if is_sound(each[0])]
    found = [is_signed(*each) for each in cases]

    assert found == [accepted_by_openssl(*each) for each in cases]
    assert True in found
    assert False in found


def test_a_key_is_sound_here_where_it_is_for_the_ledger() -> None:
    found = [is_sound(key) for key in KEYS]

    assert found == [curve.is_sound(key) for key in KEYS]
    assert not any(found[: len(SMALL_ORDER)])


@given(seeds, st.binary(max_size=200))
def test_what_is_signed_is_accepted(secret: bytes, message: bytes) -> None:
    made = Ed25519PrivateKey.from_private_bytes(secret)
    key = made.public_key().public_bytes_raw()

    assert is_sound(key)
    assert is_signed(key, message, made.sign(message))


@given(seeds, st.binary(max_size=40), st.integers(0, 511), st.binary(max_size=3))
def test_what_is_changed_is_judged_as_openssl_does(
    secret: bytes, message: bytes, bit: int, more: bytes
) -> None:
    made = Ed25519PrivateKey.from_private_bytes(secret)
    key, signature = made.public_key().public_bytes_raw(), bytearray(made.sign(message))
    signature[bit // 8] ^= 1 << bit % 8
    case = (key, message, bytes(signature) + more)

    assert is_signed(*case) is accepted_by_openssl(*case) is False


@given(seeds, st.binary(max_size=40), st.integers(1, 15))
def test_a_signature_has_one_spelling(secret: bytes, message: bytes, times: int) -> None:
    """S and S plus the order are the same number on the curve."""
    made = Ed25519PrivateKey.from_private_bytes(secret)
    key, signature = made.public_key().public_bytes_raw(), made.sign(message)
    s = int.from_bytes(signature[32:], "little") + times * curve.ORDER
    case = (key, message, signature[:32] + s.to_bytes(33, "little")[:32])

    assert is_signed(*case) is accepted_by_openssl(*case) is False


@given(st.binary(min_size=32, max_size=32))
def test_any_bytes_are_a_key_here_where_they_are_for_the_ledger(key: bytes) -> None:
    assert is_sound(key) is curve.is_sound(key)
