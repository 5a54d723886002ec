"""A time-stamping authority on loopback: OpenSSL behind an HTTP server, with its own certificates.

with authority(tmp_path) as made:
    made.url, made.chain_file
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.groups import path_of
from tests.unit.loopback import answering, body_of, whole

CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
signer_key = {folder}/signer-key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
{more}
"""
# A second certificate makes OpenSSL write a set that is not sorted, and so is no DER.
WITH_CHAIN = "certs = {folder}/chain.pem"


class Authority:
    """Where it is, and what it is like now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.chain_file = folder / "chain.pem"
        self.asked: list[bytes] = []
        self.reply: bytes | None = None
        _certify(folder)
        self.configure()

    def configure(self, *, digests: str = "sha256, sha512", more: str = "") -> None:
        """Answer so from now on."""
        more = more.format(folder=self.folder)
        text = CONFIG.format(folder=self.folder, digests=digests, more=more)
        (self.folder / "tsa.cnf").write_text(text)

    def answer(self, request: Any) -> None:
        """One request: the reply that was set, or OpenSSL's."""
        self.asked.append(body_of(request))
        reply = self.reply or self._made(self.asked[-1])
        request.headers.replace_header("content-length", "0")
        whole(reply, content_type="application/timestamp-reply")(request)

    def _made(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self.openssl("ts", "-reply", "-queryfile", "query", "-out", "reply", "-config", "tsa.cnf")
        return (self.folder / "reply").read_bytes()

    def der(self, name: str) -> bytes:
        """The certificate in the file, as it is sent."""
        certificate = x509.load_pem_x509_certificate((self.folder / name).read_bytes())
        return certificate.public_bytes(serialization.Encoding.DER)

    def openssl(self, *arguments: str) -> str:
        """What the tool prints, run in the folder."""
        command = [str(path_of("openssl")), *arguments]
        ran = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=True, timeout=60
        )
        return ran.stdout


@contextmanager
def authority(folder: Path) -> Iterator[Authority]:
    """It answers for as long as it is used."""
    folder.mkdir(exist_ok=True)
    made = Authority(folder)
    with answering(made.answer) as url:
        made.url = f"{url}/tsr"
        yield made


def _certify(folder: Path) -> None:
    root_key, key = (rsa.generate_private_key(65_537, 2048) for _ in range(2))
    issuer = _name("A root")
    root = _signed(_unsigned(issuer, issuer, root_key, ca=True), root_key)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    signer = _unsigned(_name("An authority"), issuer, key, ca=False)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "chain.pem").write_bytes(root.public_bytes(pem))
    (folder / "signer-key.pem").write_bytes(secret)
    certificate = _signed(signer.add_extension(purpose, critical=True), root_key)
    (folder / "signer.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "serial").write_text("01\n")


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )


def _signed(builder: x509.CertificateBuilder, key: rsa.RSAPrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())
