"""What counts at a state of knowledge: corrections, identity, and when a fact takes effect."""

from typing import Any

import pytest

from ledger.history import Dossier, History, item
from ledger.wire import read_fact
from tests.unit.stories import NOW, Story, flags, instant, just_before, steps

GRANTED, WITHDRAWN, CORRECTED = "2026-01-10T10:00", "2026-03-05T10:00", "2026-04-01T10:00"


def withdrawn(**more: Any) -> Story:
    """A1 consented (e2) and took it back (e3)."""
    story = Story()
    story.grant(GRANTED)
    story.withdraw(WITHDRAWN, **more)
    return story


def outcome(story: Story, **asked: Any) -> tuple[str, list[str]]:
    found = story.ask(**asked)
    return str(found.decision), flags(found)


PERMITTED: tuple[str, list[str]] = ("PERMIT", [])
DENIED = ("DENY", ["CONSENT_WITHDRAWN"])


# Annulled and superseded.


@pytest.mark.parametrize("name", ["EntryAnnulled", "EntrySuperseded"])
def test_a_correction_acts_from_its_recording_for_every_moment(name: str) -> None:
    story = withdrawn()
    more = {"replacement": "e2"} if name == "EntrySuperseded" else {}
    story.record(name, CORRECTED, entry="e3", recorded=CORRECTED, **more)

    assert outcome(story, at=WITHDRAWN) == outcome(story, at="2026-05-01T10:00") == PERMITTED
    assert outcome(story, known=just_before(CORRECTED), at=WITHDRAWN) == DENIED
    assert outcome(story, known=CORRECTED, at=WITHDRAWN) == PERMITTED


def test_the_effective_moment_of_a_correction_does_not_matter() -> None:
    for at in ("2020-01-01T10:00", "2030-01-01T10:00"):
        story = withdrawn()
        story.record("EntryAnnulled", at, entry="e3", recorded=CORRECTED)
        assert outcome(story) == PERMITTED


def test_an_annulled_annulment_is_void_and_so_on() -> None:
    story, wanted = withdrawn(), DENIED
    target = "e3"
    for day in range(1, 5):
        assert outcome(story) == wanted
        target = story.record("EntryAnnulled", f"2026-04-0{day}T10:00", entry=target)
        wanted = PERMITTED if wanted == DENIED else DENIED
    assert outcome(story) == wanted == DENIED


def test_an_annulled_supersession_brings_the_first_entry_back() -> None:
    story = withdrawn()
    replacement = story.withdraw("2026-06-01T10:00", recorded=CORRECTED, received_at=CORRECTED)
    superseded = story.record("EntrySuperseded", CORRECTED, entry="e3", replacement=replacement)
    assert outcome(story, at="2026-05-01T10:00") == PERMITTED
    assert outcome(story, at="2026-06-01T10:00") == DENIED

    story.record("EntryAnnulled", "2026-04-02T10:00", entry=superseded)
    assert outcome(story, at="2026-05-01T10:00") == DENIED


def test_of_corrections_recorded_in_one_request_the_later_one_acts_first() -> None:
    story = withdrawn()
    first = story.record("EntryAnnulled", CORRECTED, entry="e3")
    story.record("EntryAnnulled", CORRECTED, entry=first)

    assert outcome(story) == DENIED


@pytest.mark.parametrize("name", ["EntryAnnulled", "EntrySuperseded"])
def test_no_correction_brings_back_what_was_destroyed(name: str) -> None:
    more = {"replacement": "e2"} if name == "EntrySuperseded" else {}
    for kind, fields in (("ErasureExecuted", {"purpose": "PHOTO"}), ("KeyDestroyed", {})):
        story = withdrawn()
        erasure = story.record(kind, "2026-03-10T10:00", **fields)
        story.record(name, CORRECTED, entry=erasure, **more)
        items = story.dossier().at(instant(NOW)).items
        assert erasure in [one.entry for one in items]


def test_a_correction_of_an_entry_for_everyone_reaches_everyone() -> None:
    story = Story()
    line = {"purpose": "NEWP", "article6": "e"}
    declared = story.record("BasisDeclared", WITHDRAWN, subject=None, **line)
    assert story.ask("NEWP", subject="A2").decision == "PERMIT"
    story.record("EntryAnnulled", CORRECTED, subject=None, entry=declared)
    assert story.ask("NEWP", subject="A2").decision == "DENY"


