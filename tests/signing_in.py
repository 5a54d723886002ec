"""An OpenID provider on loopback whose every answer a test can change, and a client of it.

    with provider() as outside:
        outside.changed = {"aud": "another"}       claims of the next ID tokens; None leaves one out
        code = outside.vouch(address)              as if somebody signed in there

Codes serve once and need their PKCE verifier: what a test does not change is right.
"""

import asyncio
import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from joserfc.jwk import Key

from api.console.oidc import Flow, RelyingParty
from api.console.oidc_claims import Naming
from api.console.oidc_client import RegisteredClient
from api.console.oidc_failures import SignInFailed
from api.console.oidc_provider import Discovery
from api.console.session import Person
from api.tokens import ALGORITHMS, Expected
from tests.issuing import OutsideIssuer
from tests.unit.loopback import answering, body_of

CLIENT = "console-of-a-test"
SECRET = "s3cret+of/the console"
CALLBACK = "https://ledger.example/console/sign-in/callback"
ROLES = ("dpo", "auditor")


class Outside(OutsideIssuer):
    """The provider; requests to its token endpoint are kept in `asked`."""

    def __init__(self, algorithm: str = "ES256") -> None:
        super().__init__(algorithm)
        self.url = ""
        self.away = False
        self.metadata: dict[str, Any] = {}
        self.changed: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.signs_with: Key | None = None
        self.gives: tuple[int, bytes] | None = None
        self.asked: list[dict[str, Any]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def vouch(self, address: str) -> dict[str, str]:
        """What comes back with the browser that was sent to the address."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def came(self, address: str) -> str:
        """The same as an address to go back to."""
        return f"{parse_qs(urlsplit(address).query)['redirect_uri'][0]}?" + urlencode(
            self.vouch(address)
        )

    def answer(self, request: Any) -> None:
        """One request to the provider."""
        body, path = body_of(request), urlsplit(request.path).path
        code, said = 404, b"{}"
        if self.away:
            code, said = 503, b"busy"
        elif path == "/.well-known/openid-configuration":
            code, said = 200, json.dumps(self._described()).encode()
        elif path == "/jwks":
            code, said = 200, self.published()
        elif path == "/token":
            form = dict(parse_qsl(body.decode()))
            sent = {"authorization": request.headers.get("authorization"), **form}
            with self._lock:
                self.asked.append(sent)
                code, said = self.gives or self._exchanged(form)
        request.send_response(code)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(said)))
        request.end_headers()
        request.wfile.write(said)

    def _described(self) -> dict[str, Any]:
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "authorization_response_iss_parameter_supported": True,
            "unknown": {"to": "us"},
        }
        return {name: one for name, one in (usual | self.metadata).items() if one is not None}

    def _exchanged(self, form: dict[str, str]) -> tuple[int, bytes]:
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or shown != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
            or form.get("grant_type") != "authorization_code"
        ):
            return 400, b'{"error": "invalid_grant"}'
        return 200, json.dumps({"id_token": self.id_token(asked["nonce"])}).encode()

    def id_token(self, nonce: str) -> str:
        """An ID token, changed as the test says."""
        usual = {
            "iss": self.url,
            "sub": "7f1c",
            "aud": CLIENT,
            "nonce": nonce,
            "name": "Ana Example",
            "groups": ["staff", "auditor"],
            "scope": None,
            "client_id": None,
            "authorization_details": None,
        }
        header = {"typ": "JWT", **self.header}
        return self.token(key=self.signs_with, header=header, **{**usual, **self.changed})


@contextmanager
def provider(algorithm: str = "ES256") -> Iterator[Outside]:
    """A provider that listens."""
    made = Outside(algorithm)
    with answering(made.answer) as url:
        made.url = url
        yield made


def party(outside: Outside, **more: Any) -> RelyingParty:
    """A client of the provider; `more` are further arguments."""
    usual: dict[str, Any] = {
        "expected": Expected(
            issuer=outside.url,
            audience=CLIENT,
            algorithms=frozenset(ALGORITHMS),
            skew=60,
            plain=True,
        ),
        "naming": Naming(person="sub", roles_claim="groups", roles=ROLES),
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
    }
    client = more.pop("client", RegisteredClient(CLIENT, secret=SECRET))
    clock = more.pop("discovery_clock", None)
    discovery = Discovery(outside.url, **({"clock": clock} if clock else {}))
    return RelyingParty(discovery, client, **{**usual, **more})


async def begun(made: RelyingParty) -> tuple[dict[str, str], Flow, str]:
    """What the provider is asked, what is kept, and the address of both."""
    address, flow = await made.begun("/console")
    return dict(parse_qsl(urlsplit(address).query)), flow, address


def signed_in(outside: Outside, made: RelyingParty | None = None, **came: str | None) -> Person:
    """One sign-in from start to end; `came` changes what comes back with the browser."""

    async def whole() -> Person:
        used = made or party(outside)
        _, flow, address = await begun(used)
        back = {**outside.vouch(address), **came}
        return await used.finished(flow, {n: v for n, v in back.items() if v is not None})

    return asyncio.run(whole())


def failed(
    outside: Outside, made: RelyingParty | None = None, **came: str | None
) -> tuple[str, str]:
    """Why that signed nobody in."""
    with pytest.raises(SignInFailed) as raised:
        signed_in(outside, made, **came)
    return raised.value.kind, raised.value.why
