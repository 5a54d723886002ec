"""`ledger erase` and `ledger keys`: what they do, print, and how they end."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import pytest

from api.signer import Signer, file_signer
from ledger.errors import Unavailable
from ledger.key_epochs import Epochs
from ledger.store import open_pool
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import verified
from ledger.tlog.leaf import leaf_hash
from ledger.tlog.merkle import verify_inclusion
from ledger.tlog.note import base64_of, parse_note
from ledger.tlog.proof import parse_proof
from ledger.tlog.skey import parse_skey
from tests.integration.auditable import published
from tests.integration.erasing import erasure
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired, born, consent, entry, founded
from tests.shell import Shell

MARCH = "2026-03-01T10:00:00Z"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A person with two consents and a disclosure, and the command on their ledger."""

    ledger: Founded
    shell: Shell
    signer: Signer
    subject: UUID
    folder: Path

    def record(self, *facts: dict[str, object]) -> None:
        async def story(wired: Wired) -> None:
            for one in facts:
                await wired.record(self.subject, one)

        self.ledger.run(story)

    def publish(self) -> None:
        self.ledger.run(lambda wired: published(wired, Here(self.signer)))


@pytest.fixture
def site(database: str, tmp_path: Path) -> Iterator[Site]:
    with (
        founded(database, tmp_path) as ledger,
        file_signer(tmp_path / "signer", origin=f"{ORIGIN}/0") as signer,
    ):
        ledger.run(lambda wired: wired.adopt())
        shell = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
        made = Site(
            ledger=ledger, shell=shell, signer=signer, subject=ledger.subject(), folder=tmp_path
        )
        told = {"purpose": "PHOTO", "recipient": "R02"}
        made.record(
            born(), consent(made.subject, MARCH), entry("DisclosureRecorded", MARCH, **told)
        )
        yield made


def test_what_was_recorded_is_carried_out_once_and_the_end_is_0(site):
    site.record(erasure(ground="b", decision="DPO-7"))

    ran = site.shell.run("erase", "work", "--once", "--json")
    again = site.shell.run("erase", "work", "--once", "--json")

    assert (ran.code, ran.err) == (0, "")
    assert ran.json() == [{"log": 0, "n": 5, "outcome": "EXECUTED", "detail": "recorded at 0:6"}]
    assert (again.code, again.out) == (0, "")


def test_a_purpose_waits_until_other_processes_have_let_go_of_its_key(site):
    site.record(erasure("PHOTO"))

    ran = site.shell.run("erase", "work", "--once")

    assert ran.code == 3
    assert ran.out.startswith("WAITING 0:5 its keys are closed")
    site.ledger.sql("UPDATE erasure SET begun_at = begun_at - interval '60 seconds'")
    assert site.shell.run("erase", "work", "--once").code == 0


def test_a_hold_keeps_an_erasure_back_and_is_said(site):
    site.record(erasure(), entry("HoldPlaced", MARCH))

    ran = site.shell.run("erase", "work", "--once")

    assert ran.code == 3
    assert ran.out == "HELD 0:5 a legal hold is in force: release it first\n"


def test_recipients_are_the_same_before_and_after(site):
    before = site.shell.run("erase", "recipients", site.subject)
    other = site.shell.run("erase", "recipients", site.subject, "--purpose", "GROUP")
    site.record(erasure())
    site.shell.run("erase", "work", "--once")
    after = site.shell.run("erase", "recipients", site.subject)

    assert (before.out, other.out, after.out) == ("R02\n", "", "R02\n")


def test_a_certificate_is_signed_and_its_entry_is_in_the_log(site):
    site.record(erasure(ground="b", decision="DPO-7"))
    site.shell.run("erase", "work", "--once")
    early = site.shell.run("erase", "certificate", site.subject, "--json").json()
    site.publish()
    (found,) = site.shell.run("erase", "certificate", site.subject, "--json").json()
    (named,) = site.shell.run("erase", "certificate", "0:6", "--json").json()

    assert early[0]["proof"] is None
    assert named == found
    note = parse_note(found["note"].encode())
    key = parse_skey((site.folder / "certificate-key").read_text().strip()).verifier
    assert key.name == f"{ORIGIN}/certificates"
    assert [one.key for one in verified(note, [key])] == [key]
    ((leaf,),) = site.ledger.sql("SELECT leaf FROM entry WHERE n = 6")
    lines = note.text.splitlines()
    assert lines[:4] == [
        "consent-ledger/erasure/v1",
        f"log {ORIGIN}/0",
        "entry 0:6",
        f"leaf {base64_of(leaf_hash(leaf))}",
    ]
    for line in ("reach PERSON", "ground b", "decision DPO-7", "recipient R02", "count keys 2"):
        assert line in lines
    assert len([line for line in lines if line.startswith("key ")]) == 2
    assert lines[-1].startswith("backups-until 2")
    proof = parse_proof(found["proof"].encode())
    checkpoint = parse_checkpoint(proof.checkpoint.text)
    assert verified(proof.checkpoint, [site.signer.verifier])
    verify_inclusion(
        leaf_hash(leaf),
        index=proof.index,
        size=checkpoint.size,
        proof=proof.hashes,
        root=checkpoint.root,
    )


