"""Rows of the key database, read, made and opened within a transaction of the caller's.

Not here: connections, and what is held in memory (`keys`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import LiteralString, TypeAlias
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import class_row

from ledger import key_statements as statements
from ledger.errors import Fault
from ledger.kek import Kek, UnwrapFailed
from ledger.seal import KEY_BYTES, DataKey, Destroyed, Entropy

ContentUse: TypeAlias = tuple[UUID, str | None]
"""A subject, and the purpose that the content is for; None for no one purpose."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A key as stored; `wrapped` is None once it is destroyed, `subject` for an index key."""

    key_id: UUID
    key_version: int
    subject: UUID | None = None
    kek_id: str
    wrapped: bytes | None
    fingerprint: bytes
    part: str | None = None
    purpose: str | None = None


def fingerprint(secret: bytes) -> bytes:
    """What recognises a destroyed key that turns up in some backup."""
    return hashlib.sha256(b"consent-ledger/dek-fp/v1\n" + secret).digest()


class KeyRows:
    """Makes and opens rows under one key-encrypting key."""

    def __init__(self, kek: Kek, entropy: Entropy) -> None:
        self._kek = kek
        self._entropy = entropy

    async def basis_rows(
        self, connection: AsyncConnection, subjects: list[UUID], *, create: bool
    ) -> list[Row]:
        rows = await rows_of(connection, statements.BASIS_KEYS, {"subjects": subjects})
        known = {row.subject for row in rows}
        lacking = [subject for subject in subjects if subject not in known]
        if create and lacking:
            new = {"subjects": lacking, "kek_id": self._kek.kek_id} | self._new_keys(len(lacking))
            await connection.execute(statements.CREATE_BASIS_KEYS, new)
            rows += await rows_of(connection, statements.BASIS_KEYS, {"subjects": lacking})
        return rows

    async def content_rows(
        self, connection: AsyncConnection, subject: UUID, purpose: str | None, *, create: bool
    ) -> list[Row]:
        use = {"subject": subject, "purpose": purpose, "create": create}
        rows = await rows_of(connection, statements.CONTENT_KEY, use)
        if create and not any(row.wrapped for row in rows):
            await connection.execute(statements.CREATE_CONTENT_KEY, use | self.new_key())
            rows = await rows_of(connection, statements.CONTENT_KEY, use)
        if create and not rows:
            # The person was erased since their basis key was looked at.
            rows = await rows_of(connection, statements.BASIS_KEYS, {"subjects": [subject]})
        return rows

    async def contents(
        self, connection: AsyncConnection, wanted: Sequence[ContentUse]
    ) -> dict[ContentUse, Row]:
        """The live keys of these uses, made where there was none.

        Left out is whoever is being erased, or was: that takes a look of its own (`content_rows`).
        """
        found = await self._live(connection, wanted)
        lacking = [use for use in wanted if use not in found]
        if lacking:
            new = {"kek_id": self._kek.kek_id} | _uses(lacking) | self._new_keys(len(lacking))
            await connection.execute(statements.CREATE_CONTENT_KEYS, new)
            found |= await self._live(connection, lacking)
        return found

    async def _live(
        self, connection: AsyncConnection, wanted: Sequence[ContentUse]
    ) -> dict[ContentUse, Row]:
        rows = await rows_of(connection, statements.CONTENT_KEYS, _uses(wanted))
        return {(row.subject, row.purpose): row for row in rows if row.subject is not None}

    async def index_row(self, connection: AsyncConnection, scheme: str) -> Row:
        rows = await rows_of(connection, statements.INDEX_KEY, {"scheme": scheme})
        if not rows:
            new = {"scheme": scheme} | self.new_key()
            await connection.execute(statements.CREATE_INDEX_KEY, new)
            rows = await rows_of(connection, statements.INDEX_KEY, {"scheme": scheme})
        return rows[0]

    def opened(self, row: Row) -> DataKey | Destroyed:
        if row.wrapped is None:
            return tombstone(row)
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

    def wrapped_anew(self, row: Row) -> bytes:
        key = self.opened(row)
        assert isinstance(key, DataKey), "only live keys are selected"
        return self._kek.wrap(key.secret, _context(key.key_id, key.version))

    def new_key(self) -> dict[str, object]:
        key_id, secret = self.random_id(), self._entropy(KEY_BYTES)
        return {
            "key_id": key_id,
            "kek_id": self._kek.kek_id,
            "wrapped": self._kek.wrap(secret, _context(key_id, 1)),
            "fingerprint": fingerprint(secret),
        }

    def _new_keys(self, many: int) -> dict[str, object]:
        new = [self.new_key() for _ in range(many)]
        return {
            "key_ids": [key["key_id"] for key in new],
            "wrapped": [key["wrapped"] for key in new],
            "fingerprints": [key["fingerprint"] for key in new],
        }

    def random_id(self) -> UUID:
        return UUID(bytes=self._entropy(16), version=4)


def _uses(wanted: Sequence[ContentUse]) -> dict[str, object]:
    return {"subjects": [one for one, _ in wanted], "purposes": [purpose for _, purpose in wanted]}


def _context(key_id: UUID, version: int) -> dict[str, str]:
    return {"key_id": str(key_id), "version": str(version)}


def tombstone(row: Row) -> Destroyed:
    return Destroyed(key_id=row.key_id, version=row.key_version, fingerprint=row.fingerprint)


async def rows_of(
    connection: AsyncConnection,
    statement: LiteralString,
    values: Mapping[str, object],
) -> list[Row]:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
