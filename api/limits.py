"""How much one client may ask, and how much may be in hand at once.

What a person asks us to stop is never counted against anybody, since restrictive facts are never
lost: a quota is taken only once it is known what was sent, and recordings have places of
their own, which no pile of questions fills. Counted in this process alone: several servers allow
several times as much.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

import msgspec
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from api.access import client_of
from api.body import AnyRequest
from api.exchange import promise
from api.problems import Overloaded, RateLimited
from api.settings import Settings
from ledger.events import Fact

CLIENTS_MAX = 10_000
"""Clients remembered; one that is forgotten has its whole quota again."""
QUOTA = "quota"
"""The route option that names its quota; RECORDING takes its own once the body is read."""
DEFAULT, RESOLVE, RECORDING = "default", "resolve", "recording"
UNBOUNDED = "unbounded"
"""The route option of what must be answered under any load, or bounds itself."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests a second for each client, and `burst` at once after a rest."""

    name: str
    per_second: float
    burst: int

    def policy(self) -> str:
        """The quota as an item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10)."""
        return f'"{self.name}";q={self.burst};w={math.ceil(self.burst / self.per_second)}'


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a request may pass, and what is left; times in whole seconds from now."""

    allowed: bool
    remaining: int
    full_in: int
    next_in: int


class Buckets:
    """A bucket of tokens for each client, which fills at the quota's rate up to its burst."""

    def __init__(self, quota: Quota, *, clock: Callable[[], float]) -> None:
        self.quota = quota
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> Taken:
        """One token of the client's, if there is one."""
        now, quota = self._clock(), self.quota
        tokens, since = self._held.pop(client, (float(quota.burst), now))
        tokens = min(float(quota.burst), tokens + (now - since) * quota.per_second)
        allowed = tokens >= 1
        tokens -= allowed
        self._held[client] = (tokens, now)
        if len(self._held) > CLIENTS_MAX:
            self._held.popitem(last=False)
        return Taken(
            allowed=allowed,
            remaining=int(tokens),
            full_in=math.ceil((quota.burst - tokens) / quota.per_second),
            next_in=max(1, math.ceil((1 - tokens) / quota.per_second)),
        )


def buckets_of(settings: Settings, *, clock: Callable[[], float]) -> dict[str, Buckets]:
    """The buckets of each quota that these settings set; a rate of 0 sets none."""
    quotas = (
        Quota(
            name=DEFAULT,
            per_second=settings.rate_limit_per_second,
            burst=settings.rate_limit_burst,
        ),
        Quota(
            name=RESOLVE,
            per_second=settings.resolve_limit_per_second,
            burst=settings.resolve_limit_burst,
        ),
    )
    return {one.name: Buckets(one, clock=clock) for one in quotas if one.per_second > 0}


def charge(request: AnyRequest) -> None:
    """Take the request from its client's quota; raises `RateLimited`.

    What anybody may ask without a token has no client and no quota.
    """
    name = request.route_handler.opt.get(QUOTA, DEFAULT)
    if name != RECORDING and request.route_handler.resolve_guards():
        _take(request, name)


def charge_recording(request: AnyRequest, facts: Iterable[Fact]) -> None:
    """The same for a recording, which is free where it holds a restrictive fact."""
    if not any(fact.restrictive or fact.protective for fact in facts):
        _take(request, DEFAULT)


def _take(request: AnyRequest, name: str) -> None:
    limits: Mapping[str, Buckets] = request.app.state["limits"]
    buckets = limits.get(name)
    if buckets is None:
        return
    taken = buckets.take(client_of(request).id)
    promise("ratelimit-policy", buckets.quota.policy())
    promise("ratelimit", f'"{name}";r={taken.remaining};t={taken.full_in}')
    if not taken.allowed:
        raise RateLimited(taken.next_in)


class InHand(ASGIMiddleware):
    """Refuses what would be one request too many at once: raises `Overloaded`.

    Questions and recordings are counted apart.
    """

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = UNBOUNDED

    def __init__(self, most: int) -> None:
        self._most = most
        self._questions = 0
        self._recordings = 0

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on while there is a place for it."""
        recording = scope["route_handler"].opt.get(QUOTA) == RECORDING
        if (self._recordings if recording else self._questions) >= self._most:
            raise Overloaded
        self._count(1, recording=recording)
        try:
            await next_app(scope, receive, send)
        finally:
            self._count(-1, recording=recording)

    def _count(self, step: int, *, recording: bool) -> None:
        if recording:
            self._recordings += step
        else:
            self._questions += step
