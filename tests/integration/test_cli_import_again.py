"""`ledger import` run again: once it was done, was killed, or lost its database."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api.cli_words import on_ledger
from api.import_ids import Ids
from api.import_lines import Raw
from api.importing import IN_FLIGHT, TOGETHER, Importing, Unrecorded
from api.runtime import Runtime
from api.settings import load
from ledger.errors import Unavailable
from ledger.record import Recorder
from tests.integration.import_files import (
    SUBJECT,
    adopted,
    complaint,
    counted,
    exported,
    notes,
    person,
    summary,
    written,
)
from tests.integration.waiting import until
from tests.integration.wired import Founded, founded, withdrawal
from tests.shell import Shell

LINES = 2_200


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    """Commands on a ledger whose catalogue is that of the scenarios."""
    return adopted(ledger, tmp_path)


def test_the_same_file_imported_again_records_nothing(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    start = {"type": "StatusStarted", "effective_at": "2026-02-01T10:00:00Z", "kind": "CPP"}
    end = {"type": "StatusEnded", "effective_at": "2026-03-01T10:00:00Z", "kind": "CPP"}
    lines = [
        {"subject": SUBJECT, "id": "s1", **start},
        {"subject": SUBJECT, "status": "s1", **end},
        *[complaint(person(n % 5), n) for n in range(50)],
    ]
    file = written(tmp_path / "in", lines)
    assert shell.run("import", file).code == 0
    again = shell.run("import", "--json", file)

    assert again.code == 0
    assert summary(again) == {
        "lines": 52,
        "recorded": 0,
        "before": 52,
        "refused": 0,
        "entries": 0,
    }
    assert counted(ledger) == 52


def test_a_source_keeps_its_lines_while_the_file_grows(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    lines = [complaint(person(n), n) for n in range(6)]
    source = ("--json", "--source", "casework 2026")
    shell.run("import", *source, written(tmp_path / "in", lines[:4]))
    grown = shell.run("import", *source, written(tmp_path / "in", lines))

    assert (summary(grown)["before"], summary(grown)["recorded"]) == (4, 2)
    changed = written(tmp_path / "in", [complaint(person(0), 99), *lines[1:]])
    *reports, done = shell.run("import", *source, changed).json()
    assert [(one["line"], one["field"]) for one in reports] == [(1, "line")]
    assert "--source" in reports[0]["message"]
    assert (done["before"], counted(ledger)) == (5, 6)


def test_standard_input_needs_a_name(shell: Shell) -> None:
    text = json.dumps(complaint(person(1), 1)).encode()
    unnamed = shell.run("import", "-", stdin=text)

    assert unnamed.code == 1
    assert unnamed.err.startswith("error: --source: ")
    named = shell.run("import", "-", "--source", "pipe", stdin=text)
    assert named.out == "1 lines: 1 recorded, 0 recorded before, 0 not recorded\n"


def test_a_file_that_is_not_there_is_named(shell: Shell, tmp_path: Path) -> None:
    ran = shell.run("import", tmp_path / "none")

    assert ran.code == 1
    assert ran.err == f"error: {tmp_path}/none: cannot be read: No such file or directory\n"


def test_an_import_that_was_killed_half_way_goes_on_and_records_every_line_once(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    lines = [complaint(person(n % 50), n) for n in range(12 * TOGETHER)]
    half = "".join(f"{json.dumps(one)}\n" for one in lines[: 8 * TOGETHER])
    source = ("--source", "casework")
    with shell.started("import", "-", *source) as process:
        # The pipe stays open: the import cannot finish before it is killed.
        assert process.stdin is not None
        process.stdin.write(half.encode())
        process.stdin.flush()
        until(lambda: counted(ledger) >= 2 * TOGETHER, "some lines are recorded")
        process.kill()
        process.wait()
    recorded = counted(ledger)
    assert recorded < len(lines)

    ran = shell.run("import", "--json", written(tmp_path / "in", lines), *source)
    assert ran.code == 0
    assert summary(ran)["before"] >= recorded >= 2 * TOGETHER
    assert summary(ran)["before"] + summary(ran)["recorded"] == len(lines)
    assert sorted(notes(exported(shell, tmp_path / "out"))) == sorted(
        f"line {n}" for n in range(len(lines))
    )


# Within bounds.


def test_no_more_is_read_ahead_than_is_in_flight(shell: Shell, tmp_path: Path) -> None:
    ahead: list[int] = []

    async def act(ledger: Runtime) -> None:
        with Ids() as ids:
            importing = Importing(ledger, ids, source="watched", report=_unexpected)
            await importing.run(_watched(importing, ahead))

    on_ledger(load(environ=shell.environ()), act)
    assert len(ahead) == LINES > 2 * (IN_FLIGHT + 2 * TOGETHER)
    assert max(ahead) <= IN_FLIGHT + 2 * TOGETHER


def _watched(importing: Importing, ahead: list[int]) -> Iterator[Raw]:
    for n in range(LINES):
        ahead.append(n - importing.summary.recorded)
        yield Raw(n + 1, json.dumps(complaint(person(n % 100), n)).encode())


def test_a_withdrawal_of_an_import_goes_ahead_of_nobody(
    shell: Shell, ledger: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, urgent = Recorder.record, []

    async def watched(self: Recorder, command: Any) -> Any:
        urgent.append(command.urgent)
        return await record(self, command)

    withdrawn = withdrawal(UUID(SUBJECT), "2026-02-01T10:00:00Z") | {"subject": SUBJECT}
    file = written(tmp_path / "in", [withdrawn])
    monkeypatch.setattr(Recorder, "record", watched)
    assert summary(shell.run("import", "--json", file))["recorded"] == 1
    assert urgent == [False]


def _unexpected(one: Unrecorded) -> None:
    raise AssertionError(one)


def test_a_database_that_goes_away_stops_the_import_and_says_how_to_go_on(
    shell: Shell, ledger: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, calls = Recorder.record, iter(range(10_000))

    async def failing(self: Recorder, command: Any) -> Any:
        if next(calls) >= 20:
            await asyncio.sleep(0)
            raise Unavailable("the database cannot be reached")
        return await record(self, command)

    file = written(tmp_path / "in", [complaint(person(n), n) for n in range(200)])
    monkeypatch.setattr(Recorder, "record", failing)
    stopped = shell.run("import", file)
    assert stopped.code == 1
    assert stopped.err.startswith("error: line ")
    assert "nothing is recorded twice" in stopped.err
    monkeypatch.undo()

    assert 0 < counted(ledger) < 200
    assert shell.run("import", file).code == 0
    assert counted(ledger) == 200
