"""Recording the lines of an import: many in flight, those of one subject in their order.

Each line is one request under a key made of the source and the line's number: an import that was
interrupted is run again, and what was recorded stays recorded once. A line that is refused or
cannot be read is reported, and the others go on; where the database cannot be reached, all stop.
Not here: what a line looks like (`import_lines`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec

from api.import_ids import Ids
from api.import_lines import PEOPLE, REFERENCES, Identifier, Line, Raw, read_line
from api.runtime import Runtime
from ledger.batch import WEIGHT_MAX
from ledger.cache import AgeingCache
from ledger.errors import KeyReused, LedgerError, Malformed
from ledger.record import Command, Receipted, Refused
from ledger.wire import read_fact

CLIENT = "import"
TOGETHER = 256
"""Lines read ahead, so that their identifiers and keys are looked up together."""
IN_FLIGHT = WEIGHT_MAX
"""Entries on their way: as many as leave in one flush, so that others wait for one at most."""
ROOM_BYTES = 16 * 1024 * 1024
IDENTIFIERS_HELD = 20_000


class Unrecorded(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is not recorded, and why; nothing of what it says."""

    line: int
    field: str | None
    message: str
    reason: str | None = None


class Summary(msgspec.Struct, kw_only=True):
    """Lines by what became of them; `entries` counts those recorded by this run."""

    lines: int = 0
    recorded: int = 0
    before: int = 0
    refused: int = 0
    entries: int = 0


class Stopped(LedgerError):
    """The import cannot go on; running it again goes on where it stopped."""


class Window:
    """Room for what is in flight, in entries and in bytes; one line alone always has room."""

    def __init__(self, *, entries: int, size: int) -> None:
        self._whole = self._room = (entries, size)
        self._freed = asyncio.Event()

    async def enter(self, entries: int, size: int) -> None:
        """There is room, and the line has taken its own."""
        while self._room != self._whole and (self._room[0] < entries or self._room[1] < size):
            self._freed.clear()
            await self._freed.wait()
        self._room = (self._room[0] - entries, self._room[1] - size)

    def leave(self, entries: int, size: int) -> None:
        """The line's room is free again."""
        self._room = (self._room[0] + entries, self._room[1] + size)
        self._freed.set()


