"""What is settled before a person is looked at: by the ledger's own stream and the rule book.

Law, policy, the catalogue in force and the instants at which they change are the same for everybody
who asks on one state of the ledger's own stream: each is worked out when first needed and kept with
that state. Not here: anything about a person, or what a rule makes of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import cast

import msgspec

from ledger.catalogue import CatalogueDocument, Line, Purpose
from ledger.civil import start_of_day
from ledger.events import CatalogueAdopted, PolicySet
from ledger.history import History, Item, until
from ledger.rules.rulebook import LawView, RuleBook, Setting, Span

GROWN_UP = (16, 18)
"""The birthdays that the law knows beside those of article 8."""


class Asserted(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the catalogue, and when it is asserted; `storage`: a duty to keep, nothing else."""

    line: Line
    span: Span
    storage: bool


class Settled:
    """What one state of the ledger's own stream and a rule book settle for every question."""

    def __init__(self, common: History, book: RuleBook) -> None:
        self.common = common
        self.law = LawView(book, common, known_at=None)
        self._book = book
        self._policies: dict[int, Mapping[str, Setting]] = {}
        self._lines: dict[tuple[int, str], tuple[Asserted, ...]] = {}
        self._changes: dict[str, list[datetime]] = {}

    def policy(self, at: datetime) -> Mapping[str, Setting]:
        """Every setting at `at`: as last set by then where it may be so, else its default."""
        by_then = until(self.common.of(PolicySet), at)
        policy = self._policies.get(len(by_then))
        if policy is None:
            policy = self._policies[len(by_then)] = self._set_by(by_then)
        return policy

    def _set_by(self, items: Sequence[Item]) -> dict[str, Setting]:
        rows = self._book.policies
        policy = dict(self._book.defaults)
        for fact in (cast(PolicySet, one.fact) for one in items):
            if fact.setting in policy:
                row = rows[fact.setting]
                policy[fact.setting] = fact.value if row.takes(fact.value) else row.default
        return policy

    def adopted(self, at: datetime) -> Item | None:
        """The version of the catalogue in force at `at`: the newest adopted by then."""
        found = until(self.common.of(CatalogueAdopted), at)
        return found[-1] if found else None

    def lines(self, adopted: Item, purpose: Purpose) -> tuple[Asserted, ...]:
        """The lines of a purpose in that version of the catalogue."""
        key = (adopted.n, purpose.id)
        lines = self._lines.get(key)
        if lines is None:
            lines = self._lines[key] = tuple(_asserted(line) for line in purpose.lines)
        return lines

    def changes(self, purpose: str) -> list[datetime]:
        """Every instant at which the law or a line of the purpose begins or ends, in order."""
        if purpose not in self._purposes:
            return self._law_changes
        changes = self._changes.get(purpose)
        if changes is None:
            found = {*self._law_changes, *self._line_changes(purpose)}
            changes = self._changes[purpose] = sorted(found)
        return changes

    def _line_changes(self, purpose: str) -> Iterator[datetime]:
        for document in self._documents:
            found = document.purpose_by_id.get(purpose)
            for line in found.lines if found else ():
                yield line.start()
                end = line.end()
                if end is not None:
                    yield end

    @cached_property
    def _documents(self) -> tuple[CatalogueDocument, ...]:
        adopted = self.common.of(CatalogueAdopted)
        return tuple(cast(CatalogueAdopted, one.fact).catalogue for one in adopted)

    @cached_property
    def _purposes(self) -> frozenset[str]:
        return frozenset(name for one in self._documents for name in one.purpose_by_id)

    @cached_property
    def _law_changes(self) -> list[datetime]:
        return sorted(self.law.changes())

    @cached_property
    def recipient_changes(self) -> list[datetime]:
        """Every instant at which sharing with some recipient begins or ends, in order."""
        rows = [row for document in self._documents for row in document.recipients]
        days = [day for row in rows for day in (row.effective_from, row.effective_until) if day]
        return sorted({start_of_day(day) for day in days})

    @cached_property
    def ages(self) -> tuple[int, ...]:
        """The birthdays that answers may turn on, the earliest first."""
        return tuple(sorted({*GROWN_UP, *(rule.age for rule in self.law.child_service_ages())}))


def _asserted(line: Line) -> Asserted:
    return Asserted(
        line=line,
        span=Span(start=line.start(), end=line.end()),
        storage=line.operations is not None and set(line.operations) == {"STORE"},
    )


def next_of(moments: Sequence[datetime], at: datetime) -> datetime | None:
    """Of instants in order, the first one after `at`."""
    n = bisect_right(moments, at)
    return moments[n] if n < len(moments) else None
