"""What the clients know of a ledger that was being killed, and whether the ledger bears it out.

Every request ends up acknowledged: one whose fate is unknown is sent again under its key. Then each
is there once, as it was acknowledged, in the order in which it was sent, and nothing else is.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import psycopg

from ledger.store import Identity
from tests.faults.recording import SHARED, Told, command_of
from tests.integration.appending import altered, stored

ROWS = "SELECT client, idempotency_key, n, leaf_hash, stream FROM entry WHERE log = 0 ORDER BY n"
DOSSIERS = "SELECT subject, version, n, head FROM dossier WHERE log = 0"


class Sent(msgspec.Struct, kw_only=True):
    """A request; `entries` once it was acknowledged, and how often that was."""

    writer: str
    person: str
    number: int
    entries: tuple[tuple[int, bytes], ...] | None = None
    acknowledgements: int = 0


class Book:
    """The clients' own ledger of what they sent and what they were told."""

    def __init__(self, writers: tuple[str, ...], people: tuple[str, ...]) -> None:
        self.counts: Counter[str] = Counter()
        self._people = (*people, SHARED)
        self._sent: dict[tuple[str, str, int], Sent] = {}
        self._last = {(writer, person): -1 for writer in writers for person in self._people}
        self._contradictions: list[str] = []

    def write(self, writer: str, told: Told) -> None:
        """What a writer said."""
        self.counts["replayed" if told.replayed else told.what] += 1
        if told.what == "done":
            return
        key = (writer, told.person, told.number)
        sent = self._sent.setdefault(
            key, Sent(writer=writer, person=told.person, number=told.number)
        )
        self._last[writer, told.person] = max(self._last[writer, told.person], told.number)
        if told.what == "acknowledged":
            if sent.entries not in (None, told.entries):
                self._contradictions.append(f"{key} was acknowledged twice, differently")
            sent.entries = told.entries
            sent.acknowledgements += 1

    def numbers(self, writer: str) -> dict[str, int]:
        """Where the writer goes on with each person: at what it does not know the fate of."""
        return {person: self._next(writer, person) for person in self._people}

    def unknown(self) -> int:
        """How many requests were sent and have not been acknowledged."""
        return sum(sent.entries is None for sent in self._sent.values())

    def _next(self, writer: str, person: str) -> int:
        last = self._last[writer, person]
        found = self._sent.get((writer, person, last))
        return last if found is not None and found.entries is None else last + 1

    def findings(self, database: str, identity: Identity) -> list[str]:
        """Where the ledger does not bear out what the clients know; empty where it does."""
        with psycopg.connect(database) as connection:
            rows = connection.execute(ROWS).fetchall()
            dossiers = connection.execute(DOSSIERS).fetchall()
        mine = [row for row in rows if row[0] != "test"]
        return [
            *self._contradictions,
            *self._lost_or_doubled(mine),
            *self._reordered(),
            *_misnumbered([row[2] for row in rows]),
            *(f"entry {n} is not as it was written" for n in altered(stored(database), identity)),
            *_behind(dossiers, rows),
        ]

    def _lost_or_doubled(self, rows: list[tuple]) -> Iterator[str]:
        found: dict[tuple[str, str], list[tuple[int, bytes]]] = {}
        for client, key, n, leaf_hash, _ in rows:
            found.setdefault((client, key), []).append((n, leaf_hash))
        for sent in self._sent.values():
            there = tuple(found.pop((sent.writer, f"{sent.person}/{sent.number}"), ()))
            facts = command_of(sent.writer, sent.person, sent.number).facts
            if there != sent.entries or len(there) != len(facts):
                yield f"{sent.writer} {sent.person}/{sent.number}: told {sent.entries}, is {there}"
        yield from (f"{client} {key} was sent by nobody" for client, key in found)

    def _reordered(self) -> Iterator[str]:
        for one, next_ in pairwise(sorted(self._sent)):
            if one[:2] == next_[:2]:
                before, after = self._sent[one].entries, self._sent[next_].entries
                if before and after and before[-1][0] >= after[0][0]:
                    yield f"{next_} stands before {one}"


def _misnumbered(numbers: list[int]) -> Iterator[str]:
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"the log is not numbered from 1 to {len(numbers)}"


def _behind(dossiers: list[tuple], rows: list[tuple]) -> Iterator[str]:
    streams: dict[object, list[tuple[int, bytes]]] = {}
    for _, _, n, leaf_hash, stream in rows:
        streams.setdefault(stream, []).append((n, leaf_hash))
    for subject, version, n, head in dossiers:
        there = streams.pop(subject, [(0, b"")])
        if (version, n, head) != (len(there), [each for each, _ in there], there[-1][1]):
            yield f"the dossier of {subject} does not follow its entries"
    yield from (f"{stream} has no dossier" for stream in streams)
