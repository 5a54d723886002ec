"""Who may ask: every route has its scope, and no token but this issuer's own is any use."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from api.access import Client, Scope, Unauthenticated
from api.issuer import Issuer
from tests.http.routes import CALLS, NEEDED, Call, made
from tests.http.service import Service, recorded, scratch, served, subject
from tests.integration.wired import born

GUARDED = [call for call in CALLS if NEEDED.get(call) is not None]


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as running:
        yield running


def test_every_route_has_its_scope_in_the_table() -> None:
    assert sorted(NEEDED) == CALLS


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
@pytest.mark.parametrize("scope", get_args(Scope))
def test_a_token_opens_the_calls_of_its_scope_and_no_other(
    service: Service, call: Call, scope: Scope
) -> None:
    response = service.caller_with(scope).http.request(**made(call))

    if NEEDED[call] in (None, scope):
        assert response.status_code not in (401, 403)
    else:
        assert (response.status_code, response.json()["type"]) == (403, "/problems/forbidden")
        assert str(NEEDED[call]) in response.json()["detail"]


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_without_a_token_only_what_is_public_is_open(service: Service, call: Call) -> None:
    response = httpx.request(**made(call) | {"url": service.url + made(call)["url"]})

    if NEEDED[call] is None:
        assert response.status_code not in (401, 403)
    else:
        unauthenticated(response)


@pytest.mark.parametrize("call", GUARDED, ids=" ".join)
def test_who_may_not_ask_is_not_told_what_is_wrong_with_the_question(
    service: Service, call: Call
) -> None:
    wrong = made(call, content_type="text/plain") | {"content": b"\xff"}
    wrong.pop("json", None)

    response = service.stranger("nothing").http.request(**wrong)

    unauthenticated(response)


def test_a_scope_that_no_call_needs_opens_nothing(service: Service) -> None:
    token = signed(service, scope="admin * check,record")

    statuses = {service.stranger(token).http.request(**made(one)).status_code for one in GUARDED}

    assert statuses == {403}


# Tokens.


def unauthenticated(response: httpx.Response) -> None:
    assert response.status_code == 401, response.text
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/unauthenticated"


def own_key(service: Service) -> ECKey:
    path = service.where.folder / "token-key.json"
    return ECKey.import_key(json.loads(path.read_text()))


def claims(**changed: object) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": "ledger", "aud": "ledger", "sub": "t", "client_id": "t", "scope": "check"}
    details = [{"type": "ledger", "purposes": ["*"], "entry_types": ["*"]}]
    every = {**usual, "iat": now, "exp": now + 600, "authorization_details": details, **changed}
    return {name: value for name, value in every.items() if value is not None}


def signed(
    service: Service, key: ECKey | None = None, header: dict[str, Any] | None = None, **more: object
) -> str:
    """A token with these claims, signed by the issuer's own key unless another is given."""
    named = {"alg": "ES256", "typ": "at+jwt", **(header or {})}
    present = {name: value for name, value in named.items() if value is not None}
    return jwt.encode(present, claims(**more), key or own_key(service))


def spelt(*parts: object) -> str:
    """Parts as a token has them, whatever they are."""
    texts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]
    return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in texts)


def test_a_token_of_this_issuer_is_accepted(service: Service) -> None:
    response = service.stranger(signed(service)).check(subject())

    assert response.status_code == 200


