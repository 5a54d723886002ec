"""The streams that one request touches, as it would leave them: read, then grown in memory.

Facts of one request see those before them. Nothing is written here: `record` appends the growth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.counterparts import Planned, Spread, obstacle, pointer
from ledger.dossier import kept
from ledger.errors import Fault
from ledger.events import Fact
from ledger.history import Dossier, item
from ledger.reader import Loaded, Reader
from ledger.store import DossierRow
from ledger.terms import Reason, Refusal
from ledger.wire import basis_of


class Growth(msgspec.Struct, kw_only=True):
    """A stream as loaded, and what the request adds to it."""

    loaded: Loaded
    added: list[Planned] = []

    def now(self) -> datetime:
        """The database's clock when the stream was read, not before its log's last stamp."""
        return max(self.loaded.head.now, self.loaded.head.recorded_at)

    def dossier(self) -> Dossier:
        """The stream with what the request has added so far, numbered after everything else."""
        grown = [
            item(
                n=self.loaded.head.size + place,
                entry=one.entry,
                recorded_at=self.now(),
                fact=basis_of(one.fact),
            )
            for place, one in enumerate(self.added, start=1)
        ]
        before = self.loaded.dossier
        if not grown:
            return before
        return Dossier(before.subject, (*before.items, *grown), destroyed=before.destroyed)

    def plain(self) -> bytes:
        """The plain text of the dossier after the request."""
        return self.loaded.plain + b"".join(kept(one.entry, one.fact) for one in self.added)


class Work:
    """Every stream of one request, by subject; None is the ledger's own.

    `given` is a stream as it was read already, beside something else.
    """

    def __init__(self, reader: Reader, given: DossierRow | None = None) -> None:
        self._reader = reader
        self._given = given
        self._growths: dict[UUID | None, Growth] = {}

    async def load(self, subject: UUID | None) -> Loaded:
        """The stream as it is stored."""
        if subject not in self._growths:
            self._growths[subject] = Growth(loaded=await self._read(subject), added=[])
        return self._growths[subject].loaded

    async def add(
        self, fact: Fact, subject: UUID | None, *, entry_ids: Callable[[], str]
    ) -> Refusal | None:
        """The fact on its stream and on every other that it concerns, or why one cannot take it."""
        name = None if subject is None else str(subject)
        spread = Spread(Planned(subject=name, entry=entry_ids(), fact=fact))
        while (step := spread.next()) is not None:
            stream = subject if step is spread.first else self._stream(step)
            if isinstance(stream, Refusal):
                return stream
            await self.load(stream)
            dossier, now = self.dossier(stream), self.now(stream)
            refusal = obstacle(step, dossier=dossier, now=now)
            if refusal is not None:
                return refusal
            grown = spread.onto(step, dossier=dossier, now=now, entry_ids=entry_ids)
            self._growths[stream].added.extend(grown)
        return None

    def _stream(self, step: Planned) -> UUID | Refusal | None:
        """The stream that the step is for."""
        own = self._reader.identity.stream
        return None if step.subject is None else _subject(step.subject, step.fact, own=own)

    def dossier(self, subject: UUID | None) -> Dossier:
        """The stream as the request would leave it."""
        return self._growths[subject].dossier()

    def catalogue(self, subject: UUID | None) -> Dossier:
        """The catalogue that was current beside the stream, with what the request adds to it."""
        if subject is None:
            return self._growths[None].dossier()
        return self._growths[subject].loaded.catalogue

    def now(self, subject: UUID | None) -> datetime:
        """The moment at which the stream was read."""
        return self._growths[subject].now()

    def growths(self) -> Iterator[tuple[UUID | None, Growth]]:
        """The streams that grow, that of the request first; they must share one log."""
        grown = [(subject, one) for subject, one in self._growths.items() if one.added]
        identity = self._reader.identity
        logs = {0 if subject is None else identity.log_of(subject) for subject, _ in grown}
        if len(logs) > 1:
            raise Fault("an entry about two people of different logs: record it on each")
        yield from grown

    async def _read(self, subject: UUID | None) -> Loaded:
        if subject is None:
            return await self._reader.own()
        log = self._reader.identity.log_of(subject)
        return (await self._reader.subjects(log, [subject], rows=self._rows))[subject]

    async def _rows(self, log: int, known: Mapping[UUID, bytes | None]) -> dict[UUID, DossierRow]:
        given, self._given = self._given, None
        if given is not None and [given.subject] == list(known):
            return {given.subject: given}
        own = self._reader.identity.stream
        return await self._reader.store.dossiers(log, known, own=own)


def _subject(text: str, fact: Fact, *, own: UUID) -> UUID | Refusal:
    try:
        subject = UUID(text)
    except ValueError:
        subject = own
    if subject == own or subject.version != 4:
        message = "must name a subject by its UUID, as the resolver gave it"
        return Refusal(reason=Reason.UNKNOWN_SUBJECT, pointer=pointer(fact), message=message)
    return subject
