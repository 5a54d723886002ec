"""The answer: pure, and the definition of truth.

    answer(question, dossier, catalogue, rulebook) -> Answer

The rules are evaluated in the order of law.md section 9.3; what each found stands in `because`.
Same question, dossier and catalogue, same bytes. Not here: any rule, any clock, any database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final, cast

import msgspec

from ledger.civil import next_day, start_of_day
from ledger.due import Due, due_for
from ledger.events import (
    AuthorityEnded,
    AuthorityRestricted,
    BasisCorrected,
    BasisDeclared,
    BasisEnded,
    ConsentGranted,
    ConsentInvalidated,
    ConsentRefused,
    ConsentWithdrawn,
    DeathRecorded,
    ErasureExecuted,
    Fact,
    ObjectionReceived,
    PurposeMateriallyChanged,
    RestrictionApplied,
    RestrictionExceptionRecorded,
)
from ledger.foresight import concerns, next_change, settles
from ledger.history import Dossier, History, Item
from ledger.rules import conditions, consent, lines, rights, scope
from ledger.rules.case import Case, Finding, LineState, Question, Rule, Step
from ledger.rules.rulebook import RuleBook, Setting
from ledger.rules.settled import Settled
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
RESTS_ON: Final[dict[Rule, tuple[type[Fact], ...]]] = {
    scope.deceased: (DeathRecorded,),
    scope.erased: (ErasureExecuted,),
    lines.retrospective: (BasisDeclared,),
    lines.ended: (BasisEnded,),
    consent.proven: (ConsentGranted,),
    consent.valid: (ConsentInvalidated,),
    consent.unexpired: (ConsentGranted,),
    consent.same_purpose: (PurposeMateriallyChanged,),
    consent.withdrawn: (ConsentWithdrawn, ConsentRefused),
    consent.objected: (ObjectionReceived,),
    consent.contested: (ConsentRefused,),
    consent.giver: (ConsentGranted,),
    consent.age_rule_changed: (ConsentGranted,),
    consent.lapsed: (ConsentGranted,),
    consent.authority_ended: (AuthorityEnded, AuthorityRestricted),
    consent.review: (ConsentGranted,),
    lines.swap: (BasisDeclared,),
    lines.corrected: (BasisCorrected, BasisDeclared),
    rights.direct_marketing: (ObjectionReceived,),
    rights.research: (ObjectionReceived,),
    rights.objection: (ObjectionReceived,),
    rights.restriction_pending_objection: (RestrictionApplied,),
    consent.other_basis: (ConsentWithdrawn, ConsentRefused, ObjectionReceived),
    rights.restriction: (RestrictionApplied,),
    rights.exception: (RestrictionExceptionRecorded,),
    consent.content_erased: (ErasureExecuted,),
}
"""Types of entry of which a rule needs one, about the person or everyone, to find anything."""
_NEEDED = frozenset(kind for kinds in RESTS_ON.values() for kind in kinds)
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
    case = _case(question, dossier.subject, person, common.once(Settled, rulebook))
    because = _judge(case, rulebook)
    gaps: tuple[Gap, ...] = ()
    late = _late(case)
    if late:
        left_out = frozenset((one.n, one.entry) for one in late)
        settled = common.without(left_out).once(Settled, rulebook)
        believed = _case(question, dossier.subject, person.without(left_out), settled)
        _judge(believed, rulebook)
        if _outcome(believed) != _outcome(case):
            case.flags[Flag.LATE_GAP] = None
            because.append(_learned_too_late(rulebook))
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


def _case(question: Question, subject: str | None, person: History, settled: Settled) -> Case:
    return Case(question=question, subject=subject, person=person, settled=settled)


def _judge(case: Case, rulebook: RuleBook) -> list[Step]:
    """What each rule found, which the case takes in; no rule comes after one that closes it."""
    unmatched = _unmatched(rulebook)
    because: list[Step] = []
    done = 0
    for n, rule in _eligible(case.person.once(_present) | case.common.once(_present)):
        found = rule(case)
        if not found:
            continue
        because += unmatched[done:n]
        done = n + 1
        for finding in found:
            case.apply(finding)
            because.append(_matched(unmatched[n], finding))
        if case.closed:
            return because
    return [*because, *unmatched[done:]]


@lru_cache(maxsize=8)
def _unmatched(rulebook: RuleBook) -> tuple[Step, ...]:
    """What the trace says of each rule, in order, where it does not match."""
    return tuple(
        Step(rule=rule_id, article=rulebook.rule(rule_id).article, matched=False)
        for rule_id, _ in RULES
    )


def _present(history: History) -> frozenset[type[Fact]]:
    """Of the types that some rule cannot do without, those of which there are entries."""
    return _NEEDED.intersection(history.by_type)


@lru_cache(maxsize=2048)
def _eligible(present: frozenset[type[Fact]]) -> tuple[tuple[int, Rule], ...]:
    """The rules that may match where there are entries of these types, with their places."""
    return tuple(
        (n, rule)
        for n, (_, rule) in enumerate(RULES)
        if rule not in RESTS_ON or not present.isdisjoint(RESTS_ON[rule])
    )


def _matched(rule: Step, finding: Finding) -> Step:
    return Step(
        rule=rule.rule,
        article=rule.article,
        matched=True,
        flag=finding.flag,
        entries=finding.entries,
    )


def _learned_too_late(rulebook: RuleBook) -> Step:
    article = rulebook.rule("record.late").article
    return Step(rule="record.late", article=article, matched=True, flag=Flag.LATE_GAP)


def policy_at(common: History, at: datetime, rulebook: RuleBook) -> Mapping[str, Setting]:
    """Every policy setting at `at`: as last set by then, else its default."""
    return common.once(Settled, rulebook).policy(at)


def _late(case: Case) -> list[Item]:
    """Restrictive facts about the question that had effect then and were recorded only later."""
    return [
        one
        for history in (case.person, case.common)
        if case.at < settles(history)
        for one in history.once(_learned_late)
        if one.at <= case.at < one.known_from and concerns(case, one.fact)
    ]


def _learned_late(history: History) -> list[Item]:
    """The restrictive facts that were recorded after they had taken effect."""
    return [one for one in history.items if one.at < one.known_from and one.fact.restrictive]


def _outcome(case: Case) -> tuple[object, ...]:
    named = () if case.decision in _NOTHING else case.named
    return (case.decision, _letters(named), frozenset(case.conditions), frozenset(case.flags))


def _compose(
    case: Case, because: Sequence[Step], gaps: tuple[Gap, ...], rulebook: RuleBook
) -> Answer:
    decision = cast(Decision, case.decision)
    nothing = decision in _NOTHING
    named = () if nothing else case.named
    return Answer(
        decision=decision,
        live=_letters(named),
        relied_on=tuple([_reliance(line) for line in named]),
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


def _letters(lines: Sequence[LineState]) -> tuple[str, ...]:
    return tuple(sorted({line.article6 for line in lines}))


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
