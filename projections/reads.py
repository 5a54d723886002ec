"""The read audit as auditors ask it: who looked at whom, when, and for what stated reason.

A list is pinned: rows written after its first page are not on it. A row is written within a minute
of the read that it tells of (`read_chains`), so that older ones are settled; of younger ones those
count that stood in their chains when the list was begun. Not here: whether the rows are as they
were written (`read_verification`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import LogForked, Malformed
from ledger.reader import Reader
from projections.everyone import FIRST, rows
from projections.exposure import Gap
from projections.read_audit import Row, first_id
from projections.read_chains import SECONDS_MAX

SETTLES = timedelta(seconds=SECONDS_MAX)
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_LISTS_BEGIN, _LISTS_END = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Rows about a person, of a client, or all, answered in [since, until); None is no bound."""

    subject: UUID | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ReadsPage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of a list of rows, by log and time; `cursor` is None on its last page."""

    rows: tuple[Row, ...]
    cursor: str | None
    until: datetime


class Head(msgspec.Struct, frozen=True, array_like=True):
    """A chain as long as it was."""

    log: int
    chain: UUID
    n: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class _Place(msgspec.Struct, frozen=True, array_like=True):
    sought: Sought
    now: Annotated[datetime, msgspec.Meta(tz=True)]
    heads: tuple[Head, ...]
    log: int
    after: UUID


class _HeadRow(msgspec.Struct, frozen=True, kw_only=True):
    chain: UUID
    n: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A caller who was told that something is permitted, and when; `read` is the row's id."""

    read: UUID
    client: str
    reason: str | None
    on_behalf_of: str | None
    answered_at: datetime
    decision: str
    effective_at: datetime


class _ToldRow(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    client: str
    reason: str | None
    on_behalf_of: str | None
    answered_at: datetime
    kind: str
    purpose: str
    question: str
    effective_at: datetime
    known_at: datetime
    decision: str


class _Knowledge(msgspec.Struct, frozen=True, kw_only=True):
    known_at: str | None = None
    at_position: str | None = None


class Reads:
    """Asks the read audit of one ledger."""

    def __init__(self, reader: Reader, pool: AsyncConnectionPool) -> None:
        self._reader = reader
        self._pool = pool

    async def found(self, sought: Sought, *, limit: int, cursor: str | None = None) -> ReadsPage:
        """The next rows of the list, `limit` of them unless the list ends.

        Raises `Malformed` for a cursor of another list, `LogForked` where pinned rows are gone.
        """
        at = await self._begin(sought) if cursor is None else await self._resume(sought, cursor)
        found: list[Row] = []
        for log in (one for one in self._logs(sought) if one >= at.log):
            after = at.after if log == at.log else FIRST
            found += await self._rows(at, log, after, limit + 1 - len(found))
            if len(found) > limit:
                last = found[limit - 1]
                following = msgspec.structs.replace(at, log=last.log, after=last.id)
                return self._page(at, found[:limit], _written(following))
        return self._page(at, found, None)

    async def by_id(self, id_: UUID) -> Row | None:
        """The row with this id."""
        for log in range(self._reader.identity.logs):
            found = await rows(self._pool, Row, "read_by_id", {"log": log, "id": id_})
            if found:
                return found[0]
        return None

    async def told(self, subject: UUID, gaps: Sequence[Gap]) -> list[tuple[Told, ...]]:
        """For each gap who was told, about a moment of it, that something is permitted.

        Only who was told before the entries were recorded that show the gap.
        """
        values = {
            "log": self._reader.identity.log_of(subject),
            "subject": subject,
            "purposes": sorted({one.purpose for one in gaps}),
            "start": min(one.start for one in gaps),
            "end": max(one.end for one in gaps),
        }
        told = await rows(self._pool, _ToldRow, "told_permitted", values)
        return [tuple(_told(one) for one in told if _in_gap(one, gap)) for gap in gaps]

    async def _begin(self, sought: Sought) -> _Place:
        now = (await self._reader.own()).head.now
        heads = [head for log in self._logs(sought) for head in await self._heads(log, now)]
        return _Place(sought, now, tuple(heads), 0, FIRST)

    async def _resume(self, sought: Sought, cursor: str) -> _Place:
        at = _read(cursor)
        if at.sought != sought or not _LISTS_BEGIN < at.now < _LISTS_END:
            raise Malformed("belongs to another list: begin without it", field="cursor")
        for log in self._logs(sought):
            there = {one.chain: one.n for one in await self._heads(log, at.now)}
            if any(there.get(one.chain, 0) < one.n for one in at.heads if one.log == log):
                raise LogForked("the list was begun on rows that are not here: begin again")
        return at

    async def _heads(self, log: int, now: datetime) -> list[Head]:
        # Twice as long: a chain's last row may tell of an earlier read than the one before it.
        values = {"log": log, "recent": first_id(now - 2 * SETTLES)}
        found = await rows(self._pool, _HeadRow, "read_chain_heads", values)
        return [Head(log, one.chain, one.n) for one in found]

    async def _rows(self, at: _Place, log: int, after: UUID, limit: int) -> list[Row]:
        sought = at.sought
        since, until = sought.since or _ALWAYS, _until(at)
        heads = [one for one in at.heads if one.log == log]
        values = {
            "log": log,
            "subject": sought.subject,
            "client": sought.client,
            "since": since,
            "until": until,
            "after": max(after, first_id(since)),
            "last": first_id(until + timedelta(milliseconds=1)),
            "settled": first_id(at.now - SETTLES),
            "chains": [one.chain for one in heads],
            "heads": [one.n for one in heads],
            "limit": limit,
        }
        return await rows(self._pool, Row, _statement(sought), values)

    def _logs(self, sought: Sought) -> Sequence[int]:
        identity = self._reader.identity
        logs = range(identity.logs)
        return logs if sought.subject is None else [identity.log_of(sought.subject)]

    def _page(self, at: _Place, found: Iterable[Row], cursor: str | None) -> ReadsPage:
        return ReadsPage(rows=tuple(found), cursor=cursor, until=_until(at))


def _until(at: _Place) -> datetime:
    """Nothing that was answered after the list was begun."""
    end = at.now + timedelta(microseconds=1)
    return end if at.sought.until is None else min(end, at.sought.until)


def _statement(sought: Sought) -> str:
    if sought.subject is not None:
        return "reads_of_subject"
    return "reads_of_all" if sought.client is None else "reads_of_client"


def _in_gap(one: _ToldRow, gap: Gap) -> bool:
    if one.purpose != gap.purpose or not gap.start <= one.effective_at < gap.end:
        return False
    # A clock is read after the snapshot: what was recorded in between was not known.
    return one.answered_at < gap.shown_at or (_newest(one) and one.known_at < gap.shown_at)


def _newest(one: _ToldRow) -> bool:
    """The question was about everything recorded, and not about what was known once."""
    if one.kind not in ("CHECK", "BASES"):
        return False
    asked = msgspec.json.decode(one.question, type=_Knowledge)
    return asked.known_at is None and asked.at_position is None


def _told(one: _ToldRow) -> Told:
    return Told(
        read=one.id,
        client=one.client,
        reason=one.reason,
        on_behalf_of=one.on_behalf_of,
        answered_at=one.answered_at,
        decision=one.decision,
        effective_at=one.effective_at,
    )


def _written(at: _Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(at)).rstrip(b"=").decode()


def _read(cursor: str) -> _Place:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(text, type=_Place)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Malformed("cannot be read: begin without it", field="cursor") from error
