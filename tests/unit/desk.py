"""A desk at which entries are tried and recorded, one after another, under a catalogue.

`tries` says what admission makes of a fact and records nothing; `records` appends it to every
stream that it concerns, admitted or not. Not here: any expectation.
"""

from datetime import UTC, datetime
from typing import Any

from ledger.admit import admit
from ledger.answer import Answer, answer
from ledger.catalogue import CatalogueDocument
from ledger.events import CatalogueAdopted, Fact
from ledger.history import Dossier
from ledger.rules.case import Question
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Given, Streams
from ledger.terms import Refusal
from ledger.wire import read_fact
from tests.unit.catalogues import SCENARIOS

NOW = "2026-11-23T09:00"


def instant(text: str) -> datetime:
    """The instant that a test writes without seconds or offset: it is UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fact(type_: str, at: str = "2026-10-01T09:00", /, **fields: Any) -> Fact:
    """The fact as a caller sends it; a date stays a date, other times get their offset."""
    read = {**fields, "effective_at": at}
    for name, value in read.items():
        if name.endswith("_at") and len(value) != len("YYYY-MM-DD"):
            read[name] = instant(value).isoformat()
    read = {name.removesuffix("_"): value for name, value in read.items()}
    return read_fact({"type": type_, **read})


def grant(at: str = "2026-10-01T09:00", **fields: Any) -> Fact:
    """A consent for PHOTO that the person gave and that can be proved."""
    usual = {"purpose": "PHOTO", "given_by": "A1", "capacity": "SELF", "evidence": "form 1"}
    return fact("ConsentGranted", at, **{**usual, **fields})


class Desk:
    """What has been recorded so far, under one catalogue."""

    def __init__(self, document: CatalogueDocument = SCENARIOS) -> None:
        self.streams = Streams(document, {})
        self._count = 0

    def dossier(self, subject: str | None) -> Dossier:
        """All entries of the stream; None is the ledger's own."""
        return self.streams.dossier(subject)

    def tries(
        self,
        one: Fact,
        subject: str | None = "A1",
        *,
        now: str = NOW,
        destroyed: bool = False,
    ) -> Fact | Refusal:
        """The fact as it may be recorded now on that stream, or the refusal."""
        person = self.dossier(subject)
        if destroyed:
            person = Dossier(subject, destroyed=True)
        return admit(
            one,
            dossier=person,
            catalogue=self.dossier(None),
            rulebook=uk_gdpr(),
            now=instant(now),
        )

    def records(
        self, one: Fact, subject: str | None = "A1", *, at: str = "2026-11-01T09:00"
    ) -> str:
        """The id of the entry, recorded at that moment."""
        self._count += 1
        entry = f"e{self._count}"
        self.streams.record(Given(id=entry, subject=subject, recorded_at=instant(at), fact=one))
        return entry

    def adopts(self, document: CatalogueDocument, at: str) -> str:
        """A version of the catalogue, in force from that moment and recorded then."""
        adopted = CatalogueAdopted(effective_at=instant(at), catalogue=document)
        return self.records(adopted, None, at=at)

    def asks(
        self, purpose: str, at: str = NOW, subject: str = "A1", *, known: str = NOW, **more: Any
    ) -> Answer:
        """The answer about the subject and purpose at that moment, on what was known."""
        question = Question(
            purpose=purpose, effective_at=instant(at), known_at=instant(known), **more
        )
        return answer(question, self.dossier(subject), self.dossier(None), uk_gdpr())
