"""Tokens that no service may accept: forged, or the issuer's own and not for it, each by name."""

import hmac
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from tests.issuing import AUDIENCE, NAME, FromNow, OutsideIssuer, compact, spelt

HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}


def forgeries(issuer: OutsideIssuer) -> dict[str, str]:
    """Every one, of an issuer that signs with ES256; none is like what the issuer would send us."""
    return {
        **dict(_unsigned(issuer)),
        **dict(_signed_by_another(issuer)),
        **dict(_damaged(issuer)),
        **dict(_no_access_tokens(issuer)),
        **dict(_misread(issuer)),
        **{f"with {claims}": issuer.token(**claims) for claims in WRONG_CLAIMS},
    }


def _pem(issuer: OutsideIssuer) -> bytes:
    key = issuer.key
    assert isinstance(key, ECKey)
    return key.as_pem(private=False)


def _unsigned(issuer: OutsideIssuer) -> Iterator[tuple[str, str]]:
    claims = issuer.claims()
    header, payload, signature = issuer.token().split(".")
    for name in ("none", "None", "nOnE", "NONE", ""):
        yield f"by no algorithm, spelt {name!r}", spelt({**HEADER, "alg": name}, claims, b"")
        yield f"by {name!r} and a signature", f"{spelt({**HEADER, 'alg': name})}.{payload}.x"
    yield "without a signature", f"{header}.{payload}."
    yield "in two parts", f"{header}.{payload}"
    yield "detached", f"{header}..{signature}"


def _signed_by_another(issuer: OutsideIssuer) -> Iterator[tuple[str, str]]:
    claims, theirs = issuer.claims(), ECKey.generate_key("P-256")
    public = issuer.key.as_dict(private=False)
    for name, secret in {
        "the public key": json.dumps(public).encode(),
        "the public key in PEM": _pem(issuer),
        "the public point": public["x"].encode() if isinstance(public["x"], str) else b"",
    }.items():
        for algorithm, digest in (("HS256", "sha256"), ("HS512", "sha512")):
            text = spelt({**HEADER, "alg": algorithm}, claims)
            code = hmac.digest(secret, text.encode(), digest)
            yield f"by {algorithm} with {name}", f"{text}.{spelt(code)}"
    named: dict[str, dict[str, Any]] = {
        "the issuer's kid": {},
        "no kid": {"kid": None},
        "an unknown kid": {"kid": "key-9"},
        "a kid that is a path": {"kid": "../../../../dev/null"},
        "a kid that is a query": {"kid": "' UNION SELECT 'key"},
        "a kid that is a number": {"kid": 1},
        "a key in its header": {"jwk": theirs.as_dict(private=False)},
        "a key at an address": {"jku": "https://attacker.example/keys"},
        "a certificate at an address": {"x5u": "https://attacker.example/chain"},
        "a certificate in its header": {"x5c": ["MIIB"]},
        "a certificate's thumbprint": {"x5t#S256": "AA"},
    }
    for name, more in named.items():
        yield (
            f"by another key with {name}",
            issuer.token(key=theirs, header={"kid": "key-1"} | more),
        )
    longer = ECKey.generate_key("P-384")
    yield "by ES256 with a key of P-384", compact(HEADER, claims, longer, "ES384")
    yield "by ES384", compact({**HEADER, "alg": "ES384"}, claims, longer, "ES384")
    rsa = RSAKey.generate_key(2048)
    for algorithm in ("RS256", "PS256", "RS512"):
        header = {**HEADER, "alg": algorithm}
        yield (
            f"by {algorithm} under the kid of an ES256 key",
            compact(header, claims, rsa, algorithm),
        )


def _damaged(issuer: OutsideIssuer) -> Iterator[tuple[str, str]]:
    good = issuer.token(scope="check")
    header, payload, signature = good.split(".")
    raw = urlsafe_b64decode(signature.encode())
    r, s = raw[:32], raw[32:]
    yield "with more scopes", f"{header}.{spelt(issuer.claims(scope='record'))}.{signature}"
    yield "with another header", f"{spelt({**HEADER, 'x': 1})}.{payload}.{signature}"
    for name, wrong in {
        "a cut signature": raw[:-1],
        "half a signature": r,
        "a longer signature": raw + b"\0",
        "r and s changed about": s + r,
        "a zero r and s": bytes(64),
        "a zero s": r + bytes(32),
        "a signature in DER": encode_dss_signature(int.from_bytes(r), int.from_bytes(s)),
    }.items():
        yield f"with {name}", f"{header}.{payload}.{spelt(wrong)}"
    yield "with a filled signature", f"{good}=="
    yield "with a space", f"{header}. {payload}.{signature}"
    yield "with another token's signature", f"{header}.{payload}.{issuer.token().split('.')[2]}"


