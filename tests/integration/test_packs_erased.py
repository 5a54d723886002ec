"""Packs of people and purposes that are erased: every proof holds, nothing else is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.erasing import erased, eraser, erasure
from tests.integration.packing import (
    ASKED,
    OTHER_NOTE,
    SECRET,
    Story,
    lines_of,
    told,
    told_of,
    verified,
    verified_here,
)
from tests.integration.wired import Wired


@pytest.fixture
def story(database: str, tmp_path: Path) -> Iterator[Story]:
    with told(database, tmp_path) as made:
        yield made


def test_a_pack_of_an_erased_person_has_their_leaves_and_nothing_else_of_them(
    story: Story, tmp_path: Path
) -> None:
    before = story.pack(at=(ASKED,))
    outcome = run_erasure(story, tmp_path, "*")
    assert outcome == ["EXECUTED"]
    pack = story.pack(at=(ASKED,))
    for words in (SECRET, OTHER_NOTE, "at the desk", "form 1", "1980-05-05"):
        assert words.encode() in told_of(before)
        assert words.encode() not in told_of(pack)
    claims = verified(pack.data, story.policy(), tmp_path)
    assert (claims["verdict"], claims["chains"], claims["inclusion"]) == ("PASS",) * 3
    marks = [one.get("erased") for one in lines_of(pack.data, "events.jsonl")]
    assert marks.count("L1") == 6
    answers = {one["answer"]["decision"] for one in lines_of(pack.data, "answers.jsonl")}
    assert answers == {"DENY"}
    said = verified_here(pack, story.policy())["answers"]
    assert said.line().endswith("answers: fields that answers need are not shown")
    assert said.result == "NOT CHECKED"
    # The first one could be made again as far as bytes go that are not theirs: they are not in it.
    again = story.pack(at=(ASKED,), size=before.order.size)
    assert SECRET.encode() not in told_of(again)
    assert verified(again.data, story.policy(), tmp_path)["verdict"] == "PASS"
    # And the one that was given away still holds.
    assert verified(before.data, story.policy(), tmp_path)["verdict"] == "PASS"


def test_a_pack_after_the_erasure_of_a_purpose_has_the_basis_alone(
    story: Story, tmp_path: Path
) -> None:
    assert run_erasure(story, tmp_path, "PHOTO") == ["EXECUTED"]
    pack = story.pack(at=(ASKED,), purposes=("PHOTO",))
    assert SECRET.encode() not in told_of(pack)
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"
    marks = {one["index"]: one.get("erased") for one in lines_of(pack.data, "events.jsonl")}
    assert [marks[place] for place in (2, 3, 6)] == [None, "L1", "L1"]
    assert verified_here(pack, story.policy())["answers"].result == "PASS"


def run_erasure(story: Story, folder: Path, purpose: str) -> list[str]:
    """The erasure recorded, carried out and witnessed; what became of it."""

    async def erase(wired: Wired) -> list[str]:
        await story.recorded(wired, "erasure", story.person, erasure(purpose))
        done = await erased(story.ledger, wired, folder)
        await story.witnessed(wired)
        return [one.outcome for one in done]

    return story.ledger.run(erase)


def test_dropped_leaves_leave_their_hashes(story: Story, tmp_path: Path) -> None:
    run_erasure(story, tmp_path, "*")

    async def drop(wired: Wired) -> None:
        async with eraser(story.ledger, wired, tmp_path) as working:
            await working.drop_leaves(story.person, decision="DPO-9")

    story.ledger.run(drop)
    pack = story.pack(at=(ASKED,))
    marks = [one.get("erased") for one in lines_of(pack.data, "events.jsonl")]
    assert marks == [None, None, *["L2"] * 6, None]
    assert verified(pack.data, story.policy(), tmp_path)["verdict"] == "PASS"
    assert verified_here(pack, story.policy())["answers"].result == "NOT CHECKED"
