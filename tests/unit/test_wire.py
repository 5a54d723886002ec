"""Entries as JSON objects: times read strictly, dates made instants, content told from basis."""

import hashlib
from typing import Any

import msgspec
import pytest

from ledger.errors import Malformed
from ledger.events import ConsentGranted, EntryReattributed, Fact
from ledger.wire import (
    basis_of,
    content_of,
    fact_from_builtins,
    fact_to_builtins,
    read_fact,
    unreadable,
)
from tests.unit.stories import instant

GRANT: dict[str, Any] = {
    "type": "ConsentGranted",
    "effective_at": "2026-03-02T10:00:00Z",
    "purpose": "PHOTO",
    "given_by": "p1",
    "capacity": "SELF",
}
MOVED: dict[str, Any] = {
    "type": "EntryReattributed",
    "effective_at": "2026-03-02T10:00:00Z",
    "entry": "e1",
    "from": "p1",
    "to": "p2",
}


def read(**changes: Any) -> Fact:
    return read_fact({**GRANT, **changes})


def refusal(value: object, **more: str) -> Malformed:
    with pytest.raises(Malformed) as refused:
        read_fact(value, **more)
    return refused.value


# Times.


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00+01:00", "2026-03-02t10:00:00.000000z"],
)
def test_an_instant_is_read_as_utc_whatever_its_offset(text: str) -> None:
    fact = read(effective_at=text)

    assert fact.effective_at == instant("2026-03-02T10:00")
    assert fact.effective_at.isoformat() == "2026-03-02T10:00:00+00:00"
    assert (fact.precision, fact.civil_dates) == (None, None)
    assert fact_to_builtins(fact)["effective_at"] == "2026-03-02T10:00:00Z"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (20260302, "must be an RFC 3339 string"),
        (1772445600.5, "must be an RFC 3339 string"),
        (True, "must be an RFC 3339 string"),
        (["2026-03-02T10:00:00Z"], "must be an RFC 3339 string"),
        ("2026-03-02T10:00:00", "with an offset"),
        ("2026-03-02 10:00:00Z", "with an offset"),
        ("1772445600", "give a date"),
        ("yesterday", "with an offset"),
        ("2026-02-30", "no such date"),
        ("2026-02-30T10:00:00Z", "no such date"),
        ("", "with an offset"),
        ("9999-12-31", "outside the years"),
    ],
)
@pytest.mark.parametrize("field", ["effective_at", "expires_at"])
def test_anything_else_is_no_time_and_the_refusal_names_the_field(
    field: str, value: object, message: str
) -> None:
    if (field, value) == ("expires_at", "9999-12-31"):
        assert read(expires_at=value)
        return
    refused = refusal({**GRANT, field: value}, field="entries[3]")

    assert refused.field == f"entries[3].{field}"
    assert message in refused.message


def test_a_time_that_is_absent_or_null_is_left_to_the_type() -> None:
    assert read(expires_at=None) == read()
    assert refusal({**GRANT, "effective_at": None}).field == "entry.effective_at"
    assert "effective_at" in refusal({"type": "DeathRecorded"}).message


# Dates.

