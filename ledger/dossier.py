"""The dossier as stored: the facts of one stream that answers need, in the order of recording.

A fact is one record of the plain text, so that an append adds to it without reading it again. The
stamps are not inside, since the client seals before the database stamps: the row's `n[]` and
`recorded_at[]` are zipped with the facts on reading. Not here: sealing (`seal`), or what counts at
a state of knowledge (`history`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast

import msgspec

from ledger.errors import Fault
from ledger.events import AnyFact, Fact
from ledger.history import Dossier, item
from ledger.wire import basis_of

LENGTH_BYTES = 4


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the plain text: its id, and the basis of its fact."""

    entry: str
    fact: AnyFact


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Kept).decode


def kept(entry: str, fact: Fact) -> bytes:
    """The record that an append adds to the plain text."""
    record = _encode(Kept(entry=entry, fact=cast(AnyFact, basis_of(fact))))
    return len(record).to_bytes(LENGTH_BYTES, "big") + record


def unseal(
    subject: str | None, plain: bytes, n: Sequence[int], recorded_at: Sequence[datetime]
) -> Dossier:
    """The dossier in this plain text, with the stamps of its row; a `Fault` where they differ."""
    records = _records(plain)
    if not len(records) == len(n) == len(recorded_at):
        raise Fault("a dossier has not as many facts as stamps: rebuild it")
    return Dossier(
        subject,
        [
            item(n=number, entry=record.entry, recorded_at=stamp, fact=record.fact)
            for record, number, stamp in zip(records, n, recorded_at, strict=True)
        ],
    )


def _records(plain: bytes) -> list[Kept]:
    try:
        return [_decode(text) for text in _texts(plain)]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Both errors can repeat what they could not read, and that is personal.
        raise Fault("a dossier holds what is no fact: rebuild it") from None


def _texts(plain: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(plain):
        begin = at + LENGTH_BYTES
        at = begin + int.from_bytes(plain[at:begin], "big")
        if at > len(plain):
            raise Fault("a dossier ends in the middle of a fact: rebuild it")
        yield plain[begin:at]
