"""A service publishes its log: signed soon, by a signer that is not it, or nothing is served."""

import asyncio
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from api.publishing import publishing
from api.runtime import Places, Runtime, running
from api.signer import file_signer
from api.signing import Signers, started
from ledger.catalogue import read_catalogue
from ledger.events import CatalogueAdopted
from ledger.record import Command, Receipted
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.following import Forked, RolledBack
from ledger.tlog.keys import format_vkey
from projections.tree import Tree
from tests.http.service import CATALOGUE, SETTINGS, scratch
from tests.integration.wired import BEGINNING
from tests.integration.witnesses import Watcher
from tests.unit.loopback import answering, body_of, whole
from tests.unit.trees import witness_key

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


def told(where: Places, sockets: Path | None, story: Story, **more: Any) -> None:
    own = None if sockets is None else str(sockets)
    settings = replace(SETTINGS, signer_sockets=own, **more)

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


def test_where_the_signer_forgot_too_a_witness_remembers(where: Places, tmp_path: Path) -> None:
    folder, policy = tmp_path / "signer", tmp_path / "policy"
    origin = f"{SETTINGS.origin}/0"
    with file_signer(folder / "0", origin=origin) as signer:
        watcher = Watcher("w1", signer.verifier, origin=origin)

    def answer(request: Any) -> None:
        watcher.time = int(time.time())
        if request.command == "GET":
            whole(watcher.shown or b"", 200 if watcher.shown else 404)(request)
            return
        reply = watcher.reply(body_of(request))
        request.headers.replace_header("content-length", "0")
        whole(reply.body, reply.code, content_type=reply.media_type)(request)

    def told_with(story: Story) -> None:
        with started(folder, [origin]) as sockets:
            told(where, sockets, story, witness_policy_file=str(policy))

    async def grow(ledger: Runtime) -> None:
        await recorded(ledger, str(time.time()))
        size = await recorded(ledger, str(time.time()))
        deadline = time.monotonic() + BOUND_S
        while watcher.seen.size < size:
            assert time.monotonic() < deadline, "not cosigned in time"
            sql(where, "UPDATE turn SET taken_at = '-infinity'")
            await asyncio.sleep(0.05)

    async def never(_: Runtime) -> None:
        raise AssertionError("it is served")

    with answering(answer) as url:
        policy.write_text(f"witness w1 {format_vkey(watcher.key.verifier)} {url}\nquorum w1\n")
        shutil.copytree(folder, tmp_path / "older")
        told_with(grow)
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "older", folder)
        for query in (
            "DELETE FROM entry WHERE n = 2",
            "DELETE FROM checkpoint",
            "UPDATE log_head SET size = 1",
            "UPDATE tree SET size = 1",
        ):
            sql(where, query)
        with pytest.raises(RolledBack, match="w1 shows a tree of 2 leaves; the log has 1"):
            told_with(never)


def test_a_witness_that_does_not_answer_holds_up_no_start(
    where: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.publishing.WITNESSES_S", 0.2)
    silent = threading.Event()
    policy = tmp_path / "policy"

    async def story(ledger: Runtime) -> None:
        assert await recorded(ledger, "one") == 1
        silent.set()

    def answer(request: Any) -> None:
        silent.wait(BOUND_S)
        whole(b"", 404)(request)

    key = witness_key().verifier
    with (
        answering(answer) as url,
        started(tmp_path / "signer", [f"{SETTINGS.origin}/0"]) as sockets,
    ):
        policy.write_text(f"witness w1 {format_vkey(key)} {url}\nquorum w1\n")
        told(where, sockets, story, witness_policy_file=str(policy))
