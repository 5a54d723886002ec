"""The scenarios of the law specification through the core, and what their reader refuses."""

import json
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.answer import Answer
from ledger.errors import Malformed
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import (
    Expect,
    Outcome,
    Scenario,
    differences,
    read_given,
    read_scenario,
    run,
    streams,
)
from tests.unit.stories import CATALOGUE, SCENARIOS

FILES = [f"S{number:02}" for number in range(1, 53)]
ASKS = [
    (name, n)
    for name in FILES
    for n, _ in enumerate(json.loads((SCENARIOS / f"{name}.json").read_bytes())["asks"], 1)
]


@cache
def scenario(name: str) -> Scenario:
    return read_scenario((SCENARIOS / f"{name}.json").read_bytes())


@cache
def outcomes(name: str) -> list[Outcome]:
    return list(run(scenario(name), CATALOGUE, uk_gdpr()))


@pytest.mark.parametrize(("name", "ask"), ASKS, ids=[f"{name}-{n}" for name, n in ASKS])
def test_the_core_answers_as_the_law_expects(name: str, ask: int) -> None:
    outcome = outcomes(name)[ask - 1]

    assert outcome.differs == ()
    assert (outcome.scenario, outcome.ask, outcome.ok) == (name, ask, True)


def test_every_one_of_the_107_asks_is_here_and_is_run() -> None:
    assert sorted(path.stem for path in SCENARIOS.glob("S*.json")) == FILES
    assert len(ASKS) == 107
    assert [(one.scenario, one.ask) for name in FILES for one in outcomes(name)] == ASKS


# What an outcome says where it differs.


def answer_of(name: str, ask: int) -> Answer:
    return outcomes(name)[ask - 1].answer


def differing(found: Answer, **expected: Any) -> list[str]:
    wanted = Expect(decision=found.decision, live=found.live, conditions=found.conditions, flags=())
    return list(differences(replace(wanted, **expected), found))


def test_an_outcome_that_differs_says_what_was_expected_and_what_it_got() -> None:
    found = answer_of("S38", 2)

    assert differing(found, decision="DENY") == ["decision: expected DENY, got PERMIT"]
    assert differing(found, live=("d", "c")) == ["live: expected ['c', 'd'], got ['e']"]
    assert differing(found, conditions=("9(2)(a)",)) == [
        "conditions: expected ['9(2)(a)'], got ['9(2)(h)+Sch1(2)']"
    ]
    assert differing(found, flags=("LATE_GAP", "ERASED", "APD_MISSING")) == [
        "flags: missing ['ERASED', 'LATE_GAP'], got ['APD_MISSING']"
    ]


def test_flags_are_a_minimum_and_the_order_of_nothing_counts() -> None:
    found = answer_of("S10", 1)
    assert len(found.flags) > 1

    assert differing(found) == []
    assert differing(found, flags=tuple(reversed(found.flags))) == []
    assert differing(found, live=tuple(reversed(found.live))) == []


def test_a_scenario_that_differs_is_not_ok_and_the_others_still_run() -> None:
    first = scenario("S01")
    wrong = replace(first.asks[0], expect=replace(first.asks[0].expect, decision="PERMIT"))
    found = list(run(replace(first, asks=(wrong, *first.asks[1:])), CATALOGUE, uk_gdpr()))

    assert [one.ok for one in found] == [False, True, True]
    assert found[0].differs == ("decision: expected PERMIT, got DENY",)


# What the reader refuses.

ENTRY: dict[str, object] = {
    "id": "e1",
    "type": "DeathRecorded",
    "subject": "A1",
    "effective_at": "2026-03-02T10:00:00Z",
    "recorded_at": "2026-03-02T10:00:00Z",
}
EXPECT = {"decision": "DENY", "live": [], "conditions": [], "flags": []}
ASK: dict[str, object] = {
    "subject": "A1",
    "purpose": "PHOTO",
    "effective_at": "2026-03-02T10:00:00Z",
    "known_at": "2026-03-02T10:00:00Z",
    "expect": EXPECT,
}


def document(**changes: Any) -> dict[str, Any]:
    return {"id": "X1", "title": "A death", "given": [ENTRY], "asks": [ASK], **changes}


def refusal(value: object) -> Malformed:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(Malformed) as refused:
        list(run(read_scenario(text), CATALOGUE, uk_gdpr()))
    return refused.value


