"""What a privacy notice fails to say: G01 to G32, each a predicate over the fields of a catalogue.

A predicate answers with the place of the field that is at fault, or None; curing that field cures
the finding. The list was drawn from one real notice and asks the same of any other. Not here:
whether the catalogue itself is sound (`findings`). Source: law, section 8.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from ledger.catalogue import CatalogueDocument, Purpose
from ledger.civil import start_of_day
from ledger.findings import CatalogueFinding, Severity
from ledger.notice import Notice, Recipient
from ledger.regimes import automated_decision_regime, complaint_duty_applies
from ledger.sources import SourceTable, sources
from ledger.terms import OBJECTABLE

RIGHTS = ("access", "rectification", "erasure", "restriction", "portability")
CPIS_ALSO_SHARED = ("CPP_RECENT", "LAC_RECENT", "LAC_REMAND", "LAC_PLACEMENT_ORDER")
"""What CP-IS shares beyond a current plan or care order: law, section 5.1."""

UNBORN = "UCPP"
MOTHERS = "expectant mothers"
CHILD_FRIENDLY = "child-friendly"
DEAD_LINK = "#"
_UNRESOLVED = "unresolved: depends on primary notice version"


class NoticeText(msgspec.Struct, frozen=True, kw_only=True):
    """A notice with the catalogue it belongs to, read at a moment."""

    document: CatalogueDocument
    notice: Notice
    at: datetime
    sources: SourceTable

    def purposes(self) -> list[Purpose]:
        """The purposes that have a meaning."""
        return [purpose for purpose in self.document.purposes if purpose.resolvable]

    def processes(self, wanted: str) -> bool:
        """Whether data of the class may stand in a category that a purpose uses."""
        used = {name for purpose in self.document.purposes for name in purpose.categories}
        return any(wanted in one.classes for one in self.document.categories if one.id in used)

    def consents(self) -> bool:
        """Whether a stated basis, or a purpose, relies on consent."""
        return any("a" in basis.article6 for basis in self.notice.bases) or any(
            line.article6 == "a" for one in self.document.purposes for line in one.lines
        )

    def objectable(self) -> set[str]:
        """The purposes that article 21(1) reaches."""
        return {
            purpose.id
            for purpose in self.purposes()
            if any(line.article6 in OBJECTABLE for line in purpose.lines)
        }


Predicate = Callable[[NoticeText], str | None]


class Gap(msgspec.Struct, frozen=True):
    """One row of the list; `primary` where the council's primary notice may cure it (†)."""

    code: str
    severity: Severity
    rule: str
    message: str
    find: Predicate
    primary: bool = False


def gaps(document: CatalogueDocument, *, at: datetime) -> list[CatalogueFinding]:
    """What the notice fails to say at that moment, in the order of G01 to G32."""
    if document.notice is None:
        return []
    text = NoticeText(document=document, notice=document.notice, at=at, sources=sources())
    found = [(gap, gap.find(text)) for gap in GAPS]
    return [_finding(text, gap, pointer) for gap, pointer in found if pointer is not None]


def _finding(text: NoticeText, gap: Gap, pointer: str) -> CatalogueFinding:
    depends = gap.primary and bool(text.notice.incorporates)
    return CatalogueFinding(
        code=gap.code,
        severity=gap.severity,
        rule=gap.rule,
        pointer=pointer,
        message=f"{gap.message} ({_UNRESOLVED})" if depends else gap.message,
        depends_on_primary_notice=depends,
    )


# Predicates that several rows share ------------------------------------------------------------


def _always(_: NoticeText) -> bool:
    return True


def _absent(field: str, *, when: Callable[[NoticeText], bool] = _always) -> Predicate:
    """The notice leaves the field empty, where it has something to say there."""

    def find(text: NoticeText) -> str | None:
        return f"/notice/{field}" if when(text) and not getattr(text.notice, field) else None

    return find


def _lacks(field: str, wanted: Callable[[NoticeText], Iterable[str]] | Iterable[str]) -> Predicate:
    """The notice's list leaves out some of what it must name."""

    def find(text: NoticeText) -> str | None:
        needed = set(wanted(text) if callable(wanted) else wanted)
        return f"/notice/{field}" if needed - set(getattr(text.notice, field)) else None

    return find


def _resolvable(text: NoticeText) -> set[str]:
    return {purpose.id for purpose in text.purposes()}


def _retained(text: NoticeText) -> set[str]:
    return {name for purpose in text.purposes() for name in purpose.retention}


def _about_the_unborn(text: NoticeText) -> bool:
    return any(UNBORN in purpose.triggers for purpose in text.purposes())


# Predicates of one row -------------------------------------------------------------------------


def _unlinked(text: NoticeText) -> str | None:
    linked = {row.purpose for row in text.notice.purpose_bases}
    return "/notice/purpose_bases" if _resolvable(text) - linked else None


