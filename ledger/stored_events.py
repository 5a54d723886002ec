"""Stored events of the eventsourcing library as entries of a log, and back again.

    topic                 the entry's stored name; characters that a name cannot have are escaped
    originator_version    the entry's place in its stream, which a ledger counts from 1
    state                 its container, and where that is not sealed by the ledger, any bytes:
                          committed to by their SHA-256, and no part of any answer or replay
    notification_id       its n

Not here: appending and reading (`recorder`), or what the events mean (`mapper`).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from eventsourcing.persistence import IntegrityError, Notification, ProgrammingError, StoredEvent

from ledger.disclosure import commitment
from ledger.events import BY_NAME
from ledger.seal import Destroyed, Opened, open_container
from ledger.sealing import new_event_id
from ledger.store import Move, NewEntry, Outcome, Request, Stored

NAME_LENGTH_MAX = 64
_UNFIT = re.compile(rb"[^A-Za-z0-9.]")
_ESCAPED = re.compile(rb"_([0-9a-f]{2})")


class Originators(msgspec.Struct, frozen=True, kw_only=True):
    """How originators are streams: the origin of their log, and the first version of each."""

    origin: str
    first_version: int

    def version(self, originator_version: int) -> int:
        """The place in the stream, from 1."""
        return originator_version - self.first_version + 1

    def event(self, entry: Stored) -> StoredEvent:
        """The entry as the event that it was."""
        return StoredEvent(
            originator_id=entry.stream,
            originator_version=entry.version + self.first_version - 1,
            topic=topic_of_name(entry.name),
            state=entry.container,
        )

    def notification(self, entry: Stored) -> Notification:
        """The entry as an event with its place in the log."""
        event = self.event(entry)
        return Notification(
            originator_id=event.originator_id,
            originator_version=event.originator_version,
            topic=event.topic,
            state=event.state,
            id=entry.n,
        )

    def entry(self, event: StoredEvent) -> NewEntry:
        """The event as the entry to append."""
        sealed = self._sealed(event)
        digests = sealed.digests if sealed else hashlib.sha256(event.state).digest()
        return NewEntry(
            stream=stream_of(event.originator_id),
            version=self.version(event.originator_version),
            name=name_of_topic(event.topic),
            event_id=sealed.event_id if sealed else new_event_id(_milliseconds(), os.urandom),
            container=event.state,
            digests=digests,
            commitment=commitment(digests),
        )

    def _sealed(self, event: StoredEvent) -> Opened | None:
        """The ledger's own entries say what they commit to; everybody else's bytes are just that.

        That shows without a key.
        """
        if event.topic not in BY_NAME:
            return None
        opened = open_container(event.state, origin=self.origin, key=_no_key)
        if opened.type != event.topic:
            raise ProgrammingError(f"the container of a {event.topic} says it is another type")
        return opened


def request_of(
    events: Sequence[StoredEvent],
    originators: Originators,
    *,
    client: str,
    key: str,
    dossiers: Mapping[UUID, bytes],
) -> Request:
    """The events as one request; `dossiers` are the new sealed bytes of streams that have them."""
    entries: dict[UUID, list[NewEntry]] = {}
    for event in events:
        entry = originators.entry(event)
        entries.setdefault(entry.stream, []).append(entry)
    for stream, added in entries.items():
        _refuse_unfit(added, dossier=dossiers.get(stream, b""))
    return Request(
        client=client,
        key=key,
        fingerprint=_fingerprint(events),
        moves=tuple(
            Move(subject=stream, version=added[0].version - 1, sealed=dossiers.get(stream, b""))
            for stream, added in entries.items()
        ),
        entries=tuple(entry for added in entries.values() for entry in added),
    )


def numbers_of(
    events: Sequence[StoredEvent], originators: Originators, outcome: Outcome
) -> list[int]:
    """The n of each event, in their order."""
    found = {(one.stream, one.version): one.n for one in outcome.entries}
    return [
        found[stream_of(event.originator_id), originators.version(event.originator_version)]
        for event in events
    ]


def stream_of(originator_id: UUID | str) -> UUID:
    """The stream of an originator."""
    if isinstance(originator_id, UUID) and originator_id.version == 4:
        return originator_id
    raise ProgrammingError("an originator of a ledger has a UUIDv4")


def name_of_topic(topic: str) -> str:
    """The stored name: letters, digits and dots as they are, other bytes as `_` and two digits."""
    name = _UNFIT.sub(lambda found: b"_%02x" % found[0][0], topic.encode()).decode()
    if not name[:1].isalpha() or len(name) > NAME_LENGTH_MAX:
        raise ProgrammingError(
            f"the topic {topic} makes no stored name of {NAME_LENGTH_MAX} characters or less that "
            "begins with a letter: give the event class a TOPIC that does"
        )
    return name


def topic_of_name(name: str) -> str:
    """The topic that the stored name was made from."""
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode()).decode()


def _refuse_unfit(added: Sequence[NewEntry], *, dossier: bytes) -> None:
    first = added[0].version
    if first < 1:
        raise ProgrammingError("an originator's version is below its first")
    if [one.version for one in added] != list(range(first, first + len(added))):
        raise IntegrityError("the versions of an originator do not follow one another")
    if not dossier and any(one.name in BY_NAME for one in added):
        raise ProgrammingError(
            "entries of the ledger are recorded by LedgerApplication.save or over the service's "
            "own ways in, which admit them and keep what answers are given from"
        )


def _fingerprint(events: Sequence[StoredEvent]) -> bytes:
    """What makes events the same when they come again."""
    told = [
        (str(each.originator_id), each.originator_version, each.topic, each.state)
        for each in events
    ]
    return hashlib.sha256(msgspec.msgpack.encode(told)).digest()


def _no_key(key_id: UUID, version: int) -> Destroyed:
    return Destroyed(key_id=key_id, version=version, fingerprint=b"")


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000
