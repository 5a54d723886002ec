"""Entries of the ledger as domain events of the eventsourcing library.

The topic is the entry's stored name, and the state its sealed container, which holds the schema
version of the fact. What cannot be read any more, because its key is destroyed, is not there.
Not here: storing them (`recorder`), or whether a fact may be recorded (`admit`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    Mapper,
    ProgrammingError,
    StoredEvent,
    Transcoder,
)

from ledger.errors import Fault
from ledger.events import BY_NAME, Fact, name_of
from ledger.seal import DataKey, Entropy, KeyName, KeyOf, needed_keys, open_container
from ledger.sealing import Sealable, recorded_by, seal_entry, whole_fact


class LedgerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An entry: its fact, and the place in the stream of its originator that it takes.

    A new one has neither an id nor a recorder: saving gives it both. One that was erased has lost
    its fact and its recorder.
    """

    originator_id: UUID
    originator_version: int
    fact: Fact | None
    event_id: UUID | None = None
    recorded_by: str | None = None


class Vault(Protocol):
    """The keys of one ledger, for callers that are not asynchronous."""

    @property
    def origin(self) -> str:
        """The name of the log that the entries are sealed for."""

    @property
    def entropy(self) -> Entropy:
        """Random bytes."""

    def sealing(self, stream: UUID, fact: Fact) -> tuple[DataKey, DataKey]:
        """The keys for what answers need of the fact, and for its content."""

    def ring(self, names: Iterable[KeyName]) -> KeyOf:
        """These keys, or that they were destroyed."""


class LedgerMapper(Mapper[UUID]):
    """Seals and opens entries; `vault` must be set before the first."""

    vault: Vault

    def __init__(
        self,
        transcoder: Transcoder,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        if compressor is not None or cipher is not None:
            raise ProgrammingError(
                "entries are sealed by the ledger: unset COMPRESSOR_TOPIC, CIPHER_TOPIC, CIPHER_KEY"
            )
        super().__init__(transcoder)

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The entry sealed under the keys of its subject."""
        event = domain_event
        if not isinstance(event, LedgerEvent) or event.fact is None or event.event_id is None:
            raise ProgrammingError("only a LedgerEvent with a fact and an id can be stored")
        basis_key, content_key = self.vault.sealing(event.originator_id, event.fact)
        sealed = seal_entry(
            Sealable(
                event_id=event.event_id,
                fact=event.fact,
                recorded_by=event.recorded_by or "",
                basis_key=basis_key,
                content_key=content_key,
            ),
            origin=self.vault.origin,
            entropy=self.vault.entropy,
        )
        return StoredEvent(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=name_of(event.fact),
            state=sealed.container,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> LedgerEvent:
        """The entry as far as it can still be read; a `Fault` where it was altered."""
        if stored_event.topic not in BY_NAME:
            raise ProgrammingError(f"{stored_event.topic} is no type of entry of this release")
        key = self.vault.ring(needed_keys(stored_event.state))
        opened = open_container(stored_event.state, origin=self.vault.origin, key=key)
        if opened.type != stored_event.topic:
            raise Fault("an entry is stored under another name than it was sealed under")
        originator_id = stored_event.originator_id
        assert isinstance(originator_id, UUID), "a ledger has no other originators"
        return LedgerEvent(
            originator_id=originator_id,
            originator_version=stored_event.originator_version,
            fact=whole_fact(opened),
            event_id=opened.event_id,
            recorded_by=recorded_by(opened),
        )
