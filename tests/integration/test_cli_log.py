"""`ledger log checkpoint|prove|verify|receipt|witness` on a database of its own."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from api.note_key import note_key
from api.signer import Signer, file_signer
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.keys import format_vkey
from ledger.tlog.leaf import parse_leaf
from ledger.tlog.note import base64_of, format_note, parse_note
from ledger.tlog.proof import parse_proof
from tests.integration.auditable import published
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired, born, consent, founded
from tests.integration.witnesses import Watcher
from tests.shell import Ran, Shell
from tests.unit.loopback import answering, body_of, whole

LOG = f"{ORIGIN}/0"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger of four entries, three of them under a checkpoint, and the command on it."""

    ledger: Founded
    shell: Shell
    folder: Path
    signer: Signer
    covered: list[UUID]
    uncovered: UUID

    def log(self, *words: object) -> Ran:
        return self.shell.run("log", *words)

    def keys(self) -> list[str]:
        """The keys of the log and of its receipts, as words of `verify`."""
        receipts = note_key(self.folder / "receipt-key", f"{LOG}/receipts").verifier
        found = (self.signer.verifier, receipts)
        return [word for key in found for word in ("--vkey", format_vkey(key))]

    def verified(self, text: str) -> Ran:
        path = self.folder / "held"
        path.write_text(text)
        return self.log("verify", path, *self.keys())


@pytest.fixture
def site(database: str, tmp_path: Path) -> Iterator[Site]:
    with (
        founded(database, tmp_path) as ledger,
        file_signer(tmp_path / "signer", origin=LOG) as signer,
    ):
        ids = ledger.run(lambda wired: grown(ledger, wired, Here(signer)))
        shell = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
        yield Site(
            ledger=ledger,
            shell=shell,
            folder=tmp_path,
            signer=signer,
            covered=ids[:-1],
            uncovered=ids[-1],
        )


async def grown(ledger: Founded, wired: Wired, signs: Here) -> list[UUID]:
    subject = ledger.subject()
    await wired.adopt()
    first = await wired.record(subject, born(), consent(subject, "2026-03-02T10:00:00Z"))
    await published(wired, signs)
    last = await wired.record(subject, born("1980-05-06"))
    return [one.event_id for one in (*first.entries, *last.entries)]


def test_a_checkpoint_is_printed_as_it_is_signed(site: Site) -> None:
    ran = site.log("checkpoint")
    note = parse_note(ran.out.encode())

    assert (ran.code, ran.err) == (0, "")
    assert parse_checkpoint(note.text).size == 3
    assert format_note(note) == format_note(site.signer.last)
    assert site.log("checkpoint", "--size", 3).out == ran.out
    assert "no such checkpoint" in site.log("checkpoint", "--size", 2).err
    assert "names a log that" in site.log("checkpoint", "--log", 1).err


