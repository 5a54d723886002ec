"""Time on the wire: an instant, or a day where a day may be asked about, and never a number."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.service import Service, answer_of, malformed, recorded, scratch, served, subject
from tests.integration.wired import born, consent, withdrawal


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


@pytest.fixture
def person(service: Service) -> UUID:
    """Somebody who consented to PHOTO."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, "2026-03-02T10:00:00Z")))
    return made


def test_a_day_is_answered_by_its_least_permissive_moment(service: Service, person: UUID) -> None:
    service.caller.record(person, withdrawal(person, "2026-07-15T12:00:00Z"))

    changing = answer_of(service.caller.check(person, effective_at="2026-07-15"))
    before = answer_of(service.caller.check(person, effective_at="2026-07-14"))

    assert changing["decision"] == "DENY"
    assert "INTRADAY_CHANGE" in changing["flags"]
    assert before["decision"] == "PERMIT"
    assert "INTRADAY_CHANGE" not in before["flags"]


NO_INSTANTS = [20240314, 20240314.5, "20240314", "2024-03-14T07:08:09", "2024-03-14 07:08:09Z",
               "14/03/2024", "", True, ["2024-03-14T00:00:00Z"]]  # fmt: skip
TIME_FIELDS = ["effective_at", "known_at"]


@pytest.mark.parametrize("value", NO_INSTANTS, ids=repr)
@pytest.mark.parametrize("field", TIME_FIELDS)
def test_what_is_no_instant_is_refused_and_not_repeated(
    service: Service, field: str, value: object
) -> None:
    question: dict[str, Any] = {field: value}

    response = service.caller.check(subject(), **question)

    assert response.status_code == 400
    assert response.json()["field"].rpartition(".")[2] == field
    assert value in ("", True) or str(value).strip("[]'") not in response.text


@pytest.mark.parametrize("text", [one for one in NO_INSTANTS if isinstance(one, str)])
@pytest.mark.parametrize("field", TIME_FIELDS)
def test_what_is_no_instant_is_refused_in_a_query_too(
    service: Service, field: str, text: str
) -> None:
    response = service.caller.http.get(f"/v1/subjects/{subject()}/bases", params={field: text})

    malformed(response, field=field)
    assert not text or text not in response.text


def test_the_day_after_the_last_day_of_all_is_not_needed(service: Service) -> None:
    malformed(service.caller.check(subject(), effective_at="9999-12-31"), field="effective_at")


def test_known_at_is_a_moment_and_never_a_day(service: Service) -> None:
    malformed(service.caller.check(subject(), known_at="2026-03-02"), field="known_at")


@pytest.mark.parametrize("mistyped", ["efective_at", "effective-at", "Effective_at", "at"])
def test_a_parameter_that_the_route_does_not_take_is_refused(
    service: Service, mistyped: str
) -> None:
    query = {mistyped: "2026-03-02T00:00:00Z"}
    question = {"subject": str(subject()), "purpose": "PHOTO"}

    responses = [
        service.caller.http.get(f"/v1/subjects/{subject()}/bases", params=query),
        service.caller.http.post("/v1/checks", params=query, json=question),
    ]

    for one in responses:
        malformed(one, field="query")
        assert mistyped not in one.json()["detail"].split()


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/exposures?from=2026-01-01T00:00:00Z", "until"),
        ("/v1/exposures?from=2026-01-01&until=2026-02-01T00:00:00Z", "from"),
        ("/v1/subjects/{}/bases/diff?effective_at=2026-01-01T00:00:00Z", "known_at"),
        ("/v1/subjects/{}/entries?limit=many", "limit"),
    ],
)
def test_a_parameter_that_is_missing_or_cannot_be_read_is_named(
    service: Service, path: str, field: str
) -> None:
    malformed(service.caller.http.get(path.format(subject())), field=field)


def test_a_parameter_given_twice_is_refused(service: Service) -> None:
    twice = "known_at=2026-03-02T00:00:00Z&known_at=2026-03-03T00:00:00Z"

    malformed(service.caller.http.get(f"/v1/subjects/{subject()}/bases?{twice}"), field="query")
