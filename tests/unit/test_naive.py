"""The naive oracle against the scenario files, their README, and the rules they leave untested.

The scenarios are compared as their README says. The rest pins readings of the law specification
on which the oracle and the core must agree.
"""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.naive import ask

Document = dict[str, Any]

SCENARIOS = Path(__file__).parents[1] / "scenarios"
# README, "Policy defaults": the asks whose expectation holds only under the default.
DEPENDENT = {
    "auto_restrict_on_objection": (False, "S26#2 S26#3 S27#1 S32#2 S34#1 S48#1"),
    "rep_consent_lapses_at_16": (False, "S18#2"),
    "rep_consent_lapses_on_competence": (False, "S17#2"),
    "contested_pr_consent": ("first consent stands", "S16#2"),
    "rep_authority_end": ("lapse", "S23#1"),
    "leap_birthday": ("28 Feb", ""),
}


def read(name: str) -> Document:
    document: Document = json.loads((SCENARIOS / name).read_text(encoding="utf-8"))
    return document


CATALOGUE = read("catalogue.json")


def every_ask() -> list[tuple[str, Document, Document]]:
    return [
        (f"{scenario['id']}#{number}", scenario, question)
        for scenario in (read(path.name) for path in sorted(SCENARIOS.glob("S*.json")))
        for number, question in enumerate(scenario["asks"], start=1)
    ]


def differences(given: list[Document], policy: Document, question: Document) -> list[str]:
    """What the README says must be equal, and is not."""
    found, expect = ask(given, CATALOGUE, policy, question), question["expect"]
    exact = [key for key in ("live", "conditions") if set(found[key]) != set(expect[key])]
    decision = [] if found["decision"] == expect["decision"] else ["decision"]
    return decision + exact + sorted(set(expect["flags"]) - set(found["flags"]))


@pytest.mark.parametrize(
    ("scenario", "question"),
    [pytest.param(scenario, question, id=name) for name, scenario, question in every_ask()],
)
def test_the_oracle_answers_as_the_scenario_expects(scenario: Document, question: Document) -> None:
    assert differences(scenario["given"], scenario["policy"], question) == []


def test_every_one_of_the_107_asks_is_here() -> None:
    assert len(every_ask()) == 107


@pytest.mark.parametrize("setting", DEPENDENT)
def test_exactly_the_listed_asks_depend_on_a_policy_setting(setting: str) -> None:
    alternative, listed = DEPENDENT[setting]
    changed = {
        name
        for name, scenario, question in every_ask()
        if differences(scenario["given"], {setting: alternative}, question)
    }
    assert changed == set(listed.split())


def test_entries_recorded_later_never_change_an_answer() -> None:
    for name, scenario, question in every_ask():
        known = {**question, "known_at": "2026-03-12T12:00:00+00:00"}
        early = [e for e in scenario["given"] if e["recorded_at"][:10] <= "2026-03-12"]
        both = [ask(given, CATALOGUE, {}, known) for given in (scenario["given"], early)]
        assert both[0] == both[1], name


# ---- Readings that no scenario tests ----


def entry(number: str, kind: str, when: str, /, **fields: Any) -> Document:
    """An entry about A1, recorded when it took effect unless the fields say otherwise."""
    moment = f"{when}:00+00:00"
    return {
        "id": number,
        "type": kind,
        "subject": "A1",
        "effective_at": moment,
        "recorded_at": moment,
        **fields,
    }


def born(day: str, subject: str = "A1") -> Document:
    return entry(
        "d1", "DateOfBirthRecorded", "2018-06-01T09:00", date_of_birth=day, subject=subject
    )


def grant(when: str, **fields: Any) -> Document:
    usual = {"given_by": "A1", "capacity": "SELF", "evidence": "form#1", "notice": "V3.0"}
    return entry("e1", "ConsentGranted", when, **{"purpose": "PHOTO", **usual, **fields})


def withdrawal(when: str, **fields: Any) -> Document:
    usual = {"purpose": "PHOTO", "given_by": "A1", "capacity": "SELF"}
    return entry("w1", "ConsentWithdrawn", when, **{**usual, **fields})


def asked(given: list[Document], when: str, **fields: Any) -> Document:
    moment = when if len(when) == 10 else f"{when}:00+00:00"
    question = {
        "subject": "A1",
        "purpose": "PHOTO",
        "operation": "USE",
        "data": "ordinary",
        "exception": None,
        "effective_at": moment,
        "known_at": "2026-11-23T09:00:00+00:00",
        **fields,
    }
    return dict(ask(given, CATALOGUE, {}, question))


ADULT = born("1980-05-05")
GRANTED = [ADULT, grant("2026-01-10T10:00")]


