"""What recording takes no further than the request: what cannot be one, and what has no place."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from ledger.errors import Fault, KeyReused, Malformed
from ledger.record import Command, Receipted, Refused
from ledger.terms import Reason
from ledger.wire import read_fact
from tests.integration.appending import emptied, one_ledger, stored
from tests.integration.wired import Founded, Wired, born, entry

BIRTH = read_fact(born())


@pytest.fixture(scope="module")
def founded_once(postgres: str, module_place: Path) -> Iterator[Founded]:
    with one_ledger(postgres, module_place, logs=2) as made:
        yield made


@pytest.fixture
def ledger(founded_once: Founded) -> Founded:
    return emptied(founded_once)


def command(subject: UUID | None, *, facts: int = 1, key: str = "k") -> Command:
    return Command(subject=subject, facts=(BIRTH,) * facts, client="test", key=key)


def merge(subject: UUID, survivor: UUID) -> dict:
    return entry("IdentityMerged", "2026-01-01", **{"from": str(subject), "into": str(survivor)})


MALFORMED: dict[str, tuple[str, Callable[[Founded], Command]]] = {
    "the ledger's own stream": ("subject", lambda ledger: command(ledger.identity.stream)),
    "an id that is not random": ("subject", lambda ledger: command(UUID(int=1))),
    "nothing to record": ("entries", lambda ledger: command(ledger.subject(), facts=0)),
    "too much to record": ("entries", lambda ledger: command(ledger.subject(), facts=3)),
    "no key": ("Idempotency-Key", lambda ledger: command(ledger.subject(), key="")),
}


@pytest.mark.parametrize(("field", "make"), MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_request_is_told_by_its_field_and_records_nothing(
    ledger, monkeypatch, field, make
):
    monkeypatch.setattr("ledger.record.ENTRIES_MAX", 2)

    async def story(wired: Wired) -> None:
        with pytest.raises(Malformed) as told:
            await wired.recorder.record(make(ledger))
        assert told.value.field == field

    ledger.run(story)
    assert stored(ledger.database, 0) + stored(ledger.database, 1) == []


def test_a_request_may_hold_as_many_entries_as_is_allowed(ledger, monkeypatch):
    monkeypatch.setattr("ledger.record.ENTRIES_MAX", 2)

    async def story(wired: Wired) -> Receipted | Refused:
        return await wired.recorder.record(command(ledger.subject(), facts=2))

    told = ledger.run(story)
    assert isinstance(told, Receipted)
    assert [one.version for one in told.entries] == [1, 2]


def told_by(body: bytes, subject: UUID, born_on: str) -> Command:
    """A request whose facts do not identify it: they carry what the server chose."""
    facts = (read_fact(born(born_on)),)
    return Command(subject=subject, facts=facts, client="test", key="k", body=body)


def test_a_request_that_is_identified_by_its_body_is_the_same_whatever_its_facts_became(ledger):
    subject = ledger.subject(0)

    async def story(wired: Wired) -> None:
        first = await wired.recorder.record(told_by(b"one", subject, "1980-05-05"))
        again = await wired.recorder.record(told_by(b"one", subject, "1990-05-05"))
        assert isinstance(first, Receipted)
        assert again == msgspec.structs.replace(first, replayed=True)
        with pytest.raises(KeyReused):
            await wired.recorder.record(told_by(b"other", subject, "1980-05-05"))

    ledger.run(story)
    assert len(stored(ledger.database)) == 1


def test_nothing_moves_to_a_person_who_was_erased_nor_is_anything_else_of_the_request_kept(ledger):
    subject, erased = ledger.subject(1), ledger.subject(1)

    async def story(wired: Wired) -> Receipted | Refused:
        await wired.record(erased, born())
        await wired.keys.destroy_person(erased)
        return await wired.attempt(subject, born(), merge(subject, erased))

    told = ledger.run(story)
    assert isinstance(told, Refused)
    assert (told.entry, told.refusal.reason) == (1, Reason.SUBJECT_ERASED)
    assert told.refusal.pointer == "into"
    assert [row.stream for row in stored(ledger.database, 1)] == [erased]


def test_an_entry_about_people_of_two_logs_is_recorded_on_neither(ledger):
    one, two = ledger.subject(0), ledger.subject(1)

    async def story(wired: Wired) -> None:
        with pytest.raises(Fault, match="different logs"):
            await wired.attempt(one, born(), merge(one, two))

    ledger.run(story)
    assert stored(ledger.database, 0) + stored(ledger.database, 1) == []
