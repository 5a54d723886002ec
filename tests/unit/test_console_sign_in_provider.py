"""The provider when it is not as it must be, and how the console proves that it is its client."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from api.console.oidc import AT_ONCE
from api.console.oidc_client import RegisteredClient, read_client_key
from api.console.oidc_failures import TOLD, SignInFailed
from ledger.errors import Malformed
from tests.signing_in import CLIENT, SECRET, Outside, begun, failed, party, provider, signed_in


@pytest.fixture
def outside() -> Iterator[Outside]:
    with provider() as made:
        yield made


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://another.example"}, "names another issuer"),
        ({"authorization_endpoint": "http://provider.example/a"}, "not https"),
        ({"token_endpoint": "http://provider.example/t"}, "not https"),
        ({"jwks_uri": "file:///etc/keys"}, "not https"),
        ({"token_endpoint": None}, "cannot be read"),
        ({"response_types_supported": ["id_token"]}, "no authorization code flow"),
        ({"code_challenge_methods_supported": ["plain"]}, "no PKCE"),
    ],
    ids=str,
)
def test_a_provider_that_is_not_as_it_must_be_is_not_used(
    outside: Outside, metadata: dict[str, Any], why: str
) -> None:
    outside.metadata = metadata
    kind, said = failed(outside)
    assert kind == "unusable" and why in said


def test_a_provider_that_is_away_is_said_to_be_and_is_found_again(outside: Outside) -> None:
    now = [0.0]
    used = party(outside, discovery_clock=lambda: now[0])

    async def through_an_outage() -> None:
        outside.away = True
        for _ in range(2):
            with pytest.raises(SignInFailed, match="discovery answers 503") as raised:
                await used.begun("/console")
            assert raised.value.kind == "away"
            outside.away = False
        # What just failed is not asked again at once.
        now[0] += 5
        _, flow, address = await begun(used)
        outside.away = True
        with pytest.raises(SignInFailed, match="the token endpoint answers 503") as raised:
            await used.finished(flow, outside.vouch(address))
        assert raised.value.kind == "away"

    asyncio.run(through_an_outage())


def test_only_so_many_wait_for_the_provider_at_once(outside: Outside) -> None:
    async def many() -> list[object]:
        used = party(outside)
        at_once = await asyncio.gather(
            *(begun(used) for _ in range(AT_ONCE + 1)), return_exceptions=True
        )
        # And those who waited have made room.
        return [*at_once, await begun(used)]

    *_, first_too_many, later = asyncio.run(many())
    assert isinstance(first_too_many, SignInFailed) and first_too_many.kind == "busy"
    assert not isinstance(later, SignInFailed)
    failures = [one for one in asyncio.run(many()) if isinstance(one, BaseException)]
    assert len(failures) == 1


def test_a_provider_that_does_not_listen_is_away() -> None:
    with provider() as outside:
        used, address = party(outside), outside.url
    assert failed(outside, used) == ("away", "discovery"), address


def test_a_token_endpoint_that_does_not_listen_and_keys_that_cannot_be_fetched_are_away(
    outside: Outside,
) -> None:
    with provider() as closed:
        nobody = closed.url
    outside.metadata = {"token_endpoint": f"{nobody}/token"}
    assert failed(outside) == ("away", "the token endpoint")
    outside.metadata = {"jwks_uri": f"{nobody}/jwks"}
    assert failed(outside) == ("away", "the provider's keys")


@pytest.mark.parametrize(
    ("gives", "told"),
    [
        (
            (401, b'{"error":"invalid_client"}'),
            ("unusable", "the token endpoint says invalid_client"),
        ),
        ((400, b'{"error": "made up: Ana"}'), ("unproven", "the token endpoint answers 400")),
        ((302, b""), ("unproven", "the token endpoint answers 302")),
        ((500, b""), ("away", "the token endpoint answers 500")),
        ((200, b"{}"), ("unproven", "the provider gave no ID token")),
        ((200, b'{"id_token": 7}'), ("unproven", "the provider gave no ID token")),
        ((200, b"\xff"), ("unproven", "the provider gave no ID token")),
        ((200, b"[" * 60_000), ("unproven", "the provider gave no ID token")),
        ((200, b'{"id_token": "' + b"x" * 9000 + b'"}'), ("unproven", "the ID token is too long")),
        ((200, b"x" * 70_000), ("away", "the token endpoint")),
    ],
    ids=str,
)  # fmt: skip
def test_whatever_the_token_endpoint_says_nobody_is_signed_in_by_it(
    outside: Outside, gives: tuple[int, bytes], told: tuple[str, str]
) -> None:
    outside.gives = gives
    assert failed(outside) == told


def test_a_new_key_of_the_provider_is_found(outside: Outside) -> None:
    async def rotated() -> None:
        used = party(outside)
        for rotate in (False, True):
            if rotate:
                outside.rotate()
                # Once a minute and not more often; the clock of the cache is its own.
                used._keys._tried_at = float("-inf")
            _, flow, address = await begun(used)
            assert (await used.finished(flow, outside.vouch(address))).role == "auditor"

    asyncio.run(rotated())


# The client.


def test_a_secret_is_sent_as_the_provider_takes_it(outside: Outside) -> None:
    signed_in(outside)
    (sent,) = outside.asked
    pair = base64.b64decode(sent["authorization"].removeprefix("Basic ")).decode()
    assert pair == f"{CLIENT}:s3cret%2Bof%2Fthe%20console"
    assert "client_secret" not in sent

    outside.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    signed_in(outside)
    assert outside.asked[1]["authorization"] is None
    assert (outside.asked[1]["client_id"], outside.asked[1]["client_secret"]) == (CLIENT, SECRET)


def test_a_client_without_a_secret_sends_its_name_alone(outside: Outside) -> None:
    signed_in(outside, party(outside, client=RegisteredClient(CLIENT)))
    (sent,) = outside.asked
    assert sent["client_id"] == CLIENT
    assert sent.keys().isdisjoint({"client_secret", "client_assertion"})
    assert sent["authorization"] is None


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ECKey.generate_key("P-256", {"kid": "k"}), "ES256"),
        (RSAKey.generate_key(2048), "RS256"),
    ],
    ids=["EC", "RSA"],
)
def test_a_key_signs_an_assertion_for_this_provider_alone(
    outside: Outside, tmp_path: Path, key: ECKey | RSAKey, algorithm: str
) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key.as_dict(private=True)))
    client = RegisteredClient(CLIENT, key=read_client_key(path, field="f"), clock=lambda: 1000.0)
    signed_in(outside, party(outside, client=client))

    (sent,) = outside.asked
    assert sent["client_assertion_type"].endswith(":jwt-bearer")
    assert "client_secret" not in sent
    read = jwt.decode(sent["client_assertion"], key, algorithms=[algorithm])
    assert read.header["alg"] == algorithm and read.header.get("kid") == key.kid
    assert len(read.claims.pop("jti")) == 32
    assert read.claims == {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": f"{outside.url}/token",
        "iat": 1000,
        "exp": 1060,
    }


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", '{"kty": []}',
        '{"kty": "oct", "k": "AAAA"}', '{"kty": "EC", "crv": "P-384"}',
        json.dumps(ECKey.generate_key("P-256").as_dict(private=False)),
        json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)),
    ],
)  # fmt: skip
def test_a_file_without_a_private_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(Malformed, match="^f: must be a private JWK"):
        read_client_key(path, field="f")
    with pytest.raises(Malformed, match="^f: cannot be read"):
        read_client_key(tmp_path / "none", field="f")


def test_every_failure_says_what_to_do() -> None:
    for kind, told in TOLD.items():
        assert told.code in (400, 403, 503), kind
        assert told.advice.endswith(".") and told.title
