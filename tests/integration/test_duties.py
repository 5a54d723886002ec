"""Duties over everybody: each counted once, by how soon it is due, and gone once it is done."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from api.duties import tell_once
from api.runtime import Runtime
from api.telemetry import Telemetry
from projections.duties import KINDS, WITHIN, duties
from tests.integration.wired import Founded, Wired, consent, entry, founded

RECEIVED = datetime(2026, 7, 6, 10, tzinfo=UTC)
JULY = "2026-07-06T10:00:00Z"


@pytest.fixture
def ledger(database: str, tmp_path: Path) -> Iterator[Founded]:
    with founded(database, tmp_path) as made:
        yield made


async def counted(wired: Wired) -> Counter[tuple[str, str]]:
    found = await duties(wired.reader, wired.rulebook, wired.pool)
    return Counter({one: many for one, many in found.items() if many})


def test_nobody_has_anything_due_in_an_empty_ledger(ledger: Founded) -> None:
    assert ledger.run(counted) == {}


def test_each_duty_is_counted_once_whatever_purposes_it_concerns(ledger: Founded) -> None:
    one, other, third = (ledger.subject() for _ in range(3))

    async def story(wired: Wired) -> list[Counter[tuple[str, str]]]:
        ledger.clock(RECEIVED)
        await wired.adopt()
        await wired.record(third, consent(third, JULY))
        await wired.record(one, entry("ComplaintReceived", JULY, channel="letter"))
        await wired.record(one, entry("ComplaintReceived", JULY, purpose="PHOTO"))
        asked = entry("ObjectionReceived", JULY, purpose="SAFEGUARD") | {"kind": "ART21_1"}
        await wired.record(other, asked)
        await wired.record(other, entry("ErasureRequested", JULY, purpose="PHOTO"))
        found = [await counted(wired)]
        for day in (datetime(2026, 8, 2, tzinfo=UTC), datetime(2026, 8, 24, tzinfo=UTC)):
            ledger.clock(day)
            found.append(await counted(wired))
        await wired.record(other, entry("ErasureRefused", "2026-08-24", purpose="PHOTO"))
        found.append(await counted(wired))
        return found

    received, soon, late, done = ledger.run(story)
    objection, erasure = "objection response", "erasure response"
    complaint = "complaint acknowledgement"
    assert sum(received.values()) == 4
    assert received[complaint, "30 days"] == 2
    assert soon[complaint, "5 days"] == 2
    assert late == {(complaint, "overdue"): 2, (objection, "overdue"): 1, (erasure, "overdue"): 1}
    assert done == {(complaint, "overdue"): 2, (objection, "overdue"): 1}


def test_an_erased_person_has_nothing_due(ledger: Founded) -> None:
    subject = ledger.subject()

    async def story(wired: Wired) -> Counter[tuple[str, str]]:
        ledger.clock(RECEIVED)
        await wired.adopt()
        await wired.record(subject, entry("ComplaintReceived", JULY))
        ledger.sql("INSERT INTO tombstone (log, subject, n) VALUES (0, %s, 2)", subject)
        return await counted(wired)

    assert ledger.run(story) == {}


def test_the_metrics_tell_each_kind_and_forget_what_is_done(ledger: Founded) -> None:
    subject, telemetry = ledger.subject(), Telemetry()

    def told(what: str) -> list[float | None]:
        sample = telemetry.metrics.registry.get_sample_value
        labels = [{"what": what, "within": within} for within in WITHIN]
        return [sample("ledger_duties", each) for each in labels]

    async def story(wired: Wired) -> None:
        ledger.clock(RECEIVED)
        await wired.adopt()
        service = SimpleNamespace(
            reader=wired.reader, rulebook=wired.rulebook, pool=wired.pool, telemetry=telemetry
        )
        (made,) = (await wired.record(subject, entry("ComplaintReceived", JULY))).entries
        await tell_once(cast(Runtime, service))
        assert told("complaint acknowledgement") == [0, 0, 1, 0]
        done = entry("ComplaintAcknowledged", JULY, complaint=str(made.event_id))
        await wired.record(subject, done)
        await tell_once(cast(Runtime, service))
        assert all(told(what) == [0, 0, 0, 0] for what in KINDS)

    ledger.run(story)