def test_an_annulled_annulment_has_no_effect() -> None:
    annulled = [
        *GRANTED,
        withdrawal("2026-03-01T10:00"),
        entry("x1", "EntryAnnulled", "2026-03-02T10:00", entry="w1"),
        entry("x2", "EntryAnnulled", "2026-03-03T10:00", entry="x1"),
    ]
    assert asked(annulled[:-1], "2026-04-01T12:00")["decision"] == "PERMIT"
    assert asked(annulled, "2026-04-01T12:00")["flags"] == ["CONSENT_WITHDRAWN"]


def test_no_correction_brings_back_what_was_erased() -> None:
    erased = [
        *GRANTED,
        entry("r1", "ErasureExecuted", "2026-03-01T10:00", purpose="*"),
        entry("x1", "EntryAnnulled", "2026-03-02T10:00", entry="r1"),
    ]
    assert asked(erased, "2026-04-01T12:00", operation="STORE")["flags"] == ["ERASED"]


def test_a_destroyed_key_denies_even_before_it_was_known() -> None:
    destroyed = [*GRANTED, entry("k1", "KeyDestroyed", "2026-11-30T10:00")]
    found = asked(destroyed, "2026-02-01T12:00", known_at="2026-02-01T12:00:00+00:00")
    assert (found["decision"], found["flags"]) == ("DENY", ["ERASED"])


def test_a_merge_moves_everything_and_an_unmerge_moves_it_back() -> None:
    merged = [
        ADULT,
        born("1980-05-05", subject="A2") | {"id": "d2"},
        grant("2026-01-10T10:00", subject="A2", given_by="A2"),
        entry("m1", "IdentityMerged", "2026-02-01T10:00", **{"from": "A2", "into": "A1"}),
    ]
    split = entry("u1", "IdentityUnmerged", "2026-03-01T10:00", **{"from": "A2", "into": "A1"})
    assert asked(merged, "2026-02-02T12:00")["decision"] == "PERMIT"
    assert asked(merged, "2026-02-02T12:00", subject="A2")["flags"] == ["IDENTITY_MERGED"]
    assert asked([*merged, split], "2026-02-02T12:00")["decision"] == "DENY"
    assert asked([*merged, split], "2026-02-02T12:00", subject="A2")["decision"] == "PERMIT"


def test_a_withdrawal_that_moves_to_a_person_is_late_for_that_person() -> None:
    moved = [
        *GRANTED,
        withdrawal("2026-03-01T10:00", subject="A2", given_by="A2"),
        entry("x1", "EntryReattributed", "2026-04-01T10:00", entry="w1", to="A1")
        | {"from": "A2", "subject": "A2"},
    ]
    late = asked(moved, "2026-03-15T12:00")["flags"]
    assert late == ["CONSENT_WITHDRAWN", "LATE_GAP"]
    assert asked(moved, "2026-04-01T10:00")["flags"] == ["CONSENT_WITHDRAWN"]


def test_a_late_fact_that_changes_nothing_opens_no_gap() -> None:
    late = {"recorded_at": "2026-06-01T10:00:00+00:00"}
    given = [*GRANTED, withdrawal("2026-03-01T10:00", purpose="GROUP", **late)]
    assert asked(given, "2026-04-01T12:00")["flags"] == []


@pytest.mark.parametrize(
    ("kind", "fields", "flag"),
    [
        ("ConsentWithdrawn", {"given_by": "A1", "capacity": "SELF"}, "CONSENT_WITHDRAWN"),
        ("ConsentRefused", {"given_by": "A1"}, "CONSENT_WITHDRAWN"),
        ("ObjectionReceived", {"kind": "ART21_1"}, "OBJECTION_TREATED_AS_WITHDRAWAL"),
        ("PurposeMateriallyChanged", {"subject": None, "notice": "V4.0"}, "PURPOSE_CHANGED"),
    ],
)
def test_at_the_same_instant_the_restrictive_entry_wins(
    kind: str, fields: Document, flag: str
) -> None:
    against = entry("x1", kind, "2026-01-10T10:00", **{"purpose": "PHOTO", **fields})
    for given in ([against, *GRANTED], [*GRANTED, against]):
        assert asked(given, "2026-01-10T10:00")["flags"] == [flag]


def test_the_controller_consents_to_its_own_processing_in_no_capacity() -> None:
    deputy = {"holder": "BOLTON", "kind": "DEPUTY"}
    given = [
        ADULT,
        entry("a1", "AuthorityStarted", "2026-01-01T10:00", **deputy),
        grant("2026-01-10T10:00", given_by="BOLTON", capacity="DEPUTY"),
    ]
    assert asked(given, "2026-02-01T12:00")["flags"] == ["SELF_CONSENT"]


