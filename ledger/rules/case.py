"""A case: one question with the facts that count for it, and what the rules have found so far.

A rule is a function `rule(case) -> findings`. It reads the case and changes nothing; `Case.apply`
takes its findings, so that later rules see what earlier ones found. Not here: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import MAXYEAR, date, datetime
from functools import cached_property
from typing import cast

import msgspec

from ledger.catalogue import CatalogueDocument, Controller, Line, Purpose
from ledger.civil import LeapBirthday, birthday
from ledger.events import CompetenceAssessed, ConsentGranted, DateOfBirthRecorded, Fact
from ledger.history import History, Item
from ledger.rules.rulebook import ADULT, LawView, Setting
from ledger.terms import EVERY_PURPOSE, OBJECTABLE, DataClass, Decision, Flag, Operation


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """May we process this person's data for this purpose, at `effective_at`, on what was known?

    `position` and `catalogue` name the last entries recorded by `known_at`; `data` is one class, or
    the ids of categories of the catalogue.
    """

    purpose: str
    effective_at: datetime
    known_at: datetime
    operation: Operation = "USE"
    data: DataClass | tuple[str, ...] = "ordinary"
    recipient: str | None = None
    exception: str | None = None
    position: str = ""
    catalogue: str = ""


class LineState:
    """A line that is asserted at the moment asked about, and what has become of it."""

    __slots__ = (
        "article6",
        "correction",
        "dead",
        "declared",
        "entry",
        "source",
        "start",
        "storage",
        "suspended",
        "while_",
    )

    def __init__(
        self,
        *,
        article6: str,
        source: str | None,
        entry: str,
        start: datetime,
        while_: str | None = None,
        declared: bool = False,
        correction: bool = False,
        storage: bool = False,
    ) -> None:
        self.article6 = article6
        self.source = source
        self.entry = entry
        self.start = start
        self.while_ = while_
        self.declared = declared
        self.correction = correction
        self.storage = storage
        self.dead = False
        self.suspended = False

    @property
    def live(self) -> bool:
        """Neither dead nor suspended."""
        return not self.dead and not self.suspended


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule found: a flag, the entries it rests on, and its effect on the case.

    `kills` and `suspends` name lines by their place in the case; `closes` ends the case with this
    decision.
    """

    flag: Flag | None = None
    entries: tuple[str, ...] = ()
    kills: Sequence[LineState] = ()
    suspends: Sequence[LineState] = ()
    adds: Sequence[LineState] = ()
    conditions: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    voids_consent: bool = False
    closes: Decision | None = None
    becomes: Decision | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rule in the trace: which law, whether it matched, and the entries it used."""

    rule: str
    article: str
    matched: bool
    flag: Flag | None = None
    entries: tuple[str, ...] = ()


class Case:
    """The question, the facts, the law and the policy, with the standing that findings give."""

    def __init__(
        self,
        *,
        question: Question,
        subject: str | None,
        document: CatalogueDocument | None,
        document_entry: str,
        person: History,
        common: History,
        law: LawView,
        policy: dict[str, Setting],
    ) -> None:
        self.question = question
        self.at = question.effective_at
        self.known_at = question.known_at
        self.subject = subject
        self.document = document
        self.document_entry = document_entry
        self.person = person
        self.common = common
        self.law = law
        self.policy = law.settings(policy)
        self.purpose = document.purpose_by_id.get(question.purpose) if document else None
        self.lines: list[LineState] = []
        self.flags: dict[Flag, None] = {}
        self.conditions: list[str] = []
        self.denied: list[str] = []
        self.decision: Decision | None = None
        self.consent_void = False
        self.closed = False

    # What rules look at ----------------------------------------------------------------------

    @property
    def asked(self) -> Purpose:
        """The purpose asked about; rules after `purpose.known` may rely on it."""
        return cast(Purpose, self.purpose)

    @property
    def catalogue(self) -> CatalogueDocument:
        """The catalogue in force; rules after `purpose.known` may rely on it."""
        return cast(CatalogueDocument, self.document)

    @cached_property
    def controller(self) -> Controller:
        """Who decides about the purpose."""
        return self.catalogue.controller_by_id[self.asked.controller]

    def of(self, kind: type[Fact]) -> Sequence[Item]:
        """Every entry of the type, about the person or about everyone, in order."""
        person, common = self.person.of(kind), self.common.of(kind)
        if person and common:
            return sorted([*person, *common], key=lambda one: one.order)
        return person or common

    def by_now(self, kind: type[Fact]) -> list[Item]:
        """The entries of the type in effect by the moment asked about."""
        return [one for one in self.of(kind) if one.at <= self.at]

    def for_purpose(self, kind: type[Fact]) -> list[Item]:
        """Those of `by_now` that concern the purpose asked about, or every purpose."""
        wanted = (self.question.purpose, EVERY_PURPOSE)
        return [one for one in self.by_now(kind) if one.fact.purpose in wanted]  # type: ignore[attr-defined]

    @cached_property
    def born(self) -> date | None:
        """The date of birth on what is known: of several, the latest recorded.

        One whose birthdays no calendar holds is none.
        """
        found = self.person.of(DateOfBirthRecorded)
        if not found:
            return None
        newest = max(found, key=lambda one: (one.recorded_at, one.n))
        born = cast(DateOfBirthRecorded, newest.fact).date_of_birth
        return born if born.year <= MAXYEAR - ADULT else None

    def birthday(self, years: int) -> datetime | None:
        """00:00 London on the anniversary, or None where no date of birth is known."""
        if self.born is None:
            return None
        return birthday(self.born, years, leap=cast(LeapBirthday, self.policy["leap_birthday"]))

    def aged(self, years: int, at: datetime) -> bool:
        """Of that age at `at`; a person without a known date of birth counts as a child."""
        reached = self.birthday(years)
        return reached is not None and reached <= at

    def assessed(self, at: datetime) -> Item | None:
        """The latest assessment of competence for the purpose by `at`."""
        wanted = (self.question.purpose, EVERY_PURPOSE)
        found = [
            one
            for one in self.person.of(CompetenceAssessed)
            if one.at <= at and cast(CompetenceAssessed, one.fact).purpose in wanted
        ]
        return found[-1] if found else None

    def competent(self, at: datetime) -> bool:
        """Able to decide at `at`: as last assessed, else presumed from 16 (MCA 2005 s.1(2))."""
        assessment = self.assessed(at)
        if assessment is not None:
            return cast(CompetenceAssessed, assessment.fact).competent
        return self.aged(16, at)

    @cached_property
    def grant(self) -> Item | None:
        """The newest consent given for the purpose by now: an older one never revives."""
        return self.grants[-1] if self.grants else None

    @cached_property
    def grants(self) -> list[Item]:
        """Every consent given for the purpose by now, in order."""
        return [
            one
            for one in self.by_now(ConsentGranted)
            if cast(ConsentGranted, one.fact).purpose == self.question.purpose
        ]

    @property
    def standing(self) -> list[LineState]:
        """The lines that nothing has ended."""
        return [line for line in self.lines if not line.dead]

    @property
    def named(self) -> list[LineState]:
        """The live lines; where none is, the suspended ones under which data may be stored."""
        return [line for line in self.lines if line.live] or self.standing

    @property
    def consent_lines(self) -> list[LineState]:
        """The standing lines of article 6(1)(a)."""
        return [line for line in self.lines if line.article6 == "a" and not line.dead]

    @cached_property
    def asserts_consent(self) -> bool:
        """A line of consent was standing when the rules of consent began to look at it."""
        return bool(self.consent_lines)

    @property
    def objectable(self) -> list[LineState]:
        """The standing lines that article 21(1) reaches."""
        return [line for line in self.lines if line.article6 in OBJECTABLE and not line.dead]

    @cached_property
    def asked_categories(self) -> tuple[str, ...]:
        """The class asked about, or the categories of the catalogue."""
        data = self.question.data
        return (data,) if isinstance(data, str) else data

    @cached_property
    def classes_by_category(self) -> dict[str, tuple[str, ...]]:
        """What may stand in each category asked about; an unknown one has no class."""
        if isinstance(self.question.data, str):
            return {self.question.data: (self.question.data,)}
        known = self.catalogue.category_by_id
        return {
            name: tuple(known[name].classes) if name in known else () for name in self.question.data
        }

    @cached_property
    def classes(self) -> frozenset[str]:
        """Every class of data that the question touches."""
        return frozenset(one for some in self.classes_by_category.values() for one in some)

    def categories_of(self, wanted: DataClass) -> tuple[str, ...]:
        """The categories asked about in which data of the class may stand."""
        return tuple(name for name, some in self.classes_by_category.items() if wanted in some)

    @property
    def storing(self) -> bool:
        """Only keeping is asked about."""
        return self.question.operation == "STORE"

    # What findings do ------------------------------------------------------------------------

    def apply(self, finding: Finding) -> None:
        """Take the finding into the standing of the case."""
        self.lines.extend(finding.adds)
        for line in finding.kills:
            line.dead = True
        for line in finding.suspends:
            line.suspended = True
        if finding.flag is not None:
            self.flags[finding.flag] = None
        self.conditions.extend(finding.conditions)
        self.denied.extend(finding.denies)
        self.consent_void = self.consent_void or finding.voids_consent
        if finding.becomes is not None:
            self.decision = finding.becomes
        if finding.closes is not None:
            self.decision = finding.closes
            self.closed = True


Rule = Callable[[Case], Iterable[Finding]]


def storage_only(line: Line) -> bool:
    """A line that allows keeping and nothing else: a duty to retain."""
    return line.operations is not None and set(line.operations) == {"STORE"}
