"""That nothing betrays what a grant does not cover.

The person of whom only other purposes know must look, to the last byte, like one never heard of.
"""

import base64
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.http.bound import (
    COMMON,
    GRANTED,
    LATER,
    LISTS,
    OTHER,
    RECORDING,
    REQUESTS,
    asking,
    bound,
    forbidden,
    known_now,
    known_otherwise,
    told,
    unnumbered,
)
from tests.http.routes import CALLS, NEEDED, Call
from tests.http.service import Caller, Service, recorded, subject
from tests.integration.wired import born, consent, entry, withdrawal


@pytest.fixture(scope="module")
def narrow(service: Service) -> Caller:
    """A client that may do everything, for photographs."""
    return bound(service, GRANTED)


@pytest.fixture(scope="module")
def hidden(service: Service) -> UUID:
    """Somebody of whom other purposes know alone."""
    person = subject()
    known_otherwise(service, person)
    return person


def test_every_call_is_asked_here() -> None:
    guarded = {call for call in CALLS if NEEDED.get(call) is not None}

    assert {*REQUESTS} | LISTS | COMMON == guarded


@pytest.mark.parametrize("call", sorted({*REQUESTS} - RECORDING), ids=" ".join)
@pytest.mark.parametrize("purpose", [GRANTED, OTHER, "RESEARCH", "NO_SUCH", "*", ""])
def test_a_person_that_only_other_purposes_know_is_like_one_never_heard_of(
    service: Service, narrow: Caller, hidden: UUID, call: Call, purpose: str
) -> None:
    unknown, known = subject(), known_now(service)
    for mine, theirs in zip(
        asking(call, unknown, purpose, known), asking(call, hidden, purpose, known), strict=True
    ):
        found = told(narrow, theirs, hidden)
        assert found == told(narrow, mine, unknown)
        assert found[0] in (200, 403) or purpose == ""


@pytest.mark.parametrize("call", sorted({*REQUESTS} - RECORDING), ids=" ".join)
def test_a_client_for_every_purpose_can_tell_them_apart(
    service: Service, hidden: UUID, call: Call
) -> None:
    """Or the tests above would show nothing."""
    unknown, known = subject(), known_now(service)
    mine, theirs = (
        [told(service.caller, one, person) for one in asking(call, person, OTHER, known)]
        for person in (unknown, hidden)
    )

    assert mine != theirs


@pytest.mark.parametrize("call", sorted(RECORDING), ids=" ".join)
def test_recording_does_not_tell_them_apart_either(
    service: Service, narrow: Caller, call: Call
) -> None:
    """One is recorded after the other, so what counts the entries of all people differs."""
    unknown, known = subject(), subject()
    known_otherwise(service, known)
    first, second = (
        told(narrow, request, person)
        for person in (unknown, known)
        for request in asking(call, person, GRANTED, "")
    )

    assert unnumbered(first) == unnumbered(second)
    assert first[0] in (200, 201)
    assert "etag" not in first[1]


# Timelines.


def timeline(caller: Caller, person: UUID, **params: Any) -> httpx.Response:
    return caller.http.get(f"/v1/subjects/{person}/entries", params=params)


def test_a_timeline_shows_what_is_for_the_purposes_of_the_grant(
    service: Service, narrow: Caller
) -> None:
    person = subject()
    recorded(
        service.caller.record(
            person,
            entry("DateOfBirthRecorded", "2018-05-25", date_of_birth="1980-05-05"),
            consent(person, "2026-02-01", OTHER),
            consent(person, "2026-02-01", GRANTED),
            withdrawal(person, "2026-03-01", "*"),
            withdrawal(person, "2026-03-01", OTHER),
        )
    )
    whole = timeline(service.caller, person)
    response = timeline(narrow, person)
    shown = response.json()["entries"]

    kept = [one for one in whole.json()["entries"] if one["fact"].get("purpose") in (GRANTED, "*")]
    assert [one | {"version": None} for one in kept] == shown
    assert len(shown) == 2
    assert whole.headers["etag"] == '"v5"' and "etag" not in response.headers
    assert [one["version"] for one in shown] == [None, None]


def test_pages_of_a_timeline_betray_nothing_between_them(service: Service, narrow: Caller) -> None:
    person, plain = subject(), subject()
    for purpose in (GRANTED, OTHER, OTHER, GRANTED, OTHER, GRANTED, OTHER, OTHER):
        recorded(service.caller.record(person, consent(person, "2026-02-01", purpose)))
        if purpose == GRANTED:
            recorded(service.caller.record(plain, consent(plain, "2026-02-01", purpose)))

    pages = [_pages(narrow, one) for one in (person, plain)]
    assert [[len(page["entries"]) for page in one] for one in pages] == [[1, 1, 1]] * 2
    for one in pages:
        assert [page["complete"] for page in one] == [False, False, True]
        assert len({page["position"] for page in one}) == 1
    cursors = [page["next"] for page in pages[0] if page["next"]]
    seen = [page["entries"][0]["n"] for page in pages[0]]
    assert [_decoded(one)[2] for one in cursors] == seen[:2], "the last one shown, and no other"


