"""An answer that was given is given again from the entries alone, or it is said what differs."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from ledger.answer import encode
from ledger.errors import Fault, Malformed
from projections.checks import Query
from projections.reads import Reads
from projections.replayed import Replayed, replayed
from tests.integration.auditing import asked, auditing, rows
from tests.integration.erasing import erased
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
HISTORIES = 4
QUESTIONS = 25


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


async def again(wired: Wired, read: UUID) -> Replayed:
    row = await Reads(wired.reader, wired.pool).by_id(read)
    assert row is not None
    return await replayed(wired.reader, wired.rulebook, row)


async def consented(ledger: Founded, wired: Wired) -> UUID:
    await wired.adopt()
    person = ledger.subject()
    await wired.record(person, born(), consent(person, GIVEN))
    return person


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_every_answer_of_a_random_history_is_given_again_with_the_same_bytes(ledger, nth):
    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, 15)
        given = []
        for n in range(QUESTIONS):
            now = history.later(n / QUESTIONS)
            subject, question = history.question()
            query = Query(
                subject=subject,
                purpose=question.purpose,
                operation=question.operation,
                data=question.data,
                recipient=question.recipient,
                exception=question.exception,
                effective_at=history.random.choice(
                    [None, question.effective_at, question.effective_at.date()]
                ),
                known_at=history.random.choice([None, min(now, question.known_at)]),
            )
            given.append(await asked(ledger, wired, query, store=n % 2 == 0))
        await history.grow(wired, 15)
        for answer, one in given:
            found = await again(wired, one.id)
            assert (found.same, found.differing, found.erased) == (True, (), False)
            assert encode(found.answer) == encode(answer)
            assert found.stored in (None, answer)
            assert (found.stored is None) == (one.stored is None)

    ledger.run(story)


def test_a_person_never_heard_of_is_answered_again(ledger):
    async def story(wired):
        query = Query(subject=ledger.subject(), purpose="SAFEGUARD")
        _, empty = await asked(ledger, wired, query, store=True)
        await wired.adopt()
        _, unknown = await asked(ledger, wired, query, store=True, kind="BASES")
        return [(await again(wired, one.id)).same for one in (empty, unknown)]

    assert ledger.run(story) == [True, True]


def test_a_day_is_asked_about_again_as_a_day(ledger):
    async def story(wired):
        person = await consented(ledger, wired)
        await wired.record(person, withdrawal(person, "2026-07-15T12:00:00Z"))
        query = Query(subject=person, purpose="PHOTO", effective_at=date(2026, 7, 15))
        answer, one = await asked(ledger, wired, query)
        assert "INTRADAY_CHANGE" in answer.flags
        assert (await again(wired, one.id)).same

    ledger.run(story)


def test_an_answer_about_an_erased_person_differs_and_the_stored_one_cannot_be_read(
    ledger, tmp_path
):
    async def story(wired):
        person = await consented(ledger, wired)
        _, one = await asked(ledger, wired, Query(subject=person, purpose="PHOTO"), store=True)
        await wired.record(person, entry("ErasureExecuted", "2018-05-25", purpose="*"))
        assert [one.outcome for one in await erased(ledger, wired, tmp_path)] == ["EXECUTED"]
        return await again(wired, one.id)

    found = ledger.run(story)
    assert (found.same, found.erased, found.stored, found.differing) == (False, True, None, ())
    assert (found.answer.decision, found.answer.flags) == ("DENY", ("ERASED",))


def test_an_entry_that_was_changed_is_named(ledger):
    async def story(wired):
        person = await consented(ledger, wired)
        _, one = await asked(ledger, wired, Query(subject=person, purpose="PHOTO"))
        ledger.sql("UPDATE entry SET client = 'x' WHERE n = 3")
        with pytest.raises(Fault, match="entry 0:3 is not as recorded"):
            await again(wired, one.id)

    ledger.run(story)


@pytest.mark.parametrize("column", ["position", "catalogue"])
@pytest.mark.parametrize("spelt", ["0:2:00000000", "0:99:01234567"])
def test_a_row_that_names_another_entry_than_the_log_has_is_a_fault(ledger, column, spelt):
    async def story(wired):
        person = await consented(ledger, wired)
        _, one = await asked(ledger, wired, Query(subject=person, purpose="PHOTO"))
        ledger.sql(f"UPDATE read_audit SET {column} = %s", spelt)
        with pytest.raises(Fault, match=f"rests on entry {spelt}"):
            await again(wired, one.id)

    ledger.run(story)


def test_another_stored_answer_is_a_fault_and_another_persons_does_not_open(ledger):
    async def story(wired):
        person = await consented(ledger, wired)
        query = Query(subject=person, purpose="PHOTO")
        _, one = await asked(ledger, wired, query, store=True)
        _, other = await asked(ledger, wired, Query(subject=person, purpose="GROUP"), store=True)
        ledger.sql("UPDATE read_audit SET stored = %s WHERE id = %s", other.stored, one.id)
        with pytest.raises(Fault, match="not the one that was given"):
            await again(wired, one.id)
        ((dossier,),) = ledger.sql("SELECT sealed FROM dossier WHERE subject = %s", person)
        ledger.sql("UPDATE read_audit SET stored = %s WHERE id = %s", dossier, one.id)
        with pytest.raises(Fault, match="does not open"):
            await again(wired, one.id)

    ledger.run(story)


@pytest.mark.parametrize("kind", ["DIFF", "TIMELINE", "POPULATION", "EXPOSURE", "READS", "REPLAY"])
def test_what_is_no_answer_with_an_identity_is_not_answered_again(ledger, kind):
    async def story(wired):
        (one,) = rows(ledger, 1, kind=kind)
        async with auditing(ledger) as reads:
            await reads.write([one])
        with pytest.raises(Malformed, match=f"is a {kind}"):
            await again(wired, one.id)

    ledger.run(story)
