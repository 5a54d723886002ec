"""Signed notes, their keys, and the checkpoints in them.

c2sp.org/signed-note, c2sp.org/tlog-cosignature, c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from projections.packs.verifier.ed25519 import is_signed, is_sound
from projections.packs.verifier.reading import NUMBER, Failed, from_base64, hash_from, need
from projections.packs.verifier.tree import EMPTY_ROOT

ED25519, COSIGNATURE, ML_DSA_44 = 1, 4, 6
ML_DSA_44_KEY_BYTES, ML_DSA_44_LINE_BYTES = 1312, 8 + 2420
NOTE_BYTES_MAX, SIGNATURES_MAX = 1_000_000, 100
NAME = r"[^\s+]+"
SIGNATURE_LINE = re.compile(rf"— ({NAME}) (\S+)")
CHECKPOINT = re.compile(rf"({NAME})\n({NUMBER})\n(\S{{44}})\n")

is_signed_once = lru_cache(maxsize=None)(is_signed)


class Key:
    """A verifier key: its name, its type and its ID. One of ML-DSA-44 verifies nothing here."""

    def __init__(self, vkey: str, code: str) -> None:
        parts = vkey.split("+", 2)
        need(len(parts) == 3 and re.fullmatch(NAME, parts[0]), code, "no verifier key")
        data = from_base64(parts[2], code, "a verifier key")
        self.vkey = vkey
        self.name, self.type, self.public = parts[0], data[0] if data else 0, data[1:]
        self.id = hashlib.sha256(
            self.name.encode("utf-8", "surrogatepass") + b"\n" + data
        ).digest()[:4]
        need(parts[1] == self.id.hex(), code, "a verifier key: its ID is of another")
        pq = self.type == ML_DSA_44
        sound = len(self.public) == ML_DSA_44_KEY_BYTES if pq else is_sound(self.public)
        need(sound, code, "a verifier key that verifiers do not all read alike")

    def time_of(self, text: str, value: bytes, code: str, where: str) -> int:
        """The time of the cosignature, 0 of a plain signature; it must verify."""
        time, message = 0, text.encode()
        if self.type == COSIGNATURE:
            time, value = int.from_bytes(value[:8], "big"), value[8:]
            message = f"cosignature/v1\ntime {time}\n{text}".encode()
        right = time < 2**63 and is_signed_once(self.public, message, value)
        need(right, code, f"{where}: a signature of a known key is wrong")
        return time


class Note(NamedTuple):
    """A text with its signature lines (name, key ID, value), none of them verified."""

    text: str
    lines: list[tuple[str, bytes, bytes]]


def read_note(data: bytes, code: str, where: str) -> Note:
    """The note that these bytes spell."""
    need(len(data) <= NOTE_BYTES_MAX, code, f"{where}: too long for a note")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Failed(code, f"{where}: a note is UTF-8") from None
    controls = any(each < " " and each != "\n" for each in whole)
    need(not controls, code, f"{where}: control characters")
    text, _, signatures = whole.rpartition("\n\n")
    lines = signatures.split("\n")
    need(lines.pop() == "", code, f"{where}: its last line does not end")
    need(len(lines) <= SIGNATURES_MAX, code, f"{where}: too many signatures")
    return Note(text + "\n", [signature_line(line, code, where) for line in lines])


def signature_line(line: str, code: str, where: str) -> tuple[str, bytes, bytes]:
    """The name, key ID and value of the line."""
    match = SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise Failed(code, f"{where}: no signature line")
    value = from_base64(match[2], code, where)
    need(len(value) > 4, code, f"{where}: a signature without a value")
    return match[1], value[:4], value[4:]


def signers(note: Note, keys: Iterable[Key], code: str, where: str) -> dict[Key, list[int]]:
    """Which of the keys signed the note, with the times they gave.

    A line of one of them that does not verify spoils the note; lines of others say nothing.
    """
    found: dict[Key, list[int]] = {}
    for key in keys:
        for name, key_id, value in note.lines:
            if key.type != ML_DSA_44 and (name, key_id) == (key.name, key.id):
                time = key.time_of(note.text, value, code, where)
                found.setdefault(key, []).append(time)
    return found


class Checkpoint(NamedTuple):
    """A log's tree: so many leaves, this root."""

    origin: str
    size: int
    root: bytes


def read_checkpoint(text: str, code: str, where: str) -> Checkpoint:
    """The checkpoint that the text of a note spells: exactly three lines."""
    match = CHECKPOINT.fullmatch(text)
    if match is None:
        raise Failed(code, f"{where}: a checkpoint has exactly three lines")
    size, root = int(match[2]), hash_from(match[3], code, where)
    fits = (size == 0) is (root == EMPTY_ROOT)
    need(fits, code, f"{where}: a root that its size cannot have")
    return Checkpoint(match[1], size, root)
