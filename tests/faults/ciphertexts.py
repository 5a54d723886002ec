"""Every ciphertext of a ledger, and which of them any key at hand opens: as a thief would try."""

from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec
import psycopg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.kek import FileKek, UnwrapFailed
from ledger.seal import parse_container

_ROWS = (
    "SELECT subject, sealed, 'dossier' FROM dossier WHERE subject = %(subject)s"
    " UNION ALL SELECT subject, stored, 'answer' FROM read_audit WHERE subject = %(subject)s"
)


class Ciphertext(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes with their nonce, and what they are bound to but for the key's name."""

    nonce: bytes
    ct: bytes
    bound: bytes
    key: bytes


def of_subject(database: str, origin: str, subject: UUID) -> list[Ciphertext]:
    """Everything that is sealed about the subject, in whatever table."""
    with psycopg.connect(database) as connection:
        values = {"subject": subject}
        entries = connection.execute(
            "SELECT container FROM entry WHERE stream = %(subject)s", values
        ).fetchall()
        rows = connection.execute(_ROWS, values).fetchall()
    found = [one for (container,) in entries for one in _groups(bytes(container), origin)]
    return found + [_row(bytes(sealed), kind, subject) for subject, sealed, kind in rows if sealed]


def _groups(container: bytes, origin: str) -> Iterator[Ciphertext]:
    if not container:
        return
    parsed = parse_container(container)
    for group in parsed.groups:
        if group.ct and group.nonce:
            yield Ciphertext(
                nonce=group.nonce,
                ct=group.ct,
                bound=f"consent-ledger/seal/v1\n{origin}\n{parsed.event_id}\n".encode(),
                key=f"{group.key_id}:{group.key_version}\n".encode(),
            )


def _row(sealed: bytes, kind: str, subject: UUID) -> Ciphertext:
    _, key_id, version, nonce, ct = msgspec.msgpack.decode(sealed)
    return Ciphertext(
        nonce=nonce,
        ct=ct,
        bound=f"consent-ledger/{kind}/v1\n{subject}\n".encode(),
        key=f"{UUID(bytes=key_id)}:{version}\n".encode(),
    )


def secrets(keys_database: str, kek: FileKek) -> list[bytes]:
    """Every data key that the key database holds and the key file opens."""
    query = "SELECT key_id, key_version, wrapped FROM subject_key WHERE wrapped IS NOT NULL"
    with psycopg.connect(keys_database) as connection:
        rows = connection.execute(query).fetchall()
    return [secret for row in rows if (secret := unwrapped(kek, *row)) is not None]


def unwrapped(kek: FileKek, key_id: UUID, version: int, wrapped: bytes) -> bytes | None:
    """The data key, or None where no key-encrypting key opens it."""
    try:
        return kek.unwrap(wrapped, {"key_id": str(key_id), "version": str(version)})
    except UnwrapFailed:
        return None


def opened(some: Iterable[Ciphertext], keys: Iterable[bytes]) -> int:
    """How many of them some key opens."""
    every = list(keys)
    return sum(any(_opens(one, key) for key in every) for one in some)


def _opens(one: Ciphertext, key: bytes) -> bool:
    try:
        AESGCM(key).decrypt(one.nonce, one.ct, one.bound + one.key)
    except InvalidTag:
        return False
    return True
