"""Fetching an issuer's keys: the set itself, from whom it should be, whole, and within bounds."""

import asyncio
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.jwks import SET_BYTES_MAX, Jwks, Unusable, in_file, over_https
from ledger.errors import Unavailable
from tests.issuing import OutsideIssuer


def test_a_file_is_read_again_when_it_is_due(tmp_path: Path) -> None:
    issuer = OutsideIssuer()
    fetch = in_file(issuer.publish(tmp_path / "jwks.json"))
    assert asyncio.run(fetch()) == issuer.published()
    issuer.rotate()
    issuer.publish(tmp_path / "jwks.json")

    assert asyncio.run(fetch()) == issuer.published()


def test_a_file_that_is_too_long_or_away_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b" " * (SET_BYTES_MAX + 1))
    for name, error in (("long", Unusable), ("none", FileNotFoundError)):
        with pytest.raises(error):
            asyncio.run(in_file(tmp_path / name)())


@contextmanager
def answering(
    answer: Callable[[Any], None], context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server on loopback that answers every request so; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        scheme = "http" if context is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}/keys"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(text: bytes, status: int = 200, **headers: str) -> Callable[[Any], None]:
    def answer(request: Any) -> None:
        request.send_response(status)
        for name, value in {"content-length": str(len(text)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(text)

    return answer


def test_a_set_is_fetched_over_http() -> None:
    published = OutsideIssuer().published()
    with answering(whole(published)) as url:
        assert asyncio.run(over_https(url)()) == published


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"", 404),
        whole(b"", 500),
        whole(b"", 204),
        whole(b"", 302, location="/elsewhere"),
        whole(b"x", content_encoding="gzip"),
        whole(b" " * (SET_BYTES_MAX + 1)),
    ],
    ids=["404", "500", "204", "redirect", "packed", "too long"],
)
def test_what_is_not_the_set_itself_is_not_used(answer: Callable[[Any], None]) -> None:
    with answering(answer) as url, pytest.raises(Unusable):
        asyncio.run(over_https(url)())


def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.path)
        whole(b"{}", 302 if request.path == "/keys" else 200, location="/elsewhere")(request)

    with answering(answer) as url, pytest.raises(Unusable):
        asyncio.run(over_https(url)())
    assert asked == ["/keys"]


def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    failed = pytest.raises(Exception, match="(?i)certificate verify failed")
    with answering(whole(b"{}"), _self_signed(tmp_path)) as url, failed:
        asyncio.run(over_https(url)())


def test_an_issuer_that_drips_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.jwks.FETCH_SECONDS", 0.05)
    over = threading.Event()

    def answer(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.flush()
        over.wait()

    with answering(answer) as url:
        try:
            with pytest.raises(Unavailable):
                asyncio.run(Jwks(over_https(url), grace_s=3600).key("key-1", "ES256"))
        finally:
            over.set()


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context
