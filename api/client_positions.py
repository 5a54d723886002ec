"""What one client has seen of each log, so that it notices a log that is rewound or replaced.

A position only ever becomes the past: a log that answers with less than it had, or with another
entry at a place, is not the one that was seen before. Held in memory, for as long as the client.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import TypeVar
from uuid import UUID

from api.client_errors import Broken, LogForked

PLACES_MAX = 10_000
"""Places whose entry is remembered, the newest of them."""
SUBJECTS_MAX = 100_000
"""People whose log is remembered, those met last."""
COMMON = -1
"""The ledger's own stream, kept as if it were a log: it lags behind the one that it is in."""
_POSITION = re.compile(r"([0-9]{1,4}):([0-9]{1,18})(?::([0-9a-f]{8}))?")
_FORKED = "the log {}: stop, keep what you hold, and tell the ledger's operator"

Floor = Mapping[int, int]
NO_FLOOR: Floor = MappingProxyType({})
"""For an answer about the past, which says nothing of how far the log has come."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a log; the hash is missing where it is not known, or where the log is empty."""

    log: int
    n: int
    leaf_hash: str | None

    def __str__(self) -> str:
        named = f"{self.log}:{self.n}"
        return named if self.leaf_hash is None else f"{named}:{self.leaf_hash}"


def parsed(text: str) -> Position:
    """The position that the service names."""
    found = _POSITION.fullmatch(text)
    if found is None:
        raise Broken("the service named a position that is none: is this a ledger?")
    return Position(int(found[1]), int(found[2]), found[3])


class Positions:
    """What was seen of each log; safe to share between threads.

    `floor` is how far each log had come before a request is sent: what is answered to it about the
    present must not be less.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._heads: dict[int, int] = {}
        self._wanted: dict[int, Position] = {}
        self._last: Position | None = None
        self._hashes: OrderedDict[tuple[int, int], str] = OrderedDict()
        self._logs: OrderedDict[UUID, int] = OrderedDict()

    def floor(self) -> Floor:
        """How far each log is known to have come."""
        with self._lock:
            return dict(self._heads)

    def log_of(self, subject: UUID) -> int | None:
        """The person's log, None where nothing was answered about them lately."""
        with self._lock:
            return self._logs.get(subject)

    def minimum(self, subject: UUID | None) -> Position | None:
        """What an answer about the person, or about everybody, must take into account.

        That is what this client wrote last, or was told of by the feed, in the person's log; for
        everybody in any log, since a list names but one.
        """
        with self._lock:
            if subject is None:
                return self._last
            log = self._logs.get(subject)
            return None if log is None else self._wanted.get(log)

    def saw(self, text: str, *, subject: UUID | None = None, floor: Floor = NO_FLOOR) -> Position:
        """The position, remembered; raises `LogForked` for one that contradicts what was seen.

        `floor` is given for an answer about the present.
        """
        at = parsed(text)
        self._compare(at, at.log, floor)
        with self._lock:
            if subject is not None:
                _keep(self._logs, subject, at.log, SUBJECTS_MAX)
        return at

    def saw_common(self, text: str, *, floor: Floor = NO_FLOOR) -> None:
        """The same for the last entry about no one person."""
        self._compare(parsed(text), COMMON, floor)

    def must_see(self, text: str, *, subject: UUID | None = None, floor: Floor = NO_FLOOR) -> None:
        """The same for an entry that later answers of its log must take into account."""
        at = self.saw(text, subject=subject, floor=floor)
        with self._lock:
            held = self._wanted.get(at.log)
            if held is None or held.n < at.n:
                self._wanted[at.log] = self._last = at

    def saw_all(self, texts: Iterable[str], *, floor: Floor = NO_FLOOR) -> None:
        """Several positions, such as one a log."""
        for text in texts:
            self.saw(text, floor=floor)

    def _compare(self, at: Position, kind: int, floor: Floor) -> None:
        if at.n < floor.get(kind, 0):
            raise LogForked(_FORKED.format("had more entries than it answers with"))
        place = (at.log, at.n)
        with self._lock:
            if at.leaf_hash is not None:
                if self._hashes.get(place) not in (None, at.leaf_hash):
                    raise LogForked(_FORKED.format("holds another entry at a place than it did"))
                _keep(self._hashes, place, at.leaf_hash, PLACES_MAX)
            self._heads[kind] = max(at.n, self._heads.get(kind, 0))


def _keep(held: OrderedDict[K, V], name: K, value: V, most: int) -> None:
    held[name] = value
    held.move_to_end(name)
    if len(held) > most:
        held.popitem(last=False)
