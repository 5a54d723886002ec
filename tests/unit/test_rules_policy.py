"""Policy settings: where the law is silent, each alternative of the law specification, section 10.

The README of the scenarios says which expectations hold only under a default; the rest shows what
each alternative does. Not here: whether a setting may be recorded (`admit`).
"""

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.rules.rulebook import WHOLE_MAX, PolicyRow, uk_gdpr
from ledger.scenario import read_scenario, run
from tests.unit.stories import (
    CATALOGUE,
    SCENARIOS,
    Story,
    catalogue_with,
    child,
    flags,
    just_before,
    purpose,
    steps,
)

SET = "2026-03-02T10:00"
# The scenarios' catalogue says in a note alone which purpose matches NHS numbers.
MARKED = replace(
    CATALOGUE,
    purposes=tuple(
        replace(one, nhs_number_matching=one.id == "NHSNO") for one in CATALOGUE.purposes
    ),
)
ALTERNATIVES: list[tuple[str, bool | int | str, str]] = [
    ("auto_restrict_on_objection", False, "S26#2 S26#3 S27#1 S32#2 S34#1 S48#1"),
    ("rep_consent_lapses_at_16", False, "S18#2"),
    ("rep_consent_lapses_on_competence", False, "S17#2"),
    ("contested_pr_consent", "first consent stands", "S16#2"),
    ("rep_authority_end", "lapse", "S23#1"),
    ("leap_birthday", "28 Feb", ""),
    ("consent_review_months", 0, ""),
    ("consent_review_months", 6, ""),
    ("nhs_objection_scope", "all uses", "S48#2"),
    ("vital_interest_max_hours", 0, ""),
    ("info_notice_window_days", 30, ""),
    ("cpis_lookback_months", 0, ""),
    ("read_audit", "best_effort", ""),
]


@pytest.mark.parametrize(("setting", "value", "listed"), ALTERNATIVES)
def test_exactly_the_listed_asks_depend_on_a_setting(
    setting: str, value: bool | int | str, listed: str
) -> None:
    scenarios = [read_scenario(path.read_bytes()) for path in SCENARIOS.glob("S*.json")]
    changed = {
        f"{outcome.scenario}#{outcome.ask}"
        for one in scenarios
        for outcome in run(replace(one, policy={setting: value}), MARKED, uk_gdpr())
        if not outcome.ok
    }

    assert changed == set(listed.split())


def set_policy(story: Story, setting: str, value: bool | int | str, **more: Any) -> None:
    fields = {"subject": None, "setting": setting, "value": value, **more}
    story.record("PolicySet", fields.pop("at", SET), **fields)


def test_a_setting_counts_from_its_moment_and_its_recording_and_the_last_one_wins() -> None:
    story = Story()
    story.record("ObjectionReceived", "2026-01-01T10:00", purpose="SAFEGUARD", kind="ART21_1")
    set_policy(story, "auto_restrict_on_objection", False, recorded="2026-04-01T10:00")
    set_policy(story, "auto_restrict_on_objection", True, at="2026-06-01T10:00")
    moments = [just_before(SET), SET, "2026-05-31T10:00", "2026-06-01T10:00"]

    assert [str(story.ask("SAFEGUARD", at).decision) for at in moments] == [
        "PERMIT_LIMITED",
        "PERMIT",
        "PERMIT",
        "PERMIT_LIMITED",
    ]
    assert story.ask("SAFEGUARD", SET, known="2026-03-31T10:00").decision == "PERMIT_LIMITED"


def test_a_setting_that_the_rule_book_lacks_changes_nothing() -> None:
    story = Story()
    set_policy(story, "no_such_setting", False)

    assert story.ask("SAFEGUARD").decision == "PERMIT"


# Each alternative.


def test_an_objection_need_not_limit_until_the_person_invokes_a_restriction() -> None:
    story = Story(policy={"auto_restrict_on_objection": False})
    story.record("ObjectionReceived", SET, purpose="SAFEGUARD", kind="ART21_1")
    found = story.ask("SAFEGUARD")
    assert (found.decision, flags(found)) == ("PERMIT", ["OBJECTION_PENDING"])

    story.record("RestrictionApplied", SET, purpose="SAFEGUARD", ground="d")
    assert story.ask("SAFEGUARD").decision == "PERMIT_LIMITED"


