"""What every call is made of: requests with what each of them has, and the shape of a call.

A call is a generator that yields requests and is sent their responses, so that the blocking and the
asynchronous client are the same code. Not here: any one call.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from api.client_errors import Invalid
from api.client_exchange import Call, Reply
from api.client_positions import Positions
from api.client_questions import json_body, later_of

WAIT_SECONDS = 5
"""How long the service waits for what this client wrote, before it says that it is behind."""
KEY_LENGTH_MAX = 200

T = TypeVar("T")
Flow = Generator[Call, Reply, T]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list, and what gets the rest, None at the end."""

    items: Sequence[T]
    following: Flow[Page[T]] | None


@dataclass(frozen=True, slots=True)
class Core:
    """What calls are made of beside their arguments; `stated` are headers of each."""

    positions: Positions
    stated: Mapping[str, str]

    def get(self, path: str, query: Mapping[str, str], *, wait: int = 0, pause: float = 0) -> Call:
        """A question in the path."""
        wait = wait or (WAIT_SECONDS if "min_position" in query else 0)
        return Call(
            method="GET",
            path=path,
            query=query,
            headers=self._headers(wait),
            waits=wait,
            pause=pause,
        )

    def post(self, path: str, body: object, *, wait: int = 0) -> Call:
        """A question in a body; safe to repeat."""
        headers = {"content-type": "application/json", **self._headers(wait)}
        return Call(method="POST", path=path, headers=headers, body=json_body(body), waits=wait)

    def write(
        self, method: str, path: str, body: bytes, *, key: str, if_version: int | None
    ) -> Call:
        """A request to record, under its key; `if_version` 0 wants a stream without entries."""
        headers = {"content-type": "application/json", "idempotency-key": key, **self._headers(0)}
        if if_version is not None:
            name, tag = ("if-match", f'"v{if_version}"') if if_version else ("if-none-match", "*")
            headers[name] = tag
        return Call(method=method, path=path, headers=headers, body=body, key=key)

    def least(self, subject: UUID | None, given: str | None) -> str | None:
        """The `min_position` of a list: what was asked for, or what was written later."""
        return later_of(self.positions.minimum(subject), given)

    def _headers(self, wait: int) -> dict[str, str]:
        return {**self.stated, **({"prefer": f"wait={wait}"} if wait else {})}


def write_key(given: str | None) -> str:
    """The key that is given, or a new one."""
    key = uuid4().hex if given is None else given
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isascii() or not key.isprintable():
        raise Invalid(f"key: must be 1 to {KEY_LENGTH_MAX} printable ASCII characters")
    return key
