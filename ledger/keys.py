"""Custody of data keys, and the way from an identifier to a subject: the key database.

A subject has one key for what answers need (`basis`) and one for each purpose's content. They are
stored wrapped (`kek`), committed before anything is sealed under them, and held unwrapped for a
bounded time. A destroyed key leaves a tombstone; a key without one is unknown, never erased.

Not here: what the keys seal (`seal`), and recording that a key was destroyed, which is an entry.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, OperationalError
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from ledger import key_statements as statements
from ledger.cache import AgeingCache
from ledger.errors import Fault, Unavailable
from ledger.identifiers import blind_index, normalised
from ledger.kek import FileKek, Kek, UnwrapFailed
from ledger.seal import KEY_BYTES, DataKey, Destroyed, Entropy, KeyName, UnknownKey

__all__ = ["FileKek", "HeldKey", "Kek", "KeyStore", "blind_index", "fingerprint"]

REWRAP_ROWS = 1000
"""Keys wrapped anew in one transaction."""

_Use: TypeAlias = tuple[str, UUID, str | None]
_IndexUse: TypeAlias = tuple[str, str]


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored; `wrapped` is None once it is destroyed, `subject` for an index key."""

    key_id: UUID
    key_version: int
    subject: UUID | None = None
    kek_id: str
    wrapped: bytes | None
    fingerprint: bytes
    part: str | None = None


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is not destroyed, by its name, and whose it is; `person` for what answers need."""

    key_id: UUID
    version: int
    subject: UUID
    person: bool


def fingerprint(secret: bytes) -> bytes:
    """What recognises a destroyed key that turns up in some backup."""
    return hashlib.sha256(b"consent-ledger/dek-fp/v1\n" + secret).digest()


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
        self._entropy = entropy
        self._cache: AgeingCache[KeyName | _Use | _IndexUse, DataKey | Destroyed] = AgeingCache(
            clock=clock, entries_max=entries_max, age_s_max=age_s_max
        )

    async def subject_keys(
        self, subjects: Iterable[UUID], *, create: bool
    ) -> dict[UUID, DataKey | Destroyed]:
        """The newest basis key of each subject; one without a key is left out, or given one.

        An erased person's key stays destroyed, whatever is asked.
        """
        wanted = sorted(set(subjects))
        held = {subject: self._cache.get(("basis", subject, None)) for subject in wanted}
        missing = [subject for subject in wanted if held[subject] is None]
        if missing:
            held |= await self._load_basis_keys(missing, create=create)
        return {subject: key for subject, key in held.items() if key is not None}

    async def content_key(
        self, subject: UUID, purpose: str | None, *, create: bool
    ) -> DataKey | Destroyed:
        """The key of what is recorded about the subject for the purpose, None for no purpose.

        With `create`, a subject who has none, or had theirs destroyed, is given one, unless they
        are erased. Without, raises `UnknownKey` where there never was one.
        """
        if create:
            basis = (await self.subject_keys([subject], create=True))[subject]
            if isinstance(basis, Destroyed):
                return basis
        held = self._cache.get(("content", subject, purpose))
        if held is None or (create and isinstance(held, Destroyed)):
            return await self._load_content_key(subject, purpose, create=create)
        return held

    async def by_id(self, key_ids: Iterable[KeyName]) -> dict[KeyName, bytes | Destroyed]:
        """The secret or the tombstone of each key; one that was never stored is left out."""
        wanted = set(key_ids)
        held = {name: key for name in wanted if (key := self._cache.get(name)) is not None}
        missing = sorted(wanted - held.keys())
        if missing:
            wanted_columns = {
                "key_ids": [n[0] for n in missing],
                "versions": [n[1] for n in missing],
            }
            async with self._transaction() as connection:
                rows = await _rows(connection, statements.KEYS_BY_ID, wanted_columns)
            for row in rows:
                name = (row.key_id, row.key_version)
                held[name] = self._opened(row)
                self._cache.put(name, held[name])
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
            "subject": self._random_id(),
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
            rows = await _rows(connection, statements.TOMBSTONES, which)
        self.purge({row.key_id for row in rows})
        return [_tombstone(row) for row in rows]

    async def close_content(self, subject: UUID, purpose: str) -> list[KeyName]:
        """The closed content keys of the purpose: nothing more is sealed under them.

        Another process may hold such a key, and seal under it, until what it holds is too old.
        """
        which = {"subject": subject, "purpose": purpose}
        async with self._transaction() as connection:
            await connection.execute(statements.CLOSE_CONTENT, which)
            rows = await _rows(connection, statements.CLOSED, which)
        self.purge({row.key_id for row in rows})
        return [(row.key_id, row.key_version) for row in rows]

    async def destroy_keys(self, key_ids: Collection[UUID]) -> list[Destroyed]:
        """The tombstones of these keys, every one of them destroyed; unknown ones are left out."""
        which = {"key_ids": list(key_ids)}
        async with self._transaction() as connection:
            await connection.execute(statements.DESTROY_NAMED, which)
            rows = await _rows(connection, statements.NAMED, which)
        self.purge(key_ids)
        return [_tombstone(row) for row in rows]

    async def held(self, key_ids: Collection[UUID], subjects: Collection[UUID]) -> list[HeldKey]:
        """Which of these keys, and of all keys of these subjects, are not destroyed."""
        async with self._transaction() as connection:
            rows = await _rows(connection, statements.NAMED, {"key_ids": list(key_ids)})
            values = {"subjects": list(subjects)}
            rows += await _rows(connection, statements.ALL_OF_SUBJECTS, values)
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

    async def _load_basis_keys(
        self, subjects: list[UUID], *, create: bool
    ) -> dict[UUID, DataKey | Destroyed]:
        async with self._transaction() as connection:
            rows = await self._basis_rows(connection, subjects, create=create)
        found = {row.subject: self._opened(row) for row in rows if row.subject is not None}
        for subject, key in found.items():
            self._remember(("basis", subject, None), key)
        return found

    async def _basis_rows(
        self, connection: AsyncConnection, subjects: list[UUID], *, create: bool
    ) -> list[_Row]:
        rows = await _rows(connection, statements.BASIS_KEYS, {"subjects": subjects})
        known = {row.subject for row in rows}
        lacking = [subject for subject in subjects if subject not in known]
        if create and lacking:
            await connection.execute(statements.CREATE_BASIS_KEYS, self._new_basis_keys(lacking))
            rows += await _rows(connection, statements.BASIS_KEYS, {"subjects": lacking})
        return rows

    async def _load_content_key(
        self, subject: UUID, purpose: str | None, *, create: bool
    ) -> DataKey | Destroyed:
        async with self._transaction() as connection:
            rows = await self._content_rows(connection, subject, purpose, create=create)
        if not rows:
            raise UnknownKey(f"subject {subject} has no content key for this purpose")
        key = self._opened(rows[0])
        if create:
            self._remember(("content", subject, purpose), key)
        return key

    async def _content_rows(
        self, connection: AsyncConnection, subject: UUID, purpose: str | None, *, create: bool
    ) -> list[_Row]:
        use = {"subject": subject, "purpose": purpose, "create": create}
        rows = await _rows(connection, statements.CONTENT_KEY, use)
        if create and not any(row.wrapped for row in rows):
            await connection.execute(statements.CREATE_CONTENT_KEY, use | self._new_key())
            rows = await _rows(connection, statements.CONTENT_KEY, use)
        if create and not rows:
            # The person was erased since their basis key was looked at.
            rows = await _rows(connection, statements.BASIS_KEYS, {"subjects": [subject]})
        return rows

    async def _index_key(self, scheme: str) -> DataKey:
        key = self._cache.get(("index", scheme))
        if key is None:
            async with self._transaction() as connection:
                row = await self._index_row(connection, scheme)
            key = self._opened(row)
            self._cache.put(("index", scheme), key)
        assert isinstance(key, DataKey), "an index key has no tombstone"
        return key

    async def _index_row(self, connection: AsyncConnection, scheme: str) -> _Row:
        rows = await _rows(connection, statements.INDEX_KEY, {"scheme": scheme})
        if not rows:
            new = {"scheme": scheme} | self._new_key()
            await connection.execute(statements.CREATE_INDEX_KEY, new)
            rows = await _rows(connection, statements.INDEX_KEY, {"scheme": scheme})
        return rows[0]

    async def _rewrap_some(self, select: LiteralString, update: LiteralString) -> int:
        kek_id = self._kek.kek_id
        async with self._transaction() as connection:
            rows = await _rows(connection, select, {"kek_id": kek_id, "rows": REWRAP_ROWS})
            new = {
                "kek_id": kek_id,
                "key_ids": [row.key_id for row in rows],
                "versions": [row.key_version for row in rows],
                "wrapped": [self._wrapped_anew(row) for row in rows],
            }
            await connection.execute(update, new)
        return len(rows)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                yield connection
        except OperationalError as error:
            raise Unavailable("the key database cannot be reached") from error

    # Keys in memory.

    def _remember(self, use: _Use, key: DataKey | Destroyed) -> None:
        """Hold the key by its use and by its id: what is sealed now is soon read."""
        self._cache.put(use, key)
        self._cache.put((key.key_id, key.version), key)

    def _opened(self, row: _Row) -> DataKey | Destroyed:
        if row.wrapped is None:
            return _tombstone(row)
        try:
            secret = self._kek.unwrap(row.wrapped, _context(row.key_id, row.key_version))
        except UnwrapFailed as error:
            raise UnwrapFailed(
                f"key {row.key_id}:{row.key_version} is wrapped under {row.kek_id}, which is not "
                "the key-encrypting key in use: give the service the one it was wrapped with"
            ) from error
        if fingerprint(secret) != row.fingerprint:
            raise Fault(f"key {row.key_id}:{row.key_version} does not match its fingerprint")
        return DataKey(key_id=row.key_id, version=row.key_version, secret=secret)

    def _wrapped_anew(self, row: _Row) -> bytes:
        key = self._opened(row)
        assert isinstance(key, DataKey), "only live keys are selected"
        return self._kek.wrap(key.secret, _context(key.key_id, key.version))

    def _new_key(self) -> dict[str, object]:
        key_id, secret = self._random_id(), self._entropy(KEY_BYTES)
        return {
            "key_id": key_id,
            "kek_id": self._kek.kek_id,
            "wrapped": self._kek.wrap(secret, _context(key_id, 1)),
            "fingerprint": fingerprint(secret),
        }

    def _new_basis_keys(self, subjects: list[UUID]) -> dict[str, object]:
        new = [self._new_key() for _ in subjects]
        return {
            "subjects": subjects,
            "kek_id": self._kek.kek_id,
            "key_ids": [key["key_id"] for key in new],
            "wrapped": [key["wrapped"] for key in new],
            "fingerprints": [key["fingerprint"] for key in new],
        }

    def _random_id(self) -> UUID:
        return UUID(bytes=self._entropy(16), version=4)


def _context(key_id: UUID, version: int) -> dict[str, str]:
    return {"key_id": str(key_id), "version": str(version)}


def _held(row: _Row) -> HeldKey:
    assert row.subject is not None, "an index key is no subject's"
    return HeldKey(
        key_id=row.key_id,
        version=row.key_version,
        subject=row.subject,
        person=row.part == "basis",
    )


def _tombstone(row: _Row) -> Destroyed:
    return Destroyed(key_id=row.key_id, version=row.key_version, fingerprint=row.fingerprint)


async def _rows(
    connection: AsyncConnection,
    statement: LiteralString,
    values: Mapping[str, object],
) -> list[_Row]:
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
