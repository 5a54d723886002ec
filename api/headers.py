"""Headers that every response has, whatever it is and whoever gave it: ASVS 5.0, chapter 3.4.

A page that needs more than nothing (`/docs`) sets its own policy; what it set is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from litestar.types import Scope

HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
"""RFC 6797: said only where TLS stands in front, since a browser then refuses plain HTTP."""
_PUBLIC = ("/problems/", "/docs/")
_PUBLIC_EXACTLY = {"/docs", "/openapi.json"}
_BODILESS = {204, 304}
_OF_A_BODY = {b"content-length", b"content-type"}

Raw = list[tuple[bytes, bytes]]


def given(scope: Scope, name: bytes) -> list[str]:
    """The values of the request's headers of this name, in lower case, as they came."""
    return [value.decode("latin-1") for each, value in scope["headers"] if each == name]


class Usual:
    """The headers of every response of one service."""

    def __init__(self, *, tls_in_front: bool) -> None:
        strict = {"strict-transport-security": STRICT_TRANSPORT} if tls_in_front else {}
        self._headers = raw({**HEADERS, **strict})

    def complete(self, given: Raw, more: Raw, *, path: str, status: int) -> Raw:
        """The headers of this response, with `more`; what was given counts before all others."""
        fields = [(name.lower(), value) for name, value in given]
        if status in _BODILESS:
            fields = [one for one in fields if one[0] not in _OF_A_BODY]
        fields = [(name, _allowed(value) if name == b"allow" else value) for name, value in fields]
        named = {name for name, _ in fields}
        stored = (b"cache-control", _stored(path, status))
        return fields + [one for one in (*more, *self._headers, stored) if one[0] not in named]


def raw(fields: Mapping[str, str]) -> Raw:
    """The fields as they are sent."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]


def _allowed(methods: bytes) -> bytes:
    """HEAD is taken wherever GET is (RFC 9110, section 9.3.2)."""
    named = {one.strip() for one in methods.split(b",")} - {b""}
    return b", ".join(sorted(named | ({b"HEAD"} if b"GET" in named else set())))


def _stored(path: str, status: int) -> bytes:
    """Nobody stores a response, save what is the same for everybody (ASVS 5.0, 14.3.2)."""
    public = path in _PUBLIC_EXACTLY or path.startswith(_PUBLIC)
    return b"no-cache" if public and status == 200 else b"no-store"
