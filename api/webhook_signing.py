"""Signatures of deliveries: Standard Webhooks 1.0, with a shared key (v1) and with Ed25519 (v1a).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. Both are
over the id, the moment and the body, with dots between them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from projections.consumer_secrets import Secret

SHARED, PUBLIC = "whsec_", "whpk_"


def headers(message_id: str, body: bytes, secrets: Iterable[Secret], *, at: int) -> dict[str, str]:
    """The headers of a delivery at this moment, in seconds since 1970, signed with each secret."""
    text = b"%b.%d.%b" % (message_id.encode(), at, body)
    signatures = [one for secret in secrets for one in (_shared(secret, text), _own(secret, text))]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }


def spelt_secret(secret: Secret) -> str:
    """The shared key, as libraries take it; shown once."""
    return SHARED + _base64(secret.shared)


def spelt_public(public: bytes) -> str:
    """The key that `v1a` is verified with, as libraries take it."""
    return PUBLIC + _base64(public)


def _shared(secret: Secret, text: bytes) -> str:
    return f"v1,{_base64(hmac.new(secret.shared, text, hashlib.sha256).digest())}"


def _own(secret: Secret, text: bytes) -> str:
    key = Ed25519PrivateKey.from_private_bytes(secret.private)
    return f"v1a,{_base64(key.sign(text))}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
