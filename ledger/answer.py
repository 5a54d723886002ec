"""The answer: pure, and the definition of truth.

    answer(question, dossier, catalogue, rulebook) -> Answer

The rules are evaluated in the order of law.md section 9.3; what each found stands in `because`.
Same question, dossier and catalogue, same bytes. Not here: any rule, any clock, any database.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, cast

import msgspec

from ledger.civil import next_day, start_of_day
from ledger.due import Due, due_for
from ledger.events import CatalogueAdopted, PolicySet
from ledger.foresight import concerns, next_change
from ledger.history import Dossier, History, Item
from ledger.rules import conditions, consent, lines, rights, scope
from ledger.rules.case import Case, Finding, LineState, Question, Rule, Step
from ledger.rules.rulebook import LawView, RuleBook, Setting
from ledger.terms import Decision, Flag

RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("person.destroyed", scope.destroyed),
    ("person.merged", scope.merged),
    ("person.deceased", scope.deceased),
    ("person.erased", scope.erased),
    ("purpose.known", scope.known_purpose),
    ("purpose.recipient", scope.recipient),
    ("line.declared", lines.declared),
    ("purpose.trigger", scope.trigger),
    ("line.retrospective", lines.retrospective),
    ("line.ended", lines.ended),
    ("line.in_force", lines.in_force),
    ("line.public_authority", lines.public_authority),
    ("line.duty_engaged", lines.duty_engaged),
    ("line.vital_interests", lines.vital_interests),
    ("consent.given", consent.given),
    ("consent.proven", consent.proven),
    ("consent.valid", consent.valid),
    ("consent.unexpired", consent.unexpired),
    ("consent.same_purpose", consent.same_purpose),
    ("consent.withdrawn", consent.withdrawn),
    ("consent.objected", consent.objected),
    ("consent.contested", consent.contested),
    ("consent.giver", consent.giver),
    ("consent.age_rule", consent.age_rule_changed),
    ("consent.lapsed", consent.lapsed),
    ("consent.authority_ended", consent.authority_ended),
    ("consent.review", consent.review),
    ("line.swap", lines.swap),
    ("rights.direct_marketing", rights.direct_marketing),
    ("rights.research", rights.research),
    ("rights.objection", rights.objection),
    ("rights.restriction_pending_objection", rights.restriction_pending_objection),
    ("consent.other_basis", consent.other_basis),
    ("line.corrected", lines.corrected),
    ("decision.compose", rights.compose),
    ("condition.category", conditions.known_categories),
    ("condition.special", conditions.special),
    ("condition.offence", conditions.offence),
    ("condition.gate", conditions.gate),
    ("rights.restriction", rights.restriction),
    ("rights.exception", rights.exception),
    ("rights.store", rights.store),
    ("notice.given", conditions.told),
    ("consent.content_erased", consent.content_erased),
)
_NOTHING = (Decision.DENY, Decision.OUT_OF_SCOPE)
_LEAST_FIRST = (
    Decision.DENY,
    Decision.OUT_OF_SCOPE,
    Decision.PERMIT_LIMITED,
    Decision.PERMIT,
)


class Reliance(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the answer rests on, and the entry that declared it."""

    article6: str
    source: str | None
    entry: str
    suspended: bool


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """An interval (half-open) in which a restrictive fact had effect and was not yet known."""

    start: datetime
    end: datetime
    entry: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a check says, and everything it rests on."""

    decision: Decision
    live: tuple[str, ...]
    relied_on: tuple[Reliance, ...]
    conditions: tuple[str, ...]
    denied_categories: tuple[str, ...]
    flags: tuple[Flag, ...]
    late_gaps: tuple[Gap, ...]
    because: tuple[Step, ...]
    due: tuple[Due, ...]
    next_change_at: datetime | None
    effective_at: datetime
    known_at: datetime
    position: str
    rulebook: str
    catalogue: str


def answer(question: Question, dossier: Dossier, catalogue: Dossier, rulebook: RuleBook) -> Answer:
    """May we process this person's data for this purpose, on which basis, and why."""
    person, common = dossier.at(question.known_at), catalogue.at(question.known_at)
    case, because = _judge(question, dossier.subject, person, common, rulebook)
    gaps: tuple[Gap, ...] = ()
    late = _late(case)
    if late:
        left_out = frozenset((one.n, one.entry) for one in late)
        believed, _ = _judge(
            question,
            dossier.subject,
            person.without(left_out),
            common.without(left_out),
            rulebook,
        )
        if _outcome(believed) != _outcome(case):
            case.flags[Flag.LATE_GAP] = None
            because.append(_step(rulebook, "record.late", Finding(flag=Flag.LATE_GAP)))
            gaps = tuple(Gap(start=one.at, end=one.known_from, entry=one.entry) for one in late)
    return _compose(case, because, gaps, rulebook)