def test_a_proof_is_written_where_it_was_asked_for_and_stands_by_itself(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    ran = site.log("prove", site.covered[1])
    assert ran.out == "2.tlog-proof: leaf 2 under a checkpoint of 3 entries\n"
    proof = parse_proof((site.folder / "2.tlog-proof").read_bytes())
    assert proof.extra is not None
    assert parse_leaf(proof.extra).event_id == site.covered[1]

    checked = site.log("verify", "2.tlog-proof", *site.keys())
    assert (checked.code, checked.err) == (0, "")
    assert checked.out.splitlines()[1:] == [
        f"signature: PASS signed by {LOG}",
        "inclusion: PASS leaf 2 is in the tree of 3 leaves",
    ]
    assert checked.out.startswith("leaf: PASS ConsentGranted, ")


def test_a_proof_by_index_needs_the_hash_to_be_shown(site: Site) -> None:
    ran = site.log("prove", "--index", 1, "--out", "-")
    ((hash_,),) = site.ledger.sql("SELECT leaf_hash FROM entry WHERE n = 2")
    path = site.folder / "held"
    path.write_text(ran.out)

    assert parse_proof(ran.out.encode()).extra is None
    assert site.log("verify", path, *site.keys()).code == 3
    shown = site.log("verify", path, *site.keys(), "--leaf-hash", hash_.hex())
    assert (shown.code, shown.out.count("PASS")) == (0, 2)
    other = site.log("verify", path, *site.keys(), "--leaf-hash", "00" * 32)
    assert (other.code, "inclusion: FAIL" in other.out) == (3, True)


def test_what_is_not_covered_or_not_there_is_said_so(site: Site) -> None:
    for words in ((site.uncovered,), ("--index", 3)):
        ran = site.log("prove", *words)
        assert (ran.code, "no checkpoint covers it yet" in ran.err) == (1, True)
    assert "ENTRY: is the id of no entry" in site.log("prove", uuid4()).err
    assert site.log("prove").code == site.log("prove", uuid4(), "--index", 1).code == 2


def test_a_receipt_is_printed_for_programs_and_for_people(site: Site) -> None:
    ran = site.log("receipt", site.covered[0])
    (told,) = ran.json()
    page = site.log("receipt", site.covered[0], "--print")

    assert (told["log"], told["leaf_index"], told["status"]) == (LOG, 1, "published")
    assert site.verified(ran.out).code == 0
    assert page.code == 0
    assert f"Ledger        {LOG}\nEntry         2\n" in page.out
    assert "under a signed checkpoint of 3 entries" in page.out
    assert "ENTRY: is the id of no entry" in site.log("receipt", uuid4()).err


def test_a_receipt_that_waits_for_its_checkpoint_shows_the_promise(site: Site) -> None:
    ran = site.log("receipt", site.uncovered)
    checked = site.verified(ran.out)

    assert ran.json()[0]["status"] == "pending"
    assert (checked.code, "promise: PASS" in checked.out) == (0, True)
    assert "inclusion: NOT CHECKED" in checked.out


def test_what_is_recorded_here_comes_with_its_receipt(site: Site) -> None:
    subject = site.ledger.subject()
    words = ("--subject", subject, "--json", "DateOfBirthRecorded")
    values = ("effective_at=2018-05-25", "date_of_birth=1980-05-05")
    (told,) = site.shell.run("record", *words, *values).json()

    assert site.verified(msgspec.json.encode(told["receipt"]).decode()).code == 0
    assert told["receipt"] == told["entries"][0]["receipt"]


def test_a_changed_file_is_not_shown_and_nonsense_is_no_file(site: Site) -> None:
    text = site.log("receipt", site.covered[0]).out
    (told,) = site.log("receipt", site.covered[0]).json()
    changed = site.verified(text.replace(told["leaf_hash"], base64_of(bytes(32))))

    assert site.verified("nonsense").code == 1
    assert (changed.code, changed.out.count("FAIL")) == (3, 3)
    assert "--vkey: " in site.log("verify", site.folder / "held", "--vkey", "x").err
    for one in site.log("verify", site.folder / "held", *site.keys(), "--json").json():
        assert one["result"] in ("PASS", "FAIL", "NOT CHECKED")


# Witnesses.


def test_without_witnesses_there_is_nobody_to_ask(site: Site) -> None:
    ran = site.log("witness")

    assert (ran.code, ran.err.startswith("error: witness_policy_file: ")) == (1, True)


def test_a_round_asks_each_witness_and_an_alarm_stays_until_it_is_settled(site: Site) -> None:
    watcher = Watcher("w1", site.signer.verifier)
    name = watcher.key.verifier.name

    def answer(request: Any) -> None:
        watcher.time = int(time.time())
        reply = watcher.reply(body_of(request))
        request.headers.replace_header("content-length", "0")
        whole(reply.body, reply.code, content_type=reply.media_type)(request)

    with answering(answer) as url:
        policy = site.folder / "policy"
        policy.write_text(f"witness w1 {format_vkey(watcher.key.verifier)} {url}\nquorum w1\n")
        site.shell.variables["LEDGER_WITNESS_POLICY_FILE"] = str(policy)

        (told,) = site.log("witness", "--json").json()
        assert told | {"age_seconds": 0} == {
            "log": 0,
            "witness": name,
            "entries": 4,
            "cosigned": 3,
            "age_seconds": 0,
            "alarms": 0,
        }
        assert f"— {name} " in site.log("checkpoint").out

        site.ledger.sql(
            "INSERT INTO witness_alarm (log, name, key_id, raised_at, kind, request, code, reply)"
            " VALUES (0, %s, %s, now(), 'forked', '', 422, '')",
            name,
            watcher.key.verifier.key_id,
        )
        alarmed = site.log("witness")
        assert (alarmed.code, "1 alarms are not settled" in alarmed.out) == (3, True)
        settled = site.log("witness", "--settle", name)
        assert (settled.code, "alarms" in settled.out) == (0, False)
