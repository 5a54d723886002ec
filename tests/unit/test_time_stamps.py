"""Time stamps: asked of an authority that others run, and kept only where they verify."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rfc3161_client import decode_timestamp_response

from api.outward import outward
from api.time_stamps import Authority as Asked
from api.time_stamps import read_chain, verified_time
from ledger.errors import Malformed
from projections.anchoring import NotStamped, Stamped
from tests.unit.authority import WITH_CHAIN, Authority, authority
from tests.unit.loopback import answering, whole

pytestmark = pytest.mark.openssl

TEXT = b"ledger.demo.example/consent/7\n1000\nuC6GOqGKhElNZHwwoRj8KMd8Bb7qLeGIE39ZfF4BG5k=\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Authority]:
    with authority(tmp_path / "authority") as made:
        yield made


def stamped(
    made: Authority, *, url: str | None = None, chain: Path | None = None, late: int = 0
) -> Stamped:
    async def story() -> Stamped:
        certificates = read_chain(str(chain or made.chain_file), field="tsa_chain_file")
        async with outward() as client:
            asked = Asked(url or made.url, certificates, client)
            return await asked.stamp(TEXT, now=int(time.time()) + late)

    return asyncio.run(story())


def refused(made: Authority, reason: str, **more: object) -> str:
    with pytest.raises(NotStamped) as raised:
        stamped(made, **more)  # type: ignore[arg-type]
    assert raised.value.reason == reason
    return str(raised.value)


def test_a_stamp_holds_for_its_text_alone_and_openssl_agrees(made: Authority) -> None:
    found = stamped(made)
    chain = read_chain(str(made.chain_file), field="x")
    response = decode_timestamp_response(found.evidence)

    assert verified_time(response, TEXT, chain) == found.made_at
    with pytest.raises(NotStamped, match="does not verify"):
        verified_time(response, TEXT + b"\n", chain)
    (made.folder / "text").write_bytes(TEXT)
    (made.folder / "kept").write_bytes(found.evidence)
    verify = ("ts", "-verify", "-data", "text", "-in", "kept", "-CAfile", "chain.pem")
    assert "Verification: OK" in made.openssl(*verify)


def test_a_stamp_of_an_authority_that_is_not_ours_is_not_kept(
    made: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")

    assert "does not verify" in refused(made, "unreadable", chain=other.chain_file)


def test_an_old_reply_is_not_taken_for_a_new_one(made: Authority) -> None:
    made.reply = stamped(made).evidence

    assert "Nonce" in refused(made, "unreadable")


@pytest.mark.parametrize("late", [-400, 400])
def test_a_clock_that_is_far_from_ours_is_not_believed(made: Authority, late: int) -> None:
    assert "more than 300 s away" in refused(made, "clock", late=late)


def test_an_authority_that_gives_nothing_is_tried_again_later(made: Authority) -> None:
    made.configure(digests="sha512")
    assert refused(made, "refused") == "the authority gives no stamp"
    made.configure()
    made.reply = b"nonsense"
    refused(made, "unreadable")
    with answering(whole(b"", 503)) as url:
        assert "answers with 503" in refused(made, "refused", url=url)
    with answering(whole(b"<html>", content_type="text/html")) as url:
        assert "no application/timestamp-reply" in refused(made, "refused", url=url)
    assert "cannot be reached" in refused(made, "unreachable", url=url)


def test_a_reply_that_is_not_der_is_not_kept(made: Authority) -> None:
    made.configure(more=WITH_CHAIN)
    # DER wants the shorter of two certificates first; OpenSSL 3.0 begins with the signer's.
    root, signer = (made.der(name) for name in ("chain.pem", "signer.pem"))
    assert len(root) < len(signer)
    try:
        stamped(made)
        kept = True
    except NotStamped as error:
        assert error.reason == "unreadable"
        kept = False

    reply = (made.folder / "reply").read_bytes()
    assert kept is (reply.index(root) < reply.index(signer))


def test_a_chain_must_have_a_root(tmp_path: Path, made: Authority) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for path, message in (
        (tmp_path / "none.pem", "cannot be read"),
        (broken, "holds no certificates"),
        (made.folder / "signer.pem", "holds no root"),
    ):
        with pytest.raises(Malformed, match=f"tsa_chain_file: {message}"):
            read_chain(str(path), field="tsa_chain_file")