def test_a_research_objection_limits_whatever_the_setting() -> None:
    document = catalogue_with([purpose("SURVEY", "e", research=True, task=False)])
    story = Story(document=document, policy={"auto_restrict_on_objection": False})
    story.record("ObjectionReceived", SET, purpose="SURVEY", kind="ART21_6")

    assert story.ask("SURVEY").decision == "PERMIT_LIMITED"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"rep_consent_lapses_at_16": False}, ["REVIEW_REP_CONSENT"]),
        ({"rep_consent_lapses_on_competence": False}, ["REP_CONSENT_LAPSED_COMPETENT"]),
    ],
)
def test_at_16_a_representatives_consent_may_want_a_review_instead(
    policy: dict[str, bool | int | str], expected: list[str]
) -> None:
    story = child("2010-03-06", policy=policy)
    story.by_mother()
    found = story.ask()

    assert flags(found) == expected
    assert steps(found, "consent.lapsed") == [(True, expected[0], ("e3",))]
    assert found.decision == ("PERMIT" if expected == ["REVIEW_REP_CONSENT"] else "DENY")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"rep_consent_lapses_on_competence": False}, ["REVIEW_REP_CONSENT"]),
        ({"rep_consent_lapses_at_16": False}, ["REP_CONSENT_LAPSED_COMPETENT"]),
    ],
)
def test_on_competence_a_representatives_consent_may_want_a_review_instead(
    policy: dict[str, bool | int | str], expected: list[str]
) -> None:
    story = child(policy=policy)
    story.by_mother()
    story.record("CompetenceAssessed", "2026-02-01T10:00", purpose="PHOTO", competent=True)

    assert flags(story.ask()) == expected


def test_where_a_person_is_16_and_competent_either_setting_ends_the_consent() -> None:
    for setting in ("rep_consent_lapses_at_16", "rep_consent_lapses_on_competence"):
        story = child("2010-03-06", policy={setting: False})
        story.by_mother()
        story.record("CompetenceAssessed", "2026-02-01T10:00", purpose="PHOTO", competent=True)
        assert flags(story.ask()) == ["REP_CONSENT_LAPSED_COMPETENT"]


def test_the_first_of_two_parents_may_have_the_say() -> None:
    story = child(policy={"contested_pr_consent": "first consent stands"})
    story.parent(holder="DAD")
    story.by_mother()
    story.record("ConsentRefused", "2026-02-01T10:00", purpose="PHOTO", given_by="DAD")

    assert (story.ask().decision, flags(story.ask())) == ("PERMIT", [])


def test_a_consent_may_lapse_with_the_authority_of_its_giver() -> None:
    story = child(policy={"rep_authority_end": "lapse"})
    story.by_mother()
    story.record("AuthorityEnded", "2026-02-01T10:00", holder="MUM", kind="PR")
    found = story.ask()

    assert (found.decision, flags(found)) == ("DENY", ["REVIEW_REP_AUTHORITY_ENDED"])
    assert story.ask(at="2026-02-01T09:59").decision == "PERMIT"


@pytest.mark.parametrize(
    ("policy", "reached"), [({}, "2026-03-01T00:00"), ({"leap_birthday": "28 Feb"}, None)]
)
def test_a_person_born_on_29_february_has_a_birthday_by_policy_in_a_common_year(
    policy: dict[str, bool | int | str], reached: str | None
) -> None:
    at = reached or "2026-02-28T00:00"
    story = Story(born="2008-02-29", policy=policy)
    story.record("StatusStarted", "2026-01-01T10:00", kind="CPP")

    assert story.ask("CPIS", just_before(at)).decision == "PERMIT"
    assert story.ask("CPIS", at).decision == "DENY"


def test_the_months_after_which_a_consent_wants_a_review_are_policy_and_none_is_never() -> None:
    story = Story(policy={"consent_review_months": 6})
    story.grant("2026-01-10T10:00")
    assert flags(story.ask(at="2026-07-10T08:59")) == []
    assert flags(story.ask(at="2026-07-10T09:00")) == ["CONSENT_REVIEW_DUE"]

    never = Story(policy={"consent_review_months": 0})
    never.grant("2019-01-10T10:00")
    assert flags(never.ask()) == []


