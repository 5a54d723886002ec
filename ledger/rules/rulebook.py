"""The rule book: provisions, rules and policy settings, each dated on both clocks.

Law is data (`uk_gdpr.toml`); what was enacted or found out later arrives as `LawLoaded` entries.
Not here: the checks that apply the law (`lines`, `consent`, `rights`, `conditions`).
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property, lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import TypeVar, cast

import msgspec

from ledger.civil import start_of_day
from ledger.errors import Fault
from ledger.events import LawLoaded
from ledger.events.governance import LineGained
from ledger.history import History

Setting = bool | int | str
WHOLE_MAX = 1200
"""The largest whole number of a setting: a hundred years of months, which calendars still hold."""
CHILD_SERVICE_AGES = range(13, 17)
"""What regulations may set for article 8(1): Children's Wellbeing and Schools Act 2026 s.72."""
ADULT = 18
_WHOLE = f"a whole number from 0 to {WHOLE_MAX}"
R = TypeVar("R", bound="Row")


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """An interval, half-open; without an end it lasts."""

    start: datetime
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return self.start <= at and (self.end is None or at < self.end)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Where it stands, and when it is in force and known: days in London, half-open."""

    id: str
    article: str
    link: str
    in_force_from: date
    known_from: date
    in_force_until: date | None = None

    def known(self, known_at: datetime | None) -> bool:
        """Known by `known_at`; None asks for all that the book knows."""
        return known_at is None or start_of_day(self.known_from) <= known_at

    def span(self) -> Span:
        """When it is in force."""
        until = self.in_force_until
        return Span(
            start=start_of_day(self.in_force_from),
            end=None if until is None else start_of_day(until),
        )


class Provision(Row, frozen=True, kw_only=True):
    """A dated provision; the last five fields only where they mean something."""

    title: str
    value: int | None = None
    public_authority_tasks: bool | None = None
    objection: bool | None = None
    portability: bool | None = None
    policy_document: bool | None = None
    offence_data: bool | None = None


class RuleRow(Row, frozen=True, kw_only=True):
    """The law that a rule applies."""


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A setting where the law is silent; `allowed` null means any value of the default's type."""

    setting: str
    default: Setting
    because: str
    allowed: tuple[Setting, ...] | None = None

    def takes(self, value: Setting) -> bool:
        """Whether the setting may have this value."""
        if type(value) is not type(self.default):
            return False
        if self.allowed is not None:
            return value in self.allowed
        whole = isinstance(value, int) and not isinstance(value, bool)
        return not whole or 0 <= cast(int, value) <= WHOLE_MAX

    def said(self) -> str:
        """What the setting takes, in words."""
        if self.allowed is not None:
            return f"one of: {', '.join(map(str, self.allowed))}"
        return {bool: "true or false", int: _WHOLE}.get(type(self.default), "text")


