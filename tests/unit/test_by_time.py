"""What time alone changed between recordings, on what was known then."""

from datetime import datetime

from projections.by_time import Before, TimeChange, changes, since_known, stretches
from projections.standing import standings
from tests.unit.stories import Story, child, instant

PERMITTED, DENIED = ("PERMIT", ("a",)), ("DENY", ())
GRANTED = "2026-01-10T10:00"


def found(
    story: Story, until: str, *, n: int = 0, catalogue_n: int = 99, before: Before | None = None
) -> list[TimeChange]:
    """What changed for PHOTO since the n-th entry about anybody; from the first without a row."""
    dossier, common, end = story.dossier(), story.dossier(None), instant(until)
    (now,) = standings(
        dossier, common, story.law, purposes=["PHOTO"], effective_at=end, known_at=end
    )
    way = (
        since_known(dossier, common, n=n)
        if before is None
        else stretches(dossier, common, n=n, catalogue_n=catalogue_n)
    )
    return [
        each for one in way for each in changes(one, before, now, rulebook=story.law, until=end)
    ]


def told(some: list[TimeChange]) -> list[tuple[datetime, object, object]]:
    return [
        (one.effective_at, (one.decision_before, one.live_before), (one.decision, one.live))
        for one in some
    ]


def places(story: Story) -> list[int]:
    """The n of each entry about the person."""
    return [one.n for one in story.dossier().items]


def test_an_expiry_is_found_from_the_first_entry_or_from_a_row():
    story = Story()
    story.grant(GRANTED, expires_at="2026-02-01T00:00")
    expiry = [(instant("2026-02-01T00:00"), PERMITTED, DENIED)]
    assert told(found(story, "2026-03-01T00:00")) == expiry
    assert told(found(story, "2026-02-01T00:00")) == expiry
    assert told(found(story, "2026-01-31T00:00")) == []
    row = Before(decision="PERMIT", live=("a",), next_change_at=instant("2026-02-01T00:00"))
    last = places(story)[-1]
    assert told(found(story, "2026-03-01T00:00", n=last, before=row)) == expiry
    unchanging = Before(decision="PERMIT", live=("a",), next_change_at=None)
    assert told(found(story, "2026-03-01T00:00", n=last, before=unchanging)) == []


def test_a_mothers_consent_ends_when_the_child_is_taken_to_be_competent():
    story = child(born="2010-03-03")
    story.by_mother("2026-01-10T10:00")
    sixteenth = instant("2026-03-03T00:00")
    assert told(found(story, "2028-06-01T00:00")) == [(sixteenth, PERMITTED, DENIED)]


def test_what_an_entry_did_is_left_out_and_what_time_did_around_it_is_not():
    story = Story()
    story.grant(GRANTED, expires_at="2026-02-01T00:00")
    known = places(story)[-1]
    row = Before(decision="PERMIT", live=("a",), next_change_at=instant("2026-02-01T00:00"))
    story.withdraw("2026-02-10T00:00")
    story.grant("2026-03-01T00:00", expires_at="2026-03-05T00:00")
    story.grant("2026-03-10T00:00")
    story.withdraw("2026-04-01T00:00")
    assert told(found(story, "2026-05-01T00:00", n=known, before=row)) == [
        (instant("2026-02-01T00:00"), PERMITTED, DENIED),
        (instant("2026-03-05T00:00"), PERMITTED, DENIED),
    ]


def test_an_effect_asked_for_later_is_found_when_it_comes():
    story = Story()
    story.grant(GRANTED)
    asked = {"requested_effective_at": "2026-02-20T00:00"}
    story.withdraw("2026-02-20T00:00", recorded="2026-02-01T00:00", **asked)
    assert told(found(story, "2026-03-01T00:00")) == [
        (instant("2026-02-20T00:00"), PERMITTED, DENIED)
    ]


def test_what_was_learned_before_an_expiry_comes_first():
    story = Story()
    story.grant(GRANTED, expires_at="2026-02-01T00:00")
    known = places(story)[-1]
    row = Before(decision="PERMIT", live=("a",), next_change_at=instant("2026-02-01T00:00"))
    story.withdraw("2026-01-20T00:00")
    assert told(found(story, "2026-03-01T00:00", n=known, before=row)) == []


def test_of_somebody_without_new_entries_and_without_a_row_nothing_is_found():
    story = Story()
    story.grant(GRANTED, expires_at="2026-02-01T00:00")
    assert since_known(story.dossier(), story.dossier(None), n=places(story)[-1]) == ()


def test_a_stretch_knows_what_was_recorded_when_it_began():
    story = Story()
    story.grant(GRANTED)
    first, second = places(story)
    story.withdraw("2026-02-10T00:00")
    way = stretches(story.dossier(), story.dossier(None), n=first, catalogue_n=99)
    assert [(one.start, one.end) for one in way] == [
        (None, instant(GRANTED)),
        (instant(GRANTED), instant("2026-02-10T00:00")),
        (instant("2026-02-10T00:00"), None),
    ]
    assert [[one.n for one in each.dossier.items] for each in way] == [
        [first],
        [first, second],
        places(story),
    ]
