"""One field as a salted disclosure (RFC 9901), and the commitment over an entry's disclosures.

The text of a disclosure is what is hashed, whatever its JSON spacing. Leaving a disclosure out of
what is shown to somebody leaves its digest, so the commitment can still be checked.

Not here: encryption, and which disclosures belong together (`seal`).
"""

import base64
import binascii
import hashlib
from typing import TypeAlias

import msgspec

from ledger.errors import Fault

JSON: TypeAlias = "str | int | bool | list[JSON] | dict[str, JSON] | None"

SALT_BYTES = 16
DIGEST_BYTES = 32
INT_MAX = 2**53 - 1
"""Beyond this two readers of JSON may see two numbers (RFC 8785 section 3.2.2.3)."""


class Tampered(Fault):
    """Sealed bytes are not what was sealed."""


class Unsealable(Fault):
    """Fields that JSON cannot carry, or that would be ambiguous once sealed."""


_json = msgspec.json.Encoder()
_URLSAFE = bytes.maketrans(b"+/", b"-_")


def disclosure(*, salt: bytes, name: str, value: JSON) -> str:
    """The one field as the text that is hashed: base64url of JSON [salt, name, value], unpadded."""
    _refuse_unsealable(value, name)
    try:
        return base64url(_json.encode([base64url(salt), name, value]))
    except UnicodeEncodeError:
        raise Unsealable(f"field {name!a} holds text that is not Unicode") from None


def parse_disclosure(text: str) -> tuple[str, JSON]:
    """The name and value of a disclosure with a salt of at least 128 bits, whatever its spacing."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        item: JSON = msgspec.json.decode(data)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Tampered("a disclosure is not base64url of JSON") from None
    match item:
        case [str(salt), str(name), value] if len(salt) * 6 >= SALT_BYTES * 8:
            return name, value
    raise Tampered("a disclosure is not [salt, name, value] with a salt of 16 bytes or more")


def digest(text: str) -> bytes:
    """SHA-256 of a disclosure's text (RFC 9901 section 4.2.3)."""
    return hashlib.sha256(text.encode("ascii")).digest()


def commitment(digests: bytes) -> bytes:
    """What the leaf carries for digests joined in ascending order."""
    return hashlib.sha256(b"consent-ledger/sd/v1\n" + digests).digest()


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    text = binascii.b2a_base64(data, newline=False)
    return text.translate(_URLSAFE).rstrip(b"=").decode("ascii")


def _refuse_unsealable(value: JSON, field: str) -> None:
    """Raise for what JSON cannot carry exactly; floats are not part of any entry."""
    if value is None or isinstance(value, str | bool):
        return
    match value:
        case int() if abs(value) <= INT_MAX:
            return
        case list():
            for item in value:
                _refuse_unsealable(item, field)
        case dict() if all(isinstance(name, str) for name in value):
            for item in value.values():
                _refuse_unsealable(item, field)
        case _:
            raise Unsealable(
                f"field {field!a} must be text, a whole number up to 2^53-1, true, false, null, "
                "a list or an object"
            )
