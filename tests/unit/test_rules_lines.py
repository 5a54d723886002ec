"""Which article 6 lines are asserted, and which of them the law lets live."""

import pytest

from tests.unit.stories import Story, catalogue_with, flags, just_before, purpose, steps

DATED = {"effective_from": "2026-03-02", "effective_until": "2026-07-01"}


def declared(story: Story, at: str, article6: str = "e", /, **more: str | None) -> str:
    return story.record("BasisDeclared", at, **{"purpose": "NEWP", "article6": article6, **more})


# Lines of the catalogue.


@pytest.mark.parametrize(
    ("at", "decision"),
    [
        ("2026-03-01T23:59", "DENY"),
        ("2026-03-02T00:00", "PERMIT"),
        ("2026-06-30T22:59", "PERMIT"),
        ("2026-06-30T23:00", "DENY"),
    ],
)
def test_a_line_lives_from_its_first_day_in_london_until_its_last_has_gone(
    at: str, decision: str
) -> None:
    line = {"article6": "e", **DATED}
    story = Story(document=catalogue_with([{**purpose("VISITS"), "lines": [line]}]))

    assert story.ask("VISITS", at).decision == decision


def test_a_line_serves_only_the_operations_that_it_names() -> None:
    line = {"article6": "e", "effective_from": "2018-05-25", "operations": ["COLLECT", "STORE"]}
    story = Story(document=catalogue_with([{**purpose("VISITS"), "lines": [line]}]))
    found = {name: story.ask("VISITS", operation=name) for name in ("USE", "COLLECT", "STORE")}

    assert [found[name].decision for name in found] == ["DENY", "PERMIT", "PERMIT"]
    assert steps(found["USE"], "line.declared") == [(False, None, ())]


def test_a_line_for_other_operations_stands_in_the_way_of_none_after_it() -> None:
    dated = {"effective_from": "2018-05-25"}
    lines = [{"article6": "c", "operations": ["STORE"], **dated}, {"article6": "e", **dated}]
    story = Story(document=catalogue_with([{**purpose("VISITS"), "lines": lines}]))

    assert story.ask("VISITS").live == ("e",)
    assert story.ask("VISITS", operation="STORE").live == ("c", "e")


def test_an_answer_names_the_lines_it_relies_on_in_the_order_of_the_law() -> None:
    story = Story(document=catalogue_with([purpose("VISITS", "e", "c", "b", "e")]))
    found = story.ask("VISITS")

    assert found.live == ("b", "c", "e")
    assert [(line.article6, line.entry) for line in found.relied_on] == [
        (article, "catalogue") for article in ("e", "c", "b", "e")
    ]


def test_a_line_says_which_law_it_comes_from() -> None:
    (line,) = Story().ask("SAFEGUARD").relied_on

    assert (line.source, line.suspended) == ("CA1989 s.17, Sch 2; CA2004 s.11", False)


# Declarations.


def test_a_declared_line_lives_from_the_declaration_on_for_this_purpose_and_person() -> None:
    story = Story()
    entry = declared(story, "2026-03-02T10:00", source="CA1989 s.17")
    found = story.ask("NEWP", "2026-03-02T10:00")

    assert (found.decision, found.live) == ("PERMIT", ("e",))
    assert [(one.source, one.entry) for one in found.relied_on] == [("CA1989 s.17", entry)]
    assert story.ask("NEWP", just_before("2026-03-02T10:00")).decision == "DENY"
    assert story.ask("NEWP", subject="A2").decision == "DENY"
    assert story.ask("CHARITY").decision == "DENY"


def test_a_line_declared_for_everyone_serves_everyone() -> None:
    story = Story()
    declared(story, "2026-03-02T10:00", subject=None)

    assert story.ask("NEWP", subject="A2").decision == "PERMIT"


