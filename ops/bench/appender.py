"""Appends within one process, as the service makes them but without HTTP: a process of its own.

It reads one command a line from standard input and writes one result a line. Each append is of one
entry, admitted, sealed and recorded, and its receipt is signed. Any that is refused is an error.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path
from uuid import UUID

import msgspec
from uvicorn.loops.auto import auto_loop_factory

from api.runtime import Runtime, places, running
from api.settings import load
from api.telemetry import Telemetry
from ledger.record import Command, Receipted
from ledger.wire import read_fact
from ops.bench.figures import percentile
from ops.bench.people import PURPOSE, granted, withdrawn
from ops.bench.people import RECENT as NOW

CLIENT = "bench"


class Appends(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: so many in flight, for so long."""

    in_flight: int
    seconds: float


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """What it came to; latencies in milliseconds."""

    appends: int
    seconds: float
    p50: float
    p99: float


class Appender:
    """Appends to one ledger, about people drawn from those named."""

    def __init__(self, ledger: Runtime, people: list[UUID], seed: str) -> None:
        self._ledger = ledger
        self._people = people
        self._chance = random.Random(seed)
        self._latencies: list[float] = []

    async def measured(self, asked: Appends) -> Appended:
        """So many workers append one after another until the time is over."""
        self._latencies = []
        begun = time.perf_counter()
        ends = begun + asked.seconds
        await asyncio.gather(*(self._worker(ends) for _ in range(asked.in_flight)))
        ranked = sorted(self._latencies)
        return Appended(
            appends=len(ranked),
            seconds=time.perf_counter() - begun,
            p50=percentile(ranked, 0.5),
            p99=percentile(ranked, 0.99),
        )

    async def _worker(self, ends: float) -> None:
        while (begun := time.perf_counter()) < ends:
            await self._append(self._chance.choice(self._people))
            self._latencies.append((time.perf_counter() - begun) * 1000)

    async def _append(self, subject: UUID) -> None:
        make = withdrawn if self._chance.random() < 0.5 else granted
        command = Command(
            subject=subject,
            facts=(read_fact(make(subject, NOW, PURPOSE)),),
            client=CLIENT,
            key=self._chance.randbytes(12).hex(),
        )
        done = await self._ledger.recorder.record(command)
        if not isinstance(done, Receipted):
            raise RuntimeError(f"an append is refused: {done.refusal.message}")
        for one in done.entries:
            self._ledger.receipts.receipt(done.log, one)


async def _serve(people: list[UUID], seed: str) -> None:
    settings = load()
    telemetry = Telemetry.of(settings)
    with places(settings) as where:
        async with running(where, settings, telemetry) as ledger:
            appender = Appender(ledger, people, seed)
            while line := await asyncio.to_thread(sys.stdin.buffer.readline):
                told = await appender.measured(msgspec.json.decode(line, type=Appends))
                sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
                sys.stdout.flush()
    telemetry.stop()


def main() -> None:
    """Arguments: the file of people, and the seed."""
    people, seed = sys.argv[1:]
    named = msgspec.json.decode(Path(people).read_bytes(), type=list[UUID])
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(named, seed))


if __name__ == "__main__":
    main()
