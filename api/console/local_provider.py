"""A tiny OpenID provider beside the embedded default, so that its console has somebody to sign in.

It speaks to this console alone, on this machine alone, and vouches for people who do not exist.
Codes last a minute, serve once, and are bound to the console's PKCE challenge; its key lives as
long as the process. Where an external provider or issuer is set there is none (`sign_in_settings`).
Not here: its routes and its page (`local_provider_routes`).
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey

from api.access import SCOPES, Connection, Unauthenticated
from api.console.oidc import challenge
from api.grants import GrantTable
from api.issuer import ALGORITHM, EVERY
from api.tokens import Tokens
from api.trust import is_loopback
from ledger.errors import Malformed

PATH = "/console/demo-provider"
CLIENT_ID = "console"
ROLES_CLAIM = "groups"
CODE_SECONDS = 60
TOKEN_SECONDS = 300
CODES_MAX = 1000
_VERIFIER_CHARACTERS = range(43, 129)


class Identity(NamedTuple):
    """Somebody made up."""

    sub: str
    name: str
    role: str
    does: str


IDENTITIES = (
    Identity("demo-auditor", "Demo auditor", "auditor", "looks at everything, and records nothing"),
    Identity("demo-dpo", "Demo data protection officer", "dpo", "may do everything"),
    Identity("demo-caseworker", "Demo caseworker", "caseworker", "asks, looks back and records"),
)
ROLES: Mapping[str, GrantTable] = {
    "auditor": GrantTable(scopes=("check", "history", "audit"), purposes=EVERY, entry_types=()),
    "dpo": GrantTable(scopes=SCOPES, purposes=EVERY, entry_types=EVERY),
    "caseworker": GrantTable(
        scopes=("check", "history", "record"), purposes=EVERY, entry_types=EVERY
    ),
}


class Asked(NamedTuple):
    """An authorization request that may be answered."""

    state: str
    nonce: str
    challenge: str


class _Code(NamedTuple):
    asked: Asked
    identity: Identity
    until: float


class Refused(Exception):
    """A code is not exchanged; says so by RFC 6749's word."""


class LocalProvider:
    """The provider of the console at `origin`; with `tokens`, each sign-in needs one of theirs."""

    def __init__(
        self,
        origin: str,
        redirect_uri: str,
        *,
        tokens: Tokens | None,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.issuer = origin + PATH
        self.guarded = tokens is not None
        self._host = urlsplit(origin).netloc
        self._redirect_uri = redirect_uri
        self._tokens = tokens
        self._clock = clock
        self._entropy = entropy
        self._key = ECKey.generate_key("P-256", {"kid": "demo", "use": "sig", "alg": ALGORITHM})
        self._codes: dict[str, _Code] = {}

    def is_named(self, connection: Connection) -> bool:
        """Whether it is asked by its own name.

        A page elsewhere that had its name lead here would ask by that name.
        """
        return connection.headers.get("host") == self._host

    def is_here(self, connection: Connection) -> bool:
        """Whether somebody on this machine asks, by the provider's own name."""
        client = connection.client
        return self.is_named(connection) and client is not None and is_loopback(client.host)

    def metadata(self) -> dict[str, Any]:
        """Its description (OpenID Connect Discovery 1.0, section 3)."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "name", ROLES_CLAIM],
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> dict[str, Any]:
        """Its public key."""
        return {"keys": [self._key.as_dict(private=False)]}

    def asked(self, came: Mapping[str, str]) -> Asked:
        """The request, if it is this console's; raises `Malformed`, and leads nowhere else."""
        wanted = {
            "client_id": CLIENT_ID,
            "redirect_uri": self._redirect_uri,
            "response_type": "code",
            "code_challenge_method": "S256",
        }
        for name, value in wanted.items():
            if came.get(name) != value:
                raise Malformed("is not what this console asks with", field=name)
        if "openid" not in came.get("scope", "").split():
            raise Malformed("must hold openid", field="scope")
        for name in ("state", "nonce", "code_challenge"):
            if not came.get(name):
                raise Malformed("is required", field=name)
        return Asked(came["state"], came["nonce"], came["code_challenge"])

    async def check_token(self, token: str, identity: Identity) -> None:
        """Raises `Unauthenticated` unless the token, if one is needed, may do what the role may."""
        if self._tokens is None:
            return
        client = await self._tokens.client(token)
        whole = client.grant.whole and client.grant.entry_types is None
        if not whole or not client.scopes >= {*(ROLES[identity.role].scopes or ())}:
            raise Unauthenticated("the token may do less than this role")

    def leads_to(self, asked: Asked, identity: Identity) -> str:
        """The way back, with a code for this person."""
        now = self._clock()
        self._codes = {name: one for name, one in self._codes.items() if now < one.until}
        while len(self._codes) >= CODES_MAX:
            self._codes.pop(next(iter(self._codes)))
        code = self._entropy(32).hex()
        self._codes[code] = _Code(asked, identity, now + CODE_SECONDS)
        came = {"code": code, "state": asked.state, "iss": self.issuer}
        return f"{self._redirect_uri}?{urlencode(came)}"

    def exchanged(self, form: Mapping[str, str]) -> dict[str, Any]:
        """The token response; raises `Refused`. A code that was shown once serves no more."""
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type")
        if form.get("client_id") != CLIENT_ID:
            raise Refused("invalid_client")
        held = self._codes.pop(form.get("code", ""), None)
        if held is None or self._clock() >= held.until:
            raise Refused("invalid_grant")
        verifier = form.get("code_verifier", "")
        proven = hmac.compare_digest(challenge(verifier).encode(), held.asked.challenge.encode())
        if len(verifier) not in _VERIFIER_CHARACTERS or not proven:
            raise Refused("invalid_grant")
        if form.get("redirect_uri") != self._redirect_uri:
            raise Refused("invalid_grant")
        return {
            "access_token": self._entropy(16).hex(),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": self._id_token(held),
        }

    def _id_token(self, held: _Code) -> str:
        now = int(self._clock())
        claims = {
            "iss": self.issuer,
            "sub": held.identity.sub,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": held.asked.nonce,
            "name": held.identity.name,
            ROLES_CLAIM: [held.identity.role],
        }
        return jwt.encode({"alg": ALGORITHM, "kid": "demo"}, claims, self._key)
