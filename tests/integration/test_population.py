"""Lists of people: complete to a stated position, the same whatever is kept, or an error."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.errors import Fault, LogForked, Malformed
from ledger.terms import Decision
from projections.checks import Checks, Query, parse_position
from projections.current import Tailer
from projections.population import Page, Population, Wanted
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIVEN = "2026-03-02T10:00:00Z"
PHOTO = Wanted(purpose="PHOTO")
HISTORIES = 5


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def population(wired: Wired) -> Population:
    return Population(wired.reader, wired.rulebook, wired.pool)


def tailer(wired: Wired) -> Tailer:
    return Tailer(wired.reader, wired.rulebook, wired.pool)


async def listed(wired: Wired, wanted: Wanted, *, limit: int = 1000, between=None) -> list[Page]:
    """All pages of the list, with something done between two of them."""
    pages = [await population(wired).subjects_of(wanted, limit=limit)]
    while pages[-1].cursor is not None:
        if between is not None:
            await between()
        cursor = pages[-1].cursor
        pages.append(await population(wired).subjects_of(wanted, limit=limit, cursor=cursor))
    return pages


async def expected(ledger: Founded, wired: Wired, wanted: Wanted, page: Page) -> list[tuple]:
    """What checks at the position and moment of the page say of everyone known by then."""
    checks = Checks(wired.reader, wired.rulebook)
    n = parse_position(page.positions[0], field="position").n
    known = ledger.sql(
        "SELECT DISTINCT stream FROM entry WHERE n <= %s AND stream <> %s ORDER BY 1",
        n,
        ledger.identity.stream,
    )
    found = []
    for (subject,) in known:
        got = await checks.check(
            Query(
                subject=subject,
                purpose=wanted.purpose,
                effective_at=page.effective_at,
                known_at=page.known_at,
            )
        )
        if wanted.decision in (None, got.decision) and (
            wanted.live is None or wanted.live in got.live
        ):
            found.append((subject, got.decision, got.live))
    return found


def told(pages: list[Page]) -> list[tuple]:
    return [(one.subject, one.decision, one.live) for page in pages for one in page.people]


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_a_list_is_what_checks_say_of_everyone_however_far_the_tailer_is(ledger, nth, monkeypatch):
    monkeypatch.setattr("projections.population.WINDOW", 1 + nth % 3)

    async def story(wired):
        random = ledger.random
        history = History(ledger)
        await history.begin(wired)
        seen = 0
        for _ in range(6):
            await history.grow(wired, 4)
            await random.choice((tailer(wired).catch_up, no_tailer))()
            history.world.clock = history.later(random.choice((0, 1, 60)))
            for _ in range(8):
                wanted = any_list(history)
                pages = await listed(wired, wanted, limit=random.choice((1, 2, 1000)))
                assert told(pages) == await expected(ledger, wired, wanted, pages[0])
                seen += len(told(pages))
        return seen

    assert ledger.run(story)


async def no_tailer() -> None:
    """Nothing is kept current."""


def any_list(history: History) -> Wanted:
    _, question = history.question()
    choice = history.random.choice
    return Wanted(
        purpose=question.purpose,
        decision=choice((None, Decision.PERMIT, Decision.DENY)),
        live=choice((None, None, "a", "e")),
        effective_at=choice((None, None, question.effective_at)),
        known_at=choice((None, None, min(question.known_at, history.world.clock))),
    )


@pytest.mark.parametrize("window", [1, 2, 5, 6, 7])
def test_nobody_is_missed_behind_many_who_are_not_on_the_list(ledger, window, monkeypatch):
    monkeypatch.setattr("projections.population.WINDOW", window)
    people = sorted(ledger.subject() for _ in range(6))

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            await wired.record(subject, born())
        await wired.record(people[-1], consent(people[-1], GIVEN))
        await tailer(wired).catch_up()
        permitted = Wanted(purpose="PHOTO", decision=Decision.PERMIT, live="a")
        return told(await listed(wired, permitted))

    assert ledger.run(story) == [(people[-1], "PERMIT", ("a",))]


@pytest.mark.parametrize("kept", [True, False])
def test_later_pages_stay_at_the_position_and_moment_of_the_first(ledger, kept):
    people = [ledger.subject() for _ in range(6)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people:
            expiring = consent(subject, GIVEN, expires_at="2026-06-01T12:00:03Z")
            await wired.record(subject, born(), expiring)
        if kept:
            await tailer(wired).catch_up()
        clock = NOW

        async def meanwhile():
            nonlocal clock
            clock += timedelta(seconds=1)
            ledger.clock(clock)
            await wired.record(people[-1], withdrawal(people[-1], GIVEN))
            await wired.record(people[0], withdrawal(people[0], GIVEN))
            await wired.record(ledger.subject(), born())
            await tailer(wired).catch_up()

        pages = await listed(wired, PHOTO, limit=1, between=meanwhile)
        assert {(one.effective_at, one.positions) for one in pages} == {
            (pages[0].effective_at, pages[0].positions)
        }
        return told(pages)

    found = ledger.run(story)
    assert found == [(subject, "PERMIT", ("a",)) for subject in sorted(people)]


def test_a_kept_row_is_used_only_while_it_holds(ledger):
    """A row altered by hand shows when it is read, and when it is computed again instead."""
    subject = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        expiring = consent(subject, GIVEN, expires_at="2026-07-01T00:00:00Z")
        known_at = (await wired.record(subject, born(), expiring)).entries[0].recorded_at
        await tailer(wired).catch_up()
        ledger.sql("UPDATE current_basis SET live = '{f}' WHERE purpose = 'PHOTO'")

        async def live(**more) -> tuple:
            page = await population(wired).subjects_of(Wanted(purpose="PHOTO", **more))
            return {one.subject: one.live for one in page.people}[subject]

        assert await live() == ("f",)
        assert await live(effective_at=datetime(2026, 4, 1, tzinfo=UTC)) == ("f",)
        # Before it began, after it ends, and as it was known at another moment.
        assert await live(effective_at=datetime(2026, 3, 2, 9, tzinfo=UTC)) == ()
        assert await live(effective_at=datetime(2026, 7, 1, tzinfo=UTC)) == ()
        assert await live(known_at=known_at) == ("a",)
        # Another person's entry leaves it, one about everyone or about this person does not.
        await wired.record(ledger.subject(), born())
        assert await live() == ("f",)
        await wired.record(None, entry("PolicyDocumentAdopted", GIVEN))
        assert await live() == ("a",)
        await tailer(wired).catch_up()
        ledger.sql("UPDATE current_basis SET live = '{f}' WHERE purpose = 'PHOTO'")
        await wired.record(subject, born("1980-05-06"))
        assert await live() == ("a",)

    ledger.run(story)


def test_rows_count_only_while_this_rule_book_is_followed(ledger):
    subject = ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        await wired.record(subject, born(), consent(subject, GIVEN))
        await tailer(wired).catch_up()
        ledger.sql("UPDATE current_basis SET live = '{f}' WHERE purpose = 'PHOTO'")
        ledger.sql("UPDATE follower SET name = 'current_basis another rule book'")
        return (await population(wired).subjects_of(PHOTO)).people[0].live

    assert ledger.run(story) == ("a",)


def test_an_erased_person_is_denied_whatever_row_is_kept(ledger):
    subject, gone = ledger.subject(), ledger.subject()

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for one in (subject, gone):
            await wired.record(one, born(), consent(one, GIVEN))
        await tailer(wired).catch_up()
        for one in (subject, gone):
            await wired.keys.destroy_person(one)
            ledger.sql("INSERT INTO tombstone VALUES (0, %s, 4)", one)
        ledger.sql("DELETE FROM dossier WHERE subject = %s", gone)
        return told(await listed(wired, PHOTO))

    assert ledger.run(story) == [(one, "DENY", ()) for one in sorted((subject, gone))]


def test_a_list_that_cannot_be_completed_is_an_error(ledger):
    subjects = [ledger.subject() for _ in range(3)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in subjects:
            await wired.record(subject, born())
        ledger.sql("UPDATE dossier SET sealed = 'broken' WHERE subject = %s", max(subjects))
        with pytest.raises(Fault):
            await population(wired).subjects_of(PHOTO)

    ledger.run(story)


def test_a_cursor_belongs_to_its_list_and_to_its_log(ledger):
    async def story(wired):
        await wired.adopt()
        for _ in range(2):
            await wired.record(ledger.subject(), born())
        cursor = (await population(wired).subjects_of(PHOTO, limit=1)).cursor
        assert cursor is not None
        for wanted, other in ((Wanted(purpose="GROUP"), cursor), (PHOTO, cursor[3:]), (PHOTO, "é")):
            with pytest.raises(Malformed, match="^cursor: "):
                await population(wired).subjects_of(wanted, cursor=other)
        ledger.sql("UPDATE entry SET leaf_hash = sha256('fork') WHERE n = 3")
        with pytest.raises(LogForked):
            await population(wired).subjects_of(PHOTO, cursor=cursor)

    ledger.run(story)


def test_a_list_refuses_what_it_cannot_answer(ledger):
    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        lists = population(wired)
        with pytest.raises(Malformed, match="^known_at: "):
            await lists.subjects_of(Wanted(purpose="PHOTO", known_at=NOW + timedelta(seconds=1)))
        for limit in (0, 10_001):
            with pytest.raises(Malformed, match="^limit: "):
                await lists.subjects_of(PHOTO, limit=limit)

    ledger.run(story)


def test_a_long_list_tells_how_far_it_has_come(ledger):
    told_of: list[tuple[int, int]] = []

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for _ in range(4):
            await wired.record(ledger.subject(), born())
        await population(wired).subjects_of(
            PHOTO, progress=lambda done, total: told_of.append((done, total))
        )

    ledger.run(story)
    assert told_of[-1] == (4, 4)
    assert told_of == sorted(told_of)


def test_a_tally_counts_everybody_once(ledger):
    people = [ledger.subject() for _ in range(5)]

    async def story(wired):
        ledger.clock(NOW)
        await wired.adopt()
        for subject in people[:3]:
            await wired.record(subject, born(), consent(subject, GIVEN))
        await tailer(wired).catch_up()
        for subject in people[3:]:
            await wired.record(subject, born())
        return await population(wired).tally("PHOTO")

    assert ledger.run(story) == {Decision.PERMIT: 3, Decision.DENY: 2}


def test_a_list_goes_through_every_log(database, tmp_path):
    with founded(database, tmp_path, logs=4) as ledger:
        people = [ledger.subject(log) for log in (3, 0, 2, 2, 1)]

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            for subject in people:
                await wired.record(subject, born(), consent(subject, GIVEN))
            for _ in range(2):
                pages = await listed(wired, PHOTO, limit=2)
                assert len(pages[0].positions) == 4
                assert {one.subject for page in pages for one in page.people} == set(people)
                assert sum(len(page.people) for page in pages) == 5
                await tailer(wired).catch_up()

        ledger.run(story)


def test_a_position_is_no_moment_where_the_stamps_of_another_log_are_ahead(database, tmp_path):
    """As after a clock that went back: what comes later is stamped earlier, and not on the list."""
    with founded(database, tmp_path, logs=2) as ledger:
        people = sorted(ledger.subject(1) for _ in range(3))

        async def story(wired):
            ledger.clock(NOW)
            await wired.adopt()
            for _ in range(20):
                await wired.record(None, entry("PolicyDocumentAdopted", GIVEN))
            for subject in people:
                await wired.record(subject, born(), consent(subject, GIVEN))

            async def meanwhile():
                later = await wired.record(people[-1], withdrawal(people[-1], GIVEN))
                assert later.entries[0].recorded_at < NOW + timedelta(microseconds=20)

            return told(await listed(wired, PHOTO, limit=2, between=meanwhile))

        assert ledger.run(story) == [(subject, "PERMIT", ("a",)) for subject in people]
