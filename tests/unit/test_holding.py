"""What a holder of a receipt or a proof finds out alone: every forgery fails, the rest passes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace as changed

from api.holding import Claim, claims, read_hash, read_held, read_keys, shown
from api.receipts import Receipt, Receipts
from ledger.errors import Malformed
from ledger.store import Identity, Recorded
from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.keys import cosign, format_vkey, signing_key
from ledger.tlog.leaf import Leaf, format_leaf, leaf_hash
from ledger.tlog.merkle import inclusion_proof, root, subtree_of
from ledger.tlog.note import Note, base64_of, format_note
from ledger.tlog.proof import LogProof, format_proof
from tests.unit.trees import leaves, seed, witness_key

STREAM = UUID("7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55")
IDENTITY = Identity(origin="ledger.demo.example/consent", logs=1, stream=STREAM)
LOG = IDENTITY.log_origin(0)
LOG_KEY = signing_key(LOG, seed("log"))
RECEIPT_KEY = signing_key(f"{LOG}/receipts", seed("receipts"))
OTHER_KEY = signing_key(f"{LOG}/receipts", seed("another"))
WITNESS = witness_key()
KEYS = [LOG_KEY.verifier, RECEIPT_KEY.verifier, WITNESS.verifier]
INDEX, SIZE = 6, 21
MOMENT = datetime(2026, 7, 23, 14, 33, 12, 123456, tzinfo=UTC)
LEAF = format_leaf(
    Leaf(
        commitment=bytes(32),
        event_id=UUID("01920000-0000-7000-8000-000000000001"),
        log=LOG,
        prev=b"",
        recorded_at=MOMENT,
        seq=1,
        stream=STREAM,
        type="ConsentWithdrawn",
    )
)
HASHES = [*leaves(INDEX), leaf_hash(LEAF), *leaves(SIZE)[INDEX + 1 :]]


def proof(
    hashes: list[bytes] = HASHES, *, index: int = INDEX, extra: bytes | None = None
) -> LogProof:
    text = signed(Checkpoint(origin=LOG, size=SIZE, root=root(hashes)), LOG_KEY)
    lines = (*text.signatures, cosign(text.text, WITNESS, time=1_790_000_000))
    return LogProof(
        index=index,
        hashes=tuple(inclusion_proof(index, SIZE, subtree_of(hashes))),
        checkpoint=Note(text=text.text, signatures=lines),
        extra=extra,
    )


def receipt(*, proved: bool = True, key: object = RECEIPT_KEY) -> Receipt:
    entry = Recorded(
        n=INDEX + 1,
        stream=STREAM,
        version=1,
        name="ConsentWithdrawn",
        event_id=UUID("01920000-0000-7000-8000-000000000001"),
        recorded_at=MOMENT,
        leaf=LEAF,
        leaf_hash=leaf_hash(LEAF),
    )
    receipts = Receipts(IDENTITY, (key,))  # type: ignore[arg-type]
    return receipts.receipt(0, entry, proof=proof() if proved else None)


def told(data: bytes, keys: list = KEYS, **more: bytes) -> list[Claim]:
    return list(claims(read_held(data, **more), keys))


def results(found: list[Claim]) -> dict[str, str]:
    return {one.claim: one.result for one in found}


def spelt(one: Receipt) -> bytes:
    return msgspec.json.encode(one)


def test_a_receipt_with_its_proof_is_shown_whole() -> None:
    found = told(spelt(receipt()))

    assert results(found) == dict.fromkeys(("promise", "leaf", "signature", "inclusion"), "PASS")
    assert shown(found)
    texts = {one.claim: one.text for one in found}
    assert texts["promise"] == f"{LOG} promised entry 7, recorded 2026-07-23T14:33:12.123456Z"
    assert texts["signature"] == f"signed by {LOG}, {WITNESS.verifier.name}"
    assert texts["inclusion"] == "leaf 6 is in the tree of 21 leaves"


def test_a_pending_receipt_shows_the_promise_alone() -> None:
    found = told(spelt(receipt(proved=False)))

    assert results(found) == {"promise": "PASS", "leaf": "PASS", "inclusion": "NOT CHECKED"}
    assert shown(found)


def test_a_receipt_without_its_leaf_is_shown_by_its_hash() -> None:
    found = told(spelt(changed(receipt(), leaf=None)))

    assert results(found) == dict.fromkeys(("promise", "signature", "inclusion"), "PASS")


def test_a_proof_file_holds_its_leaf_or_is_given_the_hash() -> None:
    whole = told(format_proof(proof(extra=LEAF)))
    given = told(format_proof(proof()), hash_=leaf_hash(LEAF))
    bare = told(format_proof(proof()))

    assert results(whole) == dict.fromkeys(("leaf", "signature", "inclusion"), "PASS")
    assert results(given) == dict.fromkeys(("signature", "inclusion"), "PASS")
    assert results(bare) == {"signature": "PASS", "inclusion": "NOT CHECKED"}
    assert [shown(one) for one in (whole, given, bare)] == [True, True, False]


def test_without_a_key_nothing_is_shown() -> None:
    found = told(spelt(receipt()), [])

    assert results(found) == {
        "promise": "NOT CHECKED",
        "leaf": "PASS",
        "signature": "NOT CHECKED",
        "inclusion": "PASS",
    }
    assert not shown(found)
    assert not shown(told(spelt(receipt()), [WITNESS.verifier]))


OTHER_LEAF = LEAF.replace(b'"seq":1', b'"seq":2').replace(
    b'"prev":""', b'"prev":"%s"' % (b"A" * 43 + b"=")
)
FORGERIES: dict[str, tuple[Callable[[Receipt], Receipt], str]] = {
    "another leaf": (lambda one: changed(one, leaf=base64_of(OTHER_LEAF)), "leaf"),
    "no leaf at all": (lambda one: changed(one, leaf=base64_of(b"{}")), "leaf"),
    "another hash": (
        lambda one: changed(one, leaf=None, leaf_hash=base64_of(bytes(32))),
        "promise",
    ),
    "another's promise": (
        lambda one: changed(one, promise=receipt(key=OTHER_KEY).promise),
        "promise",
    ),
    "a changed promise": (
        lambda one: changed(one, promise=one.promise.replace("\n6\n", "\n7\n")),
        "promise",
    ),
    "a promise that is a checkpoint": (
        lambda one: changed(one, promise=format_note(proof().checkpoint).decode()),
        "promise",
    ),
    "no note": (lambda one: changed(one, promise="promised"), "promise"),
    "a proof of another leaf": (
        lambda one: changed(one, proof=format_proof(proof(index=INDEX + 1)).decode()),
        "inclusion",
    ),
    "another tree": (
        lambda one: changed(one, proof=format_proof(proof(leaves(SIZE))).decode()),
        "inclusion",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_fails_and_says_which_claim(name: str) -> None:
    forge, claim = FORGERIES[name]
    found = told(spelt(forge(receipt())))

    assert results(found)[claim] == "FAIL"
    assert not shown(found)


def test_a_checkpoint_that_somebody_else_signed_fails() -> None:
    stolen = proof(extra=LEAF)
    bad = replace(stolen.checkpoint.signatures[0], value=bytes(64))
    note = Note(text=stolen.checkpoint.text, signatures=(bad, *stolen.checkpoint.signatures[1:]))
    other = signing_key(LOG, seed("somebody else")).verifier

    assert results(told(format_proof(replace(stolen, checkpoint=note))))["signature"] == "FAIL"
    assert results(told(format_proof(stolen), [other]))["signature"] == "FAIL"
    line = replace(stolen.checkpoint.signatures[1], value=bytes(72))
    note = Note(text=note.text, signatures=(stolen.checkpoint.signatures[0], line))
    assert results(told(format_proof(replace(stolen, checkpoint=note))))["signature"] == "FAIL"


@pytest.mark.parametrize("data", [b"{", b"{}", b'{"v":1}', b'{"v":2}', b"\xff", b""])
def test_what_is_neither_is_no_evidence(data: bytes) -> None:
    with pytest.raises(Exception, match=r"receipt|proof") as caught:
        read_held(data)
    assert not isinstance(caught.value, AssertionError)


def test_keys_and_hashes_are_read_as_they_are_spelt() -> None:
    assert read_keys([format_vkey(one) for one in KEYS]) == KEYS
    with pytest.raises(Malformed, match="--vkey"):
        read_keys(["x"])
    hash_ = leaf_hash(LEAF)
    assert read_hash(hash_.hex()) == read_hash(base64_of(hash_)) == hash_
    for bad in ("", "00", "x" * 64, base64_of(bytes(31))):
        with pytest.raises(Malformed, match="--leaf-hash"):
            read_hash(bad)