CLAIMS: list[dict[str, object]] = [
    {"exp": 1}, {"exp": None}, {"exp": "9999999999"}, {"exp": True}, {"exp": [9999999999]},
    {"iss": "another"}, {"iss": None}, {"aud": "another"}, {"aud": None}, {"aud": []},
    {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": ["t"]}, {"header": {"typ": "JWT"}},
    {"header": {"typ": None}},
]  # fmt: skip


@pytest.mark.parametrize("wrong", CLAIMS, ids=str)
def test_a_token_with_a_wrong_claim_is_refused(service: Service, wrong: dict[str, Any]) -> None:
    token = signed(service, **wrong)

    response = service.stranger(token).check(subject())

    unauthenticated(response)
    assert token not in response.text


def forged(service: Service) -> dict[str, str]:
    """Tokens that somebody without the key could make."""
    good = signed(service)
    header, payload, signature = good.split(".")
    public = own_key(service).as_dict(private=False)
    mine = ECKey.generate_key("P-256")
    symmetric = OctKey.import_key(json.dumps(public).encode())
    raised = base64.urlsafe_b64encode(json.dumps(claims(scope="record")).encode()).decode()
    return {
        "another key": signed(service, key=mine),
        "another key named in the header": signed(
            service, key=mine, header={"jwk": mine.as_dict(private=False)}
        ),
        "another key at an address": signed(
            service, key=mine, header={"jku": "https://attacker.example/keys", "kid": "../../x"}
        ),
        "no algorithm": spelt({"alg": "none", "typ": "at+jwt"}, claims(), b""),
        "no algorithm, another spelling": spelt({"alg": "nOnE", "typ": "at+jwt"}, claims(), b""),
        "no algorithm and a signature": f"{spelt({'alg': 'none'})}.{payload}.{signature}",
        "the public key as a secret": jwt.encode(
            {"alg": "HS256", "typ": "at+jwt"}, claims(), symmetric
        ),
        "more scopes": f"{header}.{raised.rstrip('=')}.{signature}",
        "a cut signature": good[:-4],
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "an unknown critical header": spelt(
            {"alg": "ES256", "typ": "at+jwt", "crit": ["x"], "x": 1}, claims(), b"x"
        ),
        "a header that is a list": spelt([], claims(), b"x"),
        "a header that is a number": spelt(7, claims(), b"x"),
        "an algorithm that is a number": spelt({"alg": 7}, claims(), b"x"),
        "claims that are a list": spelt({"alg": "ES256"}, [], b"x"),
        "five parts": "a.b.c.d.e",
        "dots": "..",
        "no base64": "é.é.é",
        "very long": "a" * 8000,
        "null": "null",
    }


def test_no_token_that_somebody_else_made_is_accepted(service: Service) -> None:
    for name, token in forged(service).items():
        response = service.caller.http.get(
            "/v1/catalogue", headers=[(b"authorization", b"Bearer " + token.encode())]
        )
        assert response.status_code == 401, name
        unauthenticated(response)
        assert token not in response.text, name


@pytest.mark.parametrize("header", ["", "Bearer", "Basic dDp0", "Token x", "bearer x"])
def test_what_is_no_bearer_token_is_refused(service: Service, header: str) -> None:
    unauthenticated(service.caller.http.get("/v1/catalogue", headers={"authorization": header}))


def test_a_token_ends_although_it_was_verified_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer.at(tmp_path / "key")
    token = issuer.token("short", ("check",), seconds=30)
    now = time.time()
    assert client(issuer, token).id == "short"

    monkeypatch.setattr("api.issuer.time", SimpleNamespace(time=lambda: now + 29))
    assert client(issuer, token).scopes == {"check"}
    monkeypatch.setattr("api.issuer.time", SimpleNamespace(time=lambda: now + 31))
    with pytest.raises(Unauthenticated, match="expired"):
        client(issuer, token)


def client(issuer: Issuer, token: str) -> Client:
    return asyncio.run(issuer.client(token))


def test_the_issuers_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "key"

    first, second = Issuer.at(path), Issuer.at(path)

    assert client(second, first.token("t", ("check",), seconds=60)).id == "t"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_entry_carries_the_client_of_its_token(service: Service) -> None:
    person = subject()
    recorded(service.caller_with("record", client="case-system").record(person, born()))

    found = service.sql("SELECT client FROM entry WHERE stream = %s", person)

    assert found == [("case-system",)]
