"""Addresses of other people's: hostile spellings are refused, and what was looked at is asked."""

import asyncio
import ipaddress
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.webhook_addresses import (
    Address,
    NotPublic,
    Pinned,
    Reach,
    is_public,
    read_address,
    read_ports,
    resolved,
)
from ledger.errors import Malformed
from tests.unit.loopback import answering, whole

PUBLIC = Reach()
LOOPBACK = Reach(loopback=True)

HOSTILE = [
    "",
    "hooks.council.example",
    "//hooks.council.example",
    "ftp://hooks.council.example",
    "file:///etc/passwd",
    "gopher://hooks.council.example",
    "http://hooks.council.example",
    "HTTPS://hooks.council.example",
    "https://",
    "https:///path",
    "https://:443/",
    "https://localhost",
    "https://localhost.",
    "https://intranet",
    "https://hooks.council.example.",
    "https://127.0.0.1",
    "https://127.1",
    "https://127.0.1",
    "https://0",
    "https://0.0.0.0",
    "https://2130706433",
    "https://017700000001",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://127.0.0.0x1",
    "https://00127.0.0.1",
    "https://10.1.2.3",
    "https://172.16.0.1",
    "https://192.168.1.1",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1",
    "https://192.0.2.7",
    "https://198.18.0.1",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://255.255.255.255",
    "https://[::]",
    "https://[::1]",
    "https://[::127.0.0.1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:10.0.0.1]",
    "https://[::ffff:8.8.8.8]",
    "https://[64:ff9b::7f00:1]",
    "https://[64:ff9b:1::7f00:1]",
    "https://[2002:7f00:1::]",
    "https://[2001:0:7f00:1::]",
    "https://[fc00::1]",
    "https://[fd12::1]",
    "https://[fe80::1]",
    "https://[fe80::1%25eth0]",
    "https://[fec0::1]",
    "https://[ff02::1]",
    "https://[2001:db8::1]",
    "https://me@hooks.council.example",
    "https://me:secret@hooks.council.example",
    "https://hooks.council.example@127.0.0.1",
    "https://127.0.0.1#@hooks.council.example",
    "https://hooks.council.example:80",
    "https://hooks.council.example:8443",
    "https://hooks.council.example:22",
    "https://hooks.council.example:0443",
    "https://hooks.council.example:99999",
    "https://hooks.council.example:",
    "https://hooks.council.example\\@127.0.0.1",
    "https://hooks.council.example/?url=x",
    "https://hooks.council.example/#x",
    "https://hooks.council.example/%2e%2e",
    "https://hooks.council.example/ x",
    "https://hooks.council.example/\r\nhost: x",
    "https://hooks.council.example\x00",
    "https://hooks.council.example\n",
    " https://hooks.council.example",
    "https://hooks..council.example",
    "https://-hooks.council.example",
    "https://hooks_.council.example",
    "https://ⓛocalhost.example",
    "https://１２７.０.０.１",
    "https://127。0。0。1",
    f"https://{'a' * 64}.example",
    f"https://{'a.' * 127}example",
    f"https://hooks.council.example/{'a' * 2000}",
]


@pytest.mark.parametrize("url", HOSTILE)
@pytest.mark.parametrize("reach", [PUBLIC, LOOPBACK], ids=["public", "loopback"])
def test_a_hostile_address_is_refused_and_not_repeated(url: str, reach: Reach) -> None:
    with pytest.raises(Malformed) as raised:
        read_address(url, reach)
    assert raised.value.field == "url"
    assert "secret" not in str(raised.value) and "127" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.council.example", ("hooks.council.example", 443, "/")),
        ("https://hooks.council.example/a/b-c_d~e", ("hooks.council.example", 443, "/a/b-c_d~e")),
        ("https://xn--bcher-kva.example:443/", ("xn--bcher-kva.example", 443, "/")),
        ("https://1.1.1.1/", ("1.1.1.1", 443, "/")),
        ("https://[2606:4700::1111]/x", ("2606:4700::1111", 443, "/x")),
    ],
)
def test_a_public_one_is_taken(url: str, address: tuple[str, int, str]) -> None:
    host, port, path = address
    assert read_address(url, PUBLIC) == Address(scheme="https", host=host, port=port, path=path)


