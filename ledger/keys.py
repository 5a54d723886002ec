"""Custody of data keys, and the way from an identifier to a subject: the key database.

A subject has one key for what answers need (`basis`) and one for each purpose's content. They are
stored wrapped (`kek`), committed before anything is sealed under them, and held unwrapped for a
bounded time. A destroyed key leaves a tombstone; a key without one is unknown, never erased.

Not here: what the keys seal (`seal`), and recording that a key was destroyed, which is an entry.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString, TypeAlias, TypeVar
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, OperationalError
from psycopg_pool import AsyncConnectionPool

from ledger import key_statements as statements
from ledger.batch import Batcher
from ledger.cache import AgeingCache
from ledger.errors import OutcomeUnknown, Unavailable
from ledger.identifiers import blind_index, normalised
from ledger.kek import FileKek, Kek
from ledger.key_rows import ContentUse, KeyRows, Row, fingerprint, rows_of, tombstone
from ledger.seal import DataKey, Destroyed, Entropy, KeyName, UnknownKey

__all__ = ["FileKek", "HeldKey", "Kek", "KeyStore", "blind_index", "fingerprint"]

REWRAP_ROWS = 1000
"""Keys wrapped anew in one transaction."""

_Use: TypeAlias = tuple[str, UUID, str | None]
_IndexUse: TypeAlias = tuple[str, str]
T = TypeVar("T")
R = TypeVar("R")


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is not destroyed, by its name, and whose it is; `person` for what answers need."""

    key_id: UUID
    version: int
    subject: UUID
    person: bool


