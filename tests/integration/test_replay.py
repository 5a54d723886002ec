"""Replay trusts nothing derived: the same bytes, or which entry is not as recorded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from ledger.answer import answer, encode
from ledger.errors import Fault
from ledger.resealing import emptied
from ledger.rules.case import Question
from ledger.seal import needed_keys
from ledger.tlog.leaf import format_leaf, leaf_hash, parse_leaf
from projections import replay as replaying
from projections.replay import replay, timeline
from tests.integration.erasing import without_key
from tests.integration.recorded import History
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

MARCH = "2026-03-02T10:00:00Z"
HISTORIES = 12
ENTRIES = 30
QUESTIONS = 40
OTHER_UUID = """overlay({0}::text placing
    translate(right({0}::text, 1), '0123456789abcdef', '123456789abcdef0') from 36)::uuid"""
BYTES = ("container", "digests", "leaf", "leaf_hash")
OTHERS = {
    "name": "overlay(name placing 'X' from 3)",
    "event_id": OTHER_UUID.format("event_id"),
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "client": "overlay(client placing 'x' from 1)",
}
PLACES = {
    "log": "log + 1",
    "n": "n + 256",
    "stream": OTHER_UUID.format("stream"),
    "version": "version + 256",
}
"""The idempotency key is no part of the record: `rebuild` looks at that."""


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("nth", range(HISTORIES))
def test_a_replay_answers_every_question_with_the_same_bytes(ledger, nth):
    async def story(wired):
        history = History(ledger)
        await history.begin(wired)
        await history.grow(wired, ENTRIES)
        people = list(history.subjects.values())
        stored = await wired.reader.subjects(0, people)
        again = {subject: await replay(wired.reader, subject) for subject in people}
        common = await replay(wired.reader, None)
        for _ in range(QUESTIONS):
            subject, question = history.question()
            loaded = stored[subject]
            one = answer(question, loaded.dossier, loaded.catalogue, wired.rulebook)
            two = answer(question, again[subject], common, wired.rulebook)
            assert encode(one) == encode(two)
        return len(history.entries)

    # Few where everybody is erased early: after that there is nothing to record.
    assert ledger.run(story) > 0


def test_a_replay_reads_page_by_page_to_the_end(ledger, monkeypatch):
    monkeypatch.setattr(replaying, "PAGE", 2)
    subject = ledger.subject()

    async def story(wired):
        await wired.adopt()
        for day in range(1, 6):
            await wired.record(subject, consent(subject, f"2024-01-0{day}T10:00:00Z"))
        return await replay(wired.reader, subject)

    assert [one.n for one in ledger.run(story).items] == [2, 3, 4, 5, 6]


def test_somebody_never_heard_of_has_an_empty_dossier(ledger):
    async def story(wired):
        await wired.adopt()
        return await replay(wired.reader, ledger.subject())

    dossier = ledger.run(story)
    assert (dossier.items, dossier.destroyed) == ((), False)


async def recorded(wired: Wired, subject: UUID) -> None:
    await wired.adopt()
    await wired.record(subject, born())
    await wired.record(subject, consent(subject, MARCH))
    await wired.record(subject, withdrawal(subject, MARCH))


def tampered(ledger: Founded, n: int, column: str, value: str) -> list[tuple]:
    """The row before one of its columns was altered."""
    before = ledger.sql("SELECT * FROM entry WHERE log = 0 AND n = %s", n)
    query = sql.SQL("UPDATE entry SET {} = {} WHERE log = 0 AND n = {}").format(
        sql.Identifier(column), sql.SQL(value), n
    )
    ledger.sql(query)
    assert before != ledger.sql("SELECT * FROM entry WHERE log = 0 AND n = %s", n)
    return before


def restored(ledger: Founded, n: int, before: list[tuple]) -> None:
    ledger.sql("DELETE FROM entry WHERE log = 1 OR n = %s OR n = %s + 256", n, n)
    marks = sql.SQL(", ").join(sql.Placeholder() * len(before[0]))
    ledger.sql(sql.SQL("INSERT INTO entry VALUES ({})").format(marks), *before[0])


def changes(ledger: Founded, n: int, column: str) -> list[str]:
    """Alterations of the column, each of one byte of it."""
    if column in OTHERS:
        return [OTHERS[column]]
    length = ledger.sql(f"SELECT length({column}) FROM entry WHERE n = %s", n)[0][0]
    places = sorted({0, length - 1, *(ledger.random.randrange(length) for _ in range(20))})
    return [f"set_byte({column}, {at}, get_byte({column}, {at}) # 1)" for at in places]


async def refused(wired: Wired, subject: UUID | None) -> str:
    with pytest.raises(Fault) as found:
        await replay(wired.reader, subject)
    return str(found.value)


@pytest.mark.parametrize("column", [*BYTES, *OTHERS])
def test_one_altered_byte_of_an_entry_is_found_and_its_position_named(ledger, column):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        for stream, n in ((subject, 3), (None, 1)):
            for change in changes(ledger, n, column):
                before = tampered(ledger, n, column, change)
                said = await refused(wired, stream)
                assert said.startswith(f"entry 0:{n} is not as recorded: "), said
                assert str(subject) not in said
                restored(ledger, n, before)
            await replay(wired.reader, stream)

    ledger.run(story)


OTHER_MEMBERS: dict[str, Any] = {
    "commitment": b"c" * 32,
    "event_id": UUID("01a2104c-77ea-7b7f-bdea-3d538ef23a52"),
    "log": "test.example/other/0",
    "prev": b"p" * 32,
    "recorded_at": datetime(2020, 1, 1, tzinfo=UTC),
    "seq": 9,
    "stream": UUID("fb9c66ee-642f-4bf5-941a-dbccdc90d120"),
    "type": "ConsentRefused",
}


@pytest.mark.parametrize("member", OTHER_MEMBERS)
def test_a_leaf_that_is_whole_in_itself_must_still_be_the_leaf_of_its_row(ledger, member):
    subject = ledger.subject()
    ledger.run(lambda wired: recorded(wired, subject))
    ((leaf,),) = ledger.sql("SELECT leaf FROM entry WHERE n = 4")
    other = format_leaf(replace(parse_leaf(leaf), **{member: OTHER_MEMBERS[member]}))
    ledger.sql("UPDATE entry SET leaf = %s, leaf_hash = %s WHERE n = 4", other, leaf_hash(other))
    said = ledger.run(lambda wired: refused(wired, subject))
    assert said == f"entry 0:4 is not as recorded: its leaf says otherwise: {member}"


@pytest.mark.parametrize("column", PLACES)
@pytest.mark.parametrize("n", [2, 3, 4])
def test_an_entry_that_was_put_elsewhere_is_missed(ledger, column, n):
    subject = ledger.subject()
    ledger.run(lambda wired: recorded(wired, subject))
    tampered(ledger, n, column, PLACES[column])
    said = ledger.run(lambda wired: refused(wired, subject))
    assert said.startswith(("entry 0:", "log 0 lacks entries")), said
    assert str(subject) not in said


def test_a_key_destroyed_leaves_a_destroyed_dossier_and_the_same_answers(ledger):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        await wired.record(subject, entry("ErasureExecuted", MARCH, purpose="*"))
        await wired.keys.destroy_person(subject)
        again = await replay(wired.reader, subject)
        loaded = (await wired.reader.subjects(0, [subject]))[subject]
        question = Question(
            purpose="SAFEGUARD", effective_at=loaded.head.now, known_at=loaded.head.recorded_at
        )
        assert again.destroyed
        one = answer(question, loaded.dossier, loaded.catalogue, wired.rulebook)
        two = answer(question, again, await replay(wired.reader, None), wired.rulebook)
        assert encode(one) == encode(two)
        return await timeline(wired.reader, subject)

    shown = ledger.run(story)
    assert [(one.type, one.fact, one.effective_at) for one in shown] == [
        ("DateOfBirthRecorded", None, None),
        ("ConsentGranted", None, None),
        ("ConsentWithdrawn", None, None),
        ("ErasureExecuted", None, None),
    ]
    assert "basis" in shown[1].erased


@pytest.mark.parametrize("value", ["container = ''", "leaf = ''"])
def test_emptied_bytes_are_missed_although_the_person_is_erased(ledger, value):
    subject = ledger.subject()
    ledger.run(lambda wired: recorded(wired, subject))
    ledger.run(lambda wired: wired.record(subject, entry("ErasureExecuted", MARCH, purpose="*")))
    ledger.sql(f"UPDATE entry SET {value} WHERE n = 3")
    missed = "entry 0:3 is emptied, and no erasure took it"
    assert ledger.run(lambda wired: refused(wired, subject)) == missed
    ledger.run(lambda wired: wired.keys.destroy_person(subject))
    assert ledger.run(lambda wired: refused(wired, subject)) == missed


def test_destroyed_keys_are_no_erasure_unless_one_is_recorded(ledger):
    subject = ledger.subject()
    ledger.run(lambda wired: recorded(wired, subject))
    ledger.run(lambda wired: wired.keys.destroy_person(subject))
    said = ledger.run(lambda wired: refused(wired, subject))
    assert said == "entry 0:2 is emptied, and the person is not erased"


def test_content_that_came_after_an_erasure_is_missed(ledger):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        await wired.record(subject, entry("ErasureExecuted", MARCH, purpose="PHOTO"))
        await wired.record(subject, consent(subject, MARCH))
        await without_key(wired, subject)
        return await refused(wired, subject)

    assert ledger.run(story) == "entry 0:6 is without its content, and no erasure took it"


def test_a_basis_emptied_by_somebody_else_is_no_erasure(ledger):
    subject = ledger.subject()
    ledger.run(lambda wired: recorded(wired, subject))
    ((container,),) = ledger.sql("SELECT container FROM entry WHERE n = 4")
    keys = {key_id for key_id, _ in needed_keys(container)}
    ledger.sql("UPDATE entry SET container = %s WHERE n = 4", emptied(container, key_ids=keys))
    assert (
        ledger.run(lambda wired: refused(wired, subject))
        == "entry 0:4 is emptied, and the person is not erased"
    )


@pytest.mark.parametrize("purpose", ["PHOTO", "*", "GROUP", None])
def test_content_may_be_missing_only_under_an_erasure_of_its_purpose(ledger, purpose):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        if purpose is not None:
            await wired.record(subject, entry("ErasureExecuted", MARCH, purpose=purpose))
        await without_key(wired, subject)

    ledger.run(story)
    if purpose in ("PHOTO", "*"):
        assert ledger.run(lambda wired: replay(wired.reader, subject)).version == 4
    else:
        said = ledger.run(lambda wired: refused(wired, subject))
        assert said == "entry 0:3 is without its content, and no erasure took it"


def test_a_timeline_shows_whole_facts_until_their_content_is_erased(ledger):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        before = await timeline(wired.reader, subject)
        await wired.record(subject, entry("ErasureExecuted", MARCH, purpose="PHOTO"))
        await without_key(wired, subject)
        return before, await timeline(wired.reader, subject)

    before, after = ledger.run(story)
    assert [one.version for one in after] == [1, 2, 3, 4]
    assert [one.position.rpartition(":")[0] for one in before] == ["0:2", "0:3", "0:4"]
    one, two = before[1], after[1]
    assert (one.fact.evidence, one.erased, one.recorded_by) == ("form 1", (), "test")
    assert (two.fact.evidence, two.erased, two.recorded_by) == (None, ("content",), "test")
    assert one.fact.evidence_digest == two.fact.evidence_digest is not None
    assert one.effective_at.isoformat() == "2026-03-02T10:00:00+00:00"


def test_a_timeline_goes_on_from_any_version_and_still_verifies(ledger):
    subject = ledger.subject()

    async def story(wired):
        await recorded(wired, subject)
        return [
            [one.version for one in await timeline(wired.reader, subject, after=n, limit=limit)]
            for n, limit in ((0, 2), (2, 2), (1, 1), (3, 10), (7, 10))
        ]

    assert ledger.run(story) == [[1, 2], [3], [2], [], []]
    ledger.sql("UPDATE entry SET leaf_hash = sha256('other') WHERE n = 3")

    async def broken(wired):
        with pytest.raises(Fault, match="entry 0:4 is not as recorded"):
            await timeline(wired.reader, subject, after=2)

    ledger.run(broken)
