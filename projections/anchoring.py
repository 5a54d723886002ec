"""Checkpoints are time-stamped: once an hour while the log grows, RFC 3161 over the note's text.

A token shows, without us and without a witness, that a tree existed by then; it is verified before
it is kept. Nothing waits for one. Not here: how an authority is asked (`api`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Unavailable
from ledger.store import Identity
from ledger.tlog.note import parse_note
from projections.everyone import rows, write
from projections.turns import looking, taken

LOOK_S = 30.0
"""How often a process looks whether it is time."""
APART_S = 3600
RETRY_S = 300

Reason = Literal["unreachable", "refused", "unreadable", "clock"]


class NotStamped(Unavailable):
    """No time stamp that can be kept was given now."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


class Stamped(msgspec.Struct, frozen=True, kw_only=True):
    """An RFC 3161 TimeStampResp in DER, verified, and the time that it says."""

    evidence: bytes
    made_at: datetime


class Stamps(Protocol):
    """A time-stamping authority."""

    @property
    def target(self) -> str:
        """What its stamps are kept under."""

    async def stamp(self, text: bytes, *, now: int) -> Stamped:
        """A stamp over the text at `now`, in seconds since 1970; raises `NotStamped`."""


class Watches(Protocol):
    """Whoever is told how it goes."""

    def anchored(self, log: int, age: float | None) -> None:
        """At every look: the seconds since the last stamp, None before the first."""

    def not_anchored(self, log: int, error: NotStamped) -> None:
        """At every attempt that gave none."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint signed last, and how the authority stands to it; `age` is in seconds."""

    size: int
    note: str
    stamped: bool
    age: float | None

    @property
    def due(self) -> bool:
        """Whether there is something to stamp; a log without entries has nothing to show."""
        grown = self.size > 0 and not self.stamped
        return grown and (self.age is None or self.age >= APART_S)


class Anchoring:
    """The time stamps of one ledger's logs; several processes may run it, one asks at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        identity: Identity,
        authority: Stamps,
        *,
        watch: Watches,
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._authority = authority
        self._watch = watch

    async def follow(self, stop: asyncio.Event, *, failed: Callable[[Exception], None]) -> None:
        """Looks until told to stop; an error is reported, and the look repeated later."""
        await looking(self.look, stop, every_s=LOOK_S, failed=failed)

    async def look(self) -> None:
        """Every log whose time it is gets its stamp."""
        for log in range(self._identity.logs):
            try:
                await self._look_at(log)
            except NotStamped as error:
                self._watch.not_anchored(log, error)

    async def _look_at(self, log: int) -> None:
        target = self._authority.target
        found = await rows(self._pool, Standing, "anchor_standing", {"log": log, "target": target})
        self._watch.anchored(log, found[0].age if found else None)
        if not found or not found[0].due:
            return
        now = await taken(self._pool, log, f"anchor {target}", seconds=RETRY_S)
        if now is None:
            return
        text = parse_note(found[0].note.encode()).text.encode()
        stamped = await self._authority.stamp(text, now=now)
        await self._keep(log, found[0].size, stamped)

    async def _keep(self, log: int, size: int, stamped: Stamped) -> None:
        values = {
            "log": log,
            "size": size,
            "target": self._authority.target,
            "evidence": stamped.evidence,
            "anchored_at": stamped.made_at,
        }
        await write(self._pool, "keep_anchor", values)
