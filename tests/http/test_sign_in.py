"""Signing in to the console at an external provider, over HTTP: in, about, and out again."""

import logging
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from msgspec.structs import replace

from api.app import create_app
from api.console.sign_in_settings import sign_in_by
from api.grants import GrantTable
from tests.http.service import SETTINGS, Service, scratch, served
from tests.http.signing_in import PREFIX, Browser, add_seam
from tests.signing_in import CALLBACK, CLIENT, SECRET, Outside, provider

ORIGIN = "https://ledger.example"
ROLES = {
    "dpo": GrantTable(scopes=("check", "history"), purposes=("*",), entry_types=("*",)),
    "auditor": GrantTable(scopes=("audit",), purposes=("*",), entry_types=()),
}
SESSION = f"{PREFIX}session"


@pytest.fixture(scope="module")
def provider_up() -> Iterator[Outside]:
    with provider() as made:
        yield made


@pytest.fixture(scope="module")
def service(postgres: str, provider_up: Outside) -> Iterator[Service]:
    settings = replace(
        SETTINGS,
        public_url=ORIGIN,
        console_issuer=provider_up.url,
        console_client_id=CLIENT,
        console_client_secret=SECRET,
        console_roles=ROLES,
    )
    with scratch(postgres) as where:

        def make_app(ledger, issuer):
            app = create_app(ledger, issuer)
            made = sign_in_by(settings, where.folder, port=1, tokens=issuer, demo=False)
            assert made is not None
            made.install(app)
            add_seam(app)
            return app

        with served(where, settings=settings, make_app=make_app) as running:
            yield running


@pytest.fixture
def outside(provider_up: Outside) -> Outside:
    """The provider, as it usually is."""
    provider_up.changed, provider_up.away, provider_up.gives = {}, False, None
    provider_up.asked.clear()
    return provider_up


@pytest.fixture
def browser(service: Service) -> Iterator[Browser]:
    made = Browser(service.url, ORIGIN)
    yield made
    made.close()


def sign_in(browser: Browser, outside: Outside, wanted: str = "/console") -> str:
    """Where the person is led in the end."""
    response = browser.get(outside.came(browser.begin(wanted)))
    assert response.status_code == 303, response.text
    return response.headers["location"]


def test_somebody_signs_in_is_known_and_signs_out(browser: Browser, outside: Outside) -> None:
    assert browser.who() is None
    assert sign_in(browser, outside) == "/console"
    seen = browser.who()
    assert seen is not None
    assert (seen["id"], seen["scopes"], seen["whole"]) == ("person:7f1c", ["audit"], True)
    assert browser.cookies.keys() == {SESSION}, "what was begun is over"

    kept = dict(browser.cookies)
    response = browser.post("/console/sign-out", {"form_token": seen["form_token"]})
    assert (response.status_code, response.headers["location"]) == (303, "/console/signed-out")
    assert browser.cookies == {}
    assert browser.get("/console/signed-out").status_code == 200
    browser.cookies = kept
    assert browser.who() is None, "a copy of the cookie serves no more"


def test_the_redirect_is_fixed_by_the_settings_whatever_the_request_says(
    browser: Browser,
) -> None:
    response = browser.get(
        "/console/sign-in/start",
        x_forwarded_host="attacker.example",
        forwarded="host=attacker.example",
    )
    asked = dict(parse_qsl(urlsplit(response.headers["location"]).query))
    assert asked["redirect_uri"] == CALLBACK == f"{ORIGIN}/console/sign-in/callback"


def test_the_page_before_says_what_is_recorded_and_leads_on(browser: Browser) -> None:
    response = browser.get(f"/console/sign-in?next={quote('/console/people/x?a=1&b=2')}")
    assert response.status_code == 200 and "recorded" in response.text
    (link,) = re.findall(r'href="(/console/sign-in/start[^"]*)"', response.text)
    assert parse_qs(urlsplit(link.replace("&amp;", "&")).query) == {
        "next": ["/console/people/x?a=1&b=2"]
    }


INSIDE = [
    "/console", "/console/", "/console?a=1",
    "/console/people/1?known_at=2024-03-14T00:00:00%2B01:00",
]  # fmt: skip
ELSEWHERE = [
    "https://attacker.example/", "//attacker.example/console", "/\\attacker.example",
    "\\\\attacker.example",
    "/console\\..\\..\\attacker.example", "javascript:alert(1)", "data:text/html,x", "/v1/log", "/",
    "/consolex", "//console", "https:attacker.example", "https:///attacker.example",
    "/console/\r\nset-cookie: a=b", "/console/\x00", "\t//attacker.example", " /console", "",
    "/console@attacker.example", "/console.attacker.example", "/console/sign-in/start",
    "/console/sign-in",
    "/console/sign-in?next=//attacker.example",
]  # fmt: skip


@pytest.mark.parametrize("wanted", INSIDE)
def test_a_person_is_led_on_to_the_page_they_wanted(
    browser: Browser, outside: Outside, wanted: str
) -> None:
    assert sign_in(browser, outside, wanted) == wanted


