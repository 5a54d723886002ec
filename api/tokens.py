"""Access tokens read strictly: JWTs of the RFC 9068 profile, in the compact form and no other.

What a token names beside its `kid` (`jku`, `jwk`, `x5u`) is never followed. A token that asks to be
bound to its sender (`cnf`) is refused, since nothing here could tell who sent it. Not here: where
keys come from (`jwks`, `issuer`), or what the claims allow (`grants`).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection
from typing import Any, Protocol, cast

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64decode

from api.access import Client, Unauthenticated
from ledger.cache import AgeingCache

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Those that may be allowed; `EdDSA` is Ed25519, which RFC 9864 gives that name as well."""
TOKEN_CHARACTERS_MAX = 8192
ID_CHARACTERS_MAX = 200
REMEMBERED_MAX = 10_000
REMEMBERED_SECONDS = 60
_LATEST = 2**53

Claims = dict[str, Any]


class Tokens(Protocol):
    """Whoever tells which client a token speaks for."""

    async def client(self, token: str) -> Client:
        """The client; raises `Unauthenticated`, or `Unavailable` where that cannot be told now."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says of its signature."""

    alg: str
    typ: str | None = None
    kid: str | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What an accepted token says; `skew` is by how many seconds clocks may differ.

    With `plain`, tokens of issuers that know no RFC 9068 are taken as well: their type is `JWT` or
    left out, and the client is named by `client_id` or `azp`.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    skew: int
    plain: bool = False


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """A token's client, when the token ends, and all that it claims."""

    client: str
    expires: float
    claims: Claims


def read_header(token: str, expected: Expected) -> Header:
    """The header of a token that may be verified; raises `Unauthenticated`."""
    parts = token.split(".")
    if len(token) > TOKEN_CHARACTERS_MAX or len(parts) != 3 or not all(parts):
        raise Unauthenticated("the token is no signed JWT")
    named = _object(parts[0])
    if "crit" in named or "b64" in named:
        raise Unauthenticated("the token has a header that this service does not know")
    try:
        header = msgspec.convert(named, Header)
    except msgspec.ValidationError:
        raise Unauthenticated("the token has a header that cannot be read") from None
    if header.alg not in expected.algorithms:
        raise Unauthenticated("the token is signed by an algorithm that is not allowed")
    kinds = ("at+jwt", "jwt", None) if expected.plain else ("at+jwt",)
    kind = header.typ and header.typ.lower().removeprefix("application/")
    if kind not in kinds:
        raise Unauthenticated("the token is no access token")
    return header


def read_claims(token: str, header: Header, key: Key) -> Claims:
    """The claims, once the signature is found to be the key's; raises `Unauthenticated`."""
    said, _, signature = token.rpartition(".")
    # As EdDSA it would take other curves, and is deprecated for that (RFC 9864).
    algorithm = JWSRegistry.algorithms[{"EdDSA": "Ed25519"}.get(header.alg, header.alg)]
    try:
        algorithm.check_key(key)
        good = algorithm.verify(said.encode(), urlsafe_b64decode(signature.encode()), key)
    except (JoseError, ValueError):
        good = False
    if not good:
        raise Unauthenticated("the token is not one of the accepted issuer")
    return _object(said.partition(".")[2])


def accepted(claims: Claims, expected: Expected, now: float) -> Accepted:
    """The token's client, where every claim is as expected; raises `Unauthenticated`."""
    if claims.get("iss") != expected.issuer:
        raise Unauthenticated("the token is of another issuer")
    if expected.audience not in audiences(claims):
        raise Unauthenticated("the token is for another service")
    if "cnf" in claims:
        raise Unauthenticated("the token is bound to its sender, which this service cannot check")
    if not is_id(claims.get("sub")):
        raise Unauthenticated("the token names no subject")
    return Accepted(
        client=_client(claims, expected), expires=expiry(claims, expected, now), claims=claims
    )


def expiry(claims: Claims, expected: Expected, now: float) -> float:
    """Until when the token is good, in seconds; it is good now."""
    expires = _moment(claims, "exp")
    if expires + expected.skew <= now:
        raise Unauthenticated("the token has expired: ask for a new one")
    issued = None if expected.plain and "iat" not in claims else _moment(claims, "iat")
    starts = _moment(claims, "nbf") if "nbf" in claims else None
    if any(one is not None and one > now + expected.skew for one in (issued, starts)):
        raise Unauthenticated("the token is not valid yet")
    if issued is not None and issued > expires:
        raise Unauthenticated("the token ends before it was issued")
    return expires + expected.skew


def _moment(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Unauthenticated(f"the token has no {name} that can be read")
    return float(value)


def audiences(claims: Claims) -> Collection[str]:
    """For whom the token is; raises `Unauthenticated` where that cannot be read."""
    named = claims.get("aud")
    every: list[Any] = named if isinstance(named, list) else [named]
    if not all(isinstance(one, str) for one in every):
        raise Unauthenticated("the token has no aud that can be read")
    return every


def _client(claims: Claims, expected: Expected) -> str:
    """The id of the client, never that of the subject: the two may have the same spelling."""
    names = ("client_id", "azp") if expected.plain else ("client_id",)
    found = [claims[name] for name in names if name in claims]
    if not found or not is_id(found[0]) or any(one != found[0] for one in found):
        raise Unauthenticated("the token names no client that can be read")
    return cast(str, found[0])


def is_id(value: object) -> bool:
    """Whether it can name somebody: a text of some printable characters."""
    return isinstance(value, str) and 0 < len(value) <= ID_CHARACTERS_MAX and value.isprintable()


def _object(part: str) -> dict[str, Any]:
    try:
        return _parsed(urlsafe_b64decode(part.encode()))
    except (ValueError, TypeError) as error:
        raise Unauthenticated("the token is no signed JWT") from error


def _parsed(text: bytes) -> dict[str, Any]:
    """A JSON object that says each thing once; another reader might take the other one."""
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise Unauthenticated("the token cannot be read") from error
    if not isinstance(found, dict):
        raise Unauthenticated("the token holds no claims")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refused(_: str) -> None:
    raise ValueError("not a number of JSON")


class Remembered:
    """Clients of verified tokens, by the token's digest: for a minute, and not beyond its end."""

    def __init__(self) -> None:
        self._held: AgeingCache[bytes, tuple[float, Client]] = AgeingCache(
            clock=time.monotonic, weight_max=REMEMBERED_MAX, age_s_max=REMEMBERED_SECONDS
        )

    def get(self, token: str, now: float) -> Client | None:
        """The client of a token that was verified and is still good."""
        held = self._held.get(_digest(token))
        return held[1] if held is not None and now < held[0] else None

    def put(self, token: str, client: Client, *, expires: float) -> None:
        """The token was found to be this client's, until then."""
        self._held.put(_digest(token), (expires, client))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