# Another person's entry.


def reattributed(story: Story, entry: str, at: str = CORRECTED, **more: str) -> str:
    moved = {"from": "A1", "to": "A2", **more}
    return story.record("EntryReattributed", at, entry=entry, **moved)


def two_people() -> Story:
    """A1's consent (e3), which is really A2's; both are adults."""
    story = Story()
    born = {"date_of_birth": "1990-01-01", "subject": "A2"}
    story.record("DateOfBirthRecorded", "2018-05-25T00:00", **born)
    story.grant(GRANTED)
    return story


def test_a_reattributed_consent_becomes_the_other_persons_own_from_then_on() -> None:
    story = two_people()
    reattributed(story, "e3")

    assert outcome(story) == ("DENY", [])
    assert outcome(story, subject="A2") == PERMITTED
    assert outcome(story, known=just_before(CORRECTED)) == PERMITTED
    assert outcome(story, subject="A2", known=just_before(CORRECTED)) == ("DENY", [])
    assert outcome(story, subject="A2", at=GRANTED) == PERMITTED


def test_what_somebody_else_gave_stays_given_by_them() -> None:
    story = two_people()
    story.parent(subject="A2")
    story.grant("2026-02-01T10:00", given_by="MUM", capacity="DEPUTY")
    reattributed(story, "e5")

    assert flags(story.ask(subject="A2")) == ["NO_AUTHORITY"]
    story.record("AuthorityStarted", "2019-01-01T00:00", subject="A2", holder="MUM", kind="DEPUTY")
    assert outcome(story, subject="A2") == PERMITTED


def test_an_entry_may_move_back_and_counts_where_it_was_moved_last() -> None:
    story = two_people()
    reattributed(story, "e3")
    reattributed(story, "e3", "2026-04-02T10:00", **{"from": "A2", "to": "A1"})
    assert (outcome(story), outcome(story, subject="A2")) == (PERMITTED, ("DENY", []))

    reattributed(story, "e3", "2026-04-03T10:00")
    assert (outcome(story), outcome(story, subject="A2")) == (("DENY", []), PERMITTED)


def test_an_annulled_reattribution_moves_nothing() -> None:
    story = two_people()
    moved = reattributed(story, "e3")
    story.record("EntryAnnulled", "2026-04-02T10:00", entry=moved)

    assert (outcome(story), outcome(story, subject="A2")) == (PERMITTED, ("DENY", []))


def test_a_withdrawal_that_moves_is_late_for_whom_it_moves_to() -> None:
    story = two_people()
    story.grant(GRANTED, subject="A2", given_by="A2")
    story.withdraw(WITHDRAWN)
    reattributed(story, "e5")
    late = ("DENY", ["CONSENT_WITHDRAWN", "LATE_GAP"])

    assert outcome(story) == PERMITTED
    assert outcome(story, subject="A2", at=just_before(CORRECTED)) == late
    assert outcome(story, subject="A2", at=CORRECTED) == DENIED
    (gap,) = story.ask(subject="A2", at="2026-03-06T10:00").late_gaps
    assert (gap.start, gap.end) == (instant(WITHDRAWN), instant(CORRECTED))


def test_a_consent_found_invalid_is_invalid_wherever_it_counts() -> None:
    before, after = two_people(), two_people()
    before.record("ConsentInvalidated", "2026-03-20T10:00", consent="e3")
    reattributed(before, "e3")
    reattributed(after, "e3")
    after.record("ConsentInvalidated", "2026-04-20T10:00", consent="e3")

    for story in (before, after):
        assert flags(story.ask(subject="A2")) == ["CONSENT_INVALIDATED"]
        assert outcome(story) == ("DENY", [])


