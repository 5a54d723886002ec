"""Two services with clocks two seconds apart: a withdrawal acknowledged by one binds both at once.

The writer's own clock is fast too, so that what it sends takes effect, by its own account, after
the questions that follow. `ledger serve` runs twice on one database, one of them under libfaketime.
"""

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from ledger.civil import format_instant
from tests.faults.serving import Ground, Server, ground, serving
from tests.groups import path_of
from tests.integration.wired import born, consent, withdrawal

ROUNDS = 300
APART = 2
"""Seconds by which one server, and the writer, are ahead."""

pytestmark = pytest.mark.libfaketime


@pytest.fixture(scope="module")
def where() -> Iterator[Ground]:
    with ground() as made:
        yield made


@pytest.fixture(scope="module")
def servers(where: Ground) -> Iterator[tuple[Server, Server]]:
    """One whose clock is right, and one whose clock is ahead."""
    ahead = {
        "LD_PRELOAD": str(path_of("libfaketime")),
        "FAKETIME": f"+{APART}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with serving(where) as right, serving(where, **ahead) as fast:
        right.adopt()
        yield right, fast


def clock(client: httpx.Client) -> datetime:
    """What the server holds to be the time, in whole seconds."""
    return parsedate_to_datetime(client.get("/livez").headers["date"])


def record(client: httpx.Client, person: UUID, *entries: dict[str, Any]) -> None:
    answer = client.post(
        f"/v1/subjects/{person}/entries",
        json={"entries": list(entries)},
        headers={"idempotency-key": uuid4().hex},
    )
    assert answer.status_code == 201, answer.text


def decision(client: httpx.Client, person: UUID) -> str:
    answer = client.post("/v1/checks", json={"subject": str(person), "purpose": "PHOTO"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["decision"])


def test_their_clocks_are_apart(servers: tuple[Server, Server]) -> None:
    right, fast = servers
    with right.client() as one, fast.client() as other:
        # Each is at most a second old, so whole seconds show a difference of two as at least one.
        behind, ahead = clock(one), clock(other)
    assert ahead - behind >= timedelta(seconds=APART - 1)


def test_a_withdrawal_acknowledged_by_one_binds_both(servers: tuple[Server, Server]) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    with (
        servers[0].client() as right,
        servers[1].client() as fast,
        ThreadPoolExecutor(2) as threads,
    ):
        for _ in range(ROUNDS):
            person, writer = uuid4(), chance.choice((right, fast))
            record(writer, person, born(), consent(person, "2026-03-02T10:00:00Z"))
            before.update(threads.map(decision, (right, fast), (person, person)))
            told = format_instant(datetime.now(UTC) + timedelta(seconds=APART))
            more = {"received_at": told} if chance.random() < 0.5 else {}

            record(chance.choice((right, fast)), person, withdrawal(person, told, **more))

            after.update(threads.map(decision, (right, fast), (person, person)))
    print(f"seed {seed}, {ROUNDS} rounds, before {dict(before)}, after {dict(after)}")
    assert dict(before) == {"PERMIT": 2 * ROUNDS}, seed
    assert dict(after) == {"DENY": 2 * ROUNDS}, seed
