"""`ledger log audit`: what it prints, how it ends, and with how few rights it does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.signer import Signer, file_signer
from ledger.tlog.keys import format_vkey, signing_key
from ledger.tlog.note import Note, format_note
from projections.current import Tailer
from tests.integration.auditable import cosigned, policy_text, published
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired, born, consent, founded, withdrawal
from tests.shell import Ran, Shell

GIVEN = "2026-03-02T10:00:00Z"
SEALED = ("--content", "--derived")


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger of five entries and two checkpoints, and the command on it."""

    ledger: Founded
    shell: Shell
    policy: Path
    held: Path
    note: Note
    signer: Signer

    def audit(self, *words: object) -> Ran:
        return self.shell.run("log", "audit", *words)

    def json(self, *words: object) -> tuple[int, list[dict[str, Any]]]:
        ran = self.audit("--json", *words)
        assert ran.err == ""
        return ran.code, ran.json()


@pytest.fixture
def site(database: str, tmp_path: Path) -> Iterator[Site]:
    with (
        founded(database, tmp_path) as ledger,
        file_signer(tmp_path / "signer", origin=f"{ORIGIN}/0") as signer,
    ):
        note = ledger.run(lambda wired: grown(ledger, wired, Here(signer)))
        cosigned(ledger, note)
        policy, held = tmp_path / "policy", tmp_path / "held"
        policy.write_text(policy_text(signer))
        held.write_bytes(format_note(note))
        shell = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
        yield Site(ledger=ledger, shell=shell, policy=policy, held=held, note=note, signer=signer)


async def grown(ledger: Founded, wired: Wired, signs: Here) -> Note:
    subject = ledger.subject()
    await wired.adopt()
    await wired.record(subject, born(), consent(subject, GIVEN))
    note = await published(wired, signs)
    await wired.record(subject, withdrawal(subject, GIVEN))
    await wired.record(ledger.subject(), born())
    await published(wired, signs)
    await Tailer(wired.reader, wired.rulebook, wired.pool).catch_up()
    return note


def test_for_people_it_says_what_was_audited_and_what_vouches_for_it(site: Site) -> None:
    ran = site.audit("--policy", site.policy, "--checkpoint", site.held, *SEALED)
    ((last,),) = site.ledger.sql("SELECT leaf_hash FROM entry WHERE n = 5")

    assert (ran.code, ran.err) == (0, "")
    first, root, *others = ran.out.splitlines()
    assert first == f"log 0: 5 entries of 3 streams, to 0:5:{last.hex()[:8]}"
    assert root.startswith("  root ")
    assert others == [
        "  2 checkpoints agree; signed up to 5, cosigned by the quorum up to 3; held elsewhere up"
        " to 3",
        "  1 cosignatures verify, 0 are of keys not known and not checked",
        "  nothing is wrong",
        "content of log 0: 6 groups opened, 0 erased, 0 entries of other applications; nothing is"
        " wrong",
        "derived: 3 streams agree with their entries",
    ]


def test_without_a_policy_it_says_that_signatures_are_not_checked(site: Site) -> None:
    assert "their signatures are not checked without a policy" in site.audit().out

    site.shell.variables["LEDGER_WITNESS_POLICY_FILE"] = str(site.policy)
    assert "signed up to 5, cosigned by the quorum up to 3" in site.audit().out


def test_a_verifier_key_is_enough_to_check_the_logs_own_signatures(site: Site) -> None:
    vkey = format_vkey(site.signer.verifier)
    assert "signed up to 5, cosigned by the quorum up to 0" in site.audit("--vkey", vkey).out

    other = format_vkey(signing_key(f"{ORIGIN}/0", b"o" * 32).verifier)
    ran = site.audit("--vkey", other)
    assert (ran.code, ran.out.count("CHECKPOINT_SIGNATURE")) == (3, 2)
    assert "--vkey: " in site.audit("--vkey", "nonsense").err
    assert site.audit("--vkey", vkey, "--policy", site.policy).code == 1


def test_for_programs_each_part_is_one_line(site: Site) -> None:
    code, parts = site.json("--policy", site.policy, *SEALED)

    assert (code, [one["part"] for one in parts]) == (0, ["log", "content", "derived"])
    assert parts[0] | {"position": "", "root": ""} == {
        "part": "log",
        "log": 0,
        "origin": f"{ORIGIN}/0",
        "position": "",
        "entries": 5,
        "streams": 3,
        "emptied": 0,
        "root": "",
        "checkpoints": 2,
        "signed": 5,
        "witnessed": 3,
        "held": 0,
        "cosignatures": 1,
        "cosignatures_not_checked": 0,
        "findings": 0,
        "counts": {},
        "listed": [],
    }


