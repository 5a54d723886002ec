"""I-JSON (RFC 7493): only JSON that every reader reads alike is read at all.

Bodies are read by a strict reader afterwards. This one refuses what readers disagree about: a name
twice, a number that a double cannot hold, half a surrogate pair, any encoding but UTF-8; and what
costs more to read than it can mean, deep nesting.
"""

from __future__ import annotations

import codecs
import json
import math
import re

from ledger.errors import Malformed

DEPTH_MAX = 32
INTEGER_MAX = 2**53 - 1
_INTEGER_LENGTH_MAX = len(str(-INTEGER_MAX))
# A string, also one that never ends, or a bracket; possessive, so that no text is read twice.
_STEP = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")


class NotInterchangeable(Malformed):
    """JSON that RFC 7493 does not allow; `code` says which of its rules."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message, field="body")
        self.code = code


def value_of(text: bytes | bytearray) -> object:
    """The value that the text stands for; raises `NotInterchangeable`."""
    if text.startswith(codecs.BOM_UTF8):
        raise NotInterchangeable("begins with a byte order mark: leave it out", code="byte-order")
    try:
        words = text.decode("utf-8")
    except UnicodeDecodeError:
        raise NotInterchangeable("is not UTF-8", code="not-utf-8") from None
    _require_shallow(words)
    try:
        value = json.loads(
            words,
            object_pairs_hook=_named_once,
            parse_int=_exact,
            parse_float=_finite,
            parse_constant=_no_number,
        )
    except ValueError:
        raise NotInterchangeable("is not JSON", code="not-json") from None
    if "\\u" in words:
        _require_characters(value)
    return value


def canonical(value: object) -> bytes:
    """One spelling of the value, however it was spaced and ordered."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _require_shallow(words: str) -> None:
    if words.count("[") + words.count("{") <= DEPTH_MAX:
        return
    depth = 0
    for step in _STEP.finditer(words):
        depth += (step[0] in _OPENING) - (step[0] in _CLOSING)
        if depth > DEPTH_MAX:
            message = f"is nested more than {DEPTH_MAX} deep"
            raise NotInterchangeable(message, code="too-deep")


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) != len(pairs):
        message = "an object names a field twice: which one is meant?"
        raise NotInterchangeable(message, code="name-twice")
    return named


def _exact(digits: str) -> int:
    if len(digits) > _INTEGER_LENGTH_MAX or abs(int(digits)) > INTEGER_MAX:
        message = "holds an integer beyond 2^53 - 1: send it as a string"
        raise NotInterchangeable(message, code="number-too-large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotInterchangeable("holds a number beyond any double", code="number-too-large")
    return number


def _no_number(_: str) -> float:
    raise NotInterchangeable("holds NaN or an infinity, which is no JSON", code="not-a-number")


def _require_characters(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        message = "holds half a surrogate pair, which is no character"
        raise NotInterchangeable(message, code="lone-surrogate") from None
