"""Questions answered from dossiers: one row read by primary key, then the pure `answer`.

Here a question gets its identity: the moment, and the last entries recorded by `known_at` in the
subject's log and in the ledger's own stream. Not here: who may ask (`api`), or who did
(`read_audit`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Literal, cast
from uuid import UUID

import msgspec

from ledger.answer import Answer, answer, answer_day
from ledger.errors import Behind, LogForked, Malformed
from ledger.events import CatalogueAdopted
from ledger.history import Dossier
from ledger.reader import Loaded, Reader, Rows, latest
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook
from ledger.store import Place
from ledger.terms import DataClass, Operation
from projections.everyone import Cut, Pin

BATCH_MAX = 1000
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
"""When nothing is known: the stamp of an empty log."""
_POSITION = re.compile(r"([0-9]{1,4}):([0-9]{1,18})(?::([0-9a-f]{8}))?")


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a log as a caller names it; the hash may be left out."""

    log: int
    n: int
    leaf_hash: str | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks about a subject; a date as `effective_at` asks about that whole day.

    Without `effective_at` the question is about now, without `known_at` or `at_position` about
    everything recorded. `min_position` asks for nothing older than that entry.
    """

    subject: UUID
    purpose: str
    operation: Operation = "USE"
    data: DataClass | tuple[str, ...] = "ordinary"
    recipient: str | None = None
    exception: str | None = None
    effective_at: datetime | date | None = None
    known_at: datetime | None = None
    at_position: Position | None = None
    min_position: Position | None = None


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its question, and the database's clock when what it rests on was read."""

    query: Query
    answer: Answer
    log: int
    answered_at: datetime


def parse_position(text: str, *, field: str) -> Position:
    """`<log>:<n>` or `<log>:<n>:<8 hex>`."""
    found = _POSITION.fullmatch(text)
    if found is None:
        raise Malformed("must be <log>:<n> or <log>:<n>:<8 hex digits>", field=field)
    return Position(log=int(found[1]), n=int(found[2]), leaf_hash=found[3])