def test_a_declaration_reaches_back_only_with_evidence_of_the_time() -> None:
    recorded = "2026-03-02T10:00"
    for evidence, before in ((None, "DENY"), ("minute 7", "PERMIT")):
        story = Story()
        more = {"contemporaneous_evidence": evidence} if evidence else {}
        entry = declared(story, "2026-02-01T10:00", recorded=recorded, **more)
        found = story.ask("NEWP", just_before(recorded))
        flagged = [] if evidence else ["RETROSPECTIVE_RELABEL"]
        assert (found.decision, flags(found)) == (before, flagged)
        wanted = (bool(flagged), flagged[0] if flagged else None, (entry,) if flagged else ())
        assert steps(found, "line.retrospective") == [wanted]
        assert flags(story.ask("NEWP", recorded)) == []
        assert flags(story.ask("NEWP", just_before("2026-02-01T10:00"))) == []
        assert flags(story.ask("NEWP", "2026-02-01T10:00")) == flagged
        assert flags(story.ask("CHARITY", just_before(recorded))) == []


def test_a_correction_counts_once_the_person_was_informed_and_is_flagged_while_it_carries() -> None:
    story = Story()
    story.grant()
    told = {"correction": "WRONG_FROM_START", "informed_at": "2026-04-01T10:00"}
    entry = declared(story, "2026-03-02T10:00", purpose="PHOTO", **told)
    early, late = story.ask(at="2026-04-01T09:59"), story.ask(at="2026-04-01T10:00")

    assert (early.live, flags(early)) == (("a",), [])
    assert (late.live, flags(late)) == (("a", "e"), ["BASIS_CORRECTED"])
    assert steps(late, "line.corrected") == [(True, "BASIS_CORRECTED", (entry,))]


def test_informing_does_not_put_off_a_declaration_that_corrects_nothing() -> None:
    story = Story()
    declared(story, "2026-03-02T10:00", informed_at="2026-04-01T10:00")

    assert story.ask("NEWP", "2026-03-02T10:00").decision == "PERMIT"


def test_a_correction_without_informing_counts_from_its_recording() -> None:
    story = Story()
    back = {"correction": "WRONG_FROM_START", "recorded": "2026-03-02T10:00"}
    declared(story, "2026-02-01T10:00", **back)

    decisions = [story.ask("NEWP", at).decision for at in ("2026-03-02T09:59", "2026-03-02T10:00")]
    assert decisions == ["DENY", "PERMIT"]


def test_an_annotation_of_the_past_changes_no_line_and_shows_on_a_line_of_its_letter() -> None:
    story = Story()
    entry = story.record("BasisCorrected", "2026-03-02T10:00", purpose="SAFEGUARD", article6="e")
    story.record("BasisCorrected", "2026-03-02T10:00", purpose="SAFEGUARD", article6="c")
    story.record("BasisCorrected", "2026-03-02T10:00", purpose="CARE_RECORD", article6="e")
    found = story.ask("SAFEGUARD", "2026-03-02T10:00")

    assert (found.decision, found.live, flags(found)) == ("PERMIT", ("e",), ["BASIS_CORRECTED"])
    assert steps(found, "line.corrected") == [(True, "BASIS_CORRECTED", (entry,))]
    assert flags(story.ask("SAFEGUARD", just_before("2026-03-02T10:00"))) == []
    assert flags(story.ask("S47")) == ["DUTY_NOT_ENGAGED"]


# The end of a line.


def test_a_line_that_the_controller_ended_is_dead_and_a_later_declaration_starts_it_anew() -> None:
    story = Story()
    declared(story, "2026-03-02T10:00")
    end = story.record("BasisEnded", "2026-03-05T10:00", purpose="NEWP", article6="e")
    declared(story, "2026-03-08T10:00")
    moments = ["2026-03-05T09:59", "2026-03-05T10:00", "2026-03-08T09:59", "2026-03-08T10:00"]

    assert [story.ask("NEWP", at).decision for at in moments] == [
        "PERMIT",
        "DENY",
        "DENY",
        "PERMIT",
    ]
    assert steps(story.ask("NEWP", moments[1]), "line.ended") == [(True, None, (end,))]


