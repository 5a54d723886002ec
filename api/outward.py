"""Requests of ours to others: one answer, bounded in size and time, no redirect, nothing unpacked.

Not here: what is said to whom (`witnessing`, `anchoring`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import httpx2
import msgspec

from ledger.errors import Malformed

ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 5.0
ANSWER_BYTES_MAX = 65_536


class Unanswered(Exception):
    """Nothing came back that could be taken for an answer; says why in words of ours."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; the media type is without its parameters, and in lower case."""

    code: int
    media_type: str
    body: bytes


class Outward:
    """A client whose connections are kept for as long as it is used."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def get(self, url: str) -> Answered:
        """What is there."""
        return await self._asked("GET", url, {}, None)

    async def post(
        self, url: str, body: bytes, *, media_type: str, headers: Mapping[str, str] = {}
    ) -> Answered:
        """The answer to the body, which these headers go with."""
        return await self._asked("POST", url, {**headers, "content-type": media_type}, body)

    async def _asked(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Answered:
        headers |= {"accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._client.stream(method, url, headers=headers, content=body) as response,
            ):
                return await _read(response)
        except TimeoutError:
            raise Unanswered(f"does not answer within {ANSWER_SECONDS:.0f} s") from None
        except httpx2.HTTPError as error:
            raise Unanswered(f"cannot be reached: {type(error).__name__}") from None


@asynccontextmanager
async def outward() -> AsyncIterator[Outward]:
    """The client, over TLS wherever the address says so."""
    verify = ssl.create_default_context()
    async with httpx2.AsyncClient(
        verify=verify, follow_redirects=False, timeout=CONNECT_SECONDS
    ) as client:
        yield Outward(client)


async def _read(response: httpx2.Response) -> Answered:
    if "content-encoding" in response.headers:
        raise Unanswered("answers with something packed, which was not asked for")
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > ANSWER_BYTES_MAX:
            raise Unanswered(f"answers with more than {ANSWER_BYTES_MAX} bytes")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answered(code=response.status_code, media_type=media_type, body=bytes(found))


def check_address(url: str, *, field: str, plain: bool = False) -> None:
    """Raise `Malformed` for what is no address to ask: https, and http only on this machine.

    `plain` allows http anywhere: for what is signed and secret to nobody.
    """
    try:
        httpx2.URL(url)
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except (ValueError, httpx2.InvalidURL):
        whole = False
    if not whole:
        raise Malformed("is not an http:// or https:// URL", field=field)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise Malformed("must hold neither credentials nor a query", field=field)
    if parts.scheme == "http" and not plain and not _on_this_machine(parts):
        raise Malformed("must begin with https://: http is for this machine alone", field=field)


def _on_this_machine(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
