"""An answer at a position knows the entries up to it: not one more, even of the same request."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from ledger.answer import Answer, answer, encode
from ledger.events import CatalogueAdopted
from ledger.rules.case import Question
from ledger.store import Recorded
from projections.checks import Answered, Checks, Position, Query
from projections.everyone import until
from projections.replay import replay
from tests.integration.wired import (
    BEGINNING,
    Founded,
    Wired,
    born,
    catalogue,
    consent,
    entry,
    founded,
    withdrawal,
)

GIVEN = "2026-03-02T10:00:00Z"
ENDED = "2026-03-03T10:00:00Z"
AGAIN = "2026-03-04T10:00:00Z"
LATER = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


def acts(subject: UUID) -> list[dict]:
    return [
        born(),
        consent(subject, GIVEN),
        withdrawal(subject, ENDED),
        consent(subject, AGAIN),
    ]


async def asked(wired: Wired, subject: UUID, n: int) -> Answer:
    query = Query(
        subject=subject,
        purpose="PHOTO",
        effective_at=LATER,
        at_position=Position(log=wired.identity.log_of(subject), n=n),
    )
    return await Checks(wired.reader, wired.rulebook).check(query)


async def told(wired: Wired, subject: UUID, entries: list[Recorded]) -> list[str]:
    """The decision at the position of each entry."""
    return [(await asked(wired, subject, one.n)).decision for one in entries]


def test_the_later_entries_of_a_request_are_not_known_at_the_position_of_an_earlier_one(ledger):
    async def story(wired):
        await wired.adopt()
        together, apart = ledger.subject(), ledger.subject()
        whole = await wired.record(together, *acts(together))
        single = [(await wired.record(apart, one)).entries[0] for one in acts(apart)]
        expected = ["DENY", "PERMIT", "DENY", "PERMIT"]
        assert await told(wired, apart, single) == expected
        assert await told(wired, together, list(whole.entries)) == expected

    ledger.run(story)


def test_an_answer_at_a_position_is_what_a_replay_up_to_there_gives(ledger):
    async def story(wired):
        await wired.adopt()
        subject = ledger.subject()
        whole = await wired.record(subject, *acts(subject))
        person, common = await replay(wired.reader, subject), await replay(wired.reader, None)
        for one in whole.entries:
            got = await asked(wired, subject, one.n)
            question = Question(
                purpose="PHOTO",
                effective_at=LATER,
                known_at=one.recorded_at,
                position=f"0:{one.n}:{one.leaf_hash.hex()[:8]}",
                catalogue=got.catalogue,
            )
            again = answer(question, until(person, one.n), until(common, one.n), wired.rulebook)
            assert encode(got) == encode(again)

    ledger.run(story)


def test_the_ledgers_own_stream_is_cut_in_the_middle_of_a_request_too(ledger):
    async def story(wired):
        subject = ledger.subject()
        adopted = CatalogueAdopted(effective_at=BEGINNING, catalogue=catalogue())
        setting = entry("PolicySet", "2018-05-25", setting="leap_birthday", value="1 March")
        whole = await wired.record(None, setting, adopted, setting)
        first, second, third = whole.entries
        before = await asked(wired, subject, first.n)
        middle = await asked(wired, subject, second.n)
        assert before.catalogue == f"0:{first.n}:{first.leaf_hash.hex()[:8]}"
        assert middle.catalogue == f"0:{second.n}:{second.leaf_hash.hex()[:8]}"
        assert (await asked(wired, subject, third.n)).catalogue.startswith(f"0:{third.n}:")
        query = Query(
            subject=subject, purpose="", at_position=Position(log=0, n=first.n), effective_at=LATER
        )
        assert await Checks(wired.reader, wired.rulebook).bases(query) == []

    ledger.run(story)


@pytest.mark.parametrize("log", range(4))
def test_a_person_of_another_log_is_cut_by_what_the_ledgers_own_stream_had_by_then(
    database, tmp_path, log
):
    with founded(database, tmp_path, logs=4) as ledger:

        async def story(wired):
            await wired.adopt()
            subject = ledger.subject(log)
            whole = await wired.record(subject, *acts(subject))
            before = await asked(wired, subject, whole.entries[1].n)
            await wired.adopt()
            await wired.record(subject, withdrawal(subject, AGAIN))
            after = await asked(wired, subject, whole.entries[1].n)
            assert encode(before) == encode(after)
            assert before.decision == "PERMIT"

        ledger.run(story)


def test_an_answer_comes_with_its_question_and_the_clock_of_its_read(ledger):
    async def story(wired):
        await wired.adopt()
        subject = ledger.subject()
        await wired.record(subject, *acts(subject))
        query = Query(subject=subject, purpose="PHOTO")
        moment = datetime(2027, 1, 1, tzinfo=UTC)
        ledger.clock(moment)
        (one,) = await Checks(wired.reader, wired.rulebook).batch([query])
        assert isinstance(one, Answered)
        assert (one.query, one.log, one.answered_at) == (query, 0, moment)
        assert one.answer.decision == "PERMIT"

    ledger.run(story)
