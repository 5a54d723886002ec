"""What a process tells of its own running: metrics always, spans and OTLP where a collector is set.

Never of people: what is told is made of routes, counts, durations and words of ours. Not here: the
record of who asked about whom (`projections/read_audit`), or lines for a person (`diagnostics`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from api import VERSION
from api.settings import Settings
from api.settings_check import otlp_headers
from api.telemetry_metrics import Metrics
from ledger.batch import Watch

if TYPE_CHECKING:
    # Taken in only where a collector is set: every other command starts without them.
    from api.telemetry_otlp import Sender
    from api.telemetry_spans import Spans

STOP_SECONDS = 5.0
TELL_SECONDS = 60.0
"""How often the metrics are sent to a collector."""


class Telemetry:
    """The metrics of this process, and its ways to a collector where it has one."""

    def __init__(self, spans: Spans | None = None) -> None:
        self.metrics = Metrics()
        self.spans = spans
        self.sender: Sender | None = None

    @classmethod
    def of(cls, settings: Settings) -> Telemetry:
        """What these settings ask for."""
        if settings.otlp_endpoint is None:
            return cls()
        from opentelemetry.sdk.resources import Resource

        from api import telemetry_otlp, telemetry_spans

        resource = Resource.create(
            {
                "service.name": "ledger",
                "service.version": VERSION,
                "service.instance.id": str(uuid4()),
            }
        )
        headers = otlp_headers(settings.otlp_headers)
        made = cls(
            telemetry_spans.exported(
                settings.otlp_endpoint,
                headers=headers,
                ratio=settings.trace_sample_ratio,
                resource=resource,
            )
        )
        made.sender = telemetry_otlp.Sender(
            settings.otlp_endpoint, made.metrics.registry, headers=headers, resource=resource
        )
        return made

    def watching(self, name: str) -> Watch:
        """Who watches the flushes of this name."""
        return _Flushes(name, self)

    def stop(self) -> None:
        """What is left has been sent, or five seconds have passed: nobody waits for a collector."""
        ways = [one.stop for one in (self.spans, self.sender) if one is not None]
        threads = [threading.Thread(target=way, daemon=True) for way in ways]
        for one in threads:
            one.start()
        until = perf_counter() + STOP_SECONDS
        for one in threads:
            one.join(max(0.0, until - perf_counter()))


class _Arrival(NamedTuple):
    at: float
    span: object


class _Flushes:
    """Measures the flushes of one name, and links each to the requests that it carries."""

    def __init__(self, name: str, telemetry: Telemetry) -> None:
        self._name = name
        self._spans = telemetry.spans
        metrics = telemetry.metrics
        self._requests = metrics.flush_requests.labels(name)
        self._wait = metrics.flush_wait.labels(name)
        self._duration = metrics.flush_duration.labels(name)
        self._failures = metrics.flush_failures.labels(name)

    def arrived(self) -> _Arrival:
        """When a request came, and in which span."""
        return _Arrival(perf_counter(), self._spans.here() if self._spans else None)

    @contextmanager
    def flush(self, arrived: Sequence[object]) -> Iterator[None]:
        """The flush is measured, and has a span where one of its requests has."""
        begun = perf_counter()
        arrivals = [one for one in arrived if isinstance(one, _Arrival)]
        self._requests.observe(len(arrivals))
        for one in arrivals:
            self._wait.observe(begun - one.at)
        spans = [one.span for one in arrivals]
        span: AbstractContextManager[None] = (
            self._spans.flush(self._name, spans) if self._spans else nullcontext()
        )
        with self._failures.count_exceptions(), self._duration.time(), span:
            yield


@asynccontextmanager
async def telling(
    telemetry: Telemetry, look: Callable[[], Awaitable[object]]
) -> AsyncIterator[None]:
    """The metrics are sent every minute, after a look at what they are about; if anywhere."""
    if telemetry.sender is None:
        yield
        return
    task = asyncio.create_task(_tell(telemetry.sender, look))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _tell(sender: Sender, look: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(TELL_SECONDS)
        await look()
        await asyncio.to_thread(sender.send)
