"""What is kept of the feed for everybody, and a consumer's place in it, against a naive list."""

import asyncio
import random

import pytest

from api.feed_live import Buffer, Kept, Overflowed, Place
from api.problems import Overloaded
from ledger.errors import LogForked, Unavailable
from projections.feed import EntryRecorded
from projections.feed_cursor import earliest
from tests.unit.feed_told import LOOK, Event, Told, change, entry, joined, live, page


def kept(buffer: Buffer, event: Event, at: float = 0.0) -> None:
    buffer.put(Kept(before=buffer.end, event=event, body=b"{}", frame=b"", at=at))


def name(event: Event) -> tuple[int, str, int]:
    if isinstance(event, EntryRecorded):
        return (event.log, "n", event.n)
    return (event.log, "m", event.m)


@pytest.mark.parametrize("seed", range(200))
def test_whoever_joins_anywhere_is_told_each_event_once_that_they_have_not_seen(seed):
    chance = random.Random(seed)
    buffer = Buffer(earliest(2), LOOK, most=1000)
    at = earliest(2)
    seen: set[tuple[int, str, int]] = set()
    for _ in range(30):
        make = chance.choice((entry, entry, change))
        kept(buffer, make(buffer.end, chance.randrange(2), chance.choice(("PHOTO", "GROUP"))))
        # Somewhere else, the same events in another order: each sequence by itself in its own.
        if chance.random() < 0.5:
            elsewhere = chance.choice((entry, change))(at, chance.randrange(2))
            if buffer.end.has(elsewhere.cursor):
                at = elsewhere.cursor
                seen.add(name(elsewhere))
    wanted = chance.choice((None, frozenset({"PHOTO"})))
    all_of_them = [one.event for one in buffer.since(0, most=1000)]

    place = Place(buffer, at, wanted)
    told = []
    while some := place.take(most=chance.randint(1, 5)):
        told += some

    expected = [one for one in all_of_them if name(one) not in seen and one.seen_by(wanted)]
    assert [name(one.event) for _, one in told] == [name(one) for one in expected]
    assert place.left == 0
    assert place.at.has(buffer.end) and buffer.end.has(place.at)
    for cursor, one in told:
        mark = cursor.marks[one.event.log]
        assert (mark.n if isinstance(one.event, EntryRecorded) else mark.m) == name(one.event)[2]


def test_what_is_too_much_or_too_old_is_let_go_from_the_front():
    buffer = Buffer(earliest(1), LOOK, most=3)
    for at in range(5):
        kept(buffer, entry(buffer.end, 0), at=float(at))
    assert (buffer.first, buffer.next, buffer.start.spelt()) == (2, 5, "0:2:00000002-0")
    buffer.age(3.5)
    assert (buffer.first, buffer.next, buffer.start.spelt()) == (4, 5, "0:4:00000004-0")
    buffer.age(9.0)
    assert (buffer.first, buffer.next) == (5, 5)
    assert buffer.start is buffer.end


def test_a_consumer_who_falls_out_is_told_so_and_keeps_their_cursor():
    buffer = Buffer(earliest(1), LOOK, most=3)
    place = Place(buffer, earliest(1), None)
    for _ in range(3):
        kept(buffer, entry(buffer.end, 0))
    assert len(place.take(most=1)) == 1
    for _ in range(2):
        kept(buffer, entry(buffer.end, 0))
    with pytest.raises(Overflowed):
        place.take(most=1)
    assert place.at.spelt() == "0:1:00000001-0"


def test_who_has_taken_everything_falls_out_of_nothing():
    buffer = Buffer(earliest(1), LOOK, most=3)
    place = Place(buffer, earliest(1), None)
    kept(buffer, entry(buffer.end, 0))
    assert place.take(most=9)
    buffer.age(1.0)
    assert place.take(most=9) == []


# Looking.


def test_one_look_serves_everybody_and_each_event_is_encoded_once(monkeypatch):
    async def story():
        start = earliest(2)
        feed = Told(page(start, 3))
        one = live(feed, monkeypatch)
        with one.consumer(), one.consumer():
            told = []
            for place in (joined(one, start), joined(one, start)):
                while not (some := place.take(most=9)):
                    await one.news(60)
                told.append(some)
        assert [name(kept.event)[2] for _, kept in told[0]] == [1, 2, 3]
        assert all(a.body is b.body for (_, a), (_, b) in zip(*told, strict=True))
        assert feed.asked[0] == start

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_look_that_fails_is_reported_and_tried_again(monkeypatch):
    async def story():
        start = earliest(2)
        reported: list[Exception] = []
        one = live(Told(Unavailable("x"), page(start, 1)), monkeypatch, failed=reported.append)
        with one.consumer():
            place = joined(one, start)
            while not place.take(most=9):
                await one.news(60)
        assert [str(error) for error in reported] == ["x"]

    asyncio.run(asyncio.wait_for(story(), 60))


def test_another_log_is_told_to_whoever_waits_and_to_nobody_who_comes_later(monkeypatch):
    async def story():
        start = earliest(2)
        one = live(Told(LogForked("x")), monkeypatch)
        with one.consumer():
            place = joined(one, start)
            while not place.buffer.lost:
                await one.news(60)
            assert one.place(start, None) is None
            again = one.place(start, None, ended=LOOK)
            assert again is not None and not again.buffer.lost

    asyncio.run(asyncio.wait_for(story(), 60))


def test_nobody_looks_once_nobody_waits(monkeypatch):
    async def story():
        start = earliest(2)
        feed = Told()
        one = live(feed, monkeypatch)
        with one.consumer():
            joined(one, start)
            while len(feed.asked) < 2:
                await asyncio.sleep(0)
        while one._looking:
            await asyncio.sleep(0)
        assert one.place(start, None) is None

    asyncio.run(asyncio.wait_for(story(), 60))


def test_a_place_needs_what_follows_to_be_kept(monkeypatch):
    async def story():
        start = earliest(2)
        later = page(start, 2).cursor
        one = live(Told(page(later, 1)), monkeypatch)
        with one.consumer():
            assert one.place(later, None) is None
            assert one.place(later, None, ended=LOOK) is not None
            assert one.place(start, None) is None
            assert one.place(later, None) is not None

    asyncio.run(asyncio.wait_for(story(), 60))


def test_there_is_room_for_so_many_consumers_and_no_more(monkeypatch):
    async def story():
        one = live(Told(), monkeypatch)
        with one.consumer(), one.consumer(), pytest.raises(Overloaded), one.consumer():
            pass
        with one.consumer():
            assert one.consumers == 1

    asyncio.run(asyncio.wait_for(story(), 60))


def test_nobody_waits_while_the_process_ends(monkeypatch):
    async def story():
        draining = asyncio.Event()
        one = live(Told(), monkeypatch, draining=draining)
        with one.consumer():
            joined(one, earliest(2))
            waiting = asyncio.create_task(one.news(3600))
            await asyncio.sleep(0)
            draining.set()
            await waiting
            await one.news(3600)

    asyncio.run(asyncio.wait_for(story(), 60))
