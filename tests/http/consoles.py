"""The console for a test: a service with viewers, and a person of whom something was heard late.

with looked_at(postgres) as console:
    page = shown(console.reader.get(console.place))
    assert "Later corrections" in page.said()
"""

from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.http.service import Service, scratch
from tests.http.told import Clock, heard_late
from tests.http.viewers import Viewers, viewed

THEN = "effective_at=2024-03-14&known_at=2024-04-01"
"""When the withdrawal had taken effect, and had not been heard."""


class Console:
    """The service, its viewers, and a person of whom a withdrawal was heard late."""

    def __init__(self, service: Service, viewers: Viewers) -> None:
        self.service = service
        self.viewers = viewers
        self.person = heard_late(service).person
        self.place = f"/console/people/{self.person}"
        self._open: list[httpx.Client] = []
        self.reader = self.read_by("ana")

    def read_by(self, name: str, **about: Any) -> httpx.Client:
        """A browser of this viewer."""
        made = self.viewers.reader(self.service.url, name=name, **about)
        self._open.append(made)
        return made

    def rows(self, client: str) -> list[tuple]:
        """What looking has left, of this viewer."""
        return self.service.sql(
            "SELECT kind, purpose, reason, subject FROM read_audit WHERE client = %s ORDER BY id",
            f"person:{client}",
        )

    def close(self) -> None:
        for one in self._open:
            one.close()


@contextmanager
def looked_at(postgres: str) -> Iterator[Console]:
    """The console over a scratch ledger, at the present of all stories."""
    with scratch(postgres) as where:
        Clock(where).stand("2020-01-10T00:00")
        with viewed(where) as (service, viewers):
            made = Console(service, viewers)
            yield made
            made.close()


class Text(HTMLParser):
    """The words of a page, its headings and its title."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.headings: list[str] = []
        self.title = ""
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._within.append(tag)
        if tag == "h1":
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self._within and "svg" not in self._within:
            self.title += data
        elif "h1" in self._within:
            self.headings[-1] += data
        self.words.append(data)

    def said(self) -> str:
        """All of it on one line."""
        return " ".join(" ".join(self.words).split())


def shown(response: httpx.Response, status: int = 200) -> Text:
    """The page, which is one."""
    assert response.status_code == status, response.text[:2000]
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return Text(response.text)
