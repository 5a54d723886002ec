"""The keys of an issuer: fetched when needed, once at a time, and kept for an outage."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from api.access import Unauthenticated
from api.jwks import (
    FIRST_RETRY_SECONDS,
    FRESH_SECONDS,
    KEYS_MAX,
    RETRY_SECONDS,
    Jwks,
    Unusable,
    read_keys,
)
from ledger.errors import Unavailable
from tests.issuing import OutsideIssuer

GRACE = 3600


class Source:
    """A set that can be changed, be away, or wait; and how often it was fetched."""

    def __init__(self) -> None:
        self.issuer = OutsideIssuer()
        self.away: Exception | None = None
        self.waits: asyncio.Event | None = None
        self.fetched = 0
        self.now = 1_000_000.0
        self.keys = Jwks(self.fetch, grace_s=GRACE, clock=lambda: self.now)

    async def fetch(self) -> bytes:
        self.fetched += 1
        if self.waits is not None:
            await self.waits.wait()
        if self.away is not None:
            raise self.away
        return self.issuer.published()

    async def accepts(self, kid: str = "key-1") -> bool:
        """Whether a token with this key could be verified; raises where that cannot be told."""
        try:
            found = await self.keys.key(kid, "ES256")
        except Unauthenticated:
            return False
        return found.kid == kid

    async def settled(self) -> None:
        """What was begun in the background has ended."""
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            await task


def told(story: Callable[[Source], Any]) -> Source:
    """The source after the story."""

    async def telling() -> Source:
        source = Source()
        await story(source)
        return source

    return asyncio.run(telling())


def test_many_who_need_the_keys_at_once_fetch_them_once() -> None:
    async def story(source: Source) -> None:
        source.waits = asyncio.Event()
        waiting = [asyncio.create_task(source.accepts()) for _ in range(100)]
        await asyncio.sleep(0)
        source.waits.set()
        assert all(await asyncio.gather(*waiting))

    assert told(story).fetched == 1


def test_one_who_gives_up_waiting_does_not_end_the_fetch_for_the_others() -> None:
    async def story(source: Source) -> None:
        source.waits = asyncio.Event()
        first, second = (asyncio.create_task(source.accepts()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        source.waits.set()
        assert await second

    assert told(story).fetched == 1


def test_a_rotation_refuses_no_token_of_the_old_or_of_the_new_key() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts("key-1")
        source.issuer.rotate()
        source.now += RETRY_SECONDS
        for kid in ("key-1", "key-2") * 50:
            assert await source.accepts(kid)

    assert told(story).fetched == 2


def test_unknown_keys_are_looked_for_once_a_minute_however_many_there_are() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts()
        for second in range(3 * RETRY_SECONDS):
            source.now += 1
            assert not await source.accepts(f"made-up-{second}")

    assert told(story).fetched == 1 + 3


def test_a_key_that_its_issuer_took_back_is_refused_once_the_set_is_due() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts("key-1")
        source.issuer.rotate()
        del source.issuer.keys[0]
        source.now += FRESH_SECONDS - 1
        assert await source.accepts("key-1")
        source.now += 1
        assert not await source.accepts("key-1")
        assert await source.accepts("key-2")

    told(story)


def test_in_an_outage_the_last_keys_are_used_up_to_the_grace_and_then_none() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts()
        source.away = OSError()
        for _ in range((FRESH_SECONDS + GRACE) // 60 - 1):
            source.now += 60
            assert await source.accepts()
            await source.settled()
        source.now += 60
        with pytest.raises(Unavailable):
            await source.accepts()
        source.away = None
        source.now += RETRY_SECONDS
        with pytest.raises(Unavailable):
            await source.accepts()
        await source.settled()
        assert await source.accepts()

    assert told(story).fetched <= 3 + (FRESH_SECONDS + GRACE) // RETRY_SECONDS


def test_in_an_outage_nobody_waits_for_what_just_failed() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts()
        source.now += FRESH_SECONDS
        source.away = OSError()
        assert await source.accepts()
        source.now += RETRY_SECONDS
        source.waits = asyncio.Event()
        assert await source.accepts(), "although the fetch hangs"
        source.waits.set()
        await source.settled()

    assert told(story).fetched == 3


def test_in_an_outage_an_unknown_key_cannot_be_told_from_a_new_one() -> None:
    async def story(source: Source) -> None:
        assert await source.accepts()
        source.now += RETRY_SECONDS
        source.away = OSError()
        for _ in range(2):
            with pytest.raises(Unavailable):
                await source.accepts("key-2")
        assert await source.accepts("key-1")

    assert told(story).fetched == 2


def test_without_any_keys_no_token_is_accepted_and_they_are_looked_for_soon() -> None:
    async def story(source: Source) -> None:
        source.away = Unusable()
        for _ in range(FIRST_RETRY_SECONDS):
            with pytest.raises(Unavailable):
                await source.accepts()
            source.now += 1
        source.away = None
        assert await source.accepts()

    assert told(story).fetched == 2


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": [7]}', b"\xff", b"[" * 100_000,
     b'{"keys": [' + b"{}," * KEYS_MAX + b"{}]}"],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_set_is_not_used(text: bytes) -> None:
    with pytest.raises(Unusable):
        read_keys(text)


def _public(key: Any, **changed: object) -> dict[str, object]:
    return key.as_dict(private=False) | changed


def _useless() -> dict[str, dict[str, object]]:
    strong = _public(RSAKey.generate_key(2048), kid="1")
    point = _public(ECKey.generate_key("P-256"), kid="1")
    weak = {"kty": "RSA", "kid": "1", "e": "AQAB", "n": strong["n"][: 170 * 2]}  # type: ignore[index]
    return {
        "too short": weak,
        "short behind zeros": {**weak, "n": "AAAA" + strong["n"][: 170 * 2]},  # type: ignore[index]
        "too long": {**strong, "n": strong["n"] * 5},  # type: ignore[operator]
        "for encryption": {**strong, "use": "enc"},
        "for another operation": {**point, "key_ops": ["encrypt"]},
        "another algorithm": {**point, "alg": "ES384"},
        "another curve": _public(ECKey.generate_key("P-384"), kid="1"),
        "no point of its curve": {**point, "x": point["y"]},
        "no coordinate": {"kty": "EC", "crv": "P-256", "kid": "1"},
        "a coordinate that is a number": {**point, "x": 7},
        "for agreement": _public(OKPKey.generate_key("X25519"), kid="1"),
        "Ed448": _public(OKPKey.generate_key("Ed448"), kid="1"),
        "a secret": {**OctKey.generate_key(256, {"kid": "1"}).as_dict(private=True)},
        "a kid that is a number": {**point, "kid": 1},
        "no kind": {"kid": "1"},
        "nothing": {},
    }


@pytest.mark.parametrize("name", _useless())
def test_a_key_that_may_not_verify_is_left_out_and_the_others_are_used(name: str) -> None:
    good = _public(ECKey.generate_key("P-256"), kid="good")
    found = read_keys(json.dumps({"keys": [_useless()[name], good]}).encode())

    assert found.one("good", "ES256") is not None
    for algorithm in ("RS256", "PS256", "ES256", "EdDSA"):
        assert _usable(found.one("1", algorithm)) is None


def _usable(key: Any) -> Any:
    """The key, if it would verify anything."""
    operations = None if key is None else key.get("key_ops")
    return key if operations is None or "verify" in operations else None


def test_two_keys_of_one_id_are_none() -> None:
    keys = [_public(ECKey.generate_key("P-256"), kid="1") for _ in range(2)]

    assert read_keys(json.dumps({"keys": keys}).encode()).one("1", "ES256") is None