def _consent_without_purpose(text: NoticeText) -> str | None:
    for n, purpose in enumerate(text.document.purposes):
        if not purpose.resolvable and any(line.article6 == "a" for line in purpose.lines):
            return f"/purposes/{n}/resolvable"
    return None


def _no_officer(text: NoticeText) -> str | None:
    officers = [one for one in text.document.contacts if one.role == "data_protection_officer"]
    return None if officers else "/contacts"


def _called_anonymous(text: NoticeText) -> str | None:
    researched = any(purpose.research for purpose in text.document.purposes)
    anonymous = text.notice.research_data_called == "anonymous"
    return "/notice/research_data_called" if researched and anonymous else None


def _mislabelled(text: NoticeText) -> str | None:
    """A label that the law does not give, or a part left out.

    Without a route under article 10 the label of offence data is part of that finding (G02).
    """
    for n, one in enumerate(text.document.categories):
        wrong = one.notice_calls is not None and one.law not in (None, one.notice_calls)
        if wrong and (one.law != "offence" or text.notice.article10_route):
            return f"/categories/{n}/notice_calls"
        if one.notice_omits:
            return f"/categories/{n}/notice_omits"
    return None


def _vital_misworded(text: NoticeText) -> str | None:
    for n, basis in enumerate(text.notice.bases):
        if "d" in basis.article6 and "vital interests" not in basis.text.casefold():
            return f"/notice/bases/{n}/text"
    return None


def _duty_or_task(text: NoticeText) -> str | None:
    for n, basis in enumerate(text.notice.bases):
        if {"c", "e"} <= set(basis.article6):
            return f"/notice/bases/{n}/article6"
    return None


def _nhs_number_unclear(text: NoticeText) -> str | None:
    if not any(purpose.nhs_number_matching for purpose in text.document.purposes):
        return None
    said = text.notice.nhs_number_objection
    hook = said.legal_hook if said and said.scope and said.consequence else None
    if said and hook and said.effect_on_cpis and not text.sources.adults_only(hook):
        return None
    return "/notice/nhs_number_objection"


def _cpis_incomplete(text: NoticeText) -> str | None:
    left_out = set(CPIS_ALSO_SHARED) - set(text.notice.cpis_statuses)
    return "/notice/cpis_statuses" if _about_the_unborn(text) and left_out else None


def _mothers_not_addressed(text: NoticeText) -> str | None:
    addressed = MOTHERS in text.notice.addressees
    return "/notice/addressees" if _about_the_unborn(text) and not addressed else None


def _obtained_indirectly(text: NoticeText) -> bool:
    return any(category.indirect for category in text.document.categories)


def _recipients_unclear(text: NoticeText) -> str | None:
    for n, recipient in enumerate(text.document.recipients):
        if recipient.vague or _names_the_ended(recipient, text.at):
            return f"/recipients/{n}"
    return None


def _names_the_ended(recipient: Recipient, at: datetime) -> bool:
    ends = [party.effective_until for party in recipient.parties if party.effective_until]
    return any(start_of_day(end) <= at for end in ends)


def _involvement_not_meaningful(text: NoticeText) -> str | None:
    meaningful = text.notice.human_involvement != "stated"
    if meaningful or automated_decision_regime(text.at) != "Art 22A-22D":
        return None
    return "/notice/human_involvement"


def _consequences_differ(text: NoticeText) -> str | None:
    differ = len(set(text.notice.consequences_of_not_providing)) > 1
    return "/notice/consequences_of_not_providing" if differ else None


def _reviewed_before_the_law(text: NoticeText) -> str | None:
    # A review dated by its month may have been on the first: as text, "2026-06" < "2026-06-19".
    change = text.sources.latest_change(text.at)
    known = text.notice.reviewed or ""
    return "/notice/reviewed" if change and known < change.on.isoformat() else None


def _dead_link(text: NoticeText) -> str | None:
    for n, link in enumerate(text.notice.links):
        if link.address == DEAD_LINK:
            return f"/notice/links/{n}/address"
    return None


def _unversioned(text: NoticeText) -> str | None:
    for n, other in enumerate(text.notice.incorporates):
        if other.version is None:
            return f"/notice/incorporates/{n}/version"
    return None


def _regulator_doubtful(text: NoticeText) -> str | None:
    for n, one in enumerate(text.document.contacts):
        if one.role == "regulator":
            doubtful = one.doubtful_from
            if doubtful is not None and start_of_day(doubtful) <= text.at:
                return f"/contacts/{n}/doubtful_from"
    return None


def _act_misnamed(text: NoticeText) -> str | None:
    for n, basis in enumerate(text.notice.bases):
        if set(basis.acts) - text.sources.names:
            return f"/notice/bases/{n}/acts"
    return None


def _needs_policy_document(text: NoticeText) -> bool:
    purposes = text.document.purposes
    return any(condition.policy_document for one in purposes for condition in one.conditions)


# The list --------------------------------------------------------------------------------------

