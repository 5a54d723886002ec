"""Small trees and the published keys for the tests of the log's formats."""

from hashlib import sha256

from ledger.tlog.keys import KeyType, SigningKey, signing_key
from ledger.tlog.leaf import leaf_hash

ORIGIN = "ledger.demo.example/consent/7"


def leaves(many: int) -> list[bytes]:
    """The hashes of `record-0`, `record-1`, …"""
    return [leaf_hash(b"record-%d" % place) for place in range(many)]


def seed(text: str) -> bytes:
    """Thirty-two bytes that stand for a secret."""
    return sha256(text.encode()).digest()


def log_key() -> SigningKey:
    """The key of the demonstration log."""
    return signing_key(ORIGIN, seed("demo log"))


def witness_key(name: str = "w1") -> SigningKey:
    """The key of a demonstration witness."""
    said = "demo witness" if name == "w1" else f"demo witness {name}"
    return signing_key(f"witness.demo.example/{name}", seed(said), KeyType.COSIGNATURE)
