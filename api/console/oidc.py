"""The authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636), as its client.

    begun(...)     where the browser is sent, and what it keeps for the way back
    finished(...)  the person whom the provider vouched for, or why there is none

Not here: cookies and pages (`sign_in`), or what a role may do (`session`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlencode, urlsplit

import msgspec
from joserfc.jwk import Key

from api.access import Unauthenticated
from api.console.oidc_claims import Naming, check_claims, check_header
from api.console.oidc_client import RegisteredClient
from api.console.oidc_failures import Kind, SignInFailed
from api.console.oidc_provider import S256, Discovery, Provider
from api.console.session import Person
from api.jwks import Jwks, over_https
from api.outward import Answered, Unanswered, outward
from api.tokens import TOKEN_CHARACTERS_MAX, Claims, Expected, Header, read_claims, read_header
from ledger.errors import Unavailable

FORM = "application/x-www-form-urlencoded"
CODE_CHARACTERS_MAX = 4096
AT_ONCE = 32
"""Sign-ins that wait for the provider: whoever has no session must not fill the service."""


class Flow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A sign-in that was begun: what its way back must show, and where the person wanted to go."""

    state: str
    nonce: str
    verifier: str
    wanted: str
    began: int


class _Given(msgspec.Struct, frozen=True):
    """What the token endpoint gives, as far as it is used."""

    id_token: str


class _Refused(msgspec.Struct, frozen=True):
    """What it says instead (RFC 6749, section 5.2)."""

    error: Literal[
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ]


class RelyingParty:
    """This console as the client of one provider; the way back is fixed."""

    def __init__(
        self,
        discovery: Discovery,
        client: RegisteredClient,
        *,
        expected: Expected,
        naming: Naming,
        redirect_uri: str,
        scope: str,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.discovery = discovery
        self._client = client
        self._expected = expected
        self._naming = naming
        self._redirect_uri = redirect_uri
        self._scope = scope
        self._clock = clock
        self._entropy = entropy
        self._keys = Jwks(self._fetch_keys, grace_s=0)
        self._in_hand = 0

    async def begun(self, wanted: str) -> tuple[str, Flow]:
        """The provider's address to go to, and what to keep; raises `SignInFailed`."""
        with self._place():
            provider = await self.discovery.provider()
        flow = Flow(
            state=self._random(),
            nonce=self._random(),
            verifier=self._random(),
            wanted=wanted,
            began=int(self._clock()),
        )
        asked = {
            "response_type": "code",
            "client_id": self._client.name,
            "redirect_uri": self._redirect_uri,
            "scope": self._scope,
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": challenge(flow.verifier),
            "code_challenge_method": S256,
        }
        join = "&" if urlsplit(provider.authorization_endpoint).query else "?"
        return f"{provider.authorization_endpoint}{join}{urlencode(asked)}", flow

    async def finished(self, flow: Flow, came: Mapping[str, str]) -> Person:
        """The person, once what `came` back with the browser is shown to be of this sign-in."""
        if not hmac.compare_digest(came.get("state", "").encode(), flow.state.encode()):
            raise SignInFailed("stale", "the state is of another sign-in")
        with self._place():
            provider = await self.discovery.provider()
            code = read_code(came, provider)
            token = await self._exchanged(code, flow, provider)
            return self._naming.person_of(await self._verified(token, flow))

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._in_hand >= AT_ONCE:
            raise SignInFailed("busy", "too many sign-ins at once")
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    async def _exchanged(self, code: str, flow: Flow, provider: Provider) -> str:
        """The ID token that the provider gives for the code."""
        proof = self._client.proof(provider)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": flow.verifier,
            **proof.form,
        }
        try:
            async with outward() as client:
                body = urlencode(form).encode()
                answer = await client.post(
                    provider.token_endpoint, body, media_type=FORM, headers=proof.headers
                )
        except Unanswered:
            raise SignInFailed("away", "the token endpoint") from None
        return read_id_token(answer)

    async def _verified(self, token: str, flow: Flow) -> Claims:
        try:
            header = read_header(token, self._expected)
            check_header(header)
            claims = read_claims(token, header, await self._key(header))
            check_claims(claims, self._expected, nonce=flow.nonce, now=self._clock())
        except Unauthenticated as error:
            raise SignInFailed("unproven", str(error)) from None
        return claims

    async def _key(self, header: Header) -> Key:
        try:
            return await self._keys.key(header.kid, header.alg)
        except Unavailable:
            raise SignInFailed("away", "the provider's keys") from None

    async def _fetch_keys(self) -> bytes:
        return await over_https((await self.discovery.provider()).jwks_uri)()

    def _random(self) -> str:
        return base64.urlsafe_b64encode(self._entropy(32)).rstrip(b"=").decode()


def challenge(verifier: str) -> str:
    """RFC 7636, section 4.2."""
    found = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def read_code(came: Mapping[str, str], provider: Provider) -> str:
    """The code in what the provider sent back with the browser; raises `SignInFailed`."""
    check_issuer(came, provider)
    if "error" in came:
        raise SignInFailed("refused", "the provider refused")
    code = came.get("code", "")
    if not code or len(code) > CODE_CHARACTERS_MAX:
        raise SignInFailed("unproven", "the provider sent no code")
    return code


def check_issuer(came: Mapping[str, str], provider: Provider) -> None:
    """RFC 9207, section 2.4: a provider that says it names itself must, and truly."""
    named = came.get("iss")
    if named is None and not provider.authorization_response_iss_parameter_supported:
        return
    if named != provider.issuer:
        raise SignInFailed("unproven", "the response is of another issuer")


def read_id_token(answer: Answered) -> str:
    """The token in the answer of the token endpoint; raises `SignInFailed`."""
    if answer.code >= 500:
        raise SignInFailed("away", f"the token endpoint answers {answer.code}")
    if answer.code != 200:
        raise _refusal(answer)
    try:
        token = msgspec.json.decode(answer.body, type=_Given).id_token
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SignInFailed("unproven", "the provider gave no ID token") from None
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise SignInFailed("unproven", "the ID token is too long")
    return token


def _refusal(answer: Answered) -> SignInFailed:
    """A code that is not taken is the sign-in's fault, and anything else that is said is ours."""
    try:
        word = msgspec.json.decode(answer.body, type=_Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return SignInFailed("unproven", f"the token endpoint answers {answer.code}")
    kind: Kind = "unproven" if word == "invalid_grant" else "unusable"
    return SignInFailed(kind, f"the token endpoint says {word}")
