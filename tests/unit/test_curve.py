"""Public keys that implementations read differently are refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog.curve import ORDER, PRIME, is_sound

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
"""The eight points whose order divides the cofactor."""


@given(st.binary(min_size=32, max_size=32))
def test_every_key_that_is_made_is_sound(secret: bytes) -> None:
    assert is_sound(Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_point_of_small_order_is_not(key: str) -> None:
    assert not is_sound(bytes.fromhex(key))


def test_a_point_outside_the_subgroup_of_prime_order_is_not() -> None:
    """y = 3 is on the curve, and eight times the prime order brings it to the neutral point."""
    mixed = [bytes([y]) + bytes(31) for y in range(2, 40)]
    on_curve = [one for one in mixed if _is_on_the_curve(one)]
    assert on_curve
    sound = [one for one in on_curve if is_sound(one)]
    assert 0 < len(sound) < len(on_curve)


def _is_on_the_curve(key: bytes) -> bool:
    """By Euler's criterion, apart from the code that is tested."""
    y = int.from_bytes(key, "little")
    d = -121665 * pow(121666, PRIME - 2, PRIME)
    squared = (y * y - 1) * pow(d * y * y + 1, PRIME - 2, PRIME) % PRIME
    return pow(squared, (PRIME - 1) // 2, PRIME) == 1


@pytest.mark.parametrize(
    "key",
    [
        b"",
        bytes(31),
        bytes(33),
        PRIME.to_bytes(32, "little"),
        (PRIME + 3).to_bytes(32, "little"),
        b"\x02" + bytes(31),
        (1 | 1 << 255).to_bytes(32, "little"),
    ],
)
def test_bytes_that_spell_no_point_are_not(key: bytes) -> None:
    assert not is_sound(key)


def test_the_order_is_prime_to_two() -> None:
    assert pow(2, ORDER - 1, ORDER) == 1
