"""What deliveries to a consumer are signed with: made here, kept wrapped, and changed with a lapse.

A secret is a shared key for HMAC and a private key for Ed25519, of one consumer alone: what is
signed for one proves nothing to another. Not here: signatures (`api/webhook_signing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ledger.kek import Kek
from ledger.seal import Entropy
from projections.everyone import rows, rows_on, write
from projections.sql import statement

KEY_BYTES = 32
FIRST = 1


class Named(NamedTuple):
    """A consumer: its client, and the name that it has there."""

    client: str
    name: str

    def values(self, **more: object) -> dict[str, object]:
        """What statements about it take."""
        return {"log": 0, "client": self.client, "name": self.name, **more}


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """What signs, and the public key that verifies; `ends_at` is None for the newest."""

    version: int
    shared: bytes
    private: bytes
    public: bytes
    ends_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Secret({self.version})"


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may know of a secret."""

    public: bytes
    ends_at: datetime | None


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    client: str
    name: str
    version: int
    ends_at: datetime | None
    kek_id: str
    wrapped: bytes
    public: bytes


class Secrets:
    """The secrets of one ledger's consumers."""

    def __init__(self, pool: AsyncConnectionPool, kek: Kek, *, entropy: Entropy) -> None:
        self._pool = pool
        self._kek = kek
        self._entropy = entropy

    async def of(self, one: Named) -> list[Secret]:
        """Those that are valid now, the newest first."""
        found = await rows(self._pool, _Row, "secrets", one.values())
        return [self._opened(row) for row in found]

    async def public(self, one: Named) -> list[PublicKey]:
        """What those that are valid now are verified with, the newest first."""
        found = await rows(self._pool, _Row, "secrets", one.values())
        return [PublicKey(public=row.public, ends_at=row.ends_at) for row in found]

    async def first(self, connection: AsyncConnection, one: Named) -> Secret | None:
        """The first secret, made in this transaction; None where there is one already."""
        if await rows_on(connection, _Row, "secrets", one.values()):
            return None
        return await self._added(connection, one, FIRST)

    async def renewed(self, connection: AsyncConnection, one: Named, *, hours: int) -> Secret:
        """A new one, made in this transaction; those before end after so long at the latest."""
        held = await rows_on(connection, _Row, "secrets", one.values())
        await connection.execute(statement("retire_secrets"), one.values(hours=hours))
        made = await self._added(connection, one, _next(held))
        await connection.execute(statement("drop_secrets"), one.values())
        return made

    async def rewrap(self) -> int:
        """How many were under another key-encrypting key; none of them is any more."""
        done = 0
        while found := await self._under_others():
            for row in found:
                await self._rewrap(row)
            done += len(found)
        return done

    async def _under_others(self) -> list[_Row]:
        values = {"log": 0, "kek_id": self._kek.kek_id}
        return await rows(self._pool, _Row, "secrets_under_others", values)

    async def _rewrap(self, row: _Row) -> None:
        one = Named(row.client, row.name)
        secret = self._opened(row)
        values = {"version": row.version, "was": row.kek_id, **self._wrapped(one, secret)}
        await write(self._pool, "rewrap_secret", one.values(**values))

    async def _added(self, connection: AsyncConnection, one: Named, version: int) -> Secret:
        shared, private = self._entropy(KEY_BYTES), self._entropy(KEY_BYTES)
        public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        made = Secret(version=version, shared=shared, private=private, public=public)
        values = one.values(version=version, public=public, **self._wrapped(one, made))
        await connection.execute(statement("add_secret"), values)
        return made

    def _wrapped(self, one: Named, secret: Secret) -> dict[str, object]:
        plain = secret.shared + secret.private
        wrapped = self._kek.wrap(plain, _context(one, secret.version))
        return {"kek_id": self._kek.kek_id, "wrapped": wrapped}

    def _opened(self, row: _Row) -> Secret:
        context = _context(Named(row.client, row.name), row.version)
        plain = self._kek.unwrap(row.wrapped, context)
        return Secret(
            version=row.version,
            shared=plain[:KEY_BYTES],
            private=plain[KEY_BYTES:],
            public=row.public,
            ends_at=row.ends_at,
        )


def _next(held: Sequence[_Row]) -> int:
    return held[0].version + 1 if held else FIRST


def _context(one: Named, version: int) -> dict[str, str]:
    """What a wrapped secret belongs to: in another row it does not open."""
    return {
        "use": "webhook",
        "client": one.client,
        "consumer": one.name,
        "version": str(version),
    }
