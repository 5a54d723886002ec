"""Scenario files: what was recorded, questions, and the answers that the law expects.

A file is data a data protection officer can write before a policy changes; its format is
`tests/scenarios/README.md`. Entries are taken as they are: a scenario tests answers, not admission.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from ledger.answer import Answer, answer
from ledger.catalogue import CatalogueDocument
from ledger.civil import parse_day, parse_instant, start_of_day
from ledger.counterparts import Planned, Spread
from ledger.errors import Malformed
from ledger.events import (
    CatalogueAdopted,
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    Fact,
    IdentityMerged,
    IdentityUnmerged,
    KeyDestroyed,
    PolicySet,
)
from ledger.history import Dossier, Item, item
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook, Setting
from ledger.terms import DataClass, Decision, Operation
from ledger.wire import basis_of, read_fact, unreadable

BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
"""When the catalogue and the policy of a scenario are taken to have been recorded."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The answer expected: flags are a minimum, the rest is exact."""

    decision: Decision
    live: tuple[str, ...]
    conditions: tuple[str, ...]
    flags: tuple[str, ...]


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question of a scenario."""

    subject: str
    purpose: str
    effective_at: str
    known_at: str
    expect: Expect
    operation: Operation = "USE"
    data: DataClass = "ordinary"
    exception: str | None = None

    def question(self, *, field: str = "ask") -> Question:
        """The question as the core takes it."""
        return Question(
            purpose=self.purpose,
            effective_at=parse_instant(self.effective_at, field=f"{field}.effective_at"),
            known_at=parse_instant(self.known_at, field=f"{field}.known_at"),
            operation=self.operation,
            data=self.data,
            exception=self.exception,
        )


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario file."""

    id: str
    title: str
    given: tuple[dict[str, object], ...]
    asks: tuple[Ask, ...]
    topic: str | None = None
    because: str | None = None
    policy: dict[str, Setting] = {}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a scenario, read."""

    id: str
    subject: str | None
    recorded_at: datetime
    fact: Fact


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one question of a scenario came to; `differs` is empty where it is as expected."""

    scenario: str
    ask: int
    ok: bool
    answer: Answer
    differs: tuple[str, ...]


_decode = msgspec.json.Decoder(Scenario).decode


def read_scenario(text: bytes) -> Scenario:
    """The scenario, or `Malformed` naming the field that cannot be read."""
    try:
        return _decode(text)
    except msgspec.ValidationError as error:
        raise unreadable(error, field="scenario") from error
    except msgspec.DecodeError as error:
        raise Malformed("is not JSON", field="scenario") from error


def read_given(value: dict[str, object], *, field: str = "given") -> Given:
    """One entry with the envelope that scenario files give it."""
    rest = dict(value)
    subject = rest.pop("subject", None)
    recorded = rest.pop("recorded_at", None)
    entry = rest.pop("id", None)
    if not isinstance(entry, str) or not entry:
        raise Malformed("must be a non-empty string", field=f"{field}.id")
    if subject is not None and not isinstance(subject, str):
        raise Malformed("must be a string or null", field=f"{field}.subject")
    return Given(
        id=entry,
        subject=subject,
        recorded_at=_recorded_at(recorded, rest, field),
        fact=read_fact(_without_recorded(rest), field=field),
    )


def _recorded_at(recorded: object, rest: dict[str, object], field: str) -> datetime:
    """The moment as given; where the file gives none, the entry's own `effective_at`."""
    text = rest.get("effective_at") if recorded is None else recorded
    if isinstance(text, str) and len(text) == len("YYYY-MM-DD"):
        return start_of_day(parse_day(text, field=f"{field}.recorded_at"))
    return parse_instant(text, field=f"{field}.recorded_at")


def _without_recorded(rest: dict[str, object]) -> dict[str, object]:
    """`civil_dates` without the envelope's own date, which is no field of the fact."""
    civil = rest.get("civil_dates")
    if not isinstance(civil, dict) or "recorded_at" not in civil:
        return rest
    kept = {name: day for name, day in civil.items() if name != "recorded_at"}
    return {**rest, "civil_dates": kept or None}