def without(table: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key != name}


def test_a_scenario_needs_no_more_than_what_was_recorded_and_what_is_asked() -> None:
    found = list(run(read_scenario(json.dumps(document()).encode()), CATALOGUE, uk_gdpr()))

    assert [str(one.answer.decision) for one in found] == ["OUT_OF_SCOPE"]


@pytest.mark.parametrize("text", [b"", b"{", b"not JSON", b"\xff\xfe"])
def test_text_that_is_no_json_is_refused(text: bytes) -> None:
    refused = refusal(text)

    assert (refused.field, refused.message) == ("scenario", "is not JSON")


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ([], "scenario", "Expected `object`, got `array`"),
        (without(document(), "given"), "scenario", "missing required field `given`"),
        (document(more=1), "scenario", "unknown field `more`"),
        (document(asks=[without(ASK, "expect")]), "scenario.asks[0]", "field `expect`"),
        (document(asks=[{**ASK, "operation": "SELL"}]), "scenario.asks[0].operation", "values"),
        (document(asks=[{**ASK, "known_at": 20260302}]), "scenario.asks[0].known_at", "Expected"),
        (
            document(asks=[{**ASK, "known_at": "2026-03-02"}]),
            "scenario.asks[0].known_at",
            "with an offset",
        ),
        (
            document(asks=[ASK, {**ASK, "effective_at": "2026-03-02T10:00:00"}]),
            "scenario.asks[1].effective_at",
            "with an offset",
        ),
        (
            document(given=[without(ENTRY, "id")]),
            "scenario.given[0].id",
            "must be a non-empty string",
        ),
        (document(given=[{**ENTRY, "id": ""}]), "scenario.given[0].id", "non-empty string"),
        (
            document(given=[{**ENTRY, "subject": 7}]),
            "scenario.given[0].subject",
            "a string or null",
        ),
        (
            document(given=[ENTRY, without(ENTRY, "type")]),
            "scenario.given[1].type",
            "type of entry",
        ),
        (document(given=[{**ENTRY, "kind": "CPP"}]), "scenario.given[0]", "unknown field `kind`"),
        (
            document(given=[{**ENTRY, "effective_at": 20260302}]),
            "scenario.given[0].effective_at",
            "with an offset",
        ),
        (
            document(given=[{**ENTRY, "effective_at": "2026-03-02T10:00:00"}]),
            "scenario.given[0].effective_at",
            "with an offset",
        ),
        (
            document(given=[{**ENTRY, "recorded_at": 1772445600}]),
            "scenario.given[0].recorded_at",
            "with an offset",
        ),
        (
            document(given=[{**ENTRY, "recorded_at": "2026-03-02T10:00:00"}]),
            "scenario.given[0].recorded_at",
            "with an offset",
        ),
        (
            document(given=[{**ENTRY, "recorded_at": "2026-02-30"}]),
            "scenario.given[0].recorded_at",
            "no such date",
        ),
    ],
)
def test_a_refusal_names_the_field(value: object, field: str, message: str) -> None:
    refused = refusal(value)

    assert refused.field == field
    assert message in refused.message


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"leap_birthdays": "28 Feb"}, "is not a policy setting"),
        ({"leap_birthday": "29 Feb"}, "cannot have this value"),
        ({"consent_review_months": "24"}, "cannot have this value"),
    ],
)
def test_a_policy_that_no_rule_book_has_is_refused_and_not_passed_over(
    policy: dict[str, Any], message: str
) -> None:
    (name,) = policy
    refused = refusal(document(policy=policy))

    assert (refused.field, refused.message) == (f"scenario.policy.{name}", message)


def test_a_refusal_never_repeats_what_the_file_says_of_a_person() -> None:
    grant = {**ENTRY, "type": "ConsentGranted", "purpose": "PHOTO", "given_by": "A1"}
    refused = refusal(document(given=[{**grant, "capacity": "Jane Doe of 1 High Street"}]))

    assert refused.field == "scenario.given[0].capacity"
    assert "Jane" not in str(refused)


# How the reader takes what it accepts.


def test_a_recorded_moment_may_be_a_date_and_means_its_first_instant() -> None:
    dated = read_given({**ENTRY, "recorded_at": "2026-07-01"})

    assert dated.recorded_at.isoformat() == "2026-06-30T23:00:00+00:00"