def test_other_ports_are_for_the_settings_to_allow() -> None:
    reach = Reach(ports=read_ports("443 8443"))
    assert read_address("https://hooks.council.example:8443", reach).port == 8443
    with pytest.raises(Malformed, match="webhook_ports"):
        read_address("https://hooks.council.example:8444", reach)
    for text in ("", "x", "0", "65536", "443,8443"):
        with pytest.raises(Malformed, match="webhook_ports"):
            read_ports(text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_plain_http_is_for_this_machine_and_only_where_that_is_set(host: str) -> None:
    assert read_address(f"http://{host}:8080/x", LOOPBACK).port == 8080
    with pytest.raises(Malformed, match="https"):
        read_address(f"http://{host}:8080/x", PUBLIC)


@pytest.mark.parametrize("host", ["10.0.0.1", "8.8.8.8", "localhost.example", "127.1", "[::2]"])
def test_plain_http_goes_nowhere_else(host: str) -> None:
    with pytest.raises(Malformed, match="https"):
        read_address(f"http://{host}:8080/x", LOOPBACK)


@pytest.mark.parametrize("text", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450::1"])
def test_what_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "fe80::1%eth0",
        "::ffff:1.1.1.1",
        "64:ff9b::808:808",
        "2002:808:808::",
        "192.88.99.1",
        "ff0e::1",
    ],
)
def test_what_is_not(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


# What is connected to.


class Inner(httpx2.AsyncBaseTransport):
    """Keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return httpx2.Response(204)


def posted(url: str, *answers: list[str] | Exception, times: int = 1) -> list[httpx2.Request]:
    """What is asked of the network, where the name is resolved to each of these in turn."""
    inner, left = Inner(), list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def story() -> None:
        async with httpx2.AsyncClient(transport=Pinned(inner, resolve)) as client:
            for _ in range(times):
                await client.post(url, content=b"x")

    asyncio.run(story())
    return inner.asked


def test_the_address_that_was_looked_at_is_asked_by_the_name() -> None:
    (request,) = posted("https://hooks.council.example/x", ["1.1.1.1", "2606:4700::1111"])
    assert str(request.url) == "https://1.1.1.1/x"
    assert request.headers["host"] == "hooks.council.example"
    assert request.extensions["sni_hostname"] == "hooks.council.example"


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["1.1.1.1", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
        ["::ffff:10.0.0.1"],
        ["169.254.169.254"],
        [],
    ],
)
def test_a_name_that_stands_for_anything_else_is_not_asked(answer: list[str]) -> None:
    with pytest.raises(NotPublic):
        posted("https://hooks.council.example/x", answer)


def test_a_name_that_changes_its_mind_is_found_out_at_the_next_connection() -> None:
    """DNS rebinding: public when it is looked at first, then an address of ours."""
    with pytest.raises(NotPublic):
        posted("https://rebind.example/", ["1.1.1.1"], ["127.0.0.1"], times=2)


@pytest.mark.parametrize("answer", [OSError("no"), ["nonsense"]], ids=["none", "nonsense"])
def test_a_name_of_nobody_cannot_be_reached(answer: Any) -> None:
    with pytest.raises(httpx2.ConnectError) as raised:
        posted("https://hooks.council.example/x", answer)
    assert not isinstance(raised.value, NotPublic)


def test_this_machine_is_resolved() -> None:
    assert set(asyncio.run(resolved("localhost", 443))) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError):
        asyncio.run(resolved("nobody.invalid", 443))


def test_nobody_waits_for_a_resolver_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = threading.Event(), threading.Event()

    def hangs(*_: Any, **__: Any) -> list[Any]:
        asked.set()
        over.wait(60)
        return []

    async def story() -> None:
        task = asyncio.create_task(resolved("hooks.council.example", 443))
        await asyncio.to_thread(asked.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    monkeypatch.setattr("api.webhook_addresses.socket.getaddrinfo", hangs)
    asyncio.run(story())
    over.set()


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate for the name, and a client that trusts its issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    common = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(common)
        .issuer_name(common)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "pem")
    return server, ssl.create_default_context(cadata=pem.decode())


def over_tls(url: str, client: ssl.SSLContext) -> httpx2.Response:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def story() -> httpx2.Response:
        inner = httpx2.AsyncHTTPTransport(verify=client, trust_env=False)
        pinned = Pinned(inner, resolve, allowed=lambda ip: ip.is_loopback)
        async with httpx2.AsyncClient(transport=pinned) as asking:
            return await asking.post(url, content=b"x")

    return asyncio.run(story())


def named(url: str, host: str) -> str:
    return url.replace("127.0.0.1", host)


def test_the_certificate_must_be_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    server, client = certified(tmp_path, "hooks.council.example")
    heard: list[str] = []

    def answer(request: Any) -> None:
        heard.append(request.headers["host"])
        whole(b"", 204)(request)

    with answering(answer, server) as url:
        assert over_tls(named(url, "hooks.council.example"), client).status_code == 204
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            over_tls(named(url, "other.council.example"), client)
    assert [one.partition(":")[0] for one in heard] == ["hooks.council.example"]
