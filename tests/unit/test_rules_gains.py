"""Lines that the law itself gives a purpose when a provision commences (LAW05)."""

from typing import Any

from tests.unit.stories import Story, flags, steps


def gained(**more: Any) -> Story:
    story = Story()
    gains = [{"purpose": "SAFEGUARD", "article6": "c", "source": "CA2004 s.16LA"}]
    loaded: dict[str, Any] = {
        "provision": "ca2004.16LA",
        "article": "Children Act 2004 s.16LA",
        "gains": gains,
    }
    start = {"link": "made up", "in_force_from": "2026-09-01T00:00:00+01:00"}
    story.record("LawLoaded", "2026-07-01T10:00", subject=None, **{**loaded, **start, **more})
    return story


def test_a_commenced_duty_gives_its_purpose_a_line_from_that_day_on() -> None:
    story = gained()
    before, after = story.ask("SAFEGUARD", "2026-08-31T22:59"), story.ask("SAFEGUARD")

    assert (before.live, after.live) == (("e",), ("c", "e"))
    assert [(one.source, one.entry) for one in after.relied_on] == [
        ("CA1989 s.17, Sch 2; CA2004 s.11", "catalogue"),
        ("CA2004 s.16LA", "e2"),
    ]
    assert steps(after, "line.declared") == [(True, None, ("catalogue", "e2"))]
    assert story.ask("SAFEGUARD", "2026-08-31T23:00").live == ("c", "e")
    assert story.ask("SAFEGUARD", known="2026-06-30T10:00").live == ("e",)
    assert story.ask("CARE_RECORD").live == ("e",)


def test_a_duty_that_is_repealed_takes_its_line_with_it() -> None:
    story = gained(in_force_until="2026-10-01T00:00:00+01:00")

    assert story.ask("SAFEGUARD", "2026-09-30T22:59").live == ("c", "e")
    assert story.ask("SAFEGUARD", "2026-09-30T23:00").live == ("e",)


def test_an_objection_decided_before_a_duty_commenced_keeps_its_outcome_until_then() -> None:
    story = gained()
    objection = story.record(
        "ObjectionReceived", "2026-08-01T10:00", purpose="SAFEGUARD", kind="ART21_1"
    )
    story.record(
        "ObjectionDecided",
        "2026-08-05T10:00",
        objection=objection,
        outcome="UPHELD",
        informed_at="2026-08-05T10:00",
    )
    before, after = story.ask("SAFEGUARD", "2026-08-20T10:00"), story.ask("SAFEGUARD")

    assert (before.decision, flags(before)) == ("DENY", ["OBJECTION_UPHELD"])
    assert (after.decision, after.live) == ("PERMIT", ("c",))
    assert flags(after) == ["OBJECTION_NOT_AVAILABLE", "OBJECTION_UPHELD"]


def test_a_line_by_law_is_ended_as_any_other() -> None:
    story = gained()
    story.record("BasisEnded", "2026-10-01T10:00", purpose="SAFEGUARD", article6="c")

    assert story.ask("SAFEGUARD", "2026-09-30T10:00").live == ("c", "e")
    assert story.ask("SAFEGUARD").live == ("e",)


def test_a_line_by_law_after_a_withdrawal_is_no_swap() -> None:
    gains = [{"purpose": "PHOTO", "article6": "e", "source": "CA2004 s.16LA"}]
    story = gained(gains=gains)
    story.grant()
    story.withdraw("2026-03-05T10:00")

    assert story.ask().live == ("e",)


def test_law_without_lines_gives_none() -> None:
    story = gained(gains=None)

    assert story.ask("SAFEGUARD").live == ("e",)
