"""Dossiers read, opened and decoded: what both recording and answering start from.

The catalogue is the dossier of the ledger's own stream; it is kept decoded while the version read
beside a subject's dossier is the same, so that an acknowledged change binds the next question
everywhere. Decoded dossiers are held in the same way where they are asked for by way of `rows`. A
destroyed key means an erased person; an unknown key is a fault, never an answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ledger.cache import AgeingCache
from ledger.dossier import unseal
from ledger.errors import Fault, Unavailable
from ledger.held import Held
from ledger.history import Dossier
from ledger.keys import KeyStore
from ledger.seal import Destroyed, KeyName, KeyOf, key_ring, needed_key, open_bytes
from ledger.store import DossierRow, Head, Identity, Place, Store

ROUNDS_MAX = 20
"""How often a catalogue that changes meanwhile is read again, before something else is wrong."""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A stream in one snapshot: its dossier, the catalogue, and where both logs stood.

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


Rows = Callable[[int, Mapping[UUID, bytes | None]], Awaitable[dict[UUID, DossierRow]]]
"""Reads the dossiers of subjects, all of one log, in one snapshot.

Beside each subject stands the last entry of the dossier that is held already, by its leaf hash:
where it is still the last, the row has no dossier.
"""


class Reader:
    """Reads streams of one ledger; holds the decoded catalogue between reads.

    `held` is where decoded dossiers are held too; none are where it is left out.
    """

    def __init__(
        self,
        store: Store,
        keys: KeyStore,
        identity: Identity,
        *,
        held: AgeingCache[UUID, Held] | None = None,
    ) -> None:
        self.store = store
        self.keys = keys
        self.identity = identity
        self._held = held
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
            held = self._held_of(subjects if rows else ())
            found = await (rows or self._rows)(log, {one: _last_of(held, one) for one in subjects})
            versions = {row.own_version or 0 for row in found.values()}
            # Held from here on: another task may read a newer one meanwhile.
            own = self._own
            if versions <= {own.catalogue.version}:
                break
            await self._refresh()
        else:
            raise Unavailable("the database holds less than was read from it before: see its head")
        opened = await self._opened(found, held)
        return {subject: _loaded(row, opened.get(subject), own) for subject, row in found.items()}

    def _held_of(self, subjects: Sequence[UUID]) -> dict[UUID, Held]:
        """What is held of the subjects, kept hold of while the rows are read."""
        if self._held is None:
            return {}
        found = ((subject, self._held.get(subject)) for subject in subjects)
        return {subject: one for subject, one in found if one is not None}

    async def _rows(self, log: int, heads: Mapping[UUID, bytes | None]) -> dict[UUID, DossierRow]:
        return await self.store.dossiers(log, list(heads), own=self.identity.stream)

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

    async def _opened(
        self, rows: Mapping[UUID, DossierRow], held: Mapping[UUID, Held]
    ) -> dict[UUID, Held | None]:
        """The dossier of each person of whom something is recorded; None of an erased one."""
        personal = {
            subject: held[subject].key if row.sealed is None else needed_key(row.sealed)
            for subject, row in rows.items()
            # A person with a tombstone has nothing left to open.
            if row.version is not None and not row.destroyed and subject != self.identity.stream
        }
        key = key_ring(await self.keys.by_id(set(personal.values())) if personal else {})
        opened: dict[UUID, Held | None] = {}
        for subject, name in personal.items():
            if isinstance(key(*name), Destroyed):
                opened[subject] = None
            elif rows[subject].sealed is None:
                opened[subject] = held[subject]
            else:
                opened[subject] = self._kept(_decoded(rows[subject], key=key, name=name))
        return opened

    def _kept(self, one: Held) -> Held:
        """The dossier, held from now on where any are."""
        if self._held is not None and one.last:
            self._held.put(one.subject, one)
        return one


def _decoded(row: DossierRow, *, key: KeyOf, name: KeyName) -> Held:
    assert row.sealed is not None, "a row without a dossier has none to decode"
    plain = open_bytes(row.sealed, subject=row.subject, key=key)
    assert isinstance(plain, bytes), "a destroyed key was looked for before"
    dossier = unseal(str(row.subject), plain, row.n or (), row.recorded_at or ())
    return Held(subject=row.subject, last=row.last or b"", key=name, plain=plain, dossier=dossier)


def _loaded(row: DossierRow, opened: Held | None, own: Own) -> Loaded:
    gone = row.destroyed or (row.version is not None and opened is None)
    return Loaded(
        dossier=Dossier(str(row.subject), destroyed=gone) if opened is None else opened.dossier,
        plain=b"" if opened is None else opened.plain,
        version=row.version or 0,
        head=_head(row),
        catalogue=own.catalogue,
        own_plain=own.plain,
        catalogue_place=_catalogue_place(row),
    )


def _last_of(held: Mapping[UUID, Held], subject: UUID) -> bytes | None:
    one = held.get(subject)
    return None if one is None else one.last


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
