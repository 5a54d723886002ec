"""The one file that a stranger is given: what it is made of, and that it runs anywhere."""

import ast
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from projections.packs.verifier import MODULES, source
from tests.groups import path_of
from tests.packs import receipt
from tests.packs_attacks import RECEIPT_VKEY, all_attacks, honest
from tests.packs_log import policy, story

PYTHONS = [
    pytest.param(None, id="this_one"),
    pytest.param("python39", marks=pytest.mark.python39),
    pytest.param("other_python", marks=pytest.mark.other_python),
]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the verifier, a pack, an attacked one, a policy and a receipt."""
    (tmp_path / "verify.py").write_text(source(), encoding="utf-8")
    (tmp_path / "pack.zip").write_bytes(honest().pack)
    (tmp_path / "attacked.zip").write_bytes(all_attacks()["streams.withdrawal_hidden"].make().pack)
    (tmp_path / "policy.txt").write_bytes(policy())
    (tmp_path / "receipt.json").write_bytes(receipt(story(), 5))
    return tmp_path


def run(place: Path, group: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The verifier in an empty environment, which has nothing but Python itself."""
    python = path_of(group) if group else sys.executable
    return subprocess.run(
        [str(python), "-I", "-S", "-W", "error", "verify.py", *arguments],
        cwd=place,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("group", PYTHONS)
def test_a_good_pack_holds(place: Path, group: str | None) -> None:
    found = run(
        place,
        group,
        *("pack.zip", "--policy", "policy.txt"),
        *("--receipt", "receipt.json", "--receipt-key", RECEIPT_VKEY),
    )

    assert (found.returncode, found.stderr) == (0, "")
    lines = found.stdout.splitlines()
    assert "receipts: PASS 3 receipts are of entries that are here" in lines
    assert "answers: NOT CHECKED 2 answers: recomputing takes the project, installed here" in lines
    assert lines[-1] == "verdict: PASS"


@pytest.mark.parametrize("group", PYTHONS)
def test_an_attacked_one_does_not(place: Path, group: str | None) -> None:
    found = run(place, group, "attacked.zip", "--policy", "policy.txt")

    assert (found.returncode, found.stderr) == (3, "")
    assert (
        "chains: FAIL E_CHAIN entry 11: the one before it in stream 1 of pack.json" in found.stdout
    )
    assert found.stdout.endswith("verdict: FAIL\n")


@pytest.mark.parametrize("group", PYTHONS)
def test_it_says_the_same_as_json(place: Path, group: str | None) -> None:
    found = run(place, group, "attacked.zip", "--policy", "policy.txt", "--json")

    said = json.loads(found.stdout)
    assert (found.returncode, said["verdict"]) == (3, "FAIL")
    assert {
        "claim": "chains",
        "result": "FAIL",
        "code": "E_CHAIN",
        "text": "entry 11: the one before it in stream 1 of pack.json",
    } in said["claims"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pack.zip"], "--policy"),
        (["absent.zip", "--policy", "policy.txt"], "a file cannot be read"),
        (["pack.zip", "--policy", "absent.txt"], "a file cannot be read"),
        (["pack.zip", "--policy", "policy.txt", "--receipt", "absent"], "a file cannot be read"),
        (["pack.zip", "--policy", "policy.txt", "--receipt-key", "x"], "no verifier key"),
    ],
)
def test_a_bad_call_is_told(place: Path, arguments: list[str], says: str) -> None:
    found = run(place, None, *arguments)

    assert found.returncode == 2
    assert says in found.stderr


def test_it_reads_no_file_but_those_it_is_given(place: Path) -> None:
    """What lies beside it must not be taken for a part of Python."""
    (place / "zipfile.py").write_text("raise SystemExit('taken')")

    assert run(place, None, "pack.zip", "--policy", "policy.txt").returncode == 0


def test_the_text_is_the_same_every_time() -> None:
    assert source() == source()


def test_it_is_written_for_the_oldest_python() -> None:
    ast.parse(source(), feature_version=(3, 9))


def test_it_imports_the_standard_library_alone_and_nothing_that_reaches_a_network() -> None:
    nodes = [*ast.walk(ast.parse(source()))]
    names = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    assert names - {"__future__"} <= sys.stdlib_module_names | {"collections.abc"}
    assert names & {"socket", "ssl", "urllib", "http", "subprocess", "os", "ctypes"} == set()


def test_it_defines_each_name_once() -> None:
    """One module's name must not take the place of another's."""
    names: Counter[str] = Counter()
    for node in ast.parse(source()).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names[name] += 1
            case ast.Assign(targets=targets):
                names.update(each.id for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                names[name] += 1

    assert len(names) > 100
    assert [name for name, count in names.items() if count > 1] == []


def test_every_module_is_in_it() -> None:
    folder = Path(__file__).parents[2] / "projections" / "packs" / "verifier"

    assert {each.stem for each in folder.glob("*.py")} - {"__init__"} == set(MODULES)


def test_its_lines_can_be_read() -> None:
    text = source()

    assert text.startswith('#!/usr/bin/env python3\n"""Check an evidence pack')
    assert "projections.packs.verifier" not in text
    assert [line for line in text.splitlines() if len(line) > 100] == []
