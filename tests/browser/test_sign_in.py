"""Signing in with a real browser: its cookies over plain HTTP on this machine, and its headers.

What a browser takes for this machine is the question: `__Host-` cookies must be `Secure`, and there
is no TLS on loopback.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from litestar import Litestar
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from api.app import create_app
from api.console.sign_in_settings import sign_in_by
from tests.browser.seen import Seen
from tests.http.service import SETTINGS, scratch, served
from tests.http.signing_in import PREFIX, add_seam
from tests.unit.loopback import answering, whole

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=["127.0.0.1", "localhost"])
def origin(request: pytest.FixtureRequest, postgres: str) -> Iterator[str]:
    """A demo's service, by each name of this machine."""
    apps: list[Litestar] = []

    def make_app(ledger, issuer):
        apps.append(create_app(ledger, issuer))
        add_seam(apps[0])
        return apps[0]

    settings = replace(SETTINGS, host=request.param)
    with scratch(postgres) as where, served(where, make_app=make_app) as running:
        port = urlsplit(running.url).port
        assert port is not None
        made = sign_in_by(settings, where.folder, port=port, tokens=running.issuer, demo=True)
        assert made is not None
        made.install(apps[0])
        yield made.origin


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    yield made
    made.close()


@contextmanager
def elsewhere(host: str, text: str) -> Iterator[str]:
    """A page of somebody else, at another port of this machine under that name."""
    with answering(whole(text.encode(), content_type="text/html")) as url:
        yield url.replace("127.0.0.1", host)


def sign_in(page: Page, origin: str) -> None:
    """As somebody does it, up to a page that they wanted."""
    page.goto(f"{origin}/console/seam/form")
    expect(page).to_have_url(f"{origin}/console/sign-in?next=/console/seam/form")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/console/demo-provider/authorize\?"))
    page.get_by_label("Demo auditor").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{origin}/console/seam/form")


def is_signed_in(context: BrowserContext, origin: str) -> bool:
    page = context.new_page()
    page.goto(f"{origin}/console/seam/who")
    return urlsplit(page.url).path == "/console/seam/who"


def test_somebody_signs_in_and_out(context: BrowserContext, origin: str) -> None:
    seen = Seen(context.new_page())
    sign_in(seen.page, origin)
    (cookie,) = context.cookies()
    assert cookie["name"] == f"{PREFIX}session"
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    assert seen.page.evaluate("document.cookie") == ""

    posts: list[Request] = []
    seen.page.on("request", lambda one: posts.append(one) if one.method == "POST" else None)
    seen.page.get_by_role("button", name="Sign out").click()
    expect(seen.page).to_have_url(f"{origin}/console/signed-out")
    (sent,) = posts
    headers = sent.all_headers()
    assert headers["sec-fetch-site"] == "same-origin"
    # The service's pages send no referrer, so a browser says nothing of where they are from.
    assert headers["origin"] in ("null", origin)
    assert context.cookies() == []
    assert not is_signed_in(context, origin)
    assert seen.violations() == [] and seen.elsewhere(origin) == set()


def test_a_copy_of_the_cookie_is_worth_nothing_after(
    browser: Browser, context: BrowserContext, origin: str
) -> None:
    page = context.new_page()
    sign_in(page, origin)
    copied = browser.new_context()
    copied.add_cookies(context.cookies())  # type: ignore[arg-type]
    assert is_signed_in(copied, origin)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{origin}/console/signed-out")
    assert not is_signed_in(copied, origin)
    copied.close()


def test_who_comes_by_another_name_of_this_machine_signs_in_by_the_right_one(
    context: BrowserContext, origin: str
) -> None:
    page = context.new_page()
    port = urlsplit(origin).port
    for name in ("127.0.0.1", "localhost"):
        page.goto(f"http://{name}:{port}/console/sign-in?next=/console/seam/form")
        expect(page).to_have_url(f"{origin}/console/sign-in?next=/console/seam/form")


@pytest.mark.parametrize("kind", ["same site", "another site"])
def test_a_form_of_somebody_else_signs_nobody_out(
    context: BrowserContext, origin: str, kind: str
) -> None:
    """Another port of this machine is the same site: its forms bring the cookie along."""
    page = context.new_page()
    sign_in(page, origin)
    token = page.locator("[name=form_token]").input_value()
    host = urlsplit(origin).hostname or ""
    other = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}[host]
    text = (
        f'<form method="post" action="{origin}/console/sign-out">'
        f'<input name="form_token" value="{token}"><button>Go</button></form>'
    )
    with elsewhere(host if kind == "same site" else other, text) as url:
        page.goto(url)
        with page.expect_response(lambda one: one.request.method == "POST") as got:
            page.get_by_role("button", name="Go").click()
        # With the cookie it is refused; without, whoever sent it is asked to sign in.
        assert got.value.status == (403 if kind == "same site" else 303)
    assert is_signed_in(context, origin)


def test_a_link_of_somebody_else_finds_who_is_signed_in(
    context: BrowserContext, origin: str
) -> None:
    page = context.new_page()
    sign_in(page, origin)
    with elsewhere("127.0.0.1", f'<a href="{origin}/console/seam/who">look</a>') as url:
        page.goto(url)
        page.get_by_role("link").click()
        expect(page).to_have_url(f"{origin}/console/seam/who")
