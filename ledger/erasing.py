"""Erasure carried out: what `ErasureExecuted` entries ask, replayed from the log until it is done.

    plan       holds, the recipients to be told, which keys; kept before anything is destroyed
    destroy    in the key database, with tombstones outside both databases
    empty      dossier and lists, the text in containers, the fingerprints of requests
    record     a `KeyDestroyed` entry, in clear, which completes the erasure

Each step may be done again, so that a crash between any two is mended by beginning once more. Of a
purpose, the content keys are first closed: what is recorded later gets a key of its own, and what a
process still seals under the old one for as long as it may hold it is sealed again. Not here: the
statements (`erasure_store`), or which identities are one person (`neighbours`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from ledger.admit import holds
from ledger.civil import london_date
from ledger.erasure_plan import Elsewhere, Plan, elsewhere, erasure_at, recipients
from ledger.erasure_record import CLIENT, ErasureRecord, moment
from ledger.erasure_store import ErasureStore, Sealed
from ledger.errors import Conflict, Fault
from ledger.events import ErasureExecuted, KeyDestroyed
from ledger.events.corrections import DestroyedKey
from ledger.reader import Loaded, Reader
from ledger.resealing import emptied, emptied_groups, group_keys, resealed, without
from ledger.seal import Destroyed, Entropy, KeyOf, UnknownKey, key_ring
from ledger.store import Recorded, Stored
from ledger.terms import EVERY_PURPOSE
from ledger.tombstones import Tombstone, Tombstones

DRAIN_S = 60.0
"""As long as another process may hold a key that was closed."""
BACKUP_DAYS = 35
IDLE_S = 5.0
_ASKS = ErasureExecuted.__name__
"""What asks for an erasure: its request says nothing that is erased."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an erasure, by the place at which it stands."""

    log: int
    n: int
    outcome: Literal["EXECUTED", "HELD", "WAITING", "FAILED"]
    detail: str


