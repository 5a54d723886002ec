"""How this service proves to a provider that it is the client that was registered there.

By a key of its own (`private_key_jwt`, RFC 7523), by a secret, or not at all: a public client,
whom PKCE alone protects.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from api.console.oidc_provider import BASIC, POST, Provider
from ledger.errors import Malformed

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
_KINDS: dict[tuple[object, object], tuple[type[ECKey] | type[RSAKey], str]] = {
    ("EC", "P-256"): (ECKey, "ES256"),
    ("RSA", None): (RSAKey, "RS256"),
}
"""The two that every provider takes."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a request to the token endpoint: fields of its form, and headers."""

    form: dict[str, str]
    headers: dict[str, str] = {}


class ClientKey(msgspec.Struct, frozen=True):
    """A private key, and the algorithm it signs by."""

    key: Key
    algorithm: str


class RegisteredClient:
    """The client as it is registered; of `secret` and `key` it has one, or none."""

    def __init__(
        self,
        name: str,
        *,
        secret: str | None = None,
        key: ClientKey | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._secret = secret
        self._key = key
        self._clock = clock

    def proof(self, provider: Provider) -> Proof:
        """That a request is this client's, in the way that the provider takes."""
        if self._key is not None:
            return Proof(form=self._assertion(self._key, provider))
        if self._secret is None:
            return Proof(form={"client_id": self.name})
        taken = provider.token_endpoint_auth_methods_supported
        if BASIC not in taken and POST in taken:
            return Proof(form={"client_id": self.name, "client_secret": self._secret})
        return Proof(form={}, headers={"authorization": _basic(self.name, self._secret)})

    def _assertion(self, held: ClientKey, provider: Provider) -> dict[str, str]:
        now = int(self._clock())
        claims = {
            "iss": self.name,
            "sub": self.name,
            "aud": provider.token_endpoint,
            "jti": os.urandom(16).hex(),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        header = {"alg": held.algorithm, **({"kid": held.key.kid} if held.key.kid else {})}
        signed = jwt.encode(header, claims, held.key, algorithms=[held.algorithm])
        return {
            "client_id": self.name,
            "client_assertion_type": ASSERTION,
            "client_assertion": signed,
        }


def read_client_key(path: Path, *, field: str) -> ClientKey:
    """The private JWK of the file; raises `Malformed` where it is none that can be used."""
    try:
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, str | list[str]])
        kind, algorithm = _KINDS[held.get("kty"), held.get("crv")]
        key = kind.import_key(held)
        private = key.is_private
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}", field=field) from None
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, JoseError, ValueError, TypeError):
        private = False
    if not private:
        message = "must be a private JWK (RFC 7517): RSA, or EC on P-256"
        raise Malformed(message, field=field)
    return ClientKey(key, algorithm)


def _basic(name: str, secret: str) -> str:
    """RFC 6749, section 2.3.1: each is form-encoded first."""
    pair = f"{quote(name, safe='')}:{quote(secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
