"""What browsers keep for us, sealed: nobody else can read it, change it or make it.

The keys are the lines of one file, made where there is none: the first seals, and all of them open,
so that a new one can be put before the old. Not here: what is sealed (`session`, `sign_in_flow`).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Fault

KEY_FILE = "console-key"
KEY_BYTES = 32
NONCE_BYTES = 12


class Seals:
    """Seals texts for one purpose each: what was sealed for one does not open for another."""

    def __init__(
        self, keys: tuple[bytes, ...], *, entropy: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._keys = tuple(AESGCM(one) for one in keys)
        self._entropy = entropy

    @classmethod
    def at(cls, path: Path) -> Seals:
        """With the keys of this file, which must be for its owner alone."""
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise Fault(f"{path} is open to others: chmod 600 it, and put a new key into it")
        return cls(tuple(_key(line, path) for line in path.read_text("ascii").split() or [""]))

    def seal(self, purpose: str, plain: bytes) -> str:
        """The text as base64url, without padding."""
        nonce = self._entropy(NONCE_BYTES)
        sealed = self._keys[0].encrypt(nonce, plain, purpose.encode())
        return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()

    def open(self, purpose: str, text: str) -> bytes | None:
        """What was sealed for the purpose; None for anything else."""
        try:
            found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        for key in self._keys if len(found) > NONCE_BYTES else ():
            try:
                return key.decrypt(found[:NONCE_BYTES], found[NONCE_BYTES:], purpose.encode())
            except InvalidTag:
                continue
        return None


def _key(line: str, path: Path) -> bytes:
    try:
        found = bytes.fromhex(line)
    except ValueError:
        found = b""
    if len(found) != KEY_BYTES:
        raise Fault(f"{path} must hold keys of {2 * KEY_BYTES} hex digits, one a line")
    return found


def _make(path: Path) -> None:
    """The file, whole or not at all: of two that make it, one does."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(os.urandom(KEY_BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
