"""Telemetry for a test: spans kept in memory, and an application that answers as it is told."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.telemetry import Telemetry
from api.telemetry_http import Observed, Routed
from api.telemetry_spans import Sampling, Spans

Handler = Callable[[], Awaitable[int | None]]


class Kept:
    """Telemetry whose spans are kept."""

    def __init__(self, *, ratio: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=Sampling(ratio), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.telemetry = Telemetry(Spans(provider))

    def spans(self) -> tuple[ReadableSpan, ...]:
        """What was sent."""
        return self._exporter.get_finished_spans()

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a metric, by the values of its labels."""
        return samples(self.telemetry, name)


def samples(telemetry: Telemetry, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric, by the values of its labels."""
    return {
        tuple(one.labels.values()): one.value
        for family in telemetry.metrics.registry.collect()
        for one in family.samples
        if one.name == name
    }


class Asked(msgspec.Struct, kw_only=True):
    """A request; its path and its headers say more than may leave."""

    method: str = "GET"
    template: str | None = "/v1/subjects/{subject:uuid}/entries"
    path: str = "/v1/subjects/9434765919/entries"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    scheme: str = "http"


async def ask(telemetry: Telemetry, handler: Handler, asked: Asked) -> list[Any]:
    """The messages of the answer of an application whose one route does what the handler does."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def application(scope: Any, _: Any, send: Any) -> None:
        if asked.template is not None:
            scope["path_template"] = asked.template
        code = await handler()
        if code is not None:
            await send({"type": "http.response.start", "status": code, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def copying(scope: Any, receive: Any, send: Any) -> None:
        copied: Any = {**scope, "copied": True}
        await Routed(application)(copied, receive, send)

    scope: Any = {
        "type": "http",
        "method": asked.method,
        "path": asked.path,
        "query_string": b"nhs=9434765919",
        "headers": asked.headers,
        "scheme": asked.scheme,
        "client": ("192.0.2.7", 4711),
    }
    await Observed(copying, telemetry)(scope, receive, send)
    return sent