def test_at_the_same_instant_the_end_of_a_line_wins_over_its_declaration() -> None:
    for first, second in (("BasisDeclared", "BasisEnded"), ("BasisEnded", "BasisDeclared")):
        story = Story()
        for name in (first, second):
            story.record(name, "2026-03-02T10:00", purpose="NEWP", article6="e")
        assert story.ask("NEWP").decision == "DENY"


def test_declarations_for_one_person_and_for_everyone_follow_one_another_by_their_time() -> None:
    story = Story()
    declared(story, "2026-03-02T10:00", subject=None)
    story.record("BasisEnded", "2026-03-03T10:00", purpose="NEWP", article6="e")
    declared(story, "2026-03-04T10:00")
    story.record("BasisEnded", "2026-03-05T10:00", purpose="NEWP", article6="e", subject=None)
    moments = [f"2026-03-0{day}T11:00" for day in range(2, 6)]

    assert [str(story.ask("NEWP", at).decision) for at in moments] == [
        "PERMIT",
        "DENY",
        "PERMIT",
        "DENY",
    ]
    last = story.ask("NEWP", moments[3])
    assert [entries for _, _, entries in steps(last, "line.ended")] == [("e3",), ("e5",)]


def test_the_end_of_a_line_that_nobody_asserted_finds_nothing() -> None:
    story = Story()
    story.record("BasisEnded", "2026-03-03T10:00", purpose="SAFEGUARD", article6="a")

    assert steps(story.ask("SAFEGUARD"), "line.ended") == [(False, None, ())]


def test_an_end_stops_no_other_letter_and_no_other_purpose() -> None:
    story = Story(document=catalogue_with([purpose("VISITS", "c", "e")]))
    story.record("BasisEnded", "2026-03-05T10:00", purpose="SAFEGUARD_G", article6="e")
    story.record("BasisEnded", "2026-03-05T10:00", purpose="VISITS", article6="e")

    assert story.ask("VISITS").live == ("c",)
    assert story.ask("SAFEGUARD").live == ("e",)


# What the law lets live.


def test_a_recognised_interest_lives_from_the_day_the_provision_is_in_force() -> None:
    named = purpose("HELP", "ea", "f", controller="HARBOUR_CHARITY", task=False)
    story = Story(document=catalogue_with([named]))
    early, late = story.ask("HELP", "2026-02-04T23:59"), story.ask("HELP", "2026-02-05T00:00")

    assert (early.live, flags(early)) == (("f",), ["LAW_NOT_IN_FORCE"])
    assert steps(early, "line.in_force") == [(True, "LAW_NOT_IN_FORCE", ("catalogue",))]
    assert (late.live, flags(late)) == (("ea", "f"), [])


@pytest.mark.parametrize(
    ("controller", "task", "live"),
    [
        ("BOLTON", True, ("e",)),
        ("BOLTON", False, ("e", "ea", "f")),
        ("HARBOUR_CHARITY", True, ("e", "ea", "f")),
    ],
)
def test_only_the_tasks_of_a_public_authority_bar_recognised_and_legitimate_interests(
    controller: str, task: bool, live: tuple[str, ...]
) -> None:
    named = purpose("HELP", "e", "ea", "f", controller=controller, task=task)
    found = Story(document=catalogue_with([named])).ask("HELP")

    assert found.live == live
    assert flags(found) == (["PUBLIC_AUTHORITY_BAR"] if len(live) == 1 else [])
    matched = (True, "PUBLIC_AUTHORITY_BAR", ("catalogue", "catalogue"))
    assert (matched in steps(found, "line.public_authority")) is (len(live) == 1)