def test_what_was_said_of_an_entry_goes_and_comes_back_with_it() -> None:
    story = two_people()
    story.record("ConsentInvalidated", "2026-03-20T10:00", consent="e3")
    reattributed(story, "e3")
    reattributed(story, "e3", "2026-04-02T10:00", **{"from": "A2", "to": "A1"})

    assert flags(story.ask()) == ["CONSENT_INVALIDATED"]
    finding = (True, "CONSENT_INVALIDATED", ("e3", "e4"))
    assert steps(story.ask(), "consent.valid") == [finding]


@pytest.mark.parametrize("at", ["2026-03-20T10:00", "2026-05-01T10:00"])
def test_the_end_of_a_status_that_counts_for_another_person_ends_nobody_elses(at: str) -> None:
    story = Story(born="2020-06-01")
    moved = story.record("StatusStarted", GRANTED, kind="LAC")
    story.record("StatusStarted", GRANTED, kind="CPP")
    story.record("StatusEnded", at, kind="CPP", status=moved)
    reattributed(story, moved)

    assert story.ask("CPIS", "2026-06-01T10:00").decision == "PERMIT"
    assert story.ask("CPIS", "2026-06-01T10:00", subject="A2").decision == "DENY"
    assert story.ask("CPIS", "2026-03-10T10:00", subject="A2").decision == "PERMIT"


@pytest.mark.parametrize("at", ["2025-06-01T10:00", "2026-05-01T10:00"])
def test_the_end_of_an_authority_that_counts_for_another_person_ends_nobody_elses(at: str) -> None:
    story = Story(born="2013-06-01")
    moved = story.parent("2025-01-01T10:00")
    story.parent("2025-01-01T10:00")
    story.record("AuthorityEnded", at, holder="MUM", kind="PR", authority=moved)
    reattributed(story, moved)
    story.by_mother("2026-05-10T10:00")
    assert outcome(story) == PERMITTED

    story.record("AuthorityEnded", "2026-05-09T10:00", holder="MUM", kind="PR")
    assert outcome(story) == ("DENY", ["NO_AUTHORITY"])


# One person after all.


def merged(story: Story, at: str = CORRECTED) -> str:
    return story.record("IdentityMerged", at, subject="A2", **{"from": "A2", "into": "A1"})


def unmerged(story: Story, at: str) -> str:
    return story.record("IdentityUnmerged", at, subject="A2", **{"from": "A2", "into": "A1"})


def second_identity() -> Story:
    """A2 consented (e3); A1 is the same person, and did not."""
    story = Story()
    born = {"date_of_birth": "1980-05-05", "subject": "A2"}
    story.record("DateOfBirthRecorded", "2018-05-25T00:00", **born)
    story.grant(GRANTED, subject="A2", given_by="A2")
    return story


def test_after_a_merge_everything_counts_for_the_survivor_and_the_other_is_denied() -> None:
    story = second_identity()
    merge = merged(story)
    other = story.ask(subject="A2")

    assert outcome(story) == PERMITTED
    assert (other.decision, flags(other)) == ("DENY", ["IDENTITY_MERGED"])
    assert steps(other, "person.merged") == [(True, "IDENTITY_MERGED", (merge,))]
    assert story.dossier("A2").at(instant(NOW)).merged_into == "A1"
    assert story.dossier("A1").at(instant(NOW)).merged_into is None


def test_a_merge_is_known_from_its_recording() -> None:
    story = second_identity()
    merged(story)

    assert outcome(story, known=just_before(CORRECTED)) == ("DENY", [])
    assert outcome(story, subject="A2", known=just_before(CORRECTED)) == PERMITTED


def test_an_unmerge_gives_each_their_own_again() -> None:
    story = second_identity()
    merged(story)
    unmerged(story, "2026-05-01T10:00")

    assert (outcome(story), outcome(story, subject="A2")) == (("DENY", []), PERMITTED)
    assert outcome(story, known="2026-04-30T10:00") == PERMITTED


def test_an_annulled_merge_was_none_and_an_annulled_unmerge_leaves_the_merge() -> None:
    story = second_identity()
    merge = merged(story)
    apart = unmerged(story, "2026-05-01T10:00")
    story.record("EntryAnnulled", "2026-05-02T10:00", subject="A2", entry=apart)
    assert (outcome(story), flags(story.ask(subject="A2"))) == (PERMITTED, ["IDENTITY_MERGED"])

    story.record("EntryAnnulled", "2026-05-03T10:00", subject="A2", entry=merge)
    assert (outcome(story), outcome(story, subject="A2")) == (("DENY", []), PERMITTED)


