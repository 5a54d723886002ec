"""Sessions in a sealed cookie: for how long they last, and who can make one."""

import asyncio
import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.access import Grant
from api.console.session import (
    IDLE_SECONDS,
    LASTS_SECONDS,
    RENEWED_SECONDS,
    SKEW_SECONDS,
    Session,
)
from api.console.session_cookies import cookies_of
from api.console.session_ended import Ended
from api.console.session_seal import Seals
from api.grants import GrantTable
from ledger.errors import Fault, Unavailable
from tests.unit.console_sessions import ANA, ROLES, Console, asked, promised, sent


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    yield Console(tmp_path)


def test_the_cookie_is_this_hosts_alone_and_no_script_reads_it(console: Console) -> None:
    header = console.sessions().begun(ANA).to_header(header="")

    name, _, rest = header.partition("=")
    value, *attributes = rest.split("; ")
    assert name == "__Host-ledger-session"
    assert {one.lower() for one in attributes} == {"path=/", "secure", "httponly", "samesite=lax"}
    assert re.fullmatch(r"[A-Za-z0-9_-]+", value)
    assert b"7f1c" not in base64.urlsafe_b64decode(value + "==")


def test_another_process_opens_the_session_and_so_does_one_after_a_restart(
    console: Console,
) -> None:
    cookie = sent(console.sessions().begun(ANA))
    for seals in (console.seals, Seals.at(console.folder / "console-key")):
        viewer = console.viewer(cookie, seals=seals)
        assert viewer is not None
        assert (viewer.client.id, viewer.name) == (ANA.client, ANA.name)
        assert viewer.client.scopes == {"check", "audit"}
        assert viewer.client.grant == Grant(purposes=frozenset({"PHOTO"}), entry_types=frozenset())


def test_each_sign_in_is_a_session_of_its_own(console: Console) -> None:
    sessions = console.sessions()
    first, second = (console.viewer(sent(sessions.begun(ANA))) for _ in range(2))
    assert first is not None and second is not None
    assert first.session.id != second.session.id
    assert first.form_token != second.form_token
    assert len(first.form_token) == 32


def test_a_session_ends_after_half_an_hour_without_a_request(console: Console) -> None:
    cookie = sent(console.sessions().begun(ANA))
    console.now += IDLE_SECONDS - 1
    assert console.viewer(cookie) is not None
    console.now += 1
    assert console.viewer(cookie) is None


def test_a_request_gives_the_session_a_later_end_but_none_beyond_its_eight_hours(
    console: Console,
) -> None:
    cookie, began = sent(console.sessions().begun(ANA)), console.now
    assert console.viewer(cookie) is not None and promised() is None, "nothing to renew yet"

    async def used() -> str | None:
        viewer = await console.sessions().viewer(asked(cookie))
        return promised() if viewer else None

    while console.now < began + LASTS_SECONDS - IDLE_SECONDS // 2:
        console.now += IDLE_SECONDS // 2
        renewed = asyncio.run(used())
        assert renewed is not None and renewed != cookie
        cookie = renewed
    console.now = began + LASTS_SECONDS - 1
    assert console.viewer(cookie) is not None
    console.now += 1
    assert console.viewer(cookie) is None


def test_it_is_renewed_once_a_minute(console: Console) -> None:
    cookie = sent(console.sessions().begun(ANA))

    async def renewed() -> str | None:
        await console.sessions().viewer(asked(cookie))
        return promised()

    console.now += RENEWED_SECONDS - 1
    assert asyncio.run(renewed()) is None
    console.now += 1
    assert asyncio.run(renewed()) is not None


def test_a_session_of_a_clock_too_far_ahead_is_none(console: Console) -> None:
    cookie = sent(console.sessions().begun(ANA))
    console.now -= SKEW_SECONDS
    assert console.viewer(cookie) is not None
    console.now -= 1
    assert console.viewer(cookie) is None


def test_one_that_was_ended_counts_no_more_in_any_process(console: Console) -> None:
    cookie = sent(console.sessions().begun(ANA))
    other = sent(console.sessions().begun(ANA))
    viewer = console.viewer(cookie)
    assert viewer is not None
    gone = asyncio.run(console.sessions().end(viewer))

    assert gone.to_header(header="").startswith('__Host-ledger-session=""')
    assert (gone.max_age, gone.secure, gone.path) == (0, True, "/")
    assert console.viewer(cookie) is None
    assert console.viewer(other) is not None
    console.now += RENEWED_SECONDS
    assert console.viewer(cookie) is None, "nor is it renewed"


