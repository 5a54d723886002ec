"""After an erasure nothing of it is found or opened anywhere, and every proof still verifies.

A service records canaries, and a person is erased while it runs. Then every file of both databases
is searched, a backup from before is put back, and every ciphertext that ever was is tried with
every key that is held or came back.
"""

import base64
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg
import pytest

from ledger.kek import FileKek
from tests.faults.ciphertexts import Ciphertext, of_subject, opened, secrets, unwrapped
from tests.faults.serving import NAMES, Ground, Server, ground, serving
from tests.integration.backups import Backup
from tests.integration.waiting import until
from tests.shell import Shell

pytestmark = pytest.mark.timeout(600)

CANARY = "canary-3b2f1c-Okonkwo"
IDENTIFIER = "4857773457"
MARCH = "2026-03-01T10:00:00Z"
PEOPLE = 12
KILLS = 6
ORIGIN = "ledger.localhost/demo/0"


@pytest.fixture
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


def shell_of(where: Ground) -> Shell:
    database, keys = where.postgres.conninfo("ledger"), where.postgres.conninfo("ledger_keys")
    made = Shell.on(database=database, keys=keys, folder=where.folder)
    made.variables |= where.issuer.settings(where.folder / "jwks.json")
    made.variables |= {"LEDGER_METRICS_PORT": "0"}
    return made


def recorded(server: Server, subject: UUID, key: str, *entries: dict[str, Any]) -> None:
    with server.client() as client:
        answer = client.post(
            f"/v1/subjects/{subject}/entries",
            json={"entries": list(entries)},
            headers={"idempotency-key": key},
        )
    assert answer.status_code == 201, answer.text


def resolved(server: Server, value: str) -> UUID:
    with server.client() as client:
        answer = client.post("/v1/subjects/resolve", json={"scheme": "nhs_number", "value": value})
    assert answer.status_code == 200, answer.text
    return UUID(answer.json()["subject"])


def told(server: Server, subject: UUID) -> None:
    """A birth, a consent with canaries in its content, an answer that is kept."""
    given = {"purpose": "PHOTO", "given_by": str(subject), "capacity": "SELF"}
    consent = {"type": "ConsentGranted", "effective_at": MARCH, **given}
    recorded(
        server,
        subject,
        f"told {subject}",
        {"type": "DateOfBirthRecorded", "effective_at": MARCH, "date_of_birth": "1980-05-05"},
        consent | {"evidence": f"{CANARY} form", "note": f"said {CANARY}"},
    )
    with server.client() as client:
        question = {"subject": str(subject), "purpose": "PHOTO", "store": True}
        assert client.post("/v1/checks", json=question).status_code == 200


def asks_erasure(server: Server, subject: UUID) -> None:
    erasure = {"type": "ErasureExecuted", "effective_at": MARCH, "purpose": "*"}
    recorded(server, subject, f"erase {subject}", erasure)


def completed(where: Ground) -> int:
    return counted(where, "SELECT count(*) FROM entry WHERE name = 'KeyDestroyed'")


def planned(where: Ground) -> int:
    return counted(where, "SELECT count(*) FROM erasure")


def counted(where: Ground, query: LiteralString) -> int:
    with psycopg.connect(where.postgres.conninfo("ledger")) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def settled(where: Ground) -> None:
    """What is deleted is gone from the files of the tables, and what is written is on the disk."""
    for name in ("ledger", "ledger_keys"):
        with psycopg.connect(where.postgres.conninfo(name), autocommit=True) as connection:
            connection.execute("VACUUM FULL")
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")


