"""Deliveries as they leave: signed so that other people's libraries verify them, to one address."""

import asyncio
import base64
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from api.feed_events import encoding, event_id
from api.grants import GrantTable
from api.webhook_addresses import Reach
from api.webhook_signing import headers, spelt_public, spelt_secret
from api.webhooks import OverHttp, narrowing
from projections.consumer_secrets import Secret
from projections.deliveries import Target, Undelivered
from projections.feed import AnyEvent
from projections.feed_cursor import earliest
from tests.unit.feed_told import IDENTITY, change, entry
from tests.unit.loopback import answering, body_of, whole

ENCODE = encoding(IDENTITY)
EVENT = entry(earliest(2), 0, "PHOTO")


def secret(seed: int, version: int = 1) -> Secret:
    private = bytes([seed]) * 32
    public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    return Secret(version=version, shared=bytes([seed + 1]) * 32, private=private, public=public)


OLD, NEW = secret(1), secret(3, 2)


def signed(*secrets: Secret, event: AnyEvent = EVENT) -> tuple[bytes, dict[str, str]]:
    body = ENCODE(event)
    return body, headers(event_id(event), body, secrets, at=int(time.time()))


@pytest.mark.parametrize("event", [EVENT, change(earliest(2), 1, "PHOTO")], ids=["entry", "time"])
def test_the_published_library_verifies_what_the_shared_key_signs(event: AnyEvent) -> None:
    body, sent = signed(OLD, event=event)
    told = Webhook(spelt_secret(OLD)).verify(body, sent)
    assert told["id"] == sent["webhook-id"] == event_id(event)
    for changed in (body.replace(b"1.0", b"1.1"), body + b" "):
        with pytest.raises(WebhookVerificationError):
            Webhook(spelt_secret(OLD)).verify(changed, sent)
    for name in ("webhook-id", "webhook-timestamp"):
        with pytest.raises(WebhookVerificationError):
            Webhook(spelt_secret(OLD)).verify(body, sent | {name: sent[name][:-1] + "x"})


def test_while_two_secrets_are_valid_whoever_has_either_can_verify() -> None:
    body, sent = signed(NEW, OLD)
    for one in (OLD, NEW):
        Webhook(spelt_secret(one)).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(spelt_secret(secret(9))).verify(body, sent)


def test_the_public_key_verifies_what_is_signed_with_ed25519() -> None:
    body, sent = signed(OLD, NEW)
    text = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    kinds = [one.partition(",")[::2] for one in sent["webhook-signature"].split(" ")]
    assert [kind for kind, _ in kinds] == ["v1", "v1a", "v1", "v1a"]
    for one, (_, signature) in zip((OLD, NEW), kinds[1::2], strict=True):
        spelt = spelt_public(one.public)
        assert spelt.startswith("whpk_")
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(spelt.removeprefix("whpk_")))
        key.verify(base64.b64decode(signature), text)
        with pytest.raises(InvalidSignature):
            key.verify(base64.b64decode(signature), text + b" ")


def test_a_secret_is_not_shown_by_accident() -> None:
    for spelt in (repr(OLD), str(OLD), repr(Target(url="https://x.example", secrets=(OLD,)))):
        assert spelt_secret(OLD) not in spelt and repr(OLD.shared) not in spelt


# Over HTTP.


def told(url: str, events: Sequence[AnyEvent] = (EVENT,), reach: Reach | None = None) -> None:
    over = OverHttp(ENCODE, reach or Reach(loopback=True), now=time.time)

    async def story() -> None:
        async with over.sending(Target(url=url, secrets=(OLD,))) as send:
            for event in events:
                await send(event)

    asyncio.run(story())


