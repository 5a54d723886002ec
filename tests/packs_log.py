"""A small log for evidence packs: easy to make wrong before its leaves are in a tree.

Not here: the pack (`packs`), or any attack.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from ledger.disclosure import commitment, digest
from ledger.events import Fact
from ledger.seal import DataKey, open_container
from ledger.sealing import Sealable, new_event_id, seal_entry
from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.keys import SigningKey, cosign, format_vkey, signing_key
from ledger.tlog.leaf import Leaf, format_leaf, leaf_hash
from ledger.tlog.merkle import root
from ledger.tlog.note import Note
from ledger.wire import read_fact
from tests.unit.trees import ORIGIN, log_key, seed, witness_key

SCENARIOS = Path(__file__).parent / "scenarios"
OWN = "10000000-0000-4000-8000-000000000001"
PERSON = "20000000-0000-4000-8000-000000000002"
OTHER = "30000000-0000-4000-8000-000000000003"
BEGINNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEP = timedelta(minutes=20)
"""Between two entries: more than the clocks of witnesses may be off by."""
TEXT = "What we do with photographs of you.\n"


@dataclass(kw_only=True)
class Entry:
    """One entry of the log; `seq`, `prev` and `leaf` are worked out where nothing is said."""

    stream: str
    event_id: str
    recorded_at: datetime
    type: str
    fact: Fact
    basis: list[str]
    content: list[str]
    log: str = ORIGIN
    seq: int | None = None
    prev: bytes | None = None
    leaf: bytes | None = None

    @property
    def digests(self) -> list[bytes]:
        """What the leaf commits to, in order."""
        return sorted(digest(text) for text in (*self.basis, *self.content))


@dataclass(kw_only=True)
class Log:
    """Entries in the order of the tree, and the trees that were signed.

    `times` are the sizes, each with the moment of its cosignatures; `witnesses` cosign all of them.
    `chained` is the order in which entries follow one another in their streams.
    """

    entries: list[Entry]
    times: dict[int, datetime]
    witnesses: Sequence[SigningKey] = field(default_factory=lambda: witness_keys()[:2])
    key: SigningKey = field(default_factory=log_key)
    chained: list[int] | None = None

    def leaves(self) -> list[bytes]:
        """The leaves, in the order of the tree."""
        found: dict[int, bytes] = {}
        last: dict[str, tuple[int, bytes]] = {}
        for place in self.chained or range(len(self.entries)):
            one = self.entries[place]
            seq, prev = last.get(one.stream, (0, b""))
            leaf = one.leaf or leaf_of(one, seq + 1, prev)
            last[one.stream] = ((one.seq or seq + 1), leaf_hash(leaf))
            found[place] = leaf
        return [found[place] for place in range(len(self.entries))]

    def hashes(self) -> list[bytes]:
        """The hashes of the leaves."""
        return [leaf_hash(leaf) for leaf in self.leaves()]

    def checkpoint(self, size: int) -> Note:
        """The signed and cosigned checkpoint of this size."""
        tree = Checkpoint(origin=ORIGIN, size=size, root=root(self.hashes()[:size]))
        note, time = signed(tree, self.key), int(self.times[size].timestamp())
        lines = [cosign(note.text, witness, time=time) for witness in self.witnesses]
        return Note(text=note.text, signatures=(*note.signatures, *lines))


def leaf_of(one: Entry, seq: int, prev: bytes) -> bytes:
    """The leaf of the entry at this place of its stream."""
    return format_leaf(
        Leaf(
            commitment=commitment(b"".join(one.digests)),
            event_id=UUID(one.event_id),
            log=one.log,
            prev=prev if one.prev is None else one.prev,
            recorded_at=one.recorded_at,
            seq=one.seq or seq,
            stream=UUID(one.stream),
            type=one.type,
        )
    )


def witness_keys() -> list[SigningKey]:
    """Three witnesses."""
    return [witness_key(name) for name in ("w1", "w2", "w3")]


def receipt_key(name: str = f"{ORIGIN}/receipts") -> SigningKey:
    """The key of the log's receipts."""
    return signing_key(name, seed("demo receipts"))


def policy(quorum: str = "two") -> bytes:
    """The log, three witnesses, and two of them as the quorum."""
    names = ("w1", "w2", "w3")
    lines = [f"log {format_vkey(log_key().verifier)}"]
    lines += [f"witness {name} {format_vkey(witness_key(name).verifier)}" for name in names]
    return "\n".join([*lines, "group two 2 w1 w2 w3", f"quorum {quorum}", ""]).encode()


def story() -> Log:
    """Thirteen entries: five of the person, three of the ledger's own, the others' between them."""
    at = "2026-03-02T09:00:00Z"
    catalogue = json.loads((SCENARIOS / "catalogue.json").read_text(encoding="utf-8"))
    given = {"purpose": "PHOTO", "given_by": PERSON, "capacity": "SELF"}
    published = {"notice": "photo-v1", "text_digest": f"sha256:{sha256(TEXT.encode()).hexdigest()}"}
    facts: list[tuple[str, dict[str, Any]]] = [
        (OWN, {"type": "CatalogueAdopted", "catalogue": catalogue, "effective_at": "2018-05-25"}),
        (OTHER, {"type": "DateOfBirthRecorded", "date_of_birth": "1990-01-01"}),
        (PERSON, {"type": "DateOfBirthRecorded", "date_of_birth": "1980-05-05"}),
        (OWN, {"type": "NoticePublished", **published}),
        (OTHER, {"type": "NoticeProvided", "notice": "photo-v1"}),
        (PERSON, {"type": "NoticeProvided", "notice": "photo-v1", "channel": "by post"}),
        (PERSON, {"type": "ConsentGranted", **given, "evidence": "form 1", "note": "at the desk"}),
        (OTHER, {"type": "ConsentGranted", **given, "evidence": "form 2", "given_by": OTHER}),
        (OWN, {"type": "PolicySet", "setting": "read_audit", "value": "best_effort"}),
        (PERSON, {"type": "ConsentWithdrawn", **given, "note": "by telephone"}),
        (OTHER, {"type": "ConsentWithdrawn", **given, "given_by": OTHER}),
        (PERSON, {"type": "NoticeProvided", "notice": "photo-v1", "note": "again"}),
        (OTHER, {"type": "NoticeProvided", "notice": "photo-v1"}),
    ]
    entries = [
        entry(place, stream, {"effective_at": at, **fact})
        for place, (stream, fact) in enumerate(facts)
    ]
    sizes = (2, 3, 5, 7, 9, 13)
    return Log(
        entries=entries,
        times={size: entries[size - 1].recorded_at + timedelta(seconds=60) for size in sizes},
    )


def entry(place: int, stream: str, said: dict[str, Any]) -> Entry:
    """What was said, recorded at its place in the log."""
    at = BEGINNING + place * STEP
    entropy = Random(place).randbytes
    event_id = new_event_id(int(at.timestamp() * 1000), entropy)
    fact = read_fact(said)
    one = Sealable(event_id=event_id, fact=fact, recorded_by="tests")
    sealed = seal_entry(one, origin=ORIGIN, entropy=entropy)
    opened = open_container(sealed.container, origin=ORIGIN, key=unheld)
    return Entry(
        stream=stream,
        event_id=str(event_id),
        recorded_at=at,
        type=opened.type,
        fact=fact,
        basis=list(opened.disclosures["basis"]),
        content=list(opened.disclosures.get("content", ())),
    )


def unheld(key_id: UUID, version: int) -> bytes:
    """No key is needed for what is stored in clear."""
    raise AssertionError(DataKey(key_id=key_id, version=version, secret=b""))
