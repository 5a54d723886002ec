"""Serving HTTP: one process, drained on the first signal, ended on the second."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from types import FrameType

import uvicorn

from api.access import Issuer
from api.app import create_app
from api.follow import following
from api.output import errors
from api.runtime import Places, Runtime, running
from api.settings import Settings


class DrainingServer(uvicorn.Server):
    """Keeps accepting while the balancer looks elsewhere; a second signal ends it at once."""

    def __init__(self, config: uvicorn.Config, *, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Say that it listens, once it does."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish what is in flight; a second time, stop."""
        super().handle_exit(signal.SIGINT if self.should_exit else sig, frame)


def serve(where: Places, settings: Settings, *, ready: Callable[[Runtime], None]) -> None:
    """Serve until told to stop."""
    asyncio.run(_serve(where, settings, ready))


async def _serve(where: Places, settings: Settings, ready: Callable[[Runtime], None]) -> None:
    async with running(where, settings) as ledger, following(ledger):
        config = uvicorn.Config(
            create_app(ledger, issuer(where, settings)),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=10,
            lifespan="off",
        )
        await DrainingServer(config, ready=lambda: ready(ledger)).serve()


def issuer(where: Places, settings: Settings) -> Issuer:
    """The local issuer of this data directory."""
    named = settings.token_key_file
    return Issuer.at(Path(named) if named else where.folder / "token-key.json")


@contextmanager
def stopped_by_a_signal() -> Iterator[None]:
    """A request to end is taken as Ctrl-C: it leaves by way of all that has to be stopped."""

    def interrupt(_: int, __: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Stopped.")
    finally:
        signal.signal(signal.SIGTERM, before)
