"""What is sealed opens to what was recorded; what does not, and whatever is lacking, is named."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from ledger.keys import FileKek
from ledger.recorder import LedgerRecorder
from ledger.resealing import emptied
from projections import audit_content as module
from projections.audit_content import Contents, audit_content
from tests.integration.erasing import without_key
from tests.integration.library import recorder
from tests.integration.tampering import attacker
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

GIVEN = "2026-03-02T10:00:00Z"
ERASED = entry("ErasureExecuted", "2026-03-03", purpose="PHOTO")


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


async def of(wired: Wired, **more) -> Contents:
    return await audit_content(wired.reader, wired.pool, 0, **more)


def codes(one: Contents) -> list[tuple[str, int]]:
    return [(each.code, each.n) for each in one.listed]


async def one_person(ledger: Founded, wired: Wired) -> UUID:
    """Entry 1 is the catalogue, 2 a birth, 3 a consent with evidence, 4 a withdrawal."""
    subject = ledger.subject()
    await wired.adopt()
    await wired.record(subject, born(), consent(subject, GIVEN))
    await wired.record(subject, withdrawal(subject, GIVEN))
    return subject


def test_all_that_is_sealed_is_opened_page_by_page(ledger, monkeypatch):
    monkeypatch.setattr(module, "PAGE", 3)
    told: list[tuple[int, int]] = []

    async def story(wired):
        await one_person(ledger, wired)
        one = await of(wired, progress=lambda done, total: told.append((done, total)))
        ((groups,),) = ledger.sql("SELECT count(*) FROM entry")
        assert (one.entries, one.erased, one.other, one.listed) == (4, 0, 0, [])
        assert one.groups > groups

    ledger.run(story)
    assert told == [(3, 4), (4, 4)]


def test_what_a_destroyed_key_sealed_is_counted(ledger):
    async def story(wired):
        subject = await one_person(ledger, wired)
        await wired.record(subject, ERASED)
        await without_key(wired, subject)
        one = await of(wired)
        assert (one.findings, one.erased) == (0, 1)
        await wired.keys.destroy_person(subject)
        one = await of(wired)
        assert (one.findings, one.erased, one.groups) == (0, 5, 1)

    ledger.run(story)


def test_what_was_emptied_without_an_erasure_is_found(ledger):
    async def story(wired):
        subject = await one_person(ledger, wired)
        key = await wired.keys.content_key(subject, "PHOTO", create=False)
        ((container,),) = ledger.sql("SELECT container FROM entry WHERE n = 3")
        bare = emptied(container, key_ids={key.key_id})
        ledger.sql("UPDATE entry SET container = %s WHERE n = 3", bare)
        one = await of(wired)
        assert (codes(one), one.erased) == ([("CONTENT_EMPTIED", 3)], 1)
        assert "no erasure took it" in one.listed[0].detail
        ledger.sql("UPDATE entry SET container = '' WHERE n = 3")
        assert codes(await of(wired)) == [("CONTENT_EMPTIED", 3)]

        ledger.sql("UPDATE entry SET container = %s WHERE n = 3", bare)
        await wired.record(subject, ERASED)
        assert codes(await of(wired)) == []

    ledger.run(story)


def test_each_entry_that_holds_another_thing_is_named(ledger):
    async def story(wired):
        await one_person(ledger, wired)
        for change in (
            "container = (SELECT container FROM entry WHERE n = 2)",
            "container = set_byte(container, 30, get_byte(container, 30) # 1)",
            "container = 'nothing'",
            "digests = sha256('x')",
            "client = 'somebody else'",
            "name = 'ConsentRefused'",
        ):
            ledger.sql("CREATE TABLE before AS TABLE entry")
            ledger.sql(f"UPDATE entry SET {change} WHERE n IN (3, 4)")
            found = codes(await of(wired))
            assert [one for one in found if one[0] != "REQUEST"] == [
                ("CONTAINER", 3),
                ("CONTAINER", 4),
            ], change
            ledger.sql("DELETE FROM entry; INSERT INTO entry TABLE before; DROP TABLE before")

    ledger.run(story)


def test_a_key_that_is_not_there_is_no_erasure(ledger, tmp_path):
    async def story(wired):
        subject = await one_person(ledger, wired)
        wired.keys.purge({one for (one,) in ledger.keys_sql("SELECT key_id FROM subject_key")})
        ledger.keys_sql("CREATE TABLE kept AS TABLE subject_key")
        ledger.keys_sql("DELETE FROM subject_key WHERE part = 'content'")
        assert codes(await of(wired)) == [("KEY_UNKNOWN", 3)]
        ledger.keys_sql("DELETE FROM subject_key; INSERT INTO subject_key TABLE kept")
        ledger.keys_sql(
            "UPDATE subject_key SET fingerprint = sha256('x') WHERE subject = %s"
            " AND part = 'content'",
            subject,
        )
        one = await of(wired)
        assert codes(one) == [("KEY_UNKNOWN", 3)]
        assert "does not match its fingerprint" in one.listed[0].detail
        assert one.groups == 3

    ledger.run(story)


def test_a_key_encrypting_key_that_opens_nothing_is_named_at_every_entry(ledger, tmp_path):
    async def story(wired):
        await one_person(ledger, wired)

    ledger.run(story)
    (tmp_path / "other").mkdir()
    ledger.kek = FileKek(tmp_path / "other" / "kek")
    one = ledger.run(of)
    assert codes(one) == [("KEY_UNKNOWN", n) for n in (2, 3, 4)]
    assert "give the service the one it was wrapped with" in one.listed[0].detail


def test_other_applications_bytes_are_held_against_their_digest(ledger):
    ours = recorder(LedgerRecorder, ledger.database)
    originator = uuid4()
    ours.insert_events([StoredEvent(originator, n, "Thing.Happened", b"%d" % n) for n in (1, 2)])
    ours.close()
    assert (ledger.run(of).other, codes(ledger.run(of))) == (2, [])

    ledger.sql("UPDATE entry SET container = 'other' WHERE n = 2")
    assert codes(ledger.run(of)) == [("CONTAINER", 2)]


def test_a_stamp_is_that_of_one_request(ledger):
    async def story(wired):
        await one_person(ledger, wired)
        assert (await of(wired)).findings == 0
        for change in (
            "UPDATE entry SET recorded_at = recorded_at + interval '1 s' WHERE n = 3",
            "UPDATE entry SET idempotency_key = 'other' WHERE n = 3",
            "UPDATE entry SET recorded_at = (SELECT recorded_at FROM entry WHERE n = 2)"
            " WHERE n = 1; UPDATE entry SET idempotency_key = 'x' WHERE n = 3",
        ):
            ledger.sql("CREATE TABLE before AS TABLE entry")
            ledger.sql(change)
            assert ("REQUEST", 3) in codes(await of(wired))
            assert set(codes(await of(wired, listed_max=1))) <= {("REQUEST", 2), ("REQUEST", 3)}
            ledger.sql("DELETE FROM entry; INSERT INTO entry TABLE before; DROP TABLE before")

    ledger.run(story)


def test_nothing_of_a_person_is_in_what_is_said(ledger):
    """A finding can end in a ticket: a stream is a person."""

    async def story(wired):
        subject = await one_person(ledger, wired)
        with attacker(ledger) as one:
            for n in (2, 3, 4):
                one.flip(n, "container")
        told = msgspec.json.encode(await of(wired)).decode()
        assert str(subject) not in told
        assert "form 1" not in told

    ledger.run(story)
