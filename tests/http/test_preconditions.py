"""Conditional requests: recorded on the version seen and on no other, and not sent twice."""

from uuid import UUID

import httpx
import pytest

from tests.http.service import Service, recorded, subject
from tests.integration.wired import born, consent

GIVEN = "2026-03-02T10:00:00Z"


@pytest.fixture
def person(service: Service) -> UUID:
    """Somebody whose stream is at version 2."""
    made = subject()
    recorded(service.caller.record(made, born()))
    recorded(service.caller.record(made, consent(made, GIVEN)))
    return made


def write(
    service: Service, person: UUID, *fields: tuple[str, str], key: str = ""
) -> httpx.Response:
    """An entry under these conditions."""
    named = [(name.encode(), value.encode()) for name, value in fields]
    return service.caller.http.post(
        f"/v1/subjects/{person}/entries",
        json={"entries": [born()]},
        headers=[(b"idempotency-key", (key or str(subject())).encode()), *named],
    )


def read(service: Service, person: UUID, *fields: tuple[str, str]) -> httpx.Response:
    """The timeline under these conditions."""
    named = [(name.encode(), value.encode()) for name, value in fields]
    return service.caller.http.get(f"/v1/subjects/{person}/entries", headers=named)


MATCHES = ['"v2"', '"v1", "v2"', '"other","v2" , "v9"', ',, "v2",', "*", 'W/"v1", "v2"']
OTHERS = ['"v1"', '"v3"', '"v1", "v3"', '"2"', '"v"', '"v02"', '"v-1"', '"v٣"', '"é"', '""',
          '"v' + "9" * 19 + '"', 'W/"v2"', 'W/"v1", W/"v2"', 'W/"v2", "v1"', '"v,2"']  # fmt: skip
NO_TAGS = ["", ",", "v2", "v2x", '"v2', 'v2"', '"v1" "v2"', "*, *", '*, "v2"', 'w/"v2"',
           'W/v2', '"v2"x', "'v2'"]  # fmt: skip


@pytest.mark.parametrize("tags", MATCHES)
def test_what_matches_the_version_is_recorded(service: Service, person: UUID, tags: str) -> None:
    response = write(service, person, ("if-match", tags))

    recorded(response)
    assert response.headers["etag"] == '"v3"'


@pytest.mark.parametrize("tags", OTHERS)
def test_what_matches_no_version_is_not_recorded(service: Service, person: UUID, tags: str) -> None:
    before = service.size()

    response = write(service, person, ("if-match", tags))

    assert (response.status_code, response.json()["type"]) == (412, "/problems/version-conflict")
    assert service.size() == before


@pytest.mark.parametrize("text", NO_TAGS)
def test_what_is_no_list_of_tags_is_refused(service: Service, person: UUID, text: str) -> None:
    before = service.size()

    response = write(service, person, ("if-match", text))

    assert (response.status_code, response.json()["field"]) == (400, "If-Match")
    assert response.json()["errors"][0]["header"] == "If-Match"
    assert service.size() == before


def test_a_condition_may_stand_on_several_lines(service: Service, person: UUID) -> None:
    recorded(write(service, person, ("if-match", '"v1"'), ("if-match", '"v2"')))


def test_a_stream_without_entries_is_no_match_for_anything(service: Service) -> None:
    nobody = subject()

    assert write(service, nobody, ("if-match", "*")).status_code == 412
    assert write(service, nobody, ("if-match", '"v1", "v2"')).status_code == 412
    recorded(write(service, nobody, ("if-match", '"v0"')))


def test_the_first_entry_may_be_asked_for_as_such(service: Service, person: UUID) -> None:
    recorded(write(service, subject(), ("if-none-match", "*")))
    seen = write(service, person, ("if-none-match", "*"))
    other = write(service, person, ("if-none-match", '"v1"'))
    both = write(service, person, ("if-none-match", "*"), ("if-match", '"v2"'))

    assert [one.status_code for one in (seen, other, both)] == [412, 400, 400]
    assert [one.json()["field"] for one in (other, both)] == ["If-None-Match"] * 2


@pytest.mark.parametrize("tags", ['"v2"', '"v1", "v2"', "*"])
def test_a_repeated_request_is_answered_whatever_its_condition_says_by_now(
    service: Service, person: UUID, tags: str
) -> None:
    key = f"repeated-{subject()}"
    first = write(service, person, ("if-match", tags), key=key)
    recorded(write(service, person))

    again = write(service, person, ("if-match", tags), key=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("tags", ['"v2"', 'W/"v2"', '"v1", "v2"', "*", '"x,y", "v2"'])
def test_a_timeline_that_the_caller_holds_is_not_sent_again(
    service: Service, person: UUID, tags: str
) -> None:
    whole = read(service, person)

    held = read(service, person, ("if-none-match", tags))

    assert whole.headers["etag"] == held.headers["etag"] == '"v2"'
    assert (held.status_code, held.content) == (304, b"")
    assert "content-type" not in held.headers
    assert held.headers["cache-control"] == "no-store"


def test_a_timeline_that_has_grown_is_sent(service: Service, person: UUID) -> None:
    recorded(write(service, person))

    grown = read(service, person, ("if-none-match", '"v2"'))

    assert (grown.status_code, grown.headers["etag"]) == (200, '"v3"')
    assert len(grown.json()["entries"]) == 3


def test_a_read_may_ask_for_one_version_alone(service: Service, person: UUID) -> None:
    assert read(service, person, ("if-match", '"v2"')).status_code == 200
    assert read(service, person, ("if-match", "*")).status_code == 200
    assert read(service, person, ("if-match", 'W/"v2"')).status_code == 412
    assert read(service, person, ("if-match", '"v1"')).status_code == 412
    assert read(service, person, ("if-none-match", "v2")).json()["field"] == "If-None-Match"


def test_nothing_recorded_is_version_0_and_no_match_for_everything(service: Service) -> None:
    nobody = subject()

    assert read(service, nobody).headers["etag"] == '"v0"'
    assert read(service, nobody, ("if-none-match", "*")).status_code == 200
    assert read(service, nobody, ("if-none-match", '"v0"')).status_code == 304


def test_the_catalogue_that_the_caller_holds_is_not_sent_again(service: Service) -> None:
    whole = service.caller.http.get("/v1/catalogue")
    tag = whole.headers["etag"]

    held = service.caller.http.get("/v1/catalogue", headers={"if-none-match": tag})
    other = service.caller.http.get("/v1/catalogue", headers={"if-none-match": '"v0"'})

    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", tag)
    assert (other.status_code, other.content) == (200, whole.content)


def test_of_two_writers_on_one_version_one_is_recorded(service: Service, person: UUID) -> None:
    first = write(service, person, ("if-match", '"v2"'))
    second = write(service, person, ("if-match", '"v2"'))

    assert (first.status_code, second.status_code) == (201, 412)
