"""Whoever follows the checkpoints sees one history, whatever is killed in between.

`ledger serve` and `ledger signer` run as processes of their own, and are killed under load, alone
and both. A follower keeps every checkpoint that it is shown, and each writer its receipts; at the
end these are held against one another and against the log.
"""

import contextlib
import random
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from api.signing import socket_of
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.keys import parse_vkey, verified
from ledger.tlog.merkle import root, verify_consistency
from ledger.tlog.note import Note, parse_note
from ledger.tlog.receipt import read_receipt
from tests.faults.serving import REPOSITORY, Ground, Server, ground, serving
from tests.integration.waiting import until
from tests.integration.wired import born

pytestmark = pytest.mark.timeout(600)

ORIGIN = "ledger.localhost/demo/0"
VICTIMS = ("server", "signer", "both")
ROUNDS = 3
SIGNER = [sys.executable, "-c", "from api.cli import main; main()", "signer"]


class OwnSigner:
    """`ledger signer` as a process, with its files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.sockets = folder / "sockets"
        self.sockets.mkdir()
        self._words = ["--folder", str(folder / "own"), "--socket", str(socket_of(self.sockets, 0))]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """It answers."""
        self._process = subprocess.Popen(
            [*SIGNER, *self._words], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("Signing for ")

    def kill(self) -> None:
        """It is gone without a chance to clean up."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


class Watch:
    """A writer and a follower of one server, each in a thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self.notes: list[Note] = []
        self.receipts: list[dict[str, Any]] = []
        self._threads = [threading.Thread(target=one) for one in (self._write, self._follow)]

    def begin(self) -> None:
        for one in self._threads:
            one.start()

    def end(self) -> None:
        self._stop.set()
        for one in self._threads:
            one.join()

    def size(self) -> int:
        """How many entries the last checkpoint that was seen covers."""
        return parse_checkpoint(self.notes[-1].text).size if self.notes else 0

    def _write(self) -> None:
        with self._server.client(seconds=15) as client:
            while not self._stop.is_set():
                self._record(client, f"/v1/subjects/{uuid4()}/entries", str(uuid4()))

    def _record(self, client: httpx.Client, path: str, key: str) -> None:
        """Sent under its key until it is acknowledged."""
        while not self._stop.is_set():
            with contextlib.suppress(httpx.HTTPError):
                answer = client.post(
                    path, json={"entries": [born()]}, headers={"idempotency-key": key}
                )
                if answer.status_code == 201:
                    self.receipts.append(answer.json()["receipt"])
                    return
            time.sleep(0.02)

    def _follow(self) -> None:
        with httpx.Client(base_url=self._server.url, timeout=15) as client:
            while not self._stop.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    answer = client.get("/v1/log/checkpoint")
                    if answer.status_code == 200:
                        self._keep(parse_note(answer.content))
                time.sleep(0.02)

    def _keep(self, note: Note) -> None:
        if not self.notes or self.notes[-1].text != note.text:
            self.notes.append(note)


class Run:
    """All that was seen, and the log itself."""

    def __init__(self, where: Ground, server: Server, watch: Watch) -> None:
        self.where = where
        self.server = server
        self.watch = watch
        database = where.variables()["LEDGER_DATABASE_URL"]
        with psycopg.connect(database) as connection:
            rows = connection.execute("SELECT leaf_hash FROM entry ORDER BY n").fetchall()
        self.hashes = [bytes(one) for (one,) in rows]

    def seen(self) -> list[Checkpoint]:
        """The checkpoints in the order in which they were shown."""
        return [parse_checkpoint(one.text) for one in self.watch.notes]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    print("seed", seed := random.randrange(2**32))
    chance = random.Random(seed)
    signer = OwnSigner(tmp_path_factory.mktemp("signer"))
    with ground() as where, contextlib.ExitStack() as stack:
        stack.callback(signer.kill)
        signer.start()
        with serving(where, LEDGER_SIGNER_SOCKETS=str(signer.sockets)) as server:
            server.adopt()
            watch = Watch(server)
            watch.begin()
            try:
                victims = [*VICTIMS] * ROUNDS
                chance.shuffle(victims)
                for victim in victims:
                    _progress(watch, chance.randint(3, 30))
                    time.sleep(chance.uniform(0, 0.05))
                    _kill(victim, server, signer)
                _progress(watch, 10)
            finally:
                watch.end()
            yield Run(where, server, watch)


def _progress(watch: Watch, many: int) -> None:
    wanted = watch.size() + many
    until(lambda: watch.size() >= wanted, f"a checkpoint covers {many} more entries")


def _kill(victim: str, server: Server, signer: OwnSigner) -> None:
    if victim != "server":
        signer.kill()
    if victim != "signer":
        server.kill()
    if victim != "server":
        signer.start()
    if victim != "signer":
        server.start()


def keys(run: Run) -> dict[str, Any]:
    """The key of each use: there is one."""
    (log,) = httpx.get(f"{run.server.url}/.well-known/ledger-log").json()["logs"]
    found = {one["use"]: parse_vkey(one["vkey"]) for one in log["keys"]}
    assert len(found) == len(log["keys"]) == 2
    return found


def test_every_checkpoint_is_signed_by_the_one_key_and_none_goes_back(run: Run) -> None:
    seen = run.seen()
    key = keys(run)["checkpoints"]

    assert len(seen) > len(VICTIMS) * ROUNDS
    assert {one.origin for one in seen} == {ORIGIN}
    sizes = [one.size for one in seen]
    assert sizes == sorted(set(sizes)), "one of a size is the only one of that size"
    assert all(verified(note, [key]) for note in run.watch.notes)


def test_each_is_of_the_log_as_it_is(run: Run) -> None:
    for one in run.seen():
        assert one.root == root(run.hashes[: one.size])


def test_each_goes_on_from_the_one_before_by_a_proof_of_the_service(run: Run) -> None:
    seen = [one for one in run.seen() if one.size]
    with run.server.client() as client:
        for old, new in pairwise(seen):
            told = client.get(
                "/v1/log/proofs/consistency", params={"old": old.size, "size": new.size}
            ).json()
            verify_consistency(
                old=old.size,
                new=new.size,
                old_root=old.root,
                new_root=new.root,
                proof=[b64decode(one) for one in told["proof"]],
            )


def test_every_promise_was_kept(run: Run) -> None:
    key = keys(run)["receipts"]
    covered = run.watch.size()
    assert len(run.watch.receipts) > ROUNDS

    for one in run.watch.receipts:
        promise = read_receipt(parse_note(one["promise"].encode()), key)
        assert promise.index < len(run.hashes)
        assert run.hashes[promise.index] == promise.leaf_hash
    promised = {one["leaf_index"] for one in run.watch.receipts}
    # The catalogue, and what nobody listened to any more.
    assert len({*range(covered)} - promised) <= 2


def test_nothing_was_taken_for_a_log_that_lost_something(run: Run) -> None:
    told = httpx.get(f"{run.server.url}/readyz?verbose").json()

    assert told["checks"]["log"] == "ok"
    assert "is not the one that was signed" not in run.server.all_told()
