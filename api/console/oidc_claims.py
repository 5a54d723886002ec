"""The ID token: whether it is this provider's, for us, and of this sign-in; and whom it names.

OpenID Connect Core 1.0, section 3.1.3.7, read strictly: the audience is we alone. Not here: its
signature (`api.tokens`, `api.jwks`).
"""

from __future__ import annotations

import hmac
from collections.abc import Collection

import msgspec

from api.console.oidc_failures import SignInFailed
from api.console.session import Person
from api.tokens import ID_CHARACTERS_MAX, Claims, Expected, Header, audiences, expiry, is_id

PREFIX = "person:"
"""Before what the provider calls somebody: no client of its own is taken for a person by this."""


def check_header(header: Header) -> None:
    """Raises where the token says that it is an access token, which anybody may hold."""
    if header.typ is not None and header.typ.lower().removeprefix("application/") == "at+jwt":
        raise SignInFailed("unproven", "the ID token is an access token")


def check_claims(claims: Claims, expected: Expected, *, nonce: str, now: float) -> None:
    """Raises where the token is not the one that this sign-in asked for.

    `Unauthenticated` where a claim cannot be read or its time is past, else `SignInFailed`.
    """
    if claims.get("iss") != expected.issuer:
        raise SignInFailed("unproven", "the ID token is of another issuer")
    if [*audiences(claims)] != [expected.audience]:
        raise SignInFailed("unproven", "the ID token is for another client")
    if claims.get("azp", expected.audience) != expected.audience:
        raise SignInFailed("unproven", "the ID token was given to another client")
    told = claims.get("nonce")
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(), nonce.encode()):
        raise SignInFailed("unproven", "the ID token is of another sign-in")
    # Plain access tokens may leave out when they were issued; an ID token may not.
    expiry(claims, msgspec.structs.replace(expected, plain=False), now)


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """Which claims say who somebody is and what their roles are; the first of `roles` counts."""

    person: str
    roles_claim: str
    roles: tuple[str, ...]

    def person_of(self, claims: Claims) -> Person:
        """The person, in the first of our roles that they have; raises where they have none."""
        name = claims.get(self.person)
        if not is_id(name) or not isinstance(name, str) or not name.isascii():
            raise SignInFailed("unusable", "the ID token names nobody that can be read")
        if len(PREFIX + name) > ID_CHARACTERS_MAX:
            raise SignInFailed("unusable", "the ID token names somebody by too long a name")
        held = _texts(claims.get(self.roles_claim))
        role = next((one for one in self.roles if one in held), None)
        if role is None:
            raise SignInFailed("roleless", "the ID token has no role that is known here")
        return Person(client=PREFIX + name, name=_shown(claims) or name, role=role)


def _texts(value: object) -> Collection[str]:
    """The texts of a claim that is one, or a list of them."""
    every = value if isinstance(value, list) else [value]
    return [one for one in every if isinstance(one, str)]


def _shown(claims: Claims) -> str | None:
    """What somebody is called, for their own eyes."""
    found = [claims.get(name) for name in ("name", "preferred_username")]
    return next((one for one in found if isinstance(one, str) and is_id(one)), None)
