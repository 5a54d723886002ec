"""The local provider's codes, and where there is such a provider at all."""

import asyncio
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from litestar import Request

from api.access import Client, Grant, Unauthenticated
from api.console.local_provider import (
    CODE_SECONDS,
    CODES_MAX,
    IDENTITIES,
    Asked,
    LocalProvider,
    Refused,
)
from api.console.oidc import challenge
from api.console.sign_in_settings import check_sign_in, has_local, origin_of, sign_in_by
from api.grants import GrantTable
from api.issuer import Issuer
from api.settings import Settings, load
from ledger.errors import Malformed
from tests.issuing import AUDIENCE, NAME
from tests.shell import Shell

ORIGIN = "http://127.0.0.1:8080"
CALLBACK = f"{ORIGIN}/console/sign-in/callback"
VERIFIER = "v" * 43
FORM = {
    "grant_type": "authorization_code",
    "client_id": "console",
    "redirect_uri": CALLBACK,
    "code_verifier": VERIFIER,
}
TABLE = GrantTable(scopes=("check",), purposes=("*",), entry_types=("*",))
OUTSIDE: dict[str, Any] = {
    "console_issuer": "https://provider.example",
    "console_client_id": "console",
    "console_roles": {"dpo": TABLE},
    "public_url": "https://ledger.example",
}


