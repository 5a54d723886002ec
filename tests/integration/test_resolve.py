"""Subjects: one for each identifier, whoever asks, and nothing to tell a new one by."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from ledger.identifiers import InvalidIdentifier
from ledger.keys import KeyStore
from tests.integration.key_database import Keys


@pytest.fixture
def keys(database: str, tmp_path: Path) -> Keys:
    return Keys(database, tmp_path / "kek")


def test_an_identifier_leads_to_one_subject_in_every_spelling_and_store(keys):
    first = keys.run(lambda s: s.resolve(scheme="nhs_number", value="999 000 0018"))
    again = keys.run(lambda s: s.resolve(scheme="nhs_number", value="9990000018"))
    other = keys.run(lambda s: s.resolve(scheme="case_id", value="9990000018"))
    assert first == again != other
    assert first.version == 4


def test_resolvers_at_once_agree_on_subject_and_on_index_key(keys):
    async def race():
        async with keys.store() as one, keys.store() as two:
            return await asyncio.gather(
                *(store.resolve(scheme="case_id", value="7") for store in (one, two) * 4)
            )

    assert len(set(asyncio.run(race()))) == 1
    assert keys.sql("SELECT count(*) FROM index_key") == [(1,)]


def test_resolving_a_known_identifier_costs_the_statements_of_a_new_one(keys):
    """One row written and one transaction either way: nothing to tell them apart by."""

    def written() -> list[tuple]:
        query = "SELECT xmin::text, count(*) OVER () FROM subject_index"
        return keys.sql(query)

    keys.run(lambda store: store.resolve(scheme="case_id", value="7"))
    new = written()
    keys.run(lambda store: store.resolve(scheme="case_id", value="7"))
    known = written()
    assert new[0][0] != known[0][0]
    assert new[0][1] == known[0][1] == 1


def test_no_identifier_is_in_the_database_nor_a_plain_hash_of_one(keys):
    keys.run(lambda store: store.resolve(scheme="nhs_number", value="9990000018"))
    rows = repr(keys.sql("SELECT * FROM subject_index"))
    assert "9990000018" not in rows
    assert repr(hashlib.sha256(b"9990000018").digest()) not in rows


def test_an_invalid_identifier_reaches_no_database(keys):
    with pytest.raises(InvalidIdentifier):
        keys.run(lambda store: store.resolve(scheme="nhs_number", value="9990000019"))
    assert keys.sql("SELECT count(*) FROM index_key") == [(0,)]


def test_an_erased_person_is_forgotten_by_identifier_and_may_come_back_as_another(keys):
    async def story(store: KeyStore):
        subject = await store.resolve(scheme="case_id", value="7")
        await store.subject_keys([subject], create=True)
        await store.destroy_person(subject)
        return subject, await store.resolve(scheme="case_id", value="7")

    before, after = keys.run(story)
    assert before != after
