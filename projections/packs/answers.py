"""The answers of a pack: each purpose at each moment, as it was known then and as it is known now.

They are given from the entries themselves (`replay`), never from what is derived, and have the
bytes that the service gives with its whole trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import msgspec

from ledger.answer import Answer, answer, answer_day
from ledger.civil import next_day, start_of_day
from ledger.errors import Malformed
from ledger.events import ComplaintReceived
from ledger.history import Dossier
from ledger.reader import Reader, position
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook
from ledger.store import Place
from projections.checks import purposes_of
from projections.everyone import until
from projections.packs.order import MOMENTS_MAX, Moment, Order

ANSWERS_MAX = 4_000
_BEFORE_ALL = datetime(1, 1, 1, tzinfo=UTC)
"""When nothing is known: the stamp of an empty log."""

Clock = Literal["then", "now"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answer; `clock` says whose knowledge it is of: then's, or the pack's."""

    purpose: str
    moment: Moment
    clock: Clock
    known_at: datetime
    answer: Answer


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a question may use, and the entries that its answer names."""

    clock: Clock
    asked_at: datetime
    place: Place | None
    own: Place | None
    person: Dossier
    common: Dossier

    @property
    def known_at(self) -> datetime:
        """The answer's own: the later stamp of the entries that it names."""
        stamps = [one.recorded_at for one in (self.place, self.own) if one is not None]
        return max(stamps, default=_BEFORE_ALL)


class Answering:
    """Answers about one person, from dossiers that go at least to the checkpoint's last entry.

    `own` are the places of the entries of the ledger's own stream, by n.
    """

    def __init__(
        self,
        reader: Reader,
        rulebook: RuleBook,
        order: Order,
        *,
        last: Place,
        own: Mapping[int, Place],
        person: Dossier,
        common: Dossier,
    ) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._order = order
        self._last = last
        self._own = own
        self._person = until(person, last.n)
        self._common = until(common, last.n)

    def purposes(self) -> list[str]:
        """Those of the order, or every one that a catalogue has."""
        named = self._order.purposes
        known = purposes_of(self._common, self._last.recorded_at)
        return known if named is None else sorted(set(named))

    def moments(self) -> list[Moment]:
        """Those of the order; else when its complaints came in, and else the last entry's."""
        if self._order.at:
            return list(dict.fromkeys(self._order.at))
        items = self._person.at(self._last.recorded_at).of(ComplaintReceived)
        found = [one.at for one in items if self._complained(cast(ComplaintReceived, one.fact))]
        return list(dict.fromkeys(found[-MOMENTS_MAX:])) or [self._last.recorded_at]

    async def answers(self) -> list[Asked]:
        """Every purpose at every moment, at both clocks where they differ."""
        moments, purposes = self.moments(), self.purposes()
        if 2 * len(moments) * len(purposes) > ANSWERS_MAX:
            raise Malformed(f"makes more than {ANSWERS_MAX} answers: ask for fewer", field="at")
        found = []
        for moment in moments:
            for known in await self._known(moment):
                found += [self._asked(purpose, moment, known) for purpose in purposes]
        return found

    def _complained(self, fact: ComplaintReceived) -> bool:
        start, end = self._order.start, self._order.end
        return (fact.purpose is None or self._order.covers(fact.purpose)) and (
            (start is None or start <= fact.effective_at)
            and (end is None or fact.effective_at < end)
        )

    async def _known(self, moment: Moment) -> Sequence[Known]:
        now = self._at("now", self._last.recorded_at, self._last)
        then = _end_of(moment)
        if then >= self._last.recorded_at:
            return [now]
        return [self._at("then", then, await self._reader.store.place_at(0, then)), now]

    def _at(self, clock: Clock, asked_at: datetime, place: Place | None) -> Known:
        n = place.n if place else 0
        common = until(self._common, n)
        return Known(
            clock=clock,
            asked_at=asked_at,
            place=place,
            own=self._own[common.items[-1].n] if common.items else None,
            person=until(self._person, n),
            common=common,
        )

    def _asked(self, purpose: str, moment: Moment, known: Known) -> Asked:
        order = self._order
        question = Question(
            purpose=purpose,
            effective_at=moment if isinstance(moment, datetime) else known.known_at,
            known_at=known.known_at,
            operation=order.operation,
            data=order.data,
            recipient=order.recipient,
            position=_spelt(known.place),
            catalogue=_spelt(known.own),
        )
        return Asked(
            purpose=purpose,
            moment=moment,
            clock=known.clock,
            known_at=known.asked_at,
            answer=self._answer(question, moment, known),
        )

    def _answer(self, question: Question, moment: Moment, known: Known) -> Answer:
        if isinstance(moment, datetime):
            return answer(question, known.person, known.common, self._rulebook)
        return answer_day(question, moment, known.person, known.common, self._rulebook)


def _end_of(moment: Moment) -> datetime:
    """The instant, or the last one of the day."""
    if isinstance(moment, datetime):
        return moment
    return start_of_day(next_day(moment)) - timedelta(microseconds=1)


def _spelt(place: Place | None) -> str:
    return position(0, 0, None) if place is None else position(0, place.n, place.leaf_hash)
