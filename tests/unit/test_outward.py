"""Requests of ours to others: bounded, not led elsewhere, and to no address that is not asked."""

import asyncio
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from api.outward import ANSWER_BYTES_MAX, Answered, Unanswered, check_address, outward
from api.witness_policy import asked, read_policy
from api.witnessing import OverHttp
from ledger.errors import Malformed
from ledger.tlog.keys import KeyType, VerifierKey, format_vkey
from ledger.tlog.witnessing import Declined, Reply
from projections.witnessing import Witness
from tests.unit.loopback import answering, body_of, whole
from tests.unit.test_jwks_fetch import _self_signed
from tests.unit.trees import witness_key


def got(url: str) -> Answered:
    async def story() -> Answered:
        async with outward() as client:
            return await client.get(url)

    return asyncio.run(story())


def test_an_answer_is_what_was_sent() -> None:
    with answering(whole(b"hello", 404, content_type="Text/X.Tlog.Size; charset=x")) as url:
        assert got(url) == Answered(code=404, media_type="text/x.tlog.size", body=b"hello")
    with answering(whole(b"", 200)) as url:
        assert got(url) == Answered(code=200, media_type="", body=b"")


def test_what_is_posted_arrives_with_its_type_over_one_connection() -> None:
    heard: list[tuple[Any, ...]] = []

    def answer(request: Any) -> None:
        body = body_of(request)
        heard.append((request.path, request.headers["content-type"], body, request.client_address))
        request.send_response(200)
        request.send_header("content-length", "0")
        request.end_headers()

    async def story(url: str) -> None:
        async with outward() as client:
            for body in (b"one", b"two"):
                await client.post(f"{url}/a", body, media_type="text/plain")

    with answering(answer) as url:
        asyncio.run(story(url))
    assert [one[:3] for one in heard] == [
        ("/a", "text/plain", b"one"),
        ("/a", "text/plain", b"two"),
    ]
    assert heard[0][3] == heard[1][3]


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    asked_for: list[str] = []

    def answer(request: Any) -> None:
        asked_for.append(request.path)
        whole(b"", 307, location="/elsewhere")(request)

    with answering(answer) as url:
        assert got(f"{url}/here").code == 307
    assert asked_for == ["/here"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (whole(b" " * (ANSWER_BYTES_MAX + 1)), "more than"),
        (whole(b"x", content_encoding="gzip"), "packed"),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), "cannot be reached"),
    ],
    ids=["too long", "packed", "no HTTP"],
)
def test_what_is_no_answer_is_not_read(answer: Any, message: str) -> None:
    with answering(answer) as url, pytest.raises(Unanswered, match=message):
        got(url)


def test_the_longest_answer_is_read() -> None:
    with answering(whole(b" " * ANSWER_BYTES_MAX)) as url:
        assert len(got(url).body) == ANSWER_BYTES_MAX


def test_nobody_there_is_said() -> None:
    with answering(whole(b"")) as url:
        pass
    with pytest.raises(Unanswered, match="cannot be reached: ConnectError"):
        got(url)


def test_a_server_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    context: ssl.SSLContext = _self_signed(tmp_path)
    with answering(whole(b""), context) as url, pytest.raises(Unanswered, match="reached"):
        got(url)


def test_one_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.outward.ANSWER_SECONDS", 0.05)
    over = threading.Event()

    def answer(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.flush()
        over.wait()

    with answering(answer) as url:
        try:
            with pytest.raises(Unanswered, match="does not answer within"):
                got(url)
        finally:
            over.set()


@pytest.mark.parametrize(
    "url",
    [
        "https://witness.example",
        "https://witness.example:8443/a/b/",
        "https://[2001:db8::1]/",
        "http://localhost:8080",
        "http://127.0.0.1:8080/w",
        "http://127.9.9.9",
        "http://[::1]:8080",
    ],
)
def test_an_address_that_may_be_asked(url: str) -> None:
    check_address(url, field="x")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "witness.example",
        "ftp://witness.example",
        "https://",
        "https://:8080",
        "https://witness.example:99999",
        "https://[::1",
        "https://me@witness.example",
        "https://me:secret@witness.example",
        "https://witness.example/?key=secret",
        "https://witness.example/#here",
        "http://witness.example",
        "http://127.0.0.1.witness.example",
        "http://10.0.0.1",
        "http://localhost.witness.example",
        "https://\x00",
    ],
)
def test_an_address_that_may_not(url: str) -> None:
    with pytest.raises(Malformed) as raised:
        check_address(url, field="tsa_url")
    assert raised.value.field == "tsa_url"
    assert "secret" not in str(raised.value)


