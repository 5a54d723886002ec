"""Many AuthZEN questions at once: what they share, what each lacks, and where the answers end."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.http.authzen import EVALUATIONS, Json, act, ask_all, evaluation, face, person
from tests.http.service import Service, malformed, recorded, scratch, subject
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent

GIVEN, LATER = "2026-03-02T10:00:00Z", "2026-06-01T00:00:00Z"
PROCESS = act("process", "PHOTO")


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, face(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture
def somebody(service: Service) -> UUID:
    """Somebody who consented to PHOTO at GIVEN."""
    made = subject()
    recorded(service.caller.record(made, born(), consent(made, GIVEN)))
    return made


def test_each_of_many_replaces_whole_what_stands_above_it(service: Service, somebody: UUID) -> None:
    above = {"action": act("share", "PHOTO", recipient="PRESS"), "resource": person(somebody)}

    found = ask_all(
        service.caller,
        {},
        {"action": act("share", "PHOTO")},
        {"action": act("share")},
        {"resource": person(subject())},
        {"context": {"time": "2026-01-01T00:00:00Z"}},
        {"context": {}},
        **above,
        context={"time": LATER},
    )

    assert [one["decision"] for one in found] == [True, False, False, False, False, True]
    assert found[0]["context"]["effective_at"] == LATER
    assert found[5]["context"]["effective_at"] != LATER, "the context is replaced whole, too"


def test_what_is_wrong_with_one_of_many_is_said_in_its_place(
    service: Service, somebody: UUID
) -> None:
    fine = evaluation(person(somebody), PROCESS)
    wrong: list[object] = [
        5,
        [],
        {"subject": "x"},
        {"action": None},
        {"resource": {"type": "person"}},
        {"context": {"time": "2026"}},
        {"context": {"known_at": "2999-01-01T00:00:00Z"}},
        {"resource": person(somebody, data="secret")},
        {"action": act("process", "PHOTO", recipient=7)},
    ]

    found = ask_all(service.caller, fine, *wrong, fine, **fine)

    assert [one["decision"] for one in found] == [True, *[False] * len(wrong), True]
    for n, one in enumerate(found[1:-1], 1):
        error = one["context"]["error"]
        assert error["status"] == 400
        assert error["message"].startswith(f"evaluations[{n}]")
    assert "secret" not in json.dumps(found)


def test_an_evaluation_that_lacks_a_part_is_told_which(service: Service, somebody: UUID) -> None:
    found = ask_all(service.caller, {"resource": person(somebody)}, action=PROCESS)
    lacking = ask_all(service.caller, {"resource": person(somebody)})

    assert [one["decision"] for one in (*found, *lacking)] == [True, False]
    assert lacking[0]["context"]["error"]["message"] == "evaluations[0].action: is required"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"subject": "x"}, "body.subject"),
        ({"action": None}, "body.action"),
        ({"context": {"time": "2026"}}, "context.time"),
        ({"evaluations": {}}, "body.evaluations"),
        ({"evaluations": [{}] * 1001}, "body.evaluations"),
        ({"options": []}, "body.options"),
        ({"options": {"evaluations_semantic": "any"}}, "body.options.evaluations_semantic"),
    ],
    ids=lambda one: json.dumps(one)[:60],
)
def test_what_is_wrong_with_the_whole_is_an_error(
    service: Service, somebody: UUID, wrong: Json, field: str
) -> None:
    body = evaluation(person(somebody), PROCESS) | {"evaluations": [{}]} | wrong

    malformed(service.caller.post(EVALUATIONS, body), field=field)


def test_as_many_as_in_a_batch_may_be_asked(service: Service, somebody: UUID) -> None:
    parts = [{"resource": person(somebody if n % 2 else subject())} for n in range(1000)]

    found = ask_all(service.caller, *parts, action=PROCESS)

    assert [one["decision"] for one in found] == [False, True] * 500
    assert len({one["context"]["position"] for one in found}) == 1


@pytest.mark.parametrize(
    ("semantic", "answers", "expected"),
    [
        ("execute_all", "TFTF", "TFTF"),
        ("deny_on_first_deny", "TTFT", "TTF"),
        ("deny_on_first_deny", "TTT", "TTT"),
        ("deny_on_first_deny", "T!T", "T!"),
        ("deny_on_first_deny", "F", "F"),
        ("permit_on_first_permit", "FFTF", "FFT"),
        ("permit_on_first_permit", "FFF", "FFF"),
        ("permit_on_first_permit", "F!TT", "F!T"),
    ],
)
def test_a_semantic_ends_the_answers_where_it_is_satisfied(
    service: Service,
    somebody: UUID,
    monkeypatch: pytest.MonkeyPatch,
    semantic: str,
    answers: str,
    expected: str,
) -> None:
    parts = {
        "T": {"resource": person(somebody)},
        "F": {"resource": person(subject())},
        "!": {"resource": {}},
    }
    asked: list[object] = []
    counted(service, monkeypatch, asked)

    found = ask_all(
        service.caller,
        *(parts[one] for one in answers),
        action=PROCESS,
        options={"evaluations_semantic": semantic, "another": 1},
    )

    spelt = ["!" if "error" in one["context"] else "FT"[one["decision"]] for one in found]
    assert "".join(spelt) == expected
    assert len(asked) == len(expected.replace("!", "")), "what is not told was not asked"


def counted(service: Service, monkeypatch: pytest.MonkeyPatch, asked: list[object]) -> None:
    """Every question that reaches the ledger is in the list."""
    checks = service.ledger.checks
    check, batch = checks.check, checks.batch

    async def checked(query: Any, *more: Any, **named: Any) -> Any:
        asked.append(query)
        return await check(query, *more, **named)

    async def batched(queries: Any, *more: Any, **named: Any) -> Any:
        asked.extend(queries)
        return await batch(queries, *more, **named)

    monkeypatch.setattr(checks, "check", checked)
    monkeypatch.setattr(checks, "batch", batched)
