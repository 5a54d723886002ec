"""Dossiers held opened and decoded between questions: what saves the decryption, never the read.

One is held with the leaf hash of its stream's last entry, and used only where the statement that
asks finds that same entry to be the last: so an acknowledged entry counts from the next question
on. It is used no longer than the key that opened it may be. Not here: reading (`reader`).
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec

from ledger.cache import AgeingCache
from ledger.history import Dossier
from ledger.seal import KeyName

BYTES_MAX = 2 * 2**20
"""Plain text of all that is held; with what is decoded from it, some four times as much."""
OVERHEAD_BYTES = 256
"""What one weighs besides its plain text."""
SECONDS_MAX = 600.0


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A dossier with its plain text, the key that opened it, and its last entry by leaf hash."""

    subject: UUID
    last: bytes
    key: KeyName
    plain: bytes
    dossier: Dossier


def holding(clock: Callable[[], float], *, bytes_max: int = BYTES_MAX) -> AgeingCache[UUID, Held]:
    """A place for dossiers of one process, bounded by their plain text; `clock` counts seconds."""
    return AgeingCache(clock=clock, weight_max=bytes_max, age_s_max=SECONDS_MAX, weigh=_weight)


def _weight(one: Held) -> int:
    return len(one.plain) + OVERHEAD_BYTES
