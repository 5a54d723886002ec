"""Which purposes entries are about, as far as that can still be read.

An entry that names no purpose is about those of the entry that it says something of, and one that
moves facts from one person to another about theirs. What names none in the end is about the person,
or about nobody. The purpose lies in the sealed basis: an erased person's entries have none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast
from uuid import UUID

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.cache import AgeingCache
from ledger.errors import Fault
from ledger.events import BY_NAME, Fact
from ledger.history import MOVES, about
from ledger.reader import Reader
from ledger.seal import key_ring, needed_keys, open_container
from ledger.sealing import opened_fact
from ledger.store import Stored
from ledger.terms import EVERY_PURPOSE
from projections.everyone import rows

REMEMBERED_MAX = 20_000
REMEMBERED_S_MAX = 60.0
"""As long as a key is held: an erasure takes the purpose with it no later than the key."""
TOGETHER = 32
"""Entries opened before others get their turn."""
NONE: frozenset[str] = frozenset()


def told_to(
    purposes: frozenset[str] | None, *, about: frozenset[str], subject: UUID | None
) -> bool:
    """Whether what is about these purposes may be told for those; None is all of them.

    What is about a person and names no purpose is told to nobody who is bound to some; what is
    about nobody and names none, to everybody who is bound to any.
    """
    if purposes is None:
        return True
    if EVERY_PURPOSE in about or (subject is None and not about):
        return bool(purposes)
    return not purposes.isdisjoint(about)


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry says by itself: its purposes, or the entry that it is about."""

    purposes: frozenset[str] = NONE
    of: UUID | None = None


class Purposes:
    """Looks up the purposes of entries of one ledger; an answer is remembered for a minute."""

    def __init__(
        self, reader: Reader, pool: AsyncConnectionPool, *, clock: Callable[[], float]
    ) -> None:
        self._reader = reader
        self._pool = pool
        self._held: AgeingCache[tuple[int, int], frozenset[str]] = AgeingCache(
            clock=clock, weight_max=REMEMBERED_MAX, age_s_max=REMEMBERED_S_MAX
        )

    async def of(self, log: int, entries: Sequence[Stored]) -> dict[int, frozenset[str]]:
        """The purposes of each entry, by n; raises `Fault` for one that is not as sealed."""
        found: dict[int, frozenset[str]] = {}
        for row in entries:
            held = self._held.get((log, row.n))
            if held is not None:
                found[row.n] = held
        missing = [row for row in entries if row.n not in found]
        for n, purposes in (await self._looked_up(log, missing)).items():
            found[n] = purposes
            self._held.put((log, n), purposes)
        return found

    async def _looked_up(self, log: int, entries: Sequence[Stored]) -> dict[int, frozenset[str]]:
        """Each round goes one reference back; those that lead in a circle lead nowhere."""
        found: dict[int, frozenset[str]] = dict.fromkeys((row.n for row in entries), NONE)
        told = await self._told(log, entries)
        seen: dict[int, set[UUID]] = {}
        while told:
            found |= {n: one.purposes for n, one in told.items() if one.purposes}
            wanted = {n: one.of for n, one in told.items() if not one.purposes and one.of}
            fresh = {n: of for n, of in wanted.items() if of not in seen.setdefault(n, set())}
            for n, of in fresh.items():
                seen[n].add(of)
            told = await self._referred(log, fresh)
        return found

    async def _referred(self, log: int, wanted: Mapping[int, UUID]) -> dict[int, _Told]:
        """What the entries say that these are about."""
        if not wanted:
            return {}
        values = {"log": log, "ids": sorted(set(wanted.values()))}
        named = await rows(self._pool, Stored, "entries_named", values)
        told = await self._told(log, named)
        by_id = {row.event_id: told[row.n] for row in named}
        return {n: by_id[of] for n, of in wanted.items() if of in by_id}

    async def _told(self, log: int, entries: Sequence[Stored]) -> dict[int, _Told]:
        telling = [row for row in entries if row.container and _may_tell(row.name)]
        names = {name for row in telling for name in needed_keys(row.container)}
        key = key_ring(await self._reader.keys.by_id(names)) if names else key_ring({})
        told = dict.fromkeys((row.n for row in entries), _Told())
        for nth, row in enumerate(telling, start=1):
            try:
                opened = open_container(
                    row.container, origin=self._reader.identity.log_origin(log), key=key
                )
                fact = opened_fact(opened)
            except Fault as error:
                raise Fault(f"entry {log}:{row.n} is not as recorded: {error}") from error
            if fact is not None:
                told[row.n] = _says(fact)
            if nth % TOGETHER == 0:
                await asyncio.sleep(0)
        return told


def _may_tell(name: str) -> bool:
    """Whether an entry of this type says of which purposes it is; one not known yet may."""
    kind = BY_NAME.get(name)
    return (
        kind is None
        or kind in MOVES
        or kind.refers is not None
        or "purpose" in kind.__struct_fields__
    )


def _says(fact: Fact) -> _Told:
    named = cast("str | None", getattr(fact, "purpose", None))
    purposes = {named} if named else set(_brought(fact))
    # The side that gives its facts away has them listed on the other.
    of = about(fact) or (fact.counterpart if isinstance(fact, MOVES) else None)
    return _Told(purposes=frozenset(purposes), of=_uuid(of))


def _brought(fact: Fact) -> Iterable[str]:
    """The purposes of the facts that came with this one from another person."""
    if isinstance(fact, MOVES):
        for moved in fact.moved or ():
            purpose = moved.fact.get("purpose")
            if isinstance(purpose, str):
                yield purpose


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
