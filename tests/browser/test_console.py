"""Pages of the console in a real browser: what they ask for, who can use them, and a task on them.

Axe finds some faults and not others: what it cannot see (reflow, focus, working without scripts)
has tests of its own.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.seen import Seen
from tests.http.service import Service, scratch
from tests.http.told import Clock, heard_late
from tests.http.viewers import COOKIE, viewed

pytestmark = pytest.mark.browser

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
WIDE, NARROW = 1100, 320
THEN = "effective_at=2024-03-14&known_at=2024-04-01"
PAGES = {
    "find": "/console",
    "reason": "{person}/reason",
    "person": "{person}",
    "person then": f"{{person}}?{THEN}&purpose=PHOTO",
    "person never heard of": "/console/people/7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55",
    "why": "{person}/why?purpose=PHOTO",
    "why then": f"{{person}}/why?purpose=PHOTO&{THEN}",
    "wrong dates": "{person}/travel?effective_at-day=30&effective_at-month=2",
    "glossary": "/console/glossary",
    "accessibility": "/console/accessibility",
    "how do we know": "/console/how-do-we-know",
    "nowhere": "/console/nowhere",
}
VIOLATIONS = """
async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa",
  "wcag22aa", "best-practice"]})).violations.map((one) =>
    `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`)
"""
REFERENCES = """
() => {
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  const twice = ids.filter((one, n) => ids.indexOf(one) !== n);
  const named = (attribute) => [...document.querySelectorAll(`[${attribute}]`)].flatMap((one) =>
    one.getAttribute(attribute).split(/\\s+/));
  const missing = ["for", "aria-labelledby", "aria-describedby", "aria-controls"].flatMap(named)
    .filter((one) => one && !ids.includes(one));
  const links = [...document.querySelectorAll('a[href^="#"]')].map((one) => one.hash.slice(1));
  return {twice, missing, nowhere: links.filter((one) => one && !ids.includes(one))};
}
"""
FOCUS = """
() => {
  const style = getComputedStyle(document.activeElement);
  return document.activeElement === document.body ? null :
    {what: document.activeElement.outerHTML.slice(0, 80),
     shown: style.outlineStyle !== "none" || style.boxShadow !== "none"};
}
"""
SPACED = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important }
* { word-spacing: 0.16em !important }
p { margin-bottom: 2em !important }
"""


class Console:
    """The service with one viewer, and a person of whom a withdrawal was heard late."""

    def __init__(self, service: Service, browser: Browser, viewer: str) -> None:
        self.url = service.url
        self.person: UUID = heard_late(service).person
        self._browser = browser
        self._viewer = viewer
        self._open: list[BrowserContext] = []

    def place(self, page: str) -> str:
        """Where the page is."""
        return self.url + PAGES[page].format(person=f"/console/people/{self.person}")

    def page(self, width: int = WIDE, **more: Any) -> Page:
        """An empty page of the viewer's browser."""
        context = self._browser.new_context(viewport={"width": width, "height": 900}, **more)
        context.add_cookies([{"name": COOKIE, "value": self._viewer, "url": self.url}])
        self._open.append(context)
        return context.new_page()

    def opened(self, page: str, width: int = WIDE, **more: Any) -> Seen:
        """The page, and what happened on it."""
        seen = Seen(self.page(width, **more))
        seen.page.goto(self.place(page))
        return seen

    def close(self) -> None:
        for one in self._open:
            one.close()


@pytest.fixture(scope="module")
def console(postgres: str, browser: Browser) -> Iterator[Console]:
    with scratch(postgres) as where:
        Clock(where).stand("2020-01-10T00:00")
        with viewed(where) as (service, viewers):
            made = Console(service, browser, viewers.add(reason="Complaint DP-2026-014"))
            yield made
            made.close()


