"""Action search: all that an evaluation permits and nothing else, page by page of one moment."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.authzen import (
    SEARCH,
    Json,
    act,
    acts,
    ask_all,
    entity,
    face,
    person,
    search,
)
from tests.http.service import Service, answer_of, malformed, recorded, scratch, subject
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent, entry, withdrawal

LATER = "2026-06-01T00:00:00Z"
PURPOSES = sorted(one["id"] for one in json.loads(with_categories())["purposes"])
PRESS = entity("recipient", "PRESS")


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, face(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture
def somebody(service: Service) -> UUID:
    """Somebody who consented to PHOTO, and whose data for another purpose may only be stored."""
    made = subject()
    limited = entry("RestrictionApplied", "2026-04-01", purpose="ASSESS", ground="a")
    recorded(service.caller.record(made, born(), consent(made, "2026-03-02"), limited))
    return made


def named(found: list[Json]) -> set[tuple[str, str]]:
    return {(one["name"], one["properties"]["processing_activity_id"]) for one in found}


@pytest.mark.parametrize("caller", [entity("service", "x"), PRESS], ids=["service", "recipient"])
@pytest.mark.parametrize("data", ["ordinary", "special", ["NOTES"], ["NOTES", "HEALTH"]], ids=repr)
def test_a_search_finds_what_evaluations_permit_and_nothing_else(
    service: Service, somebody: UUID, caller: Json, data: object
) -> None:
    every = [
        act(name, purpose)
        for purpose in (*PURPOSES, "NEVER_DECLARED")
        for name in ("process", "collect", "share", "store")
    ]
    context = {"time": LATER}
    whom = person(somebody, data=data)

    found = acts(search(service.caller, whom, subject=caller, context=context))
    decided = ask_all(
        service.caller,
        *({"action": one} for one in every),
        subject=caller,
        resource=whom,
        context=context,
    )

    permitted = [each for each, one in zip(every, decided, strict=True) if one["decision"]]
    assert named(found) == named(permitted)
    assert len(found) == len(permitted)


def test_what_may_only_be_stored_is_found_to_be_so(service: Service, somebody: UUID) -> None:
    found = named(acts(search(service.caller, person(somebody), context={"time": LATER})))

    assert {name for name, purpose in found if purpose == "ASSESS"} == {"store"}
    assert ("process", "PHOTO") in found


def test_nobody_learns_whether_a_person_is_known(service: Service) -> None:
    known = subject()
    recorded(service.caller.record(known, born()))

    found = [acts(search(service.caller, person(one))) for one in (known, subject())]

    assert found[0] == found[1] != []


def test_the_pages_are_of_one_moment_whatever_is_recorded_meanwhile(
    service: Service, somebody: UUID
) -> None:
    every = acts(search(service.caller, person(somebody)))
    first = answer_of(search(service.caller, person(somebody), page={"limit": 2}))
    service.caller.record(somebody, withdrawal(somebody, "2026-03-03"))
    fewer = acts(search(service.caller, person(somebody)))

    found, page = first["results"], first["page"]
    while page["next_token"]:
        assert page["total"] == len(every)
        response = search(service.caller, person(somebody), page={"token": page["next_token"]})
        page = answer_of(response)["page"]
        found += response.json()["results"]
        assert page["count"] == len(response.json()["results"]) <= 2

    assert found == every
    assert len(fewer) < len(every)


def test_a_search_of_the_past_is_paged_in_the_past(service: Service, somebody: UUID) -> None:
    moments = {"time": "2026-03-01T00:00", "known_at": "2999-01-01T00:00:00Z"}
    malformed(
        search(service.caller, person(somebody), context={"known_at": moments["known_at"]}),
        field="context.known_at",
    )
    past = {"time": "2026-03-01T00:00Z"}

    every = acts(search(service.caller, person(somebody), context=past))
    first = answer_of(search(service.caller, person(somebody), context=past, page={"limit": 1}))
    token = first["page"]["next_token"]
    rest = acts(
        search(service.caller, person(somebody), context=past, page={"token": token, "limit": 1})
    )

    assert ("process", "PHOTO") not in named(every)
    assert [*first["results"], *rest] == every[:2]


def test_a_page_of_nothing_says_how_much_there_is(service: Service, somebody: UUID) -> None:
    found = answer_of(search(service.caller, person(somebody), page={"limit": 0}))

    assert (found["results"], found["page"]["count"]) == ([], 0)
    assert found["page"]["total"] > 0
    assert found["page"]["next_token"] != ""


def changed(token: str, **fields: object) -> str:
    held = json.loads(base64.urlsafe_b64decode(token))
    return base64.urlsafe_b64encode(json.dumps(held | fields).encode()).decode()


def test_a_token_belongs_to_its_search(service: Service, somebody: UUID) -> None:
    first = search(service.caller, person(somebody), page={"limit": 1})
    token = answer_of(first)["page"]["next_token"]
    page = {"token": token}
    stranger = service.caller_with("check", client="another")

    others: list[dict[str, Any]] = [
        {"resource": person(subject())},
        {"resource": person(somebody, data="special")},
        {"subject": entity("service", "another")},
        {"context": {"time": LATER}},
        {"page": page | {"limit": 2}},
    ]

    for one in others:
        whole = {"resource": person(somebody), "page": page} | one
        malformed(search(service.caller, **whole), field="page.token")
    malformed(search(stranger, person(somebody), page=page), field="page.token")
    assert search(service.caller, person(somebody), page=page | {"limit": 1}).status_code == 200
    assert str(somebody) not in base64.urlsafe_b64decode(token).decode()


def test_what_is_no_token_is_refused(service: Service, somebody: UUID) -> None:
    first = search(service.caller, person(somebody), page={"limit": 1})
    token = answer_of(first)["page"]["next_token"]
    wrong = [
        "",
        "x",
        "é",
        "0" * 40,
        token[:-8],
        changed(token, start=-1),
        changed(token, start="1"),
        changed(token, limit=-1),
        changed(token, known_at="yesterday"),
        changed(token, effective_at=20260601),
        changed(token, more=1),
    ]

    for one in wrong:
        response = search(service.caller, person(somebody), page={"token": one})
        malformed(response, field="page.token")


@pytest.mark.parametrize("limit", [-1, "1", 1.5, True, []], ids=repr)
def test_what_is_no_limit_is_refused(service: Service, somebody: UUID, limit: object) -> None:
    response = search(service.caller, person(somebody), page={"limit": limit})

    malformed(response, field="body.page.limit")


def test_an_action_that_is_sent_is_ignored(service: Service, somebody: UUID) -> None:
    body = {"subject": PRESS, "resource": person(somebody), "action": {"name": 7}}

    assert acts(service.caller.post(SEARCH, body)) == acts(
        search(service.caller, person(somebody), subject=PRESS)
    )


def test_before_any_catalogue_nothing_is_permitted(service: Service, somebody: UUID) -> None:
    context = {"known_at": "2020-01-01T00:00:00Z"}

    found = answer_of(search(service.caller, person(somebody), context=context))

    assert found == {"page": {"next_token": "", "count": 0, "total": 0}, "results": []}