def answer_day(
    question: Question, day: date, dossier: Dossier, catalogue: Dossier, rulebook: RuleBook
) -> Answer:
    """The least permissive answer of the civil day, flagged where the day has more than one."""
    moment: datetime | None = start_of_day(day)
    end = start_of_day(next_day(day))
    found: list[Answer] = []
    while moment is not None and moment < end:
        asked = msgspec.structs.replace(question, effective_at=moment)
        found.append(answer(asked, dossier, catalogue, rulebook))
        moment = found[-1].next_change_at
    least = min(found, key=lambda one: (_LEAST_FIRST.index(one.decision), len(one.live)))
    if len({_allows(one) for one in found}) == 1:
        return least
    denied = {name for one in found for name in one.denied_categories}
    return msgspec.structs.replace(
        _denying(least, denied, question.data),
        flags=tuple(sorted({*least.flags, Flag.INTRADAY_CHANGE})),
    )


def _allows(one: Answer) -> tuple[object, ...]:
    """What a caller acts on; flags that come and go change nothing that may be done."""
    return (one.decision, one.live, one.conditions, one.denied_categories)


def _denying(one: Answer, denied: set[str], asked: str | tuple[str, ...]) -> Answer:
    """The answer with these categories denied, and so a permission where they are all of them."""
    one = msgspec.structs.replace(one, denied_categories=tuple(sorted(denied)))
    if one.decision in _NOTHING or not denied.issuperset(asked):
        return one
    return msgspec.structs.replace(
        one, decision=Decision.DENY, live=(), relied_on=(), conditions=()
    )


def encode(one: Answer) -> bytes:
    """The answer as JSON; equal answers have equal bytes."""
    return msgspec.json.encode(one)


def _judge(
    question: Question, subject: str | None, person: History, common: History, rulebook: RuleBook
) -> tuple[Case, list[Step]]:
    adopted = _adopted(common, question.effective_at)
    case = Case(
        question=question,
        subject=subject,
        document=cast(CatalogueAdopted, adopted.fact).catalogue if adopted else None,
        document_entry=adopted.entry if adopted else "",
        person=person,
        common=common,
        law=LawView(rulebook, common, known_at=None),
        policy=policy_at(common, question.effective_at, rulebook),
    )
    because: list[Step] = []
    for rule_id, rule in RULES:
        found = list(rule(case))
        for finding in found:
            case.apply(finding)
            because.append(_step(rulebook, rule_id, finding))
        if not found:
            because.append(
                Step(rule=rule_id, article=rulebook.rule(rule_id).article, matched=False)
            )
        if case.closed:
            break
    return case, because


def _step(rulebook: RuleBook, rule_id: str, finding: Finding) -> Step:
    return Step(
        rule=rule_id,
        article=rulebook.rule(rule_id).article,
        matched=True,
        flag=finding.flag,
        entries=finding.entries,
    )


def _adopted(common: History, at: datetime) -> Item | None:
    """The version of the catalogue in force at `at`: the newest adopted by then."""
    found = [one for one in common.of(CatalogueAdopted) if one.at <= at]
    return found[-1] if found else None


def policy_at(common: History, at: datetime, rulebook: RuleBook) -> dict[str, Setting]:
    """Every policy setting at `at`: as last set by then, else its default."""
    policy = dict(rulebook.defaults)
    for one in common.of(PolicySet):
        fact = cast(PolicySet, one.fact)
        if one.at <= at and fact.setting in policy:
            policy[fact.setting] = fact.value
    return policy


def _late(case: Case) -> list[Item]:
    """Restrictive facts about the question that had effect then and were recorded only later."""
    return [
        one
        for one in (*case.person.items, *case.common.items)
        if one.at <= case.at < one.known_from and one.fact.restrictive and concerns(case, one.fact)
    ]


def _outcome(case: Case) -> tuple[object, ...]:
    named = () if case.decision in _NOTHING else _letters(case)
    return (case.decision, named, frozenset(case.conditions), frozenset(case.flags))


def _compose(
    case: Case, because: Sequence[Step], gaps: tuple[Gap, ...], rulebook: RuleBook
) -> Answer:
    decision = cast(Decision, case.decision)
    nothing = decision in _NOTHING
    return Answer(
        decision=decision,
        live=() if nothing else _letters(case),
        relied_on=() if nothing else tuple(_reliance(line) for line in case.named),
        conditions=() if nothing else tuple(sorted(set(case.conditions))),
        denied_categories=_denied(case),
        flags=tuple(sorted(case.flags)),
        late_gaps=gaps,
        because=tuple(because),
        due=due_for(case),
        next_change_at=next_change(case),
        effective_at=case.at,
        known_at=case.known_at,
        position=case.question.position,
        rulebook=rulebook.id,
        catalogue=case.question.catalogue,
    )


def _letters(case: Case) -> tuple[str, ...]:
    return tuple(sorted({line.article6 for line in case.named}))


def _reliance(line: LineState) -> Reliance:
    return Reliance(
        article6=line.article6, source=line.source, entry=line.entry, suspended=line.suspended
    )


def _denied(case: Case) -> tuple[str, ...]:
    if isinstance(case.question.data, str):
        return ()
    if case.decision in _NOTHING:
        return tuple(sorted(case.question.data))
    return tuple(sorted(set(case.denied)))
