"""Grants: what a token and the settings name together, and what that covers."""

from itertools import product
from typing import Any

import msgspec
import pytest

from api.access import Grant, Unauthenticated
from api.grants import GrantTable, Named, client_from, named_by
from ledger.events import BY_NAME, name_of
from ledger.wire import read_fact

AUDIENCE = "https://ledger.example"
PURPOSES: tuple[tuple[str, ...] | None, ...] = (
    None,
    (),
    ("A",),
    ("A", "B"),
    ("C",),
    ("*",),
    ("*", "A"),
)


def detail(**fields: Any) -> dict[str, Any]:
    return {"authorization_details": [{"type": "ledger", **fields}]}


def granted(*sources: Named) -> Grant:
    return client_from("c", sources).grant


@pytest.mark.parametrize(("one", "two"), [*product(PURPOSES, PURPOSES)])
def test_purposes_are_those_that_every_source_names_that_names_some(
    one: tuple[str, ...] | None, two: tuple[str, ...] | None
) -> None:
    grant = granted(Named(purposes=one), Named(purposes=two))

    for purpose in ("A", "B", "C", "D"):
        said = [purpose in named or "*" in named for named in (one, two) if named is not None]
        assert grant.covers(purpose) == (bool(said) and all(said))
    said = ["*" in named for named in (one, two) if named is not None]
    assert grant.whole == (bool(said) and all(said))
    assert granted(Named(purposes=two), Named(purposes=one)) == grant


def test_a_client_of_whom_nothing_is_said_may_do_nothing() -> None:
    client = client_from("c", [named_by({}, audience=AUDIENCE)])

    assert (client.scopes, client.grant) == (frozenset(), Grant())
    assert not client.grant.covers("A") and not client.grant.covers("*")


def test_scopes_know_no_wildcard() -> None:
    scopes = client_from("c", [Named(scopes=("*",)), Named(scopes=("check", "*"))]).scopes

    assert scopes == {"*"}, "which opens nothing"


@pytest.mark.parametrize("claim", [None, "", "check", " check  record ", "check,record"])
def test_scopes_are_the_words_of_the_claim(claim: str | None) -> None:
    named = named_by({"scope": claim}, audience=AUDIENCE).scopes

    assert named == (None if claim is None else tuple(claim.split()))
    assert named_by({}, audience=AUDIENCE).scopes is None


def test_what_the_settings_name_narrows_and_gives_where_the_token_names_nothing() -> None:
    table = GrantTable(scopes=("check",), purposes=("A", "B"), entry_types=("ConsentGranted",))
    token = named_by({"scope": "check record", **detail(purposes=["B", "C"])}, audience=AUDIENCE)
    client = client_from("c", [token, table.named()])

    assert client.scopes == {"check"}
    assert client.grant == Grant(
        purposes=frozenset({"B"}), entry_types=frozenset({"ConsentGranted"})
    )


def test_details_for_others_name_nothing_here() -> None:
    details = [
        {"type": "payment", "purposes": ["A"]},
        {"type": "ledger", "locations": ["https://other.example"], "purposes": ["B"]},
        {"type": "ledger", "locations": ["https://x.example", AUDIENCE], "purposes": ["C"]},
        "ledger",
    ]
    assert named_by({"authorization_details": details}, audience=AUDIENCE).purposes == ("C",)
    assert named_by({"authorization_details": []}, audience=AUDIENCE) == Named()


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": ["check"]},
        {"scope": 1},
        {"authorization_details": {"type": "ledger"}},
        {"authorization_details": "ledger"},
        detail(purposes="A"),
        detail(purposes=[1]),
        detail(purposes=["A"], actions=["read"]),
        detail(purposes=["A"] * 1001),
        detail(entry_types=None, privileges=[]),
        {"authorization_details": [{"type": "ledger"}, {"type": "ledger"}]},
    ],
    ids=str,
)
def test_what_cannot_be_read_whole_gives_nothing(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        named_by(claims, audience=AUDIENCE)


@pytest.mark.parametrize(
    "table",
    [
        {"scopes": ["admin"]},
        {"scopes": "check"},
        {"purposes": ["a b"]},
        {"entry_types": ["ConsentTaken"]},
        {"entry_types": ["ConsentGrantedX"]},
        {"purpose": ["A"]},
    ],
    ids=str,
)
def test_a_table_with_a_typing_error_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, GrantTable)


@pytest.mark.parametrize("name", [*BY_NAME, "*"])
def test_a_table_may_name_every_type_of_entry(name: str) -> None:
    assert msgspec.convert({"entry_types": [name]}, GrantTable).entry_types == (name,)


WITHDRAWN = {
    "type": "ConsentWithdrawn",
    "effective_at": "2026-01-01",
    "given_by": "x",
    "capacity": "SELF",
}
FACTS = {
    "A": read_fact({**WITHDRAWN, "purpose": "A"}),
    "B": read_fact({**WITHDRAWN, "purpose": "B"}),
    "*": read_fact({**WITHDRAWN, "purpose": "*"}),
    "no purpose": read_fact({"type": "DeathRecorded", "effective_at": "2026-01-01"}),
    "no purpose yet": read_fact({"type": "ComplaintReceived", "effective_at": "2026-01-01"}),
}
EVERY = None


@pytest.mark.parametrize(
    ("purposes", "shown", "recorded"),
    [
        (EVERY, {*FACTS}, {*FACTS}),
        ({"A"}, {"A", "*"}, {"A"}),
        ({"A", "B"}, {"A", "B", "*"}, {"A", "B"}),
        (set(), set(), set()),
    ],
)
def test_a_grant_shows_its_purposes_and_records_nothing_beyond_them(
    purposes: set[str] | None, shown: set[str], recorded: set[str]
) -> None:
    grant = Grant(purposes=None if purposes is None else frozenset(purposes), entry_types=None)

    assert {name for name, fact in FACTS.items() if grant.shows(fact)} == shown
    assert {name for name, fact in FACTS.items() if grant.records(fact)} == recorded


def test_a_grant_records_its_types_alone() -> None:
    types = frozenset({"ConsentWithdrawn"})
    grant = Grant(purposes=None, entry_types=types)

    assert {name_of(fact) for fact in FACTS.values() if grant.records(fact)} == types
    nothing = Grant(purposes=None)
    assert not any(nothing.records(fact) for fact in FACTS.values())
