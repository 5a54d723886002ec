"""`ledger import` on a database: what it records, in which order, and what it reports."""

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from ledger.record import Command, Receipted, Recorder, Refused
from tests.integration.import_files import (
    SINCE,
    SUBJECT,
    adopted,
    complaint,
    exported,
    grant,
    notes,
    person,
    status,
    summary,
    written,
)
from tests.integration.wired import SCENARIOS, Founded, founded
from tests.shell import Shell


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    """Commands on a ledger whose catalogue is that of the scenarios."""
    return adopted(ledger, tmp_path)


# What is recorded.


def test_every_line_is_recorded_once_and_those_of_a_subject_in_their_order(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    print("seed", seed := random.randrange(2**32))
    chance = random.Random(seed)
    people = [chance.randrange(7) for _ in range(400)]
    lines = [complaint(person(who), n) for n, who in enumerate(people)]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert (ran.code, ran.err) == (0, "")
    assert summary(ran) == {
        "lines": 400,
        "recorded": 400,
        "before": 0,
        "refused": 0,
        "entries": 400,
    }
    by_subject: dict[str, list[str]] = {}
    for one in exported(shell, tmp_path / "out"):
        by_subject.setdefault(one["subject"], []).append(one["note"])
    assert sorted(by_subject.values()) == sorted(
        [f"line {n}" for n, who in enumerate(people) if who == each] for each in set(people)
    )


@pytest.fixture
def slow_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line is recorded last, but for those that wait for it: it gives way for long."""
    record = Recorder.record
    finished: list[str] = []

    async def slowly(self: Recorder, command: Command) -> Receipted | Refused:
        if command.key.endswith("/1"):
            for _ in range(50_000):
                await asyncio.sleep(0)
                if len(finished) > 1:
                    break
        result = await record(self, command)
        finished.extend([command.key] if command.client == "import" else [])
        return result

    monkeypatch.setattr(Recorder, "record", slowly)


@pytest.mark.usefixtures("slow_first_line")
def test_a_line_that_takes_long_is_not_overtaken_by_the_next_of_its_subject(
    shell: Shell, tmp_path: Path
) -> None:
    lines = [complaint(person(1), 1), complaint(person(1), 2), complaint(person(2), 3)]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert (ran.code, summary(ran)["recorded"]) == (0, 3)
    found = notes(exported(shell, tmp_path / "out"))
    assert found.index("line 1") < found.index("line 2")


def test_lines_of_many_subjects_share_commits(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    lines = [complaint(person(n), n) for n in range(300)]
    assert shell.run("import", written(tmp_path / "in", lines)).code == 0

    commits = ledger.sql("SELECT count(DISTINCT xmin::text) FROM entry WHERE client = 'import'")
    assert commits[0][0] < 100


def test_a_subject_and_everyone_around_it_may_be_named_by_identifiers(
    shell: Shell, tmp_path: Path
) -> None:
    born = {
        "subject": person(1),
        "type": "DateOfBirthRecorded",
        "effective_at": "2018-05-25",
        "date_of_birth": "1980-05-05",
    }
    ran = shell.run("import", written(tmp_path / "in", [born, grant(person(1))]))

    assert ran.out == "2 lines: 2 recorded, 0 recorded before, 0 not recorded\n"
    first, second = exported(shell, tmp_path / "out")
    assert first["subject"] == second["subject"] == second["given_by"]
    assert UUID(second["given_by"]).version == 4
    checked = shell.run("check", "--subject", first["subject"], "--purpose", "PHOTO")
    assert checked.code == 0


def test_an_entry_refers_to_an_earlier_one_by_the_id_that_the_file_gives(
    shell: Shell, tmp_path: Path
) -> None:
    start = {"type": "StatusStarted", "effective_at": "2026-02-01T10:00:00Z", "kind": "CPP"}
    end = {"type": "StatusEnded", "effective_at": "2026-03-01T10:00:00Z", "kind": "CPP"}
    lines = [
        {"subject": SUBJECT, "id": "s1", **start},
        {"subject": SUBJECT, "entries": [{**end, "status": "s1"}, {"id": "s2", **start}]},
        {"subject": SUBJECT, **end, "status": "s2"},
    ]
    assert shell.run("import", written(tmp_path / "in", lines)).code == 0

    first, ended, second, again = exported(shell, tmp_path / "out")
    assert (ended["status"], again["status"]) == (first["id"], second["id"])


@pytest.mark.usefixtures("slow_first_line")
def test_a_merge_waits_for_what_stands_before_it_and_the_rest_waits_for_the_merge(
    shell: Shell, tmp_path: Path
) -> None:
    merge = {
        "subject": person(1),
        "type": "IdentityMerged",
        "effective_at": "2026-05-01T10:00:00Z",
        "from": person(1),
        "into": person(2),
    }
    lines = [status(person(2)), complaint(person(1), 1), merge, complaint(person(2), 2)]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert (ran.code, summary(ran)["recorded"]) == (0, 4)
    kinds = [one["type"] for one in exported(shell, tmp_path / "out")]
    assert sorted(kinds[:2]) == ["ComplaintReceived", "StatusStarted"]
    assert kinds[2:] == ["IdentityMerged", "ComplaintReceived"]


@pytest.mark.usefixtures("slow_first_line")
def test_an_entry_of_another_subject_is_waited_for_where_one_refers_to_it(
    shell: Shell, tmp_path: Path
) -> None:
    refused = {"type": "ErasureRefused", "effective_at": "2026-03-01T10:00:00Z", "purpose": "*"}
    lines = [
        status(person(1), id="asked"),
        {"subject": person(2), "request": "asked", **refused},
    ]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert (ran.code, summary(ran)["recorded"]) == (0, 2)
    asked, answer = exported(shell, tmp_path / "out")
    assert answer["request"] == asked["id"]


def test_a_catalogue_in_the_file_binds_the_lines_after_it(ledger: Founded, tmp_path: Path) -> None:
    shell = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
    document = json.loads((SCENARIOS / "catalogue.json").read_bytes())
    adopting = {
        "subject": None,
        "type": "CatalogueAdopted",
        "effective_at": SINCE,
        "catalogue": document,
    }
    lines = [grant(person(0)), adopting, grant(person(1))]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert ran.code == 3
    assert [one.get("line") for one in ran.json()] == [1, None]
    assert summary(ran)["recorded"] == 2


# What is not.


def test_a_line_that_cannot_be_recorded_is_reported_by_number_and_the_rest_is_kept(
    shell: Shell, tmp_path: Path
) -> None:
    lines: list[object] = [
        complaint(person(1), 1),
        "",
        "{ Jane Doe",
        complaint(person(1), 4, type="NoSuchType"),
        grant(person(1), purpose="NO_SUCH"),
        complaint("Jane Doe", 6),
        complaint({"scheme": "nhs_number", "value": "9434765918"}, 7),
        {**complaint(person(1), 8), "effective_at": 20260101},
        {"subject": person(1), "entries": [complaint(None, 9), grant(person(1))]},
        grant(person(1), capacity="Jane Doe"),
        complaint(person(1), 11),
    ]
    ran = shell.run("import", "--json", written(tmp_path / "in", lines))

    assert ran.code == 3
    *reports, done = ran.json()
    found = {one["line"]: (one["field"], one["reason"]) for one in reports}
    assert found == {
        3: ("line", None),
        4: ("entry.type", None),
        5: ("entry.purpose", "UNKNOWN_PURPOSE"),
        6: ("subject", None),
        7: ("value", None),
        8: ("entry.effective_at", None),
        9: ("entries[0]", None),
        10: ("entry.capacity", None),
    }
    assert done == {"lines": 10, "recorded": 2, "before": 0, "refused": 8, "entries": 2}
    assert notes(exported(shell, tmp_path / "out")) == ["line 1", "line 11"]
    assert not any(word in ran.out for word in ("Jane", "9434765918", "case 1"))


def test_reports_for_people_go_to_standard_error(shell: Shell, tmp_path: Path) -> None:
    ran = shell.run("import", written(tmp_path / "in", ["{", grant(SUBJECT, purpose="NO_SUCH")]))

    assert ran.out == "2 lines: 0 recorded, 0 recorded before, 2 not recorded\n"
    first, second = ran.err.splitlines()
    assert first == "line 1: line: is not JSON"
    assert second.startswith("line 2: entry.purpose: ")
    assert second.endswith("(UNKNOWN_PURPOSE)")


def test_a_reference_to_a_line_that_was_refused_is_refused_as_well(
    shell: Shell, tmp_path: Path
) -> None:
    end = {"type": "StatusEnded", "effective_at": "2026-03-01T10:00:00Z", "kind": "CPP"}
    lines = [
        grant(SUBJECT, purpose="NO_SUCH", id="e1"),
        {"subject": SUBJECT, **end, "status": "e1"},
        {"subject": SUBJECT, **end, "status": "nowhere"},
    ]
    *reports, _ = shell.run("import", "--json", written(tmp_path / "in", lines)).json()

    assert [(one["line"], one["field"], one["reason"]) for one in reports] == [
        (1, "entry.purpose", "UNKNOWN_PURPOSE"),
        (2, "status", None),
        (3, "entry.status", "UNKNOWN_ENTRY"),
    ]


def test_an_id_that_stands_twice_is_refused_the_second_time(shell: Shell, tmp_path: Path) -> None:
    lines = [complaint(person(1), 1, id="e1"), complaint(person(2), 2, id="e1")]
    *reports, done = shell.run("import", "--json", written(tmp_path / "in", lines)).json()

    assert [(one["line"], one["field"]) for one in reports] == [(2, "id")]
    assert done["recorded"] == 1
