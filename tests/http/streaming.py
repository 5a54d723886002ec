"""A stream of the feed as a client reads it: frame by frame, over a connection of its own."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tests.http.service import Caller

Frame = dict[str, Any]


class Streamed:
    """The frames of one stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self) -> Frame:
        """The next frame that says something, its data read; empty at the end."""
        found: Frame = {}
        for line in self._lines:
            if not line and found:
                return found
            name, _, value = line.partition(": ")
            if name:
                found[name] = json.loads(value) if name == "data" else value
        return found

    def event(self) -> Frame:
        """The next that happened: neither a checkpoint nor how to come again."""
        return self.until(lambda one: "event" not in one and "id" in one)

    def until(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The next frame of this kind."""
        while not wanted(found := self.next()):
            assert found, "the stream ended"
        return found

    def checkpoint(self) -> Frame:
        """The next checkpoint."""
        return self.until(lambda one: one.get("event") == "checkpoint")

    def rest(self) -> list[Frame]:
        """Every frame up to the end of the stream."""
        return [*iter(self.next, {})]


@contextlib.contextmanager
def streamed(caller: Caller, *, last: str | None = None, **params: str) -> Iterator[Streamed]:
    """The caller's stream, from after `last` where that is given."""
    headers = {} if last is None else {"last-event-id": last}
    request = caller.http.stream("GET", "/v1/feed/stream", params=params, headers=headers)
    with request as response:
        assert response.status_code == 200, response.read()
        yield Streamed(response)


@contextlib.contextmanager
def stalled(host: str, port: int, token: str) -> Iterator[socket.socket]:
    """A client that has asked for the stream and reads nothing of it, with little room for it."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(60)
        one.connect((host, port))
        asked = f"GET /v1/feed/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
        one.sendall(asked.encode())
        yield one
