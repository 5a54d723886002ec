"""Keys and signatures of Ed25519 about which implementations could differ.

The vectors of RFC 8032 section 7.1, keys of small and of mixed order, and spellings that are not
canonical. Not here: what a verifier must say of them.
"""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.tlog.curve import ORDER, PRIME
from tests.unit.test_curve import SMALL_ORDER
from tests.unit.trees import seed

RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
"""Key, message, signature: tests 1, 2, 3 and SHA(abc)."""


def not_canonical() -> Iterator[bytes]:
    """Bytes that are no spelling of a point, or not its one spelling."""
    yield from (b"", bytes(31), bytes(33), b"\x02" + bytes(31))
    yield from (number.to_bytes(32, "little") for number in (PRIME, PRIME + 1, PRIME + 3))
    yield (1 | 1 << 255).to_bytes(32, "little")
    # A point whose last byte is zero, without it and with one more.
    small = [bytes([y]) + bytes(30) for y in range(2, 12)]
    yield from small
    yield from (one + bytes(2) for one in small)


def made() -> Iterator[tuple[bytes, bytes, bytes]]:
    """Signatures that were made, and others a little different."""
    for number in range(3):
        secret = Ed25519PrivateKey.from_private_bytes(seed(f"signatures {number}"))
        key, message = secret.public_key().public_bytes_raw(), b"message %d" % number
        right = secret.sign(message)
        s = int.from_bytes(right[32:], "little")
        yield key, message, right
        yield key, message + b".", right
        yield key, message, bytes([right[0] ^ 1]) + right[1:]
        yield key, message, right[:-1]
        yield key, message, right + b"\0"
        yield key, message, right[:32] + (s + ORDER).to_bytes(32, "little")
        yield key, message, right[:32] + (ORDER - s).to_bytes(32, "little")
        yield key, message, b""
        yield from ((bytes.fromhex(each), message, right) for each in SMALL_ORDER)
        yield b"\x02" + bytes(31), message, right
    yield cut_short()
    yield forged()


def cut_short() -> tuple[bytes, bytes, bytes]:
    """A right signature, whose last byte was zero, without that byte."""
    secret = Ed25519PrivateKey.from_private_bytes(seed("signatures"))
    key = secret.public_key().public_bytes_raw()
    messages = (b"cut %d" % number for number in range(10_000))
    signed = ((one, secret.sign(one)) for one in messages)
    message, signature = next(each for each in signed if each[1][-1] == 0)
    return key, message, signature[:-1]


def forged() -> tuple[bytes, bytes, bytes]:
    """What anybody can make for the neutral point as a key: R = S·B with S = 0."""
    return bytes.fromhex(SMALL_ORDER[0]), b"anything", bytes.fromhex(SMALL_ORDER[0]) + bytes(32)


SIGNED = [
    *(tuple(bytes.fromhex(part) for part in each) for each in RFC_8032),
    *made(),
]
"""Key, message and signature, right and wrong."""
KEYS = [
    *(bytes.fromhex(each) for each in SMALL_ORDER),
    *not_canonical(),
    *(bytes([y]) + bytes(31) for y in range(2, 40)),
    *(each[0] for each in SIGNED[:4]),
]
"""Bytes that may be a key."""