def files_with(folder: Path, *needles: bytes) -> list[Path]:
    """Every file below the folder with one of the needles in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if any(needle in path.read_bytes() for needle in needles)]


def spellings(text: str) -> list[bytes]:
    """The text as it may lie in a file: itself, in hexadecimal, and in base64 at each offset."""
    plain = text.encode()
    offsets = [base64.b64encode(b"x" * at + plain)[4:-4] for at in range(3)]
    return [plain, plain.hex().encode(), *offsets, plain[::-1], text.encode("utf-16-le")]


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """A person who was erased by a service that has ended, and what there was before."""

    where: Ground
    shell: Shell
    subject: UUID
    before: list[Ciphertext]
    wrapped: list[tuple[UUID, int, bytes]]
    backup: Backup
    said: bytes

    @property
    def kek(self) -> FileKek:
        return FileKek(self.where.folder / "kek")

    def opened(self) -> int:
        """How much of what is left, and of what was there before, some key at hand opens."""
        database, keys = (self.where.postgres.conninfo(name) for name in NAMES)
        left = of_subject(database, ORIGIN, self.subject)
        return opened(left + self.before, secrets(keys, self.kek))


def erased_person(where: Ground) -> Aftermath:
    database, keys = (where.postgres.conninfo(name) for name in NAMES)
    with serving(where) as server:
        server.adopt()
        subject = resolved(server, IDENTIFIER)
        told(server, subject)
        before = of_subject(database, ORIGIN, subject)
        assert opened(before, secrets(keys, FileKek(where.folder / "kek"))) == len(before) == 5
        backup, wrapped = Backup(database, keys), _wrapped(keys)
        asks_erasure(server, subject)
        until(lambda: completed(where) == 1, "the erasure is carried out by the service")
        assert_answers_know_nothing(server, subject)
        server.signal(signal.SIGTERM)
        server.ended()
        said = server.all_told().encode()
    return Aftermath(
        where=where,
        shell=shell_of(where),
        subject=subject,
        before=before,
        wrapped=wrapped,
        backup=backup,
        said=said,
    )


def assert_answers_know_nothing(server: Server, subject: UUID) -> None:
    """The process that recorded it, with all that it holds in memory."""
    with server.client() as client:
        shown = client.get(f"/v1/subjects/{subject}/entries").text
        question = {"subject": str(subject), "purpose": "PHOTO"}
        answer = client.post("/v1/checks", json=question).json()
    assert CANARY not in shown
    assert (answer["decision"], answer["flags"]) == ("DENY", ["ERASED"])


def assert_nothing_is_found(one: Aftermath) -> None:
    """In no file of the databases, of the service, of an export, or of what it said of itself."""
    exported = one.shell.run("export", one.where.folder / "exported.jsonl")
    assert exported.code == 0, exported.err
    settled(one.where)
    root = one.where.postgres.root
    needles = [each for text in (CANARY, IDENTIFIER) for each in spellings(text)]
    assert files_with(root, *needles) == []
    assert files_with(one.where.folder, *needles) == []
    assert not any(needle in one.said for needle in needles)
    # Of what was sealed and of the keys, old bytes may be in the server's log files, nowhere else.
    remains = [each.ct for each in one.before] + [wrapped for _, _, wrapped in one.wrapped]
    assert {path.parent.name for path in files_with(root, *remains)} <= {"pg_wal"}


def assert_a_restore_brings_nothing_back(one: Aftermath) -> None:
    one.backup.restore()
    with one.shell.started("serve") as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, b"replay-tombstones" in err) == (1, True)
    assert one.opened() == len(one.before) * 2, "until then it would be readable"
    assert one.shell.run("erase", "replay-tombstones").code == 0
    assert one.opened() == 0


def assert_old_copies_open_until_their_epoch_is_destroyed(one: Aftermath) -> None:
    """What cannot be claimed: a copy of the wrapped keys is only as dead as their epoch."""
    assert None not in [unwrapped(one.kek, *row) for row in one.wrapped]
    (past,) = [each["kek_id"] for each in one.shell.run("keys", "status", "--json").json()]
    assert one.shell.run("keys", "rotate").code == 0
    refused = one.shell.run("keys", "destroy-epoch", past)
    assert "backups of the key database may need" in refused.err
    assert one.shell.run("keys", "destroy-epoch", past, "--force").code == 0
    assert {unwrapped(one.kek, *row) for row in one.wrapped} == {None}


def test_nothing_that_was_erased_is_found_or_opened(where: Ground) -> None:
    one = erased_person(where)
    assert_nothing_is_found(one)
    assert one.opened() == 0
    assert_a_restore_brings_nothing_back(one)
    assert_old_copies_open_until_their_epoch_is_destroyed(one)
    audited = one.shell.run("log", "audit", "--content", "--derived")
    assert audited.code == 0, audited.out


def _wrapped(keys: str) -> list[tuple[UUID, int, bytes]]:
    with psycopg.connect(keys) as connection:
        return connection.execute("SELECT key_id, key_version, wrapped FROM subject_key").fetchall()


def test_an_eraser_that_is_killed_again_and_again_comes_to_an_end(where: Ground) -> None:
    shell = shell_of(where)
    with serving(where) as server:
        server.adopt()
        people = [UUID(int=(4 << 76) | (2 << 62) | n) for n in range(PEOPLE)]
        for subject in people:
            told(server, subject)
        server.kill()
        server.start()
        for subject in people:
            asks_erasure(server, subject)
        for nth in range(1, KILLS + 1):
            enough = nth * PEOPLE // (2 * KILLS)
            until(lambda enough=enough: completed(where) >= enough, "some are erased")  # type: ignore[misc]
            server.kill()
            server.start()
        until(lambda: completed(where) == PEOPLE, "every erasure is carried out")
        until(lambda: planned(where) == 0, "no plan of one is kept any longer")
    assert shell.run("log", "audit", "--content", "--derived").code == 0
    with psycopg.connect(where.postgres.conninfo("ledger")) as connection:
        tombstones = connection.execute("SELECT count(*) FROM tombstone").fetchone()
    assert tombstones == (PEOPLE,)
