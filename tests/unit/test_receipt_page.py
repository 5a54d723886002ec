"""The printed receipt: what people read on it, and that its code is of the very promise."""

import re
from datetime import UTC, datetime
from uuid import uuid4

import segno

from api.receipt_page import page
from api.receipts import Receipt, Receipts
from ledger.store import Identity, Recorded
from ledger.tlog.checkpoint import Checkpoint, signed
from ledger.tlog.keys import signing_key
from ledger.tlog.merkle import inclusion_proof, root, subtree_of
from ledger.tlog.proof import LogProof
from tests.unit.trees import leaves, seed

IDENTITY = Identity(origin="ledger.demo.example/consent", logs=1, stream=uuid4())
LOG = IDENTITY.log_origin(0)
RECEIPTS = Receipts(IDENTITY, (signing_key(f"{LOG}/receipts", seed("receipts")),))
INDEX, SIZE = 1000, 1200
FINDER = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]


def receipt(*, proved: bool) -> Receipt:
    hashes = leaves(SIZE)
    note = signed(Checkpoint(origin=LOG, size=SIZE, root=root(hashes)), signing_key(LOG, seed("l")))
    path = tuple(inclusion_proof(INDEX, SIZE, subtree_of(hashes)))
    entry = Recorded(
        n=INDEX + 1,
        stream=uuid4(),
        version=1,
        name="ConsentWithdrawn",
        event_id=uuid4(),
        recorded_at=datetime(2026, 7, 23, 14, 33, 12, 123456, tzinfo=UTC),
        leaf=b"leaf",
        leaf_hash=hashes[INDEX],
    )
    proof = LogProof(index=INDEX, hashes=path, checkpoint=note) if proved else None
    return RECEIPTS.receipt(0, entry, proof=proof)


def dots(text: str) -> list[str]:
    """The code on the page, a string of 0 and 1 for each row of dots."""
    found = []
    for line in text.split("\n"):
        if line and set(line) <= set(" ▀▄█"):
            found.append("".join("1" if one in "▀█" else "0" for one in line))
            found.append("".join("1" if one in "▄█" else "0" for one in line))
    return found


def test_it_says_in_short_words_what_is_promised_and_nothing_of_whom() -> None:
    told = page(receipt(proved=True))

    assert f"Ledger        {LOG}\n" in told
    assert "Entry         1001\n" in told
    assert "Recorded      Thursday 23 July 2026, 15:33:12 (BST)\n" in told
    assert "Sealed        under a signed checkpoint of 1200 entries\n" in told
    digits = re.findall(r"(?:[0-9a-f]{4} ){7}[0-9a-f]{4}\n", told)
    assert bytes.fromhex("".join(digits)) == leaves(SIZE)[INDEX]
    assert "Withdrawn" not in told
    assert max(map(len, told.split("\n"))) <= 80


def test_one_that_no_checkpoint_covers_says_when_it_will_be() -> None:
    told = page(receipt(proved=False))

    assert "Sealed        within 5 seconds of that; not yet when this was printed\n" in told


def test_its_code_is_of_the_promise_with_its_quiet_zone() -> None:
    one = receipt(proved=True)
    found = dots(page(one))

    side = len(found[0])
    for row in (*found[:4], *found[side - 4 :]):
        assert set(row) == {"0"}
    inner = [row[4 : side - 4] for row in found[4 : side - 4]]
    assert all(row[:4] == row[side - 4 :] == "0000" for row in found)
    corners = [
        [row[:7] for row in inner[:7]],
        [row[-7:] for row in inner[:7]],
        [row[:7] for row in inner[-7:]],
    ]
    assert corners == [FINDER] * 3
    code = segno.make_qr(one.promise, error="l")
    assert inner == ["".join(map(str, row)) for row in code.matrix]
    assert (len(inner) - 17) % 4 == 0
