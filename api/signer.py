"""The signer of checkpoints: a key, and the largest tree that it has signed, in files of its own.

It believes nobody: what it signs must go on from what it signed last, by a consistency proof that
it verifies itself. The state is written, whole and to the disk, before a signature leaves; it is
the last signed checkpoint, so that its own key vouches for it. Whoever may change the database
cannot make it sign another history. Not here: the process around it (`signer_process`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ledger.errors import Fault
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint, signed
from ledger.tlog.following import Growth, followed, nothing_seen
from ledger.tlog.keys import SigningKey, VerifierKey, signing_key, verified
from ledger.tlog.note import Note, format_note, parse_note
from ledger.tlog.skey import SEED_BYTES, format_skey, parse_skey

KEY_FILE, STATE_FILE = "checkpoint-key", "checkpoint"


class SignerRefused(Fault):
    """The signer's files are not as it left them: names the file and the next step."""


class CheckpointKey(Protocol):
    """What can sign a checkpoint: a file, or a service that never gives the key away."""

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""

    def sign(self, one: Checkpoint) -> Note:
        """The checkpoint, signed under the log's name."""


class FileKey:
    """A key in a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_mode & 0o077:
            raise SignerRefused(f"{path} is open to others: chmod 600 it, and make a new key")
        self._key: SigningKey = parse_skey(path.read_text(encoding="ascii").strip())

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return self._key.verifier

    def sign(self, one: Checkpoint) -> Note:
        """The checkpoint, signed under the log's name."""
        return signed(one, self._key)


class Signer:
    """Signs the growth of one log."""

    def __init__(self, folder: Path, key: CheckpointKey) -> None:
        self._folder = folder
        self._key = key
        self._last = self._read()

    @property
    def verifier(self) -> VerifierKey:
        """The log's public key."""
        return self._key.verifier

    @property
    def last(self) -> Note:
        """The checkpoint signed last."""
        return self._last

    def seen(self) -> Checkpoint:
        """The largest tree that was signed."""
        return parse_checkpoint(self._last.text)

    def sign(self, growth: Growth) -> Note:
        """The new checkpoint, signed; raises `Refused` where it does not go on from the last."""
        new = followed(self.seen(), growth)
        note = self._key.sign(new)
        _write(self._folder / STATE_FILE, format_note(note))
        self._last = note
        return note

    def _read(self) -> Note:
        path = self._folder / STATE_FILE
        try:
            note = parse_note(path.read_bytes())
        except FileNotFoundError:
            message = f"{path} is gone: put back the latest checkpoint that a witness has"
            raise SignerRefused(message) from None
        except Fault as error:
            raise SignerRefused(f"{path} is no checkpoint: {error}") from None
        if not verified(note, [self._key.verifier]):
            raise SignerRefused(f"{path} is not signed by the key beside it")
        return note


@contextmanager
def file_signer(folder: Path, *, origin: str) -> Iterator[Signer]:
    """The signer of the folder, held against other processes; made where it never signed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SignerRefused(f"another signer holds {folder}: stop it first") from None
        if not (folder / KEY_FILE).exists():
            _make(folder, origin)
        key = FileKey(folder / KEY_FILE)
        if key.verifier.name != origin:
            message = f"{folder / KEY_FILE} signs for {key.verifier.name}, not for {origin}"
            raise SignerRefused(message)
        yield Signer(folder, key)
    finally:
        os.close(held)


def _make(folder: Path, origin: str) -> None:
    """A new key over an empty tree; never where a tree was signed with another."""
    state = folder / STATE_FILE
    if state.exists() and parse_checkpoint(parse_note(state.read_bytes()).text).size:
        raise SignerRefused(f"{folder / KEY_FILE} is gone: restore it from its copy")
    key = signing_key(origin, os.urandom(SEED_BYTES))
    # The state first: a key without one is a signer that has forgotten what it signed.
    _write(state, format_note(signed(nothing_seen(origin), key)))
    _write(folder / KEY_FILE, format_skey(key).encode() + b"\n")


def _write(path: Path, data: bytes) -> None:
    """The file, whole and on the disk, or as it was."""
    beside = path.with_name(f".{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
