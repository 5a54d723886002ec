"""Is there a question at all: the person, the purpose, the recipient, the status it needs."""

import pytest

from tests.unit.stories import Story, catalogue_with, flags, just_before, purpose, steps

RETAINED = {"article6": "c", "source": "SI 2010/959 reg 50", "operations": ["STORE"]}


def decisions(story: Story, name: str, *moments: str, **more: str) -> list[str]:
    return [str(story.ask(name, at, **more).decision) for at in moments]


# The person.


def test_a_person_never_heard_of_gets_a_public_task_and_no_consent() -> None:
    nobody = Story(born=None)

    assert nobody.ask("SAFEGUARD").decision == "PERMIT"
    assert nobody.ask("PHOTO").decision == "DENY"
    assert steps(nobody.ask("SAFEGUARD"), "line.declared") == [(True, None, ("catalogue",))]


def test_after_a_death_there_is_no_question_left_and_before_it_there_was() -> None:
    story = Story()
    story.grant()
    death = story.record("DeathRecorded", "2026-03-01T10:00", recorded="2026-04-01T10:00")
    dead = story.ask(at="2026-03-01T10:00")

    assert (dead.decision, flags(dead), dead.live) == ("OUT_OF_SCOPE", ["DECEASED", "LATE_GAP"], ())
    assert steps(dead, "person.deceased") == [(True, "DECEASED", (death,))]
    assert story.ask(at=just_before("2026-03-01T10:00")).decision == "PERMIT"
    assert story.ask(at="2026-03-01T10:00", known="2026-03-31T10:00").decision == "PERMIT"


def test_the_first_rule_that_closes_the_case_is_the_last_in_the_trace() -> None:
    story = Story()
    story.record("DeathRecorded", "2026-03-01T10:00")

    assert [step.rule for step in story.ask().because] == [
        "person.destroyed",
        "person.merged",
        "person.deceased",
    ]


def test_what_was_destroyed_is_denied_at_every_moment_and_whatever_was_known() -> None:
    story = Story()
    story.grant()

    for asked in ({}, {"known": "2026-02-01T00:00"}, {"at": "2026-02-01T00:00"}):
        found = story.ask(destroyed=True, **asked)
        assert (found.decision, flags(found), found.next_change_at) == ("DENY", ["ERASED"], None)
        assert [step.rule for step in found.because] == ["person.destroyed"]


def test_a_recorded_destruction_of_keys_destroys_the_record_in_a_scenario_too() -> None:
    story = Story()
    story.grant()
    assert story.dossier().destroyed is False
    story.record("KeyDestroyed", "2026-11-01T10:00", key_ids=["k1"])

    assert story.dossier().destroyed is True
    assert story.dossier(None).destroyed is False


def test_an_erasure_denies_from_its_moment_on_for_its_purpose_even_storage() -> None:
    story = Story()
    story.grant()
    erasure = story.record("ErasureExecuted", "2026-03-01T10:00", purpose="PHOTO")
    found = story.ask(operation="STORE", at="2026-03-01T10:00")

    assert (found.decision, flags(found)) == ("DENY", ["ERASED"])
    assert steps(found, "person.erased") == [(True, "ERASED", (erasure,))]
    assert story.ask("SAFEGUARD").decision == "PERMIT"
    before = story.ask(at=just_before("2026-03-01T10:00"))
    assert (before.decision, flags(before)) == ("PERMIT", ["EVIDENCE_TOMBSTONE"])


def test_an_erasure_of_every_purpose_reaches_each_of_them() -> None:
    story = Story()
    story.record("ErasureExecuted", "2026-03-01T10:00", purpose="*")

    assert [flags(story.ask(name)) for name in ("PHOTO", "SAFEGUARD")] == [["ERASED"]] * 2


# The purpose.


def test_an_unknown_purpose_is_never_permitted() -> None:
    found = Story().ask("NOSUCH", operation="STORE")

    assert (found.decision, flags(found), found.live) == ("DENY", ["UNKNOWN_PURPOSE"], ())


def test_a_purpose_is_unknown_until_a_catalogue_that_declares_it_is_in_force() -> None:
    story = Story(document=catalogue_with([purpose("VISITS", "e")]))
    assert story.ask("VISITS").decision == "PERMIT"
    assert flags(story.ask("VISITS", "0001-01-01T12:00")) == ["UNKNOWN_PURPOSE"]


