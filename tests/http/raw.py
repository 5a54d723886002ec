"""Requests written byte by byte, for what no client library would send."""

import contextlib
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.http.service import ANSWER_SECONDS, Service


class Answered(NamedTuple):
    """One response as it came; `fields` by name in lower case."""

    code: int
    fields: dict[str, str]
    body: bytes


class Wire:
    """A connection to the service; reading gives up in time, so that nothing can hang a test."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._file = connection.makefile("rb")

    def send(self, *texts: bytes) -> None:
        """The texts, each in a write of its own."""
        for text in texts:
            self.connection.sendall(text)

    def interim(self) -> bytes:
        """The status line of an interim response, such as 100 Continue."""
        line = self._file.readline()
        assert self._file.readline() == b"\r\n"
        return line

    def head(self) -> Answered:
        """The next response as far as its headers go."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        fields = {}
        while (field := self._file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode("latin-1").partition(":")
            fields[name.lower()] = value.strip()
        return Answered(int(line.split()[1]), fields, b"")

    def answer(self) -> Answered:
        """The next response, whole."""
        head = self.head()
        return head._replace(body=self._file.read(int(head.fields.get("content-length", 0))))

    def rest(self) -> bytes:
        """Everything until the service closes the connection."""
        try:
            return self._file.read()
        except ConnectionResetError:
            return b""

    def ended(self) -> bool:
        """Whether the service has closed the connection, with nothing more to read."""
        return self.rest() == b""

    def send_what_is_taken(self, text: bytes) -> None:
        """The text, or as much of it as the service reads before it closes the connection."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.connection.sendall(text)

    def ended_after(self, code: int) -> bool:
        """Whether the service has closed the connection, having said this at most."""
        said = self.rest()
        return said == b"" or said.startswith(b"HTTP/1.1 %d " % code)

    def finished(self) -> None:
        """Nothing more is sent; what the service says can still be read."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """The connection broken off."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self) -> None:
        """The connection closed."""
        self._file.close()
        self.connection.close()


@contextmanager
def wire(service: Service) -> Iterator[Wire]:
    """A connection to the service."""
    parts = urlsplit(service.url)
    address = (parts.hostname or "", parts.port or 0)
    with closing(Wire(socket.create_connection(address, timeout=ANSWER_SECONDS))) as made:
        yield made


def request(
    line: str, *fields: str, body: bytes = b"", token: str | None = None, host: str = "x"
) -> bytes:
    """A request as bytes; what it says of its body is among the fields."""
    named = [f"Host: {host}", *([f"Authorization: Bearer {token}"] if token else []), *fields]
    head = "\r\n".join([f"{line} HTTP/1.1", *named, "", ""])
    return head.encode("latin-1") + body
