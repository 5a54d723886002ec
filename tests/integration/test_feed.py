"""The feed: complete and in order while others write, and to each reader what is theirs to know."""

import asyncio
import random
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.errors import Behind, LogForked, Malformed
from projections.feed import AnyEvent, BasisChanged, EntryRecorded, Feed
from projections.feed_cursor import earliest
from tests.integration.feeding import everything, feed_of, tailer
from tests.integration.wired import (
    Founded,
    Wired,
    born,
    consent,
    founded,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"
WRITERS = 3
REQUESTS = 25


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def entries(events: Sequence[AnyEvent], log: int = 0) -> list[int]:
    return [one.n for one in events if isinstance(one, EntryRecorded) and one.log == log]


def changes(events: Sequence[AnyEvent], log: int = 0) -> list[int]:
    return [one.m for one in events if isinstance(one, BasisChanged) and one.log == log]


def assert_told_in_order(events: Sequence[AnyEvent], log: int = 0) -> None:
    """Both sequences whole from 1, and no change before the entries that it followed from."""
    assert entries(events, log) == list(range(1, len(entries(events, log)) + 1))
    assert changes(events, log) == list(range(1, len(changes(events, log)) + 1))
    last = 0
    for one in events:
        if isinstance(one, EntryRecorded) and one.log == log:
            last = one.n
        elif one.log == log:
            assert int(one.position.split(":")[1]) <= last


# While others write.


async def write(ledger: Founded, wired: Wired, chance: random.Random) -> None:
    """Some people, whose consents soon end, in requests of several entries."""
    for _ in range(REQUESTS):
        subject = ledger.subject()
        ends = NOW + timedelta(minutes=chance.randrange(1, 600))
        given = consent(subject, GIVEN, expires_at=ends.isoformat())
        await wired.record(subject, born(), *[given] * chance.randint(1, 3))


async def pass_time(ledger: Founded, wired: Wired, done: asyncio.Event) -> None:
    """The clock goes on while somebody follows, until something has come to an end."""
    follow, now = tailer(wired), NOW
    while not done.is_set() or ledger.sql("SELECT count(*) FROM time_change") == [(0,)]:
        now += timedelta(minutes=20)
        await asyncio.to_thread(ledger.clock, now)
        await follow.catch_up()


async def read_on(feed: Feed, done: asyncio.Event, chance: random.Random) -> list[AnyEvent]:
    """What a reader is told who comes again and again, with whatever limit."""
    told: list[AnyEvent] = []
    after = earliest(1)
    while True:
        ended = done.is_set()
        page = await feed.events(after, limit=chance.randint(1, 40))
        told += page.events
        after = page.cursor
        if ended and page.behind == 0:
            return told


def held_back(ledger: Founded, stop: threading.Event) -> None:
    """Somebody holds the head of the log for a moment, again and again."""
    with psycopg.connect(ledger.database) as connection:
        while not stop.is_set():
            connection.execute("SELECT 1 FROM log_head WHERE log = 0 FOR UPDATE")
            connection.execute("SELECT pg_sleep(0.01)")
            connection.commit()


def test_while_many_write_a_reader_is_told_everything_once_and_in_order(ledger):
    chance, stop = ledger.random, threading.Event()
    holding = threading.Thread(target=held_back, args=(ledger, stop))

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await tailer(wired).catch_up()
        done = asyncio.Event()
        async with ledger.wired() as follower, ledger.wired() as reader, ledger.wired() as other:
            reading = asyncio.create_task(read_on(feed_of(reader), done, chance))
            passing = asyncio.create_task(pass_time(ledger, follower, done))
            writing = [write(ledger, one, chance) for one in (wired, other, wired)]
            await asyncio.wait_for(asyncio.gather(*writing), 240)
            ledger_has = ledger.sql("SELECT size FROM log_head")[0][0]
            done.set()
            await passing
            told = await asyncio.wait_for(reading, 60)
            told += await everything(feed_of(reader), told[-1].cursor)
        assert_told_in_order(told)
        assert len(entries(told)) == ledger_has
        assert changes(told)
        print(f"{len(entries(told))} entries, {len(changes(told))} changes by time")
        return told

    holding.start()
    try:
        told = ledger.run(story)
    finally:
        stop.set()
        holding.join()
    ids = ledger.sql("SELECT event_id FROM entry ORDER BY n")
    assert [one.entry for one in told if isinstance(one, EntryRecorded)] == [id_ for (id_,) in ids]


def test_from_any_event_on_the_rest_is_told(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await tailer(wired).catch_up()
        await write(ledger, wired, ledger.random)
        ledger.clock(NOW + timedelta(days=1))
        await tailer(wired).catch_up()
        await write(ledger, wired, ledger.random)
        feed = feed_of(wired)
        told = await everything(feed, earliest(1))
        assert_told_in_order(told)
        for nth in ledger.random.sample(range(len(told)), 12):
            again = feed_of(wired)
            spelt = told[nth].cursor.spelt()
            after = await again.cursor(spelt, field="after")
            limit = ledger.random.randint(1, 30)
            assert await everything(again, after, limit=limit) == told[nth + 1 :]

    ledger.run(story)


@pytest.mark.parametrize("logs", [4])
def test_every_log_is_told_in_its_own_order(database, tmp_path, logs):
    with founded(database, tmp_path, logs=logs) as ledger:

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            await tailer(wired).catch_up()
            await write(ledger, wired, ledger.random)
            ledger.clock(NOW + timedelta(days=1))
            await tailer(wired).catch_up()
            feed = feed_of(wired)
            for limit in (1, 3, 200):
                told = await everything(feed, earliest(logs), limit=limit)
                for log in range(logs):
                    assert_told_in_order(told, log)
                    (size,) = ledger.sql("SELECT size FROM log_head WHERE log = %s", log)[0]
                    assert len(entries(told, log)) == size
            assert told[-1].cursor == await feed.head()
            assert await feed.cursor(told[-1].cursor.spelt(), field="after") == told[-1].cursor

        ledger.run(story)


# Places.


def test_a_cursor_is_held_against_the_log(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await wired.record(ledger.subject(), born())
        feed = feed_of(wired)
        head = await feed.head()
        assert head == (await everything(feed, earliest(1)))[-1].cursor
        assert await feed.cursor("head", field="after") == head
        assert await feed.cursor("earliest", field="after") == earliest(1)
        shortened = await feed.cursor("0:1-0", field="after")
        page = await feed.events(shortened, limit=1)
        assert page.cursor == head
        unmoved = await feed.events(await feed.cursor("0:2-0", field="after"), limit=1)
        assert unmoved.cursor == head
        with pytest.raises(LogForked):
            await feed.cursor("0:1:00000000-0", field="after")
        with pytest.raises(Behind):
            await feed.cursor("0:3-0", field="after")
        with pytest.raises(Behind):
            await feed.cursor("0:2-1", field="after")
        with pytest.raises(Malformed, match="after"):
            await feed.cursor("1:2-0", field="after")
        ledger.sql("UPDATE entry SET leaf_hash = sha256('other') WHERE n = 2")
        with pytest.raises(LogForked):
            await feed.events(head, limit=1)
        ledger.sql("UPDATE log_head SET size = 1")
        with pytest.raises(Behind):
            await feed.events(head, limit=1)

    ledger.run(story)


def test_nothing_more_to_tell_costs_one_look(ledger, monkeypatch):
    async def story(wired):
        await wired.adopt()
        feed = feed_of(wired)
        head = await feed.head()

        async def never(*_: Any, **__: Any) -> None:
            raise AssertionError

        monkeypatch.setattr(wired.store, "log", never)
        page = await feed.events(head, limit=200)
        assert (page.events, page.behind, page.cursor) == ((), 0, head)

    ledger.run(story)
