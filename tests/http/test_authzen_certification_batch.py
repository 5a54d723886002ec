"""Published certification cases of AuthZEN, under their own ids: Batch Core."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.authzen import EVALUATIONS
from tests.http.certified import (
    ALICE,
    BOB,
    FIRST,
    PERMITTED,
    READ,
    SECOND,
    TIME,
    WRITE,
    batch,
    certified,
    decision_in,
    decisions,
    json_of,
    require_decision,
)
from tests.http.service import Service


@pytest.fixture(scope="module")
def service(postgres: str, module_place: Path) -> Iterator[Service]:
    with certified(postgres, module_place) as made:
        yield made


def test_c_3_2_1_batch_with_evaluations_array(service: Service) -> None:
    body = {
        "subject": ALICE,
        "action": READ,
        "evaluations": [{"resource": FIRST}, {"resource": SECOND}],
    }

    assert len(batch(service, body)) == 2


def test_c_3_2_2_batch_with_fixture_decisions(service: Service) -> None:
    body = {"subject": BOB, "resource": FIRST, "evaluations": [{"action": READ}, {"action": WRITE}]}

    assert decisions(batch(service, body)) == [True, False]


def test_c_3_2_5_batch_without_defaults(service: Service) -> None:
    denied = {"subject": BOB, "action": WRITE, "resource": FIRST}

    assert decisions(batch(service, {"evaluations": [PERMITTED, denied]})) == [True, False]


def test_c_3_2_6_batch_with_context_inheritance(service: Service) -> None:
    later = {"time": "2025-06-27T19:00-07:00", "source": "batch-override"}
    body = {
        "subject": ALICE,
        "action": READ,
        "context": {"time": TIME},
        "evaluations": [{"resource": FIRST}, {"resource": SECOND, "context": later}],
    }

    assert len(batch(service, body)) == 2


def test_c_3_3_1_as_many_decisions_as_evaluations(service: Service) -> None:
    for count in (1, 2, 17):
        assert len(batch(service, {**PERMITTED, "evaluations": [{}] * count})) == count


def test_c_3_3_2_in_the_order_of_the_evaluations(service: Service) -> None:
    asked = [READ, WRITE, WRITE, READ, WRITE]
    body = {"subject": BOB, "resource": FIRST, "evaluations": [{"action": one} for one in asked]}

    assert decisions(batch(service, body)) == [True, False, False, True, False]


def test_c_3_3_3_each_evaluation_has_a_decision(service: Service) -> None:
    for one in batch(service, {**PERMITTED, "evaluations": [{}, {"resource": SECOND}]}):
        require_decision(one)


def test_c_3_3_4_no_decision_beside_the_evaluations(service: Service) -> None:
    found = json_of(service.caller.post(EVALUATIONS, {**PERMITTED, "evaluations": [{}]}))

    assert set(found) == {"evaluations"}


def test_c_3_4_1_an_evaluation_that_lacks_a_field(service: Service) -> None:
    body = {
        "subject": ALICE,
        "action": READ,
        "options": {"evaluations_semantic": "execute_all"},
        "evaluations": [{"resource": FIRST}, {}],
    }

    found = batch(service, body)

    assert decisions(found) == [True, False]
    assert found[1]["context"]["error"]["status"] == 400


def test_c_3_4_2_no_evaluations_array(service: Service) -> None:
    assert decision_in(service.caller.post(EVALUATIONS, PERMITTED))["decision"] is True


def test_c_3_4_3_an_empty_evaluations_array(service: Service) -> None:
    body = {**PERMITTED, "evaluations": []}

    assert decision_in(service.caller.post(EVALUATIONS, body))["decision"] is True
