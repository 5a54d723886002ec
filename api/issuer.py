"""The local issuer: tokens for the embedded default, signed with a key that lies beside the data.

Whoever can read that file may do anything, so it issues no tokens for a database that somebody
configured. Not here: tokens of others (`trust`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from api.access import Client, Scope
from api.grants import DETAIL, client_from, named_by
from api.tokens import Expected, Remembered, accepted, read_claims, read_header

ISSUER = "ledger"
AUDIENCE = "ledger"
ALGORITHM = "ES256"
EVERY = ("*",)
_EXPECTED = Expected(
    issuer=ISSUER, audience=AUDIENCE, algorithms=frozenset({ALGORITHM}), skew=0
)  # One machine has one clock.


class Issuer:
    """Issues and verifies tokens with one ES256 key."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._verified = Remembered()

    @classmethod
    def at(cls, path: Path) -> Issuer:
        """The issuer whose key is in this file, made there, whole at once, if it is not."""
        if not path.exists():
            _make_key(path)
        held = msgspec.json.decode(path.read_bytes(), type=dict[str, str | list[str]])
        return cls(ECKey.import_key(held))

    def token(
        self,
        client: str,
        scopes: Sequence[Scope],
        *,
        seconds: int,
        purposes: Sequence[str] = EVERY,
        entry_types: Sequence[str] = EVERY,
    ) -> str:
        """A token for the client, valid from now for `seconds`; "*" is every one."""
        now = int(time.time())
        detail = {"type": DETAIL, "purposes": [*purposes], "entry_types": [*entry_types]}
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "iat": now,
            "exp": now + seconds,
            "scope": " ".join(scopes),
            "authorization_details": [detail],
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, self._key)

    async def client(self, token: str) -> Client:
        """Who the token speaks for; raises `Unauthenticated`."""
        now = time.time()
        held = self._verified.get(token, now)
        if held is not None:
            return held
        claims = read_claims(token, read_header(token, _EXPECTED), self._key)
        found = accepted(claims, _EXPECTED, now)
        client = client_from(found.client, [named_by(claims, audience=AUDIENCE)])
        self._verified.put(token, client, expires=found.expires)
        return client


def _make_key(path: Path) -> None:
    """A new key file; of two makers at once, the first one's stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    key = ECKey.generate_key("P-256").as_dict(private=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(key))
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
