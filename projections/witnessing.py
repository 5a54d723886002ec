"""Witnesses are shown every checkpoint, and what they set under it is kept.

A follower of each log: once a minute while the tree grows, and once an hour while it does not, one
of the processes asks each witness to cosign the newest checkpoint. Nothing waits for an answer. A
witness that has seen what this log no longer shows raises an alarm, which is kept with its
evidence; it is not asked again before somebody has settled that. Not here: HTTP (`api`), or the
formats (`ledger.tlog.witnessing`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from psycopg_pool import AsyncConnectionPool

from ledger.store import Identity
from ledger.tlog.checkpoint import Checkpoint
from ledger.tlog.following import Forked, Refused, RolledBack
from ledger.tlog.keys import VerifierKey
from ledger.tlog.note import format_signature, parse_note
from ledger.tlog.witnessing import (
    Cosigned,
    Declined,
    Reply,
    StartFrom,
    Submission,
    checkpoint_path,
    format_submission,
    next_start,
    read_reply,
    vouched,
)
from projections.checkpoints import prune
from projections.everyone import rows, write
from projections.tree import Tree
from projections.turns import looking, taken

LOOK_S = 5.0
"""How often a process looks whether it is time to ask."""
GROWING_S = 60
IDLE_S = 3600


class Witness(msgspec.Struct, frozen=True, kw_only=True):
    """A witness that is asked: its key, and the prefix of its addresses."""

    key: VerifierKey
    url: str

    @property
    def turn(self) -> str:
        """The name of the turn at asking it."""
        return f"witness {self.key.name}+{self.key.key_id.hex()}"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a log and one of its witnesses stand; `age` is in seconds, None where it never cosigned.

    `head` counts the log's entries, `tree` those of its tiles, `size` those of the checkpoint
    signed last, and `seen` those of the one that the witness cosigned last.
    """

    head: int
    tree: int
    size: int
    note: str | None
    seen: int
    age: float | None
    alarms: int

    @property
    def due(self) -> bool:
        """Whether there is something to ask; a log without entries has nothing to show."""
        if self.alarms or self.size == 0:
            return False
        return self.age is None or self.size != self.seen or self.age >= IDLE_S


class Asks(Protocol):
    """The way to witnesses; raises `Declined` where one cannot be reached or read."""

    async def submit(self, witness: Witness, body: bytes) -> Reply:
        """Its answer to `add-checkpoint`."""

    async def latest(self, witness: Witness, path: str) -> bytes | None:
        """The checkpoint that it serves at this path; None where it serves none."""


class Watches(Protocol):
    """Whoever is told how it goes."""

    def stands(self, log: int, witness: Witness, standing: Standing) -> None:
        """At every look."""

    def refused(self, log: int, witness: Witness, error: Refused) -> None:
        """At every attempt that gave no cosignature."""


