"""Requests and responses as values, and when to ask again: no connection is held here.

Reading a response gives what it says or raises what it means. Not here: what each call asks
(`client_calls`), or who sends it (`client`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import NoReturn, TypeVar

import httpx2
import msgspec

from api.client_errors import (
    Broken,
    ClientError,
    Conflict,
    Invalid,
    KeyReused,
    Malformed,
    OutcomeUnknown,
    Refused,
    Told,
    Unavailable,
    Unreachable,
    VersionConflict,
    error_of,
)

JITTER = 0.25
"""How much longer than asked for a client may wait, so that not all come again at once."""
_PROBLEM = "application/problem+json"
_NO_LEDGER = "answered {}, and no word why: is this a ledger?"
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout,
               httpx2.UnsupportedProtocol, httpx2.ProxyError)  # fmt: skip
_DEFINITE = (Refused, VersionConflict, Conflict, KeyReused, Malformed, Invalid)
"""What a write is answered with only where it was not recorded before, under the same key."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request without its token.

    A call with a `key` writes. It and one that is `repeatable` may be sent again. `waits` is how
    long the service may hold it, `pause` how long to hold it back, both in seconds.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    key: str | None = None
    repeatable: bool = True
    waits: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A response."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """What names the request in the service's diagnostics."""
        return self.headers.get("x-request-id")

    @property
    def version(self) -> int | None:
        """The version in the entity tag, None where there is none."""
        number = self.headers.get("etag", "").removeprefix('"v').removesuffix('"')
        return int(number) if number.isdecimal() else None

    def read(self, shape: type[T]) -> T:
        """The body."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            message = "the answer cannot be read: is this a ledger of this release?"
            raise Broken(message, request_id=self.request_id) from error


def answered(response: httpx2.Response) -> Reply:
    """The response where it is an answer; raises what it means otherwise."""
    reply = Reply(status_code=response.status_code, headers=response.headers, body=response.content)
    if response.is_success:
        return reply
    raise _failure(reply)


def outcome_unknown(error: ClientError, key: str | None) -> OutcomeUnknown:
    """What a write came to where this is all that is known of it."""
    found = OutcomeUnknown(
        "the write may be recorded: repeat it with the same key",
        told=error.told,
        http_status=error.http_status,
        request_id=error.request_id,
        retry_after=error.retry_after,
    )
    found.key = key
    return found


def unreached(error: httpx2.RequestError) -> Unreachable:
    """What became of a request that nothing answered; says no address, which may hold a name."""
    sent = not isinstance(error, _NEVER_SENT)
    kind = "did not answer in time" if isinstance(error, httpx2.TimeoutException) else "no answer"
    return Unreachable(f"the service cannot be reached: {kind}", sent=sent)


def _failure(reply: Reply) -> ClientError:
    told = _told(reply)
    text = told.detail or told.title or _NO_LEDGER.format(reply.status_code)
    # A refusal's words do not say which field; the others' do.
    where = next((f"{one.pointer}: " for one in told.errors if told.reason), "")
    return error_of(told, reply.status_code)(
        where + text,
        told=told,
        http_status=reply.status_code,
        request_id=reply.request_id,
        retry_after=_seconds(reply.headers),
    )


def _told(reply: Reply) -> Told:
    if not reply.headers.get("content-type", "").startswith(_PROBLEM):
        return Told()
    try:
        return msgspec.json.decode(reply.body, type=Told)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Told()


def _seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` in seconds; a date counts from that of the response (RFC 9110, 10.2.3)."""
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return float(said)
    try:
        later = parsedate_to_datetime(said) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, later.total_seconds())


class Tries:
    """One call and every time it is sent: when to send it again, and what it came to.

    `patience` is how many seconds it may take in all.
    """

    def __init__(self, call: Call, *, patience: float) -> None:
        self._call = call
        self._patience = patience
        self._perhaps_recorded = False

    def wait(self, error: Exception) -> bool | float:
        """Whether to send it again; a number is how many seconds later."""
        self._note(error)
        again = isinstance(error, Unavailable | OutcomeUnknown)
        if not again or not (self._call.repeatable or self._call.key):
            return False
        after = error.retry_after if isinstance(error, ClientError) else None
        if after is None:
            return True
        return after <= self._patience and after * (1 + JITTER * random.random())  # noqa: S311

    def end(self, error: ClientError) -> NoReturn:
        """Raise what it came to: a write that may be recorded is never called a failure."""
        self._note(error)
        error.key = self._call.key
        unknown = self._call.key is not None and self._perhaps_recorded
        if not unknown or isinstance(error, _DEFINITE):
            raise error
        raise outcome_unknown(error, self._call.key) from error

    def _note(self, error: Exception) -> None:
        if isinstance(error, Unreachable):
            unknown = error.sent
        else:
            # An intermediary that gave up says nothing of what stands behind it.
            gave_up = isinstance(error, Unavailable) and not error.told.type
            unknown = gave_up or isinstance(error, OutcomeUnknown | Broken)
        self._perhaps_recorded = self._perhaps_recorded or unknown
