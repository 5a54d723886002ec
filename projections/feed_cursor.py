"""Where a consumer of the feed stands: in each log the last entry, and the last change by time.

Spelt, for each log, as its position and the number m of the last change by time, with commas
between logs: `0:123:9f2c41d7-4`. Consumers keep it as it is; it is stable for the life of the
ledger. Not here: what comes after it (`feed`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ledger.errors import Malformed

_MARK = re.compile(r"([0-9]{1,4}):([0-9]{1,18})(?::([0-9a-f]{8}))?-([0-9]{1,18})")
LENGTH_MAX = 64 * 1024


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A place in one log; `leaf_hash` are 8 hex digits of the n-th entry's, None where unsaid."""

    n: int = 0
    leaf_hash: str | None = None
    m: int = 0

    def spelt(self, log: int) -> str:
        """As cursors name it."""
        return f"{self.position(log)}-{self.m}"

    def position(self, log: int) -> str:
        """The entry, as answers name it."""
        return f"{log}:{self.n}:{self.leaf_hash}" if self.leaf_hash else f"{log}:{self.n}"

    def joined(self, other: Mark) -> Mark:
        """What comes after neither: of each sequence the later place."""
        later = max(self, other, key=lambda mark: (mark.n, mark.leaf_hash is not None))
        return Mark(n=later.n, leaf_hash=later.leaf_hash, m=max(self.m, other.m))


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the feed: a mark for each log, in order."""

    marks: tuple[Mark, ...]

    def spelt(self) -> str:
        """As consumers keep it."""
        return ",".join(mark.spelt(log) for log, mark in enumerate(self.marks))

    def positions(self) -> list[str]:
        """The last entry of each log."""
        return [mark.position(log) for log, mark in enumerate(self.marks)]

    def moved(self, log: int, mark: Mark) -> Cursor:
        """The cursor with this place in the log."""
        return Cursor(marks=(*self.marks[:log], mark, *self.marks[log + 1 :]))

    def has(self, other: Cursor) -> bool:
        """Whether everything before the other cursor is before this one."""
        return all(a.n >= b.n and a.m >= b.m for a, b in zip(self.marks, other.marks, strict=True))

    def joined(self, other: Cursor) -> Cursor:
        """The first place that has everything which either has."""
        both = zip(self.marks, other.marks, strict=True)
        return Cursor(marks=tuple(one.joined(another) for one, another in both))


def earliest(logs: int) -> Cursor:
    """Before everything."""
    return Cursor(marks=(Mark(),) * logs)


def parse_cursor(text: str, *, logs: int, field: str) -> Cursor:
    """The cursor, which must have a mark for each log; raises `Malformed`."""
    found = [_MARK.fullmatch(one) for one in text.split(",")] if len(text) <= LENGTH_MAX else []
    marks = list(_marks(found))
    if len(marks) != logs or len(marks) != len(found):
        message = "is no cursor of this feed: send one as it was given, `earliest` or `head`"
        raise Malformed(message, field=field)
    if any(mark.n == 0 and mark.leaf_hash for mark in marks):
        raise Malformed("has a hash, and names no entry", field=field)
    return Cursor(marks=tuple(marks))


def _marks(found: list[re.Match[str] | None]) -> Iterator[Mark]:
    for log, one in enumerate(found):
        if one is not None and int(one[1]) == log:
            yield Mark(n=int(one[2]), leaf_hash=one[3], m=int(one[4]))
