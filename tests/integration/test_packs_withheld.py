"""What is left out of a pack is marked, and nowhere in it."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from ledger.errors import Malformed
from projections.checks import Checks, Query
from projections.packs.order import Withhold
from projections.read_audit import Asker, of_answer, reads_of
from tests.integration.auditing import auditing
from tests.integration.packing import (
    ASKED,
    OTHER_NOTE,
    SECRET,
    Story,
    files_of,
    lines_of,
    told,
    told_of,
    verified,
    verified_here,
)
from tests.integration.wired import Wired, consent, withdrawal


@pytest.fixture
def story(database: str, tmp_path: Path) -> Iterator[Story]:
    with told(database, tmp_path) as made:
        yield made


def test_what_is_withheld_is_marked_and_nowhere_in_the_pack(story: Story, tmp_path: Path) -> None:
    whole = story.pack(at=(ASKED,))
    assert SECRET.encode() in told_of(whole), "this is how it looks where it is shown"
    pack = story.pack(at=(ASKED,), withhold=(Withhold("note", "it names a neighbour"),))
    assert SECRET.encode() not in told_of(pack)
    assert b"neighbour," not in told_of(pack) and b"Jane" not in told_of(pack)
    claims = verified(pack.data, story.policy(), tmp_path)
    assert (claims["disclosures"], claims["verdict"]) == ("PASS", "PASS")
    assert verified_here(pack, story.policy())["answers"].result == "PASS", (
        "answers need no free text"
    )
    named = json.loads(files_of(pack.data)["data/pack.json"])["withheld"]
    assert {one["field"] for one in named} == {"note"}
    assert str(story.entries["withdrawal"]) in {one["event_id"] for one in named}
    page = files_of(pack.data)["data/report.html"].decode()
    assert "note: [withheld: it names a neighbour]" in page


def test_one_entrys_field_alone_can_be_withheld(story: Story) -> None:
    rule = Withhold("note", "it names a neighbour", story.entries["withdrawal"])
    pack = story.pack(withhold=(rule,))
    assert pack.withheld == 1
    assert SECRET.encode() not in told_of(pack)
    assert b"at the desk" in told_of(pack)


def test_with_a_text_its_digest_is_withheld_since_it_could_be_guessed(story: Story) -> None:
    pack = story.pack(at=(ASKED,), withhold=(Withhold("evidence", "names a third party"),))
    fields = {one["field"] for one in json.loads(files_of(pack.data)["data/pack.json"])["withheld"]}
    assert fields == {"evidence", "evidence_digest"}
    said = verified_here(pack, story.policy())["answers"]
    assert said.result == "NOT CHECKED", "whether consent was proved cannot be told any more"


def test_words_that_are_withheld_in_one_place_and_stand_in_another_stop_the_pack(
    story: Story,
) -> None:
    async def again(wired: Wired) -> None:
        said = withdrawal(story.person, "2026-06-01", "STUDY", note=f"see: {SECRET}")
        await story.recorded(wired, "again", story.person, said)
        await story.witnessed(wired)

    story.ledger.run(again)
    rule = Withhold("note", "it names a neighbour", story.entries["withdrawal"])
    with pytest.raises(Malformed, match="withheld of entry 6 also stands in entry 8"):
        story.pack(withhold=(rule,))
    pack = story.pack(withhold=(rule, Withhold("note", "too", story.entries["again"])))
    assert SECRET.encode() not in told_of(pack)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Withhold("nnote", "why"), "a field that no type of entry has"),
        (Withhold("note", "why", UUID(int=7)), "an entry that is not in the pack"),
        (Withhold("note", " "), "takes words"),
    ],
)
def test_a_slip_in_what_is_withheld_stops_the_pack(
    story: Story, rule: Withhold, message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        story.pack(withhold=(rule,))


def test_a_field_that_the_named_entry_does_not_have_stops_the_pack(story: Story) -> None:
    with pytest.raises(Malformed, match="a field that its entry does not have"):
        story.pack(withhold=(Withhold("note", "why", story.entries["born"]),))


def test_content_of_another_purpose_is_left_out_and_the_answers_still_come_out(
    story: Story, tmp_path: Path
) -> None:
    assert OTHER_NOTE.encode() in told_of(story.pack())
    pack = story.pack(at=(ASKED,), purposes=("PHOTO",))
    assert OTHER_NOTE.encode() not in told_of(pack)
    assert SECRET.encode() in told_of(pack)
    assert verified_here(pack, story.policy())["answers"].result == "PASS"
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"
    assert b"recorded for another purpose" in files_of(pack.data)["data/report.html"]


@pytest.mark.parametrize(
    ("field", "withheld"),
    [
        ("given_by", {"given_by", "moved"}),
        ("evidence", {"evidence", "evidence_digest", "moved"}),
        ("note", {"note"}),
    ],
)
def test_facts_that_were_moved_here_and_hold_a_withheld_field_are_withheld_too(
    story: Story, tmp_path: Path, field: str, withheld: set[str]
) -> None:
    twin = story.ledger.subject()

    async def merged(wired: Wired) -> None:
        given = consent(twin, "2026-05-01", "GROUP", evidence="form 9")
        await story.recorded(wired, "twin", twin, given)
        merge = {"type": "IdentityMerged", "effective_at": "2026-05-02"}
        merge |= {"from": str(twin), "into": str(story.person)}
        await story.recorded(wired, "merge", twin, merge)
        await story.witnessed(wired)

    story.ledger.run(merged)
    digest = sha256(b"form 9").hexdigest().encode()
    assert digest in told_of(story.pack())
    pack = story.pack(withhold=(Withhold(field, "it names a neighbour"),))
    named = json.loads(files_of(pack.data)["data/pack.json"])["withheld"]
    assert {one["field"] for one in named} == withheld
    assert (digest in told_of(pack)) is (field == "note"), "a moved fact has no content"
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"


def test_a_callers_reason_that_repeats_withheld_words_is_left_out(story: Story) -> None:
    async def asked_why(wired: Wired) -> None:
        story.shown.at(60 * (story.minutes + 1))
        (found,) = await Checks(wired.reader, wired.rulebook).batch(
            [Query(subject=story.person, purpose="PHOTO")]
        )
        reads = [
            one
            for why in (f"because {SECRET}", "case 7")
            for one in reads_of(
                Asker(client="test", reason=why),
                [of_answer(found, "CHECK")],
                entropy=story.ledger.random.randbytes,
            )
        ]
        async with auditing(story.ledger) as audit:
            await audit.write(reads)

    story.ledger.run(asked_why)
    reasons = {one["reason"] for one in lines_of(story.pack().data, "given.jsonl")}
    assert reasons == {None, f"because {SECRET}", "case 7"}
    pack = story.pack(withhold=(Withhold("note", "it names a neighbour"),))
    assert {one["reason"] for one in lines_of(pack.data, "given.jsonl")} == {None, "case 7"}
    assert SECRET.encode() not in told_of(pack)
