"""What the blocking and the asynchronous client have in common: requests as they are sent.

Not here: sending them (`client`, `client_async`), or when to send them again (`client_exchange`).
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Final, Self
from urllib.parse import urlsplit

import httpx2

from api.client_core import Core
from api.client_errors import Invalid
from api.client_exchange import Call
from api.client_positions import Positions

try:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:
    _TRACES: TraceContextTextMapPropagator | None = None
else:
    _TRACES = TraceContextTextMapPropagator()

TIMEOUT_SECONDS: Final = 10.0
ATTEMPTS: Final = 5
PATIENCE_SECONDS: Final = 30.0
WORDS_MAX = 200
"""Characters of what is stated."""


class Sending:
    """A client without its connections.

    `timeout` is for one try, in seconds; `attempts`, and `patience` in seconds, for all of one
    request.
    """

    def __init__(
        self, url: str, *, ours: bool, timeout: float, attempts: int, patience: float
    ) -> None:
        self._url = checked_url(url)
        self._core = Core(positions=Positions(), stated={"accept": "application/json"})
        self._ours = ours
        self._timeout = timeout
        self._attempts = attempts
        self._patience = patience

    def stating(self, *, reason: str | None = None, on_behalf_of: str | None = None) -> Self:
        """This client over the same connections, leaving these words in the read audit.

        They name a case or an errand, and no person. Close the client that it was made of.
        """
        words = {"ledger-reason": reason, "ledger-on-behalf-of": on_behalf_of}
        said = {name: _said(text, name) for name, text in words.items() if text is not None}
        same = copy.copy(self)
        same._core = replace(self._core, stated={**self._core.stated, **said})
        same._ours = False
        return same

    def _built(
        self, http: httpx2.Client | httpx2.AsyncClient, call: Call, token: str
    ) -> httpx2.Request:
        headers = {**call.headers, **_traced(), "authorization": f"Bearer {token}"}
        return http.build_request(
            call.method,
            self._url + call.path,
            params=call.query or None,
            content=call.body,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            timeout=httpx2.Timeout(self._timeout + call.waits, connect=self._timeout),
        )


def _traced() -> dict[str, str]:
    """The span that the program is in (W3C Trace Context), where it uses OpenTelemetry.

    Its baggage stays where it is: it may hold anything.
    """
    carrier: dict[str, str] = {}
    if _TRACES is not None:
        _TRACES.inject(carrier)
    return carrier


def _said(text: str, name: str) -> str:
    if not 1 <= len(text.strip()) <= WORDS_MAX or not text.isprintable():
        raise Invalid(f"{name}: must be 1 to {WORDS_MAX} printable characters")
    return text.strip()


def checked_url(url: str) -> str:
    """The address of the service; raises `Invalid` for one that would carry a secret."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("url: must begin with http:// or https://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise Invalid("url: must hold no password and no query: the token says all")
    return url.rstrip("/")


def checked_token(token: str) -> str:
    """The token as a header holds it; raises `Invalid`, which does not repeat it."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid("token: must be printable ASCII without spaces")
    return token