def test_the_bytes_of_the_feed_are_sent_and_any_success_will_do() -> None:
    heard: list[tuple[str, dict[str, str], bytes]] = []
    codes = [200, 202, 204]

    def answer(request: Any) -> None:
        heard.append((request.path, dict(request.headers.items()), body_of(request)))
        request.send_response(codes.pop(0))
        request.send_header("content-length", "0")
        request.end_headers()

    with answering(answer) as url:
        told(f"{url}/hooks/consent", [EVENT] * 3)
    for path, fields, body in heard:
        assert (path, body) == ("/hooks/consent", ENCODE(EVENT))
        assert fields["content-type"] == "application/cloudevents+json"
        assert fields["user-agent"] == "consent-ledger"
        assert fields["webhook-id"] == str(EVENT.entry)
        Webhook(spelt_secret(OLD)).verify(body, fields)
    assert len(heard) == 3


@pytest.mark.parametrize("code", [301, 302, 307, 308, 400, 401, 404, 409, 429, 500, 503])
def test_any_other_answer_is_no_success_and_leads_nowhere(code: int) -> None:
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.path)
        whole(b"", code, location="/elsewhere")(request)

    with answering(answer) as url, pytest.raises(Undelivered, match=f"^answers {code}$") as raised:
        told(f"{url}/here")
    assert not raised.value.gone
    assert asked == ["/here"]


def test_one_that_is_gone_says_so() -> None:
    with answering(whole(b"", 410)) as url, pytest.raises(Undelivered) as raised:
        told(url)
    assert raised.value.gone


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (whole(b" " * 100_000), "more than"),
        (whole(b"x", content_encoding="gzip"), "packed"),
        (lambda request: request.wfile.write(b"nonsense\r\n\r\n"), "cannot be reached"),
    ],
    ids=["too long", "packed", "no HTTP"],
)
def test_what_is_no_answer_is_no_success(answer: Any, message: str) -> None:
    with answering(answer) as url, pytest.raises(Undelivered, match=message):
        told(url)


def test_nobody_there_is_no_success() -> None:
    with answering(whole(b"")) as url:
        pass
    with pytest.raises(Undelivered, match="cannot be reached: ConnectError"):
        told(url)


def test_an_address_is_held_against_the_settings_of_now() -> None:
    with answering(whole(b"")) as url, pytest.raises(Undelivered, match="do not allow"):
        told(url, reach=Reach())


def test_a_name_that_leads_inside_is_not_asked() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def story() -> None:
        over = OverHttp(ENCODE, Reach(), now=time.time, resolve=resolve)
        target = Target(url="https://hooks.council.example/x", secrets=(OLD,))
        async with over.sending(target) as send:
            with pytest.raises(Undelivered, match="cannot be reached: NotPublic"):
                await send(EVENT)

    asyncio.run(story())


def test_a_proxy_of_the_environment_is_not_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: Any) -> None:
        asked.append(request.path)
        whole(b"")(request)

    with answering(whole(b"", 500)) as proxy, answering(answer) as url:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        told(f"{url}/x")
    assert asked == ["/x"]


# What a client may still be told of.


def left(table: GrantTable, purposes: frozenset[str] | None) -> frozenset[str] | None:
    return narrowing({"crm": table})("crm", purposes)


def test_a_grant_that_became_narrower_narrows_what_was_registered() -> None:
    both = frozenset({"PHOTO", "STUDY"})
    assert left(GrantTable(purposes=("PHOTO",)), both) == frozenset({"PHOTO"})
    assert left(GrantTable(purposes=("PHOTO",)), None) == frozenset({"PHOTO"})
    assert left(GrantTable(purposes=("*",)), both) == both
    assert left(GrantTable(purposes=("*",)), None) is None
    assert left(GrantTable(), both) == both
    assert left(GrantTable(purposes=("PHOTO", "OTHER")), frozenset({"STUDY"})) == frozenset()


def test_one_without_the_scope_is_told_nothing() -> None:
    assert left(GrantTable(scopes=("check",)), None) == frozenset()
    assert left(GrantTable(scopes=("check", "feed")), None) is None


def test_clients_that_no_table_names_keep_what_they_registered() -> None:
    narrowed: Callable[[str, frozenset[str] | None], frozenset[str] | None] = narrowing({})
    assert narrowed("crm", None) is None
    assert narrowed("crm", frozenset({"PHOTO"})) == frozenset({"PHOTO"})
