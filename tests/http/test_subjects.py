"""From an identifier to a subject: the same answer for the new and the known, and no trace."""

from collections.abc import Iterator
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.http.service import Service, scratch, served


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, served(where) as made:
        yield made


def resolve(service: Service, scheme: str, value: str) -> httpx.Response:
    return service.caller.post("/v1/subjects/resolve", {"scheme": scheme, "value": value})


def test_a_new_and_a_known_identifier_are_answered_alike(service: Service) -> None:
    new, known = (resolve(service, "nhs_number", "943 476 5919") for _ in range(2))
    spelt = resolve(service, "nhs_number", "943-476-5919")
    other = resolve(service, "nhs_number", "9434765870")

    assert new.content == known.content == spelt.content
    assert list(new.json()) == ["subject"]
    assert UUID(new.json()["subject"]).version == 4
    assert (new.status_code, other.status_code) == (200, 200)
    assert other.json() != new.json()
    assert new.headers.keys() == known.headers.keys()


@pytest.mark.parametrize(
    ("scheme", "value", "field"),
    [
        ("nhs_number", "9434765910", "value"),
        ("upn", "Z999999999999", "value"),
        ("case_number", "   ", "value"),
        ("case_number", "x" * 201, "body.value"),
        ("9434765919", "a", "body.scheme"),
    ],
)
def test_an_identifier_that_cannot_be_one_is_refused_and_not_repeated(
    service: Service, scheme: str, value: str, field: str
) -> None:
    response = resolve(service, scheme, value)

    assert (response.status_code, response.json()["field"]) == (400, field)
    assert value.strip() == "" or value not in response.text or value == "a"
    assert "9434765919" not in response.text


def test_no_identifier_is_found_in_the_database(service: Service) -> None:
    resolve(service, "case_number", "CANARY-4711")

    with psycopg.connect(service.where.keys) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        rows = [connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables]
    assert any(rows)
    assert b"CANARY-4711" not in repr(rows).encode()