# fmt: off
GAPS: tuple[Gap, ...] = (
    Gap("G01", "WARN", "Art 9(2); DPA 2018 Sch 1 para 41",
        "no Article 9 condition is stated, though special data are processed",
        _absent("article9_conditions", when=lambda text: text.processes("special"))),
    Gap("G02", "ERROR", "Art 10",
        "no Article 10 route for offence data, which are no special category",
        _absent("article10_route", when=lambda text: text.processes("offence"))),
    Gap("G03", "ERROR", "Art 13(1)(c)", "bases are not linked to purposes", _unlinked),
    Gap("G04", "ERROR", "Art 13(2)(c), 7(3)",
        "consent is listed; the right to withdraw and a route for it are not",
        _absent("withdrawal_route", when=NoticeText.consents), True),
    Gap("G05", "ERROR", "Art 4(11), 6(1)(a)",
        "consent is a basis, and no purpose is named for it", _consent_without_purpose),
    Gap("G06", "ERROR", "Art 21(4)",
        "the right to object is not brought to attention clearly and separately",
        _lacks("objection_purposes", NoticeText.objectable), True),
    Gap("G07", "ERROR", "Art 13(2)(ca)",
        "no right to complain to the controller is stated, as must be since 19 June 2026",
        _absent("controller_complaint", when=lambda text: complaint_duty_applies(text.at)), True),
    Gap("G08", "ERROR", "Art 13(2)(a)",
        "retention is circular: the rules that apply are not stated",
        _lacks("retention_rules", _retained), True),
    Gap("G09", "ERROR", "Art 13(2)(b)",
        "access, rectification, erasure, restriction and portability are not all listed",
        _lacks("rights", RIGHTS), True),
    Gap("G10", "ERROR", "Art 13(1)(b)", "no contact of a data protection officer", _no_officer,
        True),
    Gap("G11", "WARN", "Art 13(1)(c)",
        "purposes stand outside the notice's list of purposes",
        _lacks("purpose_list", _resolvable)),
    Gap("G12", "ERROR", "Art 4(5)",
        "research data are presented as not identifying; they are pseudonymised",
        _called_anonymous),
    Gap("G13", "WARN", "Art 9(1)",
        "categories are mislabelled, or parts of them are left out", _mislabelled),
    Gap("G14", "WARN", "Art 6(1)(d), 9(2)(c)",
        "vital interests are not what the wording says", _vital_misworded),
    Gap("G15", "WARN", "Art 6(1)(c), 6(1)(e)",
        "duty or task: the wording leaves open whether Article 21 applies", _duty_or_task),
    Gap("G16", "WARN", "HSCA 2012 s.251A; CA 2004 s.16LC",
        "objecting to the NHS number: legal hook, scope, consequence and the conflict with CP-IS "
        "matching are not all stated, or the hook reaches adults only",
        _nhs_number_unclear),
    Gap("G17", "WARN", "Art 13(1)(e)",
        "the CP-IS list leaves out recently ended statuses and some routes into care",
        _cpis_incomplete),
    Gap("G18", "WARN", "Art 13, 14",
        "expectant mothers are data subjects, and the notice does not address them",
        _mothers_not_addressed),
    Gap("G19", "WARN", "Art 14(2)(f)",
        "the sources of data obtained from others are not given",
        _absent("sources_of_data", when=_obtained_indirectly)),
    Gap("G20", "WARN", "Art 13(1)(e)", "a recipient is vague or obsolete", _recipients_unclear),
    Gap("G21", "WARN", "Art 22A",
        "human intervention is stated, meaningful human involvement is not",
        _involvement_not_meaningful),
    Gap("G22", "WARN", "Art 13(2)(e)",
        "the consequences of not providing data are stated twice, and differ",
        _consequences_differ),
    Gap("G23", "WARN", "Art 5(2)", "reviewed before the law last changed",
        _reviewed_before_the_law),
    Gap("G24", "WARN", "Art 12(1)", "a link leads nowhere", _dead_link),
    Gap("G25", "WARN", "Art 12(1), recital 58", "there is no child-friendly version",
        _lacks("formats", (CHILD_FRIENDLY,))),
    Gap("G26", "WARN", "Art 13",
        "another notice is made part of this one without its version", _unversioned),
    Gap("G27", "WARN", "Art 13(2)(d)",
        "the regulator's contact details may have changed", _regulator_doubtful),
    Gap("G28", "WARN", "Art 13(1)(f)", "nothing is said on transfers outside the UK",
        _absent("transfers"), True),
    Gap("G29", "WARN", "Art 6(3)", "an Act is not called by its name", _act_misnamed),
    Gap("G30", "INFO", "Art 13(3)", "no promise to tell people of material changes",
        _absent("notifies_changes")),
    Gap("G31", "ERROR", "DPA 2018 Sch 1 paras 5, 39",
        "no appropriate policy document is referred to, though conditions need one",
        _absent("policy_document", when=_needs_policy_document), True),
    Gap("G32", "INFO", "Art 30, 35",
        "record of processing and impact assessment are not referred to",
        _lacks("references", ("ROPA", "DPIA"))),
)
# fmt: on
