"""The append: numbered without gaps, stamped, chained, idempotent; each request alone."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from ledger.errors import Fault
from ledger.store import Outcome, Request
from ledger.tlog.leaf import parse_leaf
from tests.integration.appending import Requests, altered, emptied, one_ledger, stored
from tests.integration.wired import Founded, Wired


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


@pytest.fixture
def made(ledger: Founded) -> Requests:
    return Requests(ledger.random)


def append(ledger: Founded, *batches: list[Request], log: int = 0) -> list[Outcome]:
    """What becomes of the requests; each list leaves in one flush, after the list before it."""

    async def story(wired: Wired) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for batch in batches:
            outcomes += await asyncio.gather(*(wired.store.append(log, one) for one in batch))
        return outcomes

    return ledger.run(story)


def names(outcomes: list[Outcome]) -> list[str]:
    return [outcome.name for outcome in outcomes]


def test_numbers_have_no_gaps_and_follow_the_order_of_arrival(ledger, made):
    batches = [[made.request(many=many) for many in (1, 3, 2)] for _ in range(5)]
    outcomes = append(ledger, *batches)
    assert [entry.n for outcome in outcomes for entry in outcome.entries] == list(range(1, 31))
    assert ledger.sql("SELECT size FROM log_head WHERE log = 0") == [(30,)]


def test_stamps_rise_from_request_to_request_and_are_equal_within_one(ledger, made):
    outcomes = append(ledger, *([made.request(many=2) for _ in range(10)] for _ in range(5)))
    stamps = [{entry.recorded_at for entry in outcome.entries} for outcome in outcomes]
    assert all(len(each) == 1 for each in stamps)
    assert all(max(a) < min(b) for a, b in pairwise(stamps))


def test_a_stamp_is_later_than_the_one_before_even_where_the_clock_went_back(ledger, made):
    first = append(ledger, [made.request()])[0].entries[0]
    ledger.clock(first.recorded_at.replace(year=2001))
    second = append(ledger, [made.request()])[0].entries[0]
    assert (second.recorded_at - first.recorded_at).total_seconds() == 1e-6


def test_the_database_builds_the_very_leaf_that_the_core_builds(ledger, made):
    one, two = made.stream(), made.stream()
    append(
        ledger,
        [made.request(one, many=3), made.request(two)],
        [made.request(two, after=1, many=2), made.request(one, after=3)],
    )
    rows = stored(ledger.database)
    assert altered(rows, ledger.identity) == []
    assert [parse_leaf(row.leaf).seq for row in rows] == [1, 2, 3, 1, 2, 3, 4]
    assert [row.leaf_hash for row in rows][-1:] == [
        bytes(hash_) for (hash_,) in ledger.sql("SELECT leaf_hash FROM log_head")
    ]


def test_what_the_append_returns_is_what_it_wrote(ledger, made):
    outcomes = append(ledger, [made.request(many=2), made.request()])
    returned = [entry for outcome in outcomes for entry in outcome.entries]
    kept = stored(ledger.database)
    assert [msgspec.to_builtins(entry) for entry in returned] == [
        {name: msgspec.to_builtins(row)[name] for name in entry.__struct_fields__}
        for entry, row in zip(returned, kept, strict=True)
    ]


def test_a_dossier_keeps_the_numbers_and_stamps_of_its_entries(ledger, made):
    one, two = made.stream(), made.stream()
    requests = [made.request(one), made.request(two), made.request(one, after=1, many=2)]
    append(ledger, [requests[0]], requests[1:])
    kept = ledger.sql(
        "SELECT version, head, n, recorded_at, sealed FROM dossier WHERE subject = %s", one
    )
    mine = [row for row in stored(ledger.database) if row.stream == one]
    numbers, stamps = [row.n for row in mine], [row.recorded_at for row in mine]
    assert kept == [(3, mine[-1].leaf_hash, numbers, stamps, requests[2].moves[0].sealed)]


@pytest.mark.parametrize("expected", [0, 2, 7])
def test_a_request_that_expects_another_version_fails_alone(ledger, made, expected):
    stream = made.stream()
    late = made.request(stream, after=expected)
    outcomes = append(
        ledger, [made.request(stream)], [made.request(), late, made.request(stream, after=1)]
    )
    assert names(outcomes) == ["accepted", "accepted", "version_conflict", "accepted"]
    assert outcomes[2].entries == ()
    assert late.entries[0].event_id not in {row.event_id for row in stored(ledger.database)}


def test_of_two_requests_that_expect_one_version_the_first_is_accepted(ledger, made):
    stream = made.stream()
    rivals = [made.request(stream), made.request(stream), made.request(stream, after=1)]
    assert names(append(ledger, rivals)) == ["accepted", "version_conflict", "accepted"]
    assert [row.version for row in stored(ledger.database)] == [1, 2]


def test_a_request_on_two_streams_is_recorded_whole_or_not_at_all(ledger, made):
    moved, still = made.request(), made.request()
    both = msgspec.structs.replace(
        moved, moves=moved.moves + still.moves, entries=moved.entries + still.entries
    )
    append(ledger, [made.request(still.moves[0].subject)])
    assert names(append(ledger, [both])) == ["version_conflict"]
    assert names(append(ledger, [moved])) == ["accepted"]


def test_a_repeated_request_gets_the_entries_of_the_first(ledger, made):
    one = made.request(many=2)
    first, again, between, later = append(ledger, [one, one], [made.request(), one])
    assert names([first, again, between, later]) == ["accepted", "replayed", "accepted", "replayed"]
    assert first.entries == again.entries == later.entries
    assert len(stored(ledger.database)) == 3


def test_of_the_same_request_sent_by_several_processes_at_once_one_is_recorded(ledger, made):
    requests = [made.request(many=2) for _ in range(20)]

    async def race() -> list[list[Outcome]]:
        async with ledger.wired() as one, ledger.wired() as two, ledger.wired() as three:
            return await asyncio.gather(
                *(
                    asyncio.gather(*(wired.store.append(0, each) for each in requests))
                    for wired in (one, two, three)
                )
            )

    told = asyncio.run(race())
    for outcomes in zip(*told, strict=True):
        assert sorted(names(list(outcomes))) == ["accepted", "replayed", "replayed"]
        assert len({outcome.entries for outcome in outcomes}) == 1
    assert len(stored(ledger.database)) == 40


def test_a_key_that_stands_for_another_request_is_told_so_and_nothing_is_recorded(ledger, made):
    first, other = made.request(key="k"), made.request(key="k")
    elsewhere = msgspec.structs.replace(made.request(key="k"), client="somebody else")
    outcomes = append(ledger, [first, other, elsewhere], [other, made.request()])
    assert names(outcomes) == ["accepted", "key_reused", "accepted", "key_reused", "accepted"]
    assert len(stored(ledger.database)) == 3


def test_a_request_without_entries_is_accepted_and_leaves_nothing_behind(ledger, made):
    empty = msgspec.structs.replace(made.request(key="k"), moves=(), entries=())
    first, other, again = append(ledger, [empty, made.request(), empty])
    assert names([first, other, again]) == ["accepted"] * 3
    assert first.entries == again.entries == ()
    assert names(append(ledger, [made.request(key="k")])) == ["accepted"]
    assert [row.n for row in stored(ledger.database)] == [1, 2]


def spoilt(one: Request, **changes: object) -> Request:
    """The request with one field of its entry changed."""
    entry = msgspec.structs.replace(one.entries[0], **changes)
    return msgspec.structs.replace(one, entries=(entry,))


BAD = {
    "a name with a quote": lambda one: spoilt(one, name='A","v":2'),
    "a name too long": lambda one: spoilt(one, name="A" * 65),
    "a commitment too short": lambda one: spoilt(one, commitment=b"short"),
    "an id of another kind": lambda one: spoilt(one, event_id=one.entries[0].stream),
    "a text with a null character": lambda one: spoilt(one, name="A\0"),
    "an entry beyond its place": lambda one: spoilt(one, version=2),
    "an entry of no stream of the request": lambda one: msgspec.structs.replace(one, moves=()),
    "a stream without an entry": lambda one: msgspec.structs.replace(one, entries=()),
    "a key too long": lambda one: msgspec.structs.replace(one, key="k" * 256),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_request_that_no_leaf_can_hold_fails_alone(ledger, made, spoil):
    bad = spoil(made.request())
    batch = [made.request() for _ in range(6)]
    batch.insert(3, bad)

    async def story(wired: Wired) -> list[Outcome | BaseException]:
        sent = (wired.store.append(0, one) for one in batch)
        return await asyncio.gather(*sent, return_exceptions=True)

    outcomes = ledger.run(story)
    fault = outcomes.pop(3)
    assert isinstance(fault, Fault)
    assert fault.__suppress_context__, "the server's own words repeat the row"
    assert names([each for each in outcomes if isinstance(each, Outcome)]) == ["accepted"] * 6
    assert [row.n for row in stored(ledger.database)] == list(range(1, 7))


def test_a_request_for_a_log_that_does_not_exist_is_a_fault(ledger, made):
    with pytest.raises(Fault):
        append(ledger, [made.request()], log=1)


def test_a_caller_who_goes_away_cancels_nothing(ledger, made):
    requests = [made.request() for _ in range(3)]

    async def story(wired: Wired) -> None:
        tasks = [asyncio.create_task(wired.store.append(0, one)) for one in requests]
        # Submitted, and neither of them sent yet: the flush takes all of them in a task of its own.
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()

    ledger.run(story)
    assert [row.event_id for row in stored(ledger.database)] == [
        one.entries[0].event_id for one in requests
    ]


def test_a_stream_without_a_dossier_and_one_with_one_do_not_turn_into_each_other(ledger, made):
    kept, bare = made.request(), made.request()
    bare = _emptied(bare)
    append(ledger, [kept, bare])
    wrong = [
        _emptied(made.request(kept.moves[0].subject, after=1)),
        made.request(bare.moves[0].subject, after=1),
    ]
    assert names(append(ledger, wrong)) == ["version_conflict"] * 2
    right = _emptied(made.request(bare.moves[0].subject, after=1, many=2))
    assert names(append(ledger, [right])) == ["accepted"]
    rows = ledger.sql("SELECT version, n, sealed FROM dossier WHERE sealed = ''")
    assert rows == [(3, [], b"")]


def _emptied(one: Request) -> Request:
    move = msgspec.structs.replace(one.moves[0], sealed=b"")
    return msgspec.structs.replace(one, moves=(move,))
