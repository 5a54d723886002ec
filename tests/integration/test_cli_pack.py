"""`ledger pack`: a pack is written for its owner alone, leaves its row, and is verified."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from projections.packs import pdf
from projections.packs.order import Withhold, read_order
from tests.integration.packing import OTHER_NOTE, SECRET, Story, files_of, lines_of, told
from tests.shell import Ran, Shell

TEXT = b"What we do with photographs.\n"


@pytest.fixture
def story(database: str, tmp_path: Path) -> Iterator[Story]:
    with told(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(story: Story, tmp_path: Path) -> Shell:
    ledger = story.ledger
    made = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
    (tmp_path / "policy.txt").write_bytes(story.policy())
    made.variables["LEDGER_WITNESS_POLICY_FILE"] = str(tmp_path / "policy.txt")
    # The story is long past by this database's clock.
    story.shown.at(60 * 60 * 24)
    return made


def built(shell: Shell, story: Story, folder: Path, *words: object) -> Ran:
    return shell.run(
        "pack", "build", "--subject", story.person, "--out", folder / "pack.zip", *words
    )


def test_what_is_built_is_verified(shell: Shell, story: Story, tmp_path: Path) -> None:
    ran = built(
        shell, story, tmp_path,
        "--purpose", "PHOTO", "--at", "2026-06-01", "--at", "2026-06-01T12:45:00Z",
        "--from", "2026-01-01T00:00:00Z", "--until", "2026-12-31T00:00:00Z",
        "--withhold", "note=it names a neighbour", "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (said,) = ran.json()
    file = tmp_path / "pack.zip"
    data = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (said["bytes"], said["entries"], said["answers"]) == (len(data), 7, 3)
    assert said["withheld"] == 4, "three notes, and the evidence for another purpose"
    assert SECRET.encode() not in data
    assert "data/keys/policy.txt" in files_of(data)
    assert "data/report.pdf" in files_of(data)
    ran = shell.run("pack", "verify", file, "--policy", tmp_path / "policy.txt")
    assert ran.code == 0, ran.out
    assert "answers: PASS 3 answers have the same bytes when recomputed" in ran.out
    assert ran.out.endswith("verdict: PASS\n")
    assert not list(tmp_path.glob("*.part"))


def test_a_pack_leaves_its_row_in_the_read_audit(
    shell: Shell, story: Story, tmp_path: Path
) -> None:
    words = (
        "--purpose",
        "PHOTO",
        "--withhold",
        f"{story.entries['withdrawal']}:note=why",
        "--json",
    )
    (said,) = built(shell, story, tmp_path, *words).json()
    ((client, reason, subject, asked, digest),) = story.ledger.sql(
        "SELECT client, reason, subject, question, answer_digest FROM read_audit"
        " WHERE kind = 'PACK'"
    )
    assert (client, reason, subject) == ("local", "ledger pack build", story.person)
    assert digest.hex() == said["sha256"]
    order = read_order(asked, story.person)
    assert order is not None
    assert order.withhold == (Withhold("note", "why", story.entries["withdrawal"]),)


def test_a_pack_about_a_purpose_and_what_is_said_for_people(shell: Shell, tmp_path: Path) -> None:
    out = tmp_path / "purpose.zip"
    ran = shell.run("pack", "build", "--purpose", "PHOTO", "--out", out)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{out}: 2 entries, complete to 0:8:")
    assert OTHER_NOTE.encode() not in out.read_bytes()


def test_another_operation_and_other_data_are_asked_about(
    shell: Shell, story: Story, tmp_path: Path
) -> None:
    words = ("--operation", "SHARE", "--recipient", "PRESS", "--data", "NOTES, PHOTOS", "--no-pdf")
    assert built(shell, story, tmp_path, "--purpose", "PHOTO", *words).code == 0
    data = (tmp_path / "pack.zip").read_bytes()
    (one, *_) = lines_of(data, "answers.jsonl")
    asked: dict[str, Any] = one["question"]
    assert (asked["operation"], asked["recipient"]) == ("SHARE", "PRESS")
    assert asked["data"] == ["NOTES", "PHOTOS"]
    assert "data/report.pdf" not in files_of(data)


def test_a_notice_that_is_in_no_entry_is_refused(
    shell: Shell, story: Story, tmp_path: Path
) -> None:
    (tmp_path / "notice.txt").write_bytes(TEXT)
    ran = built(shell, story, tmp_path, "--notice", tmp_path / "notice.txt")
    assert (ran.code, (tmp_path / "pack.zip").exists()) == (1, False)
    assert "the text of no notice" in ran.err


def test_without_the_extra_there_is_no_pdf_and_a_pack_all_the_same(
    shell: Shell, story: Story, tmp_path: Path
) -> None:
    with mock.patch.object(pdf, "find_spec", return_value=None):
        assert built(shell, story, tmp_path).code == 0
    assert "data/report.pdf" not in files_of((tmp_path / "pack.zip").read_bytes())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--at", "yesterday"), "--at:"),
        (("--operation", "SELL"), "--operation: is one of USE"),
        (("--withhold", "note"), "--withhold: is [ENTRY:]FIELD=REASON"),
        (("--withhold", "entry 7:note=why"), "--withhold: names an entry by its id"),
        (("--withhold", "nnote=why"), "a field that no type of entry has"),
        (("--from", "2026-06-01"), "--from:"),
    ],
)
def test_what_cannot_be_read_is_told_and_nothing_is_written(
    shell: Shell, story: Story, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    ran = built(shell, story, tmp_path, *words)
    assert ran.code == 1
    assert said in ran.err
    assert not (tmp_path / "pack.zip").exists()
    assert story.ledger.sql("SELECT count(*) FROM read_audit WHERE kind = 'PACK'") == [(0,)]


def test_a_file_that_cannot_be_written_is_told(shell: Shell, story: Story, tmp_path: Path) -> None:
    out = tmp_path / "no folder" / "pack.zip"
    ran = shell.run("pack", "build", "--purpose", "PHOTO", "--out", out)
    assert (ran.code, "cannot be written" in ran.err) == (1, True)


def test_verifying_ends_with_3_for_a_changed_pack_and_2_for_none(
    shell: Shell, story: Story, tmp_path: Path
) -> None:
    file, policy = tmp_path / "pack.zip", tmp_path / "policy.txt"
    assert built(shell, story, tmp_path).code == 0
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    ran = shell.run("pack", "verify", file, "--policy", policy, "--no-recompute", "--json")
    assert (ran.code, json.loads(ran.out)["verdict"]) == (3, "FAIL")
    ran = shell.run("pack", "verify", tmp_path / "none.zip", "--policy", policy)
    assert (ran.code, "cannot be read" in ran.err) == (2, True)
    ran = shell.run("pack", "verify", file, "--policy", policy, "--receipt-key", "no key")
    assert (ran.code, "--receipt-key" in ran.err) == (2, True)
