"""Erasures that meet another eraser, a fault, or what is not as it was recorded."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from ledger import erasure_record
from ledger.erasing import Told
from ledger.erasure_notices import notice_of
from ledger.erasure_plan import erasure_at
from ledger.erasure_record import CLIENT, ErasureRecord, moment
from ledger.erasure_store import ErasureStore
from ledger.errors import Conflict, Fault, Unavailable
from ledger.events import KeyDestroyed
from ledger.restoring import Restored
from ledger.seal import Destroyed
from ledger.store import Stored, open_pool
from ledger.tombstones import Tombstones
from projections.replay import timeline
from tests.integration.erasing import erased, eraser, erasure
from tests.integration.wired import Founded, Wired, born, consent, entry, founded

MARCH = "2026-03-01T10:00:00Z"
CONFLICTS = 3


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


async def told(wired: Wired, *subjects: UUID) -> None:
    await wired.adopt()
    for subject in subjects:
        await wired.record(subject, born())
        await wired.record(subject, consent(subject, MARCH))


def record_of(ledger: Founded, wired: Wired) -> ErasureRecord:
    return ErasureRecord(
        wired.reader, entropy=ledger.random.randbytes, milliseconds=wired.milliseconds
    )


async def notice(wired: Wired) -> KeyDestroyed:
    return KeyDestroyed(effective_at=(await wired.store.head(0)).now, reach="CONTENT")


def test_two_erasers_at_once_do_it_once(ledger, tmp_path):
    people = [ledger.subject() for _ in range(4)]

    async def story(wired):
        await told(wired, *people)
        for subject in people:
            await wired.record(subject, erasure("PHOTO"))
            await wired.record(subject, erasure())
        async with ledger.wired() as other:
            both = await asyncio.gather(
                erased(ledger, wired, tmp_path), erased(ledger, other, tmp_path)
            )
        assert {one.outcome for each in both for one in each} <= {"EXECUTED", "FAILED"}
        await erased(ledger, wired, tmp_path)
        return [await timeline(wired.reader, subject) for subject in people]

    for shown in ledger.run(story):
        asked = [str(one.entry) for one in shown if one.type == "ErasureExecuted"]
        done = [one.fact.erasure for one in shown if one.type == "KeyDestroyed"]
        assert sorted(done) == sorted(asked)


def test_a_purpose_whose_person_was_erased_first_is_completed_with_them(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        await wired.record(subject, erasure("PHOTO"))
        await wired.record(subject, erasure())
        async with eraser(ledger, wired, tmp_path) as working:
            first, second = await working._erasures.pending(0, client=CLIENT)
            await working.execute(0, second)
            await working.execute(0, first)
            assert await working.work() == []
        return await timeline(wired.reader, subject)

    notices = [one.fact for one in ledger.run(story) if one.type == "KeyDestroyed"]
    assert [one.reach for one in notices] == ["PERSON", "PERSON"]
    assert notices[0].key_ids == notices[1].key_ids


def test_a_purpose_whose_keys_were_closed_when_the_person_was_erased_is_completed(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        await wired.record(subject, erasure("PHOTO"))
        await erased(ledger, wired, tmp_path, drain_s=3600.0)
        await wired.record(subject, erasure())
        async with eraser(ledger, wired, tmp_path) as working:
            _, second = await working._erasures.pending(0, client=CLIENT)
            await working.execute(0, second)
            return await working.work()

    assert [one.outcome for one in ledger.run(story)] == ["EXECUTED"]


def test_a_person_erased_between_two_looks_is_a_conflict_and_is_done_again(
    ledger, tmp_path, monkeypatch
):
    subject = ledger.subject()
    grave = Destroyed(key_id=subject, version=1, fingerprint=b"")

    async def gone(*_: object, **__: object) -> Destroyed:
        return grave

    async def story(wired):
        await told(wired, subject)
        await wired.record(subject, erasure("PHOTO"))
        with monkeypatch.context() as patch:
            patch.setattr(wired.keys, "content_key", gone)
            first = await erased(ledger, wired, tmp_path)
        return first, await erased(ledger, wired, tmp_path)

    first, second = ledger.run(story)
    assert [(one.outcome, one.detail) for one in first] == [
        ("FAILED", "the person was erased meanwhile: it is tried again later")
    ]
    assert [one.outcome for one in second] == ["EXECUTED"]


def test_what_is_said_of_a_person_whose_keys_went_meanwhile_is_a_conflict(ledger):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        async with ledger.wired() as stale:
            record = record_of(ledger, stale)
            await record.loaded(subject)
            await wired.keys.destroy_person(subject)
            with pytest.raises(Conflict, match="erased meanwhile"):
                await record.record(0, subject, "key", await notice(wired))

    ledger.run(story)


def test_the_entry_of_one_who_is_erased_elsewhere_is_left_to_them(ledger, tmp_path):
    wrong, right = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, wrong, right)
        at = (await timeline(wired.reader, wrong))[1].entry
        moved = {"entry": str(at), "from": str(wrong), "to": str(right)}
        await wired.record(wrong, entry("EntryReattributed", MARCH, **moved))
        await wired.record(right, entry("ErasureExecuted", MARCH, purpose="GROUP"))
        await wired.record(right, erasure())
        await wired.record(wrong, erasure())
        # The person from whom it was taken goes first, after the other's plan was made.
        async with eraser(ledger, wired, tmp_path) as working:
            group, person, other = await working._erasures.pending(0, client=CLIENT)
            await working._begin(0, person)
            await working.execute(0, other)
            await working.execute(0, group)
            await working.execute(0, person)
            return await working.work()

    assert ledger.run(story) == []


def test_a_stream_that_is_written_too_fast_is_left_for_later(ledger, monkeypatch):
    subject = ledger.subject()
    monkeypatch.setattr(erasure_record, "APPEND_ATTEMPTS", CONFLICTS)

    async def story(wired):
        await told(wired, subject)
        async with ledger.wired() as other:
            record, loaded = record_of(ledger, wired), wired.reader.subjects

            async def overtaken(log, subjects):
                found = await loaded(log, subjects)
                await other.record(subject, consent(subject, MARCH))
                return found

            monkeypatch.setattr(wired.reader, "subjects", overtaken)
            with pytest.raises(Conflict, match="written too fast"):
                await record.record(0, subject, "key", await notice(wired))

    ledger.run(story)


def test_a_key_that_stands_for_something_else_is_a_fault(ledger):
    one, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, one, other)
        record = record_of(ledger, wired)
        await record.record(0, one, "key", await notice(wired))
        ledger.sql("UPDATE idempotency SET fingerprint = 'x' WHERE client = %s", CLIENT)
        with pytest.raises(Fault, match="stands for something else"):
            await record.record(0, other, "key", await notice(wired))

    ledger.run(story)


def test_a_follower_reports_what_fails_and_goes_on(ledger, tmp_path, monkeypatch):
    subject = ledger.subject()
    monkeypatch.setattr("ledger.erasing.IDLE_S", 0.01)
    errors: list[Exception] = []
    outcomes: list[Told] = []

    async def story(wired):
        await told(wired, subject)
        await wired.record(subject, erasure())
        stop = asyncio.Event()
        async with eraser(ledger, wired, tmp_path) as working:
            work = working.work

            async def unwell() -> list[Told]:
                if not errors:
                    raise Unavailable("not now")
                return await work()

            def heard(one: Told) -> None:
                outcomes.append(one)
                stop.set()

            monkeypatch.setattr(working, "work", unwell)
            await asyncio.wait_for(working.follow(stop, failed=errors.append, told=heard), 30)

    ledger.run(story)
    assert [str(one) for one in errors] == ["not now"]
    assert [one.outcome for one in outcomes] == ["EXECUTED"]


def test_one_that_fails_keeps_no_other_from_being_carried_out(ledger, tmp_path):
    one, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, one, other)
        await wired.record(one, erasure())
        await wired.record(other, erasure())
        # The dossier as it was before the erasure was recorded.
        ledger.sql("UPDATE dossier SET sealed = '\\x00' WHERE subject = %s AND sealed <> ''", one)
        return await erased(ledger, wired, tmp_path)

    assert [one.outcome for one in ledger.run(story)] == ["FAILED", "EXECUTED"]


def test_without_the_role_or_the_database_nothing_is_decided(ledger):
    async def story(wired):
        async with open_pool(ledger.database, size_max=1) as pool:
            erasures = ErasureStore(pool)
            with pytest.raises(Fault, match="member of ledger_eraser"):
                await erasures.keep_plan(0, 1, "{}")
        with pytest.raises(Unavailable):
            await erasures.pending(0, client=CLIENT)

    ledger.run(story)


def test_without_the_database_nothing_is_said_of_a_restore(ledger, tmp_path):
    async def story(wired):
        async with open_pool(ledger.database, size_max=1) as pool:
            restored = Restored(pool, wired.identity, wired.keys, Tombstones(tmp_path / "none"))
            assert await restored.check()
        with pytest.raises(Unavailable):
            await restored.check()

    ledger.run(story)


def row_of(ledger: Founded, name: str) -> Stored:
    columns = Stored.__struct_fields__
    query = f"SELECT {', '.join(columns)} FROM entry WHERE name = %s LIMIT 1"
    ((*values,),) = ledger.sql(query, name)
    return Stored(**dict(zip(columns, values, strict=True)))


def test_a_notice_is_held_against_its_own_leaf(ledger, tmp_path):
    one, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, one, other)
        await wired.record(one, erasure())
        await wired.record(other, erasure("PHOTO"))
        await erased(ledger, wired, tmp_path)

    ledger.run(story)
    row, origin = row_of(ledger, "KeyDestroyed"), ledger.identity.log_origin(0)
    adopted = row_of(ledger, "CatalogueAdopted")
    assert notice_of(0, row, origin=origin).fact.reach == "PERSON"
    for wrong, said in (
        (msgspec.structs.replace(row, leaf=adopted.leaf), "its leaf says otherwise"),
        (msgspec.structs.replace(row, container=b"x"), "a container cannot be read"),
        (msgspec.structs.replace(row, leaf=b""), "is not as recorded"),
        (adopted, "says nothing of a destroyed key"),
    ):
        with pytest.raises(Fault, match=said):
            notice_of(0, wrong, origin=origin)


def test_a_dossier_that_lacks_the_erasure_is_a_fault(ledger):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        record = record_of(ledger, wired)
        loaded = await record.loaded(subject)
        assert moment(loaded) >= loaded.head.recorded_at
        (row,) = await wired.store.log(0, after=1, limit=1)
        with pytest.raises(Fault, match="lacks the erasure at 2"):
            erasure_at(loaded.dossier, row)

    ledger.run(story)
