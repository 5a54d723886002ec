"""The load generator: a process of its own that sends ready bytes over kept connections.

It reads one command a line from standard input and writes one result a line. Requests are made
beforehand, answers are only cut, counted and looked at: it must not be what is measured. Closed
loop: so many requests are always in flight. Open loop: requests are due at moments drawn from a
seed, whether or not others are answered, and their latency counts from when they were due. Any
answer that is not the one expected ends the cell with an error.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from ops.bench.figures import percentile

KEY = b"{key}"
"""Where a request has this, each time it is sent has another key."""
GRACE_S = 30.0
"""How long the last answers of a cell are waited for."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and how an answer to it must be: its code, and how often it has what."""

    request: bytes
    code: int
    holds: dict[str, int] = {}


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement. With a `rate` (requests a second) the loop is open."""

    port: int
    requests: str
    in_flight: int
    seconds: float
    seed: str
    rate: float | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell came to: answers, how long they took together, and latencies in milliseconds."""

    answers: int
    seconds: float
    p50: float
    p99: float
    latencies: list[float] = []
    error: str | None = None


class Broken(Exception):
    """An answer that is none, or not the one expected."""


class Connection(asyncio.Protocol):
    """A kept connection with at most one request in flight."""

    def __init__(self, answered: Callable[[Connection], None]) -> None:
        self.due = 0.0
        self.expected: Expected | None = None
        self._answered = answered
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def send(self, expected: Expected, request: bytes, due: float) -> None:
        """Send the request, whose latency counts from `due`."""
        assert self._transport is not None, "connected before"
        self.expected, self.due = expected, due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take more of the answer; once it is whole, say so."""
        if self._read:
            data = self._read + data
        length = whole(data)
        if length is None:
            self._read = data
            return
        self._read = b""
        check(self.expected, data, length)
        self.expected = None
        self._answered(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The server may close it only between requests."""
        if self.expected is not None:
            raise Broken("the connection was closed before the answer")

    def close(self) -> None:
        """Say no more."""
        if self._transport is not None:
            self._transport.close()


def whole(data: bytes) -> int | None:
    """Where the body of a whole answer begins; None where more is to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    at = data.find(b"content-length:", 0, end)
    if at < 0:
        raise Broken(f"an answer without a length: {data[:80]!r}")
    length = int(data[at + 15 : data.find(b"\r", at)])
    return end + 4 if len(data) >= end + 4 + length else None


def check(expected: Expected | None, data: bytes, begins: int) -> None:
    """Raise unless the answer is the one expected."""
    if expected is None:
        raise Broken("an answer to no request")
    if int(data[9:12]) != expected.code:
        raise Broken(f"not {expected.code}: {data[:12]!r} {data[begins : begins + 300]!r}")
    for text, times in expected.holds.items():
        if data.count(text.encode(), begins) != times:
            raise Broken(f"{text} is not there {times} times: {data[begins : begins + 300]!r}")


class Run:
    """One cell being measured."""

    def __init__(self, cell: Cell, requests: list[Expected], keys: str) -> None:
        self._cell = cell
        self._chance = random.Random(cell.seed)
        self._requests = requests
        self._keys = keys
        self._sent = 0
        self._latencies: list[float] = []
        self._waiting: deque[float] = deque()
        self._free: list[Connection] = []
        self._all: list[Connection] = []
        self._ends = 0.0
        self._last = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def told(self) -> Told:
        """The cell measured."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        for _ in range(self._cell.in_flight):
            _, one = await loop.create_connection(
                lambda: Connection(self._answered), "127.0.0.1", self._cell.port
            )
            self._all.append(one)
        try:
            return await self._measured()
        finally:
            for one in self._all:
                one.close()

    async def _measured(self) -> Told:
        begun = time.perf_counter()
        self._ends = begun + self._cell.seconds
        if self._cell.rate is None:
            for one in self._all:
                self._next(one, begun)
        else:
            self._free.extend(self._all)
            self._due(begun, self._cell.rate)
        async with asyncio.timeout(self._cell.seconds + GRACE_S):
            await self._done
        ranked = sorted(self._latencies)
        return Told(
            answers=len(ranked),
            seconds=self._last - begun,
            p50=percentile(ranked, 0.5),
            p99=percentile(ranked, 0.99),
            latencies=ranked if self._cell.rate is not None else [],
        )

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if not self._done.done():
            self._done.set_exception(error if isinstance(error, Exception) else Broken("broken"))

    def _next(self, one: Connection, due: float) -> None:
        expected = self._requests[int(self._chance.random() * len(self._requests))]
        request = expected.request
        if KEY in request:
            request = request.replace(KEY, b"%s-%d" % (self._keys.encode(), self._sent), 1)
        self._sent += 1
        one.send(expected, request, due)

    def _answered(self, one: Connection) -> None:
        now = time.perf_counter()
        self._latencies.append((now - one.due) * 1000)
        self._last = now
        if self._cell.rate is None:
            if now < self._ends:
                self._next(one, now)
                return
        elif self._waiting:
            self._next(one, self._waiting.popleft())
            return
        self._free.append(one)
        self._stop(now)

    def _due(self, at: float, rate: float) -> None:
        """Everything that is due by now is sent, or waits for a connection."""
        now = time.perf_counter()
        while at <= now:
            if self._free:
                self._next(self._free.pop(), at)
            else:
                self._waiting.append(at)
            at += self._chance.expovariate(rate)
        if at < self._ends:
            asyncio.get_running_loop().call_later(at - now, self._due, at, rate)
        else:
            self._ends = now
            self._stop(now)

    def _stop(self, now: float) -> None:
        if now < self._ends or self._waiting or len(self._free) < len(self._all):
            return
        if not self._done.done():
            self._done.set_result(None)


async def measured(cell: Cell, requests: list[Expected], keys: str) -> Told:
    """The cell's result, with the error that ended it where one did."""
    run = Run(cell, requests, keys)
    try:
        return await run.told()
    except (Broken, OSError, TimeoutError) as error:
        return Told(answers=0, seconds=0, p50=0, p99=0, error=f"{type(error).__name__}: {error}")


def main() -> None:
    """One command a line, one result a line, until there is no more."""
    held: dict[str, list[Expected]] = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for n, line in enumerate(sys.stdin.buffer):
            cell = msgspec.json.decode(line, type=Cell)
            if cell.requests not in held:
                raw = Path(cell.requests).read_bytes()
                held[cell.requests] = msgspec.msgpack.decode(raw, type=list[Expected])
            told = runner.run(measured(cell, held[cell.requests], f"{time.time_ns():x}-{n}"))
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