def test_the_newest_catalogue_in_force_at_the_moment_asked_about_counts() -> None:
    story = Story(document=catalogue_with([purpose("VISITS", "e")]))
    document: dict[str, list[str]] = {"controllers": [], "purposes": []}
    story.record("CatalogueAdopted", "2026-03-01T10:00", subject=None, catalogue=document)

    at, before = "2026-03-01T10:00", just_before("2026-03-01T10:00")
    assert decisions(story, "VISITS", before, at) == ["PERMIT", "DENY"]
    assert story.ask("VISITS", before).relied_on[0].entry == "catalogue"
    assert story.ask("VISITS", at, known=before).decision == "PERMIT"


# The recipient.

BODIES = [
    {"id": "NHS", "title": "The NHS"},
    {"id": "ICB", "title": "Integrated care board", "effective_from": "2026-07-01"},
    {"id": "CCG", "title": "Clinical commissioning group", "effective_until": "2026-07-01"},
    {"id": "BANK", "title": "A bank"},
]
SHARED = Story(
    document=catalogue_with(
        [purpose("VISITS", "e", recipients=["NHS", "ICB", "CCG"])], recipients=BODIES
    )
)


@pytest.mark.parametrize(
    ("named", "at", "decision"),
    [
        ("NHS", "2026-01-01T00:00", "PERMIT"),
        ("BANK", "2026-01-01T00:00", "DENY"),
        ("NOBODY", "2026-01-01T00:00", "DENY"),
        ("ICB", "2026-06-30T22:59", "DENY"),
        ("ICB", "2026-06-30T23:00", "PERMIT"),
        ("CCG", "2026-06-30T22:59", "PERMIT"),
        ("CCG", "2026-06-30T23:00", "DENY"),
    ],
)
def test_data_are_shared_only_with_whom_the_catalogue_declares_at_that_moment(
    named: str, at: str, decision: str
) -> None:
    found = SHARED.ask("VISITS", at, operation="SHARE", recipient=named)

    assert found.decision == decision
    assert flags(found) == ([] if decision == "PERMIT" else ["RECIPIENT_NOT_DECLARED"])


def test_sharing_that_names_nobody_is_flagged_and_goes_on() -> None:
    found = SHARED.ask("VISITS", operation="SHARE")

    assert (found.decision, flags(found)) == ("PERMIT", ["RECIPIENT_NOT_NAMED"])


def test_a_recipient_matters_to_sharing_alone() -> None:
    assert flags(SHARED.ask("VISITS", operation="USE", recipient="BANK")) == []


# The status.


def test_each_kind_that_triggers_a_purpose_does_and_no_other() -> None:
    for kind, decision in (("CPP", "PERMIT"), ("UCPP", "PERMIT"), ("S47", "DENY")):
        story = Story(born="2020-06-01")
        story.record("StatusStarted", "2026-01-05T09:00", kind=kind)
        assert decisions(story, "CPIS", "2026-01-05T09:00") == [decision]
        assert decisions(story, "CPIS", just_before("2026-01-05T09:00")) == ["DENY"]


def test_a_status_is_live_until_the_end_that_names_it() -> None:
    story = Story(born="2020-06-01")
    first = story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusEnded", "2026-02-05T09:00", kind="CPP", status=first)

    assert decisions(story, "CPIS", "2026-02-05T08:59", "2026-02-05T09:00") == ["PERMIT", "DENY"]


def test_an_end_that_names_no_status_ends_the_latest_of_its_kind_begun_by_then() -> None:
    story = Story(born="2020-06-01")
    story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusStarted", "2026-01-07T09:00", kind="CPP")
    story.record("StatusEnded", "2026-01-07T09:00", kind="CPP")
    assert decisions(story, "CPIS", "2026-01-08T09:00") == ["PERMIT"]

    story.record("StatusEnded", "2026-01-06T09:00", kind="CPP")
    between = ["2026-01-05T10:00", "2026-01-06T09:00", "2026-01-08T09:00"]
    assert decisions(story, "CPIS", *between) == ["PERMIT", "DENY", "DENY"]


