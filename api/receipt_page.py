"""A receipt as a page for people: to be printed, kept, and shown if it ever has to be.

It holds nothing that says whom the entry is about, or what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator

import segno

from api.receipts import Receipt
from ledger.civil import LONDON
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.note import from_base64, parse_note
from ledger.tlog.proof import parse_proof
from ledger.tlog.receipt import parse_promise

# Two rows of dots are one of characters: what is set is ink.
_BLOCKS = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_QUIET = 4
"""Dots without ink around the code, ISO/IEC 18004."""


def page(receipt: Receipt) -> str:
    """The page: plain text, up to 80 characters a line."""
    return "".join(f"{line}\n" for line in _lines(receipt))


def _lines(receipt: Receipt) -> Iterator[str]:
    said = parse_promise(parse_note(receipt.promise.encode()).text)
    recorded = said.recorded_at.astimezone(LONDON)
    yield "RECEIPT"
    yield ""
    yield "Something was recorded in this ledger, and this page shows it."
    yield "Please keep it. Nobody can take the record back, change it, or give it"
    yield "another date unseen by whoever holds this page."
    yield ""
    yield f"Ledger        {said.log}"
    yield f"Entry         {said.index + 1}"
    yield f"Recorded      {recorded:%A} {recorded.day} {recorded:%B %Y, %H:%M:%S} ({recorded:%Z})"
    for name, row in zip(("Fingerprint", ""), _fingerprint(receipt), strict=True):
        yield f"{name:<14}{row}"
    yield f"Sealed        {_sealed(receipt)}"
    yield ""
    yield "To have it checked, hand this page to the data protection officer, to an"
    yield "auditor, or to anybody who has the ledger's public keys: the command is"
    yield "`ledger log verify`. The code below holds the ledger's signed promise."
    yield ""
    yield from _code(receipt.promise)


def _fingerprint(receipt: Receipt) -> tuple[str, str]:
    """The leaf hash in groups that can be read out."""
    digits = from_base64(receipt.leaf_hash).hex()
    groups = [digits[at : at + 4] for at in range(0, len(digits), 4)]
    return " ".join(groups[:8]), " ".join(groups[8:])


def _sealed(receipt: Receipt) -> str:
    if receipt.proof is None:
        return f"within {receipt.mmd_seconds} seconds of that; not yet when this was printed"
    note = parse_proof(receipt.proof.encode()).checkpoint
    return f"under a signed checkpoint of {parse_checkpoint(note.text).size} entries"


def _code(text: str) -> Iterator[str]:
    """The text as a QR code."""
    code = segno.make_qr(text, error="l")
    rows = [[*row] for row in code.matrix_iter(border=_QUIET)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    for top, bottom in zip(rows[::2], rows[1::2], strict=True):
        yield "".join(_BLOCKS[pair] for pair in zip(top, bottom, strict=True))
