"""The leaf: the public line that stands for one entry in the log, version 1.

    {"commitment":"<base64 of 32 bytes>","event_id":"<UUIDv7>","log":"<origin>",
     "prev":"<base64 of the leaf hash before it in the stream, or nothing>",
     "recorded_at":"YYYY-MM-DDTHH:MM:SS.ffffffZ","seq":<1, 2, ...>,"stream":"<UUIDv4>",
     "type":"<stored name>","v":1}

Written as one line by RFC 8785: members in this order, no spaces, 4,096 bytes at most. The stored
bytes are what is hashed, so reading accepts no other spelling of the same leaf.

Not here: the tree over the leaves, and what the commitment commits to (`seal`).
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ledger.errors import Fault

LEAF_BYTES_MAX = 4096
HASH_BYTES = 32
SEQ_MAX = 2**53 - 1


class MalformedLeaf(Fault):
    """Bytes or values that are no leaf of version 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """What the log says of one entry; nothing of its content.

    `prev` is empty for the first entry of a stream only; `recorded_at` is in UTC.
    """

    commitment: bytes
    event_id: UUID
    log: str
    prev: bytes
    recorded_at: datetime
    seq: int
    stream: UUID
    type: str
    v: int = 1


_HASH = r"[A-Za-z0-9+/]{43}="
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

# No value contains a character that JSON escapes: whoever writes a leaf, in whatever language,
# only has to join text. An origin has neither space nor plus sign (C2SP signed-note).
_VALUES = {
    "commitment": f'"({_HASH})"',
    "event_id": f'"({_UUID % 7})"',
    "log": r'"([!#-*,-\[\]-~]+)"',
    "prev": f'"({_HASH}|)"',
    "recorded_at": r'"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"',
    "seq": "([1-9][0-9]{0,15})",
    "stream": f'"({_UUID % 4})"',
    "type": r'"([A-Za-z][A-Za-z0-9._]{0,63})"',
    "v": r"(1)\}\Z",
}
_MEMBERS = {
    name: re.compile(f'{"," if n else "{"}"{name}":{value}')
    for n, (name, value) in enumerate(_VALUES.items())
}


def format_leaf(leaf: Leaf) -> bytes:
    """The one spelling of the leaf; raises `MalformedLeaf` for values that no leaf can have."""
    entry = _written(leaf)
    parse_leaf(entry)
    return entry


def parse_leaf(entry: bytes) -> Leaf:
    """The leaf that these very bytes spell; raises `MalformedLeaf` naming the first bad member."""
    if len(entry) > LEAF_BYTES_MAX:
        raise MalformedLeaf(f"a leaf has at most {LEAF_BYTES_MAX} bytes, this one {len(entry)}")
    leaf = _read(_members(entry))
    if leaf.seq > SEQ_MAX:
        raise MalformedLeaf("leaf member seq is beyond 2^53-1")
    if (leaf.prev == b"") is not (leaf.seq == 1):
        raise MalformedLeaf("leaf member prev must be empty for seq 1 and only there")
    if _written(leaf) != entry:
        raise MalformedLeaf("the leaf has a hash or a moment that is not spelt canonically")
    return leaf


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry), RFC 9162 section 2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _members(entry: bytes) -> dict[str, str]:
    text = entry.decode("latin-1")
    values: dict[str, str] = {}
    at = 0
    for name, member in _MEMBERS.items():
        found = member.match(text, at)
        if found is None:
            raise MalformedLeaf(f"leaf member {name} is missing, out of place or malformed")
        values[name] = found[1]
        at = found.end()
    return values


def _read(values: dict[str, str]) -> Leaf:
    try:
        recorded_at = datetime.fromisoformat(values["recorded_at"])
    except ValueError:
        raise MalformedLeaf("leaf member recorded_at is no moment of any calendar") from None
    return Leaf(
        commitment=base64.b64decode(values["commitment"]),
        event_id=UUID(values["event_id"]),
        log=values["log"],
        prev=base64.b64decode(values["prev"]),
        recorded_at=recorded_at,
        seq=int(values["seq"]),
        stream=UUID(values["stream"]),
        type=values["type"],
    )


def _written(leaf: Leaf) -> bytes:
    return (
        f'{{"commitment":"{_base64(leaf.commitment)}","event_id":"{leaf.event_id}",'
        f'"log":"{leaf.log}","prev":"{_base64(leaf.prev)}",'
        f'"recorded_at":"{_moment(leaf.recorded_at)}","seq":{leaf.seq},'
        f'"stream":"{leaf.stream}","type":"{leaf.type}","v":{leaf.v}}}'
    ).encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise MalformedLeaf("leaf member recorded_at needs an offset")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise MalformedLeaf("leaf member recorded_at is outside the years 1 to 9999") from None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
