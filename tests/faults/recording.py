"""Processes that record, to be killed at will, and what each says over a pipe of what it was told.

A writer goes through its people side by side, and through the requests of each in order. What a
request holds follows from who sends it and its number, so that another process can send it again.
Not here: whether what was acknowledged is there (`book`).
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from ledger.errors import OutcomeUnknown, Unavailable
from ledger.keys import FileKek, KeyStore
from ledger.reader import Reader
from ledger.record import Command, Receipted, Recorder
from ledger.rules.rulebook import uk_gdpr
from ledger.store import Store, open_pool
from ledger.wire import read_fact
from tests.integration.wired import withdrawal

SHARED = "shared"
What = Literal["sent", "acknowledged", "unknown", "unavailable", "done"]

_processes = get_context("forkserver")
_processes.set_forkserver_preload(["tests.faults.recording"])


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the ledger is that is written to."""

    database: str
    keys_database: str
    kek: Path


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a writer was told of a request; `entries` are n and leaf hash of each."""

    what: What
    person: str = ""
    number: int = 0
    entries: tuple[tuple[int, bytes], ...] = ()
    replayed: bool = False


def command_of(writer: str, person: str, number: int) -> Command:
    """The request; every third has two entries. All writers share one person."""
    name = person if person == SHARED else f"{writer}/{person}"
    subject = UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4)
    moment = f"2026-03-02T10:{number // 60 % 60:02}:{number % 60:02}Z"
    facts = [read_fact(withdrawal(subject, moment))] * (2 if number % 3 == 0 else 1)
    return Command(subject=subject, facts=tuple(facts), client=writer, key=f"{person}/{number}")


class Writer:
    """A process that goes on from these numbers of each person, until it is killed or stopped."""

    def __init__(self, name: str, place: Place, numbers: dict[str, int]) -> None:
        self.name = name
        self.hearing, telling = _processes.Pipe(duplex=False)
        self._process: BaseProcess = _processes.Process(
            target=_write, args=(telling, name, place, numbers), daemon=True
        )
        self._process.start()
        telling.close()

    def hear(self) -> Told | None:
        """The next that it says; None once it has ended and said all."""
        try:
            return msgspec.msgpack.decode(self.hearing.recv_bytes(), type=Told)
        except EOFError:
            return None

    def kill(self) -> Iterator[Told]:
        """It is gone without a chance to clean up: what it had still said."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        return self._rest()

    def stop(self) -> Iterator[Told]:
        """It ends once everything that it has sent is acknowledged: what it still says."""
        self._process.terminate()
        return self._rest()

    def end(self) -> None:
        """It is gone; nothing more is heard of it."""
        self._process.kill()
        self._process.join()

    def _rest(self) -> Iterator[Told]:
        while (told := self.hear()) is not None:
            yield told
        self._process.join()
        self.hearing.close()


def _write(telling: Connection, name: str, place: Place, numbers: dict[str, int]) -> None:
    # A pool would tell of every connection that it cannot make.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_write_all(telling, name, place, numbers))


async def _write_all(telling: Connection, name: str, place: Place, numbers: dict[str, int]) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    def tell(**said) -> None:
        telling.send_bytes(msgspec.msgpack.encode(Told(**said)))

    async def write(person: str, number: int) -> None:
        while not stopping.is_set():
            command = command_of(name, person, number)
            tell(what="sent", person=person, number=number)
            while (found := await _recorded(recorder, command)) in ("unknown", "unavailable"):
                tell(what=found, person=person, number=number)
            assert isinstance(found, Receipted), found
            tell(
                what="acknowledged",
                person=person,
                number=number,
                entries=tuple((one.n, one.leaf_hash) for one in found.entries),
                replayed=found.replayed,
            )
            number += 1

    async with recording(place) as recorder:
        await asyncio.gather(*(write(person, number) for person, number in numbers.items()))
        tell(what="done")


async def _recorded(recorder: Recorder, command: Command) -> object:
    try:
        return await recorder.record(command)
    except OutcomeUnknown:
        return "unknown"
    except Unavailable:
        await asyncio.sleep(0.05)
        return "unavailable"


@asynccontextmanager
async def recording(place: Place) -> AsyncIterator[Recorder]:
    """A recorder over connections of its own."""
    pool, keys_pool = open_pool(place.database), open_pool(place.keys_database, role=None)
    async with pool, keys_pool:
        store = Store(pool)
        keys = KeyStore(
            keys_pool, kek=FileKek(place.kek), entropy=random.randbytes, clock=time.monotonic
        )
        reader = Reader(store, keys, await _identity(store))
        yield Recorder(
            reader,
            uk_gdpr(),
            entropy=os.urandom,
            milliseconds=lambda: time.time_ns() // 1_000_000,
        )
        await store.drain()


async def _identity(store: Store):
    """Asked until the server answers: a writer may start while that recovers."""
    while True:
        with contextlib.suppress(Unavailable):
            return await store.identity()
