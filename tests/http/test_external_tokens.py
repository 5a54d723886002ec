"""A service that accepts an external issuer's tokens, asked with right and with wrong ones."""

import asyncio
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from api.app import create_app
from api.jwks import Jwks, Unusable
from api.tokens import ALGORITHMS, Expected
from api.trust import SKEW_SECONDS, ExternalIssuer
from tests.forgeries import forgeries
from tests.http.service import Service, scratch, served
from tests.issuing import AUDIENCE, NAME, OutsideIssuer


class Outside:
    """The issuer, whether its keys can be fetched, and the clock of those that hold them."""

    def __init__(self) -> None:
        self.issuer = OutsideIssuer()
        self.away = False
        self.now = 0.0

    async def fetch(self) -> bytes:
        if self.away:
            raise Unusable
        await asyncio.sleep(0)
        return self.issuer.published()

    def tokens(self) -> ExternalIssuer:
        expected = Expected(
            issuer=NAME,
            audience=AUDIENCE,
            algorithms=frozenset(ALGORITHMS),
            skew=SKEW_SECONDS,
        )
        return ExternalIssuer(expected, Jwks(self.fetch, grace_s=3600, clock=lambda: self.now))


@pytest.fixture(scope="module")
def outside() -> Outside:
    return Outside()


@pytest.fixture(scope="module")
def service(postgres: str, outside: Outside) -> Iterator[Service]:
    def make_app(ledger, _):
        return create_app(ledger, outside.tokens())

    with (
        scratch(postgres) as where,
        served(where, catalogue=None, make_app=make_app) as running,
    ):
        yield running


def asked(service: Service, token: str) -> httpx.Response:
    """A question that answers 404 as long as no catalogue was adopted."""
    return httpx.get(
        f"{service.url}/v1/catalogue",
        headers=[(b"authorization", b"Bearer " + token.encode("utf-8", "surrogatepass"))],
    )


def test_a_token_of_the_issuer_is_accepted_and_one_of_the_local_issuer_is_not(
    service: Service, outside: Outside
) -> None:
    assert asked(service, outside.issuer.token()).status_code == 404
    assert service.caller.http.get("/v1/catalogue").status_code == 401


def test_no_forgery_is_accepted(service: Service, outside: Outside) -> None:
    found = forgeries(outside.issuer)
    assert len(found) >= 100

    for name, token in found.items():
        response = asked(service, token)
        assert response.status_code in ((401, 431) if len(token) > 32_000 else (401,)), name
        if response.status_code == 401:
            assert response.headers["www-authenticate"].startswith('Bearer realm="ledger"'), name
            assert response.json()["type"] == "/problems/unauthenticated"
            assert token not in response.text, name


def test_a_rotation_under_load_refuses_no_token(service: Service, outside: Outside) -> None:
    """Old and new tokens, from many at once, while the issuer's key changes."""
    issuer = outside.issuer

    def many(tokens: list[str]) -> set[int]:
        with ThreadPoolExecutor(8) as pool:
            return {one.status_code for one in pool.map(lambda each: asked(service, each), tokens)}

    old = [issuer.token(jti=secrets.token_hex(4)) for _ in range(20)]
    assert many(old) == {404}
    issuer.rotate()
    outside.now += 60
    new = [issuer.token(jti=secrets.token_hex(4)) for _ in range(20)]
    mixed = [one for pair in zip(old, new, strict=True) for one in pair]

    assert many(mixed) == {404}


def test_in_an_outage_of_the_issuer_known_keys_serve_for_an_hour_and_then_nothing_is_decided(
    service: Service, outside: Outside
) -> None:
    assert asked(service, outside.issuer.token()).status_code == 404
    outside.away = True
    outside.now += 3600
    assert asked(service, outside.issuer.token(jti="2")).status_code == 404
    outside.now += 400
    response = asked(service, outside.issuer.token(jti="3"))
    outside.away = False

    assert (response.status_code, response.json()["type"]) == (503, "/problems/unavailable")
    assert response.headers["retry-after"]
    outside.now += 60
    asked(service, outside.issuer.token(jti="4"))
    assert asked(service, outside.issuer.token(jti="5")).status_code == 404
