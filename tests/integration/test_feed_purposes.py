"""What the feed knows of purposes: to each reader what is theirs, and of the erased nothing."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ledger.errors import Fault
from projections.feed import BasisChanged, EntryRecorded
from projections.feed_cursor import earliest
from tests.integration.feeding import everything, feed_of, tailer
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


class Stories:
    """Entries of every way to say of which purpose one is, by what their purposes should be."""

    def __init__(self, ledger: Founded, wired: Wired) -> None:
        self.ledger = ledger
        self.wired = wired
        self.expected: dict[UUID, set[str]] = {}

    async def record(self, subject: UUID | None, fact: dict[str, Any], *purposes: str) -> str:
        """The id of the entry; what it brings onto other streams is about the same."""
        done = await self.wired.record(subject, fact)
        for one in done.entries:
            self.expected[one.event_id] = set(purposes)
        return str(done.entries[0].event_id)

    async def tell(self) -> tuple[UUID, UUID]:
        one, two = self.ledger.subject(), self.ledger.subject()
        await self.record(one, born())
        given = await self.record(one, consent(one, GIVEN), "PHOTO")
        group = await self.record(one, consent(one, GIVEN, "GROUP"), "GROUP")
        void = entry("ConsentInvalidated", "2026-04-01", consent=given)
        voided = await self.record(one, void, "PHOTO")
        annulled = await self.record(
            one, entry("EntryAnnulled", "2026-04-02", entry=voided), "PHOTO"
        )
        await self.record(one, entry("EntryAnnulled", "2026-04-03", entry=annulled), "PHOTO")
        await self.record(one, withdrawal(one, "2026-05-01T00:00:00Z", "*"), "*")
        objected = await self.record(
            one,
            {
                "type": "ObjectionReceived",
                "effective_at": "2026-05-01",
                "purpose": "SAFEGUARD",
                "kind": "ART21_1",
            },
            "SAFEGUARD",
        )
        decided = {
            "objection": objected,
            "outcome": "REJECTED",
            "informed_at": "2026-05-03T00:00:00Z",
        }
        await self.record(one, entry("ObjectionDecided", "2026-05-02", **decided), "SAFEGUARD")
        moved = entry("EntryReattributed", "2026-05-04", entry=group, to=str(two))
        await self.record(one, moved | {"from": str(one)}, "GROUP")
        await self.record(two, consent(two, GIVEN), "PHOTO")
        ended = entry("BasisEnded", "2026-05-01", purpose="PORTAL", article6="e")
        await self.record(None, ended, "PORTAL")
        return one, two


def test_an_entry_is_about_the_purpose_that_it_names_or_that_of_what_it_is_about(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        stories = Stories(ledger, wired)
        await stories.tell()
        told = await everything(feed_of(wired), earliest(1))
        found = {one.entry: set(one.purposes) for one in told if isinstance(one, EntryRecorded)}
        for entry_id, purposes in stories.expected.items():
            assert found[entry_id] == purposes
        by_type = {one.type: one.purposes for one in told if isinstance(one, EntryRecorded)}
        assert by_type["CatalogueAdopted"] == frozenset()
        again = feed_of(wired)
        await everything(again, earliest(1))
        assert await everything(again, earliest(1)) == told

    ledger.run(story)


def test_a_merge_is_about_the_purposes_of_what_it_brings(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        lost, kept = ledger.subject(), ledger.subject()
        await wired.record(kept, born())
        await wired.record(lost, born(), consent(lost, GIVEN), consent(lost, GIVEN, "GROUP"))
        merge = entry("IdentityMerged", "2026-05-04", into=str(kept)) | {"from": str(lost)}
        await wired.record(lost, merge)
        told = await everything(feed_of(wired), earliest(1))
        merges = [
            one for one in told if isinstance(one, EntryRecorded) and one.type == merge["type"]
        ]
        about = {one.subject: set(one.purposes) for one in merges}
        assert about == {lost: {"PHOTO", "GROUP"}, kept: {"PHOTO", "GROUP"}}

    ledger.run(story)


def test_a_bound_reader_is_told_of_their_purposes_and_moves_on_past_the_rest(ledger, monkeypatch):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        stories = Stories(ledger, wired)
        one, two = await stories.tell()
        feed = feed_of(wired)
        head = await feed.head()
        told = await everything(feed, earliest(1))
        for purposes in (frozenset({"PHOTO"}), frozenset({"GROUP", "PORTAL"}), frozenset[str]()):
            for looked_at in (1, 7, 5000):
                monkeypatch.setattr("projections.feed.LOOKED_AT_MAX", looked_at)
                seen = await everything(feed, earliest(1), limit=3, purposes=purposes)
                assert seen == [each for each in told if each.seen_by(purposes)]
            page = await feed.events(told[-2].cursor, limit=3, purposes=purposes)
            assert page.cursor == head
        photo = await everything(feed, earliest(1), purposes=frozenset({"PHOTO"}))
        named = {purpose for each in photo for purpose in each.purposes}
        assert named == {"PHOTO", "*"}
        assert {each.subject for each in photo} == {one, two, None}

    ledger.run(story)


def test_of_an_erased_person_no_purpose_is_told(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        erased, other = ledger.subject(), ledger.subject()
        for subject in (erased, other):
            ends = consent(subject, GIVEN, expires_at="2026-07-01T00:00:00Z")
            given = await wired.record(subject, born(), ends)
            void = entry("ConsentInvalidated", "2026-08-01", consent=str(given.entries[1].event_id))
            await tailer(wired).catch_up()
            await wired.record(subject, void)
        subjects = {erased: frozenset[str](), other: frozenset({"PHOTO"})}
        await wired.keys.destroy_person(erased)
        ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 1)", erased)
        told = await everything(feed_of(wired), earliest(1))
        found: dict[UUID, set[str]] = defaultdict(set)
        for one in told:
            if one.subject is not None:
                found[one.subject] |= one.purposes
        assert {subject: frozenset(found[subject]) for subject in subjects} == subjects

    ledger.run(story)


def test_a_change_about_somebody_erased_since_says_nothing_even_before_it_is_forgotten(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        erased = ledger.subject()
        ends = consent(erased, GIVEN, expires_at="2026-07-01T00:00:00Z")
        await wired.record(erased, born(), ends)
        await tailer(wired).catch_up()
        ledger.clock(NOW + timedelta(days=60))
        await tailer(wired).catch_up()
        feed = feed_of(wired)
        (change,) = [one for one in await everything(feed, earliest(1)) if one.time > NOW][-1:]
        assert isinstance(change, BasisChanged)
        assert change.purposes == frozenset({"PHOTO"})
        assert change.effective_at == datetime(2026, 7, 1, tzinfo=UTC)
        ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 1)", erased)
        (change,) = [one for one in await everything(feed, earliest(1)) if one.time > NOW][-1:]
        assert isinstance(change, BasisChanged)
        assert (change.purposes, change.effective_at) == (frozenset(), None)

    ledger.run(story)


def test_an_entry_that_was_altered_stops_the_feed_at_its_place(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        subject = ledger.subject()
        await wired.record(subject, born())
        await wired.record(subject, consent(subject, GIVEN))
        ledger.sql("UPDATE entry SET container = set_byte(container, 60, 0) WHERE n = 3")
        with pytest.raises(Fault, match="entry 0:3") as fault:
            await everything(feed_of(wired), earliest(1))
        assert str(subject) not in str(fault.value)

    ledger.run(story)
