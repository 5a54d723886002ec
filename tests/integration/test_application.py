"""A ledger through the library's Application: it records as any other way in does."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)

from ledger.application import Desk, LedgerApplication
from ledger.events import CatalogueAdopted, Fact
from ledger.keys import KeyStore
from ledger.mapper import LedgerEvent, LedgerMapper
from ledger.recorder import LedgerRecorder
from ledger.rules.rulebook import uk_gdpr
from ledger.store import open_pool
from ledger.wire import read_fact
from tests.integration.appending import altered, emptied, one_ledger, stored
from tests.integration.library import settings
from tests.integration.wired import (
    BEGINNING,
    Founded,
    Wired,
    born,
    catalogue,
    consent,
    entry,
    withdrawal,
)

MORNING = "2026-03-02T10:00:00Z"


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def application(ledger: Founded, **extra: str) -> LedgerApplication:
    @asynccontextmanager
    async def keys() -> AsyncIterator[KeyStore]:
        async with open_pool(ledger.keys_database, role=None) as pool:
            yield KeyStore(
                pool, kek=ledger.kek, entropy=ledger.random.randbytes, clock=time.monotonic
            )

    desk = Desk(
        keys=keys,
        rulebook=uk_gdpr(),
        milliseconds=lambda: 1_700_000_000_000,
        entropy=ledger.random.randbytes,
    )
    return LedgerApplication(settings(ledger.database) | extra, desk=desk)


@pytest.fixture
def app(ledger: Founded) -> Iterator[LedgerApplication]:
    with application(ledger) as made:
        adopted = CatalogueAdopted(effective_at=BEGINNING, catalogue=catalogue())
        own = ledger.identity.stream
        made.save(LedgerEvent(originator_id=own, originator_version=1, fact=adopted))
        yield made


def facts(app: LedgerApplication, stream: UUID) -> list[Fact | None]:
    """What the application reads of the stream."""
    told = list(app.events.get(stream))
    return [one.fact for one in told if isinstance(one, LedgerEvent)]


def event(stream: UUID, version: int, sent: dict[str, Any]) -> LedgerEvent:
    return LedgerEvent(originator_id=stream, originator_version=version, fact=read_fact(sent))


def test_the_librarys_own_settings_wire_recorder_and_mapper(app):
    assert isinstance(app.recorder, LedgerRecorder)
    assert isinstance(app.mapper, LedgerMapper)


def test_what_is_saved_can_be_read_back_as_events_and_as_notifications(ledger, app):
    subject = ledger.subject()
    sent = [event(subject, 1, born()), event(subject, 2, consent(subject, MORNING))]
    recordings = app.save(*sent)
    assert [one.notification.id for one in recordings] == [2, 3]
    told = list(app.events.get(subject))
    assert [one.fact for one in told] == [one.fact for one in sent]
    assert [one.originator_version for one in told] == [1, 2]
    assert {one.recorded_by for one in told} == {"ledgerapplication_events"}
    assert [one.topic for one in app.notification_log.select(start=2, limit=9)] == [
        "DateOfBirthRecorded",
        "ConsentGranted",
    ]
    rows = stored(ledger.database)
    assert altered(rows, ledger.identity) == []
    assert [row.event_id for row in rows[1:]] == [one.event_id for one in told]


def test_what_is_saved_stands_in_the_dossier_that_answers_are_given_from(ledger, app):
    subject = ledger.subject()
    app.save(event(subject, 1, born()), event(subject, 2, consent(subject, MORNING)))

    async def story(wired: Wired) -> tuple[int, list[str]]:
        await wired.record(subject, withdrawal(subject, "2026-03-03T10:00:00Z"))
        loaded = (await wired.reader.subjects(0, [subject]))[subject]
        return loaded.version, [type(item.fact).__name__ for item in loaded.dossier.items]

    assert ledger.run(story) == (3, ["DateOfBirthRecorded", "ConsentGranted", "ConsentWithdrawn"])
    app.save(event(subject, 4, consent(subject, "2026-03-04T10:00:00Z")))
    assert len(list(app.events.get(subject))) == 4


def test_an_entry_that_is_not_the_next_one_is_a_conflict_and_is_not_recorded(ledger, app):
    subject = ledger.subject()
    for version in (0, 2):
        with pytest.raises(IntegrityError):
            app.save(event(subject, version, born()))
    app.save(event(subject, 1, born()))
    with pytest.raises(IntegrityError):
        app.save(event(subject, 1, born()))
    assert len(stored(ledger.database)) == 2


def test_a_fact_that_may_not_be_recorded_is_refused_with_all_that_came_with_it(ledger, app):
    subject = ledger.subject()
    bad = consent(subject, MORNING, purpose="UNHEARD_OF")
    with pytest.raises(DataError, match="event 1: UNKNOWN_PURPOSE"):
        app.save(event(subject, 1, born()), event(subject, 2, bad))
    assert list(app.events.get(subject)) == []


def test_an_entry_about_two_people_is_recorded_on_both_streams(ledger, app):
    subject, survivor = ledger.subject(), ledger.subject()
    app.save(event(subject, 1, born()))
    merge = entry("IdentityMerged", MORNING, **{"from": str(subject), "into": str(survivor)})
    recordings = app.save(event(subject, 2, merge))
    assert [one.domain_event.originator_id for one in recordings] == [subject, survivor]
    assert [type(one.fact).__name__ for one in app.events.get(survivor)] == ["IdentityMerged"]


def test_an_erased_person_leaves_events_without_facts(ledger, app):
    subject = ledger.subject()
    app.save(event(subject, 1, born()))

    async def story(wired: Wired) -> None:
        await wired.keys.destroy_person(subject)

    ledger.run(story)
    app.close()
    with application(ledger) as later:
        assert facts(later, subject) == [None]


def test_events_that_are_no_entries_are_refused(app):
    with pytest.raises(ProgrammingError, match="entries of the ledger only"):
        app.save(Aggregate())
    assert app.save() == []


def test_events_of_two_originators_in_one_save_are_refused(ledger, app):
    with pytest.raises(ProgrammingError, match="one originator at a time"):
        app.save(event(ledger.subject(), 1, born()), event(ledger.subject(), 1, born()))


def test_an_event_that_was_erased_cannot_be_saved(app):
    gone = LedgerEvent(originator_id=uuid4(), originator_version=1, fact=None)
    with pytest.raises(ProgrammingError, match="nothing to save"):
        app.save(gone)


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ({"POSTGRES_ENABLE_DB_FUNCTIONS": "y"}, ProgrammingError),
        ({"IS_SNAPSHOTTING_ENABLED": "y"}, NotSupportedError),
        ({"MAPPER_TOPIC": "eventsourcing.persistence:Mapper"}, ProgrammingError),
        ({"COMPRESSOR_TOPIC": "zlib"}, ProgrammingError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_would_write_past_the_ledger_are_refused(ledger, extra, kind):
    with pytest.raises(kind):
        application(ledger, **extra)


def test_moments_are_instants_with_an_offset(ledger, app):
    subject = ledger.subject()
    app.save(event(subject, 1, consent(subject, MORNING)))
    [fact] = facts(app, subject)
    assert fact is not None
    assert fact.effective_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
