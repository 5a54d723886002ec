"""The local provider: who it is for, whom it vouches for, and that it is an OpenID provider."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from litestar import Litestar
from msgspec.structs import replace

from api.access import SCOPES, Scope
from api.app import create_app
from api.console.local_provider import IDENTITIES, ROLES
from api.console.oidc import challenge
from api.console.sign_in import SignIn
from api.console.sign_in_settings import sign_in_by
from tests.http.service import SETTINGS, Service, scratch, served
from tests.http.signing_in import Browser, add_seam

PATH = "/console/demo-provider"
VERIFIER = "v" * 43


@contextmanager
def local(postgres: str, *, demo: bool) -> Iterator[tuple[Service, SignIn]]:
    """A service with its local provider, once its port is known."""
    apps: list[Litestar] = []

    def make_app(ledger, issuer):
        apps.append(create_app(ledger, issuer))
        add_seam(apps[0])
        return apps[0]

    settings = replace(SETTINGS, host="127.0.0.1")
    with scratch(postgres) as where, served(where, make_app=make_app) as running:
        port = urlsplit(running.url).port
        assert port is not None
        made = sign_in_by(settings, where.folder, port=port, tokens=running.issuer, demo=demo)
        assert made is not None and made.local is not None and made.origin == running.url
        made.install(apps[0])
        yield running, made


@pytest.fixture(scope="module")
def demo(postgres: str) -> Iterator[tuple[Service, SignIn]]:
    with local(postgres, demo=True) as made:
        yield made


@pytest.fixture(scope="module")
def guarded(postgres: str) -> Iterator[tuple[Service, SignIn]]:
    with local(postgres, demo=False) as made:
        yield made


@pytest.fixture
def browser(demo: tuple[Service, SignIn]) -> Iterator[Browser]:
    made = Browser(demo[0].url)
    yield made
    made.close()


def asked(origin: str, **changed: str | None) -> str:
    """The address of an authorization request."""
    usual: dict[str, str | None] = {
        "client_id": "console",
        "redirect_uri": f"{origin}/console/sign-in/callback",
        "response_type": "code",
        "scope": "openid profile",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": challenge(VERIFIER),
        "code_challenge_method": "S256",
    }
    found = {name: one for name, one in (usual | changed).items() if one is not None}
    return f"{origin}{PATH}/authorize?{urlencode(found)}"


def code_for(browser: Browser, sub: str = "demo-dpo") -> str:
    response = browser.post(asked(browser.origin), {"identity": sub})
    assert response.status_code == 303, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))["code"]


def exchanged(browser: Browser, code: str, /, **changed: str) -> httpx.Response:
    usual = {
        "grant_type": "authorization_code",
        "client_id": "console",
        "code": code,
        "redirect_uri": f"{browser.origin}/console/sign-in/callback",
        "code_verifier": VERIFIER,
    }
    return browser.post(f"{PATH}/token", usual | changed)


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda one: one.role)
def test_each_of_the_made_up_people_signs_in_with_what_their_role_may(
    browser: Browser, identity: Any
) -> None:
    address = browser.begin("/console/log")
    page = browser.get(address)
    assert page.status_code == 200 and identity.name in page.text
    assert "Nobody below exists" in page.text
    back = browser.post(address, {"identity": identity.sub})
    response = browser.get(back.headers["location"])
    assert (response.status_code, response.headers["location"]) == (303, "/console/log")
    seen = browser.who()
    assert seen is not None
    assert seen["id"] == f"person:{identity.sub}"
    assert seen["scopes"] == sorted(ROLES[identity.role].scopes or ())
    assert seen["whole"]


def test_what_the_roles_may_is_what_they_say() -> None:
    assert {*(ROLES["dpo"].scopes or ())} == {*SCOPES}
    assert {*(ROLES["auditor"].scopes or ())} == {"check", "history", "audit"}
    assert ROLES["auditor"].entry_types == ()
    assert {*(ROLES["caseworker"].scopes or ())} == {"check", "history", "record"}
    assert {one.role for one in IDENTITIES} == ROLES.keys()


def test_it_describes_itself_and_publishes_its_public_key(browser: Browser) -> None:
    found = browser.get(f"{PATH}/.well-known/openid-configuration").json()
    assert found["issuer"] == browser.origin + PATH
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    (key,) = browser.get(urlsplit(found["jwks_uri"]).path).json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")
    assert "d" not in key


def test_a_code_gives_an_id_token_of_its_request(browser: Browser) -> None:
    response = exchanged(browser, code_for(browser))
    assert response.status_code == 200 and response.headers["cache-control"] == "no-store"
    (key,) = browser.get(f"{PATH}/jwks").json()["keys"]
    claims = jwt.decode(response.json()["id_token"], ECKey.import_key(key)).claims
    assert claims.pop("exp") - claims.pop("iat") == 300
    assert claims == {
        "iss": browser.origin + PATH,
        "sub": "demo-dpo",
        "aud": "console",
        "nonce": "a-nonce",
        "name": "Demo data protection officer",
        "groups": ["dpo"],
    }


def test_a_code_serves_once(browser: Browser) -> None:
    code = code_for(browser)
    assert exchanged(browser, code).status_code == 200
    again = exchanged(browser, code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "https://attacker.example/"}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"client_id": "another"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_code_gives_nothing_to_who_did_not_ask_for_it(
    browser: Browser, changed: dict[str, str], error: str
) -> None:
    response = exchanged(browser, code_for(browser), **changed)
    assert (response.status_code, response.json()) == (400, {"error": error})


def test_a_challenge_whose_verifier_is_too_short_is_not_met(browser: Browser) -> None:
    short = "v" * 42
    address = asked(browser.origin, code_challenge=challenge(short))
    back = browser.post(address, {"identity": "demo-dpo"}).headers["location"]
    code = dict(parse_qsl(urlsplit(back).query))["code"]
    assert exchanged(browser, code, code_verifier=short).status_code == 400


def test_a_token_request_that_is_no_form_of_one_is_invalid(browser: Browser) -> None:
    usual = {"code": "x", "client_id": "console"}
    response = browser.post(f"{PATH}/token", {**usual, **{f"p{n}": "1" for n in range(100)}})
    assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://attacker.example/console/sign-in/callback"},
        {"redirect_uri": "http://127.0.0.1:1/console/sign-in/callback"},
        {"redirect_uri": None},
        {"response_type": "token"},
        {"response_type": "code id_token"},
        {"scope": "profile"},
        {"state": None},
        {"nonce": None},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
    ids=str,
)
def test_a_request_that_is_not_the_consoles_own_leads_nowhere(
    browser: Browser, changed: dict[str, str | None]
) -> None:
    address = asked(browser.origin, **changed)
    for response in (browser.get(address), browser.post(address, {"identity": "demo-dpo"})):
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "attacker" not in response.text


@pytest.mark.parametrize("form", [{"identity": "root"}, {"x": "y"}], ids=str)
def test_nobody_else_is_vouched_for(browser: Browser, form: dict[str, str]) -> None:
    response = browser.post(asked(browser.origin), form)
    assert response.status_code == 400 and "Choose who to be" in response.text
    assert re.search(r"<title>[^<]*Error", response.text)


@pytest.mark.parametrize(
    "headers", [{"origin": "https://attacker.example"}, {"sec_fetch_site": "cross-site"}], ids=str
)
def test_no_other_site_chooses(browser: Browser, headers: dict[str, str]) -> None:
    response = browser.post(asked(browser.origin), {"identity": "demo-dpo"}, **headers)
    assert response.status_code == 403


def test_under_another_name_there_is_no_provider(browser: Browser) -> None:
    """A page elsewhere whose name was led to this machine would ask under its own name."""
    port = urlsplit(browser.origin).port
    for host in ("attacker.example", f"attacker.example:{port}", "127.0.0.1", f"localhost:{port}"):
        for path in ("/.well-known/openid-configuration", "/jwks", "/authorize"):
            response = browser.get(PATH + path, host=host)
            assert response.status_code == 404, (host, path)
        assert browser.post(f"{PATH}/token", {"a": "b"}, host=host).status_code == 404
        assert browser.post(f"{PATH}/authorize", {"a": "b"}, host=host).status_code == 404


def test_who_comes_by_another_name_of_this_machine_is_led_to_the_one_that_cookies_have(
    browser: Browser,
) -> None:
    port = urlsplit(browser.origin).port
    response = browser.get("/console/sign-in?next=/console/log", host=f"localhost:{port}")
    assert response.headers["location"] == f"{browser.origin}/console/sign-in?next=/console/log"
    assert "set-cookie" not in response.headers


# Where the data may be real.


def test_beside_real_data_a_token_is_needed_that_may_what_the_role_may(
    guarded: tuple[Service, SignIn],
) -> None:
    service, _ = guarded
    browser = Browser(service.url)
    address = browser.begin()
    assert "ledger token" in browser.get(address).text

    def chosen(token: str | None, sub: str = "demo-auditor") -> httpx.Response:
        return browser.post(address, {"identity": sub, **({"token": token} if token else {})})

    issue = service.issuer.token
    auditing: tuple[Scope, ...] = ("check", "history", "audit")
    for wrong in (
        None,
        "no token",
        issue("t", auditing, seconds=-60),
        issue("t", ("check", "history"), seconds=60),
        issue("t", auditing, seconds=60, purposes=["PHOTO"]),
        issue("t", auditing, seconds=60, entry_types=["ConsentGranted"]),
    ):
        response = chosen(wrong)
        assert response.status_code == 400 and "Paste a token" in response.text
        assert wrong is None or wrong not in response.text
    right = issue("t", auditing, seconds=60)
    assert chosen(right, "demo-dpo").status_code == 400
    back = chosen(f" {right}\n")
    assert back.status_code == 303
    assert browser.get(back.headers["location"]).status_code == 303
    seen = browser.who()
    assert seen is not None and seen["id"] == "person:demo-auditor"
    browser.close()


def test_the_challenge_is_the_one_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
