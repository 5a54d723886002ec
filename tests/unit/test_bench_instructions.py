"""The gate on instruction counts: what is held, for which build, and what is kept."""

import sys
from pathlib import Path

import msgspec
import pytest

from ops.bench.instructions_baseline import FILE, build, compared, counted, keep, known
from ops.bench.instructions_work import WORKS

BASELINE = {"answer": 1000, "check": 100_000}


@pytest.mark.parametrize(
    ("answer", "held"), [(1000, True), (1030, True), (1031, False), (970, True), (969, False)]
)
def test_a_count_is_held_within_three_per_cent_either_way(answer: int, held: bool) -> None:
    lines, said = compared({"answer": answer, "check": 100_000}, BASELINE)

    assert said == held
    assert [one.split(":")[0] for one in lines] == ["answer", "check"]
    assert ("beyond ±3%" in lines[0]) != held
    assert lines[1] == "check: 100,000, baseline 100,000, +0.00% held"


@pytest.mark.parametrize(
    ("found", "baseline"), [({"check": 100_000}, BASELINE), (BASELINE, {"check": 100_000})]
)
def test_a_work_that_stands_on_one_side_only_is_not_held(
    found: dict[str, int], baseline: dict[str, int]
) -> None:
    lines, held = compared(found, baseline)

    assert not held
    assert lines[0].startswith("answer: counted only ")


def test_a_baseline_is_that_of_its_build_and_leaves_others_alone(tmp_path: Path) -> None:
    file = tmp_path / "instructions.json"
    assert known("one", file=file) is None

    keep("one", BASELINE, file=file)
    keep("another", {"answer": 7}, file=file)
    keep("another", {"answer": 8}, file=file)

    assert known("one", file=file) == BASELINE
    assert known("another", file=file) == {"answer": 8}
    assert known("a third", file=file) is None


def test_a_build_says_what_moves_a_count() -> None:
    said = build(sys.executable)

    assert said == build(sys.executable)
    assert said.startswith(f"CPython, {sys.version.split()[0]}, ")
    assert "msgspec " in said
    assert "cryptography " in said


def test_every_stored_baseline_is_of_every_work() -> None:
    stored = msgspec.json.decode(FILE.read_bytes(), type=dict[str, dict[str, int]])

    assert stored
    for of, counts in stored.items():
        assert known(of) == counts
        assert counts.keys() == set(WORKS)
        assert min(counts.values()) > 0


@pytest.mark.parametrize("words", ["summary: 123 ", "totals: 123"])
def test_a_dump_says_its_total(words: str) -> None:
    assert counted(f"version: 1\nevents: Ir\n{words}\n") == 123


def test_a_file_that_is_no_dump_is_refused() -> None:
    with pytest.raises(ValueError, match="no total"):
        counted("version: 1\n")
