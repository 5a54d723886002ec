"""Our recorder beyond the library's suites: what it refuses, resends, and goes on asking for."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from psycopg.conninfo import make_conninfo

from ledger.recorder import LedgerRecorder
from ledger.store import APPEND_ATTEMPTS
from migrations import migrate
from tests.integration.appending import emptied, failing, one_ledger, stored
from tests.integration.library import datastore, recorder
from tests.integration.waiting import until
from tests.integration.wired import Founded, Wired, born, founded

LOST = psycopg.OperationalError("the connection was lost")
ORIGINATOR = UUID("5f3ee4f6-6e2c-4f06-9d5c-1a8c0f2d7b11")


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


@pytest.fixture
def ours(ledger: Founded) -> Iterator[LedgerRecorder]:
    made = recorder(LedgerRecorder, ledger.database)
    yield made
    made.close()


def events(originator: UUID, *versions: int, topic: str = "Thing.Happened") -> list[StoredEvent]:
    return [StoredEvent(originator, version, topic, b"%d" % version) for version in versions]


def test_a_database_without_a_ledger_is_named_as_the_matter(empty):
    made = recorder(LedgerRecorder, empty)
    with pytest.raises(ProgrammingError, match="run `ledger migrate`"):
        made.create_table()
    made.close()


def test_a_database_where_no_ledger_was_founded_is_told_by_what_founds_one(empty):
    migrate(empty, "ledger")
    made = recorder(LedgerRecorder, empty)
    with pytest.raises(ProgrammingError, match="run `ledger migrate`"):
        made.create_table()
    made.close()


def test_a_server_that_is_not_there_is_an_operational_error(ledger, tmp_path):
    made = recorder(LedgerRecorder, make_conninfo(ledger.database, host=str(tmp_path)))
    with pytest.raises(OperationalError, match="cannot be reached"):
        made.create_table()
    made.close()


def test_creating_tables_creates_nothing(ledger, ours):
    query = "SELECT count(*) FROM pg_class"
    before = ledger.sql(query)
    ours.create_table()
    assert ledger.sql(query) == before


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"enable_db_functions": True}, "POSTGRES_ENABLE_DB_FUNCTIONS"),
        ({"originator_id_type": "text"}, "ORIGINATOR_ID_TYPE"),
        ({"schema": "other"}, "POSTGRES_SCHEMA"),
    ],
)
def test_settings_under_which_the_ledger_could_not_keep_its_word_are_refused(option, named):
    with pytest.raises(ProgrammingError, match=named):
        LedgerRecorder(datastore("dbname=x host=x user=x", **option))


def test_a_ledger_of_several_logs_has_no_notification_ids(database, tmp_path):
    with founded(database, tmp_path, logs=2) as ledger:
        made = recorder(LedgerRecorder, ledger.database)
        with pytest.raises(ProgrammingError, match="one log"):
            made.create_table()
        made.close()


def test_a_password_is_asked_for_at_each_connection():
    passwords = iter(["first", "second"])
    store = datastore("dbname=x host=h user=u", get_password_func=lambda: next(passwords))
    made = LedgerRecorder(store)
    assert "password=first" in made._conninfo()
    assert "password=second" in made._conninfo()


def test_an_insert_whose_acknowledgement_was_lost_returns_its_numbers(ledger, ours):
    failing(ours.connected().store, LOST, committed=True)
    assert ours.insert_events(events(uuid4(), 1, 2)) == [1, 2]
    assert len(stored(ledger.database)) == 2


def test_an_insert_that_may_have_been_committed_is_resolved_by_its_key(ledger, ours):
    wanted = events(uuid4(), 1, 2)
    failing(ours.connected().store, *[LOST] * APPEND_ATTEMPTS, committed=True)
    with pytest.raises(OperationalError, match="same idempotency key"):
        ours.insert_events(wanted, idempotency_key="k")
    assert ours.insert_events(wanted, idempotency_key="k") == [1, 2]
    with pytest.raises(IntegrityError):
        ours.insert_events(events(uuid4(), 1), idempotency_key="k")
    assert len(stored(ledger.database)) == 2


def test_two_inserts_of_the_same_events_are_two_requests(ledger, ours):
    wanted = events(uuid4(), 1)
    ours.insert_events(wanted)
    with pytest.raises(IntegrityError, match="version conflict"):
        ours.insert_events(wanted)


def test_events_of_originators_that_take_turns_get_their_own_numbers(ours):
    one, two = uuid4(), uuid4()
    mixed = [*events(one, 1), *events(two, 1), *events(one, 2), *events(two, 2)]
    numbers = ours.insert_events(mixed)
    assert numbers == [1, 3, 2, 4]
    for number, event in zip(numbers, mixed, strict=True):
        assert ours.select_notifications(number, 1)[0].state == event.state


def test_an_event_on_a_persons_stream_is_refused(ledger, ours):
    subject = ledger.subject()

    async def story(wired: Wired) -> None:
        await wired.record(subject, born())

    ledger.run(story)
    with pytest.raises(IntegrityError):
        ours.insert_events(events(subject, 2))


def test_an_entry_of_the_ledger_is_refused_where_no_dossier_comes_with_it(ledger, ours):
    with pytest.raises(ProgrammingError):
        ours.insert_events(events(ledger.subject(), 1, topic="ConsentWithdrawn"))


def test_tracking_records_are_refused(ours):
    with pytest.raises(NotSupportedError):
        ours.insert_events(events(uuid4(), 1), tracking=Tracking("upstream", 1))


def test_unreachable_is_an_operational_error(ledger):
    made = recorder(LedgerRecorder, ledger.database)
    connected = made.connected()
    connected.loop.run(connected.store._pool.close())
    with pytest.raises(OperationalError):
        made.insert_events(events(uuid4(), 1))
    with pytest.raises(OperationalError):
        made.max_notification_id()
    made.close()


def test_topics_are_looked_for_beyond_the_first_page(ours, monkeypatch):
    monkeypatch.setattr("ledger.recorder.PAGE", 3)
    for version, topic in enumerate("ababbbbbabab", start=1):
        ours.insert_events(events(ORIGINATOR, version, topic=topic))
    found = ours.select_notifications(1, 3, topics=("a",))
    assert [each.id for each in found] == [1, 3, 9]
    found = ours.select_notifications(1, 3, stop=10, topics=["a"], inclusive_of_start=False)
    assert [each.id for each in found] == [3, 9]


class Following:
    """A thread that follows the log, and what it has seen."""

    def __init__(self, made: LedgerRecorder, *topics: str) -> None:
        self.seen: list[Notification] = []
        self.subscription = made.subscribe(topics=topics)
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        with self.subscription as found:
            self.seen.extend(found)

    def until(self, ids: list[int]) -> None:
        until(lambda: [each.id for each in self.seen] == ids, f"the follower has seen {ids}")

    def stop(self) -> None:
        self.subscription.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_a_subscription_sees_what_others_append_in_order_and_only_its_topics(ledger, ours):
    everything, some = Following(ours), Following(ours, "a")
    others = recorder(LedgerRecorder, ledger.database)
    for version, topic in enumerate("abba", start=1):
        others.insert_events(events(ORIGINATOR, version, topic=topic))
    everything.until([1, 2, 3, 4])
    some.until([1, 4])
    for each in (everything, some):
        each.stop()
    others.close()


def test_a_subscription_outlives_the_loss_of_the_server(ledger, ours, monkeypatch):
    """The server is away for longer than one question, and whoever follows is not told."""
    follower = Following(ours)
    ours.insert_events(events(ORIGINATOR, 1))
    follower.until([1])
    asked = threading.Semaphore(0)
    really = LedgerRecorder.max_notification_id

    def away(self: LedgerRecorder) -> int | None:
        asked.release()
        raise OperationalError("the server is away")

    monkeypatch.setattr(LedgerRecorder, "max_notification_id", away)
    for _ in range(3):
        assert asked.acquire(timeout=30)
    monkeypatch.setattr(LedgerRecorder, "max_notification_id", really)
    ours.insert_events(events(ORIGINATOR, 2))
    follower.until([1, 2])
    follower.stop()


def test_a_subscription_pages_through_a_long_log(ours, monkeypatch):
    monkeypatch.setattr("ledger.recorder.PAGE", 4)
    ours.insert_events(events(ORIGINATOR, *range(1, 20)))
    follower = Following(ours)
    follower.until(list(range(1, 20)))
    follower.stop()


def test_closing_waits_for_what_is_on_its_way(ledger, ours):
    connected = ours.connected()
    with psycopg.connect(ledger.database) as other:
        other.execute("SELECT 1 FROM log_head FOR UPDATE")
        inserting = threading.Thread(target=ours.insert_events, args=[events(ORIGINATOR, 1)])
        inserting.start()
        until(lambda: waits(ledger), "the insert waits for the log")
        closing = threading.Thread(target=ours.close)
        closing.start()
        other.rollback()
    closing.join(30)
    inserting.join(30)
    assert not connected.loop._thread.is_alive()
    assert len(stored(ledger.database)) == 1


def waits(ledger: Founded) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return ledger.sql(query + " AND datname = current_database()") != [(0,)]
