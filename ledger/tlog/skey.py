"""A private key of a note as one line of text, as golang.org/x/mod/sumdb/note spells it.

    PRIVATE+KEY+<name>+<hex of key ID>+<base64 of type ‖ 32 secret bytes>

The one who reads it decides where it lies; it is never part of a message or an error.
"""

from ledger.tlog.keys import KeyType, MalformedKey, SigningKey, signing_key
from ledger.tlog.note import MalformedNote, base64_of, from_base64

PREFIX = "PRIVATE+KEY+"
SEED_BYTES = 32


def parse_skey(text: str) -> SigningKey:
    """The key that this very text spells; raises `MalformedKey`."""
    parts = text.removeprefix(PREFIX).split("+", 2)
    if not text.startswith(PREFIX) or len(parts) != 3:
        raise MalformedKey(f"a private key begins with {PREFIX}, then a name, an ID and a secret")
    try:
        secret = from_base64(parts[2])
    except MalformedNote:
        raise MalformedKey("the secret of a private key is base64") from None
    kinds = {bytes([KeyType.ED25519]): KeyType.ED25519, bytes([4]): KeyType.COSIGNATURE}
    kind = kinds.get(secret[:1])
    if kind is None or len(secret) != 1 + SEED_BYTES:
        raise MalformedKey("a private key of a kind that is not known here")
    try:
        key = signing_key(parts[0], secret[1:], kind)
    except MalformedNote as error:
        raise MalformedKey(f"a private key: {error}") from None
    if parts[1] != key.verifier.key_id.hex():
        raise MalformedKey("the ID of a private key is not that of its name and key")
    return key


def format_skey(key: SigningKey) -> str:
    """The one spelling of the key, secret and all."""
    verifier = key.verifier
    secret = bytes([verifier.type]) + key.secret.private_bytes_raw()
    return f"{PREFIX}{verifier.name}+{verifier.key_id.hex()}+{base64_of(secret)}"
