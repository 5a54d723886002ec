"""Who stands how for a purpose: complete to a stated position, or an error.

A row of `current_basis` is used while it holds (its positions are current, and the moment lies
between `since` and `next_change_at`), and otherwise computed from the dossier. A list about now
reads the rows in their own order where they are followed closely enough (`kept_rows`); else, and at
other moments, it walks over everybody. A cursor goes on at the position, and the moment, of its
first page. Not here: how rows are kept (`current`), or what a standing is (`standing`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.answer import answer
from ledger.errors import Malformed
from ledger.reader import Loaded, Reader
from ledger.rules.case import Question
from ledger.rules.rulebook import RuleBook
from ledger.terms import Article6, Decision
from projections.checks import purposes_of
from projections.current import follower_name
from projections.everyone import (
    BATCH,
    FIRST,
    Cut,
    Pin,
    Progress,
    count,
    pin,
    rows,
    still_there,
)
from projections.kept_rows import Row, Sought, kept_page, noted
from projections.named import is_named

Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
LIMIT_MAX = 10_000
WINDOW = 1000
"""People looked at in one statement, whoever of them is on the list."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone known, or those with this decision or this live line, at one pair of moments.

    Without `effective_at` the list is about now, without `known_at` about everything recorded.
    `named` leaves out everybody of whom nothing is recorded for this purpose.
    """

    purpose: str
    named: bool = False
    decision: Decision | None = None
    live: Article6 | None = None
    effective_at: datetime | None = None
    known_at: datetime | None = None


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A person on the list."""

    subject: UUID
    decision: Decision
    live: tuple[str, ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Part of the list, in order; `cursor` is None on its last page.

    `positions`, one a log, and `catalogue` say to where the list is complete.
    """

    people: tuple[Listed, ...]
    cursor: str | None
    effective_at: datetime
    known_at: datetime
    positions: tuple[str, ...]
    catalogue: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    wanted: Wanted
    effective_at: datetime
    pins: tuple[Pin, ...]
    log: int
    after: UUID
    # How many changes time had made in each log; none where kept rows cannot make up the list.
    noted: tuple[Count, ...] = ()


class Population:
    """Lists people of one ledger."""

    def __init__(self, reader: Reader, rulebook: RuleBook, pool: AsyncConnectionPool) -> None:
        self._reader = reader
        self._rulebook = rulebook
        self._pool = pool

    async def subjects_of(
        self,
        wanted: Wanted,
        *,
        limit: int = 1000,
        cursor: str | None = None,
        progress: Progress | None = None,
    ) -> Page:
        """The next `limit` people of the list; fewer only on the last page.

        Raises `Malformed` for a cursor of another list, `LogForked` for one of another log.
        """
        if not 1 <= limit <= LIMIT_MAX:
            raise Malformed(f"must be from 1 to {LIMIT_MAX}", field="limit")
        at = await self._begin(wanted) if cursor is None else await self._resume(wanted, cursor)
        found: list[Listed] = []
        last = at
        async for log, one in self._matching(at, progress, most=limit + 1):
            if len(found) == limit:
                return _page(at, found, _written(last))
            found.append(one)
            last = msgspec.structs.replace(at, log=log, after=one.subject)
        return _page(at, found, None)

    async def tally(self, purpose: str, *, progress: Progress | None = None) -> Counter[Decision]:
        """How many known people have each decision, now."""
        at = await self._begin(Wanted(purpose=purpose))
        return Counter([one.decision async for _, one in self._matching(at, progress, most=WINDOW)])

    async def _begin(self, wanted: Wanted) -> _Cursor:
        logs = range(self._reader.identity.logs)
        changes = tuple([await noted(self._pool, log) for log in logs])
        heads = [await self._reader.store.head(log) for log in logs]
        now = max(max(head.now, head.recorded_at) for head in heads)
        if wanted.known_at is not None and wanted.known_at > now:
            raise Malformed("must not be later than the ledger's clock", field="known_at")
        pins = tuple([await pin(self._reader, log, wanted.known_at) for log in logs])
        latest = max(one.known_at for one in pins)
        return _Cursor(
            wanted=wanted,
            effective_at=wanted.effective_at or max(now, latest),
            pins=pins,
            log=0,
            after=FIRST,
            noted=changes if await self._is_kept(wanted, latest) else (),
        )

    async def _is_kept(self, wanted: Wanted, known_at: datetime) -> bool:
        """Whether rows are kept of what is asked: how people stand now for a declared purpose."""
        if wanted.named or wanted.effective_at is not None or wanted.known_at is not None:
            return False
        return wanted.purpose in purposes_of((await self._reader.own()).dossier, known_at)

    async def _resume(self, wanted: Wanted, cursor: str) -> _Cursor:
        at = _read(cursor)
        logs = self._reader.identity.logs
        if at.wanted != wanted or len(at.pins) != logs or len(at.noted) not in (0, logs):
            raise Malformed("belongs to another list: begin without it", field="cursor")
        for one in at.pins:
            await still_there(self._reader, one)
        return at

    async def _matching(
        self, at: _Cursor, progress: Progress | None, *, most: int
    ) -> AsyncIterator[tuple[int, Listed]]:
        logs = range(self._reader.identity.logs)
        total = await count(self._reader, self._pool, logs) if progress else 0
        for log in logs[at.log :]:
            after = at.after if log == at.log else FIRST
            cut = Cut(at.pins[log])
            while some := await self._rows(at, log, after, most):
                for one in await self._listed(at, cut, some):
                    if _matches(at.wanted, one):
                        yield log, one
                after = some[-1].subject
                if progress:
                    progress(_done(total, log, logs, after), total)
        if progress:
            progress(total, total)

    async def _rows(self, at: _Cursor, log: int, after: UUID, most: int) -> list[Row]:
        """Of the next people of the log those who may be on the list, and the last of them all."""
        kept = await self._kept(at, log, after, most) if at.noted else None
        return await self._walked(at, log, after) if kept is None else kept

    async def _kept(self, at: _Cursor, log: int, after: UUID, most: int) -> list[Row] | None:
        # Rows are read of one decision, and not of one line: of those only some may be wanted.
        limit = most if at.wanted.live is None else max(most, WINDOW)
        sought = Sought(
            purpose=at.wanted.purpose,
            decision=at.wanted.decision,
            live=at.wanted.live,
            pin=at.pins[log],
            effective_at=at.effective_at,
            noted=at.noted[log],
            follower=follower_name(self._rulebook),
        )
        return await kept_page(self._reader, self._pool, sought, after=after, limit=limit)

    async def _walked(self, at: _Cursor, log: int, after: UUID) -> list[Row]:
        one = at.pins[log]
        values = {
            "log": log,
            "own": self._reader.identity.stream,
            "after": after,
            "limit": WINDOW,
            "purpose": at.wanted.purpose,
            "decision": at.wanted.decision,
            "live": at.wanted.live,
            "effective_at": at.effective_at,
            "n": one.n,
            # No row is of the catalogue -1: what it does not say is computed.
            "catalogue_n": -1 if at.wanted.known_at or at.wanted.named else one.catalogue_n,
            "follower": follower_name(self._rulebook),
        }
        return await rows(self._pool, Row, "people_with_standing", values)

    async def _listed(self, at: _Cursor, cut: Cut, some: list[Row]) -> list[Listed]:
        known = [one for one in some if one.first_n is None or one.first_n <= cut.pin.n]
        unsure = [one.subject for one in known if one.decision is None]
        computed: dict[UUID, Listed] = {}
        for start in range(0, len(unsure), BATCH):
            loaded = await self._reader.subjects(cut.pin.log, unsure[start : start + BATCH])
            for subject, each in loaded.items():
                if not at.wanted.named or _is_named(at, cut, each):
                    computed[subject] = self._computed(at, cut, subject, each)
                await asyncio.sleep(0)
        return [
            computed[one.subject] if one.decision is None else _kept(one, one.decision)
            for one in known
            if one.decision is not None or one.subject in computed
        ]

    def _computed(self, at: _Cursor, cut: Cut, subject: UUID, loaded: Loaded) -> Listed:
        question = Question(
            purpose=at.wanted.purpose,
            effective_at=at.effective_at,
            known_at=cut.pin.known_at,
        )
        got = answer(question, cut.dossier(loaded), cut.catalogue(loaded), self._rulebook)
        return Listed(subject=subject, decision=got.decision, live=got.live)


def _is_named(at: _Cursor, cut: Cut, loaded: Loaded) -> bool:
    return is_named(cut.dossier(loaded), [at.wanted.purpose], cut.pin.known_at)


def _kept(one: Row, decision: str) -> Listed:
    return Listed(subject=one.subject, decision=Decision(decision), live=tuple(one.live or ()))


def _matches(wanted: Wanted, one: Listed) -> bool:
    if wanted.decision not in (None, one.decision):
        return False
    return wanted.live is None or wanted.live in one.live


def _done(total: int, log: int, logs: range, after: UUID) -> int:
    """How many are done: subjects are random, so their order tells how far the walk has come."""
    return int(total * (log + after.int / 2**128) / len(logs))


def _page(at: _Cursor, found: list[Listed], cursor: str | None) -> Page:
    return Page(
        people=tuple(found),
        cursor=cursor,
        effective_at=at.effective_at,
        known_at=max(one.known_at for one in at.pins),
        positions=tuple(one.position for one in at.pins),
        catalogue=at.pins[0].catalogue_position,
    )


def _written(at: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(at)).rstrip(b"=").decode()


def _read(cursor: str) -> _Cursor:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(text, type=_Cursor)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Malformed("cannot be read: begin without it", field="cursor") from error