def test_a_merge_after_an_unmerge_counts_again() -> None:
    story = second_identity()
    merged(story)
    unmerged(story, "2026-05-01T10:00")
    merged(story, "2026-06-01T10:00")

    assert (outcome(story), flags(story.ask(subject="A2"))) == (PERMITTED, ["IDENTITY_MERGED"])


def test_an_unmerge_of_another_pair_undoes_nothing() -> None:
    story = second_identity()
    merged(story)
    story.record(
        "IdentityUnmerged", "2026-05-01T10:00", subject="A2", **{"from": "A2", "into": "A3"}
    )

    assert flags(story.ask(subject="A2")) == ["IDENTITY_MERGED"]


def test_what_had_left_an_identity_is_not_merged_with_it() -> None:
    story = second_identity()
    reattributed(story, "e3", "2026-03-20T10:00", **{"from": "A2", "to": "A3"})
    merged(story)

    assert outcome(story) == ("DENY", [])
    born = {"date_of_birth": "1980-05-05", "subject": "A3"}
    story.record("DateOfBirthRecorded", "2018-05-25T00:00", **born)
    assert outcome(story, subject="A3") == PERMITTED


def test_a_merge_of_a_merged_identity_carries_both() -> None:
    story = second_identity()
    story.record("IdentityMerged", "2026-03-20T10:00", subject="A2", **{"from": "A2", "into": "A3"})
    story.record("IdentityMerged", CORRECTED, subject="A3", **{"from": "A3", "into": "A1"})

    assert outcome(story) == PERMITTED
    assert flags(story.ask(subject="A3")) == ["IDENTITY_MERGED"]


# The order of facts, and views.


def fact(name: str, at: str, **more: Any) -> Any:
    moment = instant(at).isoformat()
    return read_fact({"type": name, "effective_at": moment, **more})


def test_facts_follow_one_another_by_effect_then_recording_then_position() -> None:
    plan = [
        ("b", "2026-01-02T10:00", 1),
        ("c", "2026-01-02T10:00", 1),
        ("a", "2026-01-01T10:00", 2),
    ]
    items = [
        item(n=n, entry=entry, recorded_at=instant(f"2026-02-0{day}T10:00"), fact=death)
        for n, (entry, at, day) in enumerate(plan)
        if (death := fact("DeathRecorded", at))
    ]

    order = [one.entry for one in Dossier("A1", items).at(instant(NOW)).items]
    assert order == ["a", "b", "c"]
    early = [one.entry for one in Dossier("A1", items).at(instant("2026-02-01T10:00")).items]
    assert early == ["b", "c"]


def test_a_dossier_answers_for_the_past_whatever_was_asked_before() -> None:
    story = withdrawn()
    dossier = story.dossier()
    now, then = instant(NOW), instant("2026-02-01T10:00")

    assert len(dossier.at(now).items) == 3
    assert len(dossier.at(then).items) == 2
    assert dossier.at(now) is dossier.at(instant("2027-01-01T10:00"))
    assert dossier.version == 3
    assert Dossier("A9").at(then).items == ()


def test_leaving_facts_out_leaves_the_rest_of_a_history_as_it_is() -> None:
    story = second_identity()
    merged(story)
    history = story.dossier("A2").at(instant(NOW))
    (grant,) = [one for one in history.items if one.entry == "e3"]
    less = history.without(frozenset({(grant.n, grant.entry)}))

    assert grant not in less.items
    assert less.merge == history.merge is not None
    assert len(less.items) == len(history.items) - 1


def test_leaving_facts_out_brings_back_neither_what_left_nor_what_was_destroyed() -> None:
    story = two_people()
    reattributed(story, "e3")
    items = story.dossier().items
    history = Dossier("A1", items, destroyed=True).at(instant(NOW))
    less = history.without(frozenset())

    assert (less.elsewhere, less.destroyed) == (frozenset({"e3"}), True)
    assert (Dossier("A1", items).destroyed, History(items).destroyed) == (False, False)