def test_a_swap_is_blocked_even_when_the_consent_line_was_ended_with_it() -> None:
    basis = {"purpose": "PHOTO", "subject": None}
    given = [
        *GRANTED,
        withdrawal("2026-03-01T10:00"),
        entry("b1", "BasisEnded", "2026-03-01T10:00", article6="a", **basis),
        entry("b2", "BasisDeclared", "2026-03-02T10:00", article6="e", **basis),
    ]
    found = asked(given, "2026-04-01T12:00")
    assert (found["decision"], found["flags"]) == ("DENY", ["SWAP_AFTER_WITHDRAWAL"])


def test_a_line_declared_before_the_withdrawal_goes_on_and_asks_whether_the_person_was_told() -> (
    None
):
    basis = entry("b1", "BasisDeclared", "2026-02-01T10:00", purpose="PHOTO", article6="e")
    given = [*GRANTED, basis, withdrawal("2026-03-01T10:00")]
    told = entry("n1", "NoticeProvided", "2026-03-02T10:00", notice="V3.0")
    withdrawn = ["CONSENT_WITHDRAWN", "CONSENT_WITHDRAWN_OTHER_BASIS"]
    assert asked(given, "2026-04-01T12:00")["flags"] == [*withdrawn, "FAIRNESS_REVIEW"]
    assert asked([*given, told], "2026-04-01T12:00")["flags"] == withdrawn
    assert asked([*given, told], "2026-04-01T12:00")["live"] == ["e"]


def test_an_exception_opens_a_limited_purpose_to_use_and_not_to_collection() -> None:
    given = [
        *GRANTED,
        entry("r1", "RestrictionApplied", "2026-02-01T10:00", purpose="*", ground="c"),
        entry("r2", "RestrictionExceptionRecorded", "2026-02-02T10:00", kind="LEGAL_CLAIMS")
        | {"decided_by": "SW7"},
    ]
    named = {"exception": "LEGAL_CLAIMS"}
    decisions = {
        operation: asked(given, "2026-03-01T12:00", operation=operation, **named)["decision"]
        for operation in ("USE", "SHARE", "COLLECT")
    }
    assert decisions == {"USE": "PERMIT", "SHARE": "PERMIT", "COLLECT": "PERMIT_LIMITED"}
    assert asked(given, "2026-03-01T12:00")["decision"] == "PERMIT_LIMITED"


def test_a_plan_ends_at_18_though_nobody_recorded_the_end() -> None:
    started = entry("s1", "StatusStarted", "2026-01-05T09:00", kind="CPP")
    given = [born("2008-02-29"), started]
    before = asked(given, "2026-02-28T23:59", purpose="CPIS")
    after = asked(given, "2026-03-01T00:00", purpose="CPIS")
    recent = asked(given, "2027-02-28T23:59", purpose="CPIS_RECENT")
    over = asked(given, "2027-03-01T00:00", purpose="CPIS_RECENT")
    assert [a["decision"] for a in (before, after, recent, over)] == [
        "PERMIT",
        "DENY",
        "PERMIT",
        "DENY",
    ]


def test_an_age_nobody_knows_is_that_of_a_child() -> None:
    own = [grant("2026-01-10T10:00")]
    able = entry("c1", "CompetenceAssessed", "2026-01-09T10:00", purpose="*", competent=True)
    assert asked(own, "2026-02-01T12:00")["flags"] == ["NO_AUTHORITY"]
    assert asked([able, *own], "2026-02-01T12:00")["decision"] == "PERMIT"


def test_a_question_about_a_day_gets_its_least_permissive_answer() -> None:
    given = [*GRANTED, withdrawal("2026-03-01T10:00")]
    assert asked(given, "2026-02-28") == asked(given, "2026-02-28T12:00")
    assert asked(given, "2026-03-01")["flags"] == ["CONSENT_WITHDRAWN", "INTRADAY_CHANGE"]
    assert asked(given, "2026-01-10") == {
        "decision": "DENY",
        "live": [],
        "conditions": [],
        "flags": ["INTRADAY_CHANGE"],
    }


def test_nothing_is_permitted_for_a_purpose_nobody_described() -> None:
    found = asked([], "2026-03-01T12:00", purpose="NOSUCH")
    assert (found["decision"], found["flags"]) == ("DENY", ["UNKNOWN_PURPOSE"])
    assert asked([], "2026-03-01T12:00", purpose="SAFEGUARD")["decision"] == "PERMIT"


@pytest.mark.parametrize(
    ("field", "value"),
    [("operation", "SELL"), ("data", "secret"), ("effective_at", "2026-03-01T12:00:00")],
)
def test_a_question_that_cannot_be_read_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field if field != "effective_at" else "offset"):
        asked(GRANTED, "2026-03-01T12:00", **{field: value})


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_list_matters_to_no_scenario(seed: int) -> None:
    print(f"random.Random({seed})")
    for name, scenario, question in every_ask():
        shuffled = random.Random(seed).sample(scenario["given"], len(scenario["given"]))
        both = [ask(given, CATALOGUE, {}, question) for given in (scenario["given"], shuffled)]
        assert both[0] == both[1], name