def _pages(caller: Caller, person: UUID) -> list[dict[str, Any]]:
    pages: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while not pages or pages[-1]["next"]:
        pages.append(timeline(caller, person, limit=1, **cursor).json())
        cursor = {"cursor": pages[-1]["next"]}
    return pages


def _decoded(cursor: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def test_a_cursor_of_another_grant_goes_on_nowhere(service: Service, narrow: Caller) -> None:
    person = subject()
    for _ in range(3):
        recorded(service.caller.record(person, consent(person, "2026-02-01", GRANTED)))
    cursor = timeline(service.caller, person, limit=1).json()["next"]

    assert timeline(service.caller, person, cursor=cursor).status_code == 200
    assert timeline(narrow, person, cursor=cursor).status_code == 400


# Versions.


@pytest.mark.parametrize("header", ["if-match", "if-none-match"])
@pytest.mark.parametrize("text", ['"v1"', '"v7"', "*", "x"])
def test_versions_may_not_be_asked_about(
    narrow: Caller, hidden: UUID, header: str, text: str
) -> None:
    for person in (hidden, subject()):
        for call in (
            ("GET", "/v1/subjects/{subject:uuid}/entries"),
            ("POST", "/v1/subjects/{subject:uuid}/entries"),
        ):
            method, url, more = asking(call, person, GRANTED, "")[0]
            headers = {"idempotency-key": "v", header: text}
            response = narrow.http.request(method, url, **{**more, "headers": headers})
            forbidden(response)
            assert response.json()["field"].lower() == header


# Lists of people.


def people(caller: Caller, purpose: str, **params: Any) -> httpx.Response:
    return caller.http.get(f"/v1/purposes/{purpose}/subjects", params=params)


def test_a_list_names_those_alone_of_whom_something_is_recorded_for_the_purpose(
    service: Service, hidden: UUID
) -> None:
    person, everywhere = subject(), subject()
    recorded(service.caller.record(person, consent(person, "2026-02-01", GRANTED)))
    recorded(service.caller.record(everywhere, withdrawal(everywhere, "2026-02-01", "*")))
    narrow = bound(service, GRANTED)
    wide = _listed(service.caller, GRANTED)

    assert {str(hidden), str(person), str(everywhere)} <= wide
    for more in ({}, {"effective_at": LATER}, {"known_at": known_now(service)}, {"limit": 1}):
        found = _listed(narrow, GRANTED, **more)
        assert str(hidden) not in found
        assert {str(person), str(everywhere)} <= found, more


def _listed(caller: Caller, purpose: str, **params: Any) -> set[str]:
    """Everybody on the list, page by page."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = people(caller, purpose, **params, **({"cursor": cursor} if cursor else {})).json()
        found |= {one["subject"] for one in page["people"]}
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("purpose", [OTHER, "NO_SUCH", "*"])
def test_a_list_for_a_purpose_outside_the_grant_is_refused(narrow: Caller, purpose: str) -> None:
    forbidden(people(narrow, purpose))
    period = {"from": "2026-01-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}
    forbidden(narrow.http.get("/v1/exposures", params=period | {"purpose": purpose}))


def test_exposures_are_those_of_the_purposes_of_the_grant(service: Service) -> None:
    """Withdrawals that we learn of late: one person's for another purpose, another's for both."""
    period = {"from": "2026-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
    other, both = subject(), subject()
    for person, purposes in ((other, [OTHER]), (both, [OTHER, GRANTED])):
        recorded(service.caller.record(person, born()))
        for fact, day in ((consent, "2026-02-01"), (withdrawal, "2026-03-01")):
            made = [fact(person, day, purpose) for purpose in purposes]
            recorded(service.caller.record(person, *made))
    wide, mine = (
        {one["subject"]: {gap["purpose"] for gap in one["gaps"]} for one in _exposed(each, period)}
        for each in (service.caller, bound(service, GRANTED))
    )

    assert (wide[str(other)], wide[str(both)]) == ({OTHER}, {OTHER, GRANTED})
    assert mine == {str(both): {GRANTED}}


def test_what_exposes_everybody_names_those_alone_whom_the_client_may_know(
    service: Service, hidden: UUID
) -> None:
    """A basis for everybody that, as we learn late, had ended."""
    period = {"from": "2026-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}
    known = subject()
    recorded(service.caller.record(known, entry("ErasureRefused", "2026-02-01", purpose="PROMO")))
    ended = entry("BasisEnded", "2026-03-01", purpose="PROMO", article6="e")
    recorded(service.caller.record_common(ended))
    wide, mine = (
        {one["subject"] for one in _exposed(each, period | {"purpose": "PROMO"})}
        for each in (service.caller, bound(service, "PROMO"))
    )

    assert {str(hidden), str(known)} <= wide
    assert mine & {str(hidden), str(known)} == {str(known)}


def _exposed(caller: Caller, period: dict[str, str]) -> list[dict[str, Any]]:
    response = caller.http.get("/v1/exposures", params=period)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["people"]
    return found
