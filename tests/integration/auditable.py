"""A ledger with something for an audit to look at: entries, tiles, checkpoints and cosignatures.

`four_streams` is one whose every position is known. Not here: what is done to it (`tampering`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

from api.signer import KEY_FILE, FileKey, Signer, file_signer
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import cosign, format_vkey
from ledger.tlog.note import Note, format_signature
from ledger.tlog.policy import Policy, parse_policy
from projections.audit import Audited, Auditing, audit
from projections.integrator import Integrator
from tests.integration.appending import Requests, one_ledger
from tests.integration.tampering import kept
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired
from tests.unit.trees import witness_key

REQUESTS = (("A", 1), ("B", 3), ("C", 200), ("A", 60), ("B", 1), ("B", 1), ("D", 250), ("A", 30))
"""Streams, and how many entries each request adds; after each there is a checkpoint."""
SIZES = tuple(accumulate(many for _, many in REQUESTS))
SIZE = SIZES[-1]
COSIGNED = (264, 266)
HELD = 516


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A log, how it is audited, the key of its checkpoints, and one of them that is held."""

    ledger: Founded
    auditing: Auditing
    signer: Signer
    key: FileKey
    held: Note

    def audited(self, **more: Any) -> Audited:
        """The one log."""
        auditing = msgspec.structs.replace(self.auditing, **more)
        (one,) = audit(self.ledger.database, auditing)
        return one

    def found(self, **more: Any) -> set[tuple[str, int, int]]:
        """What is wrong with it."""
        return {(one.code, one.n, one.last) for one in self.audited(**more).listed}


def policy_text(signer: Signer) -> str:
    """A policy that trusts this log's key, and wants the witness."""
    return (
        f"log {format_vkey(signer.verifier)}\n"
        f"witness w {format_vkey(witness_key().verifier)}\n"
        "quorum w\n"
    )


def policy_of(signer: Signer) -> Policy:
    """The same, read."""
    return parse_policy(policy_text(signer).encode())


async def published(wired: Wired, signs: Here, log: int = 0) -> Note:
    """The checkpoint of everything recorded, as the integrator keeps it."""
    note = await Integrator(wired.pool, wired.identity, signs).catch_up(log)
    assert note is not None
    return note


def cosigned(ledger: Founded, note: Note) -> None:
    """A witness has seen this checkpoint, and its line is kept."""
    key, size = witness_key(), parse_checkpoint(note.text).size
    time = 1_764_000_000 + size
    ledger.sql(
        "INSERT INTO cosignature (log, size, name, key_id, cosigned_at, line)"
        " VALUES (0, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        size,
        key.verifier.name,
        key.verifier.key_id,
        datetime.fromtimestamp(time, UTC),
        format_signature(cosign(note.text, key, time=time)),
    )


@contextmanager
def four_streams(postgres: str, folder: Path) -> Iterator[Site]:
    """The log of the requests above, as it was recorded, signed and cosigned, and kept."""
    with (
        one_ledger(postgres, folder) as ledger,
        file_signer(folder / "signer", origin=f"{ORIGIN}/0") as signer,
    ):
        notes = ledger.run(lambda wired: grown(ledger, wired, Here(signer)))
        for size in COSIGNED:
            cosigned(ledger, notes[size])
        kept(ledger)
        yield Site(
            ledger=ledger,
            auditing=Auditing(policy=policy_of(signer)),
            signer=signer,
            key=FileKey(folder / "signer" / KEY_FILE),
            held=notes[HELD],
        )


async def grown(ledger: Founded, wired: Wired, signs: Here) -> dict[int, Note]:
    made, notes = Requests(ledger.random), {}
    streams = {name: made.stream() for name, _ in REQUESTS}
    versions = dict.fromkeys(streams, 0)
    for (name, many), size in zip(REQUESTS, SIZES, strict=True):
        await wired.store.append(0, made.request(streams[name], after=versions[name], many=many))
        versions[name] += many
        notes[size] = await published(wired, signs)
    return notes
