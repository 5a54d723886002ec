"""The ledger as an application of the eventsourcing library.

Wired by the library's own settings: its POSTGRES_ variables name a database that was migrated and
founded. What it saves is admitted, sealed and kept in dossiers as by any other way in. It records
entries and no other events: a ledger's replay reads every entry of its log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import ClassVar
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol, MutableOrImmutableAggregate
from eventsourcing.persistence import (
    DataError,
    EventStore,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    Recording,
)
from eventsourcing.utils import EnvType

from ledger.events import Fact
from ledger.keys import KeyStore
from ledger.mapper import LedgerEvent, LedgerMapper
from ledger.reader import Reader
from ledger.record import Command, Recorder
from ledger.recorder import LedgerRecorder
from ledger.rules.rulebook import RuleBook
from ledger.seal import DataKey, Entropy, KeyName, KeyOf, key_ring
from ledger.work import Work

Saved = MutableOrImmutableAggregate[UUID] | DomainEventProtocol[UUID] | None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """What recording needs beside the database: where keys are, the law, a clock for ids, chance.

    `keys` is entered in the recorder's event loop, and left when the application is closed.
    """

    keys: Callable[[], AbstractAsyncContextManager[KeyStore]]
    rulebook: RuleBook
    milliseconds: Callable[[], int]
    entropy: Entropy


class LedgerApplication(Application[UUID]):
    """Records and reads entries of one ledger, from threads that know nothing of event loops.

    Saving gives each event its id. After an OperationalError nobody knows whether the events were
    recorded: their stream tells.
    """

    env: ClassVar[dict[str, str]] = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "APPLICATION_RECORDER_TOPIC": "ledger.recorder:LedgerRecorder",
        "MAPPER_TOPIC": "ledger.mapper:LedgerMapper",
    }

    def __init__(self, env: EnvType | None = None, *, desk: Desk) -> None:
        super().__init__(env)
        recorder, mapper = self.recorder, self.mapper
        if not isinstance(recorder, LedgerRecorder) or not isinstance(mapper, LedgerMapper):
            raise ProgrammingError("a ledger's application has a ledger's recorder and mapper")
        connected = recorder.connected()
        keys = connected.loop.enter(desk.keys())
        self._reader = Reader(connected.store, keys, connected.identity)
        self._clerk = Recorder(
            self._reader, desk.rulebook, entropy=desk.entropy, milliseconds=desk.milliseconds
        )
        self._ledger = recorder
        mapper.vault = _Vault(recorder, self._reader, self._clerk, desk.entropy)

    def save(self, *objs: Saved, **kwargs: object) -> list[Recording[UUID]]:
        """The events of one originator as recorded, with what they bring onto other streams.

        IntegrityError where they are not the next ones of their stream, DataError where one may not
        be recorded.
        """
        events = [each for each in objs if isinstance(each, LedgerEvent)]
        if len(events) < len(objs):
            raise ProgrammingError("this application records entries of the ledger only")
        if not events:
            return []
        entries, dossiers = self._ledger.run(self._entries(events))
        return super().save(*entries, dossiers=dossiers, **kwargs)

    def construct_snapshot_store(self) -> EventStore[UUID]:
        """Raises: a dossier is all the snapshot there is."""
        raise NotSupportedError("a ledger has no snapshots: unset IS_SNAPSHOTTING_ENABLED")

    def close(self) -> None:
        """What is on its way has arrived, and every connection is gone."""
        recorder = getattr(self, "recorder", None)
        if isinstance(recorder, LedgerRecorder):
            recorder.close()
        super().close()

    async def _entries(
        self, events: Sequence[LedgerEvent]
    ) -> tuple[list[LedgerEvent], dict[UUID, bytes]]:
        """The events as admitted, with their counterparts, and the dossiers that they move on."""
        originator = events[0].originator_id
        subject = None if originator == self._reader.identity.stream else originator
        work = Work(self._reader)
        _refuse_out_of_turn(events, after=(await work.load(subject)).version)
        facts = tuple(each.fact for each in events if each.fact is not None)
        client = self._ledger.events_table_name
        command = Command(subject=subject, facts=facts, client=client, key="")
        refused = await self._clerk.plan(command, work)
        if refused is not None:
            why = refused.refusal
            raise DataError(f"event {refused.entry}: {why.reason.name}: {why.message}")
        entries: list[LedgerEvent] = []
        dossiers: dict[UUID, bytes] = {}
        for stream, growth in work.growths():
            move = self._clerk.move(stream, growth, await self._clerk.basis_key(stream))
            dossiers[move.subject] = move.sealed
            entries += [
                LedgerEvent(
                    originator_id=move.subject,
                    originator_version=version,
                    fact=one.fact,
                    event_id=UUID(one.entry),
                    recorded_by=client,
                )
                for version, one in enumerate(growth.added, start=move.version + 1)
            ]
        return entries, dossiers


class _Vault:
    def __init__(
        self, ledger: LedgerRecorder, reader: Reader, clerk: Recorder, entropy: Entropy
    ) -> None:
        self.entropy = entropy
        self.origin = reader.identity.log_origin(0)
        self._ledger = ledger
        self._reader = reader
        self._clerk = clerk

    def sealing(self, stream: UUID, fact: Fact) -> tuple[DataKey, DataKey]:
        subject = None if stream == self._reader.identity.stream else stream
        run = self._ledger.run
        return run(self._clerk.basis_key(subject)), run(self._clerk.content_key(subject, fact))

    def ring(self, names: Iterable[KeyName]) -> KeyOf:
        return key_ring(self._ledger.run(self._reader.keys.by_id(names)))


def _refuse_out_of_turn(events: Sequence[LedgerEvent], *, after: int) -> None:
    if any(each.originator_id != events[0].originator_id for each in events):
        raise ProgrammingError("save the events of one originator at a time")
    if any(each.fact is None for each in events):
        raise ProgrammingError("an event that was erased has nothing to save")
    if [each.originator_version for each in events] != [*range(after + 1, after + 1 + len(events))]:
        raise IntegrityError("the stream has another version: read it again")
