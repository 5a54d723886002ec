"""Two moments compared: what is named as changed did change, and because of what is named."""

from datetime import datetime, timedelta
from random import Random

import pytest

from ledger.history import Dossier
from ledger.rules.rulebook import uk_gdpr
from ledger.scenario import Streams, read_given
from projections.checks import purposes_of
from projections.compare import COMPARED, Cause, Compared, Moment, Record, changes, compare
from tests.histories import KINDS, World
from tests.richer_histories import FOCI
from tests.unit.stories import CATALOGUE, RAW_CATALOGUE, Story, instant

GRANTED = "2026-01-10T10:00"
HISTORIES = 25
SEED = 20261125


def moment(effective_at: str, known_at: str | None = None) -> Moment:
    return Moment(effective_at=instant(effective_at), known_at=instant(known_at or effective_at))


def record(story: Story, *, destroyed: bool = False) -> Record:
    person = Dossier("A1", story.dossier().items, destroyed=destroyed)
    return Record(person=person, catalogue=story.dossier(None), rulebook=story.law)


def compared(story: Story, before: Moment, after: Moment, purpose: str = "PHOTO") -> Compared:
    (found,) = compare(record(story), before=before, after=after, purposes=[purpose])
    return found


def told(causes: tuple[Cause, ...]) -> list[tuple]:
    return [(one.kind, one.by, one.at, one.entries) for one in causes]


def test_what_took_effect_between_the_moments_happened():
    story = Story()
    granted = story.grant(GRANTED)
    found = compared(story, moment("2026-01-01T00:00"), moment("2026-02-01T00:00"))
    assert (found.before.decision, found.after.decision) == ("DENY", "PERMIT")
    assert "decision" in found.changed
    assert told(found.causes) == [("happened", "entry", instant(GRANTED), (granted,))]


def test_what_was_recorded_between_the_moments_about_earlier_was_learned():
    story = Story()
    story.grant(GRANTED)
    late = story.withdraw("2026-02-01T00:00", recorded="2026-03-01T00:00")
    asked = "2026-02-15T00:00"
    found = compared(story, moment(asked), moment(asked, "2026-04-01T00:00"))
    assert (found.before.decision, found.after.decision) == ("PERMIT", "DENY")
    assert {"decision", "live", "flags", "late_gaps"} <= set(found.changed)
    assert told(found.causes) == [("learned", "entry", instant("2026-03-01T00:00"), (late,))]


def test_an_answer_can_change_because_of_both():
    story = Story()
    story.grant(GRANTED)
    late = {"recorded": "2026-03-01T00:00", "purpose": "PHOTO", "ground": "a"}
    restricted = story.record("RestrictionApplied", "2026-02-01T00:00", **late)
    withdrawn = story.withdraw("2026-03-10T00:00")
    found = compared(story, moment("2026-02-15T00:00"), moment("2026-04-01T00:00"))
    assert told(found.causes) == [
        ("learned", "entry", instant("2026-03-01T00:00"), (restricted,)),
        # The gap in which it was not yet known ends.
        ("happened", "time", instant("2026-03-01T00:00"), (restricted,)),
        ("happened", "entry", instant("2026-03-10T00:00"), (withdrawn,)),
    ]


def test_what_came_and_went_again_is_unchanged_and_has_no_cause():
    story = Story()
    story.grant(GRANTED)
    story.record("RestrictionApplied", "2026-02-01T00:00", purpose="PHOTO", ground="a")
    lifted = {"informed_at": "2026-03-01T00:00", "restriction": "e3"}
    story.record("RestrictionLifted", "2026-03-01T00:00", **lifted)
    found = compared(story, moment("2026-01-20T00:00"), moment("2026-04-01T00:00"))
    assert (found.changed, found.causes) == ((), ())
    assert found.before.decision == found.after.decision == "PERMIT"


def test_the_passing_of_time_is_a_cause_with_what_it_acted_on():
    story = Story()
    granted = story.grant(GRANTED, expires_at="2026-02-01T00:00")
    known = "2026-01-20T00:00"
    found = compared(story, moment(known), moment("2026-03-01T00:00", known))
    assert (found.before.decision, found.after.decision) == ("PERMIT", "DENY")
    assert told(found.causes) == [("happened", "time", instant("2026-02-01T00:00"), (granted,))]


def test_a_birthday_is_a_cause():
    story = Story(born="2008-02-20")
    story.parent()
    granted = story.by_mother(GRANTED)
    story.record("CompetenceAssessed", GRANTED, purpose="PHOTO", competent=False)
    found = compared(story, moment("2026-01-20T00:00"), moment("2026-03-01T00:00"))
    assert found.changed
    (cause,) = found.causes
    assert (cause.kind, cause.by, cause.at) == ("happened", "time", instant("2026-02-20T00:00"))
    assert granted in cause.entries


def test_of_one_request_only_the_entries_that_mattered_are_named():
    story = Story()
    granted = story.grant(GRANTED)
    story.record("StatusStarted", GRANTED, recorded=GRANTED, kind="CPP")
    found = compared(story, moment("2026-01-01T00:00"), moment("2026-02-01T00:00"))
    assert [one.entries for one in found.causes] == [(granted,)]