def test_an_end_of_another_kind_or_before_every_start_ends_nothing() -> None:
    story = Story(born="2020-06-01")
    story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusEnded", "2026-02-05T09:00", kind="LAC")
    story.record("StatusEnded", "2026-01-04T09:00", kind="CPP")

    assert decisions(story, "CPIS", "2026-03-05T09:00") == ["PERMIT"]


def test_an_end_at_the_very_start_leaves_no_status_at_all() -> None:
    story = Story(born="2020-06-01")
    first = story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusEnded", "2026-01-05T09:00", kind="CPP", status=first)

    assert flags(story.ask("CPIS_RECENT", "2026-01-05T09:00")) == ["TRIGGER_NOT_MET"]


@pytest.mark.parametrize(
    ("kind", "after"), [("CPP", "DENY"), ("LAC", "DENY"), ("UCPP", "PERMIT"), ("S47", "PERMIT")]
)
def test_a_plan_and_being_looked_after_end_at_18_though_nobody_recorded_the_end(
    kind: str, after: str
) -> None:
    story = Story(
        born="2008-07-01", document=catalogue_with([purpose("CASE", "e", triggers=[kind])])
    )
    story.record("StatusStarted", "2026-01-05T09:00", kind=kind)

    assert decisions(story, "CASE", "2026-06-30T22:59", "2026-06-30T23:00") == ["PERMIT", after]


def test_a_status_recorded_as_begun_after_18_never_was() -> None:
    story = Story(born="2008-01-01")
    story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")

    assert flags(story.ask("CPIS_RECENT", "2026-01-06T09:00")) == ["TRIGGER_NOT_MET"]


def test_a_status_that_ended_within_the_look_back_still_serves_and_says_so() -> None:
    story = Story(born="2020-06-01")
    first = story.record("StatusStarted", "2026-01-05T09:00", kind="CPP")
    story.record("StatusEnded", "2026-02-05T09:00", kind="CPP", status=first)
    recent = story.ask("CPIS_RECENT", "2026-02-05T09:00")

    assert (recent.decision, flags(recent)) == ("PERMIT", ["RECENT_STATUS"])
    assert steps(recent, "purpose.trigger") == [(True, "RECENT_STATUS", (first,))]
    assert decisions(story, "CPIS_RECENT", "2027-02-05T08:59", "2027-02-05T09:00") == [
        "PERMIT",
        "DENY",
    ]
    assert decisions(story, "CPIS", "2026-02-05T09:00") == ["DENY"]


def test_storage_goes_on_without_the_status_under_a_line_that_only_keeps() -> None:
    lines = [
        {"article6": "e", "effective_from": "2018-05-25"},
        {**RETAINED, "effective_from": "2018-05-25"},
    ]
    kept = {**purpose("CARE", triggers=["LAC"]), "lines": lines}
    story = Story(document=catalogue_with([kept]))
    stored, used = story.ask("CARE", operation="STORE"), story.ask("CARE")

    assert (stored.decision, stored.live, flags(stored)) == ("PERMIT", ("c",), ["TRIGGER_NOT_MET"])
    assert (used.decision, flags(used)) == ("DENY", ["TRIGGER_NOT_MET"])
    assert [step.rule for step in used.because][-1] == "purpose.trigger"


def test_a_line_that_allows_more_than_keeping_keeps_nothing_without_the_status() -> None:
    lines = [{"article6": "e", "effective_from": "2018-05-25", "operations": ["STORE", "USE"]}]
    story = Story(document=catalogue_with([{**purpose("CARE", triggers=["LAC"]), "lines": lines}]))

    found = story.ask("CARE", operation="STORE")
    assert (found.decision, found.because[-1].rule) == ("DENY", "purpose.trigger")


def test_a_line_that_was_declared_is_no_line_that_only_keeps() -> None:
    story = Story(document=catalogue_with([purpose("CARE", triggers=["LAC"])]))
    story.record("BasisDeclared", "2026-03-02T10:00", purpose="CARE", article6="c")
    found = story.ask("CARE", operation="STORE")

    assert (found.decision, found.because[-1].rule) == ("DENY", "purpose.trigger")
