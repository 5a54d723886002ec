"""Ranges put together, logs that grow, several logs, and logs that no schema of ours allows."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.store import Move, Request
from projections.audit import Audited, Auditing, audit
from projections.audit_ranges import connected
from tests.integration.appending import Requests, one_ledger
from tests.integration.auditable import (
    SIZE,
    Site,
    four_streams,
    published,
)
from tests.integration.tampering import attacker, restore
from tests.integration.test_tree import Here
from tests.integration.wired import ORIGIN, Founded, Wired


@pytest.fixture(scope="module")
def recorded(postgres: str, module_place: Path) -> Iterator[Site]:
    with four_streams(postgres, module_place) as made:
        yield made


@pytest.fixture
def site(recorded: Site) -> Iterator[Site]:
    yield recorded
    restore(recorded.ledger)


# Ranges.


def same(site: Site, **more: Any) -> Audited:
    """The same result whether the log is one range or three; neighbouring tiles aside."""
    whole, parts = site.audited(**more), site.audited(depth=8, **more)
    assert summed_up(parts) == summed_up(whole)
    return whole


def summed_up(one: Audited) -> tuple[Any, ...]:
    tiles = {n for each in one.listed if each.code == "TILE" for n in range(each.n, each.last)}
    others = [each for each in one.listed if each.code != "TILE"]
    return one.root, one.position, one.signed, one.held, one.streams, tiles - {256}, others


def test_ranges_put_together_are_the_log(site: Site) -> None:
    told: list[tuple[int, int]] = []
    assert same(site, held=(site.held,)).findings == 0
    site.audited(depth=8, progress=lambda done, total: told.append((done, total)))
    assert told == [(256, SIZE), (512, SIZE), (SIZE, SIZE)]

    site.ledger.sql("UPDATE entry SET recorded_at = recorded_at - interval '1 h' WHERE n = 513")
    assert ("TIME_ORDER", 513, 513) in site.found(depth=8)
    restore(site.ledger)
    for _ in range(12):
        with attacker(site.ledger) as one:
            n, m = one.random.sample((1, 2, 200, 255, 256, 257, 258, 511, 512, 513, 545, 546), 2)
            one.move({n: m, m: n})
            one.forge(n, digests=b"d" * 32)
            if one.random.random() < 0.5:
                one.retile()
        assert same(site, held=(site.held,)).findings
        restore(site.ledger)


def test_several_processes_find_what_one_finds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projections.audit.PARALLEL_RANGES_MIN", 2)

    async def longer(wired: Wired) -> None:
        made = Requests(site.ledger.random)
        for _ in range(4):
            await wired.store.append(0, made.request(many=200))

    site.ledger.run(longer)
    with attacker(site.ledger) as one:
        one.change(700, name="X")
        one.change(1100, leaf_hash=b"h" * 32)
        one.run("DELETE FROM entry WHERE n = 300")
    several = site.audited(depth=8, processes=2)
    assert several == site.audited(depth=8) == site.audited()
    assert several.findings == 5
    assert several.entries == SIZE + 800


def test_a_log_that_grows_meanwhile_is_sound_all_the_time(site: Site) -> None:
    """This is the last to grow the log: what the signer has signed is not put back."""

    async def write(wired: Wired) -> None:
        made, signs = Requests(site.ledger.random), Here(site.signer)
        for nth in range(60):
            await wired.store.append(0, made.request(many=made.random.randint(1, 9)))
            if nth % 4 == 0:
                await published(wired, signs)

    async def story(wired: Wired) -> int:
        writing = asyncio.create_task(write(wired))
        audits = 0
        while not writing.done():
            one = await asyncio.to_thread(site.audited, depth=8)
            assert one.listed == []
            audits += 1
        await writing
        return audits

    assert site.ledger.run(story) > 1


# Other ledgers.


@pytest.fixture
def ledger(postgres: str, place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, place, logs=3) as made:
        yield made


def codes(ledger: Founded, log: int = 0) -> set[tuple[str, int, int]]:
    one = [*audit(ledger.database, Auditing())][log]
    return {(each.code, each.n, each.last) for each in one.listed}


def test_an_empty_ledger_is_sound_and_every_log_is_audited(ledger: Founded) -> None:
    told = [*audit(ledger.database, Auditing())]
    assert [(one.log, one.origin, one.position) for one in told] == [
        (log, f"{ORIGIN}/{log}", f"{log}:0") for log in range(3)
    ]
    assert {one.findings for one in told} == {0}
    assert {one.root for one in told} == {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}


def test_a_stream_in_another_log_is_found(ledger: Founded) -> None:
    async def story(wired: Wired) -> None:
        made = Requests(ledger.random)
        for log in (0, 1, 2, 1):
            subject = ledger.subject(log=log)
            entries = made.entries(subject, after=0, many=1)
            move = Move(subject=subject, version=0, sealed=b"s")
            request = Request(
                client="t", key=str(subject), fingerprint=b"f", moves=(move,), entries=entries
            )
            await wired.store.append(0 if log == 1 else log, request)

    ledger.run(story)
    assert codes(ledger) == {("WRONG_LOG", 2, 2), ("WRONG_LOG", 3, 3)}
    assert codes(ledger, 2) == set()


def test_what_only_a_changed_schema_allows_is_found_and_stops_nothing(ledger: Founded) -> None:
    async def story(wired: Wired) -> None:
        made = Requests(ledger.random)
        for _ in range(6):
            request = made.request(ledger.subject(log=0), many=2)
            await wired.store.append(0, request)

    ledger.run(story)
    assert codes(ledger) == set()
    ledger.sql(
        "ALTER TABLE entry DROP CONSTRAINT entry_pkey, DROP CONSTRAINT entry_n_check;"
        "DROP INDEX entry_of_stream; DROP INDEX entry_of_event;"
        "INSERT INTO entry SELECT * FROM entry WHERE n = 3"
    )
    assert codes(ledger) == {("ENTRY_TWICE", 3, 3), ("EVENT_TWICE", 3, 3)}
    ledger.sql(
        "DELETE FROM entry WHERE n = 3;"
        "INSERT INTO entry SELECT log, -1, stream, version, name, event_id, container, digests,"
        " leaf, leaf_hash, recorded_at, client, idempotency_key FROM entry WHERE n = 5"
    )
    assert codes(ledger) == {
        ("ENTRY_MISSING", 3, 3),
        ("STREAM_GAP", 4, 4),
        ("ENTRY_BEYOND_END", -1, -1),
        ("EVENT_TWICE", 5, 5),
    }


COLUMNS = ("stream", "version", "name", "event_id", "digests", "leaf", "leaf_hash", "recorded_at")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_value_that_is_missing_is_found(ledger: Founded, column: str) -> None:
    async def story(wired: Wired) -> None:
        await wired.store.append(0, Requests(ledger.random).request(ledger.subject(0), many=5))

    ledger.run(story)
    ledger.sql(f"ALTER TABLE entry ALTER {column} DROP NOT NULL")
    ledger.sql(f"UPDATE entry SET {column} = NULL WHERE n = 3")

    assert {("LEAF_DIFFERS", 3, 3), ("LEAF_HASH", 3, 3), ("LEAF_EMPTIED", 3, 3)} & codes(ledger)


def test_an_auditor_needs_no_more_than_an_auditor_may(site: Site) -> None:
    with connected(site.ledger.database) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("ledger_auditor",)
        assert connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
