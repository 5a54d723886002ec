"""The checks on a catalogue: CV1 to CV15, and those that refuse an adoption.

Each reads the document, at one moment, and yields where it fails: a pointer and what is wrong
there. Not here: how a failure is reported (`findings`), or what the notice fails to say
(`notice_findings`). Source: law, sections 1.2 (LR1 to LR7), 1.7, 3.5 and 8.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from ledger.catalogue import (
    REASONS_WITHOUT_CONSENT,
    CatalogueDocument,
    Condition,
    Line,
    Purpose,
    unresolved,
)
from ledger.events import ConsentGranted
from ledger.notice import Notice
from ledger.regimes import complaint_duty_applies
from ledger.sources import Law, SourceTable
from ledger.terms import OBJECTABLE

BARRED = frozenset({"ea", "f"})
"""Not for a public authority performing its tasks: UK GDPR article 6(1), last subparagraph."""

SAFEGUARDING = 18
_NEEDS_SOURCE = frozenset({"b", "c", "e", "f"})
_PARAGRAPHS = {
    "b": frozenset({1}),
    "g": frozenset(range(6, 29)),
    "h": frozenset({2}),
    "i": frozenset({3}),
    "j": frozenset({4}),
}
"""The paragraphs of DPA 2018 Schedule 1 that a condition of article 9(2) needs one of."""

_SOMETIMES_WITHOUT_POLICY_DOCUMENT = frozenset({10, 13, 27})
"""Paragraphs 10(2), 13 and 27(3) except some processing; the catalogue says which it is."""

_NOT_FOR_OFFENCES = frozenset({5, 8, 9, 16, 19, 21, 22})
_CONSENT_FIELDS = ("notice_text", "withdrawal_channel")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The document, read at a moment under the law known then."""

    document: CatalogueDocument
    at: datetime
    law: Law
    sources: SourceTable

    def purposes(self) -> Iterator[tuple[str, Purpose]]:
        """Every purpose, with its pointer."""
        for n, purpose in enumerate(self.document.purposes):
            yield f"/purposes/{n}", purpose

    def lines(self) -> Iterator[tuple[str, Purpose, Line]]:
        """Every line that has not ended, with its pointer."""
        for pointer, purpose in self.purposes():
            for n, line in enumerate(purpose.lines):
                end = line.end()
                if end is None or end > self.at:
                    yield f"{pointer}/lines/{n}", purpose, line

    def authority(self, purpose: Purpose) -> bool:
        """Whether a public authority decides; a controller not described is held to be one."""
        controller = self.document.controller_by_id.get(purpose.controller)
        return controller is None or controller.public_authority

    def holds(self, purpose: Purpose, wanted: str) -> bool:
        """Whether data of the class may stand in a category of the purpose."""
        known = self.document.category_by_id
        return any(wanted in known[name].classes for name in purpose.categories if name in known)


Where = tuple[str, str]
"""A pointer, and what is wrong there."""


class Check(msgspec.Struct, frozen=True):
    """A check, with the law it applies; `refuses` where a failure is never to be adopted."""

    code: str
    rule: str
    find: Callable[[Reading], Iterator[Where]]
    refuses: bool = False


# What refuses an adoption ---------------------------------------------------------------------


def references_lost(reading: Reading) -> Iterator[Where]:
    """An id stands twice, or a reference leads nowhere: no consent could have such a field."""
    yield from unresolved(reading.document)
    for pointer, purpose in reading.purposes():
        for n, field in enumerate(purpose.consent_requirements):
            if field not in ConsentGranted.__struct_fields__:
                yield f"{pointer}/consent_requirements/{n}", "names no field of ConsentGranted"


def empty_lines(reading: Reading) -> Iterator[Where]:
    """A line that ends before it begins could never be live."""
    for pointer, purpose in reading.purposes():
        for n, line in enumerate(purpose.lines):
            if line.effective_until is not None and line.effective_until <= line.effective_from:
                yield f"{pointer}/lines/{n}/effective_until", "ends before it begins"


def barred_lines(reading: Reading) -> Iterator[Where]:
    """LR1: no recognised or other legitimate interest for a task of a public authority."""
    for pointer, purpose in reading.purposes():
        if purpose.task and reading.authority(purpose):
            for n, line in enumerate(purpose.lines):
                if line.article6 in BARRED:
                    message = f"({line.article6}) is barred for a public authority's task"
                    yield f"{pointer}/lines/{n}/article6", f"{message}: rely on (c) or (e)"


