"""Events of the feed as they are told: CloudEvents 1.0 in JSON, thin, and frames of a stream.

An event says that something happened, to whom and for which purpose, and nothing of what: whoever
may know asks. The types and members here are for ever; what is added is ignored by old consumers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import quote

import msgspec

from ledger.civil import format_instant
from ledger.store import Identity
from projections.feed import AnyEvent, BasisChanged, EntryRecorded
from projections.feed_cursor import Cursor

RECORDED: Final = "consent-ledger.entry.recorded.v1"
CHANGED: Final = "consent-ledger.basis.changed.v1"
RETRY_MS = 2000
_URI = "/:?#[]@!$&'()*+,;=-._~"
"""What a URI reference may hold as it is: RFC 3986, section 2."""

Encode = Callable[[AnyEvent], bytes]


class EntryData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which entry it was; `purpose` where it is about one, or `*`, and can still be read."""

    type: str
    entry: str
    purpose: str | None = None


class ChangeData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """For which purpose the basis changed, and when; nothing once the person is erased."""

    purpose: str | None = None
    effective_at: str | None = None


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """CloudEvents 1.0.2, with the extension `position`; `subject` is absent for no one person."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: Literal["consent-ledger.entry.recorded.v1", "consent-ledger.basis.changed.v1"]
    time: str
    datacontenttype: Literal["application/json"]
    position: str
    data: EntryData | ChangeData
    subject: str | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """No event at or before `cursor` will be told later; `behind` events came after it at `time`.

    `positions` are the last entries before it, one a log.
    """

    cursor: str
    positions: list[str]
    time: str
    behind: int


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """Why a stream ends, and the cursor after which to go on."""

    cursor: str
    reason: str


def encoding(identity: Identity) -> Encode:
    """What makes bytes of the events of this ledger."""
    source = quote(identity.origin, safe=_URI)
    encoder = msgspec.json.Encoder()

    def encode(event: AnyEvent) -> bytes:
        return encoder.encode(cloud_event(event, source))

    return encode


def cloud_event(event: AnyEvent, source: str) -> CloudEvent:
    """The event with the attributes that CloudEvents asks for."""
    return CloudEvent(
        specversion="1.0",
        id=event_id(event),
        source=source,
        type=RECORDED if isinstance(event, EntryRecorded) else CHANGED,
        time=format_instant(event.time),
        datacontenttype="application/json",
        position=event.position,
        data=_entry(event) if isinstance(event, EntryRecorded) else _change(event),
        subject=None if event.subject is None else str(event.subject),
    )


def event_id(event: AnyEvent) -> str:
    """What the event is called for ever, together with its source."""
    return str(event.entry) if isinstance(event, EntryRecorded) else f"{event.log}-{event.m}"


def _entry(event: EntryRecorded) -> EntryData:
    return EntryData(type=event.type, entry=str(event.entry), purpose=_purpose(event))


def _change(event: BasisChanged) -> ChangeData:
    moment = event.effective_at
    return ChangeData(
        purpose=_purpose(event), effective_at=None if moment is None else format_instant(moment)
    )


def _purpose(event: AnyEvent) -> str | None:
    """The one that it is about: of several, a consumer may be bound to some and not to others."""
    return next(iter(event.purposes)) if len(event.purposes) == 1 else None


def frame(cursor: Cursor, body: bytes) -> bytes:
    """An event of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    return b"id: %b\ndata: %b\n\n" % (cursor.spelt().encode(), body)


def checkpoint_frame(one: Checkpoint) -> bytes:
    """A checkpoint of a stream, which a consumer also resumes from."""
    body = msgspec.json.encode(one)
    return b"id: %b\nevent: checkpoint\ndata: %b\n\n" % (one.cursor.encode(), body)


def ending_frame(name: Literal["overflow", "goodbye"], one: Ending, *, retry_ms: int) -> bytes:
    """The last event of a stream; a browser comes again by itself after `retry_ms`."""
    body = msgspec.json.encode(one)
    return b"id: %b\nretry: %d\nevent: %b\ndata: %b\n\n" % (
        one.cursor.encode(),
        retry_ms,
        name.encode(),
        body,
    )
