"""`/docs` in a real browser: it shows every operation, and asks nobody but its own service."""

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from api.openapi_page import FOREVER, POLICY
from tests.browser.seen import Seen
from tests.http.service import Service

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
DOCUMENT = json.loads((ROOT / "ops" / "docs" / "openapi.json").read_bytes())
OPERATIONS = {
    operation["operationId"]
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}


def opened(browser: Browser, url: str) -> Seen:
    """The page once it shows something."""
    seen = Seen(browser.new_page())
    seen.page.goto(url)
    expect(seen.page.locator(".opblock").first).to_be_visible(timeout=60_000)
    return seen


def answer(page: Page) -> Locator:
    """The status of the answer to what was tried."""
    return page.locator(".live-responses-table tbody .response-col_status")


def test_every_operation_is_shown(service: Service, browser: Browser) -> None:
    seen = opened(browser, f"{service.url}/docs")

    shown = seen.page.locator(".opblock").evaluate_all("some => some.map(one => one.id)")
    assert {one.rpartition("-")[2] for one in shown} == OPERATIONS
    expect(seen.page.locator("h1, h2").first).to_contain_text("Ledger of consent and legal basis")


def test_nothing_is_forbidden_and_nobody_else_is_asked(service: Service, browser: Browser) -> None:
    seen = opened(browser, f"{service.url}/docs")
    # Opened, an operation draws its schemas, its examples and its form.
    seen.page.locator("#operations-Checks-check .opblock-summary-control").click()
    expect(seen.page.get_by_role("button", name="Try it out")).to_be_visible()
    seen.page.get_by_role("button", name="Try it out").click()
    seen.page.get_by_role("button", name="Execute").click()
    expect(answer(seen.page)).to_have_text("401")

    assert seen.violations() == []
    assert seen.elsewhere(service.url) == set()
    assert seen.failed == []
    assert [one for one in seen.said if "401" not in one] == []
    assert any(url.endswith("/openapi.json") for url in seen.asked)


def test_a_token_given_to_the_page_is_sent(service: Service, browser: Browser) -> None:
    seen = opened(browser, f"{service.url}/docs")
    token = service.issuer.token("docs", ("check",), seconds=600)
    seen.page.get_by_role("button", name="Authorize").first.click()
    seen.page.locator("#auth-bearer-value").fill(token)
    seen.page.locator(".auth-btn-wrapper .authorize").click()
    seen.page.locator(".auth-btn-wrapper .btn-done").click()
    seen.page.locator("#operations-Checks-check .opblock-summary-control").click()
    seen.page.get_by_role("button", name="Try it out").click()
    seen.page.get_by_role("button", name="Execute").click()

    expect(answer(seen.page)).to_have_text("200")
    assert seen.violations() == []
    assert token not in json.dumps(seen.page.evaluate("({...localStorage})"))


def test_the_policy_is_strict_and_would_be_noticed(service: Service, browser: Browser) -> None:
    response = httpx.get(f"{service.url}/docs")
    assert response.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY and "http:" not in POLICY

    seen = opened(browser, f"{service.url}/docs")
    seen.page.evaluate("""() => {
      const one = document.createElement("script");
      one.textContent = "window.ran = true";
      document.body.append(one);
      return fetch("https://example.org/").catch(() => null);
    }""")
    assert seen.page.evaluate("window.ran") is None
    assert {one.partition(":")[0] for one in seen.violations()} == {
        "script-src-elem",
        "connect-src",
    }


def test_what_the_page_loads_is_kept_as_long_as_it_has_its_name(service: Service) -> None:
    page = httpx.get(f"{service.url}/docs").text
    kept = {
        name: httpx.get(f"{service.url}/docs/{name}").headers["cache-control"]
        for name in ("swagger-ui-5.35.0.js", "swagger-ui-5.35.0.css", "start.js")
    }

    assert all(f'"docs/{name}"' in page for name in kept)
    assert kept == {
        "swagger-ui-5.35.0.js": FOREVER,
        "swagger-ui-5.35.0.css": FOREVER,
        "start.js": "no-cache",
    }
    assert httpx.get(f"{service.url}/docs/SHA256SUMS").status_code == 404
