"""The steps about what others hold or made: receipts, and time stamps of RFC 3161."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from projections.packs.verifier.evidence import Evidence
from projections.packs.verifier.notes import NAME, Key, read_note, signers
from projections.packs.verifier.pack import Leaf, read_leaf
from projections.packs.verifier.reading import (
    CLOCK,
    DAY,
    Failed,
    Unchecked,
    from_base64,
    hash_from,
    microseconds,
    misfit,
    need,
    read_json,
)
from projections.packs.verifier.tree import leaf_hash

SECONDS = "(?:0|[1-9][0-9]{0,17})"
PROMISE = re.compile(
    rf"consent-ledger/receipt/v1\n({NAME})\n({SECONDS})\n(\S{{44}})\n"
    rf"({DAY}{CLOCK}\.[0-9]{{6}}Z)\n{SECONDS}\n"
)
RECEIPT = {"promise": str, "leaf": (str, None), ...: object}
# The object identifiers of SHA-256, SHA-384 and SHA-512 in DER.
IMPRINTS = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
# TimeStampResp, its token's SignedData, the TSTInfo in it, and that one's message imprint.
TO_IMPRINT = (0, 1, 1, 0, 2, 1, 0, 0, 2)


class Promise:
    """What a receipt promises: this leaf hash at this index; with the leaf, where it is shown."""

    def __init__(self, data: bytes, key: Key, where: str) -> None:
        self.where = where
        self.leaf: Leaf | None = None
        text, shown = data, None
        if data.startswith(b"{"):
            text, shown = self.parts_of(data)
        note = read_note(text, "E_RECEIPT", where)
        match = PROMISE.fullmatch(note.text)
        if match is None:
            raise Failed("E_RECEIPT", f"{where}: no promise")
        need(signers(note, [key], "E_RECEIPT", where), "E_RECEIPT", f"{where}: not signed")
        self.log, self.index = match[1], int(match[2])
        self.hash = hash_from(match[3], "E_RECEIPT", where)
        self.at = microseconds(match[4], "E_RECEIPT", where)
        if shown is not None:
            self.leaf = read_leaf(shown, where, "E_RECEIPT")
            need(leaf_hash(shown) == self.hash, "E_RECEIPT", f"{where}: the leaf is another")

    def parts_of(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The note and the leaf of a receipt as a write returns it."""
        said = read_json(data, "E_RECEIPT", self.where)
        fits = misfit(said, RECEIPT) is None
        need(fits, "E_RECEIPT", f"{self.where}: no receipt")
        leaf = said.get("leaf")
        shown = None if leaf is None else from_base64(leaf, "E_RECEIPT", self.where)
        return said["promise"].encode("utf-8", "surrogatepass"), shown


def check_receipts(case: Evidence) -> str:
    """What was promised is what the log has."""
    inside = case.pack.under("receipts")
    names = [*inside, *(f"receipt {number}" for number in range(1, len(case.receipts) + 1))]
    if not names:
        raise Unchecked("there is none")
    key = case.receipt_key
    if key is None:
        raise Unchecked(f"{len(names)} receipts: no --receipt-key was given")
    named = case.pack.about.get("receipt_key")
    same = named in (None, key.vkey)
    need(same, "E_RECEIPT", "pack.json: names another key than --receipt-key")
    promises = []
    for name, data in zip(names, [*inside.values(), *case.receipts]):
        one = Promise(data, key, name)
        of_log = one.log == case.pack.log and key.name == f"{one.log}/receipts"
        need(of_log, "E_RECEIPT", f"{name}: of another log")
        file = name not in inside or name.rpartition(".")[0] == f"receipts/{one.index}"
        need(file, "E_RECEIPT", f"{name}: of another index")
        promises.append(one)
    open_ones = [one for one in promises if not is_kept(case, one)]
    if open_ones:
        raise Unchecked(f"{open_ones[0].where}: of an entry that is not here; the others hold")
    return f"{len(promises)} receipts are of entries that are here"


def is_kept(case: Evidence, one: Promise) -> bool:
    """Whether the promise is of an entry in the pack; it must not be of one that ought to be."""
    here = one.index in case.pack.hash_at
    there = case.pack.hash_at.get(one.index, one.hash)
    need(there == one.hash, "E_RECEIPT_FORK", f"{one.where}: another leaf is there")
    index = case.pack.index_of.get(one.hash, one.index)
    need(index == one.index, "E_RECEIPT_FORK", f"{one.where}: its leaf is elsewhere")
    leaf = one.leaf or case.leaf_at.get(one.index)
    need(leaf is None or leaf.at == one.at, "E_RECEIPT", f"{one.where}: not its leaf's time")
    listed = {stream.id for stream in case.pack.streams}
    omitted = not here and one.leaf and one.leaf.stream in listed
    need(not omitted or one.index >= case.pack.size, "E_OMITTED", f"{one.where}: entry {one.index}")
    return here


def check_anchors(case: Evidence) -> str:
    """Every time stamp is over its checkpoint; whose it is cannot be told here."""
    names = [name for name in case.pack.under("anchors") if name.endswith(".tsr")]
    if not names:
        raise Unchecked("there is none")
    for name in names:
        text = case.texts.get(int(name.split("/")[1].split(".")[0]))
        if text is None:
            raise Failed("E_ANCHOR", f"{name}: of no checkpoint")
        try:
            imprint = inside_der(case.pack.files[name], TO_IMPRINT)
            kind = IMPRINTS.get(inside_der(imprint, (0, 0)), "")
            digest = inside_der(imprint, (1,))
        except IndexError:
            raise Failed("E_ANCHOR", f"{name}: no time stamp") from None
        right = kind and hashlib.new(kind, text).digest() == digest
        need(right, "E_ANCHOR", f"{name}: over something else")
    raise Unchecked(
        f"{len(names)} are over these checkpoints; check their signatures with openssl ts -verify"
    )


def inside_der(data: bytes, path: Sequence[int]) -> bytes:
    """The content of the element at the end of the path, each step the place among its siblings.

    An IndexError where there is none, or where the bytes are no DER.
    """
    for step in path:
        data = elements(data)[step]
    return data


def elements(data: bytes) -> list[bytes]:
    """The contents of the elements that follow one another."""
    found = []
    at = 0
    while at < len(data):
        length, at = data[at + 1], at + 2
        if length > 127:
            end = at + length - 128
            length, at = int.from_bytes(data[at:end], "big"), end
        if at + length > len(data):
            raise IndexError("an element goes on behind the end")
        found.append(data[at : at + length])
        at += length
    return found