def test_an_objection_about_the_nhs_number_may_reach_all_uses() -> None:
    document = catalogue_with([purpose("MATCH", "e", nhs_number_matching=True)])
    for policy, kind, name, reached in (
        ({}, "ART21_1", "MATCH", False),
        ({}, "NHS_NUMBER", "CARE_RECORD", False),
        ({"nhs_objection_scope": "all uses"}, "ART21_1", "MATCH", True),
        ({"nhs_objection_scope": "all uses"}, "NHS_NUMBER", "CARE_RECORD", True),
        ({"nhs_objection_scope": "all uses"}, "ART21_1", "CARE_RECORD", False),
        ({"nhs_objection_scope": "all uses"}, "ART21_1", "NOSUCH", False),
    ):
        chosen: dict[str, bool | int | str] = {**policy}
        story = Story(document=document, policy=chosen)
        story.record("ObjectionReceived", SET, purpose=name, kind=kind)
        assert flags(story.ask("SAFEGUARD")) == (["OBJECTION_PENDING"] if reached else [])


def test_the_hours_after_which_vital_interests_want_a_review_are_policy() -> None:
    story = Story(policy={"vital_interest_max_hours": 1})
    story.record("BasisDeclared", SET, purpose="NEWP", article6="d")

    assert flags(story.ask("NEWP", "2026-03-02T10:59")) == []
    assert flags(story.ask("NEWP", "2026-03-02T11:00")) == ["REVIEW_VITAL_INTERESTS"]


def test_the_look_back_is_what_the_catalogue_says_of_the_purpose() -> None:
    document = catalogue_with([purpose("RECENT", "e", triggers=["CPP"], lookback_months=1)])
    story = Story(born="2020-06-01", document=document)
    story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusEnded", "2026-02-05T09:00", kind="CPP")

    assert story.ask("RECENT", "2026-03-05T08:59").decision == "PERMIT"
    assert story.ask("RECENT", "2026-03-05T09:00").decision == "DENY"


# What a setting takes.


@pytest.mark.parametrize(
    ("default", "allowed", "value", "takes"),
    [
        (True, None, False, True),
        (True, None, 1, False),
        (True, None, "true", False),
        (24, None, 0, True),
        (24, None, 36, True),
        (24, None, -1, False),
        (24, None, True, False),
        (24, None, "24", False),
        ("a", ("a", "b"), "b", True),
        ("a", ("a", "b"), "c", False),
        ("a", None, "anything", True),
        ("a", None, 1, False),
        (1, (1, 2), 2, True),
        (1, (1, 2), 3, False),
    ],
)
def test_a_setting_takes_a_value_of_its_own_type_and_of_its_list(
    default: bool | int | str,
    allowed: tuple[bool | int | str, ...] | None,
    value: bool | int | str,
    takes: bool,
) -> None:
    row = PolicyRow(setting="s", default=default, because="b", allowed=allowed)

    assert row.takes(value) is takes


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("auto_restrict_on_objection", "true or false"),
        ("consent_review_months", f"a whole number from 0 to {WHOLE_MAX}"),
        ("leap_birthday", "one of: 1 March, 28 Feb"),
    ],
)
def test_a_setting_says_in_words_what_it_takes(setting: str, said: str) -> None:
    assert uk_gdpr().policies[setting].said() == said


def test_a_setting_without_a_list_takes_any_text_and_no_number_beyond_reason() -> None:
    free = PolicyRow(setting="s", default="text", because="b")
    months = uk_gdpr().policies["consent_review_months"]

    assert free.said() == "text"
    assert (months.takes(WHOLE_MAX), months.takes(WHOLE_MAX + 1)) == (True, False)


def test_every_setting_takes_its_own_default_and_says_why() -> None:
    policies = uk_gdpr().policies

    assert all(row.takes(row.default) and row.because for row in policies.values())
    assert {name: row.default for name, row in policies.items()} == uk_gdpr().defaults
    assert all(uk_gdpr().policies[name].takes(value) for name, value, _ in ALTERNATIVES)
