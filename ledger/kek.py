"""Key-encrypting keys: what wraps the data keys before they are stored.

    class Kek            what a custodian of such keys must offer: a file, a KMS, an HSM
    class FileKek        one in a file of mode 0600, in epochs

A data key is wrapped together with its context (its id and version), so a wrapped key moved to
another row does not open there. Epochs bound how long an old backup can be read: wrap every live
key under a new epoch, keep the old one while backups made under it may be needed, destroy it.

Not here: the data keys and where they are kept (`keys`).
"""

import base64
import binascii
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from ledger.errors import Fault
from ledger.seal import Entropy

KEK_BYTES = 32

_HEADER = "consent-ledger/kek/v1"
_LINE = re.compile(r"(file:[0-9a-f]{16}) (?:([A-Za-z0-9+/]{43}=)|destroyed ([0-9a-f]{64}))")


class Kek(Protocol):
    """Custody of a key that never leaves it; `unwrap` raises `UnwrapFailed`."""

    @property
    def kek_id(self) -> str:
        """The name of the key that `wrap` uses, such as `file:0123456789abcdef`."""

    def wrap(self, dek: bytes, ctx: Mapping[str, str]) -> bytes:
        """The data key encrypted, for this context only."""

    def unwrap(self, wrapped: bytes, ctx: Mapping[str, str]) -> bytes:
        """The data key that was wrapped in the same context."""

    def destroy(self) -> Mapping[str, str]:
        """Evidence that the key is gone: names to fingerprints, the same when asked again."""


class UnwrapFailed(Fault):
    """No key at hand opens a wrapped key in its context."""


class KekFileRefused(Fault):
    """The key file is not safe to use: says which file and what to do."""


_Version: TypeAlias = tuple[int, int]
"""Tells one state of the file from another: its inode, and when it was written."""