def sideways(page: Page) -> int:
    """By how much the page would have to be scrolled sideways."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_usable_and_asks_nobody_else(console: Console, name: str, width: int) -> None:
    seen = console.opened(name, width)
    page = seen.page
    # Everything that opens is open, so that it is looked at too.
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")

    assert sideways(page) <= 0
    assert page.evaluate(REFERENCES) == {"twice": [], "missing": [], "nowhere": []}
    page.evaluate(AXE)
    assert page.evaluate(VIOLATIONS) == []
    assert seen.violations() == []
    assert seen.elsewhere(console.url) == set()
    assert seen.failed == []
    wrong = name in ("wrong dates", "nowhere")
    assert [one for one in seen.said if not (wrong and "Failed to load resource" in one)] == []


def test_axe_would_find_a_fault(console: Console) -> None:
    page = console.opened("person").page
    page.evaluate("document.querySelector('label').remove()")
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    page.evaluate(AXE)

    assert {one.partition(":")[0] for one in page.evaluate(VIOLATIONS)} >= {"image-alt", "label"}


def test_the_policy_would_be_noticed(console: Console) -> None:
    seen = console.opened("find")
    seen.page.evaluate("""() => {
      const one = document.createElement("script");
      one.textContent = "window.ran = true";
      document.body.append(one);
      document.body.style.color = "red";
      document.body.setAttribute("style", "color: red");
    }""")

    assert seen.page.evaluate("window.ran") is None
    assert any(one.startswith("script-src") for one in seen.violations())


@pytest.mark.parametrize("name", ["person then", "why then", "find"])
def test_twice_as_large_and_widely_spaced_nothing_is_cut_off(console: Console, name: str) -> None:
    page = console.opened(name, WIDE // 2, device_scale_factor=2).page
    assert sideways(page) <= 0

    spaced = console.opened(name, NARROW, bypass_csp=True).page
    spaced.add_style_tag(content=SPACED)
    assert sideways(spaced) <= 0


@pytest.mark.parametrize("name", ["find", "person then", "why then"])
def test_whatever_has_the_focus_shows_it(console: Console, name: str) -> None:
    page = console.opened(name).page
    seen: list[dict[str, Any]] = []
    for _ in range(200):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus is None or (seen and focus == seen[0]):
            break
        seen.append(focus)

    assert len(seen) >= 11
    assert [one["what"] for one in seen if not one["shown"]] == []
    assert "Skip to main content" in seen[0]["what"] or "skip-link" in seen[0]["what"]


def test_in_forced_colours_every_box_keeps_its_edge_and_word(console: Console) -> None:
    page = console.opened("person then", forced_colors="active").page
    boxes = page.locator(".app-clocks__box")

    assert boxes.count() >= 5
    edges = boxes.evaluate_all("some => some.map((one) => getComputedStyle(one).stroke)")
    assert "none" not in edges
    expect(page.locator(".app-clocks__text").first).to_be_visible()


def wrong_with_hindsight(page: Page, console: Console) -> None:
    """A share on 14 March 2024 was permitted: was it right, on what is known today?"""
    page.goto(console.place("person"))
    boxes = ("effective_at", "14", "3", "2024"), ("known_at", "1", "4", "2024")
    for name, *parts in boxes:
        for part, text in zip(("day", "month", "year"), parts, strict=True):
            page.locator(f"#{name}-{part}").focus()
            page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.locator(".govuk-inset-text")).to_contain_text(
        "On 1 April 2024 the council believed that on 14 March 2024"
    )
    expect(page.locator(".govuk-inset-text")).to_contain_text(
        "Later corrections change this answer"
    )
    why = page.get_by_role("link", name=re.compile("^Why.*Publicity photographs$"))
    why.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Why “Yes” for Publicity photographs?")
    expect(page.locator(".govuk-inset-text")).to_contain_text(
        "Consent withdrawn: took effect 12 March 2024, recorded 10 April 2024"
    )
    today = page.get_by_role("link", name="Why, on what is known today")
    today.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Why “No” for Publicity photographs?")
    expect(page).to_have_url(re.compile(r"effective_at=2024-03-14$"))


@pytest.mark.parametrize("scripts", [True, False])
def test_why_a_share_was_wrong_with_hindsight_is_found_by_keyboard(
    console: Console, scripts: bool
) -> None:
    wrong_with_hindsight(console.page(java_script_enabled=scripts), console)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_wrong_date_is_told_and_led_to(console: Console, scripts: bool) -> None:
    page = console.page(java_script_enabled=scripts)
    page.goto(console.place("wrong dates"))

    assert page.title().startswith("Error: ")
    page.get_by_role("link", name="What was true on must include a year").click()
    expect(page.locator("#effective_at-year")).to_be_focused()


def test_without_scripts_everything_is_there(console: Console) -> None:
    page = console.page(java_script_enabled=False)
    page.goto(console.place("person then"))

    expect(page.get_by_role("navigation", name="Menu").get_by_role("link")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("What the council believed"))).to_be_visible()
    page.locator("summary", has_text="Show as a table").click()
    expect(page.get_by_role("table", name="Two clocks: Publicity photographs")).to_be_visible()


def test_an_entry_opens_from_the_timeline(console: Console) -> None:
    seen = console.opened("person")
    seen.page.locator(".app-timeline a", has_text="Everything recorded").first.click()

    expect(seen.page.locator("h1")).to_contain_text("–")
    expect(seen.page.get_by_text("ledger log prove")).to_be_visible()
    assert sideways(seen.page) <= 0
    seen.page.evaluate(AXE)
    assert seen.page.evaluate(VIOLATIONS) == []
    assert seen.violations() == []
