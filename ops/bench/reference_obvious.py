"""The obvious build of a check: everything by the framework's own plugins, one SELECT a request.

Litestar's JWTAuth verifies the ES256 token of every request, its OpenTelemetry plugin traces it
(the same part of them is sampled as in the service), structlog writes one JSON line for it, and a
pool of connections answers it. It has no rules, no sealing and no read audit.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog
from joserfc.jwk import ECKey
from litestar import Litestar, Request, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.plugins.opentelemetry import OpenTelemetryConfig, OpenTelemetryPlugin
from litestar.security.jwt import JWTAuth, Token
from msgspec import json
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from api.issuer import ALGORITHM, AUDIENCE
from ops.bench.reference import Question, Told, pooled, selected

SAMPLED = 0.01
KEY_FILE, COLLECTOR, LINES = "BENCH_KEY_FILE", "BENCH_COLLECTOR", "BENCH_LINES"
"""Variables that say where the issuer's key, the collector and the file of lines are."""

AnyConnection = ASGIConnection[object, object, object, State]


async def _client(token: Token, _: AnyConnection) -> str:
    return token.sub


@post("/v1/checks", status_code=200)
async def check(request: Request[str, Token, State], data: Question, state: State) -> Told:
    """What one row says, with a line about it."""
    found = await selected(state.pool, data)
    structlog.get_logger().info(
        "check", client=request.user, purpose=data.purpose, decision=found.decision
    )
    return found


def obvious(conninfo: str) -> Litestar:
    """The application, told by its environment where things are."""
    lines = Path(os.environ[LINES]).open("a")  # noqa: SIM115 - for as long as it serves
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(lines),
        cache_logger_on_first_use=True,
    )
    auth: JWTAuth[str, Token] = JWTAuth(
        retrieve_user_handler=_client,
        token_secret=_public_key(Path(os.environ[KEY_FILE])),
        algorithm=ALGORITHM,
        accepted_audiences=[AUDIENCE],
    )
    return Litestar(
        route_handlers=[check],
        lifespan=[pooled],
        on_app_init=[auth.on_app_init],
        plugins=[_telemetry(os.environ[COLLECTOR])],
        state=State({"conninfo": conninfo}),
        openapi_config=None,
        logging_config=None,
    )


def _telemetry(collector: str) -> OpenTelemetryPlugin:
    tracers = TracerProvider(sampler=ParentBased(TraceIdRatioBased(SAMPLED)))
    exporter = OTLPSpanExporter(endpoint=f"{collector}/v1/traces")
    tracers.add_span_processor(BatchSpanProcessor(exporter))
    return OpenTelemetryPlugin(
        OpenTelemetryConfig(tracer_provider=tracers, meter_provider=MeterProvider())
    )


def _public_key(file: Path) -> str:
    held = json.decode(file.read_bytes(), type=dict[str, str | list[str]])
    return ECKey.import_key(held).as_pem(private=False).decode()