class _Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the file, oldest first; the secret is empty once destroyed."""

    kek_id: str
    fingerprint: str
    secret: bytes

    def __repr__(self) -> str:
        return f"_Epoch({self.kek_id})"


class FileKek:
    """Key-encrypting keys in one file, which is made with a first key where there is none.

    Needs a POSIX file system. Processes that share the file see each other's epochs. Losing the
    file loses every key that it wrapped: keep a copy elsewhere, apart from the backups of the key
    database.
    """

    def __init__(self, path: Path, *, entropy: Entropy = os.urandom) -> None:
        self._path = path
        self._entropy = entropy
        if not path.exists():
            self._create()
        self._version, self._held = _read(path)

    @property
    def kek_id(self) -> str:
        """The newest epoch's name."""
        return self._current().kek_id

    def wrap(self, dek: bytes, ctx: Mapping[str, str]) -> bytes:
        """AES-KWP (RFC 5649) of the context and the key, since KWP authenticates nothing beside."""
        return aes_key_wrap_with_padding(self._current().secret, _context(ctx) + dek)

    def unwrap(self, wrapped: bytes, ctx: Mapping[str, str]) -> bytes:
        """The data key, whichever epoch wrapped it, also one that another process has added."""
        plain = self._unwrapped(wrapped)
        prefix = _context(ctx)
        if plain is None or not plain.startswith(prefix):
            raise UnwrapFailed("no key in the file opens a wrapped key in its context")
        return plain[len(prefix) :]

    @property
    def past(self) -> tuple[str, ...]:
        """The names of the epochs before the newest that are not destroyed, the oldest first."""
        return tuple(epoch.kek_id for epoch in self._epochs()[:-1] if epoch.secret)

    @property
    def destroyed(self) -> Mapping[str, str]:
        """The fingerprints of the epochs that are destroyed."""
        return {e.kek_id: e.fingerprint for e in self._epochs() if not e.secret}

    def rotate(self) -> str:
        """The name of a new epoch, which wraps from now on."""
        epoch = _new_epoch(self._entropy)
        with _locked(self._path.parent):
            self._replace([*self._epochs(), epoch])
        return epoch.kek_id

    def destroy(self) -> Mapping[str, str]:
        """Evidence that no epoch is left; the file stays, with their fingerprints."""
        with _locked(self._path.parent):
            epochs = self._epochs()
            self._replace([_destroyed(epoch) for epoch in epochs])
        return {epoch.kek_id: epoch.fingerprint for epoch in epochs}

    def destroy_epoch(self, kek_id: str) -> Mapping[str, str]:
        """Evidence that a past epoch is gone; what is still wrapped under it is lost."""
        with _locked(self._path.parent):
            *past, current = self._epochs()
            named = [epoch for epoch in past if epoch.kek_id == kek_id]
            if not named:
                raise KekFileRefused(f"{kek_id} is not a past epoch of {self._path}: rotate first")
            self._replace([_destroyed(e) if e in named else e for e in past] + [current])
        return {kek_id: named[0].fingerprint}

    def _epochs(self) -> list[_Epoch]:
        """The epochs as they now are: nobody may go on wrapping under one that others destroyed."""
        try:
            changed = _version(self._path.stat()) != self._version
        except OSError:
            raise KekFileRefused(f"{self._path} is gone: restore it from its copy") from None
        if changed:
            self._version, self._held = _read(self._path)
        return self._held

    def _current(self) -> _Epoch:
        newest = self._epochs()[-1]
        if not newest.secret:
            raise KekFileRefused(f"every key in {self._path} is destroyed: rotate to go on")
        return newest

    def _unwrapped(self, wrapped: bytes) -> bytes | None:
        for epoch in reversed(self._epochs()):
            try:
                if epoch.secret:
                    return aes_key_unwrap_with_padding(epoch.secret, wrapped)
            except InvalidUnwrap:
                continue
        return None

    def _create(self) -> None:
        """Make the file whole or not at all: a second starter finds either none or all of it."""
        beside = self._write_beside([_new_epoch(self._entropy)])
        try:
            os.link(beside, self._path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
        _sync_directory(self._path.parent)

    def _replace(self, epochs: list[_Epoch]) -> None:
        """Put the epochs in place, then overwrite the old bytes.

        Overwriting reaches no copy that the file system or the disk has made of them.
        """
        beside = self._write_beside(epochs)
        with self._path.open("r+b", buffering=0) as old:
            beside.replace(self._path)
            _sync_directory(self._path.parent)
            old.write(b"\0" * os.fstat(old.fileno()).st_size)
            os.fsync(old.fileno())

    def _write_beside(self, epochs: list[_Epoch]) -> Path:
        beside = self._path.with_name(f".{self._path.name}.{self._entropy(8).hex()}")
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as new:
            new.write(_format(epochs))
            new.flush()
            os.fsync(new.fileno())
        return beside


def _format(epochs: list[_Epoch]) -> bytes:
    lines = [_HEADER]
    for epoch in epochs:
        secret = base64.b64encode(epoch.secret).decode("ascii")
        lines.append(f"{epoch.kek_id} {secret or 'destroyed ' + epoch.fingerprint}")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _read(path: Path) -> tuple[_Version, list[_Epoch]]:
    try:
        with path.open(encoding="latin-1") as file:
            facts = os.fstat(file.fileno())
            header, *lines = file.read().splitlines()
    except (OSError, ValueError):
        raise KekFileRefused(f"{path} cannot be read: restore it from its copy") from None
    if facts.st_mode & 0o077:
        raise KekFileRefused(f"{path} is open to others: chmod 600 it, then rotate its key")
    epochs = [epoch for line in lines if (epoch := _parse_line(line))]
    if header != _HEADER or not epochs or len(epochs) < len(lines):
        raise KekFileRefused(f"{path} is no key file: restore it from its copy")
    return _version(facts), epochs


def _version(facts: os.stat_result) -> _Version:
    return facts.st_ino, facts.st_mtime_ns


def _parse_line(line: str) -> _Epoch | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    kek_id, secret, fingerprint = found.groups(default="")
    if fingerprint:
        return _Epoch(kek_id=kek_id, fingerprint=fingerprint, secret=b"")
    return _epoch(kek_id, binascii.a2b_base64(secret))


def _new_epoch(entropy: Entropy) -> _Epoch:
    return _epoch(f"file:{entropy(8).hex()}", entropy(KEK_BYTES))


def _epoch(kek_id: str, secret: bytes) -> _Epoch:
    mark = hashlib.sha256(b"consent-ledger/kek-fp/v1\n" + secret).hexdigest()
    return _Epoch(kek_id=kek_id, fingerprint=mark, secret=secret)


def _destroyed(epoch: _Epoch) -> _Epoch:
    return msgspec.structs.replace(epoch, secret=b"")


def _context(ctx: Mapping[str, str]) -> bytes:
    """The context as one line that no key can be mistaken for part of: JSON has no raw newline."""
    return msgspec.json.encode(ctx, order="sorted") + b"\n"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One changer of the file at a time: an epoch that two of them raced over would be lost."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _sync_directory(folder: Path) -> None:
    """Make a name in the folder survive a power failure."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
