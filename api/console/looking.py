"""What a page about one person is made from: their record, read once, and every answer on it.

The read is that of every check, and so are the answers. Not here: what a page shows of them
(`person`, `why`), or the rows that looking leaves (each page's own).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from api.access import Grant, client_of
from api.body import AnyRequest
from api.console.moments import Moments, knowledge
from api.state import runtime
from ledger.catalogue import Purpose
from ledger.civil import start_of_day
from ledger.events import CatalogueAdopted
from ledger.history import Dossier
from ledger.reader import Loaded
from ledger.rules.rulebook import RuleBook
from projections.checks import Answered, Checks, Query, purposes_of
from projections.compare import changes
from projections.everyone import Cut


class Look(NamedTuple):
    """One person at one pair of moments, as far as the viewer's grant goes.

    `then` is what counts of the record, `now` is all of it; `effective_at` is the moment asked
    about, of a day its first instant.
    """

    subject: UUID
    moments: Moments
    loaded: Loaded
    then: Cut
    now: Cut
    effective_at: datetime
    grant: Grant
    checks: Checks
    rulebook: RuleBook

    @property
    def known_at(self) -> datetime:
        """The stamp of the last entry that counts."""
        return self.then.pin.known_at

    @property
    def past(self) -> bool:
        """More has been recorded since than the question may use."""
        return self.then.pin != self.now.pin

    @property
    def person(self) -> Dossier:
        """The person's record, as far as it was known."""
        return self.then.dossier(self.loaded)

    @property
    def catalogue(self) -> Dossier:
        """The ledger's own stream, as far as it was known."""
        return self.then.catalogue(self.loaded)

    @property
    def purposes(self) -> list[str]:
        """Every granted purpose of a catalogue that was known."""
        known = purposes_of(self.catalogue, self.known_at)
        return [one for one in known if self.grant.covers(one)]

    def asked(self, purpose: str, **more: str | None) -> Answered:
        """The answer for a purpose, on what was known."""
        return self.checks.answered(self._query(purpose, **more), self.loaded, self.then)

    def today(self, purpose: str, **more: str | None) -> Answered:
        """The answer about the same moment on everything recorded so far."""
        query = replace(self._query(purpose, **more), known_at=None)
        if query.effective_at is None:
            query = replace(query, effective_at=self.effective_at)
        return self.checks.answered(query, self.loaded, self.now)

    def corrected(self, answers: list[Answered]) -> dict[str, Answered]:
        """By purpose those of today's answers that say otherwise."""
        if not self.past:
            return {}
        found = {one.query.purpose: self.today(one.query.purpose) for one in answers}
        return {
            one.query.purpose: found[one.query.purpose]
            for one in answers
            if changes(one.answer, found[one.query.purpose].answer)
        }

    def _query(self, purpose: str, **more: str | None) -> Query:
        return _query(self.subject, self.moments, self.loaded, purpose=purpose, **more)


async def look(request: AnyRequest, subject: UUID, moments: Moments) -> Look:
    """The person's record at these moments; raises `Malformed` for a state of knowledge to come."""
    ledger = runtime(request)
    log = ledger.identity.log_of(subject)
    read = await ledger.reader.subjects(log, [subject], rows=ledger.reads.dossiers)
    loaded = read[subject]
    query = _query(subject, moments, loaded)
    then = await ledger.checks.cut(query, loaded)
    now = await ledger.checks.cut(replace(query, known_at=None), loaded)
    return Look(
        subject=subject,
        moments=moments,
        loaded=loaded,
        then=then,
        now=now,
        effective_at=_instant(moments, loaded),
        grant=client_of(request).grant,
        checks=ledger.checks,
        rulebook=ledger.rulebook,
    )


def purposes_by_id(catalogue: Dossier) -> dict[str, Purpose]:
    """Every purpose that a catalogue ever declared, as the newest that has it says."""
    documents = [
        one.fact.catalogue for one in catalogue.items if isinstance(one.fact, CatalogueAdopted)
    ]
    return {purpose.id: purpose for document in documents for purpose in document.purposes}


def _query(
    subject: UUID, moments: Moments, loaded: Loaded, *, purpose: str = "", **more: str | None
) -> Query:
    return Query(
        subject=subject,
        purpose=purpose,
        effective_at=moments.effective_at,
        known_at=knowledge(moments.known_at, loaded.head.now),
        **{name: value for name, value in more.items() if value is not None},  # type: ignore[arg-type]
    )


def _instant(moments: Moments, loaded: Loaded) -> datetime:
    asked = moments.effective_at
    if asked is None:
        return loaded.head.now
    return asked if isinstance(asked, datetime) else start_of_day(asked)
