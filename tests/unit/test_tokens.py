"""Tokens of an external issuer: what is accepted, and how little is."""

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from api.access import Client, Unauthenticated
from api.jwks import Jwks
from api.tokens import REMEMBERED_SECONDS, Expected
from api.trust import SKEW_SECONDS, ExternalIssuer
from ledger.errors import Unavailable
from tests.forgeries import forgeries
from tests.issuing import AUDIENCE, NAME, OutsideIssuer

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")


EXPECTED = Expected(
    issuer=NAME, audience=AUDIENCE, skew=SKEW_SECONDS, algorithms=frozenset(ALGORITHMS)
)


def verifier(issuer: OutsideIssuer, **changed: Any) -> ExternalIssuer:
    expected = msgspec.structs.replace(EXPECTED, **changed)

    async def fetch() -> bytes:
        return issuer.published()

    return ExternalIssuer(expected, Jwks(fetch, grace_s=3600))


def client(of: ExternalIssuer, token: str) -> Client:
    return asyncio.run(of.client(token))


def refused(of: ExternalIssuer, token: str) -> str:
    with pytest.raises(Unauthenticated) as raised:
        client(of, token)
    return str(raised.value)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_by_each_allowed_algorithm_is_accepted(algorithm: str) -> None:
    issuer = OutsideIssuer(algorithm)

    found = client(verifier(issuer), issuer.token("case-system", scope="check record"))

    assert (found.id, set(found.scopes)) == ("case-system", {"check", "record"})
    assert found.grant.whole


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_algorithm_that_is_not_allowed_is_refused(algorithm: str) -> None:
    issuer = OutsideIssuer(algorithm)
    others = frozenset(ALGORITHMS) - {algorithm}

    assert "algorithm" in refused(verifier(issuer, algorithms=others), issuer.token())


ISSUER = OutsideIssuer()
NAMES = list(forgeries(ISSUER))


@pytest.fixture(scope="module")
def forged() -> dict[str, str]:
    """Made when they are used: some are wrong for a few seconds alone."""
    return forgeries(ISSUER)


def test_there_are_many_forgeries_and_a_token_that_is_none(forged: dict[str, str]) -> None:
    assert len(forged) >= 100
    assert len(set(forged.values())) == len(forged)
    assert client(verifier(ISSUER), ISSUER.token()).id == "case-system"


@pytest.mark.parametrize("name", NAMES)
def test_no_forgery_is_accepted_and_none_is_repeated(forged: dict[str, str], name: str) -> None:
    token = forged[name]

    said = refused(verifier(ISSUER), token)

    assert token not in said
    assert '"' not in said and "\\" not in said, "it goes into a header as it is"


def from_now(seconds: float) -> Callable[[], float]:
    """A moment counted from when the test runs, not from when it was collected."""
    return lambda: time.time() + seconds


@pytest.mark.parametrize(
    "allowed",
    [
        {"aud": ["another", AUDIENCE]},
        {"aud": [AUDIENCE]},
        {"nbf": 0},
        {"nbf": from_now(SKEW_SECONDS - 20)},
        {"iat": from_now(SKEW_SECONDS - 20)},
        {"exp": from_now(20 - SKEW_SECONDS), "iat": 0},
        {"jti": None},
        {"sub": "somebody else"},
        {"authorization_details": [{"type": "payment", "amount": 1}]},
        {"unknown": {"a": [1, None]}},
        {"header": {"typ": "AT+JWT"}},
        {"header": {"typ": "application/at+jwt"}},
        {"header": {"kid": None}},
        {"header": {"x5t": "AA", "nonce": "b", "jku": "https://attacker.example/"}},
    ],
    ids=[
        *("audiences", "one audience", "not before", "soon", "made soon", "just expired", "no id"),
        *("subject", "payment", "unknown", "upper case", "media type", "no key id", "key hints"),
    ],
)
def test_what_an_issuer_may_say_as_well_is_accepted(allowed: dict[str, Any]) -> None:
    allowed = {name: one() if callable(one) else one for name, one in allowed.items()}
    assert client(verifier(ISSUER), ISSUER.token(**allowed)).id == "case-system"


def test_without_a_kid_the_key_must_be_the_only_one() -> None:
    issuer = OutsideIssuer()
    issuer.rotate()

    assert "does not publish" in refused(verifier(issuer), issuer.token(header={"kid": None}))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "application/jwt", "at+jwt", None])
@pytest.mark.parametrize("name", ["client_id", "azp"])
def test_plain_tokens_are_accepted_where_the_settings_say_so(kind: str | None, name: str) -> None:
    plain = verifier(ISSUER, plain=True)
    claims: dict[str, Any] = {"client_id": None, "iat": None, name: "app"}
    token = ISSUER.token(header={"typ": kind}, **claims)

    assert client(plain, token).id == "app"


@pytest.mark.parametrize(
    "wrong",
    [
        {"header": {"typ": "dpop+jwt"}},
        {"header": {"typ": "logout+jwt"}},
        {"client_id": None},
        {"azp": "another"},
        {"azp": 7},
    ],
    ids=str,
)
def test_a_plain_token_still_is_an_access_token_of_one_client(wrong: dict[str, Any]) -> None:
    refused(verifier(ISSUER, plain=True), ISSUER.token(**wrong))


class Times:
    """The clocks of a verifier, and whether its issuer can be reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.passed, self.away = time.time(), 0.0, False
        monkeypatch.setattr("api.trust.time", SimpleNamespace(time=lambda: self.wall))
        monkeypatch.setattr("api.tokens.time", SimpleNamespace(monotonic=lambda: self.passed))

    def verifier(self, issuer: OutsideIssuer) -> ExternalIssuer:
        """Once the issuer is away, it can verify nothing that it does not remember."""

        async def fetch() -> bytes:
            if self.away:
                raise OSError
            return issuer.published()

        days = {False: 0.0, True: 1e9}
        return ExternalIssuer(EXPECTED, Jwks(fetch, grace_s=0, clock=lambda: days[self.away]))


def test_a_verified_token_is_remembered_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    times, issuer = Times(monkeypatch), OutsideIssuer()
    of, token = times.verifier(issuer), issuer.token()
    assert client(of, token).id == "case-system"
    times.away = True

    times.passed = REMEMBERED_SECONDS - 1
    assert client(of, token).id == "case-system"
    with pytest.raises(Unavailable):
        client(of, issuer.token(jti="another"))
    times.passed = REMEMBERED_SECONDS
    with pytest.raises(Unavailable):
        client(of, token)
    assert REMEMBERED_SECONDS <= 60


def test_a_verified_token_is_not_remembered_beyond_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    times, issuer = Times(monkeypatch), OutsideIssuer()
    ends = int(times.wall) + 30
    of, token = times.verifier(issuer), issuer.token(exp=ends)

    for moment, good in ((0, True), (ends + SKEW_SECONDS - 1, True), (ends + SKEW_SECONDS, False)):
        times.wall = moment or times.wall
        if good:
            assert client(of, token).id == "case-system"
        else:
            assert "expired" in refused(of, token)


def test_a_token_that_was_refused_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    times, issuer = Times(monkeypatch), OutsideIssuer()
    of, token = times.verifier(issuer), issuer.token(nbf=int(times.wall) + 90)
    refused(of, token)
    times.wall += 90

    assert client(of, token).id == "case-system"
