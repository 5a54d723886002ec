"""What may be recorded: a restrictive fact always, what the ledger itself records never."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.service import Service, recorded, refusal, scratch, served, subject
from tests.integration.wired import born, consent, entry, withdrawal

GIVEN, LATER = "2026-03-02T10:00:00Z", "2026-06-01T00:00:00Z"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


def merge(origin: UUID, into: UUID) -> dict[str, Any]:
    return entry("IdentityMerged", LATER, **{"from": str(origin), "into": str(into)})


ACTS: list[dict[str, Any]] = [
    {"type": "ConsentWithdrawn", "capacity": "SELF"},
    {"type": "ConsentRefused"},
    {"type": "ObjectionReceived", "kind": "ART21_1"},
    {"type": "RestrictionApplied", "ground": "a"},
    {"type": "EqualityOptOutReceived", "written": True, "period_ends_at": LATER},
    {"type": "ErasureRequested"},
    {"type": "ComplaintReceived"},
]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act["type"])
@pytest.mark.parametrize("purpose", ["NEVER_DECLARED", "*"])
def test_what_a_person_asks_us_to_stop_is_recorded_whatever_else_is(
    service: Service, act: dict[str, Any], purpose: str
) -> None:
    person, before = subject(), service.size()
    by = {} if act["type"] in ("ErasureRequested", "ComplaintReceived") else {"given_by": "x"}

    recorded(
        service.caller.record(person, {"effective_at": GIVEN, "purpose": purpose, **by, **act})
    )

    assert service.size() == before + 1


def test_a_withdrawal_without_a_consent_is_recorded(service: Service) -> None:
    person = subject()

    recorded(service.caller.record(person, withdrawal(person, GIVEN)))

    assert service.caller.check(person).json()["decision"] == "DENY"


def test_a_merged_identity_takes_nothing_new_and_names_the_survivor(service: Service) -> None:
    gone, survivor = subject(), subject()
    recorded(service.caller.record(gone, born(), consent(gone, GIVEN), merge(gone, survivor)))
    before = service.size()

    response = service.caller.record(gone, born())

    assert refusal(response, status=409) == ("IDENTITY_MERGED", "/entries/0/subject")
    assert response.json()["type"] == "/problems/identity-merged"
    assert str(survivor) in response.json()["detail"]
    assert service.size() == before


def test_a_merged_identity_passes_a_withdrawal_on(service: Service) -> None:
    gone, survivor = subject(), subject()
    recorded(service.caller.record(gone, born(), consent(gone, GIVEN), merge(gone, survivor)))
    assert service.caller.check(survivor).json()["decision"] == "PERMIT"

    passed = service.caller.record(gone, withdrawal(gone, LATER), key="passed-on")
    again = service.caller.record(gone, withdrawal(gone, LATER), key="passed-on")

    answer = service.caller.check(survivor).json()
    assert (answer["decision"], answer["flags"]) == ("DENY", ["CONSENT_WITHDRAWN"])
    assert [one["type"] for one in recorded(passed)["entries"]] == ["ConsentWithdrawn"]
    assert again.content == passed.content


def test_the_ledgers_own_stream_is_nobody(service: Service) -> None:
    own, before = service.ledger.identity.stream, service.size()

    response = service.caller.record(own, withdrawal(own, GIVEN))

    assert (response.status_code, response.json()["field"]) == (400, "subject")
    assert service.size() == before


RESERVED: list[tuple[dict[str, Any], str]] = [
    ({"type": "KeyDestroyed"}, "type"),
    ({"type": "IdentityMerged", "counterpart": "x"}, "counterpart"),
    ({"type": "IdentityUnmerged", "counterpart": "x"}, "counterpart"),
    ({"type": "IdentityMerged", "moved": []}, "moved"),
    ({"type": "EntryReattributed", "entry": "x", "to": "y", "moved": []}, "moved"),
    ({"type": "EntryAnnulled", "entry": "x", "counterpart": "x"}, "counterpart"),
]


@pytest.mark.parametrize(("fields", "pointer"), RESERVED, ids=lambda one: str(one)[:50])
def test_what_the_ledger_itself_records_is_refused(
    service: Service, fields: dict[str, Any], pointer: str
) -> None:
    person, before = subject(), service.size()
    two = {"from": str(person), "into": str(subject())}
    if fields["type"] == "EntryReattributed":
        del two["into"]
    usual = two if fields["type"].startswith(("Identity", "EntryRe")) else {}

    response = service.caller.record(person, {"effective_at": GIVEN, **usual, **fields})

    assert refusal(response) == ("RESERVED", f"/entries/0/{pointer}")
    assert service.size() == before


@pytest.mark.parametrize(
    "envelope", ["recorded_at", "recorded_by", "position", "n", "version", "entry_id", "subject"]
)
def test_a_caller_does_not_fill_in_the_envelope(service: Service, envelope: str) -> None:
    response = service.caller.record(subject(), {**born(), envelope: GIVEN})

    assert (response.status_code, response.json()["field"]) == (400, "entries[0]")


@pytest.mark.parametrize("value", [20240314, "20240314", "2024-03-14T00:00:00", True, ""], ids=repr)
@pytest.mark.parametrize("field", ["effective_at", "expires_at"])
def test_an_entry_whose_time_is_no_instant_is_refused_and_the_value_not_repeated(
    service: Service, field: str, value: object
) -> None:
    person = subject()

    response = service.caller.record(person, {**consent(person, GIVEN), field: value})

    assert (response.status_code, response.json()["field"]) == (400, f"entries[0].{field}")
    assert value in (True, "") or str(value) not in response.text