def test_a_duty_that_depends_on_a_status_lives_while_the_status_does() -> None:
    story = Story(born="2020-06-01")
    start = story.record("StatusStarted", "2026-03-02T10:00", kind="S47")
    story.record("StatusEnded", "2026-03-05T10:00", kind="S47", status=start)
    moments = ["2026-03-02T09:59", "2026-03-02T10:00", "2026-03-05T09:59", "2026-03-05T10:00"]
    found = [story.ask("S47", at) for at in moments]

    assert [one.decision for one in found] == ["DENY", "PERMIT", "PERMIT", "DENY"]
    assert [flags(one) for one in found] == [
        ["DUTY_NOT_ENGAGED"],
        [],
        [],
        ["DUTY_NOT_ENGAGED"],
    ]
    assert steps(found[0], "line.duty_engaged") == [(True, "DUTY_NOT_ENGAGED", ("catalogue",))]


def test_vital_interests_want_a_review_after_72_hours_and_go_on() -> None:
    story = Story()
    entry = declared(story, "2026-03-02T10:00", "d")
    early, late = story.ask("NEWP", "2026-03-05T09:59"), story.ask("NEWP", "2026-03-05T10:00")

    assert (early.decision, flags(early)) == ("PERMIT", [])
    assert (late.decision, flags(late)) == ("PERMIT", ["REVIEW_VITAL_INTERESTS"])
    assert steps(late, "line.vital_interests") == [(True, "REVIEW_VITAL_INTERESTS", (entry,))]
    assert flags(story.ask("SAFEGUARD")) == []


# Swaps.


def swap(article6: str = "e", /, at: str = "2026-03-05T10:00", **more: str) -> Story:
    story = Story()
    story.grant()
    story.withdraw("2026-03-05T10:00")
    declared(story, at, article6, purpose="PHOTO", **more)
    return story


@pytest.mark.parametrize(
    ("article6", "at", "decision"),
    [
        ("e", "2026-03-05T10:01", "DENY"),
        ("e", "2026-03-05T10:00", "PERMIT"),
        ("e", "2026-03-05T09:00", "PERMIT"),
        ("c", "2026-03-05T10:01", "PERMIT"),
        ("b", "2026-03-05T10:01", "PERMIT"),
    ],
)
def test_no_discretionary_line_first_declared_after_a_withdrawal_takes_the_place_of_consent(
    article6: str, at: str, decision: str
) -> None:
    found = swap(article6, at=at).ask(at="2026-04-01T10:00")

    assert found.decision == decision
    assert ("SWAP_AFTER_WITHDRAWAL" in flags(found)) is (decision == "DENY")
    if decision == "DENY":
        assert steps(found, "line.swap") == [(True, "SWAP_AFTER_WITHDRAWAL", ("e3", "e4"))]


def test_a_documented_correction_is_no_swap() -> None:
    found = swap(at="2026-03-06T10:00", correction="WRONG_FROM_START").ask(at="2026-04-01T10:00")

    assert (found.decision, found.live) == ("PERMIT", ("e",))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ConsentRefused", {"given_by": "A1"}),
        ("ObjectionReceived", {"kind": "ART21_1"}),
    ],
)
def test_a_refusal_and_an_objection_bar_a_swap_as_a_withdrawal_does(
    name: str, fields: dict[str, str]
) -> None:
    story = Story()
    story.grant()
    story.record(name, "2026-03-05T10:00", purpose="PHOTO", **fields)
    declared(story, "2026-03-06T10:00", purpose="PHOTO")

    assert "SWAP_AFTER_WITHDRAWAL" in flags(story.ask(at="2026-03-07T10:00"))


def test_the_first_of_several_endings_is_what_a_swap_is_measured_by() -> None:
    story = Story()
    story.grant()
    story.record("ObjectionReceived", "2026-03-04T10:00", purpose="PHOTO", kind="ART21_1")
    declared(story, "2026-03-05T10:00", purpose="PHOTO")
    story.withdraw("2026-03-06T10:00")

    assert "SWAP_AFTER_WITHDRAWAL" in flags(story.ask(at="2026-03-07T10:00"))
