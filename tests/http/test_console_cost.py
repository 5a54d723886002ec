"""What a page about a person costs: few queries and little to send, however long their history."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from tests.http.service import Service, recorded, scratch
from tests.http.told import Clock, heard_late
from tests.http.viewers import viewed
from tests.integration.wired import consent, entry, withdrawal

QUERIES_MAX = 5
BYTES_MAX = 100_000
ENTRIES = 1_000


class Counted:
    """Every statement that any connection of this process has sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self._lock = threading.Lock()

    def note(self, statement: object) -> None:
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        with self._lock:
            self.sent.append(" ".join(text.split()))

    @contextmanager
    def during(self) -> Iterator[list[str]]:
        """Those that are sent meanwhile."""
        found: list[str] = []
        start = len(self.sent)
        yield found
        found += self.sent[start:]


@pytest.fixture(scope="module")
def counted() -> Iterator[Counted]:
    made = Counted()
    with pytest.MonkeyPatch.context() as patch:
        execute = psycopg.AsyncCursor.execute

        async def counting(self: Any, query: Any, *args: Any, **named: Any) -> Any:
            made.note(query)
            return await execute(self, query, *args, **named)

        patch.setattr(psycopg.AsyncCursor, "execute", counting)
        yield made


class Scene:
    """A service, a browser, and two people: one with few entries and one with a thousand."""

    def __init__(self, service: Service, reader: httpx.Client, counted: Counted) -> None:
        self.reader = reader
        self.counted = counted
        self.few = heard_late(service).person
        self.many = long_history(service)

    def cost(self, place: str) -> tuple[list[str], int]:
        """The statements and the bytes of one page."""
        with self.counted.during() as sent:
            response = self.reader.get(place)
        assert response.status_code == 200, response.text
        return sent, len(response.content)


def long_history(service: Service) -> UUID:
    """A thousand entries for a dozen purposes, half of them heard late."""
    person, made = uuid4(), 0
    purposes = ("PHOTO", "GROUP", "MIXED", "PORTAL", "PROMO", "NEWP")
    Clock(service.where).stand("2026-06-01T00:00")
    while made < ENTRIES:
        facts = []
        for n in range(made, min(made + 50, ENTRIES)):
            day = f"{2000 + n // 50}-{n % 12 + 1:02}-{n % 28 + 1:02}"
            purpose = purposes[n % len(purposes)]
            facts.append(
                (consent, withdrawal)[n % 2](person, day, purpose)
                if n % 7 and purpose in ("PHOTO", "GROUP")
                else entry("NoticeProvided", day, notice=f"N{n}", note="given at a home visit")
            )
        recorded(service.caller.record(person, *facts))
        made += len(facts)
    return person


@pytest.fixture(scope="module")
def scene(postgres: str, counted: Counted) -> Iterator[Scene]:
    with scratch(postgres) as where:
        Clock(where).stand("2020-01-10T00:00")
        with viewed(where) as (service, viewers):
            reader = viewers.reader(service.url)
            yield Scene(service, reader, counted)
            reader.close()


PAGES = (
    "{person}",
    "{person}?effective_at=2024-03-14&known_at=2024-04-01",
    "{person}?part=2",
    "{person}/why?purpose=PHOTO",
    "{person}/why?purpose=PHOTO&effective_at=2024-03-14&known_at=2024-04-01",
)


@pytest.mark.parametrize("who", ["few", "many"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_made_by_few_queries_and_is_small(scene: Scene, who: str, page: str) -> None:
    place = page.format(person=f"/console/people/{getattr(scene, who)}")
    sent, size = scene.cost(place)

    print(size, len(sent), *sent, sep="\n")
    assert 2 <= len(sent) <= QUERIES_MAX
    assert size <= BYTES_MAX


@pytest.mark.parametrize("who", ["few", "many"])
def test_an_entry_is_read_by_few_queries(scene: Scene, who: str) -> None:
    person = f"/console/people/{getattr(scene, who)}"
    for named in re.findall(r"/entries/([0-9a-f-]{36})", scene.reader.get(person).text)[:3]:
        sent, size = scene.cost(f"{person}/entries/{named}")
        assert len(sent) <= QUERIES_MAX, sent
        assert size <= BYTES_MAX


def test_what_counts_is_what_was_sent(scene: Scene) -> None:
    sent, _ = scene.cost(f"/console/people/{scene.few}")

    assert any("read_audit" in one for one in sent), "looking leaves its rows"
    assert any("FROM log_head" in one for one in sent), "the record was read"


def test_a_long_history_is_told_in_parts(scene: Scene) -> None:
    text = scene.reader.get(f"/console/people/{scene.many}").text

    assert len(re.findall(r'id="entry-', text)) == 20
    assert "part 1 of 50" in text
    rows = scene.reader.get(f"/console/people/{scene.many}/timeline.json").json()["rows"]
    assert len(rows) == ENTRIES
