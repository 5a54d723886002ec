"""Whatever is asked, the AuthZEN face says true exactly where POST /v1/checks permits all of it."""

import random
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.authzen import Json, act, ask, ask_all, entity, evaluation, face, person, unread
from tests.http.service import Service, answer_of, recorded, scratch, subject
from tests.http.test_checks import with_categories
from tests.integration.wired import born, consent, entry, withdrawal

ACTIONS = {"process": "USE", "collect": "COLLECT", "share": "SHARE", "store": "STORE"}
PURPOSES = ["PHOTO", "ASSESS", "SAFEGUARD", "S47", "MARKETING", "NEVER_DECLARED"]
EXCEPTION = "LEGAL_CLAIMS"


@pytest.fixture(scope="module")
def service(postgres: str) -> Iterator[Service]:
    with scratch(postgres) as where, face(where, catalogue=with_categories()) as made:
        yield made


@pytest.fixture(scope="module")
def people(service: Service) -> list[UUID]:
    """People with every kind of standing, and one never heard of."""
    found = [subject() for _ in range(6)]
    stories: list[list[dict[str, Any]]] = [
        [],
        [consent(found[1], "2026-02-01")],
        [consent(found[2], "2026-02-01"), withdrawal(found[2], "2026-04-01T12:00:00Z")],
        [
            consent(found[3], "2026-02-01", explicit=True),
            entry("RestrictionApplied", "2026-03-01", purpose="*", ground="a"),
            entry("RestrictionExceptionRecorded", "2026-03-02", purpose="*") | {"kind": EXCEPTION},
        ],
        [entry("ObjectionReceived", "2026-03-01", purpose="ASSESS") | {"kind": "ART21_1"}],
        [entry("DeathRecorded", "2026-05-01")],
    ]
    for one, story in zip(found, stories, strict=True):
        recorded(service.caller.record(one, born(), *story))
    return [*found, subject()]


MOMENTS = st.sampled_from(
    [f"2026-{month:02}-01T12:00:00Z" for month in range(1, 12)] + ["2026-04-01", "2019-01-01"]
)
QUESTIONS = st.fixed_dictionaries(
    {
        "person": st.integers(0, 6),
        "action": st.sampled_from(sorted(ACTIONS)),
        "purpose": st.sampled_from(PURPOSES),
        "effective_at": MOMENTS,
    },
    optional={
        "data": st.one_of(
            st.sampled_from(["ordinary", "special", "offence"]),
            st.lists(st.sampled_from(["NOTES", "HEALTH", "OTHER"]), min_size=1, max_size=3),
        ),
        "recipient": st.sampled_from(["PRESS", "NOBODY"]),
        "exception": st.sampled_from([EXCEPTION, "none"]),
        "known": st.integers(0, 7),
    },
)
Question = Mapping[str, Any]


def check_of(service: Service, people: list[UUID], one: Question) -> Json:
    """The question as POST /v1/checks takes it."""
    optional = {name: one[name] for name in ("data", "recipient", "exception") if name in one}
    return {
        "subject": str(people[one["person"]]),
        "purpose": one["purpose"],
        "operation": ACTIONS[one["action"]],
        "effective_at": one["effective_at"],
        **optional,
        **known(service, one),
    }


def known(service: Service, one: Question) -> Json:
    """A state of knowledge: that after one of the requests which recorded everything."""
    if "known" not in one:
        return {}
    stamps = service.sql("SELECT DISTINCT recorded_at FROM entry WHERE log = 0 ORDER BY 1")
    return {"known_at": stamps[min(one["known"], len(stamps) - 1)][0].isoformat()}


def evaluation_of(service: Service, people: list[UUID], one: Question) -> Json:
    """The same as AuthZEN has it."""
    named = {name: one[name] for name in ("recipient", "exception") if name in one}
    data = {"data": one["data"]} if "data" in one else {}
    return evaluation(
        person(people[one["person"]], **data),
        act(one["action"], one["purpose"], **named),
        time=one["effective_at"],
        **known(service, one),
    )


def permitted(answer: Json) -> bool:
    """The rule in the words of the documentation: PERMIT, of all the data, to somebody."""
    whole = not answer["denied_categories"] and "RECIPIENT_NOT_NAMED" not in answer["flags"]
    return answer["decision"] == "PERMIT" and whole


def require_same(found: Json, answer: Json) -> None:
    context = found["context"]
    assert found["decision"] is permitted(answer)
    assert context["decision"] == answer["decision"]
    assert context.get("basis", []) == answer["live"]
    for name in ("flags", "conditions", "denied_categories"):
        assert context.get(name, []) == answer[name]
    for name in ("effective_at", "known_at", "position", "catalogue", "rulebook"):
        assert context[name] == answer[name]


@settings(max_examples=25)
@given(questions=st.lists(QUESTIONS, min_size=1, max_size=20))
def test_any_questions_have_the_answers_of_checks(
    service: Service, people: list[UUID], questions: list[Question]
) -> None:
    checks = [check_of(service, people, one) for one in questions]
    parts = [evaluation_of(service, people, one) for one in questions]

    answers = answer_of(
        service.caller.post(
            "/v1/checks/batch", {"checks": [{"id": str(n), **one} for n, one in enumerate(checks)]}
        )
    )["answers"]
    together = ask_all(service.caller, *parts)
    single = ask(service.caller, parts[0]["resource"], parts[0]["action"], **parts[0]["context"])

    for found, answer in zip(together, answers, strict=True):
        require_same(found, answer["answer"])
    assert unread(single) == unread(together[0])


def test_the_questions_meet_every_decision(service: Service, people: list[UUID]) -> None:
    """So that the test above compares what it is there to compare."""
    print("seed", seed := random.randrange(2**32))
    chosen = random.Random(seed)
    found = set()
    for _ in range(20):
        parts = [
            evaluation(
                person(chosen.choice(people)),
                act(chosen.choice(sorted(ACTIONS)), chosen.choice(PURPOSES)),
                subject=entity("service", "x"),
                time="2026-06-01T12:00:00Z",
            )
            for _ in range(50)
        ]
        found |= {
            (one["decision"], one["context"]["decision"]) for one in ask_all(service.caller, *parts)
        }

    assert found == {
        (True, "PERMIT"),
        (False, "PERMIT"),
        (False, "PERMIT_LIMITED"),
        (False, "DENY"),
        (False, "OUT_OF_SCOPE"),
    }