class Codes:
    """A provider whose clock the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.provider = LocalProvider(ORIGIN, CALLBACK, tokens=None, clock=lambda: self.now)

    def code(self) -> str:
        asked = Asked("state", "nonce", challenge(VERIFIER))
        leads_to = self.provider.leads_to(asked, IDENTITIES[0])
        assert leads_to.startswith(f"{CALLBACK}?")
        return dict(parse_qsl(urlsplit(leads_to).query))["code"]

    def serves(self, code: str) -> bool:
        try:
            return "id_token" in self.provider.exchanged({**FORM, "code": code})
        except Refused as error:
            assert str(error) == "invalid_grant"
            return False


def test_a_code_lasts_a_minute() -> None:
    codes = Codes()
    early, late = codes.code(), codes.code()
    codes.now += CODE_SECONDS - 1
    assert codes.serves(early)
    codes.now += 1
    assert not codes.serves(late)


def test_codes_are_not_kept_without_end() -> None:
    codes = Codes()
    made = [codes.code() for _ in range(CODES_MAX + 1)]
    assert not codes.serves(made[0])
    assert codes.serves(made[1]) and codes.serves(made[-1])
    codes.now += CODE_SECONDS
    assert codes.serves(codes.code())
    assert not codes.serves(made[-2])


def asking(host: str, client: tuple[str, int] | None) -> Request[Any, Any, Any]:
    headers = [(b"host", host.encode())]
    scope: Any = {"type": "http", "headers": headers, "client": client, "state": {}}
    return Request(scope)


@pytest.mark.parametrize(
    ("host", "client", "here"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 5), True),
        ("127.0.0.1:8080", ("::1", 5), True),
        ("127.0.0.1:8080", ("10.0.0.5", 5), False),
        ("127.0.0.1:8080", None, False),
        ("127.0.0.1", ("127.0.0.1", 5), False),
        ("localhost:8080", ("127.0.0.1", 5), False),
        ("attacker.example:8080", ("127.0.0.1", 5), False),
    ],
)
def test_it_is_there_for_this_machine_by_its_own_name(
    host: str, client: tuple[str, int] | None, here: bool
) -> None:
    assert Codes().provider.is_here(cast(Any, asking(host, client))) is here


# Where there is one.


@pytest.mark.parametrize(
    ("more", "there"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "10.0.0.5"}, False),
        ({"host": "ledger.example"}, False),
        ({"database_url": "postgresql://db"}, False),
        ({"issuer": NAME, "audience": AUDIENCE, "jwks_file": "keys.json"}, False),
        ({"public_url": "https://ledger.example"}, False),
        ({"tls_in_front": True}, False),
        (OUTSIDE, False),
        ({**OUTSIDE, "public_url": None}, False),
    ],
    ids=str,
)
def test_it_is_there_only_where_somebody_tries_the_ledger_on_their_own_machine(
    tmp_path: Path, more: dict[str, Any], there: bool
) -> None:
    settings = Settings(**more)
    assert has_local(settings) is there
    tokens = Issuer.at(tmp_path / "token-key.json")
    made = sign_in_by(settings, tmp_path, port=8080, tokens=tokens, demo=False)
    assert (made is not None and made.local is not None) is there
    assert (made is not None) is (there or "console_issuer" in more)
    assert (tmp_path / "console-key").exists() is (made is not None)
    if made is not None and made.local is not None:
        assert made.local.guarded


def test_a_demo_asks_for_no_token_and_a_key_file_can_be_named(tmp_path: Path) -> None:
    tokens = Issuer.at(tmp_path / "token-key.json")
    settings = Settings(console_key_file=str(tmp_path / "a-key"))
    made = sign_in_by(settings, tmp_path, port=8080, tokens=tokens, demo=True)
    assert made is not None and made.local is not None and not made.local.guarded
    assert (tmp_path / "a-key").exists() and not (tmp_path / "console-key").exists()


@pytest.mark.parametrize(
    ("more", "port", "origin"),
    [
        ({}, 8080, "http://127.0.0.1:8080"),
        ({"host": "localhost"}, 80, "http://localhost"),
        ({"host": "::1"}, 8081, "http://[::1]:8081"),
        ({"host": "0.0.0.0"}, 8080, None),
        ({"public_url": "https://Ledger.Example"}, 8080, "https://ledger.example"),
        ({"public_url": "https://ledger.example:443"}, 8080, "https://ledger.example"),
        ({"public_url": "https://ledger.example:8443"}, 1, "https://ledger.example:8443"),
    ],
    ids=str,
)
def test_the_origin_is_as_a_browser_says_it(
    more: dict[str, Any], port: int, origin: str | None
) -> None:
    assert origin_of(Settings(**more), port) == origin


# Settings of an external provider.


def test_what_is_there_is_enough() -> None:
    check_sign_in(Settings())
    check_sign_in(Settings(**OUTSIDE))
    check_sign_in(Settings(**OUTSIDE, console_client_secret="s"))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"console_client_id": None}, "console_client_id"),
        ({"console_roles": {}}, "console_roles"),
        ({"console_issuer": "http://provider.example"}, "console_issuer"),
        ({"console_issuer": "https://provider.example?tenant=1"}, "console_issuer"),
        ({"console_issuer": "https://provider.example/" + "x" * 300}, "console_issuer"),
        ({"console_issuer": "provider"}, "console_issuer"),
        ({"console_issuer": None}, "console_client_id"),
        ({"console_issuer": None, "console_client_id": None}, "console_roles"),
        ({"console_scope": "profile"}, "console_scope"),
        ({"public_url": None, "host": "0.0.0.0"}, "public_url"),
        ({"console_client_secret": "s", "console_client_key_file": "k"}, "console_client_key_file"),
        ({"console_client_key_file": "/nowhere/key.json"}, "console_client_key_file"),
        ({"jwt_algorithms": "HS256"}, "jwt_algorithms"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as raised:
        check_sign_in(Settings(**{**OUTSIDE, **changed}))
    assert raised.value.field == field


def test_roles_are_read_from_the_file_in_its_order_and_a_check_names_what_is_wrong(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ledger.toml"
    file.write_text(
        'console_issuer = "https://provider.example"\npublic_url = "https://ledger.example"\n'
        '[console_roles.zeta]\nscopes = ["check"]\n[console_roles."Data Protection"]\n'
    )
    assert [*load(file, {}).console_roles] == ["zeta", "Data Protection"]
    ran = Shell(LEDGER_DATA_DIR=str(tmp_path)).run("config", "check", "--config", str(file))
    assert (ran.code, "console_client_id: must be set as well" in ran.out) == (1, True)


def test_serving_does_not_start_with_settings_that_cannot_be_used(tmp_path: Path) -> None:
    shell = Shell(LEDGER_DATA_DIR=str(tmp_path / "data"), LEDGER_CONSOLE_CLIENT_ID="console")
    ran = shell.run("serve")
    assert ran.code == 1 and "console_client_id" in ran.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("role", [one.role for one in IDENTITIES])
def test_beside_real_data_a_token_must_do_what_the_role_may(role: str) -> None:
    class Knows:
        async def client(self, token: str) -> Client:
            return Client(
                id="t",
                scopes=frozenset({"check", "history", "audit"}),
                grant=Grant(purposes=None, entry_types=None),
            )

    local = LocalProvider(ORIGIN, CALLBACK, tokens=Knows())
    identity = next(one for one in IDENTITIES if one.role == role)
    taken = asyncio.run(_taken(local, identity))
    assert taken is (role == "auditor")


async def _taken(local: LocalProvider, identity: Any) -> bool:
    try:
        await local.check_token("token", identity)
    except Unauthenticated:
        return False
    return True
