"""What a holder of a receipt or a proof can check without anybody: each claim with its result.

A receipt says that the log promised; its proof, or a proof file, that the leaf is under a
checkpoint. The keys come from whoever checks. Not here: whole packs (`verify.py` in them), or which
witnesses are enough (a policy).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from api.receipts import Receipt
from ledger.civil import format_instant
from ledger.errors import Fault, Malformed
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import KeyType, Unverified, VerifierKey, parse_vkey, verified
from ledger.tlog.leaf import leaf_hash, parse_leaf
from ledger.tlog.merkle import HASH_BYTES, InvalidProof
from ledger.tlog.note import from_base64, parse_note
from ledger.tlog.proof import LogProof, parse_proof, verify_proof
from ledger.tlog.receipt import NAME, MalformedReceipt, Promise, parse_promise, read_receipt

Result = Literal["PASS", "FAIL", "NOT CHECKED"]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a file says, and whether it is so."""

    claim: Literal["promise", "leaf", "signature", "inclusion"]
    result: Result
    text: str


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody holds: a receipt, a proof, or both; the leaf's hash, and the leaf itself."""

    leaf_hash: bytes | None
    leaf: bytes | None = None
    promise: str | None = None
    proof: LogProof | None = None


def read_held(data: bytes, *, hash_: bytes | None = None) -> Held:
    """The receipt (JSON) or the proof file (c2sp.org/tlog-proof) in these bytes.

    `hash_` is the leaf's where a proof file holds no leaf.
    """
    if data.lstrip()[:1] == b"{":
        return _receipt(data)
    proof = parse_proof(data)
    leaf = proof.extra
    return Held(leaf_hash=leaf_hash(leaf) if leaf else hash_, leaf=leaf, proof=proof)


def read_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """The verifier keys; raises `Malformed` for what is none."""
    try:
        return [parse_vkey(one) for one in texts]
    except Fault as error:
        raise Malformed(str(error), field="--vkey") from error


def read_hash(text: str) -> bytes:
    """The hash that base64 or hexadecimal digits spell."""
    try:
        found = bytes.fromhex(text) if len(text) == 2 * HASH_BYTES else from_base64(text)
    except (ValueError, Fault):
        found = b""
    if len(found) != HASH_BYTES:
        raise Malformed("must be the 32 bytes of a hash, in base64 or hex", field="--leaf-hash")
    return found


def claims(held: Held, keys: Sequence[VerifierKey]) -> Iterator[Claim]:
    """Each claim of what is held, checked with these keys."""
    if held.promise is not None:
        yield _promise(held, held.promise, keys)
    if held.leaf is not None:
        yield _leaf(held, held.leaf)
    if held.proof is None:
        text = "no checkpoint covered the entry when this was written: ask for it again"
        yield Claim(claim="inclusion", result="NOT CHECKED", text=text)
        return
    yield _signature(held.proof, keys)
    yield _inclusion(held, held.proof)


def shown(found: Sequence[Claim]) -> bool:
    """Whether a promise or an inclusion is shown, and nothing speaks against it."""
    results = {one.claim: one.result for one in found}
    if "FAIL" in results.values():
        return False
    proved = [results.get("signature"), results.get("inclusion")] == ["PASS", "PASS"]
    return results.get("promise") == "PASS" or proved


def _receipt(data: bytes) -> Held:
    try:
        one = msgspec.json.decode(data, type=Receipt)
        return Held(
            leaf_hash=from_base64(one.leaf_hash),
            leaf=None if one.leaf is None else from_base64(one.leaf),
            promise=one.promise,
            proof=None if one.proof is None else parse_proof(one.proof.encode()),
        )
    except msgspec.DecodeError as error:
        raise Malformed(f"is no receipt: {error}", field="receipt") from error


def _promise(held: Held, text: str, keys: Sequence[VerifierKey]) -> Claim:
    try:
        note = parse_note(text.encode())
        said = parse_promise(note.text)
        known = [one for one in keys if one.name == said.log + NAME]
        if not known:
            return Claim(claim="promise", result="NOT CHECKED", text=f"no key of {said.log}{NAME}")
        for key in known:
            read_receipt(note, key)
        _check_promised(held, said)
    except (Fault, MalformedReceipt) as error:
        return Claim(claim="promise", result="FAIL", text=str(error))
    when = format_instant(said.recorded_at)
    text = f"{said.log} promised entry {said.index + 1}, recorded {when}"
    return Claim(claim="promise", result="PASS", text=text)


def _check_promised(held: Held, said: Promise) -> None:
    if said.leaf_hash != held.leaf_hash:
        raise Fault("the promise is of another leaf than the receipt")
    if held.proof is not None and held.proof.index != said.index:
        raise Fault("the promise is of another place than the proof")


def _leaf(held: Held, leaf: bytes) -> Claim:
    try:
        read = parse_leaf(leaf)
        if leaf_hash(leaf) != held.leaf_hash:
            raise Fault("the leaf is not the one with this hash")
    except Fault as error:
        return Claim(claim="leaf", result="FAIL", text=str(error))
    when = format_instant(read.recorded_at)
    return Claim(claim="leaf", result="PASS", text=f"{read.type}, {when}, id {read.event_id}")


def _signature(proof: LogProof, keys: Sequence[VerifierKey]) -> Claim:
    origin = parse_checkpoint(proof.checkpoint.text).origin
    logs = [one for one in keys if one.name == origin and one.type is KeyType.ED25519]
    others = [one for one in keys if one.type is KeyType.COSIGNATURE]
    if not logs:
        return Claim(claim="signature", result="NOT CHECKED", text=f"no key of {origin}")
    try:
        signed = verified(proof.checkpoint, logs)
        cosigned = verified(proof.checkpoint, others)
    except Unverified as error:
        return Claim(claim="signature", result="FAIL", text=str(error))
    if not signed:
        text = f"the checkpoint is not signed by {origin} with this key"
        return Claim(claim="signature", result="FAIL", text=text)
    names = [origin, *(one.key.name for one in cosigned)]
    return Claim(claim="signature", result="PASS", text=f"signed by {', '.join(names)}")


def _inclusion(held: Held, proof: LogProof) -> Claim:
    size = parse_checkpoint(proof.checkpoint.text).size
    if held.leaf_hash is None:
        text = "the file holds no leaf: give its --leaf-hash"
        return Claim(claim="inclusion", result="NOT CHECKED", text=text)
    try:
        verify_proof(proof, held.leaf_hash)
    except InvalidProof as error:
        return Claim(claim="inclusion", result="FAIL", text=str(error))
    text = f"leaf {proof.index} is in the tree of {size} leaves"
    return Claim(claim="inclusion", result="PASS", text=text)
