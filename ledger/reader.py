"""Dossiers read, opened and decoded: what both recording and answering start from.

The catalogue is the dossier of the ledger's own stream; it is kept decoded while the version read
beside a subject's dossier is the same, so that an acknowledged change binds the next question
everywhere. A destroyed key means an erased person; an unknown key is a fault, never an answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.dossier import unseal
from ledger.errors import Fault, Unavailable
from ledger.history import Dossier
from ledger.keys import KeyStore
from ledger.seal import Destroyed, key_ring, needed_key, open_bytes
from ledger.store import DossierRow, Head, Identity, Place, Store

ROUNDS_MAX = 20
"""How often a catalogue that changes meanwhile is read again, before something else is wrong."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A stream as of one snapshot: its dossier, the catalogue, and where both logs stood.

    `plain` is the dossier's plain text, to which an append adds, `own_plain` the catalogue's;
    `catalogue_place` is the last entry of the ledger's own stream, None while that is empty.
    """

    dossier: Dossier
    plain: bytes
    version: int
    head: Head
    catalogue: Dossier
    catalogue_place: Place | None
    own_plain: bytes = b""


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger's own stream, decoded, with the plain text it was decoded from."""

    catalogue: Dossier
    plain: bytes


Rows = Callable[[int, Sequence[UUID]], Awaitable[dict[UUID, DossierRow]]]
"""Reads the dossiers of subjects, all of one log, in one snapshot."""


class Reader:
    """Reads streams of one ledger; holds the decoded catalogue between reads."""

    def __init__(self, store: Store, keys: KeyStore, identity: Identity) -> None:
        self.store = store
        self.keys = keys
        self.identity = identity
        self._own = Own(catalogue=Dossier(None), plain=b"")

    @property
    def catalogue(self) -> Dossier:
        """The ledger's own stream as it was last read: at least as new as any answer given."""
        return self._own.catalogue

    async def subjects(
        self, log: int, subjects: Sequence[UUID], *, rows: Rows | None = None
    ) -> dict[UUID, Loaded]:
        """The subjects, all of one log, each with the catalogue that was current beside it.

        `rows` reads them where somebody else does so for many at once; else they are read alone.
        Raises `Unavailable` where the database has gone back behind what was read from it before.
        """
        for _ in range(ROUNDS_MAX):
            found = await (rows or self._rows)(log, subjects)
            versions = {row.own_version or 0 for row in found.values()}
            # Held from here on: another task may read a newer one meanwhile.
            own = self._own
            if versions <= {own.catalogue.version}:
                break
            await self._refresh()
        else:
            raise Unavailable("the database holds less than was read from it before: see its head")
        plains = await self._opened(found)
        return {subject: self._loaded(row, plains[subject], own) for subject, row in found.items()}

    async def _rows(self, log: int, subjects: Sequence[UUID]) -> dict[UUID, DossierRow]:
        return await self.store.dossiers(log, subjects, own=self.identity.stream)

    async def own(self) -> Loaded:
        """The ledger's own stream."""
        stream = self.identity.stream
        loaded = (await self.subjects(0, [stream]))[stream]
        return msgspec.structs.replace(loaded, dossier=loaded.catalogue, plain=loaded.own_plain)

    async def _refresh(self) -> None:
        row = await self.store.own_dossier(self.identity.stream)
        # Of two that read at once, the slower one may hold the older: never go back to it.
        if row is not None and row.version > self._own.catalogue.version:
            catalogue = unseal(None, row.sealed, row.n, row.recorded_at)
            if catalogue.version != row.version:
                raise Fault("the dossier of the ledger's own stream has another version: rebuild")
            self._own = Own(catalogue=catalogue, plain=row.sealed)

    async def _opened(self, rows: dict[UUID, DossierRow]) -> dict[UUID, bytes | Destroyed | None]:
        """The plain text of each dossier; None where nothing was recorded yet."""
        personal = [
            (subject, row.sealed)
            for subject, row in rows.items()
            # A person with a tombstone has nothing left to open.
            if row.sealed is not None and not row.destroyed and subject != self.identity.stream
        ]
        wanted = {needed_key(sealed) for _, sealed in personal}
        key = key_ring(await self.keys.by_id(wanted)) if wanted else key_ring({})
        opened: dict[UUID, bytes | Destroyed | None] = dict.fromkeys(rows)
        for subject, sealed in personal:
            opened[subject] = open_bytes(sealed, subject=subject, key=key)
        return opened

    def _loaded(self, row: DossierRow, plain: bytes | Destroyed | None, own: Own) -> Loaded:
        subject = str(row.subject)
        gone = row.destroyed or isinstance(plain, Destroyed)
        if gone or not isinstance(plain, bytes):
            dossier, text = Dossier(subject, destroyed=gone), b""
        else:
            dossier = unseal(subject, plain, row.n or (), row.recorded_at or ())
            text = plain
        return Loaded(
            dossier=dossier,
            plain=text,
            version=row.version or 0,
            head=_head(row),
            catalogue=own.catalogue,
            own_plain=own.plain,
            catalogue_place=_catalogue_place(row),
        )


def _head(row: DossierRow) -> Head:
    return Head(
        size=row.size, recorded_at=row.head_recorded_at, leaf_hash=row.leaf_hash, now=row.now
    )


def _catalogue_place(row: DossierRow) -> Place | None:
    if row.own_n is None or row.own_recorded_at is None or row.own_head is None:
        return None
    return Place(n=row.own_n, recorded_at=row.own_recorded_at, leaf_hash=row.own_head)


def position(log: int, n: int, leaf_hash: bytes | None) -> str:
    """`<log>:<n>:<8 hex of the leaf hash>`; an empty log has no hash to name."""
    return f"{log}:{n}:{leaf_hash.hex()[:8]}" if leaf_hash else f"{log}:{n}"


def latest(head: Head, place: Place | None) -> datetime:
    """The later of the two stamps that an answer rests on."""
    return head.recorded_at if place is None else max(head.recorded_at, place.recorded_at)
