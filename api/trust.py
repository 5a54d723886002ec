"""Whose tokens this process accepts: an external issuer's, or those of the embedded default's own.

There is no both: beside an external issuer, and for a database that somebody configured, no local
one exists. Not here: how a token is verified (`tokens`), or where keys come from (`jwks`).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from api.access import Client
from api.grants import GrantTable, client_from, named_by
from api.issuer import Issuer
from api.jwks import Jwks, in_file, over_https
from api.runtime import folder_of
from api.settings import Settings
from api.tokens import ALGORITHMS, Expected, Remembered, Tokens, accepted, read_claims, read_header
from ledger.errors import Malformed

SKEW_SECONDS = 60
"""By how much the clocks of an issuer and of this machine may differ."""


class ExternalIssuer:
    """Verifies the tokens of one issuer, with the keys that it publishes."""

    def __init__(
        self, expected: Expected, keys: Jwks, *, grants: Mapping[str, GrantTable] = {}
    ) -> None:
        self.keys = keys
        self._expected = expected
        self._grants = grants
        self._verified = Remembered()

    async def client(self, token: str) -> Client:
        """Who the token speaks for; raises `Unauthenticated`, or `Unavailable` in an outage."""
        now = time.time()
        held = self._verified.get(token, now)
        if held is not None:
            return held
        header = read_header(token, self._expected)
        key = await self.keys.key(header.kid, header.alg)
        found = accepted(read_claims(token, header, key), self._expected, now)
        sources = [named_by(found.claims, audience=self._expected.audience)]
        if found.client in self._grants:
            sources.append(self._grants[found.client].named())
        client = client_from(found.client, sources)
        self._verified.put(token, client, expires=found.expires)
        return client


def accepted_tokens(settings: Settings) -> Tokens:
    """The verifier of the tokens that this process accepts."""
    expected = check_trust(settings)
    if expected is None:
        return local_issuer(settings)
    fetch = (
        over_https(settings.jwks_url)
        if settings.jwks_url is not None
        else in_file(Path(settings.jwks_file or ""))
    )
    keys = Jwks(fetch, grace_s=settings.jwks_grace_seconds)
    return ExternalIssuer(expected, keys, grants=settings.grants)


def local_issuer(settings: Settings) -> Issuer:
    """The issuer of this data directory; raises `Malformed` where there may be none."""
    check_local(settings)
    named = settings.token_key_file
    return Issuer.at(Path(named) if named else folder_of(settings) / "token-key.json")


def check_local(settings: Settings) -> None:
    """Raise `Malformed` where tokens are not the local issuer's."""
    if check_trust(settings) is not None:
        raise Malformed("issues the tokens that are accepted here: ask it for one", field="issuer")


def check_trust(settings: Settings) -> Expected | None:
    """What tokens must say, None for those of the local issuer; `Malformed` where nothing can."""
    expected = external(settings)
    if expected is None and settings.database_url is not None:
        raise Malformed(
            "is set, and the local issuer is for the embedded database alone: set `issuer`,"
            " `audience`, and `jwks_url` or `jwks_file`",
            field="database_url",
        )
    return expected


def external(settings: Settings) -> Expected | None:
    """What tokens of the external issuer say, None where no setting names one.

    Raises `Malformed` naming a setting that is missing or cannot be used.
    """
    named = (settings.issuer, settings.audience, settings.jwks_url, settings.jwks_file)
    if all(one is None for one in named):
        if settings.grants:
            raise Malformed("narrow the tokens of an external issuer: set `issuer`", field="grants")
        return None
    if settings.issuer is None or settings.audience is None:
        missing = "issuer" if settings.issuer is None else "audience"
        raise Malformed("must be set as well, to accept an issuer's tokens", field=missing)
    if (settings.jwks_url is None) == (settings.jwks_file is None):
        raise Malformed("or `jwks_file`: set one of them", field="jwks_url")
    if settings.jwks_url is not None and not is_safe(settings.jwks_url):
        raise Malformed("must be an https:// URL (http:// on loopback only)", field="jwks_url")
    return Expected(
        issuer=settings.issuer,
        audience=settings.audience,
        algorithms=algorithms_of(settings.jwt_algorithms),
        skew=SKEW_SECONDS,
        plain=settings.accept_plain_jwt,
    )


def is_safe(url: str) -> bool:
    """Whether what is fetched there cannot be changed on its way."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether the name or address is of this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def algorithms_of(text: str) -> frozenset[str]:
    """Those that signatures may be by; raises `Malformed` for a word that is none."""
    words = frozenset(text.split())
    if not words or not words <= {*ALGORITHMS}:
        raise Malformed(f"must be some of {' '.join(ALGORITHMS)}", field="jwt_algorithms")
    # RFC 9864 gives the one algorithm that is meant by EdDSA here its own name.
    return words | {"Ed25519"} if "EdDSA" in words else words
