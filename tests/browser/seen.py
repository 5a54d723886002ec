"""A page in a browser, with all that it asked for, said, and was forbidden."""

from urllib.parse import urlsplit

from playwright.sync_api import Page

TELLS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


class Seen:
    """The page; what happened on it before is kept."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.said: list[str] = []
        page.add_init_script(TELLS)
        page.on("request", lambda one: self.asked.append(one.url))
        page.on("requestfailed", lambda one: self.failed.append(one.url))
        page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))

    def violations(self) -> list[str]:
        """What the page's policy forbade it."""
        found: list[str] = self.page.evaluate("window.violations")
        return found

    def elsewhere(self, home: str) -> set[str]:
        """The hosts asked that are not the service itself; a `data:` is no host."""
        hosts = {urlsplit(url).netloc for url in self.asked if not url.startswith("data:")}
        return hosts - {urlsplit(home).netloc}