class Checks:
    """Answers questions about one ledger; `rows` reads dossiers, by itself where it is left out."""

    def __init__(self, reader: Reader, rulebook: RuleBook, *, rows: Rows | None = None) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._rows = rows

    async def check(self, query: Query) -> Answer:
        """The answer; the same query at the same position has the same bytes, for ever."""
        return (await self.batch([query]))[0].answer

    async def batch(self, queries: Sequence[Query]) -> list[Answered]:
        """The answers in order, all of one log on one snapshot of it."""
        log_of = self._reader.identity.log_of
        by_log: dict[int, list[UUID]] = {}
        for query in queries:
            by_log.setdefault(log_of(query.subject), []).append(query.subject)
        loaded: dict[UUID, Loaded] = {}
        for log, subjects in by_log.items():
            loaded |= await self._read(log, list(dict.fromkeys(subjects)))
        answers = []
        for query in queries:
            one, log = loaded[query.subject], log_of(query.subject)
            answers.append(self.answered(query, one, await self._known(log, query, one)))
        return answers

    async def bases(self, query: Query) -> list[Answered]:
        """Every purpose of the catalogue known by then, each with its answer at one moment."""
        log = self._reader.identity.log_of(query.subject)
        loaded = (await self._read(log, [query.subject]))[query.subject]
        cut = await self.cut(query, loaded)
        purposes = purposes_of(cut.catalogue(loaded), cut.pin.known_at)
        return [self.answered(_about(query, purpose), loaded, cut) for purpose in purposes]

    async def cut(self, query: Query, loaded: Loaded) -> Cut:
        """How much of what was read the question may use."""
        return await self._known(self._reader.identity.log_of(query.subject), query, loaded)

    async def _read(self, log: int, subjects: Sequence[UUID]) -> dict[UUID, Loaded]:
        return await self._reader.subjects(log, subjects, rows=self._rows)

    def answered(self, query: Query, loaded: Loaded, cut: Cut) -> Answered:
        """The answer on what was read, as far as it may be used."""
        return Answered(
            query=query,
            answer=self._answer(query, loaded, cut),
            log=cut.pin.log,
            answered_at=loaded.head.now,
        )

    def _answer(self, query: Query, loaded: Loaded, cut: Cut) -> Answer:
        moment = query.effective_at
        now = max(loaded.head.now, latest(loaded.head, loaded.catalogue_place))
        day = moment if isinstance(moment, date) and not isinstance(moment, datetime) else None
        question = Question(
            purpose=query.purpose,
            effective_at=moment if isinstance(moment, datetime) else now,
            known_at=cut.pin.known_at,
            operation=query.operation,
            data=query.data,
            recipient=query.recipient,
            exception=query.exception,
            position=cut.pin.position,
            catalogue=cut.pin.catalogue_position,
        )
        dossier, catalogue = cut.dossier(loaded), cut.catalogue(loaded)
        if day is not None:
            return answer_day(question, day, dossier, catalogue, self._rulebook)
        return answer(question, dossier, catalogue, self._rulebook)

    async def _known(self, log: int, query: Query, loaded: Loaded) -> Cut:
        """What the question may use: nothing recorded after the entries that its answer names."""
        if query.min_position is not None:
            await self._reached(log, query.min_position, loaded, field="min_position")
        if query.at_position is not None:
            if query.known_at is not None:
                message = "give known_at or at_position, not both"
                raise Malformed(message, field="at_position")
            place = await self._reached(log, query.at_position, loaded, field="at_position")
            return Cut(await self._at(log, place, loaded))
        newest = latest(loaded.head, loaded.catalogue_place)
        known_at = query.known_at
        if known_at is None or newest <= known_at <= max(loaded.head.now, newest):
            return Cut(_pin(log, _last(loaded), loaded.catalogue_place))
        if known_at > loaded.head.now:
            raise Malformed("must not be later than the ledger's clock", field="known_at")
        return Cut(await self.as_known(log, known_at, loaded))

    async def _reached(
        self, log: int, wanted: Position, loaded: Loaded, *, field: str
    ) -> Place | None:
        """The entry that the position names, in this log and with this hash; None before all."""
        if wanted.log != log:
            message = f"is a position of log {wanted.log}; this subject's log is {log}"
            raise Malformed(message, field=field)
        if wanted.n > loaded.head.size:
            raise Behind(f"{field} is beyond the end of the log: retry, or ask the log's operator")
        place = await self._reader.store.place_of(log, wanted.n)
        if place is None:
            if wanted.leaf_hash is not None:
                raise Malformed("has a hash, and names no entry", field=field)
            return None
        if wanted.leaf_hash not in (None, place.leaf_hash.hex()[:8]):
            raise LogForked(f"{field} names another entry than this log holds there")
        return place

    async def _at(self, log: int, place: Place | None, loaded: Loaded) -> Pin:
        """Entries of one request share a stamp: in one log n tells which of them came later."""
        if place is None:
            return _pin(log, None, None)
        common = loaded.catalogue.items
        known = [
            one.n
            for one in common
            if (one.n <= place.n if log == 0 else one.recorded_at <= place.recorded_at)
        ]
        return _pin(log, place, await self._own_place(known, loaded))

    async def as_known(self, log: int, known_at: datetime, loaded: Loaded) -> Pin:
        """What an answer on what was known by then names: the last entries recorded by then."""
        place = _last(loaded)
        if place is not None and place.recorded_at > known_at:
            place = await self._reader.store.place_at(log, known_at)
        known = [one.n for one in loaded.catalogue.items if one.recorded_at <= known_at]
        return _pin(log, place, await self._own_place(known, loaded))

    async def _own_place(self, known: Sequence[int], loaded: Loaded) -> Place | None:
        """The last of these entries of the ledger's own stream."""
        if len(known) == len(loaded.catalogue.items):
            return loaded.catalogue_place
        return await self._reader.store.place_of(0, known[-1]) if known else None


def purposes_of(catalogue: Dossier, known_at: datetime) -> list[str]:
    """Every purpose that a catalogue recorded by then declares, by id."""
    return sorted(
        {
            purpose.id
            for one in catalogue.at(known_at).of(CatalogueAdopted)
            for purpose in cast(CatalogueAdopted, one.fact).catalogue.purposes
        }
    )


def _last(loaded: Loaded) -> Place | None:
    """The last entry of the log when the dossier was read."""
    head = loaded.head
    if head.leaf_hash is None:
        return None
    return Place(n=head.size, recorded_at=head.recorded_at, leaf_hash=head.leaf_hash)


def _pin(log: int, place: Place | None, catalogue: Place | None) -> Pin:
    """Not at the moment asked for: the next entry must not change an answer about before it."""
    stamps = [one.recorded_at for one in (place, catalogue) if one is not None]
    known_at = max(stamps, default=_BEFORE_ALL)
    return Pin(log=log, known_at=known_at, place=place, catalogue=catalogue)


def _about(query: Query, purpose: str) -> Query:
    return msgspec.structs.replace(query, purpose=purpose)


Explain = Literal["none", "summary", "full"]


def explained(one: Answer, how: Explain) -> Answer:
    """The answer with no trace, with the rules that matched, or with every rule evaluated."""
    if how == "full":
        return one
    because = () if how == "none" else tuple(step for step in one.because if step.matched)
    return msgspec.structs.replace(one, because=because)
