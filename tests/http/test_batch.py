"""Many questions at once: in their order, on one position, and named where they cannot be read."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.http.service import Service, answer_of, malformed, recorded, scratch, served, subject
from tests.integration.wired import born, consent


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


def batch(service: Service, *questions: dict[str, Any]) -> httpx.Response:
    return service.caller.post("/v1/checks/batch", {"checks": list(questions)})


def question(name: str, person: UUID, **more: object) -> dict[str, Any]:
    return {"id": name, "subject": str(person), "purpose": "PHOTO", **more}


def test_a_batch_is_answered_in_its_order_with_its_ids(service: Service, person: UUID) -> None:
    names = [f"q{n * 7919 % 1000}" for n in range(1000)]

    response = batch(
        service, *(question(one, person if n % 2 else subject()) for n, one in enumerate(names))
    )

    answers = answer_of(response)["answers"]
    assert [one["id"] for one in answers] == names
    assert [one["answer"]["decision"] for one in answers] == ["DENY", "PERMIT"] * 500


def test_a_batch_is_bounded_and_its_ids_differ(service: Service, person: UUID) -> None:
    malformed(batch(service), field="body.checks")
    malformed(batch(service, *(question(str(n), person) for n in range(1001))), field="body.checks")
    malformed(batch(service, question("a", person), question("a", person)), field="checks")


def test_a_batch_names_the_question_that_cannot_be_read(service: Service, person: UUID) -> None:
    fine = question("a", person)

    for field, value in (("effective_at", "2026"), ("known_at", "x"), ("at_position", "x")):
        response = batch(service, fine, question("b", person, **{field: value}))
        malformed(response, field=f"checks[1].{field}")


def test_a_batch_stands_on_one_position_while_others_write(service: Service, person: UUID) -> None:
    done = threading.Event()
    writer = service.caller_with("record", client="writer")

    def write() -> None:
        while not done.is_set():
            assert writer.record(subject(), born()).status_code == 201

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = [
            {
                tuple(one["answer"][name] for name in ("position", "catalogue", "known_at"))
                for one in answer_of(
                    batch(service, *(question(str(n), subject()) for n in range(50)))
                )["answers"]
            }
            for _ in range(20)
        ]
    finally:
        done.set()
        thread.join()
    assert {len(each) for each in found} == {1}
    assert len(set().union(*found)) > 1, "nothing was written meanwhile"