class Streams:
    """The dossiers that a list of entries builds, as the ledger's append would build them."""

    def __init__(self, document: CatalogueDocument, policy: dict[str, Setting]) -> None:
        self._items: dict[str | None, list[Item]] = {None: []}
        self._n = 0
        adopted = CatalogueAdopted(effective_at=BEGINNING, catalogue=document)
        self._append(None, Given(id="catalogue", subject=None, recorded_at=BEGINNING, fact=adopted))
        for setting, value in policy.items():
            fact = PolicySet(effective_at=BEGINNING, setting=setting, value=value)
            given = Given(id=f"policy.{setting}", subject=None, recorded_at=BEGINNING, fact=fact)
            self._append(None, given)

    def dossier(self, subject: str | None) -> Dossier:
        """Everything recorded about the subject; None is the ledger's own stream."""
        items = self._items.get(subject, ())
        destroyed = any(
            isinstance(one.fact, KeyDestroyed) and one.fact.reach == "PERSON" for one in items
        )
        return Dossier(subject, items, destroyed=destroyed)

    def record(self, given: Given) -> None:
        """Append to every stream that the entry concerns."""
        first = Planned(subject=self._stream_of(given), entry=given.id, fact=given.fact)
        spread = Spread(first)
        while (step := spread.next()) is not None:
            for here in spread.onto(
                step,
                dossier=self.dossier(step.subject),
                now=given.recorded_at,
                entry_ids=lambda: given.id,
            ):
                self._append(here.subject, msgspec.structs.replace(given, fact=here.fact))

    def _stream_of(self, given: Given) -> str | None:
        """The record it is made on: for a correction the one in which the entry was recorded."""
        fact = given.fact
        if isinstance(fact, EntryReattributed | IdentityMerged | IdentityUnmerged):
            return fact.from_
        if isinstance(fact, EntryAnnulled | EntrySuperseded):
            for subject, items in self._items.items():
                if any(one.entry == fact.entry for one in items):
                    return subject
        return given.subject

    def _append(self, subject: str | None, given: Given) -> None:
        self._n += 1
        self._items.setdefault(subject, []).append(
            item(
                n=self._n,
                entry=given.id,
                recorded_at=given.recorded_at,
                fact=basis_of(given.fact),
            )
        )


def streams(scenario: Scenario, document: CatalogueDocument) -> Streams:
    """The scenario's entries, appended in recorded order, ties in the order of the file."""
    built = Streams(document, scenario.policy)
    given = [read_given(one, field=f"scenario.given[{n}]") for n, one in enumerate(scenario.given)]
    for one in sorted(given, key=lambda each: each.recorded_at):
        built.record(one)
    return built


def run(scenario: Scenario, document: CatalogueDocument, rulebook: RuleBook) -> Iterator[Outcome]:
    """Every question of the scenario with its answer and what differs from the expected one."""
    _check_policy(scenario.policy, rulebook)
    built = streams(scenario, document)
    for n, ask in enumerate(scenario.asks):
        question = ask.question(field=f"scenario.asks[{n}]")
        got = answer(question, built.dossier(ask.subject), built.dossier(None), rulebook)
        differs = tuple(differences(ask.expect, got))
        yield Outcome(scenario=scenario.id, ask=n + 1, ok=not differs, answer=got, differs=differs)


def _check_policy(policy: dict[str, Setting], rulebook: RuleBook) -> None:
    """A misspelt setting would test the default and look like a pass."""
    for setting, value in policy.items():
        row = rulebook.policies.get(setting)
        if row is None:
            raise Malformed("is not a policy setting", field=f"scenario.policy.{setting}")
        if not row.takes(value):
            raise Malformed("cannot have this value", field=f"scenario.policy.{setting}")


def differences(expect: Expect, got: Answer) -> Iterator[str]:
    """What is not as expected, a line each."""
    if got.decision != expect.decision:
        yield f"decision: expected {expect.decision}, got {got.decision}"
    for name in ("live", "conditions"):
        wanted, found = set(getattr(expect, name)), set(getattr(got, name))
        if wanted != found:
            yield f"{name}: expected {sorted(wanted)}, got {sorted(found)}"
    missing = set(expect.flags) - set(got.flags)
    if missing:
        yield f"flags: missing {sorted(missing)}, got {sorted(map(str, got.flags))}"
