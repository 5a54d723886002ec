"""A service publishes its log: signed soon, by a signer that is not it, or nothing is served."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from api.publishing import publishing
from api.runtime import Places, Runtime, running
from api.signing import Signers, started
from ledger.catalogue import read_catalogue
from ledger.events import CatalogueAdopted
from ledger.record import Command, Receipted
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.following import Forked, RolledBack
from projections.tree import Tree
from tests.http.service import CATALOGUE, SETTINGS, scratch
from tests.integration.wired import BEGINNING

BOUND_S = 30.0
Story = Callable[[Runtime], Awaitable[None]]


@pytest.fixture
def where(postgres: str) -> Iterator[Places]:
    with scratch(postgres) as made:
        yield made


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[Path]:
    with started(tmp_path / "signer", [f"{SETTINGS.origin}/0"]) as folder:
        yield folder


def told(where: Places, sockets: Path | None, story: Story) -> None:
    settings = replace(SETTINGS, signer_sockets=None if sockets is None else str(sockets))

    async def story_of_it() -> None:
        async with running(where, settings) as ledger, publishing(ledger):
            await story(ledger)

    asyncio.run(story_of_it())


async def recorded(ledger: Runtime, key: str) -> int:
    """The size of the log after one more entry."""
    fact = CatalogueAdopted(effective_at=BEGINNING, catalogue=read_catalogue(CATALOGUE))
    command = Command(subject=None, facts=(fact,), client="test", key=key)
    assert isinstance(await ledger.recorder.record(command), Receipted)
    return (await ledger.store.head(0)).size


async def covered(sockets: Path, size: int) -> None:
    """Returns once a tree of this size is signed."""
    deadline = time.monotonic() + BOUND_S
    while (await Signers(sockets).seen(0)).size < size:
        assert time.monotonic() < deadline, "not signed in time"
        await asyncio.sleep(0.05)


def sql(where: Places, query: str) -> list[tuple[object, ...]]:

    with psycopg.connect(where.database) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def test_what_is_recorded_is_signed_and_kept(where: Places, sockets: Path) -> None:
    async def story(ledger: Runtime) -> None:
        size = await recorded(ledger, "one")
        await covered(sockets, size)
        seen = await Signers(sockets).seen(0)
        assert seen.root == await Tree(ledger.pool, 0).root(size)

    told(where, sockets, story)
    ((note,),) = sql(where, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    text = str(note).partition("\n\n")[0] + "\n"
    assert parse_checkpoint(text).size == 1


def test_a_log_that_lost_what_was_signed_is_not_served(where: Places, sockets: Path) -> None:
    async def grow(ledger: Runtime) -> None:
        for n in range(3):
            size = await recorded(ledger, f"key {n}")
        await covered(sockets, size)

    async def never(_: Runtime) -> None:
        raise AssertionError("it is served")

    told(where, sockets, grow)
    sql(where, "DELETE FROM entry WHERE log = 0 AND n = 3")
    sql(where, "UPDATE log_head SET size = 2 WHERE log = 0")
    with pytest.raises(RolledBack, match="2 entries, and 3"):
        told(where, sockets, never)

    sql(where, "UPDATE log_head SET size = 3 WHERE log = 0")
    sql(
        where,
        """INSERT INTO entry SELECT log, 3, stream, 3, name,
           '01920000-0000-7000-8000-000000000001'::uuid, container, digests, leaf,
           sha256('other'::bytea), recorded_at, client, idempotency_key FROM entry WHERE n = 2""",
    )
    with pytest.raises(Forked, match="does not begin with"):
        told(where, sockets, never)


def test_without_a_signer_the_record_goes_on(where: Places, tmp_path: Path) -> None:
    async def story(ledger: Runtime) -> None:
        assert await recorded(ledger, "one") == 1

    told(where, None, story)
    told(where, tmp_path, _again)
    assert sql(where, "SELECT count(*) FROM checkpoint") == [(0,)]


async def _again(ledger: Runtime) -> None:
    assert await recorded(ledger, "two") == 2
