"""Whose tokens are accepted: one external issuer's, or the embedded default's own, never both."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.access import SCOPES, Grant, Unauthenticated
from api.issuer import Issuer
from api.settings import Settings, load
from api.trust import accepted_tokens, check_trust, is_safe, local_issuer
from ledger.errors import Malformed
from tests.issuing import AUDIENCE, NAME, OutsideIssuer
from tests.shell import Shell

OUTSIDE: dict[str, Any] = {"issuer": NAME, "audience": AUDIENCE, "jwks_url": f"{NAME}/jwks"}


def embedded(folder: Path, **more: Any) -> Settings:
    return Settings(data_dir=str(folder), **more)


def test_the_embedded_default_has_its_own_issuer(tmp_path: Path) -> None:
    tokens = accepted_tokens(embedded(tmp_path))

    assert isinstance(tokens, Issuer)
    token = local_issuer(embedded(tmp_path)).token("t", ("check",), seconds=60)
    assert asyncio.run(tokens.client(token)).grant.whole


@pytest.mark.parametrize("more", [{}, {"token_key_file": "key"}, {"keys_url": "postgresql://k"}])
def test_a_configured_database_has_no_local_issuer(tmp_path: Path, more: dict[str, Any]) -> None:
    settings = embedded(tmp_path, database_url="postgresql://db", **more)
    for use in (accepted_tokens, local_issuer):
        with pytest.raises(Malformed, match="database_url: .*`issuer`, `audience`, and `jwks_url`"):
            use(settings)
    assert list(tmp_path.iterdir()) == [], "no key was made"


def test_beside_an_external_issuer_there_is_no_local_one(tmp_path: Path) -> None:
    before = local_issuer(embedded(tmp_path))
    token = before.token("t", ("check",), seconds=60)
    path = OutsideIssuer().publish(tmp_path / "jwks.json")
    settings = embedded(tmp_path, issuer=NAME, audience=AUDIENCE, jwks_file=str(path))

    with pytest.raises(Malformed, match="issuer: "):
        local_issuer(settings)
    with pytest.raises(Unauthenticated):
        asyncio.run(accepted_tokens(settings).client(token))


@pytest.mark.parametrize("database_url", [None, "postgresql://db"])
def test_an_external_issuer_serves_any_database(tmp_path: Path, database_url: str | None) -> None:
    issuer = OutsideIssuer()
    path = issuer.publish(tmp_path / "jwks.json")
    settings = embedded(
        tmp_path, database_url=database_url, issuer=NAME, audience=AUDIENCE, jwks_file=str(path)
    )
    client = asyncio.run(accepted_tokens(settings).client(issuer.token()))

    assert client.id == "case-system"
    assert sorted(tmp_path.iterdir()) == [path], "no key was made"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issuer": None}, "issuer"),
        ({"audience": None}, "audience"),
        ({"jwks_url": None}, "jwks_url"),
        ({"jwks_file": "keys.json"}, "jwks_url"),
        ({"issuer": None, "audience": None}, "issuer"),
        ({"jwks_url": "http://issuer.example/jwks"}, "jwks_url"),
        ({"jwt_algorithms": "HS256"}, "jwt_algorithms"),
        ({"jwt_algorithms": "none"}, "jwt_algorithms"),
        ({"jwt_algorithms": "ES256 none"}, "jwt_algorithms"),
        ({"jwt_algorithms": ""}, "jwt_algorithms"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used_are_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=f"^{field}: "):
        check_trust(Settings(**{**OUTSIDE, **changed}))


@pytest.mark.parametrize(
    "url",
    ["https://issuer.example/keys", "https://issuer.example:8443/a?b=c", "http://127.0.0.1:8/k",
     "http://127.9.9.9/", "http://[::1]/keys", "http://localhost:1/keys"],
)  # fmt: skip
def test_keys_are_fetched_where_nobody_can_change_them(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    ["http://issuer.example/keys", "ftp://127.0.0.1/", "file:///etc/keys", "https://", "keys.json",
     "http://127.0.0.1.attacker.example/", "http://localhost.example/", "http://10.0.0.1/",
     "https://name:password@issuer.example/", "http://localhost@attacker.example/",
     "https://issuer.example/#keys", "https://[::1", "https://a:99999/", "//issuer.example/"],
)  # fmt: skip
def test_keys_are_fetched_nowhere_else(url: str) -> None:
    assert not is_safe(url)


def test_tables_of_grants_are_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ledger.toml"
    file.write_text(
        f'issuer = "{NAME}"\naudience = "{AUDIENCE}"\njwks_file = "{tmp_path}/jwks.json"\n'
        '[grants.case-system]\npurposes = ["PHOTO"]\n'
        '[grants."https://app.example"]\nscopes = ["check"]\nentry_types = ["*"]\n'
    )
    issuer = OutsideIssuer()
    issuer.publish(tmp_path / "jwks.json")
    tokens = accepted_tokens(load(file, {}))

    async def clients() -> list[Any]:
        return [
            await tokens.client(issuer.token(name, **more))
            for name, more in (
                ("case-system", {}),
                ("https://app.example", {"scope": None, "authorization_details": None}),
                ("another", {"authorization_details": None}),
            )
        ]

    narrowed, given, neither = asyncio.run(clients())
    assert (narrowed.grant.purposes, narrowed.grant.entry_types) == ({"PHOTO"}, None)
    assert narrowed.scopes >= {"check", "record"}
    assert (given.scopes, given.grant.purposes, given.grant.entry_types) == ({"check"}, set(), None)
    assert (neither.grant.purposes, neither.grant.entry_types) == (set(), set())


@pytest.mark.parametrize("wrong", ['scopes = ["admin"]', 'purpose = ["A"]', 'entry_types = ["X"]'])
def test_a_table_with_a_typing_error_is_refused(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "ledger.toml"
    file.write_text(f"[grants.case-system]\n{wrong}\n")

    with pytest.raises(Malformed):
        load(file, {})


def test_tables_without_an_external_issuer_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ledger.toml"
    file.write_text('[grants.case-system]\npurposes = ["A"]\n')

    with pytest.raises(Malformed, match="^grants: "):
        check_trust(load(file, {}))


def test_a_token_is_printed_with_the_grant_that_was_asked_for(tmp_path: Path) -> None:
    shell = Shell(LEDGER_DATA_DIR=str(tmp_path))
    words = ("--client", "case-system", "--scope", "check", "--purpose", "A", "--purpose", "B")
    narrow = shell.run("token", *words, "--entry-type", "ConsentGranted")
    whole = shell.run("token")
    issuer = Issuer.at(tmp_path / "token-key.json")
    one, other = (asyncio.run(issuer.client(each.out.strip())) for each in (narrow, whole))

    assert (one.id, set(one.scopes)) == ("case-system", {"check"})
    assert one.grant == Grant(
        purposes=frozenset({"A", "B"}), entry_types=frozenset({"ConsentGranted"})
    )
    assert (set(other.scopes), other.grant) == ({*SCOPES}, Grant(purposes=None, entry_types=None))


def test_a_token_for_a_type_that_is_none_is_refused(tmp_path: Path) -> None:
    ran = Shell(LEDGER_DATA_DIR=str(tmp_path)).run("token", "--entry-type", "ConsentTaken")

    assert ran.code == 2
