"""The timeline page by page: pinned to where it was begun, and refused on any other log."""

import base64
import json
from itertools import count
from uuid import UUID

import httpx
import pytest

from tests.http.service import Service, answer_of, malformed, recorded, scratch, served, subject
from tests.integration.wired import born, consent

GIVEN = "2026-03-02T10:00:00Z"


def page(service: Service, person: UUID, **query: str | int) -> httpx.Response:
    return service.caller.http.get(f"/v1/subjects/{person}/entries", params=query)


def grown(service: Service, many: int) -> UUID:
    """Somebody with so many entries."""
    person = subject()
    recorded(service.caller.record(person, *(born() for _ in range(many))))
    return person


def walked(service: Service, person: UUID, first: httpx.Response) -> list[int]:
    """The versions on the first page and all after it, by way of their links."""
    versions, response = [], first
    for _ in count():
        body = answer_of(response)
        versions += [one["version"] for one in body["entries"]]
        assert body["complete"] == (body["next"] is None) == ("next" not in response.links)
        if body["complete"]:
            return versions
        response = service.caller.http.get(response.url.join(response.links["next"]["url"]))
    raise AssertionError


@pytest.mark.parametrize(("many", "limit"), [(0, 50), (1, 1), (7, 1), (7, 3), (6, 3), (7, 200)])
def test_every_entry_is_on_one_page_and_in_order(service: Service, many: int, limit: int) -> None:
    person = grown(service, many) if many else subject()

    first = page(service, person, limit=limit)

    assert walked(service, person, first) == list(range(1, many + 1))
    assert len(first.json()["entries"]) == min(many, limit)


def test_the_list_ends_where_it_was_begun_whatever_is_recorded_meanwhile(service: Service) -> None:
    person = grown(service, 4)
    first = page(service, person, limit=2)
    at = service.size()
    recorded(service.caller.record(person, consent(person, GIVEN)))

    found = answer_of(page(service, person, limit=200, cursor=first.json()["next"]))

    assert [one["version"] for one in found["entries"]] == [3, 4]
    assert found["complete"] is True
    assert found["position"] == first.json()["position"]
    assert found["position"].startswith(f"0:{at}:")
    assert walked(service, person, page(service, person)) == [1, 2, 3, 4, 5]


def test_a_page_tells_the_version_at_which_its_list_ends(service: Service) -> None:
    person = grown(service, 4)
    first = page(service, person, limit=2)
    recorded(service.caller.record(person, born()))
    second = page(service, person, cursor=first.json()["next"])

    on_what_was_seen = service.caller.record(person, born(), if_match=second.headers["etag"])

    assert first.headers["etag"] == second.headers["etag"] == '"v4"'
    assert on_what_was_seen.status_code == 412


def test_a_later_page_is_always_sent(service: Service) -> None:
    person = grown(service, 4)
    first = page(service, person, limit=2)

    second = service.caller.http.get(
        first.url.join(first.links["next"]["url"]), headers={"if-none-match": '"v4", *'[:4]}
    )

    assert second.status_code == 200


def test_the_link_keeps_what_was_asked(service: Service) -> None:
    first = page(service, grown(service, 4), limit=2, min_position="0:1")

    url = first.url.join(first.links["next"]["url"])

    assert url.path == first.url.path
    assert dict(url.params) == {"limit": "2", "min_position": "0:1", "cursor": first.json()["next"]}


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9])
def test_a_page_holds_1_to_200(service: Service, limit: int) -> None:
    response = page(service, subject(), limit=limit)

    assert (response.status_code, response.json()["field"]) == (400, "limit")
    assert response.json()["errors"][0]["parameter"] == "limit"


def changed(cursor: str, place: int, value: object) -> str:
    """The cursor with one of its parts replaced."""
    parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    parts[place] = value
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def test_a_cursor_of_another_list_is_refused(service: Service) -> None:
    person = grown(service, 3)
    cursor = page(service, person, limit=1).json()["next"]

    other = page(service, grown(service, 3), cursor=cursor)

    assert (other.status_code, other.json()["field"]) == (400, "cursor")
    assert "another list" in other.json()["detail"]


@pytest.mark.parametrize(
    "text", ["", "x", "v2", "é", "====", "bm9uc2Vuc2U", "W10", "WzEsMiwzLDRd", "A" * 7000]
)
def test_what_is_no_cursor_is_refused(service: Service, text: str) -> None:
    response = page(service, subject(), cursor=text)

    assert (response.status_code, response.json()["field"]) == (400, "cursor")
    assert not text or text not in response.text


@pytest.mark.parametrize(
    ("place", "value", "code", "slug"),
    [
        (1, "0:1:00000000", 409, "log-forked"),
        (1, "0:999999:00000000", 409, "log-forked"),
        (1, "nowhere", 400, "malformed"),
        (1, "7:1:00000000", 409, "log-forked"),
        (2, -1, 400, "malformed"),
        (2, 10**30, 400, "malformed"),
        (2, "1", 400, "malformed"),
        (3, None, 400, "malformed"),
    ],
)
def test_a_cursor_that_somebody_made_up_is_refused(
    service: Service, place: int, value: object, code: int, slug: str
) -> None:
    person = grown(service, 3)
    cursor = page(service, person, limit=1).json()["next"]

    response = page(service, person, cursor=changed(cursor, place, value))

    assert (response.status_code, response.json()["type"]) == (code, f"/problems/{slug}")


def test_a_cursor_shows_nothing_that_the_list_does_not(service: Service) -> None:
    person = grown(service, 3)
    cursor = page(service, person, limit=1).json()["next"]

    beyond = answer_of(page(service, person, cursor=changed(cursor, 2, 50)))
    further = page(service, person, cursor=changed(cursor, 3, 50))

    assert (beyond["entries"], beyond["complete"]) == ([], True)
    malformed(further, field="cursor")


def test_a_list_begun_on_another_log_is_not_gone_on_with(service: Service, postgres: str) -> None:
    person = grown(service, 3)
    cursor = page(service, person, limit=1).json()["next"]

    with scratch(postgres) as where, served(where) as rewound:
        recorded(rewound.caller.record(person, *(born() for _ in range(3))))
        response = page(rewound, person, cursor=cursor)

    assert (response.status_code, response.json()["type"]) == (409, "/problems/log-forked")
