"""Lists of who looked at whom: in the order of time, pinned; and who was told of a gap."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ledger.errors import LogForked, Malformed
from ledger.terms import Decision
from projections.everyone import FIRST
from projections.exposure import Gap
from projections.read_audit import Read, question
from projections.reads import Reads, ReadsPage, Sought, Told, _Place, _written
from tests.integration.auditing import ASKED_AT, auditing, rows
from tests.integration.wired import Founded, Wired, founded


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        made.clock(ASKED_AT)
        yield made


def reads(wired: Wired) -> Reads:
    return Reads(wired.reader, wired.pool)


async def pages(wired: Wired, sought: Sought, *, limit: int = 3, between=None) -> list[ReadsPage]:
    found = [await reads(wired).found(sought, limit=limit)]
    while found[-1].cursor is not None:
        if between is not None:
            await between()
        cursor = found[-1].cursor
        found.append(await reads(wired).found(sought, limit=limit, cursor=cursor))
    return found


def ids(found: list[ReadsPage]) -> list[UUID]:
    return [row.id for page in found for row in page.rows]


async def write(ledger: Founded, some: list[Read]) -> list[UUID]:
    """The ids of the rows, written by a process of their own."""
    async with auditing(ledger) as process:
        await process.write(some)
    return [one.id for one in some]


def ago(**time: float) -> datetime:
    return ASKED_AT - timedelta(**time)


# Lists.


def test_rows_are_listed_in_the_order_of_time_whoever_wrote_them(ledger):
    async def story(wired):
        expected = []
        for hours in (5, 1, 3, 2, 4, 0):
            (one,) = await write(ledger, rows(ledger, 1, answered_at=ago(hours=hours)))
            expected.append((-hours, one))
        found = await pages(wired, Sought(), limit=2)
        assert ids(found) == [one for _, one in sorted(expected)]
        assert [len(page.rows) for page in found] == [2, 2, 2]
        assert {page.until for page in found} == {ASKED_AT + timedelta(microseconds=1)}

    ledger.run(story)


def test_rows_of_a_person_and_of_a_client_and_of_both(ledger):
    person, other = ledger.subject(), ledger.subject()

    async def story(wired):
        made = {}
        for subject in (person, other):
            for client in ("one", "two"):
                some = rows(ledger, 2, subject=subject, client=client)
                made[subject, client] = sorted(await write(ledger, some))

        async def found(**sought):
            return ids(await pages(wired, Sought(**sought)))

        for client in ("one", "two"):
            assert await found(subject=person, client=client) == made[person, client]
            both = sorted(made[person, client] + made[other, client])
            assert await found(client=client) == both
        assert await found(subject=other) == sorted(made[other, "one"] + made[other, "two"])
        assert await found(subject=ledger.subject()) == []
        assert await found(client="three") == []
        assert len(await found()) == 8

    ledger.run(story)


def test_a_list_is_of_a_half_open_time_to_the_microsecond(ledger):
    moment = ago(hours=1)
    one = timedelta(microseconds=1)

    async def story(wired):
        (before,) = await write(ledger, rows(ledger, 1, answered_at=moment - one))
        (at,) = await write(ledger, rows(ledger, 1, answered_at=moment))
        (after,) = await write(ledger, rows(ledger, 1, answered_at=moment + one))

        async def found(since, until):
            return ids(await pages(wired, Sought(since=since, until=until)))

        assert await found(moment, moment + one) == [at]
        assert await found(moment - one, moment) == [before]
        assert set(await found(moment, None)) == {at, after}
        assert set(await found(None, moment + one)) == {before, at}
        assert await found(moment, moment) == []
        assert (
            len(await found(datetime(1, 1, 2, tzinfo=UTC), datetime.max.replace(tzinfo=UTC))) == 3
        )

    ledger.run(story)


@pytest.mark.parametrize("seconds", [0, 1, 59, 61, 3600])
def test_what_is_written_after_the_first_page_is_not_on_the_list(ledger, seconds):
    """Younger rows than a minute may still come; older ones cannot, and are not looked for."""

    async def story(wired):
        expected = sorted(await write(ledger, rows(ledger, 5, answered_at=ago(seconds=seconds))))
        late: list[UUID] = []

        async def between():
            late.extend(await write(ledger, rows(ledger, 2, answered_at=ago(seconds=0))))
            late.extend(await write(ledger, rows(ledger, 2, answered_at=ago(seconds=58))))

        found = await pages(wired, Sought(), limit=2, between=between)
        assert ids(found) == expected
        assert set(late) <= set(ids(await pages(wired, Sought(), limit=100)))

    ledger.run(story)


def test_a_chain_that_goes_on_meanwhile_counts_as_far_as_it_was(ledger):
    async def story(wired):
        async with auditing(ledger) as process:
            first = rows(ledger, 5)
            await process.write(first)

            async def between():
                await process.write(rows(ledger, 3, answered_at=ago(seconds=1)))

            found = await pages(wired, Sought(), limit=2, between=between)
        assert ids(found) == sorted(one.id for one in first)

    ledger.run(story)


def test_a_row_that_came_late_counts_where_it_stood_in_its_chain(ledger):
    """The last row of a chain may tell of an earlier read than the row before it."""

    async def story(wired):
        async with auditing(ledger) as process:
            one, other = rows(ledger, 1), rows(ledger, 1, answered_at=ago(seconds=70))
            await process.write(one)
            await process.write(other)
        assert ids(await pages(wired, Sought())) == [other[0].id, one[0].id]

    ledger.run(story)


def test_a_list_over_several_logs_goes_log_by_log(database, tmp_path):
    with founded(database, tmp_path, logs=4) as ledger:
        ledger.clock(ASKED_AT)

        async def story(wired):
            some = rows(ledger, 30)
            await write(ledger, some)
            found = await pages(wired, Sought(), limit=4)
            assert ids(found) == [one.id for one in sorted(some, key=lambda one: (one.log, one.id))]
            one = some[0]
            (page,) = await pages(wired, Sought(subject=one.subject))
            assert ids([page]) == [one.id]
            assert await reads(wired).by_id(one.id) == page.rows[0]
            person = ledger.subject(3)
            mine = rows(ledger, 5, subject=person)
            await write(ledger, mine)
            found = await pages(wired, Sought(subject=person), limit=2)
            assert ids(found) == sorted(one.id for one in mine)

        ledger.run(story)


def test_a_cursor_is_of_one_list_and_of_rows_that_are_here(ledger):
    async def story(wired):
        await write(ledger, rows(ledger, 5))
        cursor = (await reads(wired).found(Sought(), limit=2)).cursor
        assert cursor is not None
        with pytest.raises(Malformed, match="another list"):
            await reads(wired).found(Sought(client="x"), limit=2, cursor=cursor)
        for text in ("", "x", "é", "eyJ9", cursor[:-4]):
            with pytest.raises(Malformed, match="cannot be read"):
                await reads(wired).found(Sought(), limit=2, cursor=text)
        ledger.sql("DELETE FROM read_audit WHERE n = 5")
        with pytest.raises(LogForked):
            await reads(wired).found(Sought(), limit=2, cursor=cursor)

    ledger.run(story)


@pytest.mark.parametrize("year", [1, 1970, 9999])
def test_a_cursor_with_a_moment_that_no_list_has_is_refused(ledger, year):
    moment = datetime(year, 1, 1, tzinfo=UTC)
    cursor = _written(_Place(Sought(), moment, (), 0, FIRST))

    async def story(wired):
        with pytest.raises(Malformed, match="another list"):
            await reads(wired).found(Sought(), limit=1, cursor=cursor)

    ledger.run(story)


def test_an_id_that_no_row_has_names_none(ledger):
    async def story(wired):
        return await reads(wired).by_id(ledger.subject())

    assert ledger.run(story) is None


# Gaps.

GAP = Gap(
    purpose="PHOTO",
    start=ago(days=10),
    end=ago(days=5),
    believed=Decision.PERMIT,
    hindsight=Decision.DENY,
    entries=("e1",),
    shown_at=ago(days=4),
)
NEWEST = question(known_at=None, at_position=None)
PINNED = question(known_at="2026-01-01T00:00:00.000000Z", at_position=None)
PLACED = question(known_at=None, at_position="0:3")

TELLING = [
    # What is not as in the usual row, and whether its caller was told of the gap.
    ({}, True),
    ({"decision": "PERMIT_LIMITED"}, True),
    ({"decision": "DENY"}, False),
    ({"decision": None}, False),
    ({"purpose": "GROUP"}, False),
    ({"purpose": None}, False),
    ({"effective_at": GAP.start}, True),
    ({"effective_at": GAP.start - timedelta(microseconds=1)}, False),
    ({"effective_at": GAP.end}, False),
    ({"answered_at": ago(days=4, seconds=1), "question": PINNED}, True),
    ({"answered_at": ago(days=4, seconds=-1)}, True),
    ({"answered_at": ago(days=4, seconds=-1), "known_at": ago(days=4)}, False),
    ({"answered_at": ago(days=4, seconds=-1), "kind": "BASES"}, True),
    ({"answered_at": ago(days=4, seconds=-1), "question": PINNED}, False),
    ({"answered_at": ago(days=4, seconds=-1), "question": PLACED}, False),
    ({"answered_at": ago(days=4, seconds=-1), "kind": "POPULATION", "question": "{}"}, False),
    ({"answered_at": ago(days=6), "kind": "POPULATION", "question": "{}"}, True),
    ({"answered_at": ago(days=6), "kind": "DIFF", "question": "{}"}, True),
]


@pytest.mark.parametrize(("more", "expected"), TELLING)
def test_who_was_told_of_a_gap_before_it_was_known_is_named(ledger, more, expected):
    person = ledger.subject()
    usual = {
        "subject": person,
        "answered_at": ago(days=6),
        "effective_at": ago(days=7),
        "known_at": ago(days=8),
        "question": NEWEST,
    }

    async def story(wired):
        some = rows(ledger, 1, client="case-system", **usual | more)
        await write(ledger, some + rows(ledger, 1, **usual | {"subject": ledger.subject()}))
        return some[0], await reads(wired).told(person, [GAP])

    one, (told,) = ledger.run(story)
    assert told == (
        (
            Told(
                read=one.id,
                client="case-system",
                reason=None,
                on_behalf_of=None,
                answered_at=one.answered_at,
                decision=one.decision,
                effective_at=one.effective_at,
            ),
        )
        if expected
        else ()
    )


def test_each_gap_has_its_own_callers(ledger):
    person = ledger.subject()
    gaps = [
        GAP,
        Gap(
            purpose="GROUP",
            start=ago(days=20),
            end=ago(days=19),
            believed=Decision.PERMIT,
            hindsight=Decision.DENY,
            entries=("e2",),
            shown_at=ago(days=1),
        ),
    ]

    async def story(wired):
        usual = {"subject": person, "answered_at": ago(days=6), "known_at": ago(days=30)}
        photo = rows(ledger, 2, effective_at=ago(days=6), **usual)
        group = rows(ledger, 1, effective_at=ago(days=19.5), purpose="GROUP", **usual)
        await write(ledger, photo + group)
        told = await reads(wired).told(person, gaps)
        assert [[one.read for one in some] for some in told] == [
            sorted(one.id for one in photo),
            [group[0].id],
        ]

    ledger.run(story)
