"""Exposure: when the answer believed at the time permitted what hindsight does not.

At every moment of a period the answer on what was known then (E, K = E) is held against the answer
on everything known now (E, K = now); where hindsight permits less, somebody may have relied on what
was not so. Each interval names the entries, recorded after it began, that show it. Not here: who in
fact asked (`reads`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Malformed
from ledger.reader import Reader
from ledger.rules.rulebook import RuleBook
from ledger.terms import Decision
from projections.checks import purposes_of
from projections.compare import Cause, Record, learned
from projections.everyone import Cut, Pin, Progress, count, loaded_people, pin
from projections.named import is_named
from projections.walk import learned_at

PERMISSION = {
    Decision.PERMIT: 2,
    Decision.PERMIT_LIMITED: 1,
    Decision.DENY: 0,
    Decision.OUT_OF_SCOPE: 0,
}
"""How much a decision permits."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Half-open."""

    start: datetime
    end: datetime


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """An interval (half-open) in which more was believed permitted than hindsight permits.

    `shown_at` is when the last of the entries that show it was recorded.
    """

    purpose: str
    start: datetime
    end: datetime
    believed: Decision
    hindsight: Decision
    entries: tuple[str, ...]
    shown_at: datetime


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """One person's gaps, in order of purpose and time."""

    subject: UUID
    gaps: tuple[Gap, ...]


class Exposures:
    """The exposure of everyone one ledger knows, in a period, on what is known at the pins."""

    def __init__(
        self, reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool, pins: Sequence[Pin]
    ) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._pool = pool
        self.pins = tuple(pins)

    @classmethod
    async def now(cls, reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool) -> Exposures:
        """On everything recorded."""
        pins = [await pin(reader, log) for log in range(reader.identity.logs)]
        return cls(reader, rulebook, pool, pins)

    async def over(
        self,
        period: Period,
        *,
        purposes: Sequence[str] | None = None,
        named: bool = False,
        progress: Progress | None = None,
    ) -> AsyncIterator[Exposure]:
        """Everyone with a gap, by log and subject; complete once the iterator has ended.

        `named` leaves out everybody of whom nothing is recorded for any of these purposes.
        """
        if period.start >= period.end:
            raise Malformed("must be later than `from`", field="until")
        logs = [one.log for one in self.pins]
        total = await count(self._reader, self._pool, logs) if progress else 0
        done = 0
        for one in self.pins:
            cut = Cut(one)
            async for subject, loaded in loaded_people(self._reader, self._pool, one):
                person = cut.dossier(loaded)
                wanted = purposes
                if named and not is_named(person, purposes or (), one.known_at):
                    wanted = ()
                record = Record(
                    person=person,
                    catalogue=cut.catalogue(loaded),
                    rulebook=self._rulebook,
                )
                gaps = tuple(gaps_of(record, period, known_at=one.known_at, purposes=wanted))
                if gaps:
                    yield Exposure(subject=subject, gaps=gaps)
                done += 1
                if progress:
                    progress(done, total)


def gaps_of(
    record: Record, period: Period, *, known_at: datetime, purposes: Sequence[str] | None = None
) -> Iterator[Gap]:
    """The gaps of one person up to `known_at`: a belief about later than that has no hindsight."""
    period = Period(start=period.start, end=min(period.end, known_at))
    learned_then = learned_at(record.person, record.catalogue, after=period.start, until=known_at)
    if not learned_then:
        return
    known = purposes_of(record.catalogue, known_at)
    for purpose in known if purposes is None else purposes:
        yield from _merged(_gaps(record, purpose, period, known_at, learned_then))


def _gaps(
    record: Record,
    purpose: str,
    period: Period,
    known_at: datetime,
    learned_then: Sequence[datetime],
) -> Iterator[Gap]:
    ask = record.asking(purpose)
    moment = period.start
    while moment < period.end:
        believed, hindsight = ask(moment, moment), ask(moment, known_at)
        named = (believed.next_change_at, hindsight.next_change_at, *learned_then)
        end = min((one for one in named if one and moment < one), default=period.end)
        end = min(end, period.end)
        if PERMISSION[hindsight.decision] < PERMISSION[believed.decision]:
            causes = learned(record, purpose, effective_at=moment, after=moment, until=known_at)
            shown = [one for one in causes if "decision" in one.changed]
            yield Gap(
                purpose=purpose,
                start=moment,
                end=end,
                believed=believed.decision,
                hindsight=hindsight.decision,
                entries=_entries(shown),
                shown_at=max(one.at for one in shown),
            )
        moment = end


def _entries(causes: Sequence[Cause]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry for one in causes for entry in one.entries))


def _merged(gaps: Iterator[Gap]) -> Iterator[Gap]:
    """The gaps with those that touch and say the same made one."""
    held: Gap | None = None
    for one in gaps:
        longer = held and msgspec.structs.replace(held, end=one.end)
        if (
            held
            and held.end == one.start
            and longer == msgspec.structs.replace(one, start=held.start)
        ):
            held = longer
            continue
        if held:
            yield held
        held = one
    if held:
        yield held
