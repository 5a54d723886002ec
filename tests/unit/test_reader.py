"""The catalogue that is kept between reads goes forward only, and stays with the row it was for."""

import asyncio
import itertools
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import msgspec
import pytest

from ledger.dossier import kept
from ledger.errors import Fault, Unavailable
from ledger.events import PolicySet
from ledger.keys import KeyStore
from ledger.reader import Reader, latest, position
from ledger.store import DossierRow, Head, Identity, OwnRow, Place, Store

OWN = UUID(bytes=os.urandom(16), version=4)
START = datetime(2026, 1, 1, tzinfo=UTC)


def own_row(version: int) -> OwnRow:
    fact = PolicySet(effective_at=START, setting="leap_birthday", value="1 March")
    numbers = list(range(1, version + 1))
    return OwnRow(
        version=version,
        n=numbers,
        recorded_at=[START + timedelta(days=n) for n in numbers],
        sealed=b"".join(kept(f"e{n}", fact) for n in numbers),
    )


class Scripted:
    """A store whose reads of the ledger's own stream arrive in the order of the script."""

    def __init__(self, rows: Iterable[int], owns: Iterable[int]) -> None:
        self._rows = iter(rows)
        self._owns = iter(owns)

    async def dossiers(self, _: int, subjects: list[UUID], *, own: UUID) -> dict[UUID, DossierRow]:
        version = next(self._rows)
        at = START + timedelta(days=version)
        return {
            subject: DossierRow(
                subject=subject,
                version=None,
                n=None,
                recorded_at=None,
                sealed=None,
                destroyed=False,
                own_version=version,
                own_n=version,
                own_recorded_at=at,
                own_head=own.bytes * 2,
                size=version,
                head_recorded_at=at,
                leaf_hash=own.bytes * 2,
                now=at,
            )
            for subject in subjects
        }

    async def own_dossier(self, _: UUID) -> OwnRow:
        return own_row(next(self._owns))


def reader(rows: Iterable[int], owns: Iterable[int]) -> Reader:
    store = cast(Store, Scripted(rows, owns))
    identity = Identity(origin="test/ledger", logs=1, stream=OWN)
    return Reader(store, cast(KeyStore, None), identity)


def test_a_slower_read_never_puts_an_older_catalogue_back() -> None:
    async def story() -> tuple[int, int]:
        one = reader(rows=[2, 2, 2], owns=[2, 1])
        subject = uuid4()
        first = (await one.subjects(0, [subject]))[subject].catalogue.version
        await one._refresh()
        second = (await one.subjects(0, [subject]))[subject].catalogue.version
        return first, second

    assert asyncio.run(story()) == (2, 2)


def test_an_answer_has_the_catalogue_of_the_position_it_names() -> None:
    async def story() -> None:
        one = reader(rows=[1, 1], owns=[1])
        subject = uuid4()
        loaded = (await one.subjects(0, [subject]))[subject]
        assert loaded.catalogue_place is not None
        assert loaded.catalogue_place.n == loaded.catalogue.version == 1
        assert loaded.own_plain == own_row(1).sealed

    asyncio.run(story())


def test_dossiers_may_be_read_by_somebody_else_for_many_at_once() -> None:
    async def story() -> None:
        one, other = reader(rows=[], owns=[3]), Scripted(rows=[3, 3], owns=[])
        asked: list[tuple[int, list[UUID]]] = []

        async def rows(log: int, known: Mapping[UUID, bytes | None]) -> dict[UUID, DossierRow]:
            asked.append((log, list(known)))
            return await other.dossiers(log, list(known), own=OWN)

        subject = uuid4()
        loaded = (await one.subjects(0, [subject], rows=rows))[subject]
        # Once more after the catalogue had moved on.
        assert asked == [(0, [subject])] * 2
        assert loaded.catalogue.version == 3

    asyncio.run(story())


def test_the_catalogue_is_shown_as_it_was_last_read() -> None:
    async def story() -> None:
        one = reader(rows=[2, 2], owns=[2])
        assert one.catalogue.version == 0
        loaded = (await one.subjects(0, [subject := uuid4()]))[subject]
        assert one.catalogue is loaded.catalogue

    asyncio.run(story())


def test_a_position_names_log_number_and_leaf_and_no_leaf_of_an_empty_log() -> None:
    assert position(3, 12, bytes.fromhex("0a1b2c3d4e") + bytes(27)) == "3:12:0a1b2c3d"
    assert position(0, 0, None) == "0:0"


def test_an_answer_is_known_at_the_later_of_the_two_stamps_it_rests_on() -> None:
    def at(day: int) -> datetime:
        return START + timedelta(days=day)

    def place(day: int) -> Place:
        return Place(n=1, recorded_at=at(day), leaf_hash=bytes(32))

    head = Head(size=9, recorded_at=at(5), leaf_hash=bytes(32), now=at(9))
    assert latest(head, None) == at(5)
    assert [latest(head, place(day)) for day in (4, 5, 6)] == [at(5), at(5), at(6)]


def test_a_database_that_went_back_answers_nothing() -> None:
    one = reader(rows=itertools.chain([3], itertools.repeat(2)), owns=itertools.repeat(3))
    asyncio.run(one._refresh())
    subject = uuid4()
    assert asyncio.run(one.subjects(0, [subject]))[subject].catalogue.version == 3
    with pytest.raises(Unavailable, match="less than was read"):
        asyncio.run(one.subjects(0, [uuid4()]))


def test_a_catalogue_of_another_version_than_its_row_is_a_fault() -> None:
    class Altered(Scripted):
        async def own_dossier(self, _: UUID) -> OwnRow:
            return msgspec.structs.replace(own_row(1), version=2)

    store = cast(Store, Altered(rows=itertools.repeat(2), owns=()))
    one = Reader(store, cast(KeyStore, None), Identity(origin="test/ledger", logs=1, stream=OWN))
    with pytest.raises(Fault, match="another version: rebuild"):
        asyncio.run(one.subjects(0, [uuid4()]))