class KeyStore:
    """Data keys and subjects, by way of a pool of connections to the key database.

    Creating commits before it returns. What is held in memory may be up to `age_s_max` seconds old
    by `clock`, so a key destroyed by another process can be used that long. Raises `Unavailable`.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool,
        *,
        kek: Kek,
        entropy: Entropy,
        clock: Callable[[], float],
        entries_max: int = 50_000,
        age_s_max: float = 60.0,
    ) -> None:
        self._pool = pool
        self._kek = kek
        self._rows = KeyRows(kek, entropy)
        self._cache: AgeingCache[KeyName | _Use | _IndexUse, DataKey | Destroyed] = AgeingCache(
            clock=clock, weight_max=entries_max, age_s_max=age_s_max
        )
        # What is asked for while a statement is under way goes into the next one together.
        self._basis = Batcher(self._basis_keys, weight=len)
        self._contents = Batcher(self._content_keys)
        self._named = Batcher(self._keys_by_id, weight=len)

    async def subject_keys(
        self, subjects: Iterable[UUID], *, create: bool
    ) -> dict[UUID, DataKey | Destroyed]:
        """The newest basis key of each subject; one without a key is left out, or given one.

        An erased person's key stays destroyed, whatever is asked.
        """
        wanted = set(subjects)
        held = {
            subject: key
            for subject in wanted
            if (key := self._cache.get(("basis", subject, None))) is not None
        }
        missing = sorted(wanted - held.keys())
        if missing and create:
            made = await _submitted(self._basis, tuple(missing))
            held |= made
        elif missing:
            async with self._transaction() as connection:
                rows = await self._rows.basis_rows(connection, missing, create=False)
            held |= self._basis_found(rows)
        return held

    async def content_key(
        self, subject: UUID, purpose: str | None, *, create: bool
    ) -> DataKey | Destroyed:
        """The key of what is recorded about the subject for the purpose, None for no purpose.

        With `create`, a subject who has none, or had theirs destroyed, is given one, unless they
        are erased. Without, raises `UnknownKey` where there never was one.
        """
        basis = self._cache.get(("basis", subject, None))
        held = self._cache.get(("content", subject, purpose))
        if not create:
            return held or await self._load_content_key(subject, purpose, create=False)
        if isinstance(basis, DataKey) and isinstance(held, DataKey):
            return held
        return await self._content_key_made(subject, purpose)

    async def by_id(self, key_ids: Iterable[KeyName]) -> dict[KeyName, bytes | Destroyed]:
        """The secret or the tombstone of each key; one that was never stored is left out."""
        wanted = set(key_ids)
        held = {name: key for name in wanted if (key := self._cache.get(name)) is not None}
        missing = sorted(wanted - held.keys())
        if missing:
            found = await _submitted(self._named, tuple(missing))
            held |= found
        return {n: key if isinstance(key, Destroyed) else key.secret for n, key in held.items()}

    async def resolve(self, *, scheme: str, value: str) -> UUID:
        """The subject whom the identifier stands for, made up at the first time of asking.

        The same work either way. Raises `InvalidIdentifier`, which never repeats the value.
        """
        normalised(scheme=scheme, value=value)
        index_key = await self._index_key(scheme)
        row = {
            "scheme": scheme,
            "index_version": index_key.version,
            "blind": blind_index(key=index_key.secret, scheme=scheme, value=value),
            "subject": self._rows.random_id(),
        }
        async with self._transaction() as connection:
            cursor = await connection.execute(statements.RESOLVE, row)
            found = await cursor.fetchone()
        assert found is not None, "an upsert returns its row"
        subject: UUID = found[0]
        return subject

    async def destroy_person(self, subject: UUID) -> list[Destroyed]:
        """The tombstones of all keys of the subject, to whom no identifier leads any more."""
        which = {"subject": subject}
        async with self._transaction() as connection:
            # The lock first, by itself: the next statement then sees every key made before it.
            await connection.execute(statements.LOCK_BASIS_KEY, which)
            await connection.execute(statements.DESTROY, which)
            await connection.execute(statements.FORGET_IDENTIFIERS, which)
            rows = await rows_of(connection, statements.TOMBSTONES, which)
        self.purge({row.key_id for row in rows})
        return [tombstone(row) for row in rows]

    async def close_content(self, subject: UUID, purpose: str) -> list[KeyName]:
        """The closed content keys of the purpose: nothing more is sealed under them.

        Another process may hold such a key, and seal under it, until what it holds is too old.
        """
        which = {"subject": subject, "purpose": purpose}
        async with self._transaction() as connection:
            await connection.execute(statements.CLOSE_CONTENT, which)
            rows = await rows_of(connection, statements.CLOSED, which)
        self.purge({row.key_id for row in rows})
        return [(row.key_id, row.key_version) for row in rows]

    async def destroy_keys(self, key_ids: Collection[UUID]) -> list[Destroyed]:
        """The tombstones of these keys, every one of them destroyed; unknown ones are left out."""
        which = {"key_ids": list(key_ids)}
        async with self._transaction() as connection:
            await connection.execute(statements.DESTROY_NAMED, which)
            rows = await rows_of(connection, statements.NAMED, which)
        self.purge(key_ids)
        return [tombstone(row) for row in rows]

    async def held(self, key_ids: Collection[UUID], subjects: Collection[UUID]) -> list[HeldKey]:
        """Which of these keys, and of all keys of these subjects, are not destroyed."""
        async with self._transaction() as connection:
            rows = await rows_of(connection, statements.NAMED, {"key_ids": list(key_ids)})
            values = {"subjects": list(subjects)}
            rows += await rows_of(connection, statements.ALL_OF_SUBJECTS, values)
        return [_held(row) for row in {row.key_id: row for row in rows if row.wrapped}.values()]

    async def rewrap(self) -> int:
        """How many keys were under an older key-encrypting key; none of them is any more."""
        done = 0
        for select, update in statements.UNDER_OLDER_KEK:
            while count := await self._rewrap_some(select, update):
                done += count
        return done

    def purge(self, key_ids: Collection[UUID]) -> None:
        """Let go of these keys in memory."""
        self._cache.drop(lambda key: key.key_id in key_ids)

    # Loading and creating.

    async def _keys_by_id(
        self, asked: Sequence[tuple[KeyName, ...]]
    ) -> list[dict[KeyName, DataKey | Destroyed]]:
        wanted = sorted({name for names in asked for name in names})
        values = {"key_ids": [n[0] for n in wanted], "versions": [n[1] for n in wanted]}
        # One statement that only reads needs no transaction: begin and commit cost as much as it.
        async with self._connection() as connection:
            rows = await rows_of(connection, statements.KEYS_BY_ID, values)
        found = {(row.key_id, row.key_version): self._rows.opened(row) for row in rows}
        for name, key in found.items():
            self._cache.put(name, key)
        return [{name: found[name] for name in names if name in found} for names in asked]

    async def _basis_keys(
        self, asked: Sequence[tuple[UUID, ...]]
    ) -> list[dict[UUID, DataKey | Destroyed]]:
        """The keys of each, made where there was none."""
        wanted = sorted({subject for subjects in asked for subject in subjects})
        async with self._transaction() as connection:
            rows = await self._rows.basis_rows(connection, wanted, create=True)
        found = self._basis_found(rows)
        return [{subject: found[subject] for subject in subjects} for subjects in asked]

    async def _content_keys(self, asked: Sequence[ContentUse]) -> list[DataKey | Destroyed | None]:
        """The live key of each, made where there was none; None where that takes another look."""
        subjects = sorted({subject for subject, _ in asked})
        async with self._transaction() as connection:
            basis = await self._rows.basis_rows(connection, subjects, create=True)
            rows = await self._rows.contents(connection, list(dict.fromkeys(asked)))
        self._basis_found(basis)
        found = {use: self._rows.opened(row) for use, row in rows.items()}
        for (subject, purpose), key in found.items():
            self._remember(("content", subject, purpose), key)
        return [found.get(use) for use in asked]

    async def _content_key_made(self, subject: UUID, purpose: str | None) -> DataKey | Destroyed:
        made = await _submitted(self._contents, (subject, purpose))
        if made is not None:
            return made
        basis = (await self.subject_keys([subject], create=True))[subject]
        if isinstance(basis, Destroyed):
            return basis
        return await self._load_content_key(subject, purpose, create=True)

    def _basis_found(self, rows: Iterable[Row]) -> dict[UUID, DataKey | Destroyed]:
        found = {row.subject: self._rows.opened(row) for row in rows if row.subject is not None}
        for subject, key in found.items():
            self._remember(("basis", subject, None), key)
        return found

    async def _load_content_key(
        self, subject: UUID, purpose: str | None, *, create: bool
    ) -> DataKey | Destroyed:
        async with self._transaction() as connection:
            rows = await self._rows.content_rows(connection, subject, purpose, create=create)
        if not rows:
            raise UnknownKey(f"subject {subject} has no content key for this purpose")
        key = self._rows.opened(rows[0])
        if create:
            self._remember(("content", subject, purpose), key)
        return key

    async def _index_key(self, scheme: str) -> DataKey:
        key = self._cache.get(("index", scheme))
        if key is None:
            async with self._transaction() as connection:
                row = await self._rows.index_row(connection, scheme)
            key = self._rows.opened(row)
            self._cache.put(("index", scheme), key)
        assert isinstance(key, DataKey), "an index key has no tombstone"
        return key

    async def _rewrap_some(self, select: LiteralString, update: LiteralString) -> int:
        kek_id = self._kek.kek_id
        async with self._transaction() as connection:
            rows = await rows_of(connection, select, {"kek_id": kek_id, "rows": REWRAP_ROWS})
            new = {
                "kek_id": kek_id,
                "key_ids": [row.key_id for row in rows],
                "versions": [row.key_version for row in rows],
                "wrapped": [self._rows.wrapped_anew(row) for row in rows],
            }
            await connection.execute(update, new)
        return len(rows)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except OperationalError as error:
            raise Unavailable("the key database cannot be reached") from error

    # Keys in memory.

    def _remember(self, use: _Use, key: DataKey | Destroyed) -> None:
        """Hold the key by its use and by its id: what is sealed now is soon read."""
        self._cache.put(use, key)
        self._cache.put((key.key_id, key.version), key)


async def _submitted(batcher: Batcher[T, R], one: T) -> R:
    try:
        return await batcher.submit(one)
    except OutcomeUnknown as error:
        raise Unavailable("this process is ending: ask again") from error


def _held(row: Row) -> HeldKey:
    assert row.subject is not None, "an index key is no subject's"
    return HeldKey(
        key_id=row.key_id,
        version=row.key_version,
        subject=row.subject,
        person=row.part == "basis",
    )
