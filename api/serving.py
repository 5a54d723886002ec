"""Serving HTTP: one process, drained on the first signal, ended on the second."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from types import FrameType

import uvicorn
from litestar import Litestar
from uvicorn.loops.auto import auto_loop_factory

from api.app import create_app
from api.console.sign_in_settings import sign_in_by
from api.diagnostics import configure
from api.follow import following
from api.output import errors
from api.probes import Probes
from api.protocol import Bounded
from api.runtime import Places, Runtime, running
from api.settings import Settings
from api.telemetry import Telemetry, telling
from api.telemetry_port import beside, listening
from api.trust import accepted_tokens

FINISH_SECONDS = 10
"""How long what is in hand has to end once nothing new is taken."""
diagnostics = logging.getLogger("ledger")


class DrainingServer(uvicorn.Server):
    """Keeps accepting for a while after the first signal, while the balancer looks elsewhere.

    A second signal ends it at once. `draining` is set at the first.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        ready: Callable[[], None],
        draining: asyncio.Event | None = None,
        drain_seconds: float = 0,
    ) -> None:
        super().__init__(config)
        self.signalled = False
        self._ready = ready
        self._draining = draining or asyncio.Event()
        self._drain_seconds = drain_seconds
        self._closes_at: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Say that it listens, once it does."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Finish what is in flight; a second time, stop."""
        if self.signalled and self._loop is not None:
            # From the loop, and not from wherever the signal came: no task may take it for its own.
            self._loop.call_soon_threadsafe(_interrupt)
            return
        self.signalled = True
        # A signal comes between any two instructions: what it sets is seen at the next tick.
        self._closes_at = time.monotonic() + self._drain_seconds

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop accepting."""
        if self._closes_at is not None and not self._draining.is_set():
            self._draining.set()
            diagnostics.info("draining", extra={"seconds": self._drain_seconds})
        if self._closes_at is not None and time.monotonic() >= self._closes_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Whoever waits for news waits no longer, however it came to this."""
        self._draining.set()
        await super().shutdown(sockets)


def _interrupt() -> None:
    raise KeyboardInterrupt


def serve(
    where: Places, settings: Settings, *, ready: Callable[[Runtime], None], demo: bool = False
) -> None:
    """Serve until told to stop, which raises `KeyboardInterrupt` once everything has ended.

    In a demo everybody on this machine may sign in to the console, as anybody there is.
    """
    configure()
    telemetry = Telemetry.of(settings)
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        signalled = runner.run(_serve(where, settings, telemetry, ready, demo=demo))
    telemetry.stop()
    if signalled:
        raise KeyboardInterrupt


async def _serve(
    where: Places,
    settings: Settings,
    telemetry: Telemetry,
    ready: Callable[[Runtime], None],
    *,
    demo: bool,
) -> bool:
    """Whether it was a signal that ended it."""
    async with running(where, settings, telemetry) as ledger, following(ledger):
        tokens = accepted_tokens(settings)
        app = create_app(ledger, tokens)
        probes: Probes = app.state["probes"]
        sockets = listening(settings.host, settings.port, setting="port")
        port = sockets[0].getsockname()[1]
        sign_in = sign_in_by(settings, where.folder, port=port, tokens=tokens, demo=demo)
        if sign_in is not None:
            sign_in.install(app)
        server = DrainingServer(
            config(app),
            ready=lambda: ready(ledger),
            draining=app.state["draining"],
            drain_seconds=settings.drain_seconds,
        )
        async with beside(settings, telemetry, probes), telling(telemetry, probes.ready):
            await server.serve(sockets=sockets)
    return server.signalled


def config(app: Litestar) -> uvicorn.Config:
    """How HTTP is served, here and in tests."""
    return uvicorn.Config(
        app,
        http=Bounded,
        ws="none",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=FINISH_SECONDS,
    )


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
