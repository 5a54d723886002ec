"""Tombstones of destroyed keys outside both databases: one line a key, in a file only added to.

A restored backup of the key database brings keys back, and one of the ledger forgets that they
were destroyed. Whoever keeps this file, with its copies, beside the key-encrypting key can tell. It
holds no secret and no name of a subject.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import msgspec

from ledger.errors import Fault

_LINE = re.compile(r"([0-9a-f-]{36}):([1-9][0-9]{0,8}) ([0-9a-f]{64}) (\d+):(\d+)")


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is gone, and the place of the erasure that took it."""

    key_id: UUID
    version: int
    fingerprint: bytes
    log: int
    n: int

    def line(self) -> str:
        """The tombstone as a line of the file."""
        return f"{self.key_id}:{self.version} {self.fingerprint.hex()} {self.log}:{self.n}\n"


class Tombstones:
    """The file; there is none before the first key is destroyed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, some: Iterable[Tombstone]) -> None:
        """The tombstones are on the disk, each once."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            held = file.read()
            # A line that a crash broke off is written again, whole.
            begin = b"" if held.endswith(b"\n") or not held else b"\n"
            lines = {*held.decode("ascii", "replace").splitlines(keepends=True)}
            new = [line for one in some if (line := one.line()) not in lines]
            if new:
                file.write(begin + "".join(new).encode("ascii"))
                os.fsync(file.fileno())
        _sync(self._path.parent)

    def read(self) -> list[Tombstone]:
        """Every tombstone; a line that a crash broke off is none."""
        try:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found = [_parsed(line) for line in lines]
        return [one for one in found if one is not None]


def _parsed(line: str) -> Tombstone | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    key_id, version, fingerprint, log, n = match.groups()
    try:
        return Tombstone(
            key_id=UUID(key_id),
            version=int(version),
            fingerprint=bytes.fromhex(fingerprint),
            log=int(log),
            n=int(n),
        )
    except ValueError:
        raise Fault("a tombstone names no key: restore the file from its copy") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