PERMISSIVE = ("2026-07-02", "2026-07-02T23:00:00+00:00")
RESTRICTIVE = ("2026-07-02", "2026-07-01T23:00:00+00:00")


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("ConsentGranted", GRANT, PERMISSIVE),
        ("NoticeProvided", {"notice": "V3.0"}, PERMISSIVE),
        ("NoticePublished", {"notice": "V3.0"}, PERMISSIVE),
        ("BasisDeclared", {"purpose": "P", "article6": "e"}, PERMISSIVE),
        ("AuthorityStarted", {"holder": "MUM", "kind": "PR"}, PERMISSIVE),
        ("DisputeResolved", {"purpose": "P", "outcome": "CONSENT_STANDS"}, PERMISSIVE),
        ("StatusStarted", {"kind": "CPP"}, PERMISSIVE),
        ("AtRiskAssessed", {"at_risk": True}, PERMISSIVE),
        ("PolicyDocumentAdopted", {}, PERMISSIVE),
        ("RestrictionExceptionRecorded", {"kind": "LEGAL_CLAIMS"}, PERMISSIVE),
        ("EqualityOptOutWithdrawn", {"purpose": "P", "written": True}, PERMISSIVE),
        ("HoldReleased", {}, PERMISSIVE),
        ("ServiceAgreementGiven", {"given_by": "p1"}, PERMISSIVE),
        ("ConsentRefused", {"purpose": "P", "given_by": "p1"}, RESTRICTIVE),
        (
            "ConsentWithdrawn",
            {"purpose": "P", "given_by": "p1", "capacity": "SELF"},
            RESTRICTIVE,
        ),
        ("BasisEnded", {"purpose": "P", "article6": "e"}, RESTRICTIVE),
        ("AuthorityEnded", {"holder": "MUM", "kind": "PR"}, RESTRICTIVE),
        ("StatusEnded", {"kind": "CPP"}, RESTRICTIVE),
        ("DeathRecorded", {}, RESTRICTIVE),
        ("ObjectionReceived", {"purpose": "P", "kind": "ART21_1"}, RESTRICTIVE),
        ("RestrictionApplied", {"purpose": "P", "ground": "a"}, RESTRICTIVE),
        ("CompetenceAssessed", {"purpose": "P", "competent": True}, RESTRICTIVE),
        ("ErasureExecuted", {"purpose": "P"}, RESTRICTIVE),
        ("PolicyDocumentEnded", {"policy_document": "e1"}, RESTRICTIVE),
        ("DateOfBirthRecorded", {"date_of_birth": "2013-03-02"}, RESTRICTIVE),
        ("PolicySet", {"setting": "s", "value": 1}, RESTRICTIVE),
    ],
)
def test_a_day_restricts_from_its_start_and_permits_from_the_next(
    name: str, fields: dict[str, Any], expected: tuple[str, str]
) -> None:
    day, at = expected
    fact = read_fact({**fields, "type": name, "effective_at": day})

    assert fact.effective_at.isoformat() == at
    assert fact_to_builtins(fact)["civil_dates"] == {"effective_at": day}
    assert fact.precision == "date"


@pytest.mark.parametrize(
    ("field", "sent", "expected"),
    [
        ("expires_at", GRANT, RESTRICTIVE),
        (
            "requested_effective_at",
            {"type": "ConsentRefused", "purpose": "P", "given_by": "p1"},
            RESTRICTIVE,
        ),
        (
            "received_at",
            {"type": "ConsentRefused", "purpose": "P", "given_by": "p1"},
            RESTRICTIVE,
        ),
        (
            "period_ends_at",
            {"type": "EqualityOptOutReceived", "purpose": "P", "written": True},
            RESTRICTIVE,
        ),
        ("ends_at", {"type": "RestrictionExceptionRecorded", "kind": "K"}, RESTRICTIVE),
        ("review_at", {"type": "ExemptionApplied"}, RESTRICTIVE),
        ("informed_at", {"type": "RestrictionLifted", "restriction": "e1"}, PERMISSIVE),
        ("informed_at", {"type": "BasisDeclared", "purpose": "P", "article6": "e"}, PERMISSIVE),
        (
            "in_force_from",
            {"type": "LawLoaded", "provision": "p", "article": "a", "link": "l"},
            RESTRICTIVE,
        ),
        (
            "in_force_until",
            {
                "type": "LawLoaded",
                "provision": "p",
                "article": "a",
                "link": "l",
                "in_force_from": "2026-01-01T00:00:00Z",
            },
            RESTRICTIVE,
        ),
    ],
)
def test_a_day_in_another_field_is_taken_as_that_field_restricts(
    field: str, sent: dict[str, Any], expected: tuple[str, str]
) -> None:
    day, at = expected
    fact = read_fact({"effective_at": "2026-03-02T10:00:00Z", **sent, field: day})

    assert getattr(fact, field).isoformat() == at
    assert fact_to_builtins(fact)["civil_dates"] == {field: day}
    assert fact.precision is None