@pytest.mark.parametrize("wanted", ELSEWHERE, ids=repr)
def test_nobody_is_led_elsewhere(browser: Browser, outside: Outside, wanted: str) -> None:
    response = browser.get(f"/console/sign-in/start?next={quote(wanted)}")
    if response.status_code == 400:
        assert "\x00" in wanted, "what is no text is refused at the door"
        return
    back = browser.get(outside.came(response.headers["location"]))
    assert (back.status_code, back.headers["location"]) == (303, "/console")


def test_a_place_whose_letters_no_header_takes_is_spelt_so_that_one_does(
    browser: Browser, outside: Outside
) -> None:
    assert sign_in(browser, outside, "/console/Zoë") == "/console/Zo%C3%AB"


# What comes back.


def failed(browser: Browser, address: str, *, code: int, title: str) -> str:
    """The page that says why nobody was signed in; nothing of what was sent is on it."""
    response = browser.get(address)
    assert response.status_code == code, response.text
    assert title in response.text and response.headers["content-type"].startswith("text/html")
    assert response.headers["cache-control"] == "no-store"
    for name, sent in parse_qsl(urlsplit(address).query):
        assert name == "iss" or sent not in response.text, name
    assert SESSION not in browser.cookies
    assert browser.who() is None
    return response.text


def test_a_state_that_was_begun_nowhere_or_in_another_browser_signs_nobody_in(
    service: Service, browser: Browser, outside: Outside
) -> None:
    other = Browser(service.url, ORIGIN)
    address = outside.came(other.begin())

    failed(browser, address, code=400, title="cannot be finished")
    browser.begin()
    failed(browser, address, code=400, title="cannot be finished")
    failed(browser, "/console/sign-in/callback", code=400, title="cannot be finished")
    assert outside.asked == [], "no code was tried"
    assert other.get(address).status_code == 303
    other.close()


def test_the_same_way_back_serves_once(browser: Browser, outside: Outside) -> None:
    address = outside.came(browser.begin())
    begun = dict(browser.cookies)
    assert browser.get(address).status_code == 303
    session = browser.cookies[SESSION]
    assert browser.get(address).status_code == 400
    # Not even where somebody kept the cookie that the browser forgot.
    browser.cookies = begun
    failed(browser, address, code=400, title="could not verify")
    assert session not in browser.cookies.values()


def test_a_code_of_another_sign_in_signs_nobody_in(browser: Browser, outside: Outside) -> None:
    """A code that an attacker got for themselves is not taken for the victim's."""
    theirs = outside.vouch(browser.begin())
    address = browser.begin()
    ours = outside.vouch(address)
    mixed = f"{CALLBACK}?{urlencode({**ours, 'code': theirs['code']})}"
    failed(browser, mixed, code=400, title="could not verify")


def test_sign_ins_begun_in_two_windows_both_end_well(browser: Browser, outside: Outside) -> None:
    first, second = browser.begin("/console/a"), browser.begin("/console/b")
    assert browser.get(outside.came(second)).headers["location"] == "/console/b"
    before = browser.cookies[SESSION]
    assert browser.get(outside.came(first)).headers["location"] == "/console/a"
    assert browser.cookies[SESSION] != before


def test_of_many_sign_ins_that_were_begun_the_newest_are_kept(
    browser: Browser, outside: Outside
) -> None:
    addresses = [browser.begin(f"/console/{n}") for n in range(12)]
    assert len(browser.cookies) == 4
    failed(browser, outside.came(addresses[0]), code=400, title="cannot be finished")
    assert browser.get(outside.came(addresses[-1])).headers["location"] == "/console/11"


def test_parameters_that_a_provider_adds_are_passed_over_and_none_counts_twice(
    browser: Browser, outside: Outside
) -> None:
    address = outside.came(browser.begin())
    code = parse_qs(urlsplit(address).query)["code"][0]
    for more in (f"&code={code}", "&state=x", "".join(f"&p{n}=1" for n in range(20))):
        response = browser.get(address + more)
        assert response.status_code == 400 and code not in response.text
    assert browser.get(f"{address}&session_state=a&authuser=0").status_code == 303


def test_a_provider_that_refuses_is_said_to_have_and_its_words_are_not_repeated(
    browser: Browser, outside: Outside
) -> None:
    came = {**outside.vouch(browser.begin()), "error": "access_denied"}
    came["error_description"] = "<b>Ana Example has no licence</b>"
    text = failed(
        browser, f"{CALLBACK}?{urlencode(came)}", code=403, title="You were not signed in"
    )
    assert "licence" not in text


def test_somebody_without_a_role_is_told_so(browser: Browser, outside: Outside) -> None:
    outside.changed = {"groups": ["staff"]}
    failed(browser, outside.came(browser.begin()), code=403, title="You have no role here")


def test_a_provider_that_is_away_is_503_with_what_to_do(browser: Browser, outside: Outside) -> None:
    address = outside.came(browser.begin())
    outside.away = True
    text = failed(browser, address, code=503, title="cannot be reached")
    assert "Try again in a moment" in text and "/console/sign-in" in text
    outside.away = False
    assert sign_in(browser, outside) == "/console"


