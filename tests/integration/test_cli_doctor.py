"""`ledger doctor` and `ledger rebuild`: what they find on a sound ledger, and on others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.signing import Signers, started
from projections.integrator import Integrator
from tests.integration.wired import SCENARIOS, Founded, Wired, founded
from tests.shell import Ran, Shell

CHECKS = ["database", "migrations", "privileges", "login", "disk", "clock", "keys", "signer",
          "erasures", "dossiers", "read audit"]  # fmt: skip


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    """Commands on a ledger with a catalogue and three people, with the login of a service."""
    made = of_a_service(ledger, tmp_path)
    assert made.run("catalogue", "apply", SCENARIOS / "catalogue.json").code == 0
    for _ in range(3):
        record(made, ledger.subject())
    return made


def of_a_service(ledger: Founded, folder: Path) -> Shell:
    """Commands whose login is the role of the service, which owns nothing."""
    with psycopg.connect(ledger.database, autocommit=True) as connection:
        password = sql.Literal(connection.info.password or None)
        connection.execute(sql.SQL("ALTER ROLE ledger_app LOGIN PASSWORD {}").format(password))
    database, keys = (
        make_conninfo(one, user="ledger_app") for one in (ledger.database, ledger.keys_database)
    )
    return Shell.on(database=database, keys=keys, folder=folder)


def of_the_owner(ledger: Founded, folder: Path) -> Shell:
    """Commands that may write what is derived."""
    (folder / "owner").mkdir(exist_ok=True)
    made = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=folder / "owner")
    made.variables["LEDGER_DATA_DIR"] = str(folder)
    return made


def record(shell: Shell, subject: UUID) -> None:
    words = ("DateOfBirthRecorded", "effective_at=2018-05-25", "date_of_birth=1980-05-05")
    assert shell.run("record", "--subject", subject, *words).code == 0


def examined(shell: Shell, *more: str) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = shell.run("doctor", "--json", *more)
    assert ran.err == ""
    return ran.code, {one["check"]: one for one in ran.json()}


def failing(shell: Shell, *more: str) -> dict[str, str]:
    """What is not well, of a ledger that is not."""
    code, found = examined(shell, *more)
    assert code == 1
    return {name: one["detail"] for name, one in found.items() if not one["ok"]}


@pytest.mark.parametrize("more", [(), ("--full",)])
def test_a_sound_ledger_passes_every_check(shell: Shell, more: tuple[str, ...]) -> None:
    code, found = examined(shell, *more)

    assert [name for name, one in found.items() if not one["ok"]] == []
    assert (code, list(found)) == (0, CHECKS)


def test_for_people_each_check_is_one_line(shell: Shell) -> None:
    lines = shell.run("doctor").out.splitlines()

    assert [line.partition(":")[0] for line in lines] == [f"ok   {name}" for name in CHECKS]


def test_a_ledger_without_people_is_sound(ledger: Founded, tmp_path: Path) -> None:
    assert examined(of_a_service(ledger, tmp_path))[0] == 0


@pytest.mark.parametrize(
    "grant",
    [
        "UPDATE ON entry",
        "UPDATE (leaf) ON entry",
        "DELETE ON entry",
        "TRUNCATE ON entry",
        "INSERT ON entry",
        "UPDATE ON log_head",
        "UPDATE ON dossier",
    ],
)
def test_a_role_that_may_change_the_record_is_found_and_changes_nothing(
    shell: Shell, ledger: Founded, grant: str
) -> None:
    before = ledger.sql("SELECT * FROM entry ORDER BY n")
    ledger.sql(f"GRANT {grant} TO ledger_app")
    found = failing(shell)

    assert list(found) == ["privileges"]
    assert "not append-only" in found["privileges"]
    assert ledger.sql("SELECT * FROM entry ORDER BY n") == before


def test_migrations_that_have_not_run_are_named_and_nothing_more_is_asked(
    empty: str, tmp_path: Path
) -> None:
    shell = Shell.on(database=empty, keys=empty, folder=tmp_path)
    code, found = examined(shell)

    assert (code, list(found)) == (1, ["database", "migrations"])
    assert "ledger/0001_record.sql" in found["migrations"]["detail"]
    assert "ledger migrate" in found["migrations"]["detail"]


def test_a_database_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    nowhere = f"host={tmp_path} dbname=none"
    shell = Shell.on(database=nowhere, keys=nowhere, folder=tmp_path)

    assert list(failing(shell)) == ["database"]


@pytest.mark.parametrize("apart", ["+ interval '1 hour'", "- interval '1 hour'"])
def test_a_clock_far_from_this_machines_is_found(shell: Shell, ledger: Founded, apart: str) -> None:
    ledger.sql(
        "CREATE OR REPLACE FUNCTION ledger_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
        f" AS 'SELECT clock_timestamp() {apart.replace(chr(39), chr(39) * 2)}'"
    )
    assert list(failing(shell)) == ["clock"]


def test_a_clock_that_went_back_is_found(shell: Shell, ledger: Founded) -> None:
    ledger.sql("UPDATE log_head SET recorded_at = clock_timestamp() + interval '1 day'")

    assert "went back" in failing(shell)["clock"]


def test_a_key_encrypting_key_that_opens_nothing_is_found(shell: Shell, tmp_path: Path) -> None:
    other = Shell(**shell.variables, LEDGER_KEK_FILE=str(tmp_path / "other"))

    assert set(failing(other)) == {"keys", "dossiers"}


def test_a_dossier_that_is_not_what_its_entries_make_is_found_and_made_again(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    subject = ledger.subject()
    record(shell, subject)
    where = "FROM dossier WHERE subject = %s"
    ((before,),) = ledger.sql(f"SELECT sealed {where}", subject)
    record(shell, subject)
    ledger.sql("UPDATE dossier SET sealed = %s WHERE subject = %s", before, subject)

    for more in ((), ("--full",)):
        assert list(failing(shell, *more)) == ["dossiers"]
    differs = shell.run("rebuild", "--check")
    assert (differs.code, "rebuild" in differs.out) == (3, True)
    assert of_the_owner(ledger, tmp_path).run("rebuild").code == 0
    assert shell.run("rebuild", "--check").code == 0
    assert examined(shell, "--full")[0] == 0


def test_a_rebuild_of_a_sound_ledger_changes_nothing(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    owner = of_the_owner(ledger, tmp_path)
    first, second = (owner.run("rebuild", "--json") for _ in range(2))

    assert first.code == 0
    assert first.out == second.out
    assert set(first.json()[0]) == {"dossiers", "bases"}
    people = owner.run("rebuild").out.split()
    assert people == [word for pair in first.json()[0].items() for word in pair]


def agreeing(ran: Ran) -> dict[str, Any]:
    return ran.json()[0]


def test_a_check_says_how_many_streams_agree(shell: Shell) -> None:
    checked = shell.run("rebuild", "--check", "--json")

    assert checked.code == 0
    assert agreeing(checked) == {"streams": 4, "difference": None}
    assert shell.run("rebuild", "--check").out == "4 streams agree with their entries\n"


def test_a_signer_is_asked_and_a_log_that_is_not_what_it_signed_is_found(
    shell: Shell, ledger: Founded, tmp_path: Path
) -> None:
    def told() -> tuple[bool, str]:
        found = examined(shell)[1]["signer"]
        return found["ok"], found["detail"]

    assert told() == (True, "no signer_sockets are set: nothing is signed")
    shell.variables["LEDGER_SIGNER_SOCKETS"] = str(tmp_path / "none")
    assert told() == (False, "the signer of checkpoints does not answer")
    with started(tmp_path / "signer", [ledger.identity.log_origin(0)]) as sockets:
        shell.variables["LEDGER_SIGNER_SOCKETS"] = str(sockets)

        async def signed(wired: Wired) -> None:
            await Integrator(wired.pool, wired.identity, Signers(sockets)).catch_up(0)

        ledger.run(signed)
        assert told() == (True, "each log begins with what was signed of it (4 entries)")
        ledger.sql("DELETE FROM entry WHERE n = 4")
        ledger.sql("UPDATE log_head SET size = 3")
        assert told() == (False, "log 0 has 3 entries, and 4 of them were signed")