def safeguarding_with_consent(reading: Reading) -> Iterator[Where]:
    """LR7: paragraph 18 asserts that there is no consent, so none may stand beside it."""
    for pointer, purpose in reading.purposes():
        consents = any(line.article6 == "a" for line in purpose.lines) or any(
            condition.article9 == "a" for condition in purpose.conditions
        )
        if consents and (where := _paragraph_18(purpose)):
            yield (
                pointer + where,
                "paragraph 18 means without consent, and the purpose also relies on consent: "
                "split the purpose",
            )


def _paragraph_18(purpose: Purpose) -> str | None:
    for n, condition in enumerate(purpose.conditions):
        if condition.schedule1 == SAFEGUARDING:
            return f"/conditions/{n}/schedule1"
    route = purpose.offence_route
    return "/offence_route" if route and SAFEGUARDING in route.schedule1 else None


def impossible_conditions(reading: Reading) -> Iterator[Where]:
    """A condition that the law does not have, and that answers would take for met."""
    for pointer, purpose in reading.purposes():
        for n, condition in enumerate(purpose.conditions):
            if fault := _impossible(reading, condition):
                yield f"{pointer}/conditions/{n}", fault
        route = purpose.offence_route
        for paragraph in sorted(_NOT_FOR_OFFENCES.intersection(route.schedule1 if route else ())):
            yield f"{pointer}/offence_route", f"paragraph {paragraph} is not for offence data"


def _impossible(reading: Reading, condition: Condition) -> str | None:
    """What the matrix of law, section 1.7, finds wrong with the condition."""
    paragraph, letter = condition.schedule1, condition.article9
    wanted = _PARAGRAPHS.get(letter)
    if wanted is None:
        return None if paragraph is None else f"9(2)({letter}) takes no paragraph of Schedule 1"
    if paragraph not in wanted:
        return f"9(2)({letter}) needs its paragraph of Schedule 1"
    exempt = condition.policy_document or paragraph in _SOMETIMES_WITHOUT_POLICY_DOCUMENT
    if not exempt and reading.law.needs_policy_document(paragraph):
        return f"paragraph {paragraph} needs an appropriate policy document"
    return None


# CV1 to CV15 ----------------------------------------------------------------------------------


def sourced(reading: Reading) -> Iterator[Where]:
    """CV1: every purpose has a line, and the line what it rests on (LR3, LR4)."""
    for pointer, purpose in reading.purposes():
        if not purpose.lines:
            yield f"{pointer}/lines", "no line: nothing is permitted until a basis is declared"
    for pointer, _, line in reading.lines():
        if line.article6 in _NEEDS_SOURCE and not (line.source or line.legal_sources):
            yield f"{pointer}/source", f"({line.article6}) needs its source"
        if line.article6 == "ea" and not line.annex1:
            yield f"{pointer}/annex1", "(ea) needs a condition of Annex 1"


def lawful_lines(reading: Reading) -> Iterator[Where]:
    """CV2: no line is barred, and each was in force when it began and is now (LR1, LR2)."""
    yield from barred_lines(reading)
    for pointer, _, line in reading.lines():
        provision = f"art6.1.{line.article6}"
        if not all(reading.law.in_force(provision, moment) for moment in _moments(reading, line)):
            yield f"{pointer}/effective_from", f"Art 6(1)({line.article6}) is not in force then"


def _moments(reading: Reading, line: Line) -> tuple[datetime, datetime]:
    return line.start(), max(reading.at, line.start())


def special_conditions(reading: Reading) -> Iterator[Where]:
    """CV3: special data are reached by a condition that can be met, and no condition is faulty."""
    for pointer, purpose in reading.purposes():
        faults = [_fault(reading, purpose, condition) for condition in purpose.conditions]
        if reading.holds(purpose, "special") and all(faults):
            yield f"{pointer}/conditions", "special data, and no condition that could be met"
        for n, fault in enumerate(faults):
            if fault:
                yield f"{pointer}/conditions/{n}", fault