class Witnessing:
    """The witnesses of one ledger's logs; several processes may run it, one asks at a time."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        identity: Identity,
        witnesses: Sequence[Witness],
        *,
        ask: Asks,
        watch: Watches,
    ) -> None:
        self._pool = pool
        self._identity = identity
        self._witnesses = witnesses
        self._ask = ask
        self._watch = watch

    async def follow(self, stop: asyncio.Event, *, failed: Callable[[Exception], None]) -> None:
        """Looks until told to stop; an error is reported, and the look repeated later."""
        await looking(self.look, stop, every_s=LOOK_S, failed=failed)

    async def look(self) -> None:
        """Every witness is asked for which it is time, all at once; raises the first error."""
        logs = range(self._identity.logs)
        looks = [self._look_at(log, one) for log in logs for one in self._witnesses]
        looks += [self._prune(log) for log in logs]
        for error in await asyncio.gather(*looks, return_exceptions=True):
            if error is not None:
                raise error

    async def compare(self, log: int, key: VerifierKey) -> list[Checkpoint]:
        """What the witnesses that can be asked have seen of the log with this key: all still there.

        Raises `RolledBack` or `Forked` where it is not. A witness whose checkpoint is beyond the
        stored tree is left out: integrate first.
        """
        asked = await asyncio.gather(*(self._seen(log, key, one) for one in self._witnesses))
        return [one for one in asked if one is not None]

    async def standing(self, log: int, witness: Witness) -> Standing:
        """How they stand now."""
        values = {"log": log, "name": witness.key.name, "key_id": witness.key.key_id}
        return (await rows(self._pool, Standing, "witness_standing", values))[0]

    async def settle(self, log: int, name: str) -> int:
        """How many alarms of the witness with this key name are settled by this call."""
        return len(await rows(self._pool, _Alarm, "settle_alarms", {"log": log, "name": name}))

    async def _look_at(self, log: int, witness: Witness) -> None:
        standing = await self.standing(log, witness)
        self._watch.stands(log, witness, standing)
        if not standing.due:
            return
        now = await taken(self._pool, log, witness.turn, seconds=GROWING_S)
        if now is None:
            return
        talk = _Talk(self._ask, witness, now)
        try:
            await self._keep(log, witness, *await self._cosigned(log, standing, talk))
        except Declined as error:
            self._watch.refused(log, witness, error)
        except (RolledBack, Forked) as error:
            await self._raise_alarm(log, talk, error)
            self._watch.refused(log, witness, error)

    async def _prune(self, log: int) -> None:
        if await taken(self._pool, log, "prune checkpoints", seconds=IDLE_S) is not None:
            await prune(self._pool, log)

    async def _cosigned(
        self, log: int, standing: Standing, talk: _Talk
    ) -> tuple[Submission, Cosigned]:
        """The cosignature; where the witness wants another proof, it gets that one, once."""
        asked = await self._submission(log, standing, min(standing.seen, standing.size))
        answer = await talk.say(asked)
        if isinstance(answer, StartFrom):
            head = (await self.standing(log, talk.witness)).head
            old = next_start(answer, asked=asked, key=talk.witness.key, head=head)
            asked = await self._submission(log, standing, old)
            answer = await talk.say(asked)
        if isinstance(answer, StartFrom):
            message = f"{talk.witness.key.name} asks for a proof again and again"
            raise Declined(message, reason="refused")
        return asked, answer

    async def _submission(self, log: int, standing: Standing, old: int) -> Submission:
        assert standing.note is not None, "there is a checkpoint to show"
        proof: Sequence[bytes] = ()
        if old < standing.size:
            proof = await Tree(self._pool, log).consistency(old, standing.size)
        return Submission(old=old, proof=tuple(proof), note=parse_note(standing.note.encode()))

    async def _seen(self, log: int, key: VerifierKey, witness: Witness) -> Checkpoint | None:
        try:
            data = await self._ask.latest(witness, checkpoint_path(key.name))
            if data is None:
                return None
            seen = vouched(data, log=key, witness=witness.key)
        except Declined as error:
            self._watch.refused(log, witness, error)
            return None
        standing = await self.standing(log, witness)
        if seen.size > standing.head:
            name, size = witness.key.name, seen.size
            raise RolledBack(f"{name} shows a tree of {size} leaves; the log has {standing.head}")
        if seen.size > standing.tree:
            return None
        if await Tree(self._pool, log).root(seen.size) != seen.root:
            raise Forked(f"{witness.key.name} shows another tree of {seen.size} leaves")
        return seen

    async def _keep(self, log: int, witness: Witness, asked: Submission, answer: Cosigned) -> None:
        line = format_signature(answer.line)
        values = {"size": asked.checkpoint.size, "time": answer.time, "line": line}
        await self._write("keep_cosignature", log, witness, values)

    async def _raise_alarm(self, log: int, talk: _Talk, error: RolledBack | Forked) -> None:
        assert talk.reply is not None, "only an answer raises an alarm"
        kind = "rolled-back" if isinstance(error, RolledBack) else "forked"
        values = {"kind": kind, "request": talk.request, "code": talk.reply.code}
        await self._write("keep_alarm", log, talk.witness, values | {"reply": talk.reply.body})

    async def _write(
        self, name: str, log: int, witness: Witness, values: dict[str, object]
    ) -> None:
        values |= {"log": log, "name": witness.key.name, "key_id": witness.key.key_id}
        await write(self._pool, name, values)


class _Alarm(msgspec.Struct, frozen=True, kw_only=True):
    kind: str


class _Talk:
    """One exchange with a witness, and what was said last in it."""

    def __init__(self, ask: Asks, witness: Witness, now: int) -> None:
        self.witness = witness
        self.request = b""
        self.reply: Reply | None = None
        self._ask = ask
        self._now = now

    async def say(self, asked: Submission) -> Cosigned | StartFrom:
        self.request = format_submission(asked)
        self.reply = await self._ask.submit(self.witness, self.request)
        return read_reply(self.reply, asked=asked, key=self.witness.key, now=self._now)