def test_no_diagnostic_names_a_code_a_token_or_a_person(
    browser: Browser, outside: Outside, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="ledger"):
        sign_in(browser, outside)
        outside.changed = {"nonce": "another"}
        address = outside.came(browser.begin())
        assert browser.get(address).status_code == 400
    ours = [one for one in caplog.records if one.name == "ledger"]
    assert [one.getMessage() for one in ours] == ["signed in", "sign-in failed"]
    assert (vars(ours[0])["role"], vars(ours[1])["kind"]) == ("auditor", "unproven")
    assert vars(ours[1])["why"] == "the ID token is of another sign-in"
    said = repr([vars(one) for one in ours])
    code = parse_qs(urlsplit(address).query)["code"][0]
    for secret in ("7f1c", "Ana", code, SECRET, *browser.cookies.values()):
        assert secret not in said


# The session.


def test_a_cookie_that_was_planted_before_is_not_the_session_after(
    service: Service, browser: Browser, outside: Outside
) -> None:
    attacker = Browser(service.url, ORIGIN)
    sign_in(attacker, outside)
    browser.cookies = dict(attacker.cookies)
    outside.changed = {"sub": "victim"}
    sign_in(browser, outside)

    assert browser.cookies[SESSION] != attacker.cookies[SESSION]
    seen = browser.who()
    assert seen is not None and seen["id"] == "person:victim"
    assert attacker.who() is None, "the one before was ended"
    attacker.close()


def test_a_changed_cookie_is_nobodys(browser: Browser, outside: Outside) -> None:
    sign_in(browser, outside)
    value = browser.cookies[SESSION]
    for changed in (value[:-2], f"{value}AA", ("B" if value[0] == "A" else "A") + value[1:]):
        browser.cookies[SESSION] = changed
        assert browser.who() is None


def test_a_bearer_token_opens_no_page_and_a_session_no_route(
    service: Service, browser: Browser, outside: Outside
) -> None:
    token = service.issuer.token("machine", ("audit",), seconds=60)
    assert browser.get("/console/seam/who", authorization=f"Bearer {token}").status_code == 303
    sign_in(browser, outside)
    assert browser.get("/v1/catalogue").status_code == 401


def test_a_page_beyond_the_role_is_forbidden(browser: Browser, outside: Outside) -> None:
    outside.changed = {"groups": ["dpo"]}
    sign_in(browser, outside)
    seen = browser.who()
    assert seen is not None and seen["scopes"] == ["check", "history"]
    assert browser.get(f"/console/seam/why/{uuid4()}").status_code == 403


def test_a_reason_is_stated_once_for_each_person_and_session(
    browser: Browser, outside: Outside
) -> None:
    sign_in(browser, outside)
    seen = browser.who()
    assert seen is not None
    subject, other = uuid4(), uuid4()
    page = f"/console/seam/why/{subject}"
    response = browser.get(page)
    assert response.headers["location"].startswith(f"/console/people/{subject}/reason?")

    form = {"form_token": seen["form_token"], "reason": "Complaint DP-2026-014"}
    assert browser.post(page, form).status_code == 201
    for _ in range(2):
        assert browser.get(page).json() == {
            "client": "person:7f1c",
            "reason": "Complaint DP-2026-014",
        }
    assert browser.get(f"/console/seam/why/{other}").status_code == 303
    sign_in(browser, outside)
    assert browser.get(page).status_code == 303, "another session"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://attacker.example"},
        {"origin": "https://attacker.example", "sec_fetch_site": ""},
        {"origin": "null", "sec_fetch_site": ""},
        {"origin": "", "sec_fetch_site": ""},
    ],
    ids=str,
)
def test_a_form_that_another_site_sends_changes_nothing(
    browser: Browser, outside: Outside, headers: dict[str, str]
) -> None:
    sign_in(browser, outside)
    seen = browser.who()
    assert seen is not None
    form = {"form_token": seen["form_token"]}
    assert browser.post("/console/sign-out", form, **headers).status_code == 403
    assert browser.who() is not None


@pytest.mark.parametrize("token", [None, "", "0" * 32])
def test_a_form_without_the_sessions_own_token_changes_nothing(
    browser: Browser, outside: Outside, token: str | None
) -> None:
    sign_in(browser, outside)
    form = {"another": "x"} if token is None else {"form_token": token}
    assert browser.post("/console/sign-out", form).status_code == 403
    assert browser.who() is not None


def test_nobody_is_signed_out_by_a_link(browser: Browser, outside: Outside) -> None:
    sign_in(browser, outside)
    assert browser.get("/console/sign-out").status_code in (404, 405)
    assert browser.who() is not None


def test_where_no_local_provider_is_there_is_nothing(browser: Browser) -> None:
    for path in ("/.well-known/openid-configuration", "/jwks", "/authorize"):
        assert browser.get(f"/console/demo-provider{path}").status_code == 404
    assert browser.post("/console/demo-provider/token", {}).status_code == 404
    assert browser.post("/console/demo-provider/authorize", {}).status_code == 404
