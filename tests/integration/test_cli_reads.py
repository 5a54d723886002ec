"""What commands on the database ask leaves rows too; answers given again; chains examined."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from projections.checks import Query
from tests.integration.auditing import asked as answered
from tests.integration.auditing import broken
from tests.integration.wired import Founded, born, consent, entry, founded
from tests.shell import Shell

GIVEN = "2026-03-02T10:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    return Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)


@pytest.fixture
def person(ledger: Founded) -> UUID:
    """Somebody who consented to PHOTO."""

    async def story(wired):
        await wired.adopt()
        made = ledger.subject()
        await wired.record(made, born(), consent(made, GIVEN))
        return made

    return ledger.run(story)


def rows(ledger: Founded) -> list[tuple]:
    """Kind, client, reason and subject of every row."""
    return ledger.sql("SELECT kind, client, reason, subject FROM read_audit ORDER BY answered_at")


def asked(ledger: Founded, shell: Shell, person: UUID) -> UUID:
    """The id of the row that a check leaves."""
    assert shell.run("check", "--subject", person, "--purpose", "PHOTO").code == 0
    ((id_,),) = ledger.sql("SELECT id FROM read_audit ORDER BY answered_at DESC LIMIT 1")
    return id_


def test_whoever_asks_the_database_itself_is_in_the_read_audit(ledger, shell, person):
    assert shell.run("check", "--subject", person, "--purpose", "PHOTO").code == 0
    assert shell.run("timeline", "--subject", person).code == 0
    assert shell.run("timeline").code == 0
    assert shell.run("compare", "--subject", person, "--effective-at", GIVEN).code == 0
    found = rows(ledger)
    assert found[:2] == [
        ("CHECK", "local", "ledger check", person),
        ("TIMELINE", "local", "ledger timeline", person),
    ]
    assert set(found[2:]) == {("DIFF", "local", "ledger compare", person)}
    assert broken(ledger) == []


def test_an_answer_is_given_again_with_the_same_bytes(ledger, shell, person):
    read = asked(ledger, shell, person)
    ran = shell.run("replay", "--answer", read)
    assert (ran.code, ran.out) == (0, f"{read}: the entries give the same bytes\n")
    ran = shell.run("replay", "--answer", read, "--json")
    (told,) = ran.json()
    assert (ran.code, told["same"], told["stored"]) == (0, True, None)
    assert rows(ledger)[1:] == [("REPLAY", "local", "ledger replay", person)] * 2
    ((question,),) = ledger.sql("SELECT DISTINCT question FROM read_audit WHERE kind = 'REPLAY'")
    assert json.loads(question) == {"read": str(read)}


def test_an_answer_that_is_not_the_same_is_shown(ledger, shell, person):
    read = asked(ledger, shell, person)
    ledger.sql("UPDATE read_audit SET rulebook = 'older', effective_at = '2026-03-01T00:00:00Z'")
    ran = shell.run("replay", "--answer", read)
    assert ran.code == 3
    assert "do not give the same bytes" in ran.out
    assert "rule book older" in ran.out
    assert "not stored" in ran.out
    assert "DENY" in ran.out


def test_where_the_answer_is_stored_what_differs_is_named(ledger, shell, person, tmp_path):
    async def story(wired):
        query = Query(subject=person, purpose="PHOTO")
        return (await answered(ledger, wired, query, store=True))[1].id

    read = ledger.run(story)
    assert shell.run("replay", "--answer", read).code == 0
    ledger.sql("UPDATE read_audit SET effective_at = '2026-03-01T00:00:00Z' WHERE id = %s", read)
    ran = shell.run("replay", "--answer", read)
    assert ran.code == 3
    assert 'decision: "PERMIT" -> "DENY"' in ran.out


def test_of_an_erased_person_it_is_said_so(ledger, shell, person):
    read = asked(ledger, shell, person)
    erasure = entry("ErasureExecuted", "2018-05-25", purpose="*")
    ledger.run(lambda wired: wired.record(person, erasure))
    assert shell.run("erase", "work", "--once").code == 0
    ran = shell.run("replay", "--answer", read)
    assert ran.code == 3
    assert "the person is erased since" in ran.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--answer", "x"), 1, "--answer: must be the id of a read"),
        (("--answer", str(uuid4())), 1, "--answer: names no row of the read audit"),
        (("--answer", str(uuid4()), "--purpose", "PHOTO"), 2, "--answer says all"),
        ((), 2, "Name --events and --catalogue, or an --answer"),
    ],
)
def test_what_cannot_be_given_again_is_refused_by_name(shell, person, words, code, said):
    ran = shell.run("replay", *words)
    assert ran.code == code
    assert said in ran.err


@pytest.mark.parametrize("more", [(), ("--full",)])
def test_the_doctor_names_a_row_that_was_changed(ledger, shell, person, more):
    asked(ledger, shell, person)
    asked(ledger, shell, person)
    (found,) = [
        one for one in shell.run("doctor", "--json", *more).json() if "read" in one["check"]
    ]
    assert found["ok"], found
    ledger.sql("UPDATE read_audit SET reason = 'x' WHERE n = 1")
    ran = shell.run("doctor", "--json", *more)
    (found,) = [one for one in ran.json() if "read" in one["check"]]
    assert (ran.code, found["ok"]) == (1, False)
    assert "row 1: it is not what its hash is of" in found["detail"]


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_the_doctor_tries_to_change_the_read_audit(ledger, shell, person, right):
    ledger.sql(f"GRANT {right} ON read_audit, read_audit_chain TO ledger_app")
    found = {one["check"]: one for one in shell.run("doctor", "--json").json()}
    assert f"may {right} of the read audit" in found["privileges"]["detail"]
