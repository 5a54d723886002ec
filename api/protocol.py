"""HTTP/1.1 as the server reads it, bounded before there is a request for the application to see.

The parser keeps whatever comes until the headers end, for as long as it comes, and takes trailers
for headers. Here neither goes on for ever, trailers are dropped (RFC 9110, section 6.5.1), no other
protocol is taken up, and what is no HTTP is answered by a problem like everything else.
"""

from __future__ import annotations

import asyncio

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.headers import Usual, raw
from api.problems import problem

UNREAD_BYTES_MAX = 65_536
"""How much may come without the end of the headers, or any of a body."""
HEAD_SECONDS = 30
_VERSIONS = {"1.0", "1.1"}
_OF_AN_UPGRADE = {b"connection", b"http2-settings", b"upgrade"}
_NO_HTTP = "is no HTTP/1.1 request that this server reads, or one whose headers do not end"
_USUAL = Usual(tls_in_front=False)


class Bounded(HttpToolsProtocol):
    """A connection that waits only so long, and holds only so much, for a request to begin."""

    _unread = 0
    _got_on = False
    _in_head = True
    _gives_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless it leads nowhere."""
        self._got_on = False
        if self._gives_up is None and not self._in_hand():
            self._wait()
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._read_without_upgrade(data[error.args[0] :])
            return
        except httptools.HttpParserError:
            self.send_400_response(_NO_HTTP)
            return
        self._unread = 0 if self._got_on else self._unread + len(data)
        if self._unread > UNREAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(_NO_HTTP)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after the body is none."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The request is known; raises `ValueError`, which the parser takes, for another HTTP."""
        if self.parser.get_http_version() not in _VERSIONS:
            raise ValueError(_NO_HTTP)
        if self.parser.should_upgrade():
            return
        self._got_on, self._in_head = True, False
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has come, unless it is to be read again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _read_without_upgrade(self, rest: bytes) -> None:
        """The same request again, as one that asks for no other protocol.

        An upgrade may be passed over (RFC 9110, section 7.8), and some clients ask for one with
        every first request; the parser, asked for one, does not read the body.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.send_400_response(_NO_HTTP)
            return
        kept = [(name, value) for name, value in self.headers if name not in _OF_AN_UPGRADE]
        lines = [b"%s: %s\r\n" % field for field in kept]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(
            b"".join([method, b" ", self.url, b" HTTP/1.1\r\n", *lines, b"\r\n", rest])
        )

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - its words are the parser's
        """The problem of what cannot be read, and the end of the connection.

        Nothing is said while a request is in hand: the caller would take it for its answer.
        """
        if self._in_hand():
            self.transport.close()
            return
        response = problem("malformed", _NO_HTTP)
        content = response.content
        about = {
            "content-type": str(response.media_type),
            "content-length": str(len(content)),
            "connection": "close",
        }
        fields = _USUAL.complete(raw(about), [], path="", status=400)
        lines = [b"%s: %s\r\n" % field for field in fields]
        self.transport.write(b"".join([STATUS_LINE[400], *lines, b"\r\n", content]))
        self.transport.close()

    def _in_hand(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._gives_up = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._gives_up = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._gives_up is not None:
            self._gives_up.cancel()
            self._gives_up = None
