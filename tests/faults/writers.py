"""Writers against a service that is being killed, and what each was told: the client's own ledger.

Every request ends as acknowledged, as refused, or as unknown; one that is unknown is sent again
under its key, at once or at the end. Not here: who kills what, or what the log then holds.
"""

import random
import threading
from typing import Any, Literal
from uuid import UUID

import httpx
import msgspec

Fate = Literal["acknowledged", "refused", "unknown"]

ENTRIES_OF_A_PERSON = 40
ATTEMPTS_AT_THE_END = 50
FIRST_CONSENT = "2026-03-02T10:00:00Z"


class Sent(msgspec.Struct, kw_only=True):
    """A request, what became of it as far as its sender knows, and the answer to it."""

    key: str
    person: UUID
    entries: list[dict[str, Any]]
    fate: Fate = "unknown"
    answer: dict[str, Any] = {}
    attempts: int = 0
    replayed: bool = False

    def kinds(self) -> list[str]:
        """What tells the entries of this request from those of any other."""
        return [one["kind"] for one in self.entries if "kind" in one]


class Writer:
    """One client: it writes about one person after another, in order, and reads its own writes."""

    def __init__(self, client: httpx.Client, *, seed: int, stop: threading.Event) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self._stop = stop
        self.sent: list[Sent] = []
        self.statuses: list[int] = []
        self.broken_promises: list[str] = []
        self.checked = 0

    def run(self) -> None:
        """Write until told to stop; then send again what is unknown, until it is known."""
        while not self._stop.is_set():
            self._write_about(self._uuid())

    def acknowledged(self) -> int:
        """How many requests were."""
        return sum(one.fate == "acknowledged" for one in self.sent)

    def settle(self) -> int:
        """How many requests were unknown; each is sent again until it is not, or never will be."""
        unknown = [one for one in self.sent if one.fate == "unknown"]
        for one in unknown:
            for _ in range(ATTEMPTS_AT_THE_END):
                self._attempt_again(one)
        return len(unknown)

    def _write_about(self, person: UUID) -> None:
        """Requests about one person, in order; one that stays unknown is the last of them."""
        given = {"given_by": str(person), "capacity": "SELF", "purpose": "PHOTO"}
        consent = {"type": "ConsentGranted", "effective_at": FIRST_CONSENT, "evidence": "x"}
        withdrawal = {"type": "ConsentWithdrawn", "effective_at": "2026-06-01T00:00:00Z"}
        born = {"type": "DateOfBirthRecorded", "effective_at": "2018-05-25"}
        born["date_of_birth"] = "1980-05-05"
        if not self._send(person, born, consent | given):
            return
        many = self._chance.randrange(ENTRIES_OF_A_PERSON)
        for _ in range(many):
            if self._stop.is_set() or not self._send(person):
                return
        self._send(person, consent | given | {"purpose": "NEVER_DECLARED"})
        if self._send(person, withdrawal | given):
            self._check_withdrawn(person)

    def _send(self, person: UUID, *first: dict[str, Any]) -> bool:
        """Whether the outcome is known, in the end."""
        key = self._uuid().hex
        marks = [
            {"type": "StatusStarted", "effective_at": "2026-05-01", "kind": f"{key}.{n}"}
            for n in range(self._chance.randint(1, 3))
        ]
        one = Sent(key=key, person=person, entries=[*first, *marks])
        self.sent.append(one)
        self._attempt(one)
        insists = self._chance.random() < 0.5
        while insists and one.fate == "unknown" and not self._stop.is_set():
            self._attempt_again(one)
        return one.fate != "unknown"

    def _attempt_again(self, one: Sent) -> None:
        if one.fate == "unknown":
            threading.Event().wait(self._chance.uniform(0.0, 0.1))
            self._attempt(one)

    def _attempt(self, one: Sent) -> None:
        one.attempts += 1
        try:
            response = self._client.post(
                f"/v1/subjects/{one.person}/entries",
                json={"entries": one.entries},
                headers={"idempotency-key": one.key},
            )
        except httpx.TransportError:
            return
        self.statuses.append(response.status_code)
        if response.status_code == 201:
            one.fate, one.answer = "acknowledged", response.json()
            one.replayed = "idempotency-replayed" in response.headers
        elif response.status_code == 422:
            one.fate = "refused"

    def _check_withdrawn(self, person: UUID) -> None:
        """What was withdrawn and acknowledged is not permitted: said, or not answered at all."""
        question = {"subject": str(person), "purpose": "PHOTO"}
        try:
            response = self._client.post("/v1/checks", json=question)
        except httpx.TransportError:
            return
        self.statuses.append(response.status_code)
        if response.status_code == 200:
            self.checked += 1
            if response.json()["decision"] != "DENY":
                self.broken_promises.append(str(person))

    def _uuid(self) -> UUID:
        return UUID(bytes=self._chance.randbytes(16), version=4)
