"""The keys of an external issuer: a JWK set, fetched when it is needed and kept for an outage.

Keys older than `FRESH_SECONDS` are asked for again; a key that is not among them is looked for
again at most once in `RETRY_SECONDS`, however many tokens name it. While the set cannot be fetched
the last one is used, up to the grace; then no token can be told from a forgery, and that is said
(503). Not here: what a token says (`tokens`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Coroutine
from math import nan
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.util import base64_to_int

from api.access import Unauthenticated
from ledger.errors import Unavailable

FRESH_SECONDS = 300
RETRY_SECONDS = 60
FIRST_RETRY_SECONDS = 5
"""The least time between two attempts while no set was ever fetched."""
FETCH_SECONDS = 10
SET_BYTES_MAX = 262_144
KEYS_MAX = 100
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192
KIND_OF = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}

Fetch = Callable[[], Coroutine[Any, Any, bytes]]
diagnostics = logging.getLogger("ledger")


class Unusable(Exception):
    """A JWK set that could not be fetched, or is none."""


class KeySet(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a set that verify signatures by an allowed algorithm."""

    keys: tuple[Key, ...]

    def one(self, kid: str | None, algorithm: str) -> Key | None:
        """The key of this id for this algorithm; a token without `kid` has the only one there is.

        Two keys of one id are none: which of them was meant cannot be told.
        """
        found = [one for one in self.keys if _suits(one, algorithm) and kid in (None, one.kid)]
        return found[0] if len(found) == 1 else None


class Jwks:
    """The keys of one issuer, for one event loop; `fetch` gives the set as JSON."""

    def __init__(
        self, fetch: Fetch, *, grace_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._grace = grace_s
        self._clock = clock
        self._held: KeySet | None = None
        self._held_since = self._tried_at = float("-inf")
        self._failing = False
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str | None, algorithm: str) -> Key:
        """The key of a token; raises `Unauthenticated`, or `Unavailable` in an outage."""
        found = (await self._current()).one(kid, algorithm)
        if found is None and self._may_try():
            await self._refresh()
            found = (await self._current()).one(kid, algorithm)
        if found is not None:
            return found
        if self._failing:
            raise Unavailable("the issuer's keys cannot be fetched: retry after a moment")
        raise Unauthenticated("the token is signed with a key that its issuer does not publish")

    async def usable(self) -> None:
        """Returns where tokens can be verified now; raises `Unavailable` where they cannot."""
        await self._current()

    def age(self) -> float:
        """For how many seconds the set has been held; NaN where none ever was."""
        return nan if self._held is None else self._clock() - self._held_since

    async def _current(self) -> KeySet:
        """The set, asked for again where it is due; the last one where that just failed."""
        if self._clock() - self._held_since >= FRESH_SECONDS and self._may_try():
            task = self._started()
            if self._held is None or not self._failing:
                await asyncio.shield(task)
        if self._held is None or self._clock() - self._held_since >= FRESH_SECONDS + self._grace:
            raise Unavailable("the issuer's keys cannot be fetched: no token can be verified")
        return self._held

    def _may_try(self) -> bool:
        """Whether an attempt is due, or under way."""
        apart = FIRST_RETRY_SECONDS if self._held is None else RETRY_SECONDS
        return self._fetching is not None or self._clock() - self._tried_at >= apart

    async def _refresh(self) -> None:
        await asyncio.shield(self._started())

    def _started(self) -> asyncio.Task[None]:
        """The one attempt that is under way, begun now if none is."""
        if self._fetching is None:
            self._tried_at = self._clock()
            self._fetching = asyncio.create_task(self._attempt())
        return self._fetching

    async def _attempt(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._held = read_keys(await self._fetch())
            self._held_since, self._failing = self._clock(), False
        except Exception as error:
            # However it fails, it is an outage; the last set is used for a while.
            self._failing = True
            diagnostics.error("the issuer's keys cannot be fetched: %s", type(error).__name__)
        finally:
            self._fetching = None


def over_https(url: str) -> Fetch:
    """The set at this URL: one bounded answer, no redirect, nothing unpacked."""
    verify = ssl.create_default_context()

    async def fetch() -> bytes:
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        async with (
            httpx2.AsyncClient(verify=verify, follow_redirects=False, timeout=5.0) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code != 200 or "content-encoding" in response.headers:
                raise Unusable
            found = bytearray()
            async for chunk in response.aiter_raw():
                found += chunk
                if len(found) > SET_BYTES_MAX:
                    raise Unusable
            return bytes(found)

    return fetch


def in_file(path: Path) -> Fetch:
    """The set in this file."""

    async def fetch() -> bytes:
        def read() -> bytes:
            with path.open("rb") as file:
                return file.read(SET_BYTES_MAX + 1)

        found = await asyncio.to_thread(read)
        if len(found) > SET_BYTES_MAX:
            raise Unusable
        return found

    return fetch


class _Set(msgspec.Struct):
    keys: list[dict[str, Any]]


def read_keys(text: bytes) -> KeySet:
    """The keys that may verify signatures; what else is in the set is left out.

    Raises `Unusable` where it is no JWK set (RFC 7517, section 5).
    """
    try:
        found = msgspec.json.decode(text, type=_Set).keys
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable from error
    if len(found) > KEYS_MAX:
        raise Unusable
    return KeySet(keys=tuple(key for one in found if (key := _key(one)) is not None))


def _key(one: dict[str, Any]) -> Key | None:
    """The public key, or None where it is not for verifying, is too weak, or cannot be read."""
    if one.get("use", "sig") != "sig" or not isinstance(one.get("kid", ""), str):
        return None
    named: Any = {name: one[name] for name in ("kid", "alg", "key_ops") if name in one}
    try:
        if one.get("kty") == "RSA" and _strong(one["n"]):
            return RSAKey.import_key({"kty": "RSA", "n": one["n"], "e": one["e"]}, named)
        if one.get("kty") == "EC" and one.get("crv") == "P-256":
            return ECKey.import_key({**_named(one, "kty", "crv", "x", "y")}, named)
        if one.get("kty") == "OKP" and one.get("crv") == "Ed25519":
            return OKPKey.import_key({**_named(one, "kty", "crv", "x")}, named)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None


def _named(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: one[name] for name in names}


def _strong(modulus: str) -> bool:
    return RSA_BITS_MIN <= base64_to_int(modulus).bit_length() <= RSA_BITS_MAX


def _suits(key: Key, algorithm: str) -> bool:
    """Whether the key is of the algorithm's kind and, where it says so, for it alone."""
    same = {"EdDSA", "Ed25519"} if algorithm in ("EdDSA", "Ed25519") else {algorithm}
    return key.key_type == KIND_OF[algorithm] and (key.alg is None or key.alg in same)
