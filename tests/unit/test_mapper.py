"""Ledger entries as domain events of the library, and back."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pytest
from eventsourcing.cipher import AESCipher
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, ProgrammingError, StoredEvent
from eventsourcing.utils import Environment

from ledger.errors import Fault
from ledger.events import ConsentGranted, DateOfBirthRecorded, Fact
from ledger.mapper import LedgerEvent, LedgerMapper
from ledger.seal import DataKey, Destroyed, KeyName, KeyOf, UnknownKey, key_ring
from ledger.sealing import new_event_id
from ledger.wire import read_fact

SUBJECT = UUID("c1c8ff04-1c3c-4c3a-8f2e-0d4b4f6f1a11")
BIRTH = DateOfBirthRecorded(
    effective_at=datetime(2018, 5, 25, tzinfo=UTC), date_of_birth=date(1980, 5, 5)
)
GIVEN = {
    "type": "ConsentGranted",
    "effective_at": "2026-03-02T10:00:00Z",
    "purpose": "PHOTO",
    "given_by": str(SUBJECT),
    "capacity": "SELF",
    "evidence": "form 1",
}


class Safe:
    """A vault that holds two keys, or only says that they were destroyed."""

    origin = "test.example/ledger/0"

    def __init__(self) -> None:
        self.entropy = random.Random(11).randbytes
        self.basis, self.content = (
            DataKey(key_id=UUID(int=n), version=1, secret=self.entropy(32)) for n in (1, 2)
        )
        self.held: dict[KeyName, bytes | Destroyed] = {
            (key.key_id, key.version): key.secret for key in (self.basis, self.content)
        }

    def sealing(self, stream: UUID, fact: Fact) -> tuple[DataKey, DataKey]:
        return self.basis, self.content

    def ring(self, names: Iterable[KeyName]) -> KeyOf:
        return key_ring({name: self.held[name] for name in names if name in self.held})

    def destroy(self, key: DataKey) -> None:
        grave = Destroyed(key_id=key.key_id, version=key.version, fingerprint=b"")
        self.held[key.key_id, key.version] = grave


@pytest.fixture
def mapper() -> LedgerMapper:
    made = LedgerMapper(JSONTranscoder())
    made.vault = Safe()
    return made


@pytest.fixture
def consent(mapper: LedgerMapper) -> LedgerEvent:
    return LedgerEvent(
        originator_id=SUBJECT,
        originator_version=3,
        fact=read_fact(GIVEN),
        event_id=new_event_id(7, mapper.vault.entropy),
        recorded_by="app",
    )


def test_an_entry_comes_back_as_it_was(mapper, consent):
    stored = mapper.to_stored_event(consent)
    assert (stored.originator_id, stored.originator_version) == (SUBJECT, 3)
    assert stored.topic == "ConsentGranted"
    assert b"form 1" not in stored.state
    assert mapper.to_domain_event(stored) == consent


def test_an_entry_is_a_domain_event_to_the_library(consent):
    assert isinstance(consent, DomainEventProtocol)


def test_content_that_was_erased_is_left_out_and_the_rest_stays(mapper, consent):
    stored = mapper.to_stored_event(consent)
    mapper.vault.destroy(mapper.vault.content)
    fact = mapper.to_domain_event(stored).fact
    assert isinstance(fact, ConsentGranted)
    assert (fact.evidence, fact.purpose) == (None, "PHOTO")


def test_an_entry_whose_person_was_erased_keeps_its_place_only(mapper, consent):
    stored = mapper.to_stored_event(consent)
    mapper.vault.destroy(mapper.vault.basis)
    mapper.vault.destroy(mapper.vault.content)
    told = mapper.to_domain_event(stored)
    assert told == msgspec.structs.replace(consent, fact=None, recorded_by=None)


def test_an_entry_whose_key_is_unknown_is_no_erased_one(mapper, consent):
    stored = mapper.to_stored_event(consent)
    mapper.vault.held.clear()
    with pytest.raises(UnknownKey):
        mapper.to_domain_event(stored)


def test_an_entry_under_another_name_than_it_was_sealed_under_is_a_fault(mapper, consent):
    stored = replace(mapper.to_stored_event(consent), topic="ConsentRefused")
    with pytest.raises(Fault, match="another name"):
        mapper.to_domain_event(stored)


def test_a_type_of_another_release_is_told_by_name(mapper):
    with pytest.raises(ProgrammingError, match="Later is no type of entry"):
        mapper.to_domain_event(StoredEvent(SUBJECT, 1, "Later", b""))


def test_an_entry_of_another_schema_is_not_guessed_at(mapper, consent, monkeypatch):
    stored = mapper.to_stored_event(consent)
    monkeypatch.setattr(ConsentGranted, "schema", 2)
    with pytest.raises(Fault, match="ConsentGranted, schema 1"):
        mapper.to_domain_event(stored)


@pytest.mark.parametrize("missing", ["fact", "event_id"])
def test_only_whole_entries_can_be_stored(mapper, consent, missing):
    with pytest.raises(ProgrammingError, match="only a LedgerEvent with a fact and an id"):
        mapper.to_stored_event(msgspec.structs.replace(consent, **{missing: None}))


def test_events_that_are_no_entries_cannot_be_stored(mapper):
    with pytest.raises(ProgrammingError, match="only a LedgerEvent"):
        mapper.to_stored_event(StoredEvent(SUBJECT, 1, "x", b""))


def test_a_cipher_of_the_librarys_is_refused():
    cipher = AESCipher(Environment(env={"CIPHER_KEY": AESCipher.create_key(16)}))
    with pytest.raises(ProgrammingError, match="unset COMPRESSOR_TOPIC, CIPHER_TOPIC"):
        LedgerMapper(JSONTranscoder(), cipher=cipher)


def test_the_birth_that_everything_starts_with_needs_no_content_key(mapper, consent):
    event = msgspec.structs.replace(consent, fact=BIRTH)
    mapper.vault.destroy(mapper.vault.content)
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event