def _fault(reading: Reading, purpose: Purpose, condition: Condition) -> str | None:
    if fault := _impossible(reading, condition):
        return fault
    if condition.schedule1 == SAFEGUARDING and condition.reason not in REASONS_WITHOUT_CONSENT:
        return f"paragraph 18 needs a reason: one of {', '.join(REASONS_WITHOUT_CONSENT)}"
    if condition.article9 == "j" and not purpose.safeguards_84:
        return "9(2)(j) needs the safeguards of Articles 84B and 84C: name them in safeguards_84"
    return None


def offence_routes(reading: Reading) -> Iterator[Where]:
    """CV4: offence data have a route under article 10."""
    for pointer, purpose in reading.purposes():
        where, route = f"{pointer}/offence_route", purpose.offence_route
        if route is None:
            if reading.holds(purpose, "offence"):
                yield where, "offence data, and no route under Article 10"
        elif not (route.official_authority or set(route.schedule1) - _NOT_FOR_OFFENCES):
            yield where, "neither official authority nor a paragraph that serves for offence data"
        elif route.official_authority and not route.source:
            yield where, "official authority needs the law that gives it"


def no_consent_to_the_mandatory(reading: Reading) -> Iterator[Where]:
    """CV5: where there is no choice none is offered."""
    for pointer, purpose, line in reading.lines():
        if line.article6 == "a" and not purpose.optional:
            yield f"{pointer}/article6", "consent for a purpose that is not optional"


def consent_apart_from_18(reading: Reading) -> Iterator[Where]:
    """CV6: paragraph 18 and consent do not meet."""
    yield from safeguarding_with_consent(reading)


def consent_equipped(reading: Reading) -> Iterator[Where]:
    """CV7: consent has its text, a way out, and from a public authority an assessment."""
    for pointer, purpose, line in reading.lines():
        if line.article6 != "a":
            continue
        assessed = ("freely_given_assessment",) if reading.authority(purpose) else ()
        for field in (*_CONSENT_FIELDS, *assessed):
            if not getattr(line, field):
                yield f"{pointer}/{field}", f"a line of consent without its {field}"


def objections_handled(reading: Reading) -> Iterator[Where]:
    """CV8: a line that can be objected to says who decides, and how."""
    for pointer, _, line in reading.lines():
        if line.article6 in OBJECTABLE and not line.objection_handling:
            yield f"{pointer}/objection_handling", "can be objected to, and nothing says how"


def retention_computable(reading: Reading) -> Iterator[Where]:
    """CV9: every purpose has a retention rule, and each can be counted."""
    rules = {rule.id: rule for rule in reading.document.retention}
    for pointer, purpose in reading.purposes():
        if not purpose.retention:
            yield f"{pointer}/retention", "no retention rule"
        for n, name in enumerate(purpose.retention):
            if name in rules and not rules[name].terms:
                yield f"{pointer}/retention/{n}", f"{name} has no period that can be counted"


def recipients_dated(reading: Reading) -> Iterator[Where]:
    """CV10: every recipient has a role and a first day."""
    for n, recipient in enumerate(reading.document.recipients):
        for field in ("role", "effective_from"):
            if getattr(recipient, field) is None:
                yield f"/recipients/{n}/{field}", f"a recipient without its {field}"


def triggers_named(reading: Reading) -> Iterator[Where]:
    """CV11: a purpose that a status drives names the statuses, all of them."""
    for pointer, purpose in reading.purposes():
        needed = [line.while_ for line in purpose.lines]
        driven = purpose.lookback_months is not None or (needed and None not in needed)
        if driven and not purpose.triggers:
            yield f"{pointer}/triggers", "a status drives the purpose, and none is named"
        for n, status in enumerate(needed):
            if purpose.triggers and status and status not in purpose.triggers:
                yield f"{pointer}/lines/{n}/while", f"{status} is no trigger of the purpose"


def impact_assessed(reading: Reading) -> Iterator[Where]:
    """CV12: special data about children have an impact assessment."""
    for pointer, purpose in reading.purposes():
        if reading.holds(purpose, "special") and not purpose.impact_assessment:
            yield f"{pointer}/impact_assessment", "special data, and no impact assessment"


