"""No check answered after an acknowledged withdrawal permits, through whichever application.

Two applications with connections and caches of their own share one database. Threads ask through
both, all the while; each question remembers whether the acknowledgement had arrived before it was
sent, and only then may it not be permitted.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ledger.civil import format_instant
from tests.http.service import (
    CATALOGUE,
    IN_FORCE_SINCE,
    Caller,
    Service,
    answer_of,
    recorded,
    scratch,
    served,
    subject,
)
from tests.integration.wired import born, consent, entry, withdrawal

Pair = tuple[Service, Service]
Act = Callable[[UUID, str], dict[str, Any]]
Asking = Callable[[Caller, UUID], str]

ROUNDS = 60
ASKERS = 4
AFTERWARDS = 3
"""How many questions each asker sends once the acknowledgement has arrived."""


@pytest.fixture(scope="module")
def pair(postgres: str) -> Iterator[Pair]:
    with (
        scratch(postgres) as where,
        served(where) as one,
        served(where, catalogue=None) as other,
    ):
        yield one, other


def withdraws(person: UUID, at: str) -> dict[str, Any]:
    return withdrawal(person, at)


def withdraws_everything(person: UUID, at: str) -> dict[str, Any]:
    return withdrawal(person, at, purpose="*")


def refuses(person: UUID, at: str) -> dict[str, Any]:
    return entry("ConsentRefused", at, purpose="PHOTO", given_by=str(person), capacity="SELF")


def dies(_: UUID, at: str) -> dict[str, Any]:
    return entry("DeathRecorded", min(at, format_instant(datetime.now(UTC))))


ACTS: tuple[Act, ...] = (withdraws, withdraws, withdraws_everything, refuses, dies)
AHEAD = (-3600.0, -1.0, 0.0, 0.5, 2.0, 3600.0, 86400.0)
"""Seconds by which the clock of a caller is ahead of ours."""


def asks_once(caller: Caller, person: UUID) -> str:
    return str(answer_of(caller.check(person))["decision"])


def asks_in_a_batch(caller: Caller, person: UUID) -> str:
    questions = [
        {"id": str(one), "subject": str(one), "purpose": "PHOTO"} for one in (subject(), person)
    ]
    answers = answer_of(caller.post("/v1/checks/batch", {"checks": questions}))["answers"]
    return str(answers[1]["answer"]["decision"])


def asks_for_every_purpose(caller: Caller, person: UUID) -> str:
    bases = answer_of(caller.http.get(f"/v1/subjects/{person}/bases"))["bases"]
    return str(next(one["answer"]["decision"] for one in bases if one["purpose"] == "PHOTO"))


ASKING: tuple[Asking, ...] = (asks_once, asks_once, asks_in_a_batch, asks_for_every_purpose)


class Watch:
    """Questions about one person, sent from several threads until told, and a while longer."""

    def __init__(self, person: UUID, callers: list[Caller]) -> None:
        self._person = person
        self._callers = callers
        self._acknowledged = threading.Event()
        self._begun = threading.Barrier(len(callers) + 1)

    def during(self, act: Callable[[], None]) -> list[tuple[bool, str]]:
        """What was answered, each with whether the act was acknowledged before it was asked."""
        with ThreadPoolExecutor(len(self._callers)) as threads:
            asking = [
                threads.submit(self._ask, caller, ASKING[n % len(ASKING)])
                for n, caller in enumerate(self._callers)
            ]
            self._begun.wait(60)
            try:
                act()
            finally:
                self._acknowledged.set()
            return [one for each in asking for one in each.result()]

    def _ask(self, caller: Caller, how: Asking) -> list[tuple[bool, str]]:
        found: list[tuple[bool, str]] = []
        while sum(after for after, _ in found) < AFTERWARDS:
            after = self._acknowledged.is_set()
            found.append((after, how(caller, self._person)))
            if len(found) == 1:
                self._begun.wait(60)
        return found


def callers_of(pair: Pair) -> list[Caller]:
    """Askers of both applications in turn."""
    return [pair[n % 2].caller_with("check", "history", client=f"asker-{n}") for n in range(ASKERS)]


def test_no_check_permits_after_an_acknowledged_withdrawal(pair: Pair) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    callers = callers_of(pair)
    counted: Counter[tuple[bool, str]] = Counter()
    for _ in range(ROUNDS):
        person, first, second = subject(), *chance.choices(pair, k=2)
        recorded(first.caller.record(person, born(), consent(person, "2026-03-02T10:00:00Z")))
        ahead = timedelta(seconds=chance.choice(AHEAD))
        act = chance.choice(ACTS)(person, format_instant(datetime.now(UTC) + ahead))

        def withdraw(service: Service = second, who: UUID = person, what: Any = act) -> None:
            recorded(service.caller.record(who, what))

        counted.update(Watch(person, callers).during(withdraw))
    print(f"seed {seed}, {ROUNDS} rounds: {dict(counted)}")
    assert counted[True, "PERMIT"] == counted[True, "PERMIT_LIMITED"] == 0, seed
    assert counted[False, "PERMIT"] >= ROUNDS * ASKERS
    assert sum(n for (after, _), n in counted.items() if after) >= ROUNDS * ASKERS * AFTERWARDS


def test_no_check_permits_after_a_withdrawal_through_a_merged_identity(pair: Pair) -> None:
    callers = callers_of(pair)
    for n in range(10):
        gone, survivor = subject(), subject()
        merge = entry("IdentityMerged", "2026-05-01", **{"from": str(gone), "into": str(survivor)})
        recorded(
            pair[n % 2].caller.record(gone, born(), consent(gone, "2026-03-02T10:00:00Z"), merge)
        )

        def withdraw(service: Service = pair[(n + 1) % 2], who: UUID = gone) -> None:
            recorded(service.caller.record(who, withdrawal(who, "2026-06-01T00:00:00Z")))

        found = Watch(survivor, callers).during(withdraw)
        assert {decision for after, decision in found if after} == {"DENY"}
        assert (False, "PERMIT") in found


def test_an_acknowledged_change_of_the_catalogue_binds_the_next_check_everywhere(
    pair: Pair,
) -> None:
    document = json.loads(CATALOGUE)
    document["purposes"] = [one for one in document["purposes"] if one["id"] != "PHOTO"]
    without = json.dumps(document).encode()
    person = subject()
    recorded(pair[0].caller.record(person, born(), consent(person, "2026-03-02T10:00:00Z")))
    callers = [caller for n, caller in enumerate(callers_of(pair)) if n % len(ASKING) < 3]
    for n in range(10):
        recorded(pair[n % 2].caller.adopt(CATALOGUE, effective_at=IN_FORCE_SINCE))

        def adopt(service: Service = pair[(n + 1) % 2]) -> None:
            recorded(service.caller.adopt(without, effective_at=IN_FORCE_SINCE))

        found = Watch(person, callers).during(adopt)
        assert {decision for after, decision in found if after} == {"DENY"}
        assert (False, "PERMIT") in found
    recorded(pair[0].caller.adopt(CATALOGUE, effective_at=IN_FORCE_SINCE))


def test_a_position_acknowledged_by_one_application_is_reached_in_the_other(pair: Pair) -> None:
    for n in range(40):
        person = subject()
        position = recorded(
            pair[n % 2].caller.record(person, born(), consent(person, "2026-03-02T10:00:00Z"))
        )["position"]

        answer = answer_of(pair[(n + 1) % 2].caller.check(person, min_position=position))

        assert answer["decision"] == "PERMIT"


def test_one_key_through_both_applications_at_once_is_one_request(pair: Pair) -> None:
    before, rounds = pair[0].size(), 20
    with ThreadPoolExecutor(2) as threads:
        for n in range(rounds):
            person, key = subject(), f"both-{n}"
            sent = [
                threads.submit(service.caller.record, person, born(), key=key) for service in pair
            ]
            answers = [one.result(60) for one in sent]
            assert {(one.status_code, one.content) for one in answers} == {
                (201, answers[0].content)
            }
            assert sum("idempotency-replayed" in one.headers for one in answers) == 1
    assert pair[0].size() == before + rounds


def test_a_fast_clock_leaves_no_gap_whatever_moment_is_asked_about(pair: Pair) -> None:
    person = subject()
    recorded(pair[0].caller.record(person, born(), consent(person, "2026-03-02T10:00:00Z")))
    fast = format_instant(datetime.now(UTC) + timedelta(hours=1))

    body = recorded(pair[0].caller.record(person, withdrawal(person, fast)))

    stamp = body["entries"][0]["recorded_at"]
    for service in pair:
        for moment in (stamp, fast, format_instant(datetime.now(UTC) + timedelta(days=9))):
            answer = answer_of(service.caller.check(person, effective_at=moment))
            assert answer["decision"] == "DENY"


def test_a_later_moment_that_was_asked_for_is_kept(pair: Pair) -> None:
    person = subject()
    recorded(pair[0].caller.record(person, born(), consent(person, "2026-03-02T10:00:00Z")))
    wished = format_instant(datetime.now(UTC) + timedelta(days=30))
    asked = withdrawal(person, wished, requested_effective_at=wished)

    recorded(pair[0].caller.record(person, asked))

    assert answer_of(pair[1].caller.check(person))["decision"] == "PERMIT"
    assert answer_of(pair[1].caller.check(person, effective_at=wished))["decision"] == "DENY"
