"""A running service as the commands call it: one request, one answer, and problems as errors.

Follows no redirect, since a redirect would carry the token elsewhere. Not here: what a command
asks, or a client for other programs.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import IO
from urllib.parse import urlencode, urlsplit

import msgspec

from ledger.errors import LedgerError, Malformed, OutcomeUnknown, Unavailable

ANSWER_SECONDS = 60.0
_AGAIN = frozenset({502, 503, 504})


class Problem(LedgerError):
    """The service answered with a problem."""


class EntryRefused(LedgerError):
    """An entry may not be recorded: nothing of its request was."""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    title: str = "the service refused the request"
    type: str = ""
    detail: str | None = None
    reason: str | None = None
    pointer: str | None = None
    field: str | None = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service at a URL, and the token it knows us by."""

    url: str
    token: str

    def get(self, path: str, **query: str | int | None) -> bytes:
        """The answer to a question in the path; a None is left out."""
        words = {name: value for name, value in query.items() if value is not None}
        return self._answer("GET", f"{path}?{urlencode(words)}" if words else path)

    def send(self, method: str, path: str, body: bytes, *, key: str | None = None) -> bytes:
        """The answer to a JSON body; `key` is the Idempotency-Key of a write."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._answer(method, path, body, headers)

    def _answer(
        self, method: str, path: str, body: bytes | None = None, more: Mapping[str, str] = {}
    ) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **more}
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked
            _checked(self.url) + path, data=body, headers=headers, method=method
        )
        try:
            with _opener.open(request, timeout=ANSWER_SECONDS) as response:
                read: bytes = response.read()
                return read
        except urllib.error.HTTPError as error:
            raise _problem(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _unreached(error, self.url, writing="Idempotency-Key" in headers) from error


def _unreached(error: Exception, url: str, *, writing: bool) -> LedgerError:
    reason = getattr(error, "reason", None)
    refused = isinstance(reason, ConnectionRefusedError | ConnectionAbortedError)
    if writing and not refused:
        return OutcomeUnknown("the service did not say: run the same again with the same --key")
    return Unavailable(f"--url: nothing answers at {url}: is the service up?")


def _problem(error: urllib.error.HTTPError) -> LedgerError:
    with error:
        body = error.read()
    try:
        told = msgspec.json.decode(body, type=_Told)
    except msgspec.MsgspecError:
        told = _Told(title=f"status {error.code}, and no word why: is this a ledger?")
    if told.type.endswith("/outcome-unknown"):
        return OutcomeUnknown("the service does not know: run the same again with the same --key")
    if error.code in _AGAIN:
        return Unavailable(told.detail or told.title)
    where = told.field or told.pointer
    text = f"{where}: {told.detail or told.title}" if where else told.detail or told.title
    return EntryRefused(f"{text} ({told.reason})") if told.reason else Problem(text)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Malformed("must begin with http:// or https://", field="--url")
    if "@" in parts.netloc or parts.query:
        raise Malformed("must hold no password and no query: the token says all", field="--url")
    return url.rstrip("/")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Answers a redirect with nothing, so that it is an error."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:
        """No further request."""


_opener = urllib.request.build_opener(_NoRedirect)