def notice_agrees(reading: Reading) -> Iterator[Where]:
    """CV13: the notice has exactly the purposes and the lines of the catalogue, read both ways."""
    notice = reading.document.notice
    if notice is None:
        yield "/notice", "no notice: nobody is told of these purposes"
        return
    for pointer, purpose in reading.purposes():
        if purpose.id not in notice.purpose_list:
            yield pointer, "not in the notice's list of purposes"
        if not any(row.purpose == purpose.id for row in notice.purpose_bases):
            yield pointer, "the notice links no basis to it"
    known = reading.document.purpose_by_id
    for n, name in enumerate(notice.purpose_list):
        if name not in known:
            yield f"/notice/purpose_list/{n}", "the notice lists a purpose that the catalogue lacks"
    yield from _bases_agree(notice, known)


def _bases_agree(notice: Notice, known: dict[str, Purpose]) -> Iterator[Where]:
    for n, row in enumerate(notice.purpose_bases):
        purpose = known.get(row.purpose)
        if purpose is None:
            yield f"/notice/purpose_bases/{n}", "links a basis to a purpose that is not there"
        elif set(row.article6) != {line.article6 for line in purpose.lines}:
            yield f"/notice/purpose_bases/{n}", "other bases than the lines of the purpose"


def contacts_present(reading: Reading) -> Iterator[Where]:
    """CV14: a data protection officer, and since 19 June 2026 a way to complain to us."""
    document = reading.document
    if not any(contact.role == "data_protection_officer" for contact in document.contacts):
        yield "/contacts", "no data protection officer"
    stated = document.notice is not None and document.notice.controller_complaint
    if complaint_duty_applies(reading.at) and not stated:
        yield "/notice/controller_complaint", "no way to complain to the controller"


def sources_in_force(reading: Reading) -> Iterator[Where]:
    """CV15: the law that a (c) or (e) line rests on was in force when it began, and is now."""
    for pointer, _, line in reading.lines():
        if line.article6 in ("c", "e") and not line.legal_sources:
            yield f"{pointer}/legal_sources", "names no source that can be looked up"
        for n, source in enumerate(line.legal_sources):
            if fault := _source_fault(reading, line, source):
                yield f"{pointer}/legal_sources/{n}", fault


def _source_fault(reading: Reading, line: Line, source: str) -> str | None:
    table = reading.sources
    if not table.knows(source):
        return f"{source} is not in the table of sources"
    if table.adults_only(source):
        return f"{source} reaches health and adult social care only"
    moments = _moments(reading, line)
    if not all(table.in_force(source, moment, law=reading.law) for moment in moments):
        return f"{source} is not in force for the whole of the line"
    return None


CHECKS: tuple[Check, ...] = (
    Check("UNRESOLVED_REFERENCE", "Art 5(2)", references_lost, True),
    Check("EMPTY_LINE", "Art 6(1)", empty_lines, True),
    Check("PUBLIC_AUTHORITY_BAR", "Art 6(1)", barred_lines, True),
    Check(
        "INCOMPATIBLE_18_CONSENT", "DPA 2018 Sch 1 para 18(1)(c)", safeguarding_with_consent, True
    ),
    Check("IMPOSSIBLE_CONDITION", "Art 9(2), 10; DPA 2018 Sch 1", impossible_conditions, True),
    Check("CV1", "Art 6(1), 6(3)", sourced),
    Check("CV2", "Art 6(1)", lawful_lines),
    Check("CV3", "Art 9(2); DPA 2018 Sch 1", special_conditions),
    Check("CV4", "Art 10; DPA 2018 s.10(5)", offence_routes),
    Check("CV5", "Art 4(11), 7(4)", no_consent_to_the_mandatory),
    Check("CV6", "DPA 2018 Sch 1 para 18(1)(c)", consent_apart_from_18),
    Check("CV7", "Art 7", consent_equipped),
    Check("CV8", "Art 21(1)", objections_handled),
    Check("CV9", "Art 5(1)(e), 13(2)(a)", retention_computable),
    Check("CV10", "Art 13(1)(e)", recipients_dated),
    Check("CV11", "Art 5(1)(b)", triggers_named),
    Check("CV12", "Art 35", impact_assessed),
    Check("CV13", "Art 13(1)(c)", notice_agrees),
    Check("CV14", "Art 13(1)(b), 13(2)(ca)", contacts_present),
    Check("CV15", "Art 6(3)", sources_in_force),
)
