"""Consumers of the feed's stream, many at once in a thread of their own, and what each was told.

A consumer comes again from its last cursor whenever its stream ends, for whatever reason. Not here:
what happens to the service meanwhile.
"""

import asyncio
import contextlib
import json
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

Frame = dict[str, str]
PAUSE_SECONDS = 0.05
"""Between two attempts to connect while nobody answers."""


class Consumer:
    """One that reads on to the end; with `flaps`, it leaves after about so many events."""

    def __init__(self, url: str, token: str, *, flaps: int = 0, seed: int = 0) -> None:
        where = urlsplit(url)
        self._address = (where.hostname, where.port)
        self._token = token
        self._flaps = flaps
        self._chance = random.Random(seed)
        self.told: list[tuple[int, str]] = []
        self.cursor = ""
        self.endings: Counter[str] = Counter()
        self.connections = 0
        self.checkpoints = 0

    def place(self) -> int:
        """The last entry that it knows to be told of."""
        return int(self.cursor.split(":")[1]) if self.cursor else 0

    async def run(self) -> None:
        """Read, and come again, until cancelled."""
        while True:
            try:
                await self._read()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.endings[type(error).__name__] += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def _read(self) -> None:
        """One stream, to its end or as far as patience goes."""
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(request(self._token, self.cursor))
            await accepted(reader)
            self.connections += 1
            left = self._chance.randint(1, 2 * self._flaps) if self._flaps else -1
            async for frame in frames(reader):
                left -= self.hear(frame)
                if left == 0:
                    self.endings["left"] += 1
                    return
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def hear(self, frame: Frame) -> bool:
        """Whether the frame was an event; it is taken in before its cursor is."""
        event = frame.get("event")
        happened = event is None and "data" in frame
        if happened:
            told: dict[str, Any] = json.loads(frame["data"])
            self.told.append((int(told["position"].split(":")[1]), told["id"]))
        elif event == "checkpoint":
            self.checkpoints += 1
        elif event is not None:
            self.endings[f"{event}: {json.loads(frame['data'])['reason']}"] += 1
        self.cursor = frame.get("id", self.cursor)
        return happened


class Crowd:
    """Consumers that read for as long as the block lasts."""

    def __init__(self, consumers: list[Consumer]) -> None:
        self.consumers = consumers
        self.errors: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: list[asyncio.Future[None]] = []

    def __enter__(self) -> "Crowd":
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def add(self, one: Consumer) -> None:
        """One more."""
        self.consumers.append(one)
        self._call(self._run(one))

    def _call(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _start(self) -> None:
        for one in self.consumers:
            await self._run(one)

    async def _run(self, one: Consumer) -> None:
        self._tasks.append(asyncio.ensure_future(one.run()))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for found in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(found, BaseException) and not isinstance(found, asyncio.CancelledError):
                self.errors.append(found)


def request(token: str, cursor: str) -> bytes:
    """The request of a stream from there."""
    last = f"last-event-id: {cursor}\r\n" if cursor else ""
    return (
        f"GET /v1/feed/stream HTTP/1.1\r\nhost: ledger\r\nauthorization: Bearer {token}\r\n"
        f"{last}\r\n"
    ).encode()


async def accepted(reader: asyncio.StreamReader) -> None:
    """The head of the response is read, and it is a stream."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[Frame]:
    """The frames of a response in chunks (RFC 9112, section 7.1), up to its end."""
    text = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        text += (await reader.readexactly(size + 2))[:-2]
        whole, found, text = text.rpartition(b"\n\n")
        for one in whole.split(b"\n\n") if found else ():
            yield read(one)


def frames_of(response: bytes) -> Iterator[Frame]:
    """The frames of a response that was read to its end."""
    head, _, rest = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    text = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        text += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    for one in text.split(b"\n\n"):
        if one:
            yield read(one)


def read(text: bytes) -> Frame:
    """One frame; a comment says nothing."""
    lines = (line.partition(": ") for line in text.decode().split("\n"))
    return {name: value for name, _, value in lines if name}
