"""Whether everything sealed opens, and holds what its entry committed to.

What a key was destroyed for, or what was emptied, is counted; that an erasure took it is asked of
the stream's replay. Needs the keys, and takes its time. Not here: leaves and the tree (`audit`),
whose findings come first: an entry that is not as recorded may hold what was never committed to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.errors import Fault
from ledger.events import BY_NAME
from ledger.reader import Reader
from ledger.seal import Destroyed, KeyName, KeyOf, UnknownKey, key_ring
from ledger.store import Stored
from projections.audit_findings import LISTED_MAX, AuditFinding, Code, Findings
from projections.everyone import Progress, rows
from projections.replay import fold
from projections.verification import Stream, keys_of, opened_container

PAGE = 500
"""Entries read at once."""


class Contents(msgspec.Struct, frozen=True, kw_only=True, tag_field="part", tag="content"):
    """What was opened of a log, and what was found.

    `groups` were opened, `erased` cannot be: their key is destroyed, or they were emptied.
    `other` entries are not sealed by the ledger, and are held against their digest.
    """

    log: int
    entries: int
    groups: int
    erased: int
    other: int
    findings: int
    counts: dict[Code, int]
    listed: list[AuditFinding]


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    n: int


async def audit_content(
    reader: Reader,
    pool: AsyncConnectionPool,
    log: int,
    *,
    listed_max: int = LISTED_MAX,
    progress: Progress | None = None,
) -> Contents:
    """All that the log has sealed, as far as it is now; the pool's role reads entries whole."""
    return await _ContentAudit(reader, pool, log, listed_max).contents(progress)


class _ContentAudit:
    """The audit of what one log has sealed."""

    def __init__(
        self, reader: Reader, pool: AsyncConnectionPool, log: int, listed_max: int
    ) -> None:
        self._reader = reader
        self._pool = pool
        self._log = log
        self._origin = reader.identity.log_origin(log)
        self._found = Findings(log, listed_max=listed_max)
        self._groups = self._erased = self._other = 0
        # Where streams first lack something, and which are found not to be as recorded.
        self._lacking: dict[UUID, int] = {}
        self._wrong: set[UUID] = set()

    async def contents(self, progress: Progress | None) -> Contents:
        """All of it."""
        size, done = (await self._reader.store.head(self._log)).size, 0
        while page := await self._reader.store.log(self._log, after=done, until=size, limit=PAGE):
            await self._take(page)
            done = page[-1].n
            if progress:
                progress(done, size)
        for stream, n in self._lacking.items():
            if stream not in self._wrong:
                await self._check_erasure(stream, n)
        await self._check_requests()
        return Contents(
            log=self._log,
            entries=size,
            groups=self._groups,
            erased=self._erased,
            other=self._other,
            findings=self._found.counts.total(),
            counts=dict(self._found.counts),
            listed=self._found.listed,
        )

    async def _take(self, page: Sequence[Stored]) -> None:
        sealed = [row for row in page if row.name in BY_NAME]
        key = _ring(await self._keys(sealed))
        for row in sealed:
            self._check(row, key)
        for row in page:
            if row.name not in BY_NAME:
                self._check_other(row)

    async def _keys(self, page: Sequence[Stored]) -> dict[KeyName, bytes | Destroyed | Fault]:
        """The keys of a page; where some key cannot be had, why."""
        wanted = {name for row in page for name in self._needed(row)}
        try:
            return {**await self._reader.keys.by_id(wanted)} if wanted else {}
        except Fault:
            return {name: await self._key(name) for name in wanted}

    async def _key(self, name: KeyName) -> bytes | Destroyed | Fault:
        try:
            return (await self._reader.keys.by_id([name]))[name]
        except KeyError:
            return UnknownKey(f"key {name[0]}:{name[1]} is neither held nor destroyed")
        except Fault as error:
            return error

    def _needed(self, row: Stored) -> tuple[KeyName, ...]:
        try:
            return keys_of(row, self._stream(row))
        except Fault:
            return ()  # It cannot be opened either, and is found then.

    def _check(self, row: Stored, key: KeyOf) -> None:
        """One entry that the ledger sealed."""
        try:
            opened = opened_container(row, self._stream(row), key)
        except UnknownKey as error:
            self._wrong_at(row, "KEY_UNKNOWN", f"cannot be opened: {error}")
        except Fault as error:
            self._wrong_at(row, "CONTAINER", f"holds another thing than was recorded: {error}")
        else:
            self._groups += len(opened.fields) if opened else 0
            erased = len(opened.erased) if opened else 1
            self._erased += erased
            if erased:
                self._lacking.setdefault(row.stream, row.n)

    def _check_other(self, row: Stored) -> None:
        """Bytes of somebody else's, which are committed to as they are."""
        self._other += 1
        if hashlib.sha256(row.container).digest() != row.digests:
            self._wrong_at(row, "CONTAINER", "holds other bytes than were recorded")

    async def _check_erasure(self, stream: UUID, n: int) -> None:
        """What is lacking was taken by an erasure, or the stream's replay says that it was not."""
        own = self._reader.identity.stream
        row = (await self._reader.store.dossiers(self._log, [stream], own=own))[stream]
        try:
            await fold(self._reader, None if stream == own else stream, destroyed=row.destroyed)
        except Fault as error:
            self._found.add("CONTENT_EMPTIED", n, f"lacks what was sealed: {error}")

    async def _check_requests(self) -> None:
        """Entries have one stamp where they have one request, and only there."""
        values = {"log": self._log, "limit": self._found.listed_max}
        for one in await rows(self._pool, _Number, "audit_requests", values):
            detail = (
                "has the stamp of the entry before it and another request, or its request alone"
            )
            self._found.add("REQUEST", one.n, detail)

    def _wrong_at(self, row: Stored, code: Code, detail: str) -> None:
        self._wrong.add(row.stream)
        self._found.add(code, row.n, detail)

    def _stream(self, row: Stored) -> Stream:
        return Stream(log=self._log, origin=self._origin, stream=row.stream)


def _ring(found: Mapping[KeyName, bytes | Destroyed | Fault]) -> KeyOf:
    """Gives the keys; one that cannot be had is unknown, and says why."""
    held = {name: one for name, one in found.items() if not isinstance(one, Fault)}
    ring = key_ring(held)

    def key(key_id: UUID, version: int) -> bytes | Destroyed:
        why = found.get((key_id, version))
        if isinstance(why, Fault):
            raise UnknownKey(str(why)) from why
        return ring(key_id, version)

    return key
