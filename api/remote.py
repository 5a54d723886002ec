"""A running service as the commands call it: the client, asking once, and its errors as ours.

Once, since whoever typed the command sees the error and can repeat it. Not here: what a command
asks.
"""

from __future__ import annotations

import msgspec

from api.client import (
    ClientError,
    Invalid,
    Ledger,
    Refused,
    Unavailable,
    Unreachable,
)
from api.client import OutcomeUnknown as Unknown
from ledger import errors

ANSWER_SECONDS = 60.0


class Problem(errors.LedgerError):
    """The service answered with a problem."""


class EntryRefused(errors.LedgerError):
    """An entry may not be recorded: nothing of its request was."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service at a URL, and the token it knows us by."""

    url: str
    token: str

    def get(self, path: str, **query: str | int | None) -> bytes:
        """The answer to a question in the path; a None is left out."""
        words = {name: str(value) for name, value in query.items() if value is not None}
        return self._answer("GET", path, query=words)

    def send(self, method: str, path: str, body: bytes, *, key: str | None = None) -> bytes:
        """The answer to a JSON body; `key` is the Idempotency-Key of a write."""
        return self._answer(method, path, body=body, key=key)

    def _answer(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: bytes | None = None,
        key: str | None = None,
    ) -> bytes:
        try:
            with Ledger(self.url, self.token, timeout=ANSWER_SECONDS, attempts=1) as ledger:
                return ledger.call(method, path, query=query, body=body, key=key)
        except ClientError as error:
            raise _ours(error, self.url) from error


def _ours(error: ClientError, url: str) -> errors.LedgerError:
    match error:
        case Invalid():
            field, _, message = error.message.partition(": ")
            return errors.Malformed(message, field=f"--{field}")
        case Refused():
            return EntryRefused(f"{error.message} ({error.reason})")
        case Unknown():
            return errors.OutcomeUnknown(
                "the service did not say: run the same again with the same --key"
            )
        case Unreachable():
            return errors.Unavailable(f"--url: nothing answers at {url}: is the service up?")
        case Unavailable():
            return errors.Unavailable(error.message)
    return Problem(error.message)