class Importing:
    """One run of an import into a ledger."""

    def __init__(
        self, ledger: Runtime, ids: Ids, *, source: str, report: Callable[[Unrecorded], None]
    ) -> None:
        self._ledger = ledger
        self._ids = ids
        self._source = source
        self._report = report
        self._window = Window(entries=IN_FLIGHT, size=ROOM_BYTES)
        self._resolved: AgeingCache[Identifier, UUID] = AgeingCache(
            clock=lambda: 0.0, weight_max=IDENTIFIERS_HELD, age_s_max=1.0
        )
        self._last: dict[UUID | None, asyncio.Task[None]] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._failure: tuple[int, BaseException] | None = None
        self.summary = Summary()

    async def run(self, lines: Iterable[Raw]) -> Summary:
        """Every line recorded, found recorded before, or reported; raises `Stopped`."""
        chunks = _chunks(lines)
        # In a thread, since a pipe may keep its reader waiting while lines are in flight.
        while some := await asyncio.to_thread(next, chunks, None):
            read = [line for raw in some if (line := self._read(raw)) is not None]
            await self._prepare(read)
            sizes = {raw.n: len(raw.text or b"") for raw in some}
            for line in read:
                await self._start(line, sizes[line.n])
            if self._failure is not None:
                break
        await self._settled()
        if self._failure is not None:
            n, error = self._failure
            message = f"line {n}: {error}. Run the same again: nothing is recorded twice"
            raise Stopped(message) from error
        return self.summary

    def _read(self, raw: Raw) -> Line | None:
        self.summary.lines += 1
        try:
            line = read_line(raw)
            for name in line.ids:
                if name is not None and not self._ids.claim(name):
                    raise Malformed("stands twice in this file: give each its own", field="id")
        except Malformed as error:
            self._unrecorded(raw.n, field=error.field, message=error.message)
            return None
        return line

    async def _prepare(self, lines: Sequence[Line]) -> None:
        """Identifiers resolved and keys made for all lines together; what fails is met again."""
        wanted = {one for line in lines for one in line.identifiers()}
        missing = [one for one in wanted if self._resolved.get(one) is None]
        await asyncio.gather(*map(self._resolve, missing), return_exceptions=True)
        subjects = {line.subject for line in lines if isinstance(line.subject, UUID)}
        subjects |= {found for one in wanted if (found := self._resolved.get(one)) is not None}
        keys = self._ledger.keys.subject_keys(subjects, create=True)
        await asyncio.gather(keys, return_exceptions=True)

    async def _resolve(self, one: Identifier) -> UUID:
        held = self._resolved.get(one)
        if held is None:
            held = await self._ledger.keys.resolve(scheme=one.scheme, value=one.value)
            self._resolved.put(one, held)
        return held

    async def _start(self, line: Line, size: int) -> None:
        """The line on its way, behind those that it must not overtake."""
        if self._failure is not None:
            return
        if line.alone:
            await self._settled()
        await self._window.enter(len(line.entries), size)
        subject = await self._subject(line)
        task = asyncio.create_task(self._settle(line, self._before(line, subject)))
        self._running.add(task)
        self._last[subject] = task
        self._pending.update((name, task) for name in line.ids if name is not None)
        task.add_done_callback(lambda _: self._finish(line, subject, task, size))
        if line.alone:
            await self._settled()

    async def _subject(self, line: Line) -> UUID | None:
        """Whose lines it must stay in order with; what cannot be resolved is reported later."""
        if not isinstance(line.subject, Identifier):
            return line.subject
        try:
            return await self._resolve(line.subject)
        except LedgerError:
            return None

    def _before(self, line: Line, subject: UUID | None) -> list[asyncio.Task[None]]:
        """The line before it of the same subject, and those that it refers to."""
        found = [self._pending.get(name) for name in line.references()]
        return [one for one in (self._last.get(subject), *found) if one is not None]

    def _finish(
        self, line: Line, subject: UUID | None, task: asyncio.Task[None], size: int
    ) -> None:
        self._window.leave(len(line.entries), size)
        self._running.discard(task)
        if self._last.get(subject) is task:
            del self._last[subject]
        for name in line.ids:
            if name is not None:
                self._pending.pop(name, None)

    async def _settled(self) -> None:
        while self._running:
            await asyncio.wait(self._running)

    async def _settle(self, line: Line, before: Sequence[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        if self._failure is not None:
            return
        try:
            await self._record(line)
        except Malformed as error:
            self._unrecorded(line.n, field=error.field, message=error.message)
        except KeyReused:
            message = "was imported before and has changed since: name another --source"
            self._unrecorded(line.n, field="line", message=message)
        except Exception as error:
            self._failure = self._failure or (line.n, error)

    async def _record(self, line: Line) -> None:
        entries = [await self._named(entry) for entry in line.entries]
        command = Command(
            subject=await self._resolve(line.subject)
            if isinstance(line.subject, Identifier)
            else line.subject,
            facts=tuple(read_fact(one, field=_place(n, entries)) for n, one in enumerate(entries)),
            client=CLIENT,
            key=f"import/{self._source}/{line.n}",
            bulk=True,
        )
        result = await self._ledger.recorder.record(command)
        if isinstance(result, Refused):
            self._refused(line, result)
        else:
            self._recorded(line, result)

    async def _named(self, entry: dict[str, object]) -> dict[str, object]:
        """The entry with people and entries named as the ledger knows them."""
        named = dict(entry)
        for field in PEOPLE:
            person = named.get(field)
            if isinstance(person, Identifier):
                named[field] = str(await self._resolve(person))
        for field in REFERENCES & named.keys():
            named[field] = self._entry_id(named[field], field)
        return named

    def _entry_id(self, name: object, field: str) -> object:
        """The ledger's id of the entry; one that the file does not give is the ledger's already."""
        if not isinstance(name, str) or not self._ids.known(name):
            return name
        entry = self._ids.entry(name)
        if entry is None:
            raise Malformed("names an entry of this file that is not recorded", field=field)
        return entry

    def _recorded(self, line: Line, result: Receipted) -> None:
        for name, one in zip(line.ids, result.entries, strict=True):
            if name is not None:
                self._ids.recorded(name, str(one.event_id))
        if result.replayed:
            self.summary.before += 1
        else:
            self.summary.recorded += 1
            self.summary.entries += len(result.entries)

    def _refused(self, line: Line, result: Refused) -> None:
        refusal = result.refusal
        place = "entry" if len(line.entries) == 1 else f"entries[{result.entry}]"
        self._unrecorded(
            line.n,
            field=f"{place}.{refusal.pointer}",
            message=refusal.message,
            reason=str(refusal.reason),
        )

    def _unrecorded(
        self, n: int, *, field: str | None, message: str, reason: str | None = None
    ) -> None:
        self.summary.refused += 1
        self._report(Unrecorded(line=n, field=field, message=message, reason=reason))


def _place(n: int, entries: Sequence[object]) -> str:
    return "entry" if len(entries) == 1 else f"entries[{n}]"


def _chunks(lines: Iterable[Raw]) -> Iterator[list[Raw]]:
    """A few lines at a time, of a bounded size together."""
    some: list[Raw] = []
    size = 0
    for raw in lines:
        some.append(raw)
        size += len(raw.text or b"")
        if len(some) == TOGETHER or size > ROOM_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
