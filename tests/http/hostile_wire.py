"""Requests as bytes that mean harm or nothing: families of them, each by name.

Not here: bodies (`hostile`), or what is no HTTP at all (`test_raw_socket`).
"""

from collections.abc import Iterator
from typing import NamedTuple

BODY = b'{"subject": "7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55", "purpose": "PHOTO"}'
CLOSE = b"Connection: close"


class Bytes(NamedTuple):
    """What is sent on one connection; `whole` is whether the service has nothing to wait for."""

    name: str
    content: bytes
    whole: bool = True


def written(line: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """A request, as it is written."""
    return b"\r\n".join([line + b" HTTP/1.1", b"Host: x", CLOSE, *fields, b"", b""]) + body


def chunked(path: bytes, token: bytes) -> Iterator[Bytes]:
    """Bodies in pieces that no sender makes."""
    fields = (b"Authorization: Bearer " + token, b"Content-Type: application/json",
              b"Idempotency-Key: k", b"Transfer-Encoding: chunked")  # fmt: skip
    size = b"%x" % len(BODY)
    whole = size + b"\r\n" + BODY + b"\r\n0\r\n\r\n"
    for name, body, ends in (
        ("one piece", whole, True),
        ("octet by octet", b"".join(b"1\r\n%c\r\n" % one for one in BODY) + b"0\r\n\r\n", True),
        ("nothing", b"0\r\n\r\n", True),
        ("a size with zeros", b"0" * 12 + whole, True),
        ("an extension", size + b";a=b" + whole[len(size) :], True),
        ("a long extension", size + b";a=" + b"b" * 9_000 + whole[len(size) :], True),
        ("a trailer", whole[:-2] + b"Authorization: x\r\n\r\n", True),
        ("a size that is none", b"x" + whole, True),
        ("a size below nothing", b"-1" + whole, True),
        ("a size with 0x", b"0x" + whole, True),
        ("a size with a sign", b"+" + whole, True),
        ("a size with a space", b" " + whole, False),
        ("a size beyond all", b"f" * 17 + b"\r\n" + BODY, True),
        ("a size too small", b"1\r\n" + BODY + b"\r\n0\r\n\r\n", True),
        ("a size too large", b"fff\r\n" + BODY, False),
        ("line feeds alone", whole.replace(b"\r\n", b"\n"), False),
        ("no last piece", whole[:-5], False),
        ("half of a size", size[:1], False),
        ("a gap of lines", b"\r\n\r\n" + whole, True),
        ("a request within", whole + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", True),
    ):
        yield Bytes(f"chunked {name}", written(b"POST " + path, *fields, body=body), ends)


def lengths(path: bytes, token: bytes) -> Iterator[Bytes]:
    """Lengths that are not the body's."""
    fields = (b"Authorization: Bearer " + token, b"Content-Type: application/json")
    n = len(BODY)
    for name, said, ends in (
        ("none", (), True),
        ("nothing", (b"Content-Length: 0",), True),
        ("less", (b"Content-Length: %d" % (n - 9),), True),
        ("more", (b"Content-Length: %d" % (n + 9),), False),
        ("with a sign", (b"Content-Length: +%d" % n,), True),
        ("in hex", (b"Content-Length: 0x%x" % n,), True),
        ("a list", (b"Content-Length: %d, %d" % (n, n),), True),
        ("twice the same", (b"Content-Length: %d" % n,) * 2, True),
        ("twice", (b"Content-Length: %d" % n, b"Content-Length: 0"), True),
        ("a fraction", (b"Content-Length: 1.5",), True),
        ("of another script", ("Content-Length: ٧".encode(),), True),
        ("and chunks", (b"Content-Length: %d" % n, b"Transfer-Encoding: chunked"), True),
        ("and no chunks", (b"Content-Length: %d" % n, b"Transfer-Encoding: identity"), True),
        ("and a coding", (b"Content-Length: %d" % n, b"Transfer-Encoding: xchunked"), True),
        ("much too large", (b"Content-Length: 99999999999",), True),
    ):
        yield Bytes(f"length {name}", written(b"POST " + path, *fields, *said, body=BODY), ends)


def methods(path: bytes, token: bytes) -> Iterator[Bytes]:
    """Methods that nobody takes, or that mean something else."""
    field = b"Authorization: Bearer " + token
    for method in (
        b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND",
        b"MKCOL", b"LOCK", b"PURGE", b"LINK", b"QUERY", b"post", b"P0ST", b"POST\t", b"A" * 5_000,
        b"", b"\xff", b"M-SEARCH", b"GET POST",
    ):  # fmt: skip
        yield Bytes(f"method {method[:12]!r}", written(method + b" " + path, field))
    for override in (b"X-HTTP-Method-Override: DELETE", b"X-Method-Override: PUT"):
        yield Bytes(override.decode(), written(b"POST " + path, field, override))


def targets(_: bytes, token: bytes) -> Iterator[Bytes]:
    """Addresses that try to be another."""
    field = b"Authorization: Bearer " + token
    for target in (
        b"/..", b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/..%2f..%2fetc%2fpasswd",
        b"/docs/../openapi.json", b"/docs/..%2f..%2fapp.py", b"/docs/%2e%2e%2fvendor%2fNOTICE",
        b"/docs/vendor/NOTICE", b"/docs/%00", b"/docs/page.html", b"/docs//start.js",
        b"/problems/..%2fmalformed", b"/problems/%0d%0aSet-Cookie:%20a=b",
        b"/problems/" + b"a" * 7_000,
        b"/v1/purposes/%2f/subjects", b"/v1/purposes/..%2f..%2fcatalogue/subjects",
        b"/v1/purposes/%25%32%66/subjects", b"/v1/purposes/%c0%af/subjects",
        b"/v1/purposes//subjects",
        b"/v1/subjects/%00/entries", b"/v1/subjects/{subject}/entries", b"/v1/subjects/*/entries",
        b"/v1/subjects/7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55%0a/entries", b"/v1/checks;a=b",
        b"/v1/checks%20", b"/v1/checks%2f", b"/v1/./checks", b"/v1\\checks", b"/v1/checks?%%%",
        b"/v1/checks#a", b"/v1/checks?" + b"&" * 4_000, b"/v1/exposures?from[]=a&from[$ne]=b",
        b"//example.org/v1/checks", b"http://example.org/v1/checks", b"https://x:99999/v1/checks",
        b"ftp://x/", b"x:y", b"?", b"#", b"", b"*", b"/\xe2\x80\xae", b"/\x7f", b"/a\x00b",
        b"/" + b"/" * 8_000, b"/" + b"%41" * 2_500, b"/v1/checks HTTP/1.1\r\nX: y",
    ):  # fmt: skip
        yield Bytes(f"target {target[:40]!r}", written(b"GET " + target, field))


def headers(path: bytes, token: bytes) -> Iterator[Bytes]:
    """Headers that try to be more than one, or something to somebody behind."""
    field = b"Authorization: Bearer " + token
    for one in (
        b"X-Request-ID: a\r\n b", b"X-Request-ID: a\rb", b"X-Request-ID: a\nSet-Cookie: b=c",
        b"X-Request-ID: \xff\xfe", b"X-Request-ID: " + b"a" * 4_000, b"Host: y", b"Host:",
        b"X-Forwarded-Host: example.org", b"X-Forwarded-For: 127.0.0.1", b"X-Original-URL: /livez",
        b"Forwarded: for=127.0.0.1", b"Ledger-Reason: \xc3\x28", b"Ledger-Reason:",
        b"Ledger-Reason: \xe2\x80\xae", b"Ledger-Reason: " + b"a" * 201, b"Ledger-Reason: a\0b",
        b"Idempotency-Key: \xff", b"Idempotency-Key: " + b"k" * 9_000, b"If-Match: \"v1",
        b"If-Match: W/\"v1\"", b"If-None-Match: *", b"Prefer: wait=999999999999",
        b"Prefer: wait=-1",
        b"Prefer: wait=\"", b"traceparent: 00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00",
        b"traceparent: ff-" + b"f" * 32 + b"-" + b"f" * 16 + b"-ff",
        b"tracestate: " + b"a=b," * 600,
        b"baggage: a=b", b"Expect: 200-ok", b"Upgrade: h2c", b"TE: trailers", b"Range: bytes=0-1",
        b"Accept: text/html", b"Accept-Encoding: gzip;q=2", b"Cookie: a=b", b"Origin: null",
        b"Content-Type: application/json\r\nContent-Type: text/plain", b"Transfer-Encoding: ",
        b": a", b"a b: c", b"a\x00: b", b"\xc3\xa9: b", b" a: b", b"A" * 300 + b": b",
        b"Authorization: Basic dDp0", b"Authorization: Bearer " + b"a." * 9_000,
        b"Last-Event-ID: \xff",
    ):  # fmt: skip
        yield Bytes(f"header {one[:40]!r}", written(b"POST " + path, field, one))


FAMILIES = (chunked, lengths, methods, targets, headers)


def requests(path: str, token: str) -> Iterator[Bytes]:
    """The whole corpus: at this path where it is about one, as the bearer of this token."""
    for family in FAMILIES:
        yield from family(path.encode(), token.encode())