def test_dates_that_the_caller_made_instants_of_are_kept_beside_our_own() -> None:
    given = {"effective_at": "2026-03-02", "expires_at": "2026-07-02"}
    fact = read(civil_dates=given, expires_at="2026-08-02")

    assert fact_to_builtins(fact)["civil_dates"] == {**given, "expires_at": "2026-08-02"}
    assert fact_to_builtins(read(civil_dates=given))["civil_dates"] == given


@pytest.mark.parametrize("given", ["2026-03-02", ["2026-03-02"], 7, "", [], False])
def test_dates_beside_our_own_must_be_an_object(given: object) -> None:
    refused = refusal({**GRANT, "civil_dates": given, "effective_at": "2026-03-02"})

    assert refused.field == "entry.civil_dates"
    assert refusal({**GRANT, "civil_dates": given}).field == "entry.civil_dates"


# What cannot be read.


@pytest.mark.parametrize("value", [None, [], "ConsentGranted", 7])
def test_an_entry_is_a_json_object(value: object) -> None:
    refused = refusal(value, field="entries[0]")

    assert (refused.field, refused.message) == ("entries[0]", "must be a JSON object")


@pytest.mark.parametrize(
    "kind", [None, 7, "", "ConsentGiven", "Fact", "Evidenced", ["DeathRecorded"]]
)
def test_a_type_that_this_ledger_does_not_know_is_refused_by_name_of_the_field(
    kind: object,
) -> None:
    refused = refusal({**GRANT, "type": kind})

    assert refused.field == "entry.type"
    assert "not a type of entry" in refused.message


def test_an_entry_without_a_type_is_refused() -> None:
    assert refusal({"effective_at": "2026-03-02"}).field == "entry.type"


SECRET = "Jane Doe of 1 High Street"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"capacity": SECRET}, "entry.capacity"),
        ({"given_by": SECRET}, "entry.given_by"),
        ({"purpose": SECRET}, "entry.purpose"),
        ({"explicit": SECRET}, "entry.explicit"),
        ({"precision": SECRET}, "entry.precision"),
        ({"expires_at": SECRET}, "entry.expires_at"),
        ({"evidence_digest": SECRET}, "entry.evidence_digest"),
        ({"evidence": [SECRET]}, "entry.evidence"),
        ({"named_controllers": [SECRET, ""]}, "entry.named_controllers[1]"),
        ({"named_controllers": SECRET}, "entry.named_controllers"),
        ({"civil_dates": {SECRET: "2026-03-02", "b": SECRET}}, "entry.civil_dates[...]"),
        ({"capacity": f"{SECRET} - at `$.purpose`"}, "entry.capacity"),
        ({"note": SECRET * 100}, "entry.note"),
    ],
)
def test_a_refusal_names_the_field_and_never_repeats_a_value(
    changes: dict[str, Any], field: str
) -> None:
    refused = refusal({**GRANT, **changes})

    assert refused.field == field
    assert "Jane" not in str(refused)


def test_a_refusal_of_a_value_out_of_a_list_says_what_is_wrong() -> None:
    refused = refusal({**GRANT, "capacity": SECRET})

    assert refused.message == "is not one of the values that this field takes"


def test_a_field_that_the_type_lacks_is_named() -> None:
    refused = refusal({**GRANT, "surname": "Doe"})

    assert (refused.field, refused.message) == ("entry", "Object contains unknown field `surname`")


def test_a_field_that_is_named_like_no_field_is_not_repeated() -> None:
    refused = refusal({**GRANT, SECRET: "x"})

    assert (refused.field, refused.message) == (
        "entry",
        "holds a field that this type does not have",
    )


def test_a_missing_field_is_named() -> None:
    sent = {name: value for name, value in GRANT.items() if name != "purpose"}

    assert "`purpose`" in refusal(sent).message


