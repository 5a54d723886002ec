"""`ledger export`: what it writes, that an import reads it back, and that a replay answers from it.

The ledger exported is the demo's, which holds nearly every type of entry.
"""

import asyncio
import contextlib
import json
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.demo import load as load_demo
from api.runtime import Places, Runtime, running
from api.settings import Settings, load
from ledger.answer import Answer, encode
from ledger.civil import parse_instant
from projections.checks import Query
from tests.integration.wired import Founded, founded
from tests.shell import Shell

MOMENT = "2026-11-20T12:00:00Z"
PURPOSES = ("P01", "P06", "P10", "P12", "P18a", "P18b")
ENVELOPE = ("id", "recorded_at")


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    """Commands on an empty ledger."""
    return Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)


def where(ledger: Founded, folder: Path) -> Places:
    return Places(
        database=ledger.database, keys=ledger.keys_database, folder=folder, embedded=False
    )


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def plain(entries: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each subject, each id replaced by its place, without moments of recording."""
    streams: dict[str, list[dict[str, Any]]] = {}
    place: dict[str, str] = {}
    for one in entries:
        stream = streams.setdefault(str(one["subject"]), [])
        place[one["id"]] = f"{one['subject']} {len(stream)}"
        stream.append(one)
    return {
        subject: [
            {
                name: place.get(value, value) if isinstance(value, str) else value
                for name, value in one.items()
                if name not in ENVELOPE
            }
            for one in stream
        ]
        for subject, stream in streams.items()
    }


def test_what_is_exported_can_be_imported_and_is_then_the_same(
    ledger: Founded, shell: Shell, tmp_path: Path, postgres: str
) -> None:
    demo = asyncio.run(load_demo(where(ledger, tmp_path), Settings()))
    first = tmp_path / "first.ndjson"
    ran = shell.run("export", "--json", first)

    (tally,) = ran.json()
    assert (ran.code, demo.left_out) == (0, ())
    assert tally["entries"] == demo.entries == tally["lines"] + tally["counterparts"]
    assert tally["counterparts"] > 0
    assert tally["erased"] == 0
    again, other = _imported(tmp_path, postgres, first)
    assert again["entries"] == tally["lines"]
    assert plain(other) == plain(read(first))


def _imported(
    folder: Path, postgres: str, file: Path
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """What importing the file into a new ledger comes to, and what that exports."""
    (folder / "other").mkdir()
    with _database(postgres) as database, founded(database, folder / "other") as made:
        shell = Shell.on(database=made.database, keys=made.keys_database, folder=folder / "other")
        ran = shell.run("import", "--json", file)
        assert ran.code == 0, ran.out
        assert shell.run("export", folder / "second.ndjson").code == 0
    return ran.json()[-1], read(folder / "second.ndjson")


@contextlib.contextmanager
def _database(postgres: str) -> Iterator[str]:
    """A second empty database."""
    name = f"ledger_test_{secrets.token_hex(8)}"
    named = sql.Identifier(name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(named))
        try:
            yield make_conninfo(postgres, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(named))


def test_a_replay_of_the_export_answers_as_the_ledger_does(
    ledger: Founded, shell: Shell, tmp_path: Path
) -> None:
    asyncio.run(load_demo(where(ledger, tmp_path), Settings()))
    file = tmp_path / "all.ndjson"
    shell.run("export", file)
    catalogue = Path(__file__).parents[2] / "ops" / "catalogues" / "bolton-4.0.json"
    asked = [word for name in PURPOSES for word in ("--purpose", name)]
    ran = shell.run(
        *("replay", "--json", "--events", file, "--catalogue", catalogue),
        *("--effective-at", MOMENT, *asked),
    )
    replayed = {(one["subject"], one["purpose"]): _judged(one["answer"]) for one in ran.json()}

    people = {one["subject"] for one in read(file) if one["subject"]}
    assert set(replayed) == {(subject, name) for subject in people for name in PURPOSES}
    answered = asyncio.run(_answers(where(ledger, tmp_path), load(environ=shell.environ()), people))
    assert replayed == answered
    assert len({decision for decision, *_ in answered.values()}) == 4


def _judged(answer: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(
        str(answer[name]) for name in ("decision", "live", "conditions", "flags", "next_change_at")
    )


async def _answers(
    place: Places, settings: Settings, people: set[str]
) -> dict[tuple[str, str], tuple[Any, ...]]:
    async with running(place, settings) as ledger:
        return {
            (subject, name): _judged(json.loads(encode(await _asked(ledger, subject, name))))
            for subject in people
            for name in PURPOSES
        }


async def _asked(ledger: Runtime, subject: str, purpose: str) -> Answer:
    moment = parse_instant(MOMENT)
    return await ledger.checks.check(
        Query(subject=UUID(subject), purpose=purpose, effective_at=moment)
    )


def test_the_file_is_readable_by_its_owner_alone_and_replaces_an_older_one_whole(
    shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "out.ndjson"
    file.write_text("older")
    file.chmod(0o644)
    shell.run("record", "--common", "PolicyDocumentAdopted", "effective_at=2026-07-01")
    assert shell.run("export", file).code == 0

    assert [one["type"] for one in read(file)] == ["PolicyDocumentAdopted"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_a_place_that_cannot_be_written_is_named_and_leaves_nothing(
    shell: Shell, tmp_path: Path
) -> None:
    ran = shell.run("export", tmp_path / "none" / "out.ndjson")

    assert ran.code == 1
    assert ran.err.startswith(f"error: {tmp_path}/none/out.ndjson: cannot be written")


def test_standard_output_gets_the_lines_and_nothing_else(shell: Shell) -> None:
    shell.run("record", "--common", "PolicyDocumentAdopted", "effective_at=2026-07-01")
    ran = shell.run("export", "-")

    (entry,) = ran.json()
    assert (entry["type"], entry["subject"]) == ("PolicyDocumentAdopted", None)


def test_who_is_erased_is_left_out_and_counted(
    ledger: Founded, shell: Shell, tmp_path: Path
) -> None:
    kept, erased = (ledger.subject() for _ in range(2))
    for subject in (kept, erased):
        words = ("DeathRecorded", "effective_at=2026-07-01", "note=of both")
        assert shell.run("record", "--subject", subject, *words).code == 0
    ledger.keys_sql(
        "UPDATE subject_key SET state = 'destroyed', wrapped = NULL,"
        " destroyed_at = clock_timestamp() WHERE subject = %s",
        erased,
    )
    ran = shell.run("export", "--json", tmp_path / "out")

    assert ran.json() == [{"entries": 2, "lines": 1, "counterparts": 0, "erased": 1}]
    assert [one["subject"] for one in read(tmp_path / "out")] == [str(kept)]


def test_logs_are_merged_by_the_moment_of_recording(database: str, tmp_path: Path) -> None:
    with founded(database, tmp_path, logs=4) as made:
        shell = Shell.on(database=made.database, keys=made.keys_database, folder=tmp_path)
        people = [made.subject(log) for log in (3, 1, 0, 2, 1, 3)]
        for n, subject in enumerate(people):
            words = ("DeathRecorded", "effective_at=2026-07-01", f"note=line {n}")
            assert shell.run("record", "--subject", subject, *words).code == 0
        assert shell.run("export", tmp_path / "out").code == 0

    assert [one["subject"] for one in read(tmp_path / "out")] == list(map(str, people))
