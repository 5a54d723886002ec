"""An issuer of the outside: its keys, the set it publishes, and tokens right or wrong.

outside = OutsideIssuer()
outside.publish(folder / "jwks.json")
token = outside.token("case-system", scope="check", purposes=["PHOTO"])
"""

import base64
import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from api.access import SCOPES

NAME = "https://issuer.example/ledger"
AUDIENCE = "https://ledger.example"
EVERY = ["*"]


def signing_key(algorithm: str, kid: str) -> Key:
    """A new key for the algorithm."""
    named: Any = {"kid": kid, "use": "sig"}
    if algorithm in ("RS256", "PS256"):
        return RSAKey.generate_key(2048, named)
    if algorithm in ("EdDSA", "Ed25519"):
        return OKPKey.generate_key("Ed25519", named)
    return ECKey.generate_key({"ES384": "P-384"}.get(algorithm, "P-256"), named)


class FromNow(NamedTuple):
    """A claim in seconds from when its token is made, however long before it was written."""

    seconds: int

    def __repr__(self) -> str:
        return f"now{self.seconds:+}"


class OutsideIssuer:
    """Signs with one key at a time, and publishes all that it ever had unless told otherwise."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.algorithm = algorithm
        self.keys: list[Key] = []
        self.rotate()

    @property
    def key(self) -> Key:
        """The key it signs with."""
        return self.keys[-1]

    def rotate(self) -> None:
        """From now on it signs with a new key."""
        self.keys.append(signing_key(self.algorithm, f"key-{len(self.keys) + 1}"))

    def published(self) -> bytes:
        """The set of its public keys."""
        return json.dumps({"keys": [one.as_dict(private=False) for one in self.keys]}).encode()

    def publish(self, path: Path) -> Path:
        """The set lies in this file."""
        path.write_bytes(self.published())
        return path

    def settings(self, jwks: Path) -> dict[str, str]:
        """The environment of a service that accepts its tokens."""
        return {
            "LEDGER_ISSUER": NAME,
            "LEDGER_AUDIENCE": AUDIENCE,
            "LEDGER_JWKS_FILE": str(jwks),
        }

    def claims(self, client: str = "case-system", **changed: Any) -> dict[str, Any]:
        """What a token of it says; a None leaves the claim out."""
        now = int(time.time())
        usual = {
            "iss": NAME,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "jti": "1",
            "iat": now,
            "exp": now + 3600,
            "scope": " ".join(SCOPES),
            "authorization_details": [{"type": "ledger", "purposes": EVERY, "entry_types": EVERY}],
        }
        told = {
            name: now + value.seconds if isinstance(value, FromNow) else value
            for name, value in (usual | changed).items()
        }
        return {name: value for name, value in told.items() if value is not None}

    def token(
        self,
        client: str = "case-system",
        *,
        key: Key | None = None,
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """A token with these claims, signed with its present key unless another is given."""
        used = key or self.key
        usual = {"alg": self.algorithm, "typ": "at+jwt", "kid": used.kid}
        named = {name: v for name, v in (usual | (header or {})).items() if v is not None}
        return compact(named, self.claims(client, **changed), used, str(named["alg"]))


def compact(header: object, claims: object, key: Key, algorithm: str) -> str:
    """A signed JWT of this header and these claims, whatever they are; bytes stand as they are."""
    named = {"EdDSA": "Ed25519"}.get(algorithm, algorithm)
    text = spelt(header, claims)
    return f"{text}.{spelt(JWSRegistry.algorithms[named].sign(text.encode(), key))}"


def spelt(*parts: object) -> str:
    """Parts as a token has them, whatever they are."""
    texts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in texts)
