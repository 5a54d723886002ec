"""Facts about the person: birth, death, risk, competence, statuses."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from ledger.events.base import Day, Fact, Name, PurposeOrAll, Text


class DateOfBirthRecorded(Fact, frozen=True, kw_only=True, tag="DateOfBirthRecorded"):
    """A date of birth; applies at every moment, the latest recorded counts."""

    date_of_birth: date


class BirthRecorded(Fact, frozen=True, kw_only=True, tag="BirthRecorded"):
    """The person was born: an unborn child is not a data subject."""

    date_of_birth: date | None = None


class DeathRecorded(Fact, frozen=True, kw_only=True, tag="DeathRecorded"):
    """The person died: UK GDPR article 4(1) with recital 27."""

    restrictive: ClassVar[bool] = True


class AtRiskAssessed(Fact, frozen=True, kw_only=True, tag="AtRiskAssessed"):
    """DPA 2018 Schedule 1 paragraph 18(3): whether the person is at risk."""

    day: ClassVar[Day] = "next"

    at_risk: bool


class CompetenceAssessed(Fact, frozen=True, kw_only=True, tag="CompetenceAssessed"):
    """Whether the person can decide for this purpose: a named professional's judgement."""

    restrictive: ClassVar[bool] = True
    content: ClassVar[frozenset[str]] = frozenset({"note", "assessed_by"})

    purpose: PurposeOrAll
    competent: bool
    assessed_by: Text | None = None


class StatusStarted(Fact, frozen=True, kw_only=True, tag="StatusStarted"):
    """A status that triggers duties began: CPP, LAC, UCPP, S47 or another the catalogue names."""

    day: ClassVar[Day] = "next"

    kind: Name


class StatusEnded(Fact, frozen=True, kw_only=True, tag="StatusEnded"):
    """The status ended."""

    restrictive: ClassVar[bool] = True
    refers: ClassVar[str | None] = "status"

    kind: Name
    status: Name | None = None