def test_what_was_ended_is_remembered_for_as_long_as_it_could_open(tmp_path: Path) -> None:
    ended = Ended(tmp_path / "ended", keep_s=100)
    ended.add(b"one", 1000.0)
    ended.add(b"two", 1100.0)
    assert ended.has(b"one") and ended.has(b"two") and not ended.has(b"three")
    ended.add(b"three", 1101.0)
    assert not ended.has(b"one") and ended.has(b"two")


def test_where_it_cannot_be_told_whether_a_session_was_ended_nobody_is_signed_in(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "ended"
    ended = Ended(folder, keep_s=100)
    folder.rmdir()
    with pytest.raises(Unavailable):
        ended.has(b"one")
    with pytest.raises(Unavailable):
        ended.add(b"one", 1.0)
    folder.write_text("a file")
    with pytest.raises(Unavailable):
        ended.has(b"one")


# Forgeries.


def test_no_changed_bit_of_a_cookie_opens(console: Console) -> None:
    name, _, value = sent(console.sessions().begun(ANA)).partition("=")
    sealed = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert console.viewer(f"{name}={text}") is None, place
    for cut in (0, 1, 11, 12, 13, len(value) // 2, len(value) - 1):
        assert console.viewer(f"{name}={value[:cut]}") is None, cut
    for text in ("=" * 9, "ä", "!", value + "A", " ", "a b", '"' + value + '"'):
        assert console.viewer(f"{name}={text}") is None, text


def test_what_was_sealed_for_something_else_or_by_somebody_else_is_no_session(
    console: Console,
) -> None:
    plain = msgspec.msgpack.encode(session_of(console))
    name = "__Host-ledger-session"
    assert console.viewer(f"{name}={console.seals.seal('session', plain)}") is not None
    assert console.viewer(f"{name}={console.seals.seal('sign-in', plain)}") is None
    assert console.viewer(f"{name}={Seals((os.urandom(32),)).seal('session', plain)}") is None
    assert console.viewer(f"{name}={console.seals.seal('session', b'no session')}") is None
    assert console.viewer(f"{name}={console.seals.seal('session', plain[:-3])}") is None


def test_a_cookie_under_another_name_or_twice_is_nobodys(console: Console) -> None:
    cookie = sent(console.sessions().begun(ANA))
    value = cookie.partition("=")[2]
    assert console.viewer(f"ledger-session={value}") is None
    assert console.viewer(f"__Secure-ledger-session={value}") is None
    assert console.viewer(f"{cookie}; {cookie}") is None
    assert console.viewer(cookie, cookie) is None
    assert console.viewer(f"a=b; {cookie};c") is not None
    assert console.viewer("a=b", cookie) is not None


def test_cookies_of_others_are_left_alone() -> None:
    held = cookies_of(asked("__Host-ledger-a=1; __Host-other=2;b=3; __Host-ledger-c=4=5"))
    assert held == {"a": "1", "c": "4=5"}


def test_a_session_of_another_provider_or_of_a_role_that_is_no_more_is_over(
    console: Console,
) -> None:
    cookie = sent(console.sessions().begun(ANA))
    assert console.viewer(cookie, provider="https://another.example") is None
    assert console.viewer(cookie, roles={"dpo": ROLES["dpo"]}) is None
    narrowed = console.viewer(cookie, roles={"auditor": GrantTable(scopes=("check",))})
    assert narrowed is not None
    assert (set(narrowed.client.scopes), narrowed.client.grant) == ({"check"}, Grant())


def session_of(console: Console) -> Session:
    viewer = console.viewer(sent(console.sessions().begun(ANA)))
    assert viewer is not None
    return viewer.session


# Keys.


def test_a_new_key_before_the_old_opens_what_the_old_one_sealed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    old = Seals.at(path).seal("p", b"text")
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(f"{os.urandom(32).hex()}\n{path.read_text()}")
    both = Seals.at(path)
    new = both.seal("p", b"text")
    path.write_text(path.read_text().split()[0])

    assert both.open("p", old) == both.open("p", new) == b"text"
    assert Seals.at(path).open("p", new) == b"text"
    assert Seals.at(path).open("p", old) is None


def test_the_same_text_is_never_sealed_the_same(tmp_path: Path) -> None:
    seals = Seals.at(tmp_path / "key")
    assert len({seals.seal("p", b"text") for _ in range(100)}) == 100


def test_a_key_file_that_others_read_or_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Seals.at(path)
    assert [one.name for one in tmp_path.iterdir()] == ["key"]
    path.chmod(0o640)
    with pytest.raises(Fault, match="chmod 600"):
        Seals.at(path)
    path.chmod(0o600)
    for text in ("key", "00" * 31, "00" * 32 + "\n" + "0" * 63):
        path.write_text(text)
        with pytest.raises(Fault, match="64 hex digits"):
            Seals.at(path)
    path.write_text("")
    with pytest.raises(Fault, match="64 hex digits"):
        Seals.at(path)