class RuleBook(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All rows; `id` says what an answer was judged by: version, content, bank-holiday calendar.

    Each is equal to itself alone, so that what follows from one can be kept under it.
    """

    id: str
    provisions: dict[str, Provision]
    rules: dict[str, RuleRow]
    policies: dict[str, PolicyRow]
    defaults: dict[str, Setting]
    changes: tuple[datetime, ...]

    def rule(self, rule_id: str) -> RuleRow:
        """The row of the rule; a rule without one is a `Fault`, never a permission."""
        row = self.rules.get(rule_id)
        if row is None:
            raise Fault(f"the rule book has no row for the rule {rule_id}")
        return row


class AgeRule(Span, frozen=True, kw_only=True):
    """The age of article 8(1) over an interval."""

    age: int


class Gain(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the law itself gives a purpose, from when it is in force, and by which entry."""

    entry: str
    line: LineGained
    span: Span


class LawView:
    """The law at one state of knowledge: the rule book's rows, and the entries that load law.

    An answer uses every row of the rule book that it names, and of the `LawLoaded` entries those
    recorded by its position: so its identity decides what law it knew. A view at `known_at` shows
    what a book then would have held.
    """

    def __init__(self, book: RuleBook, common: History, known_at: datetime | None) -> None:
        self._book = book
        self._known_at = known_at
        self._loaded = [(one.entry, cast(LawLoaded, one.fact)) for one in common.of(LawLoaded)]
        self._spans: dict[str, list[Span]] = {}

    def in_force(self, provision: str, at: datetime) -> bool:
        """Whether the provision is in force at `at`, on what is known."""
        spans = self._spans.get(provision)
        if spans is None:
            spans = self._spans[provision] = list(self._in_force(provision))
        return any(span.holds(at) for span in spans)

    def _in_force(self, provision: str) -> Iterator[Span]:
        row = self._book.provisions.get(provision)
        if row is not None and row.known(self._known_at):
            yield row.span()
        for _, law in self._loaded:
            if law.provision == provision:
                yield _span(law)

    @cached_property
    def _gains(self) -> dict[str, list[Gain]]:
        found: dict[str, list[Gain]] = {}
        for entry, law in self._loaded:
            for line in law.gains or ():
                gain = Gain(entry=entry, line=line, span=_span(law))
                found.setdefault(line.purpose, []).append(gain)
        return found

    def gains(self, purpose: str, at: datetime) -> list[Gain]:
        """The lines that loaded provisions in force at `at` give the purpose."""
        return [gain for gain in self._gains.get(purpose, ()) if gain.span.holds(at)]

    def child_service_ages(self) -> tuple[AgeRule, ...]:
        """The ages of article 8(1), one after the other: 13 but while regulations say otherwise.

        Of several in force, the latest to come into force counts.
        """
        return self._ages

    @cached_property
    def _ages(self) -> tuple[AgeRule, ...]:
        row = self._book.provisions["iss_age"]
        found = [
            law for _, law in self._loaded if law.provision == "iss_age" and law.value is not None
        ]
        found.sort(key=lambda law: law.in_force_from)
        starts = {start_of_day(row.in_force_from), *(law.in_force_from for law in found)}
        starts.update(law.in_force_until for law in found if law.in_force_until)
        moments = sorted(starts)
        return tuple(
            AgeRule(age=_age_at(start, found, usual=cast(int, row.value)), start=start, end=end)
            for start, end in zip(moments, [*moments[1:], None], strict=True)
        )

    def needs_policy_document(self, paragraph: int) -> bool:
        """Whether the paragraph of DPA 2018 Schedule 1 needs one; an unknown one does."""
        row = self._book.provisions.get(f"schedule1.{paragraph}")
        return row is None or row.policy_document is not False

    def serves_offence_data(self, paragraph: int) -> bool:
        """Whether the paragraph of DPA 2018 Schedule 1 can be relied on for article 10."""
        row = self._book.provisions.get(f"schedule1.{paragraph}")
        return row is not None and row.offence_data is True

    def changes(self) -> list[datetime]:
        """Every instant at which a provision that answers use begins or ceases to be in force."""
        loaded = [law for _, law in self._loaded]
        ends = [law.in_force_until for law in loaded if law.in_force_until]
        return [*self._book.changes, *(law.in_force_from for law in loaded), *ends]


def _age_at(at: datetime, laws: Sequence[LawLoaded], *, usual: int) -> int:
    """What the last of the laws in force says: where it could not be law, no child is of age."""
    ages = [cast(int, law.value) for law in laws if _span(law).holds(at)]
    age = ages[-1] if ages else usual
    return age if age in CHILD_SERVICE_AGES else ADULT


def _span(law: LawLoaded) -> Span:
    return Span(start=law.in_force_from, end=law.in_force_until)


def read_rule_book(text: bytes) -> RuleBook:
    """The rule book in this TOML text."""
    table = tomllib.loads(text.decode())
    digest = hashlib.sha256(text).hexdigest()[:12]
    calendar = version("holidays")
    provisions = msgspec.convert(table["provision"], tuple[Provision, ...])
    policies = msgspec.convert(table["policy"], tuple[PolicyRow, ...])
    return RuleBook(
        id=f"uk-gdpr {table['version']} {digest} holidays {calendar}",
        provisions=_by_id(provisions),
        rules=_by_id(msgspec.convert(table["rule"], tuple[RuleRow, ...])),
        policies={row.setting: row for row in policies},
        defaults={row.setting: row.default for row in policies},
        changes=tuple(sorted({moment for row in provisions for moment in _changes(row)})),
    )


def _changes(row: Row) -> Iterator[datetime]:
    """When the provision begins and ceases to be in force, where answers compare with that."""
    if row.id.startswith("art") or row.id == "iss_age":
        for day in (row.in_force_from, row.in_force_until):
            if day is not None:
                yield start_of_day(day)


def _by_id(rows: Sequence[R]) -> dict[str, R]:
    found = {row.id: row for row in rows}
    if len(found) != len(rows):
        raise Fault("the rule book has two rows with one id")
    return found


@lru_cache(maxsize=1)
def uk_gdpr() -> RuleBook:
    """The rule book that ships with this project."""
    return read_rule_book(files("ledger.rules").joinpath("uk_gdpr.toml").read_bytes())
