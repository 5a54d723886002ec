"""Every entry of a ledger as lines that an import reads back, in the order of recording.

A line is an entry as scenario files write it: its id, its subject, when it was recorded, and the
fact with its content. What a request brought onto another stream is left out, since recording the
line again brings it there again; so is what is erased. Not here: files (`cli_transfer`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import msgspec

from api.runtime import Runtime
from ledger.civil import format_instant
from ledger.errors import Fault
from ledger.seal import key_ring, needed_keys, open_container
from ledger.sealing import whole_fact
from ledger.store import Stored
from ledger.wire import fact_to_builtins

PAGE = 500
MADE_BY_THE_LEDGER = ("moved", "counterpart")
"""Fields that the ledger fills itself when the entry is recorded."""
NOT_FOR_IMPORT = frozenset({"KeyDestroyed"})


class Exported(msgspec.Struct, kw_only=True):
    """How many entries were read, and what became of them."""

    entries: int = 0
    lines: int = 0
    counterparts: int = 0
    erased: int = 0


class Exporting:
    """One pass over all logs, as they stood when it began."""

    def __init__(self, ledger: Runtime) -> None:
        self._ledger = ledger
        self.tally = Exported()

    async def size(self) -> int:
        """How many entries there are to read."""
        return sum(await self._sizes())

    async def lines(self) -> AsyncIterator[bytes]:
        """The lines, by the moment of recording across all logs."""
        waiting: list[tuple[Stored, int, AsyncIterator[Stored]]] = []
        for log, size in enumerate(await self._sizes()):
            rows = self._rows(log, size)
            first = await anext(rows, None)
            if first is not None:
                waiting.append((first, log, rows))
        request: tuple[datetime, int, UUID] | None = None
        while waiting:
            row, log, rows = min(waiting, key=lambda each: (each[0].recorded_at, each[1]))
            waiting.remove((row, log, rows))
            if request is None or request[:2] != (row.recorded_at, log):
                request = (row.recorded_at, log, row.stream)
            line = await self._line(row, log, first=request[2])
            if line is not None:
                yield line
            following = await anext(rows, None)
            if following is not None:
                waiting.append((following, log, rows))

    async def _sizes(self) -> list[int]:
        logs = range(self._ledger.identity.logs)
        return [(await self._ledger.store.head(log)).size for log in logs]

    async def _rows(self, log: int, size: int) -> AsyncIterator[Stored]:
        after = 0
        while after < size:
            rows = await self._ledger.store.log(log, after=after, until=size, limit=PAGE)
            if not rows:
                raise Fault(f"log {log} lacks entries after {after}: run `ledger doctor`")
            await self._ledger.keys.by_id(
                {name for row in rows if row.container for name in needed_keys(row.container)}
            )
            for row in rows:
                yield row
            after = rows[-1].n

    async def _line(self, row: Stored, log: int, *, first: UUID) -> bytes | None:
        """The entry; None where it is erased, or another stream's entry brought it here."""
        self.tally.entries += 1
        if row.stream != first:
            self.tally.counterparts += 1
            return None
        values = await self._fact(row, log)
        if values is None or row.name in NOT_FOR_IMPORT:
            self.tally.erased += 1
            return None
        self.tally.lines += 1
        own = row.stream == self._ledger.identity.stream
        envelope = {
            "id": str(row.event_id),
            "subject": None if own else str(row.stream),
            "recorded_at": format_instant(row.recorded_at),
        }
        return msgspec.json.encode({**envelope, **values}) + b"\n"

    async def _fact(self, row: Stored, log: int) -> dict[str, object] | None:
        if not row.container:
            return None
        found = await self._ledger.keys.by_id(needed_keys(row.container))
        origin = self._ledger.identity.log_origin(log)
        fact = whole_fact(open_container(row.container, origin=origin, key=key_ring(found)))
        if fact is None:
            return None
        values = fact_to_builtins(fact)
        return {name: value for name, value in values.items() if name not in MADE_BY_THE_LEDGER}
