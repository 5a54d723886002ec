"""The provider's own description of itself: OpenID Connect Discovery 1.0, asked again when due.

Not here: its keys (`api.jwks`), or what is said to it (`oidc`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec

from api.console.oidc_failures import SignInFailed
from api.outward import Answered, Unanswered, outward
from api.trust import is_safe

FRESH_SECONDS = 300
FAILED_SECONDS = 5
"""For how long a failure is told again without asking: nobody waits for what just failed."""
WELL_KNOWN = "/.well-known/openid-configuration"
S256 = "S256"
BASIC, POST = "client_secret_basic", "client_secret_post"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """What it says of itself, by its names (section 3; RFC 8414; RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None = None
    response_types_supported: tuple[str, ...] = ("code",)
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = (BASIC,)
    authorization_response_iss_parameter_supported: bool = False


class Discovery:
    """The description of one provider, for one event loop."""

    def __init__(self, issuer: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._issuer = issuer
        self._clock = clock
        self._held: Provider | None = None
        self._failed: SignInFailed | None = None
        self._since = float("-inf")
        self._asking = asyncio.Lock()

    async def provider(self) -> Provider:
        """The provider; raises `SignInFailed` where it is away, or cannot be used as it is."""
        async with self._asking:
            age = self._clock() - self._since
            if self._failed is not None and age < FAILED_SECONDS:
                raise SignInFailed(self._failed.kind, self._failed.why)
            if self._held is None or age >= FRESH_SECONDS:
                await self._ask()
                self._since = self._clock()
            if self._failed is not None:
                raise self._failed
            assert self._held is not None, "what did not fail is held"
            return self._held

    async def _ask(self) -> None:
        try:
            self._held = read_provider(await self._asked(), issuer=self._issuer)
            self._failed = None
        except SignInFailed as error:
            self._held, self._failed = None, error

    async def _asked(self) -> Answered:
        try:
            async with outward() as client:
                return await client.get(self._issuer.rstrip("/") + WELL_KNOWN)
        except Unanswered:
            raise SignInFailed("away", "discovery") from None


def read_provider(answer: Answered, *, issuer: str) -> Provider:
    """The description, where it is this issuer's own and does what is needed here."""
    if answer.code >= 500:
        raise SignInFailed("away", f"discovery answers {answer.code}")
    if answer.code != 200:
        raise SignInFailed("unusable", f"discovery answers {answer.code}")
    try:
        found = msgspec.json.decode(answer.body, type=Provider)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SignInFailed("unusable", "discovery cannot be read") from None
    if found.issuer != issuer:
        # Section 4.3: whoever speaks for another issuer is not believed.
        raise SignInFailed("unusable", "discovery names another issuer")
    addresses = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
    if not all(map(is_safe, addresses)):
        raise SignInFailed("unusable", "discovery names an address that is not https")
    _check_abilities(found)
    return found


def _check_abilities(found: Provider) -> None:
    if "code" not in found.response_types_supported:
        raise SignInFailed("unusable", "the provider has no authorization code flow")
    # A provider that does not say may know it all the same, and some are known to.
    if S256 not in (found.code_challenge_methods_supported or (S256,)):
        raise SignInFailed("unusable", "the provider has no PKCE by S256")
