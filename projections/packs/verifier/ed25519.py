"""Ed25519 signatures that others made, RFC 8032 section 5.1.7. Nothing here is secret.

Under a key that is sound this accepts exactly what OpenSSL accepts. Other keys, about which
verifiers disagree, are refused when they are loaded.
"""

from __future__ import annotations

import hashlib

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)

# X, Y, Z, T with x = X/Z, y = Y/Z and xy = T/Z.
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def point_of(data: bytes) -> Point | None:
    """The point that the bytes spell, None where that is none, or not its one spelling."""
    number = int.from_bytes(data, "little")
    y, sign = number & (1 << 255) - 1, number >> 255
    x = x_of(y, sign) if len(data) == 32 and y < PRIME else None
    return None if x is None else (x, y, 1, x * y % PRIME)


def x_of(y: int, sign: int) -> int | None:
    """The x of this sign that lies on the curve with y."""
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_ONE % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    return PRIME - x if x & 1 != sign else x


def spelt(p: Point) -> bytes:
    """The point in 32 bytes."""
    unit = pow(p[2], -1, PRIME)
    x, y = p[0] * unit % PRIME, p[1] * unit % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def plus(p: Point, q: Point) -> Point:
    """The sum of two points."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % PRIME, (p[1] + p[0]) * (q[1] + q[0]) % PRIME
    c, d = 2 * p[3] * q[3] * CURVE_D % PRIME, 2 * p[2] * q[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME)


def sum_of_products(m: int, p: Point, n: int, q: Point) -> Point:
    """The point m·p + n·q."""
    both = (NEUTRAL, p, q, plus(p, q))
    found = NEUTRAL
    for bit in range(max(m, n).bit_length() - 1, -1, -1):
        found = plus(found, found)
        found = plus(found, both[m >> bit & 1 | (n >> bit & 1) << 1])
    return found


def base_point() -> Point:
    """The generator that RFC 8032 fixes."""
    found = point_of((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little"))
    assert found is not None, "it is on the curve"
    return found


BASE = base_point()


def is_sound(key: bytes) -> bool:
    """Whether the key is the canonical spelling of a point of prime order."""
    p = point_of(key)
    if p is None or spelt(p) == spelt(NEUTRAL):
        return False
    return spelt(sum_of_products(ORDER, p, 0, NEUTRAL)) == spelt(NEUTRAL)


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is this sound key's over the message."""
    s = int.from_bytes(signature[32:], "little")
    p = point_of(key)
    if len(signature) != 64 or s >= ORDER or p is None:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    h = int.from_bytes(digest, "little") % ORDER
    # S·B - h·A must be the R that the signature spells: any other spelling of it is refused.
    minus: Point = (PRIME - p[0], p[1], 1, PRIME - p[3])
    return spelt(sum_of_products(s, BASE, h, minus)) == signature[:32]
