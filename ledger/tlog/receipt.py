"""A receipt: the promise that an entry is at its place, and that a checkpoint will cover it.

    consent-ledger/receipt/v1
    <origin of the log>
    <index of the leaf, from 0>
    <base64 of the leaf hash>
    <recorded_at>
    <seconds within which a checkpoint covers it>

    — <origin>/receipts <signature>

It is signed by a key of its own, under a name of its own: no checkpoint can be taken for a receipt.
A promise that is not kept, or a log that holds another leaf there, is proved by it. Not here: who
is given one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ledger.errors import Fault
from ledger.tlog.keys import SigningKey, VerifierKey, sign, verified
from ledger.tlog.merkle import HASH_BYTES
from ledger.tlog.note import MalformedNote, Note, base64_of, check_name, from_base64

HEADER = "consent-ledger/receipt/v1"
NAME = "/receipts"
"""What follows the origin in the name of the key."""
_NUMBER = re.compile("0|[1-9][0-9]{0,17}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class MalformedReceipt(Fault):
    """A text that promises nothing, or a note that the log's receipt key did not sign."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """The leaf with this hash is at this index, and a checkpoint covers it within `seconds`."""

    log: str
    index: int
    leaf_hash: bytes
    recorded_at: datetime
    seconds: int


def parse_promise(text: str) -> Promise:
    """The promise that this very text spells; raises `MalformedReceipt`."""
    lines = text.split("\n")
    if len(lines) != 7 or lines[0] != HEADER or lines[6]:
        raise MalformedReceipt(f"a promise is {HEADER} and five lines")
    if not (_NUMBER.fullmatch(lines[2]) and _NUMBER.fullmatch(lines[5])):
        raise MalformedReceipt("a promise has an index and a number of seconds")
    if not _MOMENT.fullmatch(lines[4]):
        raise MalformedReceipt("a promise has the moment of recording, in UTC, to the microsecond")
    try:
        check_name(lines[1])
        found = Promise(
            log=lines[1],
            index=int(lines[2]),
            leaf_hash=from_base64(lines[3]),
            recorded_at=datetime.fromisoformat(lines[4]),
            seconds=int(lines[5]),
        )
    except (MalformedNote, ValueError) as error:
        raise MalformedReceipt(f"a promise: {error}") from None
    if len(found.leaf_hash) != HASH_BYTES:
        raise MalformedReceipt(f"a leaf hash has {HASH_BYTES} bytes")
    return found


def format_promise(one: Promise) -> str:
    """The one spelling of the promise; raises `MalformedReceipt` for what cannot be one."""
    moment = one.recorded_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    text = (
        f"{HEADER}\n{one.log}\n{one.index}\n{base64_of(one.leaf_hash)}\n{moment}Z\n{one.seconds}\n"
    )
    parse_promise(text)
    return text


def promised(one: Promise, key: SigningKey) -> Note:
    """The promise, signed by the receipt key of its log."""
    if key.verifier.name != one.log + NAME:
        raise MalformedReceipt("a log promises under its own name")
    text = format_promise(one)
    return Note(text=text, signatures=(sign(text, key),))


def read_receipt(note: Note, key: VerifierKey) -> Promise:
    """What the log with this receipt key has promised.

    Raises `MalformedReceipt` where it promised nothing, `Unverified` where the signature is wrong.
    """
    one = parse_promise(note.text)
    if key.name != one.log + NAME or not verified(note, [key]):
        raise MalformedReceipt("the log did not sign this promise")
    return one
