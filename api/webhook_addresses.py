"""Which addresses of other people's are asked: public ones, over TLS, as they were resolved.

Whoever registers a webhook has this service ask an address of their choice, from inside: OWASP ASVS
5.0, 1.3.6. So the spelling is checked when it is registered and again when it is asked; the name is
resolved at every connection, every address that it stands for must be public, and the one that was
looked at is the one that is connected to.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import httpx2
import msgspec

from ledger.errors import Malformed

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses that a host name stands for; raises `OSError` where it stands for none."""

URL_CHARACTERS_MAX = 2000
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*)"
)
"""One spelling of each, so that no two readers of an address differ: nothing percent-encoded."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
"""A host name in a zone that begins with a letter: no number, in whatever base, is one."""
_NOWHERE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "5f00::/16",
        "fec0::/10",
    )
)
"""Of no one place, or a way to another address: mapped and compatible IPv4, NAT64, 6to4, Teredo."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """Which ports may be asked; `loopback` is plain HTTP to this machine, and nothing else is."""

    ports: frozenset[int] = frozenset({443})
    loopback: bool = False


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of an address as it is spelt."""

    scheme: str
    host: str
    port: int
    path: str


class NotPublic(httpx2.ConnectError):
    """The name stands for an address that is not asked."""


def is_public(ip: Ip) -> bool:
    """Whether the address is somebody's on the internet, and leads to no other."""
    if any(ip in network for network in _NOWHERE if network.version == ip.version):
        return False
    return ip.is_global and not ip.is_multicast


def read_ports(text: str) -> frozenset[int]:
    """The ports that the setting names; raises `Malformed`."""
    try:
        found = frozenset(int(one) for one in text.split())
    except ValueError:
        found = frozenset()
    if not found or not all(0 < one < 65536 for one in found):
        raise Malformed("must be ports with spaces between them", field="webhook_ports")
    return found


def read_address(url: str, reach: Reach, *, field: str = "url") -> Address:
    """The parts of what may be asked, as far as its spelling tells; raises `Malformed`."""
    found = _URL.fullmatch(url) if len(url) <= URL_CHARACTERS_MAX else None
    if found is None:
        message = (
            "must be https://, a host in lower case, and a path of plain characters:"
            " no credentials, query, fragment or percent-encoding"
        )
        raise Malformed(message, field=field)
    scheme, host = found["scheme"], found["host"].strip("[]")
    port = int(found["port"] or (443 if scheme == "https" else 80))
    _check_host(scheme, host, reach, field)
    if port > 65535 or (scheme == "https" and port not in reach.ports):
        raise Malformed("names a port that the settings do not allow (webhook_ports)", field=field)
    return Address(scheme=scheme, host=host, port=port, path=found["path"] or "/")


def _check_host(scheme: str, host: str, reach: Reach, field: str) -> None:
    ip = _ip(host)
    if scheme == "http":
        if not reach.loopback or not (host == "localhost" or (ip is not None and ip.is_loopback)):
            raise Malformed("must begin with https://", field=field)
    elif ip is None and _NAME.fullmatch(host) is None:
        raise Malformed("must name a host in full, such as hooks.council.example", field=field)
    elif ip is not None and not is_public(ip):
        raise Malformed("names an address that is not public", field=field)


def _ip(host: str) -> Ip | None:
    """The address that the host is; None for a name, and for a number in an odd spelling."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of the host, as this machine resolves it."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[list[str]] = loop.create_future()

    def answer(found: list[str] | OSError) -> None:
        if told.cancelled():
            return
        if isinstance(found, OSError):
            told.set_exception(found)
        else:
            told.set_result(found)

    def ask() -> None:
        found: list[str] | OSError
        try:
            every = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(one[4][0]) for one in every))
        except OSError as error:
            found = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(answer, found)

    # Not a pool's: a resolver that does not answer must not hold up the end of the process.
    threading.Thread(target=ask, daemon=True).start()
    return await told


class Pinned(httpx2.AsyncBaseTransport):
    """Connects to the address that was looked at, and speaks to it by the name that was asked for.

    For one name alone: connections are kept by address.
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        resolve: Resolve,
        *,
        allowed: Callable[[Ip], bool] = is_public,
    ) -> None:
        self._inner = inner
        self._resolve = resolve
        self._allowed = allowed

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response from there; raises `NotPublic`, or `ConnectError` for no such name."""
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        ip = await self._address(url.host, port)
        pinned = httpx2.Request(
            request.method,
            url.copy_with(host=str(ip)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": url.host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Connections are closed."""
        await self._inner.aclose()

    async def _address(self, host: str, port: int) -> Ip:
        try:
            found = [ipaddress.ip_address(one) for one in await self._resolve(host, port)]
        except (OSError, ValueError) as error:
            raise httpx2.ConnectError("no such host") from error
        if not found or not all(self._allowed(one) for one in found):
            raise NotPublic("the name stands for an address that is not public")
        return found[0]