class Eraser:
    """Carries out the erasures of one ledger; several may run at once.

    `backup_days` is how long a backup of the key database is kept.
    """

    def __init__(
        self,
        reader: Reader,
        erasures: ErasureStore,
        tombstones: Tombstones,
        *,
        entropy: Entropy,
        milliseconds: Callable[[], int],
        drain_s: float = DRAIN_S,
        backup_days: int = BACKUP_DAYS,
    ) -> None:
        self._reader = reader
        self._keys = reader.keys
        self._erasures = erasures
        self._tombstones = tombstones
        self._entropy = entropy
        self._record = ErasureRecord(reader, entropy=entropy, milliseconds=milliseconds)
        self._drain_s = drain_s
        self._backup_days = backup_days

    async def follow(
        self,
        stop: asyncio.Event,
        *,
        failed: Callable[[Exception], None],
        told: Callable[[Told], None] = lambda _: None,
    ) -> None:
        """Erases until told to stop; an error is reported, and the erasure tried again later."""
        while not stop.is_set():
            try:
                for one in await self.work():
                    told(one)
            except Exception as error:
                failed(error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), IDLE_S)

    async def work(self) -> list[Told]:
        """Every erasure that is not completed, carried out or said why not."""
        told: list[Told] = []
        for log in range(self._reader.identity.logs):
            pending = await self._erasures.pending(log, client=CLIENT)
            told += [await self._told(log, row) for row in pending]
            await self._erasures.forget_plans(log, client=CLIENT)
        return told

    async def _told(self, log: int, row: Stored) -> Told:
        """What became of it; that one fails keeps no other from being carried out."""
        try:
            return await self.execute(log, row)
        except (Fault, Conflict) as error:
            return Told(log=log, n=row.n, outcome="FAILED", detail=str(error))

    async def execute(self, log: int, row: Stored) -> Told:
        """The erasure carried out from whatever step it had come to."""
        held = await self._erasures.plan(log, row.n)
        if held is None:
            begun = await self._begin(log, row)
            if isinstance(begun, Told):
                return begun
            held = await self._erasures.plan(log, row.n)
            assert held is not None, "the plan was just kept"
        plan = msgspec.json.decode(held.plan, type=Plan)
        if plan.reach == "CONTENT" and held.age_s < self._drain_s:
            left = self._drain_s - held.age_s
            detail = f"its keys are closed; other processes let go of them within {left:.0f} s"
            return Told(log=log, n=row.n, outcome="WAITING", detail=detail)
        for one in plan.elsewhere:
            await self._empty_elsewhere(log, row, one)
        if plan.reach == "PERSON":
            done = await self._erase_person(log, row, plan)
        else:
            done = await self._erase_content(log, row, plan)
        detail = f"recorded at {log}:{done.n}"
        return Told(log=log, n=row.n, outcome="EXECUTED", detail=detail)

    # Planning.

    async def _begin(self, log: int, row: Stored) -> Told | None:
        """A plan is kept; else what stands in the way."""
        loaded = await self._record.loaded(row.stream)
        if loaded.dossier.destroyed:
            # Another erasure took the person since: of this one nothing can be read any more.
            await self._keep(log, row.n, Plan(reach="PERSON", keys=()))
            return None
        fact = erasure_at(loaded.dossier, row)
        if fact.effective_at > moment(loaded):
            detail = f"takes effect at {fact.effective_at.isoformat()}"
            return Told(log=log, n=row.n, outcome="WAITING", detail=detail)
        if await self._held(log, row, fact):
            detail = "a legal hold is in force: release it first"
            return Told(log=log, n=row.n, outcome="HELD", detail=detail)
        await self._keep(log, row.n, await self._planned(row, fact, loaded))
        return None

    async def _keep(self, log: int, n: int, plan: Plan) -> None:
        await self._erasures.keep_plan(log, n, msgspec.json.encode(plan).decode())

    async def _held(self, log: int, row: Stored, fact: ErasureExecuted) -> bool:
        """Whether a hold is on any identity of the person."""
        for stream in await self._erasures.identities(log, row.recorded_at):
            loaded = await self._record.loaded(stream)
            now = moment(loaded)
            histories = (loaded.dossier.at(now), loaded.catalogue.at(now))
            if any(holds(fact.purpose, histories, now)):
                return True
        return False

    async def _planned(self, row: Stored, fact: ErasureExecuted, loaded: Loaded) -> Plan:
        person = fact.purpose == EVERY_PURPOSE
        if person:
            held = await self._keys.held([], [row.stream])
            keys = tuple((one.key_id, one.version) for one in held)
        else:
            keys = tuple(await self._keys.close_content(row.stream, fact.purpose))
        return Plan(
            reach="PERSON" if person else "CONTENT",
            keys=keys,
            recipients=recipients(loaded.dossier, fact.purpose, moment(loaded)),
            ground=fact.ground,
            decision=fact.decision,
            elsewhere=elsewhere(loaded.dossier, fact.purpose),
        )

    # Destroying and emptying.

    async def _erase_person(self, log: int, row: Stored, plan: Plan) -> Recorded:
        gone = await self._keys.destroy_person(row.stream)
        self._bury_keys(log, row.n, gone)
        # From here on nothing can be recorded of them, so that what follows misses nothing.
        await self._erasures.bury(log, row.stream, row.n)
        key_ids = {one.key_id for one in gone}
        done = await self._empty(log, row.stream, key_ids)
        return await self._complete(log, row, plan, gone, done)

    async def _erase_content(self, log: int, row: Stored, plan: Plan) -> Recorded:
        await self._seal_again(log, row, plan)
        gone = await self._keys.destroy_keys(plan.key_ids)
        self._bury_keys(log, row.n, gone)
        done = await self._empty(log, row.stream, plan.key_ids)
        return await self._complete(log, row, plan, gone, done)

    def _bury_keys(self, log: int, n: int, gone: Sequence[Destroyed]) -> None:
        self._tombstones.add(
            Tombstone(
                key_id=one.key_id, version=one.version, fingerprint=one.fingerprint, log=log, n=n
            )
            for one in gone
        )

    async def _seal_again(self, log: int, row: Stored, plan: Plan) -> None:
        """What was recorded after the erasure, and still under a key that it closed, lives on."""
        loaded = await self._record.loaded(row.stream)
        if loaded.dossier.destroyed:
            return
        purpose = erasure_at(loaded.dossier, row).purpose
        new = await self._keys.content_key(row.stream, purpose, create=True)
        if isinstance(new, Destroyed):
            raise Conflict("the person was erased meanwhile: it is tried again later")
        ring = _forgiving(key_ring(await self._keys.by_id(plan.keys)))
        origin = self._reader.identity.log_origin(log)

        def change(one: Sealed) -> bytes:
            if one.n <= row.n or group_keys(one.container).get("content") not in plan.key_ids:
                return one.container
            return resealed(
                one.container, "content", origin=origin, key=ring, new=new, entropy=self._entropy
            )

        await self._erasures.rewrite(log, row.stream, change)

    async def _empty(self, log: int, stream: UUID, key_ids: Collection[UUID]) -> list[Sealed]:
        """The entries that hold nothing under these keys any more."""
        rows = await self._erasures.rewrite(
            log, stream, lambda one: emptied(one.container, key_ids=key_ids)
        )
        done = [one for one in rows if _under(one, key_ids)]
        told = [one.n for one in done if one.name != _ASKS]
        await self._erasures.forget_requests(log, told)
        return done

    async def _empty_elsewhere(self, log: int, row: Stored, where: Elsewhere) -> None:
        """The content of these entries, which stands on another stream under keys of that person.

        Recorded there first: what is missing there is held against that.
        """
        loaded = await self._record.loaded(where.stream)
        if loaded.dossier.destroyed:
            return
        fact = KeyDestroyed(
            effective_at=moment(loaded),
            reach="CONTENT",
            erasure=str(row.event_id),
            entries=tuple(str(one) for one in where.entries),
        )
        key = f"erasure {row.event_id} {where.stream}"
        await self._record.record(log, where.stream, key, fact)
        named = {*where.entries}
        rows = await self._erasures.rewrite(
            log,
            where.stream,
            lambda one: (
                without(one.container, "content") if one.event_id in named else one.container
            ),
        )
        numbers = [one.n for one in rows if one.event_id in named]
        await self._erasures.forget_requests(log, numbers)

    # Recording.

    async def _complete(
        self, log: int, row: Stored, plan: Plan, gone: Sequence[Destroyed], done: Sequence[Sealed]
    ) -> Recorded:
        loaded = await self._record.loaded(row.stream)
        fact = KeyDestroyed(
            effective_at=moment(loaded),
            key_ids=tuple(dict.fromkeys(str(one.key_id) for one in gone)),
            reach=plan.reach,
            erasure=str(row.event_id),
            keys=tuple(named(one) for one in gone),
            counts={
                "dossiers": 1 if plan.reach == "PERSON" else 0,
                "entries": len(done),
                "groups": sum(len(emptied_groups(one.container)) for one in done),
                "keys": len(gone),
            },
            recipients=plan.recipients,
            ground=plan.ground,
            decision=plan.decision,
            backups_until=self._horizon(moment(loaded)),
        )
        return await self._record.record(log, row.stream, f"erasure {row.event_id}", fact)

    async def drop_leaves(self, subject: UUID, *, decision: str) -> Recorded:
        """The leaves of an erased person are gone too; raises `Fault` where they are not erased."""
        log = self._reader.identity.log_of(subject)
        loaded = await self._record.loaded(subject)
        pending = await self._erasures.pending(log, client=CLIENT)
        if not loaded.dossier.destroyed or any(row.stream == subject for row in pending):
            raise Fault("the subject is not erased yet: record ErasureExecuted of every purpose")
        fact = KeyDestroyed(effective_at=moment(loaded), reach="LEAVES", decision=decision)
        recorded = await self._record.record(log, subject, f"leaves {subject}", fact)
        await self._erasures.drop_leaves(log, subject, recorded.n)
        return recorded

    def _horizon(self, now: datetime) -> date:
        """The last day on which a backup may hold the keys."""
        return london_date(now + timedelta(days=self._backup_days))


def _under(one: Sealed, key_ids: Collection[UUID]) -> bool:
    return bool(one.container) and not {*group_keys(one.container).values()}.isdisjoint(key_ids)


def named(one: Destroyed) -> DestroyedKey:
    """The key as a `KeyDestroyed` entry names it."""
    return DestroyedKey(
        key_id=str(one.key_id), version=one.version, fingerprint=f"sha256:{one.fingerprint.hex()}"
    )


def _forgiving(ring: KeyOf) -> KeyOf:
    """A key that is not at hand opens nothing: only one group of the container is wanted."""

    def key(key_id: UUID, version: int) -> bytes | Destroyed:
        try:
            return ring(key_id, version)
        except UnknownKey:
            return Destroyed(key_id=key_id, version=version, fingerprint=b"")

    return key
