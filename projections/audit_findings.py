"""What an audit finds: a place, a code from a closed list, and what is wrong there in words.

A finding says that something is wrong among the entries n to `last`: nothing before the lowest
`last` is known to be wrong, so they stand in its order, the narrowest first. Not here: what is
looked at (`audit` and the modules beside it), or what to do about it (ops/docs/audit.md).
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from typing import Literal, get_args

import msgspec

LISTED_MAX = 100
"""How many findings are listed unless another number is asked for; all are counted."""

Code = Literal[
    "ENTRY_MISSING",
    "ENTRY_TWICE",
    "ENTRY_BEYOND_END",
    "EVENT_TWICE",
    "LEAF_MALFORMED",
    "LEAF_DIFFERS",
    "LEAF_HASH",
    "LEAF_EMPTIED",
    "WRONG_LOG",
    "STREAM_GAP",
    "CHAIN",
    "TIME_ORDER",
    "HEAD",
    "TILE",
    "ROOT",
    "CUT_OFF",
    "CHECKPOINT",
    "CHECKPOINT_SIGNATURE",
    "CHECKPOINT_FORK",
    "COSIGNATURE",
    "CONTAINER",
    "KEY_UNKNOWN",
    "CONTENT_EMPTIED",
    "REQUEST",
    "DERIVED",
]
"""What can be wrong; each is explained in ops/docs/audit.md."""
CODES: tuple[Code, ...] = get_args(Code)


class AuditFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong among the entries n to `last` of a log, or in what is kept about them.

    Of a checkpoint both are its size. A derived row has no position: both are 0, and the detail
    names where its stream ends.
    """

    log: int
    n: int
    last: int
    code: Code
    detail: str

    def __str__(self) -> str:
        place = (
            f"{self.log}:{self.n}" if self.n == self.last else f"{self.log}:{self.n}-{self.last}"
        )
        return f"{self.code} {place} {self.detail}"


class Findings:
    """The first findings, at most `listed_max` of them, and how many there are of each code."""

    def __init__(self, log: int, *, listed_max: int = LISTED_MAX) -> None:
        self.log = log
        self.listed_max = listed_max
        self.listed: list[AuditFinding] = []
        self.counts: Counter[Code] = Counter()

    def add(self, code: Code, n: int, detail: str, *, last: int | None = None) -> None:
        """One more, about the entries n to `last`, or n alone."""
        last = n if last is None else last
        self._keep(AuditFinding(log=self.log, n=n, last=last, code=code, detail=detail))
        self.counts[code] += 1

    def take(self, listed: list[AuditFinding], counts: dict[Code, int]) -> None:
        """Those that were found elsewhere, with their counts."""
        for one in listed:
            self._keep(one)
        self.counts.update(counts)

    def _keep(self, one: AuditFinding) -> None:
        insort(self.listed, one, key=_place)
        del self.listed[self.listed_max :]


def _place(one: AuditFinding) -> tuple[int, int, int]:
    return one.last, -one.n, CODES.index(one.code)
