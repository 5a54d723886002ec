"""Identifiers of real people, made into blind indexes that say nothing without their key.

A plain or salted hash would be worthless: there are few enough NHS numbers to try them all. So the
index is keyed (HMAC-SHA256), and still personal data while its key exists.

Not here: the keys, and which subject an index stands for (`keys`). No error here repeats the value.
"""

import hashlib
import hmac
import re
from unicodedata import normalize

from ledger.errors import Malformed

VALUE_CHARACTERS_MAX = 200

_SCHEME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_NHS_NUMBER = re.compile(r"[0-9]{10}\Z")
_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]\Z")
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


class InvalidIdentifier(Malformed):
    """The scheme or the value cannot be an identifier; says which, and never what it was."""


def blind_index(*, key: bytes, scheme: str, value: str) -> bytes:
    """The 32 bytes by which the ledger finds the person again, the same for every spelling."""
    text = normalised(scheme=scheme, value=value)
    # The label spells schemes with hyphens. No scheme has one, so no two schemes share a label.
    label = scheme.replace("_", "-")
    message = f"consent-ledger/bidx/v1\n{label}\n{text}".encode()
    return hmac.digest(key, message, hashlib.sha256)


def normalised(*, scheme: str, value: str) -> str:
    """The one spelling of the identifier; raises `InvalidIdentifier`."""
    if not _SCHEME.match(scheme):
        raise InvalidIdentifier(
            "use lower-case letters, digits and underscores, at most 32, a letter first",
            field="scheme",
        )
    if len(value) > VALUE_CHARACTERS_MAX or not _is_unicode(value):
        raise InvalidIdentifier(
            f"use text of at most {VALUE_CHARACTERS_MAX} characters", field="value"
        )
    match scheme:
        case "nhs_number":
            return _nhs_number(value)
        case "upn":
            return _upn(value)
        case _:
            return _text(value)


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _nhs_number(value: str) -> str:
    """Ten digits of which the last is the check digit, modulus 11 (NHS Data Dictionary)."""
    digits = "".join(value.split()).replace("-", "")
    if not _NHS_NUMBER.match(digits) or not _nhs_check_digit_holds(digits):
        raise InvalidIdentifier(
            "an NHS number has ten digits, the last of which checks the others: compare it with "
            "the record it was copied from",
            field="value",
        )
    return digits


def _nhs_check_digit_holds(digits: str) -> bool:
    # Weights 10 to 2, and 1 for the check digit itself: the sum is a multiple of 11. A number that
    # would need the check digit 10 is never issued, and no single digit makes its sum one.
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 0, -1), digits, strict=True))
    return total % 11 == 0


def _upn(value: str) -> str:
    """A unique pupil number: check letter, eleven digits, and a digit or (temporary) a letter.

    The letter is the sum of the others by position modulo 23 (Department for Education).
    """
    upn = "".join(value.split()).upper()
    if not _UPN.match(upn) or upn[0] != _upn_check_letter(upn):
        raise InvalidIdentifier(
            "a UPN has a check letter and twelve characters that it checks: compare it with the "
            "record it was copied from",
            field="value",
        )
    return upn


def _upn_check_letter(upn: str) -> str:
    worth = [int(c) if c.isdigit() else _UPN_LETTERS.index(c) for c in upn[1:]]
    return _UPN_LETTERS[sum(place * n for place, n in enumerate(worth, start=2)) % 23]


def _text(value: str) -> str:
    text = normalize("NFC", value.strip())
    if not text:
        raise InvalidIdentifier("an identifier is not empty", field="value")
    return text
