"""Whether an entry may be recorded: pure, a refusal is a value.

    admit(fact, entry, dossier, catalogue, rulebook, now) -> the fact, or a Refusal

Refused is what could never be true or may never be recorded. An entry that is merely without effect
is recorded, and what the person asks us to stop is refused only when it cannot be read: no
restrictive fact is lost. Not here: versions, keys and positions (`record`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import cast

import msgspec

from ledger.catalogue import CatalogueDocument, Purpose
from ledger.civil import london_date, next_day, start_of_day
from ledger.events import (
    BY_NAME,
    BasisDeclared,
    CatalogueAdopted,
    ConsentGranted,
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    ErasureExecuted,
    Fact,
    HoldPlaced,
    HoldReleased,
    IdentityMerged,
    IdentityUnmerged,
    KeyDestroyed,
    LawLoaded,
    PolicySet,
)
from ledger.events.base import STREAM_EITHER, STREAM_LEDGER
from ledger.findings import validate
from ledger.history import INDELIBLE, Dossier, History, Item
from ledger.neighbours import survivor
from ledger.rules.rulebook import CHILD_SERVICE_AGES, WHOLE_MAX, LawView, RuleBook
from ledger.terms import EVERY_PURPOSE, Reason, Refusal

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead a caller's clock may be before a consent counts as given in the future."""


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of admission may look at."""

    fact: Fact
    dossier: Dossier
    common: History
    rulebook: RuleBook
    now: datetime

    @property
    def documents(self) -> list[CatalogueDocument]:
        """The catalogues adopted so far."""
        adopted = self.common.of(CatalogueAdopted)
        return [cast(CatalogueAdopted, one.fact).catalogue for one in adopted]

    @property
    def person(self) -> History:
        """What counts of the person now; most checks of what a person asks us to stop need none."""
        return self.dossier.at(self.now)

    @property
    def purpose(self) -> Purpose | None:
        """The purpose the fact names, in the newest catalogue that declares it."""
        named = getattr(self.fact, "purpose", None)
        found = [one.purpose_by_id[named] for one in self.documents if named in one.purpose_by_id]
        return found[-1] if found else None


Check = Callable[[Admission], "Iterator[Refusal]"]


def admit(
    fact: Fact, *, dossier: Dossier, catalogue: Dossier, rulebook: RuleBook, now: datetime
) -> Fact | Refusal:
    """The fact as it may be recorded, or the first reason why it may not."""
    admission = Admission(
        fact=fact,
        dossier=dossier,
        common=catalogue.at(now),
        rulebook=rulebook,
        now=now,
    )
    for check in PROTECTED if fact.protective else CHECKS:
        for refusal in check(admission):
            return refusal
    return fact


def _stream(case: Admission) -> Iterator[Refusal]:
    fact, personal = case.fact, case.dossier.subject is not None
    if fact.stream != STREAM_EITHER and (fact.stream == STREAM_LEDGER) == personal:
        where = "POST /v1/entries" if personal else "the entries of a subject"
        yield _refuse(Reason.WRONG_STREAM, "type", f"this type is recorded through {where}")
    elif getattr(fact, "from_", case.dossier.subject) != case.dossier.subject:
        yield _refuse(Reason.WRONG_STREAM, "from", "record it on the subject it takes from")


def _destroyed(case: Admission) -> Iterator[Refusal]:
    if case.dossier.destroyed:
        message = "every key of this subject was destroyed: nothing more can be recorded"
        yield _refuse(Reason.SUBJECT_ERASED, "subject", message)


def _reserved(case: Admission) -> Iterator[Refusal]:
    if isinstance(case.fact, KeyDestroyed):
        yield _refuse(Reason.RESERVED, "type", "the ledger itself records this type: erase instead")
    for field in ("moved", "counterpart"):
        if getattr(case.fact, field, None) is not None:
            yield _refuse(
                Reason.RESERVED, field, "the ledger itself fills this field: leave it out"
            )


def _merged(case: Admission) -> Iterator[Refusal]:
    into = survivor(case.dossier, case.now)
    if into is not None and not isinstance(case.fact, IdentityUnmerged | EntryAnnulled):
        message = f"this identity was merged: record on subject {into}"
        yield _refuse(Reason.IDENTITY_MERGED, "subject", message)


def _known_purpose(case: Admission) -> Iterator[Refusal]:
    named = getattr(case.fact, "purpose", None)
    if named not in (None, EVERY_PURPOSE) and case.purpose is None:
        message = "no adopted catalogue declares this purpose: adopt one that does"
        yield _refuse(Reason.UNKNOWN_PURPOSE, "purpose", message)


def _grant(case: Admission) -> Iterator[Refusal]:
    """A consent must rest on a purpose that asks for it, and carry what the catalogue demands."""
    fact, purpose = case.fact, case.purpose
    if not isinstance(fact, ConsentGranted) or purpose is None:
        return
    if not purpose.resolvable:
        message = "the notice names no specific purpose: consent to it would be consent to nothing"
        yield _refuse(Reason.PURPOSE_NOT_RESOLVABLE, "purpose", message)
    if not any(line.article6 == "a" for line in purpose.lines) and not _consent_declared(case):
        message = "the purpose has no line of consent: declare one, or record another type"
        yield _refuse(Reason.NO_CONSENT_LINE, "purpose", message)
    for field in purpose.consent_requirements:
        if getattr(fact, field, None) is None:
            message = "the catalogue demands this for a consent to this purpose"
            yield _refuse(Reason.CONSENT_FIELDS_MISSING, field, message)


def _consent_declared(case: Admission) -> bool:
    declared = [*case.person.of(BasisDeclared), *case.common.of(BasisDeclared)]
    wanted = (cast(ConsentGranted, case.fact).purpose, "a")
    return any(
        (cast(BasisDeclared, one.fact).purpose, cast(BasisDeclared, one.fact).article6) == wanted
        for one in declared
    )


def _not_ahead(case: Admission) -> Iterator[Refusal]:
    """A consent is an act of the past; a civil date counts from the next day, so today is fine."""
    fact = case.fact
    if not isinstance(fact, ConsentGranted):
        return
    latest = case.now + CLOCK_SKEW
    if "effective_at" in (fact.civil_dates or {}):
        latest = max(latest, start_of_day(next_day(london_date(case.now))))
    if fact.effective_at > latest:
        message = "a consent cannot be given in the future: record it when it is given"
        yield _refuse(Reason.GRANT_IN_FUTURE, "effective_at", message)


def _declaration(case: Admission) -> Iterator[Refusal]:
    """Article 6(3): a duty or task needs its law; (ea) needs a condition of Annex 1 (LR3, LR4)."""
    fact = case.fact
    if not isinstance(fact, BasisDeclared):
        return
    if fact.article6 in ("c", "e") and fact.source is None:
        message = "a legal obligation or public task needs the law it rests on"
        yield _refuse(Reason.LEGAL_SOURCE_MISSING, "source", message)
    if fact.article6 == "ea" and not fact.annex1:
        message = "a recognised legitimate interest needs a condition of Annex 1, such as RLI-6"
        yield _refuse(Reason.ANNEX1_CONDITION_MISSING, "annex1", message)


def _reference(case: Admission) -> Iterator[Refusal]:
    """What an entry is about must be there, and of the right type."""
    field = case.fact.refers
    named = getattr(case.fact, field) if field else None
    if field is None or named is None:
        return
    target = _entry(case, named)
    if target is None:
        message = "names no entry of this stream: take the id from the timeline"
        yield _refuse(Reason.UNKNOWN_ENTRY, field, message)
    elif isinstance(case.fact, EntryAnnulled | EntryReattributed | EntrySuperseded):
        if isinstance(target, INDELIBLE):
            message = "what was destroyed stays destroyed: this entry cannot be taken back or moved"
            yield _refuse(Reason.NOT_ANNULLABLE, field, message)
        elif isinstance(case.fact, EntryReattributed) and isinstance(target, _IMMOVABLE):
            message = "is itself a move or a correction: take it back instead"
            yield _refuse(Reason.WRONG_ENTRY_TYPE, field, message)
    elif (expected := _REFERRED.get(type(case.fact).__name__)) and not isinstance(
        target, BY_NAME[expected]
    ):
        message = f"must name an entry of type {expected}"
        yield _refuse(Reason.WRONG_ENTRY_TYPE, field, message)


_IMMOVABLE = (EntryAnnulled, EntryReattributed, EntrySuperseded, IdentityMerged, IdentityUnmerged)
_REFERRED = {
    "StatusEnded": "StatusStarted",
    "ConsentInvalidated": "ConsentGranted",
    "AuthorityEnded": "AuthorityStarted",
    "ObjectionDecided": "ObjectionReceived",
    "RestrictionLifted": "RestrictionApplied",
    "HoldReleased": "HoldPlaced",
    "PolicyDocumentEnded": "PolicyDocumentAdopted",
    "ComplaintAcknowledged": "ComplaintReceived",
    "ComplaintClosed": "ComplaintReceived",
}


def _entry(case: Admission, named: str) -> Fact | None:
    """The entry of that id: recorded here, or moved here from another person."""
    for one in (*case.dossier.items, *case.person.items):
        if one.entry == named:
            return one.fact
    return None


def _replacement(case: Admission) -> Iterator[Refusal]:
    fact = case.fact
    if not isinstance(fact, EntrySuperseded):
        return
    if _entry(case, fact.replacement) is None:
        message = "names no entry of this stream: record the right one first, in the same request"
        yield _refuse(Reason.UNKNOWN_ENTRY, "replacement", message)
    if fact.replacement == fact.entry:
        message = "names the entry that was wrong: name the one that stands in its place"
        yield _refuse(Reason.SELF_REFERENCE, "replacement", message)


def _two_people(case: Admission) -> Iterator[Refusal]:
    """A merge or a reattribution is recorded on the stream it takes from, and names two people."""
    fact = case.fact
    if isinstance(fact, EntryReattributed):
        origin, target = fact.from_, fact.to
        if all(one.entry != fact.entry for one in case.person.items):
            message = "names no entry that counts for this subject"
            yield _refuse(Reason.UNKNOWN_ENTRY, "entry", message)
    elif isinstance(fact, IdentityMerged | IdentityUnmerged):
        origin, target = fact.from_, fact.into
    else:
        return
    if case.dossier.erasing:
        message = "this subject is to be erased: nothing of theirs can move"
        yield _refuse(Reason.SUBJECT_ERASED, "from", message)
    if origin == target:
        yield _refuse(Reason.SELF_REFERENCE, "from", "names the same subject twice")
    if isinstance(fact, IdentityUnmerged) and case.person.merged_into != fact.into:
        message = "no merge into this subject stands"
        yield _refuse(Reason.UNKNOWN_ENTRY, "into", message)


def _hold(case: Admission) -> Iterator[Refusal]:
    """Nothing is erased under a hold: DPA 2018 sections 148 and 173, Inquiries Act 2005 s.35."""
    fact = case.fact
    if not isinstance(fact, ErasureExecuted):
        return
    if any(holds(fact.purpose, (case.person, case.common), case.now)):
        message = "a legal hold is in force: release it first"
        yield _refuse(Reason.HOLD_IN_FORCE, "type", message)


def holds(purpose: str, histories: Iterable[History], now: datetime) -> Iterator[HoldPlaced]:
    """The holds under which nothing of the purpose may be destroyed now."""
    reached = (None, EVERY_PURPOSE, purpose)
    for history in histories:
        for hold in _holding(history, now):
            if purpose == EVERY_PURPOSE or hold.purpose in reached:
                yield hold


def _holding(history: History, now: datetime) -> list[HoldPlaced]:
    """The holds that no release has ended; one that names none ends the latest recorded before."""
    standing = list(history.of(HoldPlaced))
    for one in history.of(HoldReleased):
        if one.at <= now:
            ended = [hold for hold in standing if _releases(one, hold)]
            standing = [hold for hold in standing if hold not in ended[-1:]]
    return [cast(HoldPlaced, one.fact) for one in standing]


def _releases(release: Item, hold: Item) -> bool:
    named = cast(HoldReleased, release.fact).hold
    if named is not None:
        return named == hold.entry
    return (hold.recorded_at, hold.n) < (release.recorded_at, release.n)


def _setting(case: Admission) -> Iterator[Refusal]:
    fact = case.fact
    if not isinstance(fact, PolicySet):
        return
    row = case.rulebook.policies.get(fact.setting)
    if row is None:
        message = f"is not a policy setting: {', '.join(sorted(case.rulebook.policies))}"
        yield _refuse(Reason.UNKNOWN_SETTING, "setting", message)
    elif not row.takes(fact.value):
        yield _refuse(Reason.UNKNOWN_SETTING, "value", f"the setting takes {row.said()}")


def _law(case: Admission) -> Iterator[Refusal]:
    """A provision is a whole interval, and its value one that answers can reckon with."""
    fact = case.fact
    if not isinstance(fact, LawLoaded):
        return
    if fact.in_force_until is not None and fact.in_force_until <= fact.in_force_from:
        yield _refuse(Reason.UNKNOWN_SETTING, "in_force_until", "must be later than in_force_from")
    least, most = CHILD_SERVICE_AGES[0], CHILD_SERVICE_AGES[-1]
    if fact.provision != "iss_age":
        least, most = 0, WHOLE_MAX
    if fact.value is not None and not least <= fact.value <= most:
        message = f"the provision takes a whole number from {least} to {most}"
        yield _refuse(Reason.UNKNOWN_SETTING, "value", message)


def _catalogue(case: Admission) -> Iterator[Refusal]:
    """A catalogue may have gaps; it may not assert what the law bars."""
    if not isinstance(case.fact, CatalogueAdopted):
        return
    law = LawView(case.rulebook, case.common, known_at=None)
    for finding in validate(case.fact.catalogue, at=case.fact.effective_at, law=law):
        if finding.refuses_adoption:
            reason = Reason.__members__.get(finding.code, Reason.CATALOGUE_INVALID)
            pointer = f"catalogue{finding.pointer}"
            yield _refuse(reason, pointer, f"{finding.code}: {finding.message}")


def _refuse(reason: Reason, pointer: str, message: str) -> Refusal:
    return Refusal(reason=reason, pointer=pointer, message=message)


PROTECTED: tuple[Check, ...] = (_stream, _destroyed, _reserved)
CHECKS: tuple[Check, ...] = (
    *PROTECTED,
    _merged,
    _known_purpose,
    _grant,
    _not_ahead,
    _declaration,
    _reference,
    _replacement,
    _two_people,
    _hold,
    _setting,
    _law,
    _catalogue,
)
