"""Spans of requests and of flushes, sampled, and sent to a collector by OTLP over HTTP.

A span holds what `telemetry_http` gives it and nothing else: no exception, no message, no state
that a caller sent along. Not here: metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    format_trace_id,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import Attributes

from ledger.batch import WEIGHT_MAX

if TYPE_CHECKING:
    from api.telemetry_http import Parent

SEND_SECONDS = 5


class RequestSpan:
    """The span of the request in hand, which is current until it ends."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._token = attach(set_span_in_context(span))
        self.trace_id = format_trace_id(span.get_span_context().trace_id)

    def end(self, name: str, attributes: Mapping[str, str | int]) -> None:
        """It is over, and called so."""
        detach(self._token)
        if self._span.is_recording():
            self._span.update_name(name)
            self._span.set_attributes(attributes)
            if int(attributes.get("http.response.status_code", 500)) >= 500:
                self._span.set_status(StatusCode.ERROR)
        self._span.end()


class Spans:
    """Makes the spans of one process and sends them."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("ledger")

    def request(self, method: str, parent: Parent | None) -> RequestSpan:
        """A span that is current from now on; its name and what it holds come at the end."""
        context = Context() if parent is None else set_span_in_context(_remote(parent), Context())
        return RequestSpan(self._tracer.start_span(method, context, SpanKind.SERVER))

    def here(self) -> SpanContext:
        """The span that is current where this is called."""
        return get_current_span().get_span_context()

    @contextmanager
    def flush(self, name: str, requests: Sequence[object]) -> Iterator[None]:
        """A span around a flush, linked to those of its requests, where any of these is sampled."""
        links = [Link(one) for one in requests if isinstance(one, SpanContext) and _sampled(one)]
        if not links:
            yield
            return
        attributes: Attributes = {
            "db.system.name": "postgresql",
            "ledger.flush.requests": len(requests),
        }
        span = self._tracer.start_span(
            f"ledger {name}", Context(), SpanKind.CLIENT, attributes=attributes, links=links
        )
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

    def stop(self) -> None:
        """What has ended is sent, if it can be soon."""
        self._provider.shutdown()


class Sampling(Sampler):
    """A request as its caller decided, or by chance; a flush where one of its requests is."""

    def __init__(self, ratio: float) -> None:
        self._requests = ParentBased(TraceIdRatioBased(ratio))

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Whether the span is recorded and sent."""
        if links:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._requests.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """What it does, in a word."""
        return "ByRequests"


def exported(
    endpoint: str, *, headers: Mapping[str, str], ratio: float, resource: Resource
) -> Spans:
    """Spans that are sent to the collector at this base address."""
    provider = TracerProvider(
        sampler=Sampling(ratio),
        resource=resource,
        shutdown_on_exit=False,
        span_limits=SpanLimits(max_links=WEIGHT_MAX),
    )
    exporter = OTLPSpanExporter(
        f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=SEND_SECONDS
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Spans(provider)


def _remote(parent: Parent) -> Span:
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    return NonRecordingSpan(
        SpanContext(
            int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags
        )
    )


def _sampled(one: SpanContext) -> bool:
    return one.is_valid and one.trace_flags.sampled
