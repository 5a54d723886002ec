"""Random histories recorded for real: through admission, sealing and the append.

The names of a scenario become UUIDs: its people their subjects, its entries the ids that the ledger
gave. What admission refuses is left out, and so is what is about an entry that was.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from ledger.errors import Malformed
from ledger.record import Receipted
from ledger.rules.case import Question
from tests.histories import KINDS, PEOPLE, START, World
from tests.integration.wired import Founded, Wired
from tests.richer_histories import FOCI

REFERENCES = (
    "authority",
    "consent",
    "entry",
    "objection",
    "policy_document",
    "replacement",
    "restriction",
    "status",
)
ENVELOPE = ("id", "subject", "recorded_at")
Pick = Callable[..., Any]


class History:
    """A ledger with one random history of the three people of a scenario."""

    def __init__(self, ledger: Founded) -> None:
        self.ledger = ledger
        self.random: Random = ledger.random
        purposes, self.kinds = self.random.choice(FOCI)
        self.world = World(purposes, PEOPLE)
        self.subjects: dict[str, UUID] = {name: ledger.subject() for name in PEOPLE}
        self.entries: dict[str, UUID] = {}
        self.refused = 0

    async def begin(self, wired: Wired) -> None:
        """The catalogue is adopted before anything else."""
        self.ledger.clock(START - timedelta(days=1))
        await wired.adopt()

    async def grow(self, wired: Wired, entries: int) -> None:
        """So many more entries of the scenario, recorded when it says they were."""
        for _ in range(entries):
            kinds = self.random.choice((KINDS, self.kinds, self.kinds)) or KINDS
            before = len(self.world.given)
            self.world.record(self.random.choice(kinds), self.random.choice)
            for given in self.world.given[before:]:
                await self._record(wired, given)

    async def _record(self, wired: Wired, given: dict[str, Any]) -> None:
        fact = self._named(given)
        if fact is None:
            self.refused += 1
            return
        self.ledger.clock(datetime.fromisoformat(given["recorded_at"]))
        name = given["subject"]
        try:
            outcome = await wired.attempt(None if name is None else self.subjects[name], fact)
        except Malformed:
            outcome = None
        if isinstance(outcome, Receipted):
            self.entries[given["id"]] = outcome.entries[0].event_id
        else:
            self.refused += 1

    def _named(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """The entry as a caller would send it, or None where it is about one never recorded."""
        sent = {}
        for name, value in given.items():
            if name in ENVELOPE:
                continue
            if name in REFERENCES:
                if value not in self.entries:
                    return None
                value = str(self.entries[value])
            elif isinstance(value, str) and value in self.subjects:
                value = str(self.subjects[value])
            sent[name] = value
        return sent

    def question(self) -> tuple[UUID, Question]:
        """A question about one of the people, at moments where something may have changed."""
        asked = self.world.question(self.random.choice)
        subject = self.subjects[asked.pop("subject")]
        for name in ("effective_at", "known_at"):
            asked[name] = datetime.fromisoformat(asked[name])
        return subject, Question(**asked)

    def later(self, days: float = 1) -> datetime:
        """The clock stands so long after the last recording."""
        moment = self.world.clock + timedelta(days=days)
        self.ledger.clock(moment)
        return moment
