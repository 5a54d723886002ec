"""What provokes each reason for which an entry may not be recorded, and the same entry put right.

Every text in a wrong entry that could be somebody's says so (`CANARY`). Not here: any claim about
them (`test_admit`).
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, cast
from uuid import UUID

import msgspec

from ledger.events import CatalogueAdopted, Fact
from ledger.history import Dossier
from ledger.reader import Loaded, Reader, Rows
from ledger.store import Head, Identity
from ledger.terms import Reason, Refusal
from ledger.work import Work
from tests.unit.catalogues import BOLTON_3, BOLTON_4, SOUND, with_field
from tests.unit.desk import NOW, Desk, fact, grant, instant
from tests.unit.facts import bare

CANARY = "canary"
OWN = UUID(int=7)
PEOPLE = [str(UUID(int=number, version=4)) for number in (1, 2)]


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, and where and when somebody wants it recorded."""

    fact: Fact
    subject: str | None = "A1"
    destroyed: bool = False


Judge = Callable[[Desk, Try], Fact | Refusal]


def admitted(desk: Desk, one: Try) -> Fact | Refusal:
    return desk.tries(one.fact, one.subject, destroyed=one.destroyed)


class Provoked(msgspec.Struct, frozen=True, kw_only=True):
    """What provokes a reason, where the refusal points, and the same put right."""

    reason: Reason
    pointer: str
    wrong: Try
    right: Try
    desk: Callable[[], Desk] = Desk
    judge: Judge = admitted


# UNKNOWN_SUBJECT is found where the other person's stream is read, so that is done here too.


class Shelf:
    """A reader of streams on which nothing was recorded yet."""

    def __init__(self) -> None:
        self.identity = Identity(origin="test.example/ledger", logs=1, stream=OWN)

    async def subjects(
        self, log: int, subjects: Sequence[UUID], *, rows: Rows
    ) -> dict[UUID, Loaded]:
        head = Head(size=0, recorded_at=instant(NOW), leaf_hash=None, now=instant(NOW))
        return {
            one: Loaded(
                dossier=Dossier(str(one)),
                plain=b"",
                version=0,
                head=head,
                catalogue=Dossier(None),
                catalogue_place=None,
            )
            for one in subjects
        }


def brought_along(desk: Desk, one: Try) -> Fact | Refusal:
    """What comes of the fact where it is brought onto the other person's stream."""

    work = Work(cast(Reader, Shelf()))
    ids = map(str, count(1))
    adding = work.add(one.fact, UUID(one.subject), entry_ids=lambda: next(ids))
    return asyncio.run(adding) or one.fact


def merging(into: str) -> Try:
    merge = fact("IdentityMerged", from_=PEOPLE[0], into=into)
    return Try(fact=merge, subject=PEOPLE[0])


# Desks on which something stands already.


def merged() -> Desk:
    desk = Desk()
    desk.records(fact("IdentityMerged", from_="A1", into="C1"), "A1")
    return desk


def bolton() -> Desk:
    desk = Desk(BOLTON_3)
    desk.adopts(BOLTON_4, "2026-07-01T00:00")
    return desk


def with_entries() -> Desk:
    """e1 a status, e2 an erasure, e3 a consent that was annulled by e4."""
    desk = Desk()
    desk.records(fact("StatusStarted", kind="CPP"))
    desk.records(fact("ErasureExecuted", purpose="GROUP"))
    desk.records(grant())
    desk.records(fact("EntryAnnulled", entry="e3"))
    return desk


def held() -> Desk:
    desk = Desk()
    desk.records(fact("HoldPlaced"), None)
    return desk


def catalogue(path: str, value: object) -> Try:
    document = with_field(SOUND, path, value)
    adopted = bare(CatalogueAdopted, effective_at=instant(NOW), catalogue=document)
    return Try(fact=adopted, subject=None)


def declared(article6: str, **fields: Any) -> Try:
    return Try(fact=fact("BasisDeclared", purpose="NEWP", article6=article6, **fields))


def policy(setting: str, value: object) -> Try:
    return Try(fact=fact("PolicySet", setting=setting, value=value), subject=None)


SOUND_CATALOGUE = catalogue("version", "2")
DEATH = Try(fact=fact("DeathRecorded"))
PHOTO = Try(fact=grant())
P18A: dict[str, Any] = {"purpose": "P18a", "notice": "V4.0", "method": "paper"}

