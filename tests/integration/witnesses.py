"""Witnesses in the process of a test, and a ledger that is shown to them when the test says.

with scene(database, tmp_path) as shown:
    async def story(wired: Wired) -> None:
        await shown.grow(wired, 5)
        shown.at(60)
        await shown.witnessing(wired).look()
    shown.ledger.run(story)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from api.signer import Signer, file_signer
from ledger.tlog.checkpoint import Checkpoint, parse_checkpoint
from ledger.tlog.following import (
    Forked,
    Growth,
    OutOfStep,
    Refused,
    RolledBack,
    followed,
    nothing_seen,
)
from ledger.tlog.keys import Unverified, VerifierKey, cosign, verified
from ledger.tlog.note import Note, format_note, format_signature
from ledger.tlog.witnessing import (
    SIZE_TYPE,
    Declined,
    Reply,
    Submission,
    checkpoint_path,
    format_size,
    parse_submission,
)
from projections.integrator import Integrator
from projections.witnessing import Standing, Witness, Witnessing
from tests.integration.appending import Requests
from tests.integration.test_tree import Here, grown
from tests.integration.wired import ORIGIN, Founded, Wired, founded
from tests.unit.trees import witness_key

LOG = f"{ORIGIN}/0"
BEGUN = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Watcher:
    """A witness of one log; `answers` come before its own, one a request."""

    def __init__(self, name: str, log_key: VerifierKey, *, origin: str = LOG) -> None:
        self.key = witness_key(name)
        self.witness = Witness(key=self.key.verifier, url=f"https://{name}.example")
        self.log_key = log_key
        self.seen = nothing_seen(origin)
        self.shown: bytes | None = None
        self.time = 0
        self.asked: list[Submission] = []
        self.answers: list[Reply | Declined] = []

    def reply(self, body: bytes) -> Reply:
        """As c2sp.org/tlog-witness says."""
        asked = parse_submission(body)
        self.asked.append(asked)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Declined):
                raise answer
            return answer
        if asked.checkpoint.origin != self.seen.origin:
            return _reply(404)
        try:
            if not verified(asked.note, [self.log_key]):
                return _reply(403)
            growth = Growth(old=asked.old, new=asked.checkpoint, proof=asked.proof)
            self.seen = followed(self.seen, growth)
        except Unverified:
            return _reply(403)
        except (RolledBack, OutOfStep):
            return Reply(code=409, media_type=SIZE_TYPE, body=format_size(self.seen.size))
        except Forked:
            return _reply(422)
        line = cosign(asked.note.text, self.key, time=self.time)
        signatures = (*asked.note.signatures, line)
        self.shown = format_note(Note(text=asked.note.text, signatures=signatures))
        return Reply(code=200, media_type="text/plain", body=format_signature(line).encode())


def _reply(code: int) -> Reply:
    return Reply(code=code, media_type="text/plain", body=b"")


class Forgetful(Here):
    """Somebody who has stolen the key of the log, and signs whatever suits them."""

    async def seen(self, log: int) -> Checkpoint:
        return nothing_seen(LOG)

    async def sign(self, log: int, growth: Growth) -> Note:
        return self.signer._key.sign(growth.new)


class Shown:
    """A ledger, its witnesses, and what was told of them."""

    def __init__(self, ledger: Founded, signer: Signer, begun: datetime) -> None:
        self.ledger = ledger
        self.begun = begun
        self.signer = signer
        self.signs = Here(signer)
        self.requests = Requests(ledger.random)
        self.watchers = [Watcher(name, signer.verifier) for name in ("w1", "w2", "w3")]
        self.first = self.watchers[0]
        self.told: list[tuple[str, str]] = []
        self.ages: dict[str, tuple[float | None, int]] = {}
        self.at(0)

    def at(self, seconds: int) -> None:
        """Every clock stands so many seconds after the beginning."""
        moment = self.begun + timedelta(seconds=seconds)
        self.ledger.clock(moment)
        for one in self.watchers:
            one.time = int(moment.timestamp())

    async def grow(self, wired: Wired, many: int) -> Note:
        """So many more entries, and the checkpoint over them all."""
        await grown(wired.store, self.requests, many)
        note = await Integrator(wired.pool, wired.identity, self.signs).catch_up(0)
        assert note is not None
        return note

    def witnessing(self, wired: Wired, many: int = 1) -> Witnessing:
        """A process that shows the ledger to the first of the witnesses."""
        witnesses = [one.witness for one in self.watchers[:many]]
        return Witnessing(wired.pool, wired.identity, witnesses, ask=self, watch=self)

    def forked(self) -> None:
        """The last ten entries are gone, and whoever did it can sign."""
        sql = self.ledger.sql
        ((size,),) = sql("SELECT size - 10 FROM log_head WHERE log = 0")
        for table, column in (("entry", "n"), ("checkpoint", "size"), ("cosignature", "size")):
            sql(f"DELETE FROM {table} WHERE log = 0 AND {column} > %s", size)
        sql("UPDATE log_head SET size = %s WHERE log = 0", size)
        sql("UPDATE tree SET size = %s WHERE log = 0", size)
        self.signs = Forgetful(self.signer)

    # What the follower is given.

    async def submit(self, witness: Witness, body: bytes) -> Reply:
        return self._watcher(witness).reply(body)

    async def latest(self, witness: Witness, path: str) -> bytes | None:
        assert path == checkpoint_path(LOG)
        watcher = self._watcher(witness)
        if watcher.answers:
            answer = watcher.answers.pop(0)
            assert isinstance(answer, Declined)
            raise answer
        return watcher.shown

    def stands(self, log: int, witness: Witness, standing: Standing) -> None:
        self.ages[witness.key.name] = standing.age, standing.alarms

    def refused(self, log: int, witness: Witness, error: Refused) -> None:
        self.told.append((witness.key.name[-2:], str(error)))

    def _watcher(self, witness: Witness) -> Watcher:
        return next(one for one in self.watchers if one.witness == witness)

    # What came of it.

    def cosigned(self) -> list[tuple[Any, ...]]:
        """Witness, size and seconds since the beginning of every cosignature kept."""
        return self.ledger.sql(
            "SELECT right(name, 2), size, extract(epoch FROM cosigned_at - %s)::int "
            "FROM cosignature ORDER BY cosigned_at, name",
            self.begun,
        )

    def sizes(self) -> list[int]:
        """The sizes of the checkpoints that are kept."""
        return [size for (size,) in self.ledger.sql("SELECT size FROM checkpoint ORDER BY size")]


def size_of(note: Note | None) -> int:
    """How many leaves the checkpoint has."""
    assert note is not None
    return parse_checkpoint(note.text).size


@contextmanager
def scene(database: str, folder: Path, begun: datetime = BEGUN) -> Iterator[Shown]:
    """A founded ledger with a signer, whose clocks stand where the test puts them."""
    with (
        founded(database, folder) as ledger,
        file_signer(folder / "signer", origin=LOG) as signer,
    ):
        yield Shown(ledger, signer, begun)