def test_an_entry_without_a_recorded_moment_was_recorded_when_it_took_effect() -> None:
    entry = without(ENTRY, "recorded_at")

    assert read_given(entry).recorded_at.isoformat() == "2026-03-02T10:00:00+00:00"
    dated = read_given({**entry, "effective_at": "2026-07-01"})
    assert dated.recorded_at.isoformat() == "2026-06-30T23:00:00+00:00"


def test_the_date_of_recording_is_no_field_of_the_fact() -> None:
    both = {"effective_at": "2026-03-02", "recorded_at": "2026-03-02"}
    kept = read_given({**ENTRY, "civil_dates": both}).fact
    none = read_given({**ENTRY, "civil_dates": {"recorded_at": "2026-03-02"}}).fact

    assert kept.civil_dates is not None
    assert sorted(kept.civil_dates) == ["effective_at"]
    assert none.civil_dates is None


def test_entries_are_appended_as_recorded_and_ties_stay_in_the_order_of_the_file() -> None:
    moments = ["2026-03-02T10:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"]
    given = [{**ENTRY, "id": f"e{n}", "recorded_at": at} for n, at in enumerate(moments)]
    built = streams(read_scenario(json.dumps(document(given=given)).encode()), CATALOGUE)

    assert [one.entry for one in built.dossier("A1").items] == ["e1", "e2", "e0"]


@pytest.mark.parametrize("kind", ["EntryAnnulled", "EntrySuperseded"])
def test_a_correction_is_made_where_the_entry_stands_and_of_an_unknown_one_where_it_says(
    kind: str,
) -> None:
    made = {**ENTRY, "id": "e2", "subject": "A2", "type": kind, "replacement": "e1"}
    fields = made if kind == "EntrySuperseded" else without(made, "replacement")
    for named, subject in (("e1", "A1"), ("e9", "A2")):
        given = [ENTRY, {**fields, "entry": named}]
        built = streams(read_scenario(json.dumps(document(given=given)).encode()), CATALOGUE)
        assert [one.entry for one in built.dossier(subject).items][-1] == "e2"


def test_entries_are_numbered_in_the_order_of_appending_and_name_their_counterparts() -> None:
    moved = {**ENTRY, "id": "e2", "type": "EntryReattributed", "entry": "e1"}
    moved |= {"from": "A1", "to": "A2"}
    given = [ENTRY, moved]
    built = streams(read_scenario(json.dumps(document(given=given)).encode()), CATALOGUE)
    items = [one for name in (None, "A1", "A2") for one in built.dossier(name).items]

    assert sorted(one.n for one in items) == [1, 2, 3, 4]
    assert [one.fact.counterpart for one in items] == [None, None, "e2", "e2"]


def test_a_scenario_may_name_an_exception() -> None:
    restriction = {**ENTRY, "type": "RestrictionApplied", "purpose": "*", "ground": "a"}
    exception = {
        **ENTRY,
        "id": "e2",
        "type": "RestrictionExceptionRecorded",
        "kind": "LEGAL_CLAIMS",
    }
    ask = {**ASK, "purpose": "SAFEGUARD", "exception": "LEGAL_CLAIMS"}
    asked = document(given=[restriction, exception], asks=[ask, without(ask, "exception")])
    found = list(run(read_scenario(json.dumps(asked).encode()), CATALOGUE, uk_gdpr()))

    assert [str(one.answer.decision) for one in found] == ["PERMIT", "PERMIT_LIMITED"]


def test_an_entry_and_a_question_read_on_their_own_are_named_so() -> None:
    with pytest.raises(Malformed) as refused:
        read_given(without(ENTRY, "id"))
    assert refused.value.field == "given.id"
    asked = scenario("S01").asks[0]
    with pytest.raises(Malformed) as refused:
        replace(asked, known_at="never").question()
    assert refused.value.field == "ask.known_at"


def test_an_entry_without_a_subject_is_about_nobody() -> None:
    assert read_given(without(ENTRY, "subject")).subject is None


def test_the_policy_of_a_scenario_is_recorded_before_everything_else() -> None:
    built = streams(scenario_with_policy(), CATALOGUE)

    assert [one.entry for one in built.dossier(None).items] == [
        "catalogue",
        "policy.rep_consent_lapses_at_16",
    ]


def scenario_with_policy() -> Scenario:
    return read_scenario(json.dumps(document(policy={"rep_consent_lapses_at_16": False})).encode())