def test_plain_http_where_nothing_is_secret_and_all_is_signed() -> None:
    check_address("http://tsa.example", field="x", plain=True)
    with pytest.raises(Malformed):
        check_address("ftp://tsa.example", field="x", plain=True)


# Witnesses over it.

WITNESS = witness_key().verifier


def told(url: str) -> Witness:
    return Witness(key=WITNESS, url=url)


def over(url: str, body: bytes) -> tuple[Reply, bytes | None]:
    async def story() -> tuple[Reply, bytes | None]:
        async with outward() as client:
            http = OverHttp(client)
            return await http.submit(told(url), body), await http.latest(told(url), "aa/checkpoint")

    return asyncio.run(story())


def test_a_witness_is_asked_below_its_prefix() -> None:
    heard: list[str] = []

    def answer(request: Any) -> None:
        heard.append(f"{request.command} {request.path}")
        whole(b"5\n", 409 if request.command == "POST" else 200)(request)

    with answering(answer) as url:
        reply, shown = over(f"{url}/w", b"old 0\n")
    assert heard == ["POST /w/add-checkpoint", "GET /w/aa/checkpoint"]
    assert (reply.code, reply.body, shown) == (409, b"5\n", b"5\n")


def test_a_witness_that_shows_nothing_shows_nothing() -> None:
    with answering(whole(b"no", 404)) as url:
        assert over(url, b"")[1] is None


def test_a_witness_that_cannot_be_reached_declines() -> None:
    async def story(url: str) -> None:
        async with outward() as client:
            http = OverHttp(client)
            for ask in (http.submit(told(url), b""), http.latest(told(url), "aa/checkpoint")):
                with pytest.raises(Declined, match="w1 cannot be reached") as raised:
                    await ask
                assert raised.value.reason == "unreachable"

    with answering(whole(b"")) as url:
        pass
    asyncio.run(story(url))


# The policy that names them.

VKEY = format_vkey(WITNESS)
ML_DSA = format_vkey(VerifierKey(name="p.example", type=KeyType.ML_DSA_44, public=bytes(1312)))
OTHER = format_vkey(witness_key("w2").verifier)


def policy_file(folder: Path, text: str) -> str:
    path = folder / "policy.txt"
    path.write_text(text)
    return str(path)


def test_the_witnesses_with_an_address_and_a_key_that_can_be_checked_are_asked(
    tmp_path: Path,
) -> None:
    text = f"witness a {VKEY} https://w.example/a/\nwitness b {OTHER}\n"
    text += f"witness c {ML_DSA} https://w.example/a\nquorum a\n"
    policy = read_policy(policy_file(tmp_path, text))

    assert policy is not None
    assert list(policy.witnesses) == ["a", "b", "c"]
    assert asked(policy) == [Witness(key=WITNESS, url="https://w.example/a")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quorum", "witness_policy_file: line 1 of the policy"),
        (f"witness a {VKEY} http://w.example\nquorum a\n", "witness a: must begin with https://"),
        (f"witness a {VKEY} nowhere\nquorum a\n", "witness a: is not an http"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_by_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message):
        read_policy(policy_file(tmp_path, text))


def test_a_policy_that_is_away_is_refused_and_none_is_none(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="cannot be read"):
        read_policy(str(tmp_path / "none"))
    assert read_policy(None) is None
