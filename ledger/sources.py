"""The enactments that a line may rest on, and whether one of them may be relied on at a moment.

The table is `rules/sources.toml`. Not here: provisions of data protection law itself, nor when a
provision began that did not always stand: both are the rule book's.
"""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Protocol

import msgspec

from ledger.civil import start_of_day


class Law(Protocol):
    """The dated law, as known at some moment."""

    def in_force(self, provision: str, at: datetime) -> bool:
        """Whether the provision of the rule book is in force at `at`."""

    def needs_policy_document(self, paragraph: int) -> bool:
        """Whether the paragraph of DPA 2018 Schedule 1 needs an appropriate policy document."""


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An enactment, with the provisions in force since before any question can be about."""

    short: str
    name: str
    provisions: tuple[str, ...]
    adults_only: bool = False


class DatedSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source that began later, or has not begun: `provision` is its row in the rule book."""

    source: str
    provision: str


class LawChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of law that a notice has to take in."""

    on: date
    title: str


class SourceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """All rows of `rules/sources.toml`."""

    act: tuple[Act, ...]
    dated: tuple[DatedSource, ...]
    change: tuple[LawChange, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """What the enactments are called."""
        return frozenset(act.name for act in self.act)

    @cached_property
    def _standing(self) -> frozenset[str]:
        return frozenset(f"{act.short} {part}" for act in self.act for part in act.provisions)

    @cached_property
    def _provisions(self) -> dict[str, str]:
        return {row.source: row.provision for row in self.dated}

    def knows(self, source: str) -> bool:
        """Whether the table has the source at all."""
        return source in self._standing or source in self._provisions

    def in_force(self, source: str, at: datetime, *, law: Law) -> bool:
        """Whether the source may be relied on at `at`; one that the table lacks may not."""
        if source in self._provisions:
            return law.in_force(self._provisions[source], at)
        return source in self._standing

    def adults_only(self, source: str) -> bool:
        """Whether the source reaches health and adult social care only."""
        return any(act.adults_only and source.startswith(f"{act.short} ") for act in self.act)

    def latest_change(self, at: datetime) -> LawChange | None:
        """The last change of law that had begun by `at`."""
        begun = [change for change in self.change if start_of_day(change.on) <= at]
        return max(begun, key=lambda change: change.on, default=None)


@lru_cache(maxsize=1)
def sources() -> SourceTable:
    """The table that ships with this project."""
    text = files("ledger").joinpath("rules", "sources.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), SourceTable)
