"""Receipts of entries: the log's signed promise, and once a checkpoint covers it, the proof.

    {"v":1,"log":"<origin>/0","leaf_index":7,"leaf":"<base64>","leaf_hash":"<base64>",
     "mmd_seconds":5,"status":"pending","promise":"<note>","proof":null}

The same entry has the same promise, byte for byte, whenever it is asked for. Not here: what is
promised (`ledger/tlog/receipt.py`), or who is given one (`entries`, `log_proofs`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from api.note_key import note_key
from ledger.store import Identity, Recorded, Stored
from ledger.tlog.keys import SigningKey
from ledger.tlog.note import base64_of, format_note
from ledger.tlog.proof import LogProof, format_proof
from ledger.tlog.receipt import NAME, Promise, promised

MMD_S = 5
"""Within how many seconds a checkpoint covers an entry that was acknowledged."""
KEY_FILE = "receipt-key"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the log promises of one entry; keep it: it proves whether the promise is kept.

    `leaf` is null where its bytes were erased, and for a client whose grant is not over every
    purpose. `proof` is a c2sp.org/tlog-proof once the status is `published`.
    """

    v: Literal[1]
    log: str
    leaf_index: int
    leaf: str | None
    leaf_hash: str
    mmd_seconds: int
    status: Literal["pending", "published"]
    promise: str
    proof: str | None


class Receipts:
    """Gives receipts of one ledger's logs, each signed with its log's own key for them."""

    def __init__(self, identity: Identity, keys: tuple[SigningKey, ...]) -> None:
        self._identity = identity
        self._keys = keys

    @classmethod
    def at(cls, path: Path, identity: Identity) -> Receipts:
        """With the keys of these files, made where there are none: `path`, `<path>.1`, …"""
        files = [path if log == 0 else Path(f"{path}.{log}") for log in range(identity.logs)]
        keys = (note_key(file, identity.log_origin(log) + NAME) for log, file in enumerate(files))
        return cls(identity, tuple(keys))

    def key(self, log: int) -> SigningKey:
        """What the receipts of the log are signed with."""
        return self._keys[log]

    def receipt(
        self, log: int, one: Recorded | Stored, *, proof: LogProof | None = None, whole: bool = True
    ) -> Receipt:
        """The receipt of the entry; the leaf is in it where the client may know all that it says.

        A leaf counts the entries of its stream, and so what a narrow grant does not cover.
        """
        promise = Promise(
            log=self._identity.log_origin(log),
            index=one.n - 1,
            leaf_hash=one.leaf_hash,
            recorded_at=one.recorded_at,
            seconds=MMD_S,
        )
        return Receipt(
            v=1,
            log=promise.log,
            leaf_index=promise.index,
            leaf=base64_of(one.leaf) if whole and one.leaf else None,
            leaf_hash=base64_of(one.leaf_hash),
            mmd_seconds=MMD_S,
            status="pending" if proof is None else "published",
            promise=format_note(promised(promise, self._keys[log])).decode(),
            proof=None if proof is None else format_proof(proof).decode(),
        )
