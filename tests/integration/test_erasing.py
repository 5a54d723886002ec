"""Erasure carried out: the keys gone, what they sealed emptied, and everything still verifies."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from ledger.answer import answer, encode
from ledger.errors import Fault
from ledger.events import KeyDestroyed
from ledger.record import Refused
from ledger.resealing import emptied_groups
from ledger.rules.case import Question
from ledger.terms import Decision, Flag
from projections.rebuild import Rebuild
from projections.replay import replay, timeline
from tests.integration.erasing import containers, erased, eraser, erasure
from tests.integration.wired import Founded, Wired, born, consent, entry, founded, withdrawal

MARCH = "2026-03-01T10:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


async def told(wired: Wired, subject: UUID) -> None:
    await wired.adopt()
    await wired.record(subject, born())
    await wired.record(subject, consent(subject, MARCH))
    await wired.record(subject, consent(subject, MARCH, "GROUP", evidence="form 2"))
    await wired.record(subject, withdrawal(subject, MARCH, note="by telephone"))


async def agrees(wired: Wired) -> None:
    """Everything derived is what the entries make it, each of which is as recorded."""
    checked = await Rebuild(wired.reader, wired.rulebook, wired.pool).check()
    assert checked.difference is None


def question(known_at: datetime) -> Question:
    return Question(purpose="PHOTO", effective_at=known_at, known_at=known_at)


def merged(one: UUID, into: UUID) -> dict[str, object]:
    return entry("IdentityMerged", MARCH, **{"from": str(one), "into": str(into)})


def test_a_purpose_is_erased_and_its_evidence_stays(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        before = await timeline(wired.reader, subject)
        await wired.record(subject, erasure("PHOTO", ground="b", decision="DPO-7"))
        found = await erased(ledger, wired, tmp_path)
        await agrees(wired)
        again = await erased(ledger, wired, tmp_path)
        return before, found, again, await timeline(wired.reader, subject)

    before, found, again, after = ledger.run(story)
    assert [(one.n, one.outcome) for one in found] == [(6, "EXECUTED")]
    assert again == []
    assert [one.erased for one in after] == [(), ("content",), (), ("content",), (), ()]
    assert after[1].fact == msgspec.structs.replace(before[1].fact, evidence=None)
    assert after[2].fact.evidence == "form 2"
    done = after[5].fact
    assert isinstance(done, KeyDestroyed)
    assert (done.reach, done.ground, done.decision) == ("CONTENT", "b", "DPO-7")
    assert done.erasure == str(after[4].entry)
    assert done.counts == {"dossiers": 0, "entries": 2, "groups": 2, "keys": 1}
    rows = ledger.keys_sql("SELECT key_id, fingerprint FROM subject_key WHERE state = 'destroyed'")
    assert [(UUID(k.key_id), k.fingerprint) for k in done.keys or ()] == [
        (key_id, f"sha256:{mark.hex()}") for key_id, mark in rows
    ]


def test_a_person_is_erased_and_every_proof_stays(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        leaves = ledger.sql("SELECT n, leaf, leaf_hash FROM entry ORDER BY n")
        await wired.record(subject, erasure())
        found = await erased(ledger, wired, tmp_path)
        await agrees(wired)
        loaded = (await wired.reader.subjects(0, [subject]))[subject]
        asked, common = question(loaded.head.recorded_at), loaded.catalogue
        one = answer(asked, loaded.dossier, common, wired.rulebook)
        two = answer(asked, await replay(wired.reader, subject), common, wired.rulebook)
        assert encode(one) == encode(two)
        refused = await wired.attempt(subject, withdrawal(subject, MARCH))
        return leaves, found, one, refused, await timeline(wired.reader, subject)

    leaves, found, one, refused, shown = ledger.run(story)
    assert [one.outcome for one in found] == ["EXECUTED"]
    assert (one.decision, one.flags) == (Decision.DENY, (Flag.ERASED,))
    assert isinstance(refused, Refused) and refused.refusal.reason.name == "SUBJECT_ERASED"
    assert ledger.sql("SELECT n, leaf, leaf_hash FROM entry WHERE n <= 5 ORDER BY n") == leaves
    *gone, notice = shown
    assert [one.fact for one in gone] == [None] * 5
    assert (notice.fact.reach, notice.fact.counts["dossiers"]) == ("PERSON", 1)
    assert [emptied_groups(c) for c in containers(ledger, subject)] == [
        {"basis"},
        {"basis", "content"},
        {"basis", "content"},
        {"basis", "content"},
        {"basis"},
        set(),
    ]
    assert ledger.sql("SELECT n, recorded_at, sealed FROM dossier WHERE subject = %s", subject) == [
        ([], [], b"")
    ]
    assert ledger.keys_sql("SELECT DISTINCT state FROM subject_key") == [("destroyed",)]
    assert ledger.keys_sql("SELECT * FROM subject_index") == []
    assert ledger.sql("SELECT * FROM erasure") == []


def test_nothing_is_kept_from_which_a_request_could_be_guessed(ledger, tmp_path):
    subject, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, subject)
        await wired.record(other, born())
        await wired.record(subject, erasure())
        await erased(ledger, wired, tmp_path)

    ledger.run(story)
    kept = ledger.sql(
        "SELECT e.stream = %s, bool_or(k.fingerprint = '') FROM entry e"
        " JOIN idempotency k ON (k.client, k.key) = (e.client, e.idempotency_key)"
        " WHERE e.name NOT IN ('ErasureExecuted', 'KeyDestroyed') GROUP BY 1 ORDER BY 1",
        subject,
    )
    assert kept == [(False, False), (True, True)]


def test_every_identity_of_a_person_is_erased_with_them(ledger, tmp_path):
    first, second, third = (ledger.subject() for _ in range(3))

    async def story(wired):
        await told(wired, first)
        await wired.record(second, born())
        await wired.record(third, born())
        await wired.record(second, merged(second, first))
        await wired.record(third, merged(third, first))
        await wired.record(first, erasure())
        found = await erased(ledger, wired, tmp_path)
        await agrees(wired)
        return found

    assert [one.outcome for one in ledger.run(story)] == ["EXECUTED"] * 3
    streams = ledger.sql("SELECT subject FROM tombstone")
    assert {subject for (subject,) in streams} == {first, second, third}
    assert ledger.keys_sql("SELECT count(*) FROM subject_key WHERE state <> 'destroyed'") == [(0,)]


def test_a_hold_that_came_later_stops_an_erasure_until_it_is_released(ledger, tmp_path):
    first, second = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, first)
        await wired.record(second, born())
        await wired.record(second, merged(second, first))
        await wired.record(first, erasure())
        await wired.record(first, entry("HoldPlaced", MARCH, reason="litigation"))
        held = await erased(ledger, wired, tmp_path)
        keys = ledger.keys_sql("SELECT DISTINCT state FROM subject_key")
        await wired.record(first, entry("HoldReleased", MARCH))
        return held, keys, await erased(ledger, wired, tmp_path)

    held, keys, released = ledger.run(story)
    assert [one.outcome for one in held] == ["HELD", "HELD"]
    assert keys == [("live",)]
    assert [one.outcome for one in released] == ["EXECUTED", "EXECUTED"]


def test_an_erasure_that_takes_effect_later_waits(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        moment = (await wired.store.head(0)).now + timedelta(days=1)
        later = entry("ErasureExecuted", moment.isoformat(), purpose="*")
        await wired.record(subject, later)
        return await erased(ledger, wired, tmp_path)

    assert [one.outcome for one in ledger.run(story)] == ["WAITING"]


def test_what_is_recorded_after_an_erasure_lives_on_under_a_key_of_its_own(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        await wired.record(subject, erasure("PHOTO"))
        # Recorded before the keys are closed, so under the old one.
        await wired.record(subject, consent(subject, MARCH, evidence="form 3"))
        waiting = await erased(ledger, wired, tmp_path, drain_s=3600.0)
        # Recorded after that: another process may seal under the old one still, this one does not.
        await wired.record(subject, consent(subject, MARCH, evidence="form 4"))
        await erased(ledger, wired, tmp_path)
        await agrees(wired)
        return waiting, await timeline(wired.reader, subject)

    waiting, shown = ledger.run(story)
    assert [one.outcome for one in waiting] == ["WAITING"]
    evidence = [getattr(one.fact, "evidence", None) for one in shown]
    assert evidence == [None, None, "form 2", None, None, "form 3", "form 4", None]


def test_what_is_said_of_an_entry_goes_with_the_purpose_of_that_entry(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        objection = {**entry("ObjectionReceived", MARCH, purpose="PHOTO"), "kind": "ART21_1"}
        made = await wired.record(subject, objection)
        about = {"objection": str(made.entries[0].event_id), "outcome": "UPHELD"}
        await wired.record(
            subject,
            entry("ObjectionDecided", MARCH, informed_at=MARCH, grounds="moved", **about),
        )
        await wired.record(subject, erasure("PHOTO"))
        await erased(ledger, wired, tmp_path)
        await agrees(wired)
        return await timeline(wired.reader, subject)

    shown = {one.type: one for one in ledger.run(story)}
    assert shown["ObjectionDecided"].erased == ("content",)
    assert shown["ObjectionDecided"].fact.grounds is None


@pytest.mark.parametrize("purpose", ["PHOTO", "*"])
def test_content_that_had_been_taken_for_another_persons_goes_too(ledger, tmp_path, purpose):
    wrong, right = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, wrong)
        await wired.record(right, born())
        at = (await timeline(wired.reader, wrong))[1].entry
        moved = {"entry": str(at), "from": str(wrong), "to": str(right)}
        await wired.record(wrong, entry("EntryReattributed", MARCH, **moved))
        await wired.record(right, erasure(purpose))
        found = await erased(ledger, wired, tmp_path)
        await agrees(wired)
        return found, await timeline(wired.reader, wrong)

    found, shown = ledger.run(story)
    assert [one.outcome for one in found] == ["EXECUTED"]
    assert (shown[1].fact.evidence, shown[1].erased) == (None, ("content",))
    assert shown[2].fact.evidence == "form 2"
    assert shown[-1].fact.entries == (str(shown[1].entry),)


def test_the_recipients_to_be_told_are_recorded(ledger, tmp_path):
    subject = ledger.subject()

    async def story(wired):
        await told(wired, subject)
        for recipient, purpose in (("R02", "PHOTO"), ("R07", "GROUP"), ("R01", "*")):
            given = {"recipient": recipient, "purpose": purpose}
            await wired.record(subject, entry("DisclosureRecorded", MARCH, **given))
        await wired.record(subject, erasure("PHOTO"))
        await erased(ledger, wired, tmp_path)
        await wired.record(subject, erasure())
        await erased(ledger, wired, tmp_path)
        return [one.fact for one in await timeline(wired.reader, subject)]

    notices = [fact for fact in ledger.run(story) if isinstance(fact, KeyDestroyed)]
    assert [one.recipients for one in notices] == [("R01", "R02"), ("R01", "R02", "R07")]


def test_the_leaves_of_an_erased_person_are_dropped_and_missed_only_where_it_is_recorded(
    ledger, tmp_path
):

    subject, other = ledger.subject(), ledger.subject()

    async def story(wired):
        await told(wired, subject)
        await wired.record(other, born())
        async with eraser(ledger, wired, tmp_path) as working:
            with pytest.raises(Fault, match="not erased yet"):
                await working.drop_leaves(subject, decision="DPO-9")
            await wired.record(subject, erasure())
            await working.work()
            one = await working.drop_leaves(subject, decision="DPO-9")
            assert await working.drop_leaves(subject, decision="DPO-9") == one
        await agrees(wired)
        assert (await replay(wired.reader, subject)).destroyed
        return await timeline(wired.reader, subject)

    shown = ledger.run(story)
    assert [one.type for one in shown[-2:]] == ["KeyDestroyed", "KeyDestroyed"]
    assert shown[-1].fact.reach == "LEAVES"
    held = ledger.sql("SELECT name, leaf <> '' FROM entry WHERE stream = %s", subject)
    assert {name for name, whole in held if whole} == {"KeyDestroyed"}
    ledger.sql("UPDATE entry SET leaf = '' WHERE stream = %s", other)

    async def missed(wired):
        with pytest.raises(Fault, match="emptied, and no erasure took it"):
            await timeline(wired.reader, other)

    ledger.run(missed)