def test_two_entries_of_which_either_suffices_are_both_named():
    story = Story()
    story.grant(GRANTED)
    both = (
        story.withdraw("2026-02-01T00:00", recorded="2026-03-01T00:00"),
        story.withdraw("2026-02-01T00:00", recorded="2026-03-01T00:00"),
    )
    asked = "2026-02-15T00:00"
    found = compared(story, moment(asked), moment(asked, "2026-04-01T00:00"))
    assert found.causes[0].entries == both


def test_a_fact_that_came_from_another_person_is_named_where_it_took_effect():
    story = Story()
    story.grant("2026-01-05T00:00")
    gone = story.withdraw("2026-02-01T00:00", subject="C1", given_by="C1")
    fields = {"from": "C1", "into": "A1"}
    story.record("IdentityMerged", "2026-03-01T00:00", subject="C1", **fields)
    known = "2026-04-01T00:00"
    found = compared(story, moment("2026-01-20T00:00", known), moment("2026-02-10T00:00", known))
    assert ("happened", "entry", instant("2026-02-01T00:00"), (gone,)) in told(found.causes)


def test_what_concerns_everyone_is_a_cause_too():
    story = Story()
    ended = story.record(
        "BasisEnded", "2026-02-01T00:00", subject=None, purpose="SAFEGUARD", article6="e"
    )
    before, after = moment("2026-01-20T00:00"), moment("2026-03-01T00:00")
    found = compared(story, before, after, "SAFEGUARD")
    assert (found.before.decision, found.after.decision) == ("PERMIT", "DENY")
    assert told(found.causes) == [("happened", "entry", instant("2026-02-01T00:00"), (ended,))]
    assert compared(story, before, after, "PHOTO").changed == ()


def test_looking_back_in_time_finds_the_same_causes():
    story = Story()
    granted = story.grant(GRANTED)
    late = story.withdraw("2026-02-01T00:00", recorded="2026-03-01T00:00")
    early, later = moment("2026-01-01T00:00"), moment("2026-01-20T00:00")
    assert told(compared(story, later, early).causes) == [
        ("happened", "entry", instant(GRANTED), (granted,))
    ]
    asked = "2026-02-15T00:00"
    now, then = moment(asked, "2026-04-01T00:00"), moment(asked)
    assert told(compared(story, now, then).causes) == [
        ("learned", "entry", instant("2026-03-01T00:00"), (late,))
    ]


def test_an_erased_person_is_denied_at_both_moments():
    story = Story()
    story.grant(GRANTED)
    both = (moment("2026-01-01T00:00"), moment("2026-02-01T00:00"))
    (found,) = compare(
        record(story, destroyed=True), before=both[0], after=both[1], purposes=["PHOTO"]
    )
    assert (found.changed, found.before.flags) == ((), ("ERASED",))


def test_the_same_lines_declared_by_another_entry_are_no_change():
    story = Story()
    again = {"catalogue": RAW_CATALOGUE, "subject": None}
    story.record("CatalogueAdopted", "2026-02-01T00:00", **again)
    found = compared(story, moment("2026-01-20T00:00"), moment("2026-03-01T00:00"), "SAFEGUARD")
    declared = [one.relied_on[0].entry for one in (found.before, found.after)]
    assert declared[0] != declared[1]
    assert found.changed == ()


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_every_part_that_differs_has_a_cause_that_changed_it(nth):
    """Over random histories and moments, whichever of them comes first."""
    random = Random(SEED + nth)
    purposes, kinds = random.choice(FOCI)
    world, streams = World(purposes), Streams(CATALOGUE, {})
    for _ in range(25):
        before = len(world.given)
        world.record(random.choice(random.choice((KINDS, kinds or KINDS))), random.choice)
        for given in world.given[before:]:
            streams.record(read_given(given))
    common = streams.dossier(None)
    for name in world.people:
        whole = Record(person=streams.dossier(name), catalogue=common, rulebook=uk_gdpr())
        one, two = (any_moment(world, random) for _ in range(2))
        names = purposes_of(common, max(one.known_at, two.known_at))
        for found in compare(whole, before=one, after=two, purposes=names):
            assert found.changed == changes(found.before, found.after)
            named = {part for cause in found.causes for part in cause.changed}
            assert set(found.changed) <= named <= set(COMPARED)
            assert all(between(cause, one, two) for cause in found.causes)
            if not found.changed:
                assert found.causes == ()


def any_moment(world: World, random: Random) -> Moment:
    asked = world.question(random.choice)
    return Moment(
        effective_at=datetime.fromisoformat(asked["effective_at"]),
        known_at=datetime.fromisoformat(asked["known_at"]) + timedelta(days=random.choice((0, 9))),
    )


def between(cause: Cause, one: Moment, two: Moment) -> bool:
    ends = (
        (one.known_at, two.known_at)
        if cause.kind == "learned"
        else (one.effective_at, two.effective_at)
    )
    return min(ends) < cause.at <= max(ends)
