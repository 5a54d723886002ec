"""Questions answered from dossiers: one row read by primary key, then the pure `answer`.

Here a question gets its identity: the moment, and the last entries recorded by `known_at` in the
subject's log and in the ledger's own stream. Not here: who may ask (`api`).
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
from ledger.reader import Loaded, Reader, latest, position
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook
from ledger.store import Place
from ledger.terms import DataClass, Operation

BATCH_MAX = 1000
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
"""When nothing is known: the stamp of an empty log."""
_POSITION = re.compile(r"(\d{1,4}):(\d{1,18})(?::([0-9a-f]{8}))?")


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


class Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    """A state of knowledge: its moment, and the last entries it holds."""

    known_at: datetime
    position: str
    catalogue: str


def parse_position(text: str, *, field: str) -> Position:
    """`<log>:<n>` or `<log>:<n>:<8 hex>`."""
    found = _POSITION.fullmatch(text)
    if found is None:
        raise Malformed("must be <log>:<n> or <log>:<n>:<8 hex digits>", field=field)
    return Position(log=int(found[1]), n=int(found[2]), leaf_hash=found[3])


class Checks:
    """Answers questions about one ledger."""

    def __init__(self, reader: Reader, rulebook: RuleBook) -> None:
        self._reader = reader
        self._rulebook = rulebook

    async def check(self, query: Query) -> Answer:
        """The answer; the same query at the same position has the same bytes, for ever."""
        log = self._reader.identity.log_of(query.subject)
        loaded = (await self._reader.subjects(log, [query.subject]))[query.subject]
        knowledge = await self._knowledge(log, query, loaded)
        return self._answer(query, loaded, knowledge)

    async def batch(self, queries: Sequence[Query]) -> list[Answer]:
        """The answers in order, all of one log on one snapshot of it."""
        by_log: dict[int, list[UUID]] = {}
        for query in queries:
            log = self._reader.identity.log_of(query.subject)
            by_log.setdefault(log, []).append(query.subject)
        loaded: dict[UUID, Loaded] = {}
        for log, subjects in by_log.items():
            loaded |= await self._reader.subjects(log, list(dict.fromkeys(subjects)))
        answers = []
        for query in queries:
            log = self._reader.identity.log_of(query.subject)
            knowledge = await self._knowledge(log, query, loaded[query.subject])
            answers.append(self._answer(query, loaded[query.subject], knowledge))
        return answers

    async def bases(self, query: Query) -> list[tuple[str, Answer]]:
        """Every purpose of the catalogue known by then, each with its answer at one moment."""
        log = self._reader.identity.log_of(query.subject)
        loaded = (await self._reader.subjects(log, [query.subject]))[query.subject]
        knowledge = await self._knowledge(log, query, loaded)
        purposes = purposes_of(loaded.catalogue, knowledge.known_at)
        return [
            (purpose, self._answer(_about(query, purpose), loaded, knowledge))
            for purpose in purposes
        ]

    def _answer(self, query: Query, loaded: Loaded, knowledge: Knowledge) -> Answer:
        moment = query.effective_at
        now = max(loaded.head.now, latest(loaded.head, loaded.catalogue_place))
        day = moment if isinstance(moment, date) and not isinstance(moment, datetime) else None
        question = Question(
            purpose=query.purpose,
            effective_at=moment if isinstance(moment, datetime) else now,
            known_at=knowledge.known_at,
            operation=query.operation,
            data=query.data,
            recipient=query.recipient,
            exception=query.exception,
            position=knowledge.position,
            catalogue=knowledge.catalogue,
        )
        if day is not None:
            return answer_day(question, day, loaded.dossier, loaded.catalogue, self._rulebook)
        return answer(question, loaded.dossier, loaded.catalogue, self._rulebook)

    async def _knowledge(self, log: int, query: Query, loaded: Loaded) -> Knowledge:
        if query.min_position is not None:
            await self._reached(log, query.min_position, loaded, field="min_position")
        known_at = query.known_at
        if query.at_position is not None:
            if known_at is not None:
                message = "give known_at or at_position, not both"
                raise Malformed(message, field="at_position")
            place = await self._reached(log, query.at_position, loaded, field="at_position")
            known_at = _stamp(place)
        newest = latest(loaded.head, loaded.catalogue_place)
        if known_at is None or newest <= known_at <= max(loaded.head.now, newest):
            return _newest(log, loaded)
        if known_at > loaded.head.now:
            raise Malformed("must not be later than the ledger's clock", field="known_at")
        return await self._as_known(log, known_at)

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

    async def _as_known(self, log: int, known_at: datetime) -> Knowledge:
        own = self._reader.identity.stream
        place = await self._reader.store.place_at(log, known_at)
        catalogue = await self._reader.store.stream_place_at(0, own, known_at)
        # Not `known_at`: the next entry must not change the answer to a question about before it.
        return Knowledge(
            known_at=max(_stamp(place), _stamp(catalogue)),
            position=_spelt(log, place),
            catalogue=_spelt(0, catalogue),
        )


def purposes_of(catalogue: Dossier, known_at: datetime) -> list[str]:
    """Every purpose that a catalogue recorded by then declares, by id."""
    return sorted(
        {
            purpose.id
            for one in catalogue.at(known_at).of(CatalogueAdopted)
            for purpose in cast(CatalogueAdopted, one.fact).catalogue.purposes
        }
    )


def _newest(log: int, loaded: Loaded) -> Knowledge:
    return Knowledge(
        known_at=latest(loaded.head, loaded.catalogue_place),
        position=position(log, loaded.head.size, loaded.head.leaf_hash),
        catalogue=_spelt(0, loaded.catalogue_place),
    )


def _stamp(place: Place | None) -> datetime:
    return _BEFORE_ALL if place is None else place.recorded_at


def _spelt(log: int, place: Place | None) -> str:
    return position(log, 0, None) if place is None else position(log, place.n, place.leaf_hash)


def _about(query: Query, purpose: str) -> Query:
    return msgspec.structs.replace(query, purpose=purpose)


Explain = Literal["none", "summary", "full"]


def explained(one: Answer, how: Explain) -> Answer:
    """The answer with no trace, with the rules that matched, or with every rule evaluated."""
    if how == "full":
        return one
    because = () if how == "none" else tuple(step for step in one.because if step.matched)
    return msgspec.structs.replace(one, because=because)
