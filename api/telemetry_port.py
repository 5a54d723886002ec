"""The port of those who run the service: metrics and probes, on loopback unless set otherwise.

It listens beside the service, in its event loop, and until the service has stopped: whoever asks
whether it is ready is answered while it drains. Nobody signs in, so nothing here is about a person.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager

import uvicorn
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send
from prometheus_client.exposition import choose_encoder

from api.probes import LIVE, Probes, body_of
from api.settings import Settings
from api.telemetry import Telemetry
from ledger.errors import Malformed

JSON = "application/json"
BACKLOG = 2048


class Beside:
    """What the port answers."""

    def __init__(self, telemetry: Telemetry, probes: Probes) -> None:
        self._telemetry = telemetry
        self._probes = probes

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """One answer."""
        if scope["type"] != ScopeType.HTTP:
            return
        code, kind, body = await self._answer(scope)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": code, "headers": headers})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent, "more_body": False})

    async def _answer(self, scope: HTTPScope) -> tuple[int, str, bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, JSON, b"{}"
        match scope["path"]:
            case "/livez":
                return 200, JSON, LIVE
            case "/readyz":
                found = await self._probes.ready()
                verbose = scope["query_string"].startswith(b"verbose")
                return 503 if found.failing else 200, JSON, body_of(found, verbose=verbose)
            case "/metrics":
                # Looking at the database sets the gauges that are about it.
                await self._probes.ready()
                encoder, kind = choose_encoder(_accept(scope))
                return 200, kind, encoder(self._telemetry.metrics.registry)
            case _:
                return 404, JSON, b"{}"


def _accept(scope: HTTPScope) -> str:
    found = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    return ",".join(found)


class _Server(uvicorn.Server):
    """Leaves signals to the service beside it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Nothing is captured."""
        yield


@asynccontextmanager
async def beside(settings: Settings, telemetry: Telemetry, probes: Probes) -> AsyncIterator[None]:
    """The port is open; there is none where the setting is 0."""
    if not settings.metrics_port:
        yield
        return
    sockets = listening(settings.metrics_host, settings.metrics_port, setting="metrics_port")
    config = uvicorn.Config(
        Beside(telemetry, probes),
        http="httptools",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=sockets))
    try:
        yield
    finally:
        server.should_exit = True
        await asyncio.wait([task])


def listening(host: str, port: int, *, setting: str) -> list[socket.socket]:
    """Sockets that listen at every address of the host; `Malformed` names the setting if not."""
    made: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in {(one[0], one[4][:2]) for one in found}:
            made.append(socket.create_server(address, family=family, backlog=BACKLOG))
    except OSError as error:
        for one in made:
            one.close()
        message = f"nothing can listen there: {error.strerror}. Choose another."
        raise Malformed(message, field=setting) from error
    return made
