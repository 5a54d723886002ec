"""A case: one question with the facts that count for it, and what the rules have found so far.

A rule is a function `rule(case) -> findings`. It reads the case and changes nothing; `Case.apply`
takes its findings, so that later rules see what earlier ones found. Not here: any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import MAXYEAR, date, datetime
from functools import cached_property
from typing import cast

import msgspec

from ledger.catalogue import CatalogueDocument, Controller, Purpose
from ledger.civil import LeapBirthday, birthday
from ledger.events import (
    CatalogueAdopted,
    CompetenceAssessed,
    ConsentGranted,
    DateOfBirthRecorded,
    Fact,
    ObjectionReceived,
)
from ledger.history import History, Item, together, until
from ledger.rules.rulebook import ADULT
from ledger.rules.settled import Settled
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


class LineState(msgspec.Struct, kw_only=True, eq=False):
    """A line that is asserted at the moment asked about, and what has become of it."""

    article6: str
    source: str | None
    entry: str
    start: datetime
    while_: str | None = None
    declared: bool = False
    correction: bool = False
    storage: bool = False
    dead: bool = False
    suspended: bool = False

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


NOTHING: tuple[Finding, ...] = ()
"""What a rule finds that does not match."""


class Case:
    """The question, the facts, the law and the policy, with the standing that findings give."""

    def __init__(
        self, *, question: Question, subject: str | None, person: History, settled: Settled
    ) -> None:
        self.question = question
        self.at = question.effective_at
        self.known_at = question.known_at
        self.subject = subject
        self.person = person
        self.settled = settled
        self.common = settled.common
        self.law = settled.law
        self.policy = settled.policy(self.at)
        self.adopted = settled.adopted(self.at)
        self.document = _document(self.adopted)
        self.purpose = self.document.purpose_by_id.get(question.purpose) if self.document else None
        self.asked = cast(Purpose, self.purpose)
        """The purpose asked about; rules after `purpose.known` may rely on it."""
        self.catalogue = cast(CatalogueDocument, self.document)
        """The catalogue in force; rules after `purpose.known` may rely on it."""
        self.grants = self.for_purpose(ConsentGranted)
        """Every consent given for the purpose by now, in order."""
        self.grant = self.grants[-1] if self.grants else None
        """The newest of them: an older one never revives."""
        self.consent = cast(ConsentGranted, self.grant.fact if self.grant else None)
        """What was granted; rules may rely on it where there is a grant."""
        self.objections = self._objections()
        """The objections that reach this question, in order."""
        self.born = person.once(_born)
        """The date of birth on what is known."""
        self.lines: list[LineState] = []
        self.flags: dict[Flag, None] = {}
        self.conditions: list[str] = []
        self.denied: list[str] = []
        self.decision: Decision | None = None
        self.consent_void = False
        self.closed = False

    # What rules look at ----------------------------------------------------------------------

    @property
    def controller(self) -> Controller:
        """Who decides about the purpose."""
        return self.catalogue.controller_by_id[self.asked.controller]

    def of(self, kind: type[Fact]) -> Sequence[Item]:
        """Every entry of the type, about the person or about everyone, in order."""
        person, common = self.person.by_type.get(kind, ()), self.common.by_type.get(kind, ())
        return together(person, common) if person and common else person or common

    def by_now(self, kind: type[Fact]) -> Sequence[Item]:
        """The entries of the type in effect by the moment asked about."""
        return until(self.of(kind), self.at)

    def ever_for_purpose(self, kind: type[Fact]) -> Sequence[Item]:
        """Those of `of` that concern the purpose asked about, or every purpose."""
        purpose = self.question.purpose
        person = self.person.for_purpose(kind, purpose)
        common = self.common.for_purpose(kind, purpose)
        return together(person, common) if person and common else person or common

    def for_purpose(self, kind: type[Fact]) -> Sequence[Item]:
        """Those of `by_now` that concern the purpose asked about, or every purpose."""
        return until(self.ever_for_purpose(kind), self.at)

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
        found = until(self.person.for_purpose(CompetenceAssessed, self.question.purpose), at)
        return found[-1] if found else None

    def competent(self, at: datetime) -> bool:
        """Able to decide at `at`: as last assessed, else presumed from 16 (MCA 2005 s.1(2))."""
        assessment = self.assessed(at)
        if assessment is not None:
            return cast(CompetenceAssessed, assessment.fact).competent
        return self.aged(16, at)

    def _objections(self) -> list[Item]:
        return [one for one in self.by_now(ObjectionReceived) if self._reached_by(one)]

    def _reached_by(self, one: Item) -> bool:
        fact, named = cast(ObjectionReceived, one.fact), self.question.recipient
        if fact.operations is not None and self.question.operation not in fact.operations:
            return False
        if fact.recipients is not None and named is not None and named not in fact.recipients:
            return False
        if fact.purpose in (self.question.purpose, EVERY_PURPOSE):
            return True
        return self.policy["nhs_objection_scope"] == "all uses" and self._on_nhs_number(fact)

    def _on_nhs_number(self, fact: ObjectionReceived) -> bool:
        if fact.kind == "NHS_NUMBER":
            return True
        purpose = self.document.purpose_by_id.get(fact.purpose) if self.document else None
        return purpose is not None and purpose.nhs_number_matching

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

    def touches(self, wanted: DataClass) -> bool:
        """Whether the question is about data of the class."""
        data = self.question.data
        return data == wanted if isinstance(data, str) else bool(self.categories_of(wanted))

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


Rule = Callable[[Case], Sequence[Finding]]


def _document(adopted: Item | None) -> CatalogueDocument | None:
    return None if adopted is None else cast(CatalogueAdopted, adopted.fact).catalogue


def _born(person: History) -> date | None:
    """Of several dates of birth the latest recorded; none where no calendar holds the birthdays."""
    found = person.of(DateOfBirthRecorded)
    if not found:
        return None
    newest = max(found, key=lambda one: (one.recorded_at, one.n))
    born = cast(DateOfBirthRecorded, newest.fact).date_of_birth
    return born if born.year <= MAXYEAR - ADULT else None
