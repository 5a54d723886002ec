"""Made-up people to measure with: most have few entries, and a few have a thousand.

The same seed makes the same people. Their entries are as the service takes them, and what it must
answer about each is known from how they were made. Nobody is real.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

PURPOSE = "P18a"
"""Photographs, on consent: the purpose that is asked about."""
OTHER = "P18b"
SKEW = (
    (0.70, 4, 8),
    (0.95, 9, 20),
    (0.995, 21, 80),
    (0.999, 81, 300),
    (1.0, 900, 998),
)
"""Up to which part of all people have how many entries."""
COMMON: tuple[dict[str, object], ...] = (
    {"type": "NoticePublished", "effective_at": "2021-11-01", "notice": "V3.0"},
    {"type": "NoticePublished", "effective_at": "2022-01-01", "notice": "V4.0"},
    {"type": "PolicyDocumentAdopted", "effective_at": "2022-02-14", "document": "APD-CSC"},
)
"""What is recorded about no one person, after the catalogue."""
USUAL = (0.45, 0.75, 0.9)
"""Up to which part of all entries are consents, withdrawals and notices."""
_FORM = f"sha256:{hashlib.sha256(b'the form as printed').hexdigest()}"
BEGINS = datetime(2022, 3, 1, 9, tzinfo=UTC)
RECENT = datetime(2026, 5, 4, 9, tzinfo=UTC)
"""When something took effect that is recorded while it is measured."""
SPAN = timedelta(days=4 * 365)

Entry = dict[str, object]
BORN: Entry = {
    "type": "DateOfBirthRecorded",
    "effective_at": "2022-03-01",
    "date_of_birth": "1986-04-12",
}


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, what is recorded about them in one request, and what must be answered."""

    subject: UUID
    entries: tuple[Entry, ...]
    permitted: bool

    @property
    def decision(self) -> str:
        """The answer about photographs, now."""
        return "PERMIT" if self.permitted else "DENY"


def people(many: int, *, seed: str) -> Iterator[Person]:
    """So many people, one after another."""
    chance = random.Random(seed)
    for _ in range(many):
        yield person(chance, size=size(chance))


def size(chance: random.Random) -> int:
    """How many entries somebody has."""
    part = chance.random()
    least, most = next((least, most) for until, least, most in SKEW if part <= until)
    return chance.randint(least, most)


def person(chance: random.Random, *, size: int) -> Person:
    """Somebody with so many entries, at least four."""
    subject = UUID(int=chance.getrandbits(128), version=4)
    permitted = chance.random() < 0.7
    entries = [BORN]
    step = SPAN / size
    for n in range(1, size - 1):
        entries.append(entry(chance, subject, BEGINS + n * step))
    last = BEGINS + (size - 1) * step
    entries.append(granted(subject, last) if permitted else withdrawn(subject, last))
    return Person(subject=subject, entries=tuple(entries), permitted=permitted)


def entry(
    chance: random.Random,
    subject: UUID,
    at: datetime,
    parts: tuple[float, float, float] = USUAL,
) -> Entry:
    """An entry of some type: up to these parts of all are consents, withdrawals and notices."""
    purpose = PURPOSE if chance.random() < 0.6 else OTHER
    kind = chance.random()
    consents, withdrawals, notices = parts
    if kind < consents:
        return granted(subject, at, purpose)
    if kind < withdrawals:
        return withdrawn(subject, at, purpose)
    if kind < notices:
        return {"type": "NoticeProvided", "effective_at": at.isoformat(), "notice": "V4.0"}
    return {"type": "StatusStarted", "effective_at": at.isoformat(), "kind": "CIN"}


def granted(subject: UUID, at: datetime, purpose: str = PURPOSE) -> Entry:
    """Consent on paper."""
    return {
        "type": "ConsentGranted",
        "effective_at": at.isoformat(),
        "purpose": purpose,
        "given_by": str(subject),
        "capacity": "SELF",
        "evidence": "form 17, scanned",
        "notice": "V4.0",
        "method": "paper",
        "statement_digest": _FORM,
        "explicit": True,
    }


def withdrawn(subject: UUID, at: datetime, purpose: str = PURPOSE) -> Entry:
    """The consent taken back."""
    return {
        "type": "ConsentWithdrawn",
        "effective_at": at.isoformat(),
        "purpose": purpose,
        "given_by": str(subject),
        "capacity": "SELF",
    }
