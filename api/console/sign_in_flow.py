"""Sign-ins that were begun, each in a sealed cookie of its own until the browser comes back.

Several may be begun at once, in as many windows; the oldest are forgotten. Not here: what must be
shown on the way back (`oidc`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

import msgspec
from litestar.datastructures import Cookie

from api.console.oidc import Flow
from api.console.oidc_failures import SignInFailed
from api.console.session_cookies import cookie, gone
from api.console.session_seal import Seals

PURPOSE = "sign-in"
LASTS_SECONDS = 600
AT_ONCE = 4
_BEGINNING = f"{PURPOSE}-"


class Flows:
    """The sign-ins that a browser has begun."""

    def __init__(self, seals: Seals, *, clock: Callable[[], float] = time.time) -> None:
        self._seals = seals
        self._clock = clock

    def kept(self, flow: Flow, cookies: Mapping[str, str]) -> list[Cookie]:
        """The cookies to set: that of this one, and of others that the browser shall forget."""
        sealed = self._seals.seal(PURPOSE, msgspec.msgpack.encode(flow))
        held = {name: self._opened(text) for name, text in cookies.items() if _is_ours(name)}
        live = {name: one.began for name, one in held.items() if one is not None}
        newest = sorted(live, key=lambda name: live[name])[-(AT_ONCE - 1) :]
        forgotten = [gone(name) for name in held if name not in newest]
        return [cookie(name_of(flow.state), sealed, seconds=LASTS_SECONDS), *forgotten]

    def of(self, state: str, cookies: Mapping[str, str]) -> Flow:
        """The one that was begun here with this state; raises `SignInFailed`."""
        flow = self._opened(cookies.get(name_of(state), ""))
        if flow is None:
            raise SignInFailed("stale", "no sign-in was begun here with this state")
        return flow

    def _opened(self, text: str) -> Flow | None:
        plain = self._seals.open(PURPOSE, text)
        if plain is None:
            return None
        try:
            flow = msgspec.msgpack.decode(plain, type=Flow)
        except msgspec.DecodeError:
            return None
        return flow if self._clock() - flow.began < LASTS_SECONDS else None


def name_of(state: str) -> str:
    """What its cookie is called."""
    return _BEGINNING + hashlib.sha256(state.encode()).hexdigest()[:12]


def _is_ours(name: str) -> bool:
    return name.startswith(_BEGINNING)
