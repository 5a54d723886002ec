"""After a restore nothing that was erased can be read, and nothing is served before it is gone."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from api.demo import free_port
from ledger.errors import Fault
from ledger.seal import Destroyed
from projections.rebuild import Rebuild
from projections.replay import timeline
from tests.integration.backups import Backup
from tests.integration.erasing import erased, erasure
from tests.integration.wired import Founded, Wired, born, consent, founded
from tests.issuing import OutsideIssuer
from tests.shell import Shell

MARCH = "2026-03-01T10:00:00Z"
LOCKED = "keys that were destroyed are in the key database again"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


@pytest.fixture
def shell(ledger: Founded, tmp_path: Path) -> Shell:
    made = Shell.on(database=ledger.database, keys=ledger.keys_database, folder=tmp_path)
    issuer = OutsideIssuer()
    made.variables |= issuer.settings(issuer.publish(tmp_path / "jwks.json"))
    made.variables |= {"LEDGER_PORT": str(free_port("127.0.0.1", 18180, exact=False))}
    made.variables |= {"LEDGER_METRICS_PORT": "0"}
    return made


async def scene(ledger: Founded, wired: Wired, subject: UUID) -> None:
    await wired.adopt()
    await wired.record(subject, born())
    await wired.record(subject, consent(subject, MARCH))
    await wired.record(subject, consent(subject, MARCH, "GROUP", evidence="form 2"))
    await wired.keys.resolve(scheme="case", value="4711")
    ledger.keys_sql("UPDATE subject_index SET subject = %s", subject)


def erase(ledger: Founded, folder: Path, subject: UUID, purpose: str) -> None:
    async def story(wired: Wired) -> None:
        await wired.record(subject, erasure(purpose))
        (told,) = await erased(ledger, wired, folder)
        assert told.outcome == "EXECUTED"

    ledger.run(story)


def assert_locked(shell: Shell) -> None:
    """Nothing is served, and the doctor says why."""
    with shell.started("serve") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert LOCKED in err.decode()
    assert doctor(shell)["erasures"] is False


def doctor(shell: Shell) -> dict[str, bool]:
    """What the doctor finds; its login is the owner's, which is not what this is about."""
    found = {one["check"]: one["ok"] for one in shell.run("doctor", "--json").json()}
    del found["login"]
    return found


def assert_gone(ledger: Founded, subject: UUID, purpose: str) -> None:
    """No key of what was erased is there; everything derived is as the entries make it."""

    async def story(wired: Wired) -> None:
        checked = await Rebuild(wired.reader, wired.rulebook, wired.pool).check()
        assert checked.difference is None
        key = (await wired.keys.subject_keys([subject], create=False))[subject]
        content = await wired.keys.content_key(subject, "PHOTO", create=False)
        assert isinstance(content, Destroyed)
        assert isinstance(key, Destroyed) == (purpose == "*")
        shown = await timeline(wired.reader, subject)
        assert [getattr(one.fact, "evidence", None) for one in shown][1] is None

    ledger.run(story)
    identifiers = ledger.keys_sql("SELECT count(*) FROM subject_index WHERE subject = %s", subject)
    assert identifiers == [(0 if purpose == "*" else 1,)]


@pytest.mark.parametrize("purpose", ["PHOTO", "*"])
def test_a_restored_key_database_locks_until_the_ledgers_tombstones_are_replayed(
    ledger, shell, tmp_path, purpose
):
    subject = ledger.subject()
    ledger.run(lambda wired: scene(ledger, wired, subject))
    backup = Backup(ledger.database, ledger.keys_database)
    erase(ledger, tmp_path, subject, purpose)
    # What outlives a restore is the ledger alone.
    (tmp_path / "tombstones").unlink()
    backup.restore(ledger=False)
    assert_locked(shell)
    replayed = shell.run("erase", "replay-tombstones", "--json")
    assert replayed.json()[0]["forgotten"] == 0
    assert all(doctor(shell).values())
    assert_gone(ledger, subject, purpose)


@pytest.mark.parametrize("purpose", ["PHOTO", "*"])
def test_when_both_are_restored_the_file_of_tombstones_still_knows(
    ledger, shell, tmp_path, purpose
):
    subject = ledger.subject()
    ledger.run(lambda wired: scene(ledger, wired, subject))
    backup = Backup(ledger.database, ledger.keys_database)
    erase(ledger, tmp_path, subject, purpose)
    backup.restore()
    assert_locked(shell)
    replayed = shell.run("erase", "replay-tombstones", "--json")
    assert replayed.json() == [{"keys": 1 if purpose == "PHOTO" else 3, "forgotten": 1}]
    assert all(doctor(shell).values())
    assert_gone(ledger, subject, purpose)
    again = shell.run("erase", "replay-tombstones", "--json")
    assert again.json() == [{"keys": 0, "forgotten": 0}]


def test_after_the_epoch_is_destroyed_an_old_backup_of_the_keys_opens_nothing(
    ledger, shell, tmp_path
):
    subject = ledger.subject()
    ledger.run(lambda wired: scene(ledger, wired, subject))
    backup = Backup(ledger.database, ledger.keys_database)
    erase(ledger, tmp_path, subject, "*")
    past = shell.run("keys", "status", "--json").json()[0]["kek_id"]
    assert shell.run("keys", "rotate").code == 0
    early = shell.run("keys", "destroy-epoch", past)
    assert early.code == 1
    assert "backups of the key database may need" in early.err
    assert shell.run("keys", "destroy-epoch", past, "--force").code == 0
    (tmp_path / "tombstones").unlink()
    backup.restore()
    ledger.run(lambda wired: nothing_opens(wired, subject))


async def nothing_opens(wired: Wired, subject: UUID) -> None:
    with pytest.raises(Fault, match="not the key-encrypting key in use"):
        await timeline(wired.reader, subject)


def test_a_backup_is_one(ledger):
    subject = ledger.subject()
    ledger.run(lambda wired: scene(ledger, wired, subject))
    backup = Backup(ledger.database, ledger.keys_database)
    ledger.sql("DELETE FROM entry")
    ledger.keys_sql("DELETE FROM subject_key")
    backup.restore()
    assert len(ledger.run(lambda wired: timeline(wired.reader, subject))) == 3