CASES = (
    Provoked(
        reason=Reason.WRONG_STREAM,
        pointer="type",
        wrong=Try(fact=fact("PolicyDocumentAdopted", document=CANARY)),
        right=Try(fact=fact("PolicyDocumentAdopted", document=CANARY), subject=None),
    ),
    Provoked(
        reason=Reason.WRONG_STREAM,
        pointer="type",
        wrong=Try(fact=fact("StatusStarted", kind=CANARY), subject=None),
        right=Try(fact=fact("StatusStarted", kind=CANARY)),
    ),
    Provoked(
        reason=Reason.WRONG_STREAM,
        pointer="from",
        wrong=Try(fact=fact("IdentityMerged", from_=CANARY, into="C1")),
        right=Try(fact=fact("IdentityMerged", from_="A1", into=CANARY)),
    ),
    Provoked(
        reason=Reason.WRONG_STREAM,
        pointer="from",
        wrong=Try(fact=fact("EntryReattributed", entry="e1", from_=CANARY, to="C1")),
        right=Try(fact=fact("EntryReattributed", entry="e1", from_="A1", to=CANARY)),
        desk=with_entries,
    ),
    Provoked(
        reason=Reason.SUBJECT_ERASED,
        pointer="subject",
        wrong=Try(fact=grant(note=CANARY), destroyed=True),
        right=PHOTO,
    ),
    Provoked(
        reason=Reason.RESERVED,
        pointer="type",
        wrong=Try(fact=fact("KeyDestroyed", key_ids=[CANARY])),
        right=DEATH,
    ),
    Provoked(
        reason=Reason.RESERVED,
        pointer="moved",
        wrong=Try(
            fact=fact(
                "IdentityMerged",
                from_="A1",
                into="C1",
                moved=[{"entry": CANARY, "recorded_at": "2026-10-01T09:00:00Z", "fact": {}}],
            )
        ),
        right=Try(fact=fact("IdentityMerged", from_="A1", into="C1")),
    ),
    Provoked(
        reason=Reason.RESERVED,
        pointer="counterpart",
        wrong=Try(fact=fact("EntryAnnulled", entry="e1", counterpart=CANARY)),
        right=Try(fact=fact("EntryAnnulled", entry="e1")),
        desk=with_entries,
    ),
    Provoked(
        reason=Reason.IDENTITY_MERGED,
        pointer="subject",
        wrong=Try(fact=fact("StatusStarted", kind=CANARY)),
        right=Try(fact=fact("StatusStarted", kind=CANARY), subject="C1"),
        desk=merged,
    ),
    Provoked(
        reason=Reason.UNKNOWN_PURPOSE,
        pointer="purpose",
        wrong=Try(fact=grant(purpose=CANARY)),
        right=PHOTO,
    ),
    Provoked(
        reason=Reason.PURPOSE_NOT_RESOLVABLE,
        pointer="purpose",
        wrong=Try(fact=grant(purpose="P18", note=CANARY)),
        right=Try(fact=grant(**P18A)),
        desk=bolton,
    ),
    Provoked(
        reason=Reason.NO_CONSENT_LINE,
        pointer="purpose",
        wrong=Try(fact=grant(purpose="SAFEGUARD", note=CANARY)),
        right=PHOTO,
    ),
    *(
        Provoked(
            reason=Reason.CONSENT_FIELDS_MISSING,
            pointer=missing,
            wrong=Try(fact=grant(**{**P18A, missing.removesuffix("_digest"): None}, note=CANARY)),
            right=Try(fact=grant(**P18A)),
            desk=bolton,
        )
        for missing in ("notice", "method", "evidence_digest")
    ),
    Provoked(
        reason=Reason.GRANT_IN_FUTURE,
        pointer="effective_at",
        wrong=Try(fact=grant("2026-11-23T09:06")),
        right=Try(fact=grant("2026-11-23T09:05")),
    ),
    Provoked(
        reason=Reason.PUBLIC_AUTHORITY_BAR,
        pointer="catalogue/purposes/0/lines/0/article6",
        wrong=catalogue("purposes/0/lines/0/article6", "ea"),
        right=SOUND_CATALOGUE,
    ),
    Provoked(
        reason=Reason.LEGAL_SOURCE_MISSING,
        pointer="source",
        wrong=declared("e", note=CANARY),
        right=declared("e", source="CA1989 s.17"),
    ),
    Provoked(
        reason=Reason.LEGAL_SOURCE_MISSING,
        pointer="source",
        wrong=declared("c", annex1=[CANARY]),
        right=declared("c", source="CA1989 s.47"),
    ),
    Provoked(
        reason=Reason.ANNEX1_CONDITION_MISSING,
        pointer="annex1",
        wrong=declared("ea", source=CANARY),
        right=declared("ea", annex1=["RLI-6"]),
    ),
    Provoked(
        reason=Reason.INCOMPATIBLE_18_CONSENT,
        pointer="catalogue/purposes/0/conditions/0/schedule1",
        wrong=catalogue("purposes/0/lines/0/article6", "a"),
        right=SOUND_CATALOGUE,
    ),
    Provoked(
        reason=Reason.CATALOGUE_INVALID,
        pointer="catalogue/purposes/0/controller",
        wrong=catalogue("purposes/0/controller", CANARY),
        right=SOUND_CATALOGUE,
    ),
    Provoked(
        reason=Reason.CATALOGUE_INVALID,
        pointer="catalogue/purposes/0/consent_requirements/1",
        wrong=catalogue("purposes/0/consent_requirements", ("notice", CANARY)),
        right=catalogue("purposes/0/consent_requirements", ("notice", "method")),
    ),
    Provoked(
        reason=Reason.UNKNOWN_SUBJECT,
        pointer="into",
        wrong=merging(CANARY),
        right=merging(PEOPLE[1]),
        judge=brought_along,
    ),
    Provoked(
        reason=Reason.UNKNOWN_SUBJECT,
        pointer="into",
        wrong=merging(str(OWN)),
        right=merging(PEOPLE[1]),
        judge=brought_along,
    ),
    *(
        Provoked(
            reason=Reason.UNKNOWN_ENTRY,
            pointer=pointer,
            wrong=Try(fact=fact(kind, **{pointer: CANARY}, **more)),
            right=Try(fact=fact(kind, **{pointer: right}, **more)),
            desk=with_entries,
        )
        for kind, pointer, right, more in (
            ("EntryAnnulled", "entry", "e4", {}),
            ("StatusEnded", "status", "e1", {"kind": "CPP"}),
            ("ConsentInvalidated", "consent", "e3", {}),
            ("EntrySuperseded", "entry", "e1", {"replacement": "e3"}),
            ("EntrySuperseded", "replacement", "e1", {"entry": "e3"}),
            ("EntryReattributed", "entry", "e1", {"from_": "A1", "to": "C1"}),
        )
    ),
    Provoked(
        reason=Reason.UNKNOWN_ENTRY,
        pointer="entry",
        wrong=Try(fact=fact("EntryReattributed", entry="e3", from_="A1", to="C1")),
        right=Try(fact=fact("EntryReattributed", entry="e1", from_="A1", to="C1")),
        desk=with_entries,
    ),
    Provoked(
        reason=Reason.WRONG_ENTRY_TYPE,
        pointer="consent",
        wrong=Try(fact=fact("ConsentInvalidated", consent="e1", note=CANARY)),
        right=Try(fact=fact("ConsentInvalidated", consent="e3", note=CANARY)),
        desk=with_entries,
    ),
    *(
        Provoked(
            reason=Reason.NOT_ANNULLABLE,
            pointer="entry",
            wrong=Try(fact=fact(kind, entry="e2", note=CANARY, **more)),
            right=Try(fact=fact(kind, entry="e1", note=CANARY, **more)),
            desk=with_entries,
        )
        for kind, more in (
            ("EntryAnnulled", {}),
            ("EntrySuperseded", {"replacement": "e3"}),
            ("EntryReattributed", {"from_": "A1", "to": "C1"}),
        )
    ),
    Provoked(
        reason=Reason.HOLD_IN_FORCE,
        pointer="type",
        wrong=Try(fact=fact("ErasureExecuted", purpose="PHOTO", note=CANARY)),
        right=Try(fact=fact("ErasureRefused", purpose="PHOTO", note=CANARY)),
        desk=held,
    ),
    Provoked(
        reason=Reason.UNKNOWN_SETTING,
        pointer="setting",
        wrong=policy(CANARY, True),
        right=policy("auto_restrict_on_objection", True),
    ),
    Provoked(
        reason=Reason.UNKNOWN_SETTING,
        pointer="value",
        wrong=policy("leap_birthday", CANARY),
        right=policy("leap_birthday", "28 Feb"),
    ),
    Provoked(
        reason=Reason.SELF_REFERENCE,
        pointer="from",
        wrong=Try(fact=fact("IdentityMerged", from_="A1", into="A1", note=CANARY)),
        right=Try(fact=fact("IdentityMerged", from_="A1", into="C1", note=CANARY)),
    ),
    Provoked(
        reason=Reason.SELF_REFERENCE,
        pointer="from",
        wrong=Try(fact=fact("IdentityUnmerged", from_="A1", into="A1", note=CANARY)),
        right=Try(fact=fact("IdentityUnmerged", from_="A1", into="C1", note=CANARY)),
        desk=merged,
    ),
    Provoked(
        reason=Reason.SELF_REFERENCE,
        pointer="from",
        wrong=Try(fact=fact("EntryReattributed", entry="e1", from_="A1", to="A1")),
        right=Try(fact=fact("EntryReattributed", entry="e1", from_="A1", to="C1")),
        desk=with_entries,
    ),
    Provoked(
        reason=Reason.SELF_REFERENCE,
        pointer="replacement",
        wrong=Try(fact=fact("EntrySuperseded", entry="e1", replacement="e1", note=CANARY)),
        right=Try(fact=fact("EntrySuperseded", entry="e1", replacement="e3", note=CANARY)),
        desk=with_entries,
    ),
)
