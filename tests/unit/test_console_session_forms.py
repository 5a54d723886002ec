"""What a session remembers of reasons, and which forms are taken for its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from api.access import Forbidden
from api.console.session import BYTES_MAX, RENEWED_SECONDS, Person, check_origin
from tests.unit.console_sessions import ANA, ORIGIN, Console, asked, promised, sent


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    yield Console(tmp_path)


def stating(console: Console, cookie: str, subject: UUID, reason: str) -> str:
    """The cookie after a reason was stated."""

    async def state() -> str | None:
        sessions = console.sessions()
        viewer = await sessions.viewer(asked(cookie))
        assert viewer is not None
        await sessions.state_reason(viewer, subject, reason)
        return promised()

    kept = asyncio.run(state())
    assert kept is not None
    return kept


def reason_for(console: Console, cookie: str, subject: UUID) -> str | None:
    viewer = console.viewer(cookie)
    assert viewer is not None
    return asyncio.run(console.sessions().reason(viewer, subject))


def test_a_reason_counts_for_its_person_and_its_session(console: Console) -> None:
    one, other = uuid4(), uuid4()
    before = sent(console.sessions().begun(ANA))
    cookie = stating(console, before, one, "Complaint DP-2026-014")

    assert reason_for(console, cookie, one) == "Complaint DP-2026-014"
    assert reason_for(console, cookie, other) is None
    assert reason_for(console, before, one) is None
    cookie = stating(console, cookie, other, "DP-2")
    cookie = stating(console, cookie, one, "DP-3")
    assert [reason_for(console, cookie, each) for each in (one, other)] == ["DP-3", "DP-2"]
    assert reason_for(console, sent(console.sessions().begun(ANA)), one) is None


def test_a_reason_stays_when_the_session_is_renewed(console: Console) -> None:
    subject = uuid4()
    cookie = stating(console, sent(console.sessions().begun(ANA)), subject, "DP-1")
    console.now += RENEWED_SECONDS

    async def renewed() -> str | None:
        await console.sessions().viewer(asked(cookie))
        return promised()

    again = asyncio.run(renewed())
    assert again is not None and reason_for(console, again, subject) == "DP-1"


@pytest.mark.parametrize("letter", ["x", "𝔛"])
def test_of_many_reasons_the_newest_are_remembered_and_a_browser_keeps_the_cookie(
    console: Console, letter: str
) -> None:
    long = Person(client="person:" + "x" * 193, name="𝔛" * 200, role="auditor")
    cookie = sent(console.sessions().begun(long))
    people = [uuid4() for _ in range(60)]
    for subject in people:
        cookie = stating(console, cookie, subject, letter * 200)
        assert len(cookie) <= 4096
    remembered = [reason_for(console, cookie, each) is not None for each in people]
    assert remembered == sorted(remembered), "the newest"
    assert remembered[-1]
    assert 2 <= sum(remembered) < BYTES_MAX // 200


# Forms.


HERE = {"origin": ORIGIN, "sec_fetch_site": "same-origin"}


@pytest.mark.parametrize(
    "headers",
    [
        HERE,
        {"origin": "null", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin"},
        {"origin": ORIGIN},
    ],
    ids=str,
)
def test_a_form_of_a_page_of_the_session_is_taken(
    console: Console, headers: dict[str, str]
) -> None:
    viewer = console.viewer(sent(console.sessions().begun(ANA)))
    assert viewer is not None
    console.sessions().check_form(
        asked(**headers), viewer, {"form_token": viewer.form_token, "more": "x"}
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://attacker.example"},
        {"origin": "http://ledger.example"},
        {"origin": "https://ledger.example:8443"},
        {"origin": "https://attacker.example", "sec_fetch_site": "same-origin"},
        {"origin": ORIGIN, "sec_fetch_site": "cross-site"},
        {"origin": ORIGIN, "sec_fetch_site": "same-site"},
        {"origin": ORIGIN, "sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": ""},
    ],
    ids=str,
)
def test_a_form_of_a_page_elsewhere_is_not(console: Console, headers: dict[str, str]) -> None:
    viewer = console.viewer(sent(console.sessions().begun(ANA)))
    assert viewer is not None
    with pytest.raises(Forbidden):
        console.sessions().check_form(asked(**headers), viewer, {"form_token": viewer.form_token})
    with pytest.raises(Forbidden):
        check_origin(asked(**headers), ORIGIN)


def test_a_form_without_the_token_of_the_session_is_not(console: Console) -> None:
    sessions = console.sessions()
    viewer = console.viewer(sent(sessions.begun(ANA)))
    other = console.viewer(sent(sessions.begun(ANA)))
    assert viewer is not None and other is not None
    for fields in (
        {},
        {"form_token": ""},
        {"form_token": other.form_token},
        {"form_token": viewer.form_token[:-1]},
        {"form_token": viewer.form_token.upper() + "é"},
    ):
        with pytest.raises(Forbidden):
            sessions.check_form(asked(**HERE), viewer, fields)
