"""Rows of a log as an audit reads them, and a log that is sound."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from ledger.disclosure import commitment
from ledger.sealing import new_event_id
from ledger.store import Identity
from ledger.tlog.leaf import Leaf, format_leaf, leaf_hash
from projections.audit_entries import EntryRow

IDENTITY = Identity(
    origin="ledger.demo.example/consent",
    logs=1,
    stream=UUID("4c1d1f5e-6a0b-4d8e-9b7a-1f2e3d4c5b6a"),
)
COLUMNS = ("n", "stream", "version", "name", "event", "digests", "leaf", "hash", "stamp")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def sound_log(random: Random, many: int, *, streams: int = 4) -> list[EntryRow]:
    """So many entries of some streams, some of them stamped alike, as they were recorded."""
    names = [UUID(bytes=random.randbytes(16), version=4) for _ in range(streams)]
    heads: dict[UUID, tuple[int, bytes]] = {}
    at = random.randrange(10**15)
    rows = []
    for n in range(1, many + 1):
        stream = random.choice(names)
        version, prev = heads.get(stream, (0, b""))
        at += random.choice((0, 1, 999_999, 1_000_000, 10**9))
        row = entry_row(random, n, stream=stream, version=version + 1, prev=prev, at=at)
        heads[stream] = version + 1, row[7]
        rows.append(row)
    return rows


def entry_row(
    random: Random, n: int, *, stream: UUID, version: int, prev: bytes, at: int
) -> EntryRow:
    """An entry as recorded; `at` is in microseconds since 2000."""
    name = random.choice(("ConsentGranted", "ConsentWithdrawn", "a.b_2"))
    event = new_event_id(1_700_000_000_000 + n, random.randbytes)
    digests = random.randbytes(32 * random.randint(1, 4))
    leaf = format_leaf(
        Leaf(
            commitment=commitment(digests),
            event_id=event,
            log=IDENTITY.log_origin(0),
            prev=prev,
            recorded_at=_EPOCH + timedelta(microseconds=at),
            seq=version,
            stream=stream,
            type=name,
        )
    )
    stamp = at.to_bytes(8, "big", signed=True)
    return (n, str(stream), version, name, str(event), digests, leaf, leaf_hash(leaf), stamp)


def changed(row: EntryRow, **columns: object) -> EntryRow:
    """The row with other values in these columns."""
    values = dict(zip(COLUMNS, row, strict=True)) | columns
    return tuple(values[name] for name in COLUMNS)  # type: ignore[return-value]
