"""A signing key for notes in a file of its own, made where there is none.

Not the key of checkpoints: that one remembers what it signed (`signer`).
"""

from __future__ import annotations

import os
from pathlib import Path

from ledger.errors import Fault
from ledger.tlog.keys import SigningKey, signing_key
from ledger.tlog.skey import SEED_BYTES, format_skey, parse_skey


def note_key(path: Path, name: str) -> SigningKey:
    """The key of the file, which must be under this name and for its owner alone."""
    if not path.exists():
        _make(path, name)
    if path.stat().st_mode & 0o077:
        raise Fault(f"{path} is open to others: chmod 600 it, and make a new key")
    key = parse_skey(path.read_text(encoding="ascii").strip())
    if key.verifier.name != name:
        raise Fault(f"{path} is the key of {key.verifier.name}, not of {name}")
    return key


def _make(path: Path, name: str) -> None:
    """The file, whole or not at all: of two that make it, one does."""
    beside = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(format_skey(signing_key(name, os.urandom(SEED_BYTES))) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