def test_there_is_no_certificate_of_what_was_not_done(site):
    site.record(erasure())

    for of in (site.subject, "0:5", "0:99", "7:1", "0", "nobody"):
        ran = site.shell.run("erase", "certificate", of)
        assert ran.code == 1
        assert ran.err.startswith("error: ")
        assert str(site.subject) not in ran.err


def test_level_2_drops_the_leaves_of_the_erased_and_of_nobody_else(site):
    early = site.shell.run("erase", "level2", site.subject, "--decision", "DPO-9")
    site.record(erasure())
    site.shell.run("erase", "work", "--once")
    before = site.ledger.sql("SELECT n, leaf_hash FROM entry WHERE n <= 6 ORDER BY n")
    done = site.shell.run("erase", "level2", site.subject, "--decision", "DPO-9", "--json")

    assert early.code == 1
    assert "not erased yet" in early.err
    assert done.json()[0]["position"].startswith("0:7:")
    assert site.ledger.sql("SELECT n, leaf_hash FROM entry WHERE n <= 6 ORDER BY n") == before
    empty = site.ledger.sql("SELECT n FROM entry WHERE leaf = '' ORDER BY n")
    assert [n for (n,) in empty] == [2, 3, 4, 5]
    assert site.shell.run("rebuild", "--check").code == 0
    site.publish()
    audited = site.shell.run("log", "audit", "--content", "--derived", "--json")
    assert (audited.code, [one["part"] for one in audited.json()]) == (
        0,
        ["log", "content", "derived"],
    )
    assert audited.json()[0]["emptied"] == 4
    site.ledger.sql("UPDATE entry SET leaf = '' WHERE n = 1")
    assert site.shell.run("log", "audit").code == 3


def test_a_login_that_may_not_erase_is_told_who_may(site, tmp_path):
    site.record(erasure())
    name = f"careful_{site.ledger.random.randbytes(4).hex()}"
    with psycopg.connect(site.ledger.database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN IN ROLE ledger_app")
        try:
            folder = tmp_path / name
            folder.mkdir()
            database = psycopg.conninfo.make_conninfo(site.ledger.database, user=name)
            shell = Shell.on(database=database, keys=site.ledger.keys_database, folder=folder)
            ran = shell.run("erase", "work", "--once")
        finally:
            connection.execute(f"DROP ROLE {name}")
    assert ran.code == 1
    assert "ledger_eraser" in ran.err


def test_an_epoch_goes_once_nothing_needs_it(site):
    (first,) = site.shell.run("keys", "status", "--json").json()
    assert (first["state"], first["keys"]) == ("current", 2)
    (begun,) = site.shell.run("keys", "rotate", "--json").json()
    past, current = site.shell.run("keys", "status", "--json").json()
    assert (past["kek_id"], past["state"], past["keys"]) == (first["kek_id"], "past", 0)
    assert (current["kek_id"], current["state"], current["keys"]) == (begun["kek_id"], "current", 2)
    early = site.shell.run("keys", "destroy-epoch", past["kek_id"])
    assert early.code == 1
    assert f"until {past['backups_until']}" in early.err
    retire = "UPDATE kek_retired SET retired_at = retired_at - interval '37 days'"
    site.ledger.keys_sql(retire)
    assert site.shell.run("keys", "destroy-epoch", past["kek_id"]).code == 0
    gone, _ = site.shell.run("keys", "status", "--json").json()
    assert gone["state"] == "destroyed"
    unknown = "file:00000000000000ff"
    site.ledger.keys_sql("INSERT INTO kek_retired VALUES (%s)", unknown)
    for kek_id in (past["kek_id"], unknown, current["kek_id"], "file:0123456789abcdef"):
        assert site.shell.run("keys", "destroy-epoch", kek_id, "--force").code == 1
    assert site.shell.run("timeline", "--subject", site.subject).code == 0


def test_an_epoch_of_which_nobody_knows_since_when_it_is_unused_stays(site):
    (first,) = site.shell.run("keys", "status", "--json").json()
    site.shell.run("keys", "rotate")
    site.ledger.keys_sql("DELETE FROM kek_retired")

    ran = site.shell.run("keys", "destroy-epoch", first["kek_id"], "--force")

    assert ran.code == 1
    assert "run `ledger keys rewrap`" in ran.err
    assert site.shell.run("keys", "rewrap", "--json").json() == [{"retired": [first["kek_id"]]}]
    assert site.shell.run("keys", "destroy-epoch", first["kek_id"], "--force").code == 0


def test_without_the_key_database_nothing_is_said_of_epochs(site):
    async def story() -> None:
        async with open_pool(site.ledger.keys_database, size_max=1, role=None) as pool:
            epochs = Epochs(pool, site.ledger.kek, backup_days=35)
            assert [one.state for one in await epochs.all()] == ["current"]
        with pytest.raises(Unavailable):
            await epochs.all()

    asyncio.run(story())


def test_an_epoch_under_which_something_is_wrapped_stays_whatever_is_forced(site):
    (first,) = site.shell.run("keys", "status", "--json").json()
    site.shell.run("keys", "rotate")
    query = "UPDATE subject_key SET kek_id = %s WHERE part = 'basis'"
    site.ledger.keys_sql(query, first["kek_id"])

    ran = site.shell.run("keys", "destroy-epoch", first["kek_id"], "--force")

    assert ran.code == 1
    assert "1 keys are wrapped under" in ran.err
