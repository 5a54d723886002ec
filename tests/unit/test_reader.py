"""The catalogue that is kept between reads goes forward only, and stays with the row it was for."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from ledger.dossier import kept
from ledger.events import PolicySet
from ledger.keys import KeyStore
from ledger.reader import Reader
from ledger.store import DossierRow, Identity, OwnRow, Store

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
