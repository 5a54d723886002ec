"""Values out of bytes that nothing vouches for yet: each is what it should be, or a code says no.

JSON here can be read in one way only, since two readers of a pack must not see two things.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

INT_MAX = 2**53 - 1
DEPTH_MAX = 64
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

NUMBER = "(?:0|[1-9][0-9]{0,15})"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
HASH = "[A-Za-z0-9+/]{43}="
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = "T[0-9]{2}:[0-9]{2}:[0-9]{2}"
ORIGIN = r"[!#-*,-\[\]-~]+"
INSTANT = re.compile(rf"{DAY}{CLOCK}(?:\.[0-9]{{1,6}})?Z")


class Failed(Exception):
    """A claim that is not true: its code, and where that shows."""

    def __init__(self, code: str, where: str) -> None:
        super().__init__(f"{code} {where}")
        self.code = code
        self.where = where


class Unchecked(Exception):
    """A claim of which nothing can be said here, and why."""


def need(true: object, code: str, where: str) -> None:
    """Go on only where it is true."""
    if not true:
        raise Failed(code, where)


def from_base64(text: str, code: str, where: str) -> bytes:
    """The bytes; the text must be their one spelling."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Failed(code, f"{where}: base64") from None
    need(base64.b64encode(data).decode() == text, code, f"{where}: base64 is not canonical")
    return data


def hash_from(text: str, code: str, where: str) -> bytes:
    """The 32 bytes that the text spells."""
    data = from_base64(text, code, where)
    need(len(data) == 32, code, f"{where}: a hash has 32 bytes")
    return data


def from_base64url(text: str) -> bytes:
    """The bytes of base64url without padding; a ValueError where it is none."""
    if not re.fullmatch("[A-Za-z0-9_-]*", text):
        raise ValueError("base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def microseconds(text: str, code: str, where: str) -> int:
    """The moment since 1970, of a text in the form of INSTANT."""
    parts = re.split("[-T:.Z]", text)
    year, month, day, hour, minute, second = map(int, parts[:6])
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        raise Failed(code, f"{where}: no moment of any calendar") from None
    return (whole - EPOCH) // timedelta(microseconds=1) + int(parts[6].ljust(6, "0"))


def read_json(data: bytes, code: str, where: str) -> Any:
    """The value; no name stands twice in an object, and every number is a whole one."""
    try:
        found = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=each_once,
            parse_int=whole_number,
            parse_float=no_number,
            parse_constant=no_number,
        )
    except (ValueError, RecursionError):
        raise Failed(code, f"{where}: no JSON, or not of one meaning") from None
    need(not is_deep(found), code, f"{where}: nested too deep")
    return found


def is_deep(value: Any) -> bool:
    """Whether lists and objects lie in one another beyond what every reader could follow."""
    level = [value]
    for _ in range(DEPTH_MAX):
        lists = [list(each.values()) if isinstance(each, dict) else each for each in level]
        level = [one for each in lists if isinstance(each, list) for one in each]
        if not level:
            return False
    return True


def each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members; a ValueError where a name stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def whole_number(text: str) -> int:
    """The number; a ValueError where not every reader could hold it."""
    if len(text) > 17 or abs(int(text)) > INT_MAX:
        raise ValueError("a number beyond 2^53-1")
    return int(text)


def no_number(text: str) -> Any:
    """Refuse fractions, exponents, NaN and infinities."""
    raise ValueError(f"{text[:20]} is no whole number")


def misfit(value: Any, shape: Any) -> str | None:
    """The path to what does not have the shape, None where all does.

    A shape is a type, a pattern, a text or null, a tuple of alternatives, a list of one shape or an
    object of several. An object has no other members than its shape unless that has an ellipsis; a
    member left out is null.
    """
    if isinstance(shape, tuple):
        return None if any(misfit(value, each) is None for each in shape) else ""
    if isinstance(shape, dict):
        return misfit_object(value, shape)
    if isinstance(shape, list):
        return misfit_list(value, shape[0])
    if isinstance(shape, re.Pattern):
        return None if isinstance(value, str) and shape.fullmatch(value) else ""
    if isinstance(shape, type):
        return None if shape is object or type(value) is shape else ""
    return None if value == shape else ""


def misfit_object(value: Any, shape: dict[Any, Any]) -> str | None:
    """The path to what does not have the shape of an object."""
    if not isinstance(value, dict) or (value.keys() - shape.keys() and ... not in shape):
        return ""
    for name, each in shape.items():
        found = None if name is ... else misfit(value.get(name), each)
        if found is not None:
            return f".{name}{found}"
    return None


def misfit_list(value: Any, shape: Any) -> str | None:
    """The path to what does not have the shape of a list."""
    if not isinstance(value, list):
        return ""
    for place, each in enumerate(value):
        found = misfit(each, shape)
        if found is not None:
            return f"[{place}]{found}"
    return None


def shaped(value: Any, shape: Any, where: str) -> Any:
    """The value, which has the shape."""
    found = misfit(value, shape)
    need(found is None, "E_PACK", f"{where}{found}: not as the format says")
    return value
