"""Sign-ins that were begun: kept in the browser for ten minutes, several at once, sealed."""

import os
from typing import Any

import msgspec
import pytest

from api.console.oidc import Flow
from api.console.oidc_failures import SignInFailed
from api.console.session_cookies import PREFIX
from api.console.session_seal import Seals
from api.console.sign_in_flow import AT_ONCE, LASTS_SECONDS, Flows


class Kept:
    """A browser's cookies, and the clock of the service."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.seals = Seals((os.urandom(32),))
        self.flows = Flows(self.seals, clock=lambda: self.now)
        self.cookies: dict[str, str] = {}

    def begin(self, state: str, **more: Any) -> Flow:
        usual = {"nonce": "n", "verifier": "v", "wanted": "/console", "began": int(self.now)}
        flow = Flow(state=state, **{**usual, **more})
        for one in self.flows.kept(flow, self.cookies):
            name = one.key.removeprefix(PREFIX)
            assert one.secure and one.httponly and one.path == "/" and one.samesite == "lax"
            if one.max_age == 0:
                self.cookies.pop(name, None)
            else:
                assert one.max_age == LASTS_SECONDS
                self.cookies[name] = one.value or ""
        return flow

    def knows(self, state: str) -> bool:
        try:
            return self.flows.of(state, self.cookies).state == state
        except SignInFailed as error:
            assert error.kind == "stale"
            return False


def test_a_sign_in_can_be_finished_for_ten_minutes() -> None:
    kept = Kept()
    flow = kept.begin("state")
    assert kept.flows.of("state", kept.cookies) == flow
    kept.now += LASTS_SECONDS - 1
    assert kept.knows("state")
    kept.now += 1
    assert not kept.knows("state")


def test_of_many_the_newest_are_kept_and_what_cannot_be_read_is_forgotten() -> None:
    kept = Kept()
    kept.cookies["sign-in-nonsense"] = "x"
    kept.cookies["session"] = "of somebody"
    for n in range(10):
        kept.now += 1
        kept.begin(f"state-{n}")
    assert [n for n in range(10) if kept.knows(f"state-{n}")] == [*range(10 - AT_ONCE, 10)]
    assert len(kept.cookies) == AT_ONCE + 1 and kept.cookies["session"] == "of somebody"
    kept.now += LASTS_SECONDS
    kept.begin("new")
    assert len(kept.cookies) == 2


def test_nothing_but_what_was_sealed_for_it_is_a_sign_in() -> None:
    kept = Kept()
    flow = kept.begin("state")
    (name,) = kept.cookies
    plain = msgspec.msgpack.encode(flow)
    for text in (
        "",
        kept.cookies[name][:-1] + "!",
        kept.seals.seal("session", plain),
        kept.seals.seal("sign-in", plain[:-1]),
        Seals((os.urandom(32),)).seal("sign-in", plain),
    ):
        kept.cookies[name] = text
        with pytest.raises(SignInFailed):
            kept.flows.of("state", kept.cookies)


def test_its_cookie_says_nothing_of_its_state() -> None:
    kept = Kept()
    kept.begin("state-of-a-sign-in")
    ((name, value),) = kept.cookies.items()
    assert "state" not in name + value