def test_what_is_wrong_is_listed_from_the_first_position_on_and_ends_in_3(site: Site) -> None:
    site.ledger.sql("UPDATE entry SET name = 'X' WHERE n IN (2, 4, 5)")
    ran = site.audit("--findings", 2)

    assert ran.code == 3
    assert ran.out.splitlines()[-3:] == [
        "  LEAF_DIFFERS 0:2 its leaf says otherwise than its row: type",
        "  LEAF_DIFFERS 0:4 its leaf says otherwise than its row: type",
        "  and 1 more",
    ]
    code, (log,) = site.json()
    assert (code, log["findings"], log["counts"]) == (3, 3, {"LEAF_DIFFERS": 3})
    assert log["listed"][0] == {
        "log": 0,
        "n": 2,
        "last": 2,
        "code": "LEAF_DIFFERS",
        "detail": "its leaf says otherwise than its row: type",
    }


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE entry SET container = 'x' WHERE n = 3", "content"),
        ("UPDATE dossier SET version = version + 1 WHERE version = 3", "derived"),
    ],
)
def test_what_is_sealed_or_derived_is_looked_at_when_asked_for(
    site: Site, change: str, part: str
) -> None:
    site.ledger.sql(change)
    code, (log,) = site.json()
    assert (code, log["findings"]) == (0, 0)

    code, parts = site.json(f"--{part}")
    assert code == 3
    found = parts[-1]
    assert found.get("findings") or found["difference"]
    assert site.audit(f"--{part}").code == 3


def test_a_log_that_was_cut_does_not_pass_a_checkpoint_that_was_kept(site: Site) -> None:
    later = site.held.with_name("later")
    later.write_bytes(format_note(site.signer.last))
    site.ledger.sql(
        "DELETE FROM entry WHERE n > 3; DELETE FROM checkpoint WHERE size > 3;"
        "UPDATE tree SET size = 3; UPDATE log_head h SET size = 3, recorded_at = e.recorded_at,"
        " leaf_hash = e.leaf_hash FROM entry e WHERE e.n = 3"
    )
    assert site.audit("--checkpoint", site.held).code == 0
    ran = site.audit("--checkpoint", site.held, "--checkpoint", later, "--policy", site.policy)
    assert (ran.code, "CUT_OFF 0:4-5" in ran.out) == (3, True)


def test_an_auditor_needs_neither_content_nor_keys(site: Site, tmp_path: Path) -> None:
    """The login is a member of that role alone, and there is no key database to be reached."""
    with psycopg.connect(site.ledger.database, autocommit=True) as connection:
        password = sql.Literal(connection.info.password or None)
        connection.execute(sql.SQL("ALTER ROLE ledger_auditor LOGIN PASSWORD {}").format(password))
    (tmp_path / "auditor").mkdir()
    auditor = Shell.on(
        database=make_conninfo(site.ledger.database, user="ledger_auditor"),
        keys=f"host={tmp_path} dbname=none",
        folder=tmp_path / "auditor",
    )
    assert auditor.run("log", "audit", "--policy", site.policy).code == 0
    assert auditor.run("log", "audit", "--content").code == 1


def test_whoever_may_serve_may_audit(site: Site, tmp_path: Path) -> None:
    with psycopg.connect(site.ledger.database, autocommit=True) as connection:
        password = sql.Literal(connection.info.password or None)
        connection.execute(sql.SQL("ALTER ROLE ledger_app LOGIN PASSWORD {}").format(password))
    database, keys = (
        make_conninfo(one, user="ledger_app")
        for one in (site.ledger.database, site.ledger.keys_database)
    )
    (tmp_path / "service").mkdir()
    service = Shell.on(database=database, keys=keys, folder=tmp_path / "service")
    service.variables["LEDGER_DATA_DIR"] = str(tmp_path)
    assert service.run("log", "audit", *SEALED).code == 0


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--policy", "nonsense\n", "line 1 of the policy"),
        ("--checkpoint", "nonsense\n", "a note has a text"),
        ("--checkpoint", "one line\n\n— a QUJDREVG\n", "exactly three lines"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    site: Site, tmp_path: Path, option: str, text: str, said: str
) -> None:
    (tmp_path / "given").write_text(text)
    ran = site.audit(option, tmp_path / "given")

    assert (ran.code, ran.out) == (1, "")
    assert said in ran.err
    assert site.audit(option, tmp_path / "none").code == 1


def test_where_there_is_no_ledger_the_next_step_is_named(empty: str, tmp_path: Path) -> None:
    shell = Shell.on(database=empty, keys=empty, folder=tmp_path)
    ran = shell.run("log", "audit")

    assert (ran.code, "`ledger migrate`" in ran.err) == (1, True)
