"""The HTTP service: routes, errors, and the ledger that they share.

Not here: what a route does; each noun has a file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from litestar import Litestar, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware

from api import (
    authzen,
    authzen_search,
    catalogue,
    checks,
    consumers,
    entries,
    feed,
    lists,
    log_proofs,
    log_public,
    openapi,
    openapi_page,
    overdue,
    packs,
    probes,
    problems,
    reads,
    subjects,
    timeline,
)
from api.authentication import Authentication
from api.body import AnyRequest, check_bodiless, check_parameters
from api.console.routes import console
from api.limits import InHand, buckets_of, charge
from api.middleware import Envelope
from api.runtime import Runtime
from api.telemetry_http import Observed, Routed
from api.tokens import Tokens
from api.trust import ExternalIssuer
from api.waiting import Covering, Growth

ROUTES = [
    checks.check,
    checks.check_batch,
    checks.bases,
    lists.diff,
    lists.population,
    lists.exposures,
    reads.reads,
    packs.make_pack,
    packs.pack_made,
    packs.pack_content,
    entries.record_about,
    entries.record_common,
    timeline.subject_timeline,
    subjects.resolve,
    catalogue.adopt,
    catalogue.current,
    authzen.evaluation,
    authzen.evaluations,
    authzen_search.action_search,
    authzen.configuration,
    feed.pull,
    feed.stream,
    consumers.consumers,
    consumers.register,
    consumers.one_consumer,
    consumers.remove,
    consumers.renew,
    consumers.acknowledge,
    overdue.overdue,
    log_public.newest,
    log_public.of_size,
    log_public.tile,
    log_public.about,
    log_proofs.receipt_of,
    log_proofs.proof_of,
    log_proofs.inclusion,
    log_proofs.consistency,
    log_proofs.leaves,
    openapi.openapi,
    openapi_page.page,
    openapi_page.asset,
    problems.problem_page,
    probes.livez,
    probes.readyz,
]


async def _admit(request: AnyRequest) -> Response[None] | None:
    """Within the client's quota, and nothing in the request that the call does not take."""
    charge(request)
    await check_parameters(request)
    check_bodiless(request)
    return _options(request) if request.method == "OPTIONS" else None


def _options(request: AnyRequest) -> Response[None]:
    """What the path takes: the framework's own answer leaves out what was registered later."""
    path = request.scope["path_template"]
    taken = {
        method
        for route in request.app.routes
        if route.path_format == path
        for method in route.methods
    }
    return Response(None, status_code=204, headers={"allow": ", ".join(sorted(taken))})


def create_app(
    ledger: Runtime, tokens: Tokens, *, clock: Callable[[], float] = time.monotonic
) -> Litestar:
    """The application over a running ledger, for the clients that `tokens` knows.

    `clock` is that of rate limits. `state["draining"]` is set once the process is asked to end:
    whoever waits for news waits no longer.
    """
    settings = ledger.settings
    draining = asyncio.Event()
    app = Litestar(
        route_handlers=[*ROUTES, console()],
        exception_handlers={HTTPException: problems.handle, Exception: problems.handle},
        before_request=_admit,
        middleware=[
            InHand(settings.concurrent_max),
            DefineMiddleware(Authentication, tokens=tokens),
        ],
        state=State(
            {
                "runtime": ledger,
                "limits": buckets_of(settings, clock=clock),
                "growth": Growth(lambda log: _size(ledger, log)),
                "covering": Covering(
                    # Recordings have places of their own: waiting takes no more than half of them.
                    Growth(lambda log: ledger.published.size(log)),
                    most=settings.concurrent_max // 2,
                ),
                "draining": draining,
                packs.MAKING: asyncio.Lock(),
                "tokens": tokens,
                "probes": _probes(ledger, tokens, draining),
            }
        ),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    app.state[openapi.DOCUMENT] = openapi.encoded(app.routes)
    envelope = Envelope(
        Routed(app.asgi_handler),
        tls_in_front=settings.tls_in_front,
        body_seconds=settings.body_seconds,
    )
    app.asgi_handler = Observed(envelope, ledger.telemetry)
    return app


def _probes(ledger: Runtime, tokens: Tokens, draining: asyncio.Event) -> probes.Probes:
    """With a look at the keys of an external issuer, where tokens are one's."""
    if not isinstance(tokens, ExternalIssuer):
        return probes.Probes(ledger, draining)
    keys = tokens.keys
    ledger.telemetry.metrics.watch_keys(keys.age)

    async def jwks() -> str:
        await keys.usable()
        return probes.OK

    return probes.Probes(ledger, draining, {"jwks": jwks})


async def _size(ledger: Runtime, log: int) -> int:
    return (await ledger.store.head(log)).size
