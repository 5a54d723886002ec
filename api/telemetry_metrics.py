"""What is counted and measured, on a registry of our own; every label has few values.

Names follow OpenTelemetry's conventions as Prometheus spells them. Not here: who serves or sends
them (`telemetry_port`, `telemetry_otlp`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from psycopg_pool import AsyncConnectionPool

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_POOL = {
    "pool_size": ("ledger_pool_size", "Connections that the pool has."),
    "pool_available": ("ledger_pool_available", "Connections that nobody uses."),
    "requests_waiting": ("ledger_pool_waiting", "Tasks that wait for a connection."),
}


class Metrics:
    """The instruments of one process, or of one application in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._of_requests()
        self._of_flushes()
        self._of_the_read_side()
        self._of_the_log()

    def _of_requests(self) -> None:
        self.requests = Histogram(
            "http_server_request_duration_seconds",
            "How long requests took, by route and by how they ended.",
            ("http_request_method", "http_route", "http_response_status_code"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.active = self._gauge("http_server_active_requests", "Requests in hand.")
        self.problems = self._counter("ledger_problems", "Errors told to callers.", "type")
        self.checks = self._counter("ledger_checks", "Answers about people.", "decision")
        self.refusals = self._counter("ledger_refusals", "Writes that were refused.", "reason")

    def _of_flushes(self) -> None:
        self.flush_requests = self._histogram(
            "ledger_flush_requests", "Requests that left for the database together.", SIZES
        )
        self.flush_wait = self._histogram(
            "ledger_flush_wait_seconds", "How long requests waited for their flush.", SECONDS
        )
        self.flush_duration = self._histogram(
            "ledger_flush_duration_seconds", "How long flushes took.", SECONDS
        )
        self.flush_failures = self._counter(
            "ledger_flush_failures", "Flushes that ended in an error.", "flush"
        )
        self.database_up = self._gauge("ledger_database_up", "Whether the database answered last.")

    def _of_the_read_side(self) -> None:
        self.follower_failures = self._counter(
            "ledger_follower_failures", "Times a follower of the log stopped.", "follower"
        )
        self.log_lost = self._gauge(
            "ledger_log_lost", "1 where a log is not the one that was signed.", "log"
        )
        self.read_audit_failures = self._counter(
            "ledger_read_audit_failures", "Answers whose row in the read audit failed.", "outcome"
        )
        self.feed_consumers = self._gauge(
            "ledger_feed_consumers", "Those who pull or stream the feed now."
        )
        self.feed_behind = self._gauge(
            "ledger_feed_behind_events",
            "Events that were not read when the feed was last looked at.",
        )
        self.feed_endings = self._counter(
            "ledger_feed_endings", "Streams of the feed that were ended here.", "reason"
        )
        self.webhook_deliveries = self._counter(
            "ledger_webhook_deliveries", "Events that consumers were sent.", "outcome"
        )
        self.webhooks_disabled = self._gauge(
            "ledger_webhooks_disabled", "Consumers that are sent nothing any more."
        )
        self.duties = self._gauge(
            "ledger_duties", "Complaints and requests to be answered.", "what", "within"
        )
        self.overdue_withdrawals = self._gauge(
            "ledger_feed_overdue_withdrawals",
            "Consumers that have not acted on a withdrawal in time.",
        )
        self.lag_entries = self._gauge(
            "ledger_projection_lag_entries", "Entries that a projection has not taken in.", "log"
        )
        self.lag_seconds = self._gauge(
            "ledger_projection_lag_seconds", "Age of the first entry not taken in.", "log"
        )

    def _of_the_log(self) -> None:
        self.tree_lag = self._gauge(
            "ledger_tree_lag_entries", "Entries that the log's tree has not taken in.", "log"
        )
        self.checkpoint_lag = self._gauge(
            "ledger_checkpoint_lag_entries", "Entries that no checkpoint covers.", "log"
        )
        self.checkpoint_wait = self._gauge(
            "ledger_checkpoint_lag_seconds", "Age of the first entry without one.", "log"
        )
        self.witness_age = self._gauge(
            "ledger_witness_age_seconds", "Since a witness cosigned last.", "log", "witness"
        )
        self.witness_alarms = self._gauge(
            "ledger_witness_alarms", "Alarms of a witness not settled yet.", "log", "witness"
        )
        self.witness_failures = self._counter(
            "ledger_witness_failures",
            "Times a witness gave no cosignature.",
            "log",
            "witness",
            "reason",
        )
        self.anchor_age = self._gauge(
            "ledger_anchor_age_seconds", "Since a checkpoint was time-stamped last.", "log"
        )
        self.anchor_failures = self._counter(
            "ledger_anchor_failures", "Times no time stamp was given.", "reason"
        )

    def watch_keys(self, age: Callable[[], float]) -> None:
        """The age of an external issuer's keys is among the metrics from now on."""
        about = "For how long the keys of the tokens' issuer have been held."
        self._gauge("ledger_jwks_age_seconds", about).set_function(age)

    def watch_pools(self, pools: Mapping[str, AsyncConnectionPool]) -> None:
        """The use of these pools is among the metrics from now on."""
        self.registry.register(_Pools(pools))

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str) -> Gauge:
        return Gauge(name, about, labels, registry=self.registry)

    def _histogram(self, name: str, about: str, buckets: Iterable[float]) -> Histogram:
        return Histogram(name, about, ("flush",), buckets=tuple(buckets), registry=self.registry)


class _Pools(Collector):
    def __init__(self, pools: Mapping[str, AsyncConnectionPool]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[GaugeMetricFamily]:
        stats = {name: pool.get_stats() for name, pool in self._pools.items()}
        for key, (name, about) in _POOL.items():
            family = GaugeMetricFamily(name, about, labels=["pool"])
            for pool, found in stats.items():
                family.add_metric([pool], found.get(key, 0))
            yield family
