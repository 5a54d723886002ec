"""A client of the service for Python programs: `Ledger`, and `AsyncLedger` for asyncio.

    with Ledger("https://ledger.example", token) as ledger:
        if ledger.check(subject, "PHOTO").permitted: ...

Both have the same calls and results, since both drive the same generators (`client_calls`,
`client_lists`); what differs, and all that does anything, is here. Nothing of the service's own
code is imported. How to use it: ops/docs/client.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx2
import stamina

from api import client_calls as calls
from api import client_lists as lists
from api.client_async import AsyncLedger
from api.client_core import Core, Flow, Page
from api.client_errors import (
    Behind,
    Broken,
    ClientError,
    Conflict,
    Forbidden,
    IdentityMerged,
    Incomplete,
    Invalid,
    KeyReused,
    LogForked,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    RateLimited,
    Refused,
    Rejected,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unreachable,
    VersionConflict,
)
from api.client_exchange import Call, Reply, Tries, answered, unreached
from api.client_questions import Moment, Question
from api.client_results import Answer, Catalogue, Event, FeedPage, Receipt, Recorded
from api.client_sending import (
    ATTEMPTS,
    PATIENCE_SECONDS,
    TIMEOUT_SECONDS,
    Sending,
    checked_token,
)

__all__ = [
    "Answer",
    "AsyncLedger",
    "Behind",
    "Broken",
    "Catalogue",
    "ClientError",
    "Conflict",
    "Event",
    "FeedPage",
    "Forbidden",
    "IdentityMerged",
    "Incomplete",
    "Invalid",
    "KeyReused",
    "Ledger",
    "LogForked",
    "Malformed",
    "Moment",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "Question",
    "RateLimited",
    "Receipt",
    "Recorded",
    "Refused",
    "Rejected",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "VersionConflict",
]

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(
    flow: Callable[Concatenate[Core, P], Flow[T]],
) -> Callable[Concatenate[Ledger, P], T]:
    @wraps(flow)
    def method(self: Ledger, /, *args: P.args, **words: P.kwargs) -> T:
        return self._run(flow(self._core, *args, **words))

    return method


def _iterated(
    flow: Callable[Concatenate[Core, P], Flow[Page[T]]],
) -> Callable[Concatenate[Ledger, P], Iterator[T]]:
    @wraps(flow)
    def method(self: Ledger, /, *args: P.args, **words: P.kwargs) -> Iterator[T]:
        following: Flow[Page[T]] | None = flow(self._core, *args, **words)
        while following is not None:
            page = self._run(following)
            yield from page.items
            following = page.following

    return method


class Ledger(Sending):
    """A blocking client, safe to share between threads.

    `token` is a bearer token, or what fetches one: that is asked again when the service takes the
    last one no more. `http` is a client of your own, for certificates or a proxy; close it
    yourself.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        http: httpx2.Client | None = None,
        timeout: float = TIMEOUT_SECONDS,
        attempts: int = ATTEMPTS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        super().__init__(
            url, ours=http is None, timeout=timeout, attempts=attempts, patience=patience
        )
        self._http = httpx2.Client() if http is None else http
        self._tokens = _Tokens(token)

    check = _blocking(calls.check)
    check_many = _blocking(calls.check_many)
    bases = _blocking(calls.bases)
    diff = _blocking(calls.diff)
    resolve = _blocking(calls.resolve)
    record = _blocking(calls.record)
    record_common = _blocking(calls.record_common)
    catalogue = _blocking(calls.catalogue)
    adopt = _blocking(calls.adopt)
    timeline = _iterated(lists.timeline)
    population = _iterated(lists.population)
    exposures = _blocking(lists.exposures)
    reads = _iterated(lists.reads)
    feed = _iterated(lists.feed)
    call = _blocking(calls.call)

    def close(self) -> None:
        """No connection is left open."""
        if self._ours:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        try:
            call = next(flow)
            while True:
                try:
                    reply = self._exchange(call)
                except ClientError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(reply)
        except StopIteration as done:
            found: T = done.value
            return found

    def _exchange(self, call: Call) -> Reply:
        if call.pause:
            time.sleep(call.pause)
        tries = Tries(call, patience=self._patience)
        retrying = stamina.RetryingCaller(attempts=self._attempts, timeout=self._patience)
        try:
            return retrying(tries.wait, self._once, call)
        except ClientError as error:
            tries.end(error)

    def _once(self, call: Call) -> Reply:
        token = self._tokens.held()
        try:
            return self._sent(call, token)
        except Unauthenticated:
            if not self._tokens.fetched:
                raise
            return self._sent(call, self._tokens.held(instead_of=token))

    def _sent(self, call: Call, token: str) -> Reply:
        try:
            request = self._built(self._http, call, token)
            return answered(self._http.send(request, auth=None, follow_redirects=False))
        except httpx2.RequestError as error:
            raise unreached(error) from error


class _Tokens:
    """The token that is used until the service takes it no more."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._source = token
        self._held: str | None = None
        self._lock = threading.Lock()
        self.fetched = not isinstance(token, str)

    def held(self, *, instead_of: str | None = None) -> str:
        """The token; `instead_of` one that is good no more, another."""
        with self._lock:
            if self._held in (None, instead_of):
                source = self._source
                self._held = checked_token(source if isinstance(source, str) else source())
            return self._held