def _no_access_tokens(issuer: OutsideIssuer) -> Iterator[tuple[str, str]]:
    for kind in ("JWT", "jwt", "id+jwt", "logout+jwt", "dpop+jwt", "at+jwt+x", "", None, 7):
        yield f"of the type {kind!r}", issuer.token(header={"typ": kind})
    for names in (["x"], ["exp"], [], "exp"):
        header = {**HEADER, "crit": names, "x": 1, "exp": 1}
        yield f"with {names!r} critical", _signed(issuer, header, issuer.claims())
    unencoded = {**HEADER, "b64": False, "crit": ["b64"]}
    yield "with its payload as it stands", _signed(issuer, unencoded, issuer.claims())
    yield "with b64", _signed(issuer, {**HEADER, "b64": True}, issuer.claims())
    yield "inside of another", _signed(issuer, {**HEADER, "cty": "JWT"}, issuer.token().encode())
    ours = ECKey.import_key(_pem(issuer))
    sealed = jwe.encrypt_compact(
        {"alg": "ECDH-ES", "enc": "A128GCM"}, issuer.token(), ours, algorithms=ENCRYPTION
    )
    yield "that is encrypted", sealed
    yield "that is very long", issuer.token(more="x" * 9000)
    yield "that is longer still", "a." * 60_000
    yield "of nothing but dots", ".."
    yield "of five parts", "a.b.c.d.e"


ENCRYPTION = ["ECDH-ES", "A128GCM"]


def _misread(issuer: OutsideIssuer) -> Iterator[tuple[str, str]]:
    """The issuer's own signature on what two readers could read in two ways, or nobody can."""
    plain = json.dumps(issuer.claims())
    for name, text in {
        "scope twice": plain[:-1] + ', "scope": "record"}',
        "client_id twice": '{"client_id": "admin", ' + plain[1:],
        "aud twice": plain[:-1] + f', "aud": "{AUDIENCE}"}}',
        "a purpose twice": plain.replace('"purposes"', '"purposes": [], "purposes"'),
        "NaN": plain.replace(f'"exp": {json.loads(plain)["exp"]}', '"exp": NaN'),
        "Infinity": plain.replace(f'"exp": {json.loads(plain)["exp"]}', '"exp": Infinity'),
        "an endless exp": plain.replace(f'"exp": {json.loads(plain)["exp"]}', '"exp": 1e999'),
        "more after it": plain + "{}",
        "a list": "[]",
        "a text": '"x"',
        "nothing": "",
        "deep nesting": '{"a":' * 900 + "1" + "}" * 900 + "}",
        "no UTF-8": "\udcff",
    }.items():
        payload = text.encode(errors="surrogateescape")
        yield f"whose claims have {name}", _signed(issuer, HEADER, payload)
    twice = json.dumps(HEADER)[:-1] + ', "kid": "key-9"}'
    yield "whose header has kid twice", _signed(issuer, twice.encode(), issuer.claims())
    yield "whose header is a list", _signed(issuer, [], issuer.claims())
    yield (
        "whose algorithm is a list",
        _signed(issuer, {**HEADER, "alg": ["ES256"]}, issuer.claims()),
    )


def _signed(issuer: OutsideIssuer, header: object, claims: object) -> str:
    return compact(header, claims, issuer.key, "ES256")


DETAIL = {"type": "ledger", "purposes": ["*"], "entry_types": ["*"]}
WRONG_CLAIMS: list[dict[str, Any]] = [
    {"iss": None}, {"iss": "https://issuer.example"}, {"iss": f"{NAME}/"}, {"iss": [NAME]},
    {"iss": f"{NAME}.attacker.example"}, {"iss": NAME.upper()}, {"iss": "ledger"},
    {"aud": None}, {"aud": []}, {"aud": "another"}, {"aud": ["another", "third"]},
    {"aud": f"{AUDIENCE}.attacker.example"}, {"aud": AUDIENCE[:-1]}, {"aud": f"{AUDIENCE}/"},
    {"aud": [[AUDIENCE]]}, {"aud": {AUDIENCE: True}}, {"aud": [AUDIENCE, 7]},
    {"aud": f"{AUDIENCE} another"}, {"aud": ""},
    {"exp": None}, {"exp": 1}, {"exp": FromNow(-61)}, {"exp": "9999999999"}, {"exp": True},
    {"exp": [9999999999]}, {"exp": -1}, {"exp": 10**400},
    {"nbf": FromNow(7200)}, {"nbf": "0"}, {"nbf": []},
    {"iat": None}, {"iat": FromNow(7200)}, {"iat": "0"}, {"iat": FromNow(50), "exp": FromNow(10)},
    {"sub": None}, {"sub": ""}, {"sub": 7}, {"sub": ["case-system"]},
    {"client_id": None}, {"client_id": ""}, {"client_id": 7}, {"client_id": ["case-system"]},
    {"client_id": None, "azp": "case-system"}, {"client_id": "x" * 201}, {"client_id": "a\nb"},
    {"cnf": {"x5t#S256": "AA"}}, {"cnf": {"jkt": "AA"}}, {"cnf": {}},
    {"scope": ["check"]}, {"scope": 7},
    {"authorization_details": {}}, {"authorization_details": "ledger"},
    {"authorization_details": [{**DETAIL, "purposes": "*"}]},
    {"authorization_details": [{**DETAIL, "purposes": [7]}]},
    {"authorization_details": [{**DETAIL, "actions": ["read"]}]},
    {"authorization_details": [DETAIL, DETAIL]},
]  # fmt: skip
"""Of tokens with the issuer's own signature."""
