"""The metrics as OpenTelemetry's protocol carries them: read from the registry, sent by HTTP.

One definition of each instrument serves both ways out. Not here: the instruments.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import inf
from typing import cast

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Sample

SEND_SECONDS = 5
_NANO = 1_000_000_000
Data = Sum | Gauge | Histogram
Labels = tuple[tuple[str, str], ...]


class Sender:
    """Sends what the registry holds to the collector at this base address."""

    def __init__(
        self,
        endpoint: str,
        registry: CollectorRegistry,
        *,
        headers: Mapping[str, str],
        resource: Resource,
    ) -> None:
        self._registry = registry
        self._resource = resource
        self._started = time.time_ns()
        self._exporter = OTLPMetricExporter(
            f"{endpoint.rstrip('/')}/v1/metrics", headers=dict(headers), timeout=SEND_SECONDS
        )

    def send(self) -> None:
        """All of it, once; a collector that is away is a diagnostic of the exporter's."""
        metrics = list(metrics_of(self._registry, since=self._started, now=time.time_ns()))
        scope = ScopeMetrics(scope=InstrumentationScope("ledger"), metrics=metrics, schema_url="")
        found = ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")
        self._exporter.export(MetricsData(resource_metrics=[found]))

    def stop(self) -> None:
        """Sends the last of it, and no more."""
        self.send()
        self._exporter.shutdown()


def metrics_of(registry: CollectorRegistry, *, since: int, now: int) -> Iterator[Metric]:
    """The registry's families as metrics, cumulative since then; times in nanoseconds."""
    for family in registry.collect():
        data = _data(family, since=since, now=now)
        if data is not None and data.data_points:
            yield Metric(name=family.name, description=family.documentation, unit="", data=data)


def _data(family: Family, *, since: int, now: int) -> Data | None:
    if family.type == "counter":
        points = _numbers(family, suffix="_total", since=since, now=now)
        return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
    if family.type == "gauge":
        return Gauge(_numbers(family, suffix="", since=since, now=now))
    if family.type == "histogram":
        groups = _by_labels(family.samples)
        points_ = [_histogram(labels, some, now=now) for labels, some in groups.items()]
        return Histogram(points_, AggregationTemporality.CUMULATIVE)
    return None


def _numbers(family: Family, *, suffix: str, since: int, now: int) -> list[NumberDataPoint]:
    return [
        NumberDataPoint(
            attributes=dict(one.labels),
            start_time_unix_nano=since,
            time_unix_nano=now,
            value=one.value,
        )
        for one in family.samples
        if one.name == f"{family.name}{suffix}"
    ]


def _by_labels(samples: Iterable[Sample]) -> dict[Labels, list[Sample]]:
    """The samples of each histogram of a family, told apart by their labels but the bucket's."""
    found: dict[Labels, list[Sample]] = defaultdict(list)
    for one in samples:
        labels = tuple(sorted(pair for pair in one.labels.items() if pair[0] != "le"))
        found[labels].append(one)
    return found


def _histogram(labels: Labels, samples: list[Sample], *, now: int) -> HistogramDataPoint:
    value = {one.name.rpartition("_")[2]: one.value for one in samples if "le" not in one.labels}
    buckets = [(float(one.labels["le"]), int(one.value)) for one in samples if "le" in one.labels]
    upto = [0, *(count for _, count in buckets)]
    return HistogramDataPoint(
        attributes=dict(labels),
        start_time_unix_nano=int(value["created"] * _NANO),
        time_unix_nano=now,
        count=int(value["count"]),
        sum=value["sum"],
        # Here each bucket counts what is below the next bound; there, what is below its own.
        bucket_counts=[after - before for before, after in pairwise(upto)],
        explicit_bounds=[bound for bound, _ in buckets if bound != inf],
        # Not known here: the encoder leaves out what is None.
        min=cast(float, None),
        max=cast(float, None),
    )