def test_an_error_without_a_path_is_of_the_whole() -> None:
    refused = unreadable(msgspec.ValidationError("Expected `object`"), field="body")

    assert (refused.field, refused.message) == ("body", "Expected `object`")


def test_a_value_of_an_unknown_kind_is_not_repeated_either() -> None:
    refused = unreadable(msgspec.ValidationError(f"Invalid value '{SECRET}' - at `$.a`"), field="b")

    assert (refused.field, "Jane" in str(refused)) == ("b.a", False)


# Evidence.


def test_that_evidence_exists_is_kept_as_its_digest_when_the_reference_is_erased() -> None:
    fact = read(evidence="scan 4711")
    digest = "sha256:" + hashlib.sha256(b"scan 4711").hexdigest()
    kept = fact_to_builtins(basis_of(fact))

    assert content_of(fact) == {"evidence": "scan 4711"}
    assert kept["evidence_digest"] == digest
    assert "evidence" not in kept


def test_a_digest_that_the_caller_gives_stands() -> None:
    given = "sha256:" + "0" * 64

    assert (
        fact_to_builtins(read(evidence="scan", evidence_digest=given))["evidence_digest"] == given
    )


def test_both_kinds_of_evidence_of_a_declaration_are_digested() -> None:
    sent = {"type": "BasisDeclared", "effective_at": "2026-03-02T10:00:00Z", "purpose": "P"}
    more = {"article6": "e", "evidence": "a", "contemporaneous_evidence": "b"}
    read_ = fact_to_builtins(read_fact({**sent, **more}))

    assert read_["evidence_digest"] != read_["contemporaneous_evidence_digest"]
    assert "evidence_digest" not in fact_to_builtins(read())


def test_a_type_without_evidence_takes_none() -> None:
    sent = {"type": "DeathRecorded", "effective_at": "2026-03-02T10:00:00Z", "evidence": "scan"}

    assert "unknown field `evidence`" in refusal(sent).message


# The stored form.


def test_absent_fields_are_left_out_and_a_basis_without_content_is_the_fact_itself() -> None:
    fact = read()

    assert fact_to_builtins(fact) == GRANT
    assert basis_of(fact) is fact
    assert fact_from_builtins(GRANT) == fact
    assert isinstance(fact, ConsentGranted)


def test_a_stored_fact_moved_from_another_stream_keeps_the_names_and_times_it_had() -> None:
    moved = {"entry": "e1", "recorded_at": "2026-03-01T10:00:00Z", "fact": GRANT}
    fact = fact_from_builtins({**MOVED, "moved": [moved]})

    assert isinstance(fact, EntryReattributed)
    assert (fact.from_, fact.to) == ("p1", "p2")
    assert fact_to_builtins(fact) == {**MOVED, "moved": [moved]}


@pytest.mark.parametrize("at", ["2026-03-01T10:00:00", 1772445600])
def test_a_time_without_an_offset_is_refused_at_any_depth(at: object) -> None:
    moved = {"entry": "e1", "recorded_at": at, "fact": GRANT}
    law = {"type": "LawLoaded", "effective_at": "2026-03-02T10:00:00Z", "provision": "p"}
    law |= {"article": "a", "link": "l", "in_force_from": "2026-03-01T10:00:00Z"}

    assert refusal({**MOVED, "moved": [moved]}).field == "entry.moved[0].recorded_at"
    for name in ("in_force_from", "in_force_until"):
        with pytest.raises(msgspec.ValidationError):
            fact_from_builtins({**law, name: at})


@pytest.mark.parametrize("value", [True, 24, "lapse"])
def test_a_policy_setting_keeps_the_type_of_its_value(value: object) -> None:
    sent = {"type": "PolicySet", "effective_at": "2026-03-02T10:00:00Z", "setting": "s"}
    fact = read_fact({**sent, "value": value})

    assert type(fact_to_builtins(fact)["value"]) is type(value)
