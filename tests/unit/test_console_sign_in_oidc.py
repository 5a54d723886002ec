"""Signing in at a provider: whom it vouches for is believed, and nothing that merely looks so."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from api.console.oidc_failures import SignInFailed
from api.console.session import Person
from api.tokens import ALGORITHMS
from tests.issuing import FromNow, signing_key
from tests.signing_in import CALLBACK, CLIENT, Outside, begun, failed, party, provider, signed_in


@pytest.fixture
def outside() -> Iterator[Outside]:
    with provider() as made:
        yield made


def test_the_way_to_the_provider_asks_for_a_code_of_this_sign_in_alone(outside: Outside) -> None:
    asked, flow, address = asyncio.run(begun(party(outside)))

    assert address.startswith(f"{outside.url}/authorize?")
    digest = hashlib.sha256(flow.verifier.encode()).digest()
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    assert len({flow.state, flow.nonce, flow.verifier}) == 3
    assert min(map(len, (flow.state, flow.nonce, flow.verifier))) == 43


def test_a_provider_whose_address_has_a_question_keeps_it(outside: Outside) -> None:
    outside.metadata = {"authorization_endpoint": f"{outside.url}/authorize?tenant=1"}
    asked, _, _ = asyncio.run(begun(party(outside)))
    assert asked["tenant"] == "1" and asked["client_id"] == CLIENT


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_whom_the_provider_vouches_for_is_signed_in(algorithm: str) -> None:
    with provider(algorithm) as outside:
        person = signed_in(outside)
        assert person == Person(client="person:7f1c", name="Ana Example", role="auditor")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"nonce": "another"}, "of another sign-in"),
        ({"nonce": None}, "of another sign-in"),
        ({"nonce": 7}, "of another sign-in"),
        ({"nonce": "ⅷ"}, "of another sign-in"),
        ({"iss": "https://another.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "another"}, "for another client"),
        ({"aud": [CLIENT, "another"]}, "for another client"),
        ({"aud": []}, "for another client"),
        ({"aud": None}, "no aud"),
        ({"azp": "another"}, "given to another client"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": "tomorrow"}, "no exp"),
        ({"exp": True}, "no exp"),
        ({"iat": None}, "no iat"),
        ({"iat": FromNow(600), "exp": FromNow(900)}, "not valid yet"),
        ({"nbf": FromNow(600)}, "not valid yet"),
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_signs_nobody_in(
    outside: Outside, changed: dict[str, Any], why: str
) -> None:
    outside.changed = changed
    kind, said = failed(outside)
    assert kind == "unproven" and why in said


def test_clocks_may_differ_by_a_minute_and_not_by_more(outside: Outside) -> None:
    now = int(time.time())
    outside.changed = {"iat": now - 300, "exp": now - 50}
    assert signed_in(outside).role == "auditor"
    outside.changed = {"iat": now + 50, "exp": now + 300}
    assert signed_in(outside).role == "auditor"
    outside.changed = {"iat": now - 300, "exp": now - 70}
    assert failed(outside)[0] == "unproven"
    outside.changed = {"iat": now + 75, "exp": now + 300}
    assert failed(outside)[0] == "unproven"


def test_a_token_that_is_not_signed_by_a_key_of_the_provider_signs_nobody_in(
    outside: Outside,
) -> None:
    outside.signs_with = signing_key("ES256", "key-1")
    assert failed(outside) == ("unproven", "the token is not one of the accepted issuer")
    outside.signs_with = signing_key("ES256", "key-of-nobody")
    assert failed(outside)[0] == "unproven"
    outside.signs_with, outside.header = None, {"typ": "at+jwt"}
    assert failed(outside) == ("unproven", "the ID token is an access token")
    outside.header = {"typ": "application/at+jwt"}
    assert failed(outside)[0] == "unproven"
    outside.header = {"crit": ["b64"]}
    assert failed(outside)[0] == "unproven"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", "RS384"])
def test_a_token_by_another_algorithm_signs_nobody_in(outside: Outside, algorithm: str) -> None:
    def forged(nonce: str) -> str:
        _, payload, signature = outside.id_token(nonce).split(".")
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=")
        return f"{header.decode()}.{payload}.{signature}"

    async def whole() -> None:
        used = party(outside)
        _, flow, address = await begun(used)
        outside.gives = (200, json.dumps({"id_token": forged(flow.nonce)}).encode())
        await used.finished(flow, outside.vouch(address))

    with pytest.raises(SignInFailed, match="an algorithm that is not allowed"):
        asyncio.run(whole())


def test_only_an_allowed_algorithm_serves(outside: Outside) -> None:
    used = party(outside)
    narrowed = party(outside, expected=replace(used._expected, algorithms=frozenset({"RS256"})))
    assert failed(outside, narrowed)[1].endswith("an algorithm that is not allowed")


@pytest.mark.parametrize(
    ("came", "told"),
    [
        ({"state": "another"}, ("stale", "the state is of another sign-in")),
        ({"state": None}, ("stale", "the state is of another sign-in")),
        ({"state": "ⅷ"}, ("stale", "the state is of another sign-in")),
        ({"iss": "https://another.example"}, ("unproven", "the response is of another issuer")),
        ({"iss": None}, ("unproven", "the response is of another issuer")),
        ({"code": None}, ("unproven", "the provider sent no code")),
        ({"code": "x" * 5000}, ("unproven", "the provider sent no code")),
        ({"code": "guessed"}, ("unproven", "the token endpoint says invalid_grant")),
        ({"error": "access_denied"}, ("refused", "the provider refused")),
        (
            {"error": "access_denied", "iss": "https://another.example"},
            ("unproven", "the response is of another issuer"),
        ),
    ],
    ids=str,
)
def test_what_comes_back_changed_signs_nobody_in(
    outside: Outside, came: dict[str, str | None], told: tuple[str, str]
) -> None:
    assert failed(outside, None, **came) == told
    asked = len(outside.asked)
    assert asked == (1 if came.get("code") == "guessed" else 0), "a code is sent only after checks"


def test_a_provider_that_never_names_itself_in_responses_may_leave_it_out(
    outside: Outside,
) -> None:
    outside.metadata = {"authorization_response_iss_parameter_supported": None}
    assert signed_in(outside, iss=None).role == "auditor"
    assert failed(outside, iss="https://another.example")[0] == "unproven"


def test_a_code_serves_once_and_only_with_the_verifier_of_its_sign_in(outside: Outside) -> None:
    async def twice() -> None:
        used = party(outside)
        _, flow, address = await begun(used)
        came = outside.vouch(address)
        assert (await used.finished(flow, came)).role == "auditor"
        with pytest.raises(SignInFailed, match="invalid_grant"):
            await used.finished(flow, came)
        _, other, _ = await begun(used)
        stolen = {**outside.vouch(address), "state": other.state}
        with pytest.raises(SignInFailed, match="invalid_grant"):
            await used.finished(other, stolen)

    asyncio.run(twice())


def test_sign_ins_at_the_same_time_do_not_take_each_others_answers(outside: Outside) -> None:
    async def two() -> None:
        used = party(outside)
        begins = await asyncio.gather(*(begun(used) for _ in range(4)))
        flows = [flow for _, flow, _ in begins]
        answers = [outside.vouch(address) for _, _, address in begins]
        for flow, came in zip(flows, answers[1:] + answers[:1], strict=True):
            with pytest.raises(SignInFailed, match="another sign-in"):
                await used.finished(flow, came)
        people = await asyncio.gather(*map(used.finished, flows, answers))
        assert {one.role for one in people} == {"auditor"}

    asyncio.run(two())


@pytest.mark.parametrize(
    ("held", "role"),
    [
        (["auditor"], "auditor"),
        ("dpo", "dpo"),
        (["auditor", "dpo"], "dpo"),
        (["auditor", 7, None], "auditor"),
    ],
    ids=str,
)
def test_the_first_of_our_roles_counts(outside: Outside, held: Any, role: str) -> None:
    outside.changed = {"groups": held}
    assert signed_in(outside).role == role


@pytest.mark.parametrize("held", [None, [], ["staff"], "DPO", {"dpo": True}, 7, [["dpo"]]], ids=str)
def test_nobody_without_a_role_is_signed_in(outside: Outside, held: Any) -> None:
    outside.changed = {"groups": held}
    assert failed(outside)[0] == "roleless"


@pytest.mark.parametrize("name", [None, "", 7, "x" * 194, "line\nbreak", "Zoë"], ids=repr)
def test_nobody_who_cannot_be_named_is_signed_in(outside: Outside, name: Any) -> None:
    outside.changed = {"oid": name}
    naming = replace(party(outside)._naming, person="oid")
    assert failed(outside, party(outside, naming=naming))[0] == "unusable"


def test_who_has_no_name_is_called_by_what_there_is(outside: Outside) -> None:
    outside.changed = {"name": None, "preferred_username": "ana"}
    assert signed_in(outside).name == "ana"
    outside.changed = {"name": 7, "preferred_username": None}
    assert signed_in(outside).name == "7f1c"
