"""Recording that an erasure was carried out: `KeyDestroyed`, once and in clear.

It goes past admission, which keeps the type for the ledger itself, and onto the stream of a person
whose keys are gone. Not here: carrying it out (`erasing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from ledger.dossier import kept
from ledger.errors import Conflict, Fault
from ledger.events import KeyDestroyed, name_of
from ledger.reader import Loaded, Reader
from ledger.seal import Destroyed, Entropy, seal_bytes
from ledger.sealing import Sealable, new_event_id, seal_entry
from ledger.store import Move, NewEntry, Recorded, Request

CLIENT = "ledger eraser"
"""Who records that an erasure was completed; the space keeps it apart from any client's id."""
APPEND_ATTEMPTS = 100


class ErasureRecord:
    """Records what was erased in one ledger."""

    def __init__(
        self, reader: Reader, *, entropy: Entropy, milliseconds: Callable[[], int]
    ) -> None:
        self._reader = reader
        self._entropy = entropy
        self._milliseconds = milliseconds

    async def record(self, log: int, stream: UUID, key: str, fact: KeyDestroyed) -> Recorded:
        """The entry, recorded once however often this is called, and in clear."""
        for _ in range(APPEND_ATTEMPTS):
            loaded = await self.loaded(stream)
            outcome = await self._reader.store.append(
                log, await self._request(log, stream, key, fact, loaded)
            )
            if outcome.name in ("accepted", "replayed"):
                return outcome.entries[0]
            if outcome.name == "key_reused":
                raise Fault("the key under which an erasure is completed stands for something else")
        raise Conflict("the stream is being written too fast: it is tried again later")

    async def _request(
        self, log: int, stream: UUID, key: str, fact: KeyDestroyed, loaded: Loaded
    ) -> Request:
        event_id = new_event_id(self._milliseconds(), self._entropy)
        sealed = seal_entry(
            Sealable(event_id=event_id, fact=fact, recorded_by=CLIENT),
            origin=self._reader.identity.log_origin(log),
            entropy=self._entropy,
        )
        entry = NewEntry(
            stream=stream,
            version=loaded.version + 1,
            name=name_of(fact),
            event_id=event_id,
            container=sealed.container,
            digests=sealed.digests,
            commitment=sealed.commitment,
        )
        return Request(
            client=CLIENT,
            key=key,
            fingerprint=hashlib.sha256(key.encode()).digest(),
            moves=(await self._move(stream, str(event_id), fact, loaded),),
            entries=(entry,),
        )

    async def _move(self, stream: UUID, entry: str, fact: KeyDestroyed, loaded: Loaded) -> Move:
        """The stream with the entry: an erased person's has no dossier that would take it."""
        if loaded.dossier.destroyed:
            return Move(subject=stream, version=loaded.version, sealed=b"")
        key = (await self._reader.keys.subject_keys([stream], create=False))[stream]
        if isinstance(key, Destroyed):
            raise Conflict("the person was erased meanwhile: it is tried again later")
        plain = loaded.plain + kept(entry, fact)
        sealed = seal_bytes(plain, subject=stream, key=key, entropy=self._entropy)
        return Move(subject=stream, version=loaded.version, sealed=sealed)

    async def loaded(self, stream: UUID) -> Loaded:
        """The stream as it is stored."""
        log = self._reader.identity.log_of(stream)
        return (await self._reader.subjects(log, [stream]))[stream]


def moment(loaded: Loaded) -> datetime:
    """The present, as the stream was read at it."""
    return max(loaded.head.now, loaded.head.recorded_at)
