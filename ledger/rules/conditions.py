"""The second key for special data, the third for offence data, and what the person was told.

Sources: UK GDPR articles 9, 10, 13 and 14; DPA 2018 sections 10 and 11 and Schedule 1; law,
sections 1.4 to 1.7 and 9.3 step 7. A condition that fails is found even where another is met.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from ledger.catalogue import Condition
from ledger.events import (
    AtRiskAssessed,
    ConsentGranted,
    EqualityOptOutReceived,
    EqualityOptOutWithdrawn,
    NoticeProvided,
    PolicyDocumentAdopted,
    PolicyDocumentEnded,
)
from ledger.history import reached_us, until
from ledger.rules.case import NOTHING, Case, Finding
from ledger.terms import Decision, Flag

SAFEGUARDING = 18
EQUALITY = 8


def special(case: Case) -> Sequence[Finding]:
    """Article 9: based on article 6(1) and one of the conditions."""
    if not case.touches("special"):
        return NOTHING
    found: list[Finding] = []
    met = []
    for condition in case.asked.conditions:
        missing = list(_missing(case, condition))
        found += missing
        if not missing:
            met.append(condition.spelt())
    if met:
        return [*found, Finding(conditions=tuple(met))]
    return [*found, Finding(flag=Flag.NO_ART9_CONDITION, denies=case.categories_of("special"))]


def offence(case: Case) -> Sequence[Finding]:
    """Article 10: official authority, or a paragraph of Schedule 1 that serves for offence data."""
    if not case.touches("offence"):
        return NOTHING
    found: list[Finding] = []
    route = case.asked.offence_route
    met = ["10+official-authority"] if route and route.official_authority else []
    for paragraph in route.schedule1 if route else ():
        missing = list(_missing(case, _for_offences(case, paragraph)))
        found += missing
        if not missing and case.law.serves_offence_data(paragraph):
            met.append(f"10+Sch1({paragraph})")
    if met:
        return [*found, Finding(conditions=tuple(met))]
    return [*found, Finding(flag=Flag.NO_ART10_ROUTE, denies=case.categories_of("offence"))]


def _for_offences(case: Case, paragraph: int) -> Condition:
    """The purpose's own condition with that paragraph, or the paragraph as the law has it."""
    for condition in case.asked.conditions:
        if condition.schedule1 == paragraph:
            return condition
    document = case.law.needs_policy_document(paragraph)
    return Condition(article9="g", schedule1=paragraph, policy_document=document)


def _missing(case: Case, condition: Condition) -> Iterator[Finding]:
    """Everything that the condition lacks; nothing where it is met."""
    if not case.law.in_force(f"art9.2.{condition.article9}", case.at):
        yield Finding(flag=Flag.LAW_NOT_IN_FORCE)
    if condition.article9 == "a" and not _explicit(case):
        grant = case.grant
        yield Finding(flag=Flag.NOT_EXPLICIT, entries=(grant.entry,) if grant else ())
    if condition.policy_document and not policy_document(case):
        yield Finding(flag=Flag.APD_MISSING)
    if condition.schedule1 == SAFEGUARDING:
        yield from _too_old(case)
    if condition.schedule1 == EQUALITY:
        yield from _opted_out(case)


def _explicit(case: Case) -> bool:
    """Article 9(2)(a): an express statement, in a consent that itself is live."""
    grant = case.grant
    relied_on = any(line.article6 == "a" for line in case.standing)
    return relied_on and grant is not None and cast(ConsentGranted, grant.fact).explicit is True


def policy_document(case: Case) -> bool:
    """Schedule 1 paragraphs 5 and 39: in place when the processing is carried out, never later."""
    return any(
        max(one.at, one.recorded_at) <= case.at
        and not until(case.common.said_of(one.entry, PolicyDocumentEnded), case.at)
        for one in case.of(PolicyDocumentAdopted)
    )


def _too_old(case: Case) -> Iterator[Finding]:
    """Paragraph 18(1)(b) and (3): under 18, or at risk; an unknown age is a child's."""
    found = case.by_now(AtRiskAssessed)
    at_risk = bool(found) and cast(AtRiskAssessed, found[-1].fact).at_risk
    if case.aged(18, case.at) and not at_risk:
        yield Finding(flag=Flag.PARA18_AGE, entries=tuple(one.entry for one in found[-1:]))


def _opted_out(case: Case) -> Iterator[Finding]:
    """Paragraph 8(5): a written notice, after its period, until taken back in writing."""
    back = [
        one.at
        for one in case.for_purpose(EqualityOptOutWithdrawn)
        if cast(EqualityOptOutWithdrawn, one.fact).written
    ]
    for one in case.for_purpose(EqualityOptOutReceived):
        fact = cast(EqualityOptOutReceived, one.fact)
        if fact.written and not any(when > reached_us(fact, one.recorded_at) for when in back):
            yield Finding(flag=Flag.PARA8_5_NOTICE, entries=(one.entry,))


def known_categories(case: Case) -> Sequence[Finding]:
    """A category that the catalogue does not have is denied."""
    if isinstance(case.question.data, str):
        return NOTHING
    unknown = tuple(name for name, some in case.classes_by_category.items() if not some)
    return [Finding(flag=Flag.UNKNOWN_CATEGORY, denies=unknown)] if unknown else NOTHING


def gate(case: Case) -> Sequence[Finding]:
    """A class or category that lacks its key is denied; the others are not."""
    if case.denied and set(case.asked_categories) <= set(case.denied):
        return [Finding(closes=Decision.DENY)]
    return NOTHING


def told(case: Case) -> Sequence[Finding]:
    """The person has not been given the current notice: an infringement, not the end of a basis."""
    current = case.asked.current_notice
    if current is None or case.decision not in (Decision.PERMIT, Decision.PERMIT_LIMITED):
        return NOTHING
    for one in reversed(case.by_now(NoticeProvided)):
        if cast(NoticeProvided, one.fact).notice == current:
            return NOTHING
    return [Finding(flag=Flag.TRANSPARENCY_GAP)]
