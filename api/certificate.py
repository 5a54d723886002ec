"""A deletion certificate: what was destroyed for a person or a purpose, as a signed note.

It says what the `KeyDestroyed` entry says, where that stands, and how to find it in the log. It
cannot say that nobody had copied a key before; `ops/docs/erasure.md` says what it does not reach.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import msgspec

from api.note_key import note_key
from api.runtime import Runtime
from api.witness_policy import read_policy
from ledger.civil import format_instant
from ledger.erasure_notices import Notice, notice_of
from ledger.errors import Malformed
from ledger.events import KeyDestroyed
from ledger.tlog.keys import SigningKey, sign
from ledger.tlog.note import Note, base64_of, format_note
from ledger.tlog.proof import format_proof
from projections.published import Published

HEADER = "consent-ledger/erasure/v1"
KEY_FILE = "certificate-key"
PAGE = 500


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The note, and the proof that its entry is in the log: None until a checkpoint covers it."""

    note: str
    proof: str | None


async def certificates(ledger: Runtime, subject: UUID) -> list[Certificate]:
    """One for each erasure of the subject that was carried out, in order."""
    key = certificate_key(ledger)
    log = ledger.identity.log_of(subject)
    found = [one async for one in _notices(ledger, log, subject)]
    return [await _certificate(ledger, one, key) for one in found]


async def certificate_of(ledger: Runtime, position: str) -> Certificate:
    """The certificate of the `KeyDestroyed` entry that stands there, `<log>:<n>`."""
    log, n = _place(position, ledger.identity.logs)
    rows = await ledger.store.log(log, after=n - 1, until=n, limit=1)
    if not rows or rows[0].name != KeyDestroyed.__name__:
        raise Malformed("stands for no KeyDestroyed entry", field="position")
    notice = notice_of(log, rows[0], origin=ledger.identity.log_origin(log))
    return await _certificate(ledger, notice, certificate_key(ledger))


def certificate_key(ledger: Runtime) -> SigningKey:
    """What certificates of this ledger are signed with, under its origin's name."""
    name = f"{ledger.identity.origin}/certificates"
    return note_key(ledger.places.folder / KEY_FILE, name)


async def _notices(ledger: Runtime, log: int, subject: UUID) -> AsyncIterator[Notice]:
    after = 0
    while rows := await ledger.store.stream(log, subject, after=after, limit=PAGE):
        after = rows[-1].version
        for row in rows:
            if row.name == KeyDestroyed.__name__:
                yield notice_of(log, row, origin=ledger.identity.log_origin(log))


async def _certificate(ledger: Runtime, one: Notice, key: SigningKey) -> Certificate:
    text = "".join(f"{line}\n" for line in _lines(ledger, one))
    note = Note(text=text, signatures=(sign(text, key),))
    return Certificate(note=format_note(note).decode(), proof=await _proof(ledger, one))


def _lines(ledger: Runtime, one: Notice) -> Iterator[str]:
    row, fact = one.row, one.fact
    yield HEADER
    yield f"log {ledger.identity.log_origin(one.log)}"
    yield f"entry {one.log}:{row.n}"
    yield f"leaf {base64_of(row.leaf_hash)}"
    yield f"recorded {format_instant(row.recorded_at)}"
    yield f"reach {fact.reach}"
    for name in ("erasure", "ground", "decision"):
        value = getattr(fact, name)
        if value is not None:
            yield f"{name} {value}"
    for key in fact.keys or ():
        yield f"key {key.key_id}:{key.version} {key.fingerprint}"
    for entry in fact.entries or ():
        yield f"emptied {entry}"
    for store, many in sorted((fact.counts or {}).items()):
        yield f"count {store} {many}"
    for recipient in fact.recipients or ():
        yield f"recipient {recipient}"
    if fact.backups_until is not None:
        yield f"backups-until {fact.backups_until}"


async def _proof(ledger: Runtime, one: Notice) -> str | None:
    policy = read_policy(ledger.settings.witness_policy_file)
    published = Published(ledger.pool, ledger.identity, policy)
    proof = await published.proof(one.log, one.row.n - 1)
    return None if proof is None else format_proof(proof).decode()


def _place(position: str, logs: int) -> tuple[int, int]:
    parts = position.split(":")
    if len(parts) < 2 or not all(part.isdecimal() for part in parts[:2]):
        raise Malformed("must be <log>:<n>", field="position")
    log, n = int(parts[0]), int(parts[1])
    if log >= logs or n < 1:
        raise Malformed("is no place in this ledger", field="position")
    return log, n
